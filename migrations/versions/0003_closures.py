"""Closures, proposals and the calendar: what changes by the clock, and what waits for review.

Revision: 0003
Revises: 0002

A closure is a schedule: the effective status is derived at the instant asked, never flipped by a clock.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CLOSURE = """
CREATE TABLE closure (
  id uuid CONSTRAINT closure_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
  station_id uuid NOT NULL CONSTRAINT closure_station_id_fkey REFERENCES station,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz,
  reason text NOT NULL,
  replacement_id uuid CONSTRAINT closure_replacement_id_fkey REFERENCES station,
  created_at timestamptz NOT NULL DEFAULT now(),
  cancelled_at timestamptz,
  CONSTRAINT closure_ends_at_check CHECK (ends_at > starts_at),
  CONSTRAINT closure_reason_check CHECK (char_length(reason) BETWEEN 1 AND 500),
  CONSTRAINT closure_replacement_id_check CHECK (replacement_id <> station_id)
);
-- Few are current or coming, and each rider query asks for those of its candidates.
CREATE INDEX closure_station_id_idx ON closure (station_id, starts_at) WHERE cancelled_at IS NULL;

-- The station carries its closures ready to be read, as it does its facilities.
ALTER TABLE station ADD COLUMN closures jsonb NOT NULL DEFAULT '[]';

CREATE FUNCTION closure_gather_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE station s SET closures = d.closures
  FROM (SELECT c.station_id, coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
               'id', o.id, 'starts_at', rfc3339_v1(o.starts_at), 'ends_at', rfc3339_v1(o.ends_at),
               'reason', o.reason, 'replacement_id', o.replacement_id))
             ORDER BY o.starts_at, o.id) FILTER (WHERE o.id IS NOT NULL), '[]') AS closures
          FROM (SELECT DISTINCT station_id FROM changed) c
          LEFT JOIN closure o ON o.station_id = c.station_id AND o.cancelled_at IS NULL
         GROUP BY c.station_id) d
  WHERE s.id = d.station_id;
  RETURN NULL;
END $$;

CREATE FUNCTION rfc3339_v1(at timestamptz) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
  SELECT to_char(at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD"T"HH24:MI:SS"+08:00"')
$$;

CREATE TRIGGER closure_inserted AFTER INSERT ON closure REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION closure_gather_v1();
CREATE TRIGGER closure_updated AFTER UPDATE ON closure REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION closure_gather_v1();
"""

# A change that needs review is a proposal; the published row stays as it is until it is accepted.
PROPOSAL = """
CREATE TABLE proposal (
  id uuid CONSTRAINT proposal_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
  station_id uuid NOT NULL CONSTRAINT proposal_station_id_fkey REFERENCES station,
  changes jsonb NOT NULL,
  proposed_by text NOT NULL,
  organisation text,
  created_at timestamptz NOT NULL DEFAULT now(),
  decided_at timestamptz,
  decision text,
  CONSTRAINT proposal_changes_check CHECK (jsonb_typeof(changes) = 'object' AND changes <> '{}'),
  CONSTRAINT proposal_decision_check CHECK (decision = ANY (ARRAY['publish', 'return', 'withdraw', 'replace'])),
  CONSTRAINT proposal_decided_at_check CHECK ((decided_at IS NULL) = (decision IS NULL))
);
-- For the review queue: few stations wait at a time.
CREATE INDEX station_publication_idx ON station (publication_status) WHERE publication_status = 'submitted';
CREATE UNIQUE INDEX proposal_station_id_key ON proposal (station_id) WHERE decided_at IS NULL;
"""

CALENDAR = """
-- One row for each year whose State Council notice is known; a year without one is not guessed.
CREATE TABLE calendar_year (
  year integer CONSTRAINT calendar_year_pkey PRIMARY KEY,
  source text NOT NULL,
  loaded_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT calendar_year_year_check CHECK (year BETWEEN 2000 AND 2100)
);
CREATE TABLE calendar_day (
  day date CONSTRAINT calendar_day_pkey PRIMARY KEY,
  year integer NOT NULL CONSTRAINT calendar_day_year_fkey REFERENCES calendar_year ON DELETE CASCADE,
  kind text NOT NULL,
  CONSTRAINT calendar_day_kind_check CHECK (kind = ANY (ARRAY['holiday', 'workday']))
);
CREATE INDEX calendar_day_year_idx ON calendar_day (year);
"""

CARD_COLUMNS = """
CREATE VIEW station_card AS
SELECT s.id, s.code, s.name, s.kind, s.brand, s.tier, s.managed_by, s.host_ref, s.external_ids,
       ST_X(s.location::geometry) AS lon, ST_Y(s.location::geometry) AS lat,
       s.submitted_lon, s.submitted_lat, s.submitted_crs, s.address, s.stated_district,
       coalesce(s.district, s.city, s.province) AS adcode,
       d.name AS district, c.name AS city, p.name AS province, s.near_boundary,
       s.opening_hours, s.hours_calendar, s.rule_id, s.staffed_hours, s.hours_note,
       s.entry_modes, s.registration_required, s.serves, s.facilities, s.capacity, s.floor_area_m2,
       s.level, s.entrance_note, s.phone, s.host, s.sponsor, s.supervising_union,
       s.operational_status, s.publication_status, s.successor_id, s.synthetic,
       s.verified_at, s.created_at, s.updated_at, s.revision, s.location,
       s.province AS province_adcode, s.city AS city_adcode, s.district AS district_adcode{closures}
  FROM station s
  LEFT JOIN region d ON d.level = 'district' AND d.adcode = s.district
  LEFT JOIN region c ON c.level = 'city' AND c.adcode = s.city
  LEFT JOIN region p ON p.level = 'province' AND p.adcode = s.province
"""

GRANTS = """
GRANT SELECT ON station_card, closure, proposal, calendar_year, calendar_day TO yizhan_app;
GRANT INSERT, UPDATE (cancelled_at, ends_at) ON closure TO yizhan_app;
GRANT INSERT, UPDATE (decided_at, decision) ON proposal TO yizhan_app;
GRANT INSERT, UPDATE, DELETE ON calendar_year, calendar_day TO yizhan_app;
"""


def upgrade() -> None:
    """Add what changes by the clock and what waits; the card shows closures."""
    op.execute("DROP VIEW station_card")
    for part in (CLOSURE, PROPOSAL, CALENDAR, CARD_COLUMNS.format(closures=", s.closures"), GRANTS):
        op.execute(part.replace(":", r"\:"))


def downgrade() -> None:
    """Restore the card of 0002; closures and proposals are lost."""
    op.execute("DROP VIEW station_card")
    for table in ("calendar_day", "calendar_year", "proposal", "closure"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION closure_gather_v1()")
    op.execute("DROP FUNCTION rfc3339_v1(timestamptz)")
    op.execute("DROP INDEX station_publication_idx")
    op.execute("ALTER TABLE station DROP COLUMN closures")
    op.execute(CARD_COLUMNS.format(closures="").replace(":", r"\:"))
    op.execute("GRANT SELECT ON station_card TO yizhan_app")
