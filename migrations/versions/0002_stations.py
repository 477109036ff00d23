"""Stations: the row, its facilities, its history and the change feed.

Revision: 0002
Revises: 0001

What must always be true is a constraint; what follows from the row (code, divisions, revision, history,
feed) is made by triggers, so no writer can forget it.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The enumerations as they stood at this revision; a test holds the newest constraints equal to
# geo/vocabulary.py.
ENUMERATIONS = {
    "station_kind": "union_station bank_haven driver_home rider_station party_mass_centre merchant_corner"
    " mobile_unit community_point legal_aid_point other",
    "tier": "basic standard demonstration",
    "serves": "sanitation courier food_delivery ride_hailing taxi truck designated_driver bus"
    " traffic_police urban_management security_patrol construction landscaping"
    " municipal_repair vendor volunteer public",
    "facility": "drinking_water hot_water seating microwave fridge air_conditioning heating fan"
    " phone_charging wifi first_aid_kit medicine aed toilet toilet_nearby umbrella raincoat"
    " books nursing_room shower laundry bed lounger locker ebike_charging battery_swap"
    " ebike_parking truck_parking tyre_pump tools meals emergency_button wheelchair_access",
    "facility_status": "working faulty out_of_stock expired unknown",
    "entry_mode": "walk_in staffed qr union_app id_card face pin",
    "operational_status": "planned open limited temporarily_closed suspended relocated permanently_closed",
    "publication_status": "draft submitted published returned delisted_duplicate delisted_inactive",
    "hours_calendar": "literal prc_workdays",
    "crs": "wgs84 gcj02 bd09",
}


def one_of(name: str) -> str:
    """The values of an enumeration as a SQL array literal."""
    return "ARRAY[" + ", ".join(f"'{value}'" for value in ENUMERATIONS[name].split()) + "]"


STATION = f"""
-- 'YZ', eight digits, two check digits by ISO/IEC 7064 MOD 97-10 (letters as in base 36: Y = 34, Z = 35).
CREATE FUNCTION station_code_v1(number bigint) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT 'YZ' || lpad(number::text, 8, '0')
      || lpad((98 - ('3435' || lpad(number::text, 8, '0') || '00')::numeric % 97)::text, 2, '0')
$$;

-- Distinct opening rules: few, so that Python can say of each whether it is open, and SQL filter rows by id.
CREATE TABLE opening_rule (
  id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT opening_rule_pkey PRIMARY KEY,
  opening_hours text NOT NULL,
  hours_calendar text NOT NULL,
  CONSTRAINT opening_rule_opening_hours_key UNIQUE (opening_hours, hours_calendar)
);

CREATE TABLE station (
  id uuid CONSTRAINT station_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
  number bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT station_number_key UNIQUE,
  code text NOT NULL CONSTRAINT station_code_key UNIQUE,
  managed_by text CONSTRAINT station_managed_by_fkey REFERENCES organisation,
  host_ref text,
  external_ids jsonb NOT NULL DEFAULT '{{}}',
  name text NOT NULL,
  kind text NOT NULL,
  brand text,
  tier text,
  address text,
  stated_district text,
  location geography(Point, 4326) NOT NULL,
  approved_location geography(Point, 4326),
  submitted_lon double precision NOT NULL,
  submitted_lat double precision NOT NULL,
  submitted_crs text NOT NULL DEFAULT 'wgs84',
  province text,
  city text,
  district text,
  near_boundary boolean NOT NULL DEFAULT false,
  opening_hours text,
  hours_calendar text NOT NULL DEFAULT 'literal',
  rule_id integer CONSTRAINT station_rule_id_fkey REFERENCES opening_rule,
  staffed_hours text,
  hours_note text,
  entry_modes text[] NOT NULL DEFAULT '{{}}',
  registration_required boolean,
  serves text[] NOT NULL DEFAULT '{{}}',
  facilities jsonb NOT NULL DEFAULT '[]',
  working_facilities text[] NOT NULL DEFAULT '{{}}',
  capacity integer,
  floor_area_m2 double precision,
  level text,
  entrance_note text,
  phone text,
  host text CONSTRAINT station_host_fkey REFERENCES organisation,
  sponsor text CONSTRAINT station_sponsor_fkey REFERENCES organisation,
  supervising_union text CONSTRAINT station_supervising_union_fkey REFERENCES organisation,
  operational_status text NOT NULL DEFAULT 'open',
  publication_status text NOT NULL DEFAULT 'draft',
  successor_id uuid CONSTRAINT station_successor_id_fkey REFERENCES station,
  synthetic boolean NOT NULL DEFAULT false,
  verified_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  revision integer NOT NULL DEFAULT 1,
  changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
  CONSTRAINT station_code_check CHECK (code = station_code_v1(number)),
  CONSTRAINT station_name_check CHECK (name = btrim(name) AND char_length(name) BETWEEN 1 AND 200),
  CONSTRAINT station_host_ref_check CHECK (host_ref = btrim(host_ref)
    AND char_length(host_ref) BETWEEN 1 AND 100),
  CONSTRAINT station_external_ids_check CHECK (jsonb_typeof(external_ids) = 'object'),
  CONSTRAINT station_kind_check CHECK (kind = ANY ({one_of("station_kind")})),
  CONSTRAINT station_tier_check CHECK (tier = ANY ({one_of("tier")})),
  -- 73-136 E, 3-54 N as submitted; from the very edge a change of datum may lead 0.02 degrees outside.
  CONSTRAINT station_location_check CHECK (ST_X(location::geometry) BETWEEN 72.98 AND 136.02
    AND ST_Y(location::geometry) BETWEEN 2.98 AND 54.02),
  CONSTRAINT station_submitted_crs_check CHECK (submitted_crs = ANY ({one_of("crs")})),
  CONSTRAINT station_opening_hours_check CHECK (char_length(opening_hours) BETWEEN 1 AND 512),
  CONSTRAINT station_staffed_hours_check CHECK (char_length(staffed_hours) BETWEEN 1 AND 512),
  CONSTRAINT station_hours_calendar_check CHECK (hours_calendar = ANY ({one_of("hours_calendar")})),
  CONSTRAINT station_entry_modes_check CHECK (entry_modes <@ {one_of("entry_mode")}),
  CONSTRAINT station_serves_check CHECK (serves <@ {one_of("serves")}),
  CONSTRAINT station_capacity_check CHECK (capacity BETWEEN 0 AND 10000),
  CONSTRAINT station_floor_area_m2_check CHECK (floor_area_m2 BETWEEN 0 AND 100000),
  CONSTRAINT station_operational_status_check
    CHECK (operational_status = ANY ({one_of("operational_status")})),
  CONSTRAINT station_publication_status_check
    CHECK (publication_status = ANY ({one_of("publication_status")})),
  CONSTRAINT station_successor_id_check CHECK (successor_id <> id)
);
CREATE UNIQUE INDEX station_host_ref_key ON station (managed_by, host_ref) NULLS NOT DISTINCT
  WHERE host_ref IS NOT NULL;
-- What riders may be sent to; every rider query repeats this predicate to the letter.
CREATE INDEX station_usable_location_idx ON station USING gist (location)
  WHERE publication_status = 'published' AND operational_status IN ('open', 'limited');
CREATE INDEX station_usable_facets_idx ON station
  USING gin (working_facilities, entry_modes, serves, kind, managed_by, registration_required)
  WHERE publication_status = 'published' AND operational_status IN ('open', 'limited');
CREATE INDEX station_location_idx ON station USING gist ((location::geometry));
CREATE INDEX station_name_idx ON station (name);
CREATE INDEX station_region_idx ON station (province, city, district, id);
CREATE INDEX station_managed_by_idx ON station (managed_by, id);
CREATE INDEX station_updated_at_idx ON station (updated_at);

CREATE TABLE station_facility (
  station_id uuid NOT NULL CONSTRAINT station_facility_station_id_fkey REFERENCES station,
  facility text NOT NULL,
  status text NOT NULL DEFAULT 'working',
  note text,
  checked_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT station_facility_pkey PRIMARY KEY (station_id, facility),
  CONSTRAINT station_facility_facility_check CHECK (facility = ANY ({one_of("facility")})),
  CONSTRAINT station_facility_status_check CHECK (status = ANY ({one_of("facility_status")})),
  CONSTRAINT station_facility_note_check CHECK (char_length(note) BETWEEN 1 AND 500)
);
"""

STAMP = """
-- The id of a rule, entered when it is new: as the owner, which costs more than the look-up station_stamp tries first.
CREATE FUNCTION opening_rule_v1(hours text, calendar text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE found integer;
BEGIN
  IF hours IS NULL THEN
    RETURN NULL;
  END IF;
  SELECT id INTO found FROM opening_rule r WHERE r.opening_hours = hours AND r.hours_calendar = calendar;
  IF found IS NULL THEN
    INSERT INTO opening_rule (opening_hours, hours_calendar) VALUES (hours, calendar) ON CONFLICT DO NOTHING;
    SELECT id INTO found FROM opening_rule r WHERE r.opening_hours = hours AND r.hours_calendar = calendar;
  END IF;
  RETURN found;
END $$;

-- A row of station_facility as the station carries it.
CREATE FUNCTION facility_record_v1(facility text, status text, note text, checked_at timestamptz) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN note IS NULL THEN jsonb_build_object('facility', facility, 'status', status, 'checked_at',
           to_char(checked_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD"T"HH24:MI:SS"+08:00"'))
         ELSE jsonb_build_object('facility', facility, 'status', status, 'note', note, 'checked_at',
           to_char(checked_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD"T"HH24:MI:SS"+08:00"')) END
$$;

-- Derives what is derived and counts revisions: one transaction, one revision; a change of nothing is none.
-- Planned once a session, so on indexes whatever the size then: a plan made for ten rows must do for a million.
CREATE FUNCTION station_stamp_v1() RETURNS trigger
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.code := station_code_v1(NEW.number);
    -- None yet, unless the same command entered them first, which spares a second version of every row.
    SELECT coalesce(jsonb_agg(facility_record_v1(f.facility, f.status, f.note, f.checked_at)), '[]'),
           coalesce(array_agg(f.facility) FILTER (WHERE f.status = 'working'), '{}')
      INTO NEW.facilities, NEW.working_facilities
      FROM (SELECT * FROM station_facility WHERE station_id = NEW.id ORDER BY facility) f;
    NEW.revision := 1;
    NEW.created_at := now();
  ELSE
    IF (NEW.id, NEW.number, NEW.code, NEW.created_at)
       IS DISTINCT FROM (OLD.id, OLD.number, OLD.code, OLD.created_at) THEN
      RAISE EXCEPTION 'the identity of a station never changes' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'station_identity_check';
    END IF;
    NEW.revision := OLD.revision;
    NEW.updated_at := OLD.updated_at;
    NEW.changed_in := OLD.changed_in;
    IF NEW IS NOT DISTINCT FROM OLD THEN
      RETURN NULL;
    END IF;
    IF OLD.changed_in <> pg_current_xact_id() THEN
      NEW.revision := OLD.revision + 1;
    END IF;
  END IF;
  NEW.updated_at := now();
  NEW.changed_in := pg_current_xact_id();
  IF TG_OP = 'UPDATE' AND NEW.facilities IS DISTINCT FROM OLD.facilities THEN
    NEW.working_facilities := ARRAY(SELECT f ->> 'facility' FROM jsonb_array_elements(NEW.facilities) f
      WHERE f ->> 'status' = 'working' ORDER BY 1);
  END IF;
  IF TG_OP = 'INSERT' OR (NEW.opening_hours, NEW.hours_calendar)
                         IS DISTINCT FROM (OLD.opening_hours, OLD.hours_calendar) THEN
    NEW.rule_id := coalesce((SELECT id FROM opening_rule r WHERE r.opening_hours = NEW.opening_hours
      AND r.hours_calendar = NEW.hours_calendar), opening_rule_v1(NEW.opening_hours, NEW.hours_calendar));
  END IF;
  IF TG_OP = 'INSERT' OR NEW.location IS DISTINCT FROM OLD.location THEN
    SELECT * INTO NEW.province, NEW.city, NEW.district, NEW.near_boundary FROM region_at_v1(NEW.location);
  END IF;
  -- Where it was approved to be: steps too small to need a review must not add up to a long way. What is farther
  -- than that was approved, or it would wait as a proposal.
  IF NEW.publication_status = 'published' AND (TG_OP = 'INSERT' OR OLD.publication_status <> 'published'
       OR NEW.approved_location IS NULL OR NOT ST_DWithin(NEW.location, NEW.approved_location, 50)) THEN
    NEW.approved_location := NEW.location;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER station_stamp BEFORE INSERT OR UPDATE ON station
  FOR EACH ROW EXECUTE FUNCTION station_stamp_v1();

-- The station carries its facilities ready to be read; the rows of station_facility are the truth.
CREATE FUNCTION station_facility_gather_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  -- By id rather than by a join, and by index: in a bulk load the planner may believe the tables to be empty.
  -- What came in with its station, station_stamp has gathered already.
  UPDATE station s SET facilities =
           (SELECT coalesce(jsonb_agg(facility_record_v1(f.facility, f.status, f.note, f.checked_at)
                     ORDER BY f.facility), '[]')
              FROM station_facility f WHERE f.station_id = s.id)
   WHERE s.id = ANY (ARRAY(SELECT DISTINCT station_id FROM changed))
     AND (TG_OP <> 'INSERT' OR jsonb_array_length(s.facilities)
                               <> (SELECT count(*) FROM station_facility f WHERE f.station_id = s.id));
  RETURN NULL;
END $$;
CREATE TRIGGER station_facility_inserted AFTER INSERT ON station_facility REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION station_facility_gather_v1();
CREATE TRIGGER station_facility_updated AFTER UPDATE ON station_facility REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION station_facility_gather_v1();
CREATE TRIGGER station_facility_deleted AFTER DELETE ON station_facility REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION station_facility_gather_v1();
"""

HISTORY = """
CREATE TABLE station_history (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT station_history_pkey PRIMARY KEY,
  station_id uuid NOT NULL CONSTRAINT station_history_station_id_fkey REFERENCES station,
  revision integer NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  actor text NOT NULL,
  organisation text,
  reason text,
  before jsonb,
  after jsonb NOT NULL,
  CONSTRAINT station_history_actor_check CHECK (actor <> '')
);
CREATE INDEX station_history_station_id_idx ON station_history (station_id, id);

-- A reader takes everything with xid >= the xmin of its previous snapshot and applies higher revisions only,
-- so a change committed late by a long transaction is never missed.
CREATE TABLE station_change (
  seq bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT station_change_pkey PRIMARY KEY,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  station_id uuid NOT NULL CONSTRAINT station_change_station_id_fkey REFERENCES station,
  revision integer NOT NULL
);
CREATE INDEX station_change_xid_idx ON station_change (xid, seq);

-- What history remembers of a row: the position as numbers, no book-keeping, no nulls.
CREATE FUNCTION station_record_v1(station jsonb, location geography) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT jsonb_strip_nulls(station - ARRAY['id', 'number', 'code', 'location', 'approved_location',
           'working_facilities', 'rule_id', 'created_at', 'updated_at', 'revision', 'changed_in'])
      || jsonb_build_object('lon', round(ST_X(location::geometry)::numeric, 7),
                            'lat', round(ST_Y(location::geometry)::numeric, 7))
$$;

CREATE FUNCTION station_actor_v1() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF coalesce(current_setting('yizhan.actor', true), '') = '' THEN
    RAISE EXCEPTION 'a change of a station needs an actor: set_config(''yizhan.actor'', …, true)'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'station_history_actor_check';
  END IF;
  RETURN current_setting('yizhan.actor');
END $$;

CREATE FUNCTION station_remember_insert_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO station_history (station_id, revision, actor, organisation, reason, after)
  SELECT n.id, n.revision, station_actor_v1(), nullif(current_setting('yizhan.organisation', true), ''),
         nullif(current_setting('yizhan.reason', true), ''), station_record_v1(to_jsonb(n), n.location)
    FROM new_rows n;
  INSERT INTO station_change (station_id, revision) SELECT id, revision FROM new_rows ORDER BY number;
  RETURN NULL;
END $$;
CREATE TRIGGER station_remember_insert AFTER INSERT ON station REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION station_remember_insert_v1();

-- Planned once a connection, perhaps for one row: a nested loop of the two transition tables, which have no
-- index, would then take minutes for twenty thousand (282 s measured, 4 s with this).
CREATE FUNCTION station_remember_update_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_nestloop = off AS $$
BEGIN
  INSERT INTO station_history (station_id, revision, actor, organisation, reason, before, after)
  SELECT n.id, n.revision, station_actor_v1(), nullif(current_setting('yizhan.organisation', true), ''),
         nullif(current_setting('yizhan.reason', true), ''), d.before, d.after
    FROM new_rows n JOIN old_rows o USING (id)
    CROSS JOIN LATERAL (
      SELECT jsonb_object_agg(key, coalesce(was.value, 'null')) AS before,
             jsonb_object_agg(key, coalesce(is_now.value, 'null')) AS after
        FROM jsonb_each(station_record_v1(to_jsonb(o), o.location)) was
        FULL JOIN jsonb_each(station_record_v1(to_jsonb(n), n.location)) is_now USING (key)
       WHERE was.value IS DISTINCT FROM is_now.value) d
   WHERE d.after IS NOT NULL;
  INSERT INTO station_change (station_id, revision) SELECT id, revision FROM new_rows ORDER BY number;
  RETURN NULL;
END $$;
CREATE TRIGGER station_remember_update AFTER UPDATE ON station
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION station_remember_update_v1();
"""

# One row as the public reads it: names of its divisions beside their codes, the position as numbers.
CARD = """
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
       s.province AS province_adcode, s.city AS city_adcode, s.district AS district_adcode
  FROM station s
  LEFT JOIN region d ON d.level = 'district' AND d.adcode = s.district
  LEFT JOIN region c ON c.level = 'city' AND c.adcode = s.city
  LEFT JOIN region p ON p.level = 'province' AND p.adcode = s.province
"""

# No DELETE anywhere but on facilities, no write at all to history and feed: triggers, which run as the
# owner, write those.
GRANTS = """
GRANT SELECT ON opening_rule, station, station_card, station_facility, station_history, station_change TO yizhan_app;
GRANT INSERT ON station TO yizhan_app;
GRANT UPDATE (managed_by, host_ref, external_ids, name, kind, brand, tier, address, stated_district, location,
  submitted_lon, submitted_lat, submitted_crs, opening_hours, hours_calendar, staffed_hours, hours_note,
  entry_modes, registration_required, serves, capacity, floor_area_m2, level, entrance_note, phone, host,
  sponsor, supervising_union, operational_status, publication_status, successor_id, verified_at)
  ON station TO yizhan_app;
GRANT INSERT, UPDATE, DELETE ON station_facility TO yizhan_app;
"""


def upgrade() -> None:
    """Build the station and everything that follows from it."""
    for part in (STATION, STAMP, HISTORY, CARD, GRANTS):
        op.execute(part.replace(":", r"\:"))  # otherwise SQLAlchemy reads a cast as a bound parameter


def downgrade() -> None:
    """Remove the stations and all that is known of them."""
    op.execute("DROP VIEW station_card")
    for table in ("station_change", "station_history", "station_facility", "station", "opening_rule"):
        op.execute(f"DROP TABLE {table}")
    for function in (
        "station_stamp_v1()",
        "station_facility_gather_v1()",
        "facility_record_v1(text, text, text, timestamptz)",
        "station_remember_insert_v1()",
        "station_remember_update_v1()",
        "station_actor_v1()",
        "station_record_v1(jsonb, geography)",
        "station_code_v1(bigint)",
        "opening_rule_v1(text, text)",
    ):
        op.execute(f"DROP FUNCTION {function}")
