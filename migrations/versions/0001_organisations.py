"""Who is in the registry and where: roles, organisations, their keys, administrative divisions.

Revision: 0001

Owner and application are two roles: the owner migrates; `yizhan_app` works, and may neither rewrite history
(0002) nor switch a trigger off.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# The enumerations as they stood at this revision; a test holds the newest constraints equal to
# geo/vocabulary.py.
ENUMERATIONS = {
    "organisation_kind": "trade_union bank post telecom fuel government community public_security sanitation"
    " transport enterprise property retail_catering platform medical cultural npo",
    "role": "host auditor admin",
    "level": "country province city district",
}


def one_of(name: str) -> str:
    """The values of an enumeration as a SQL array literal."""
    return "ARRAY[" + ", ".join(f"'{value}'" for value in ENUMERATIONS[name].split()) + "]"


ROLES = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'yizhan_app') THEN
    CREATE ROLE yizhan_app NOLOGIN;
  END IF;
  -- The owner steps down to the application role at the start of each transaction.
  IF NOT pg_has_role(current_user, 'yizhan_app', 'MEMBER') THEN
    EXECUTE format('GRANT yizhan_app TO %I', current_user);
  END IF;
END $$
"""

ORGANISATION = f"""
CREATE TABLE organisation (
  code text CONSTRAINT organisation_pkey PRIMARY KEY,
  name text NOT NULL,
  kind text NOT NULL,
  parent text CONSTRAINT organisation_parent_fkey REFERENCES organisation,
  region text,
  uscc text,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT organisation_code_check CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{{0,63}}$'),
  CONSTRAINT organisation_name_check CHECK (name = btrim(name) AND char_length(name) BETWEEN 1 AND 200),
  CONSTRAINT organisation_kind_check CHECK (kind = ANY ({one_of("organisation_kind")})),
  CONSTRAINT organisation_parent_check CHECK (parent <> code),
  CONSTRAINT organisation_region_check CHECK (region ~ '^[0-9]{{6}}$'),
  CONSTRAINT organisation_uscc_check CHECK (uscc ~ '^[0-9A-HJ-NPQRTUWXY]{{18}}$')
);
CREATE INDEX organisation_parent_idx ON organisation (parent);

CREATE TABLE api_key (
  prefix text CONSTRAINT api_key_pkey PRIMARY KEY,
  secret_hash bytea NOT NULL,
  organisation text NOT NULL CONSTRAINT api_key_organisation_fkey REFERENCES organisation,
  role text NOT NULL,
  region text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_on date,
  CONSTRAINT api_key_secret_hash_check CHECK (octet_length(secret_hash) = 32),
  CONSTRAINT api_key_role_check CHECK (role = ANY ({one_of("role")})),
  CONSTRAINT api_key_region_check CHECK (region ~ '^[0-9]{{6}}$')
);
CREATE INDEX api_key_organisation_idx ON api_key (organisation);
"""

REGION = f"""
CREATE TABLE region (
  level text NOT NULL,
  adcode text NOT NULL,
  name text NOT NULL,
  parent_level text,
  parent_adcode text,
  area_km2 double precision NOT NULL,
  geom geometry(MultiPolygon, 4326) NOT NULL,
  CONSTRAINT region_pkey PRIMARY KEY (level, adcode),
  CONSTRAINT region_parent_fkey FOREIGN KEY (parent_level, parent_adcode) REFERENCES region,
  CONSTRAINT region_level_check CHECK (level = ANY ({one_of("level")})),
  CONSTRAINT region_adcode_check CHECK (adcode ~ '^[0-9]{{6}}$')
);
CREATE INDEX region_adcode_idx ON region (adcode);
CREATE INDEX region_parent_idx ON region (parent_level, parent_adcode);

-- The finest division of every spot, cut into small pieces: one look-up answers all three levels.
CREATE TABLE region_part (
  id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT region_part_pkey PRIMARY KEY,
  province text NOT NULL,
  city text,
  district text,
  geom geometry(Polygon, 4326) NOT NULL
);
CREATE INDEX region_part_geom_idx ON region_part USING gist (geom);

-- The borders of the finest divisions, coasts too, in short pieces, for `near_boundary`.
CREATE TABLE region_border (
  id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT region_border_pkey PRIMARY KEY,
  line geography(LineString, 4326) NOT NULL
);
CREATE INDEX region_border_line_idx ON region_border USING gist (line);

-- Boundary lines that bound no polygon (the dash line, undefined borders): drawn, never looked up.
CREATE TABLE region_line (
  id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT region_line_pkey PRIMARY KEY,
  level text NOT NULL,
  geom geometry(MultiLineString, 4326) NOT NULL,
  CONSTRAINT region_line_level_check CHECK (level = ANY ({one_of("level")}))
);

-- A vertex every 1.6 km leaves quays and reclaimed land outside every polygon, so a point in none takes
-- the nearest division within 2 km, and is said to be near a boundary. Its plans are the same for every point:
-- made once a session it takes 30 us a point, made anew for every point (as the sessions of geo/db.py ask) 75.
CREATE FUNCTION region_at_v1(place geography,
    OUT province text, OUT city text, OUT district text, OUT near_boundary boolean)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE spot geometry := place::geometry;
BEGIN
  SELECT p.province, p.city, p.district INTO province, city, district
    FROM region_part p WHERE ST_Intersects(p.geom, spot)
    ORDER BY p.district, p.city, p.province LIMIT 1;
  near_boundary := EXISTS (SELECT FROM region_border b WHERE ST_DWithin(b.line, place, 500));
  IF province IS NULL THEN
    SELECT p.province, p.city, p.district INTO province, city, district
      FROM region_part p
      WHERE ST_DWithin(p.geom, spot, 0.04) AND ST_DWithin(p.geom::geography, place, 2000)
      ORDER BY ST_Distance(p.geom::geography, place), p.district LIMIT 1;
    near_boundary := near_boundary OR province IS NOT NULL;
  END IF;
END $$;
"""

GRANTS = """
GRANT USAGE ON SCHEMA public TO yizhan_app;
GRANT SELECT ON organisation, api_key, region, region_part, region_border, region_line, alembic_version
  TO yizhan_app;
GRANT INSERT, UPDATE ON organisation TO yizhan_app;
GRANT INSERT, UPDATE (revoked_at, last_used_on) ON api_key TO yizhan_app;
"""


def upgrade() -> None:
    """Build the registry's surroundings; the extensions need a superuser, or to be there already."""
    op.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    for part in (ROLES, ORGANISATION, REGION, GRANTS):
        op.execute(part.replace(":", r"\:"))  # otherwise SQLAlchemy reads a cast as a bound parameter


def downgrade() -> None:
    """Remove everything but the extensions and the role, which other databases may share."""
    op.execute("DROP FUNCTION region_at_v1(geography)")
    for table in ("region_line", "region_border", "region_part", "region", "api_key", "organisation"):
        op.execute(f"DROP TABLE {table}")
