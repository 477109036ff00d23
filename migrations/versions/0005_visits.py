"""Visits: an append-only ledger, totals kept beside it, riders' check-ins, posters and alerts.

Revision: 0005
Revises: 0003

The application role enters visits and can change none; totals are written by a trigger from the rows really
inserted, so no writer can forget or forge them.
"""

from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None

# The enumerations as they stood at this revision; a test holds the newest constraints equal to
# geo/vocabulary.py.
ENUMERATIONS = {
    "method": "qr_scan access_control people_counter staff_tally estimate legacy_import",
    "outcome": "used_ok confirmed_correct locked_in_posted_hours closed_as_posted not_found wrong_location"
    " facility_missing facility_faulty entry_refused registration_barrier full duplicate gone",
    "facility": "drinking_water hot_water seating microwave fridge air_conditioning heating fan"
    " phone_charging wifi first_aid_kit medicine aed toilet toilet_nearby umbrella raincoat"
    " books nursing_room shower laundry bed lounger locker ebike_charging battery_swap"
    " ebike_parking truck_parking tyre_pump tools meals emergency_button wheelchair_access",
    "distance_band": "at_the_door nearby within_1_km farther",
    "alert": "locked_in_posted_hours not_found",
}


def one_of(name: str) -> str:
    """The values of an enumeration as a SQL array literal."""
    return "ARRAY[" + ", ".join(f"'{value}'" for value in ENUMERATIONS[name].split()) + "]"


VISIT = f"""
-- The day in China that something began on, and the last one that it reaches: a night shift belongs to the day it
-- began, only what is longer than a day has a last day of its own.
CREATE FUNCTION visit_day_v1(started_at timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT (started_at AT TIME ZONE 'Asia/Shanghai')::date $$;
CREATE FUNCTION visit_last_day_v1(started_at timestamptz, ended_at timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN ended_at - started_at > interval '24 hours'
              THEN ((ended_at - interval '1 microsecond') AT TIME ZONE 'Asia/Shanghai')::date
              ELSE (started_at AT TIME ZONE 'Asia/Shanghai')::date END
$$;

-- No foreign keys: each would lock, and so write, the row of the station and of the organisation at every visit.
-- A station is never deleted; the recorder joins it, and the totals below refer to it.
CREATE TABLE visit (
  station_id uuid NOT NULL,
  id uuid NOT NULL,
  count integer NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  method text NOT NULL,
  complete boolean NOT NULL,
  by_group jsonb,
  organisation text,
  device text,
  reverses uuid,
  reason text,
  flags text[] NOT NULL DEFAULT '{{}}',
  recorded_by text NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT visit_pkey PRIMARY KEY (station_id, id),
  CONSTRAINT visit_count_check CHECK (CASE WHEN reverses IS NULL THEN count BETWEEN 0 AND 1000000
                                           ELSE count BETWEEN -1000000 AND 0 END),
  CONSTRAINT visit_ended_at_check CHECK (ended_at > started_at),
  CONSTRAINT visit_method_check CHECK (method = ANY ({one_of("method")})),
  CONSTRAINT visit_by_group_check CHECK (jsonb_typeof(by_group) = 'object'),
  CONSTRAINT visit_device_check CHECK (char_length(device) BETWEEN 1 AND 100),
  CONSTRAINT visit_reverses_check CHECK (reverses <> id),
  CONSTRAINT visit_reason_check CHECK (char_length(reason) BETWEEN 1 AND 500),
  CONSTRAINT visit_recorded_by_check CHECK (recorded_by <> '')
);
-- A row is reversed once.
CREATE UNIQUE INDEX visit_reverses_key ON visit (station_id, reverses) WHERE reverses IS NOT NULL;

-- Totals per station, day and method. `reports` is how many rows stand, so that a report of zero is not silence;
-- what lasts longer than a day keeps its own grain (last_on > day) and is never spread over days.
CREATE TABLE visit_day (
  station_id uuid NOT NULL CONSTRAINT visit_day_station_id_fkey REFERENCES station,
  day date NOT NULL,
  last_on date NOT NULL,
  method text NOT NULL,
  complete boolean NOT NULL,
  visits bigint NOT NULL,
  reports integer NOT NULL,
  CONSTRAINT visit_day_pkey PRIMARY KEY (station_id, day, last_on, method, complete),
  CONSTRAINT visit_day_last_on_check CHECK (last_on >= day)
) WITH (fillfactor = 80);  -- room to update a busy day in its place

-- In a fixed order, so that two writers of the same days wait for each other and never deadlock.
CREATE FUNCTION visit_sum_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  INSERT INTO visit_day AS d (station_id, day, last_on, method, complete, visits, reports)
  SELECT station_id, visit_day_v1(started_at), visit_last_day_v1(started_at, ended_at), method, complete,
         sum(count), sum(CASE WHEN reverses IS NULL THEN 1 ELSE -1 END)
    FROM entered GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (station_id, day, last_on, method, complete)
  DO UPDATE SET visits = d.visits + excluded.visits, reports = d.reports + excluded.reports;
  RETURN NULL;
END $$;
CREATE TRIGGER visit_sum AFTER INSERT ON visit REFERENCING NEW TABLE AS entered
  FOR EACH STATEMENT EXECUTE FUNCTION visit_sum_v1();
"""

CHECK_IN = f"""
-- What somebody at the door found. Of the position only a band is kept, of the visitor's token only a hash, whose
-- key is destroyed after 48 hours.
CREATE TABLE check_in (
  id uuid CONSTRAINT check_in_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
  station_id uuid NOT NULL CONSTRAINT check_in_station_id_fkey REFERENCES station,
  outcome text NOT NULL,
  facility text,
  distance_band text,
  visitor_hash bytea,
  poster_id uuid,
  note text,
  in_posted_hours boolean,
  at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT check_in_outcome_check CHECK (outcome = ANY ({one_of("outcome")})),
  CONSTRAINT check_in_facility_check CHECK (facility = ANY ({one_of("facility")})),
  CONSTRAINT check_in_distance_band_check CHECK (distance_band = ANY ({one_of("distance_band")})),
  CONSTRAINT check_in_note_check CHECK (char_length(note) BETWEEN 1 AND 500)
);
CREATE INDEX check_in_station_id_idx ON check_in (station_id, at);

-- Unlogged: it is in no backup, no replica and no write-ahead log, so what is deleted is gone.
CREATE UNLOGGED TABLE visitor_key (
  day date CONSTRAINT visitor_key_pkey PRIMARY KEY,
  key bytea NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT visitor_key_key_check CHECK (octet_length(key) = 32)
);

CREATE TABLE alert (
  id uuid CONSTRAINT alert_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
  station_id uuid NOT NULL CONSTRAINT alert_station_id_fkey REFERENCES station,
  kind text NOT NULL,
  raised_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz,
  closed_by text,
  reason text,
  CONSTRAINT alert_kind_check CHECK (kind = ANY ({one_of("alert")})),
  CONSTRAINT alert_closed_at_check CHECK ((closed_at IS NULL) = (closed_by IS NULL)),
  CONSTRAINT alert_reason_check CHECK (char_length(reason) BETWEEN 1 AND 500)
);
-- One open alert of a kind.
CREATE UNIQUE INDEX alert_station_id_key ON alert (station_id, kind) WHERE closed_at IS NULL;

CREATE TABLE poster (
  id uuid CONSTRAINT poster_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
  station_id uuid NOT NULL CONSTRAINT poster_station_id_fkey REFERENCES station,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
);
CREATE UNIQUE INDEX poster_station_id_key ON poster (station_id) WHERE revoked_at IS NULL;
"""

# No UPDATE and no DELETE on visit and check_in; totals are written by the trigger, as the owner.
GRANTS = """
GRANT SELECT ON visit, visit_day, check_in, visitor_key, alert, poster TO yizhan_app;
GRANT INSERT ON visit, check_in, visitor_key, alert, poster TO yizhan_app;
GRANT DELETE ON visitor_key TO yizhan_app;
GRANT UPDATE (closed_at, closed_by, reason) ON alert TO yizhan_app;
GRANT UPDATE (revoked_at) ON poster TO yizhan_app;
"""


def upgrade() -> None:
    """Build the ledger and what stands beside it."""
    for part in (VISIT, CHECK_IN, GRANTS):
        op.execute(part.replace(":", r"\:"))  # otherwise SQLAlchemy reads a cast as a bound parameter


def downgrade() -> None:
    """Remove the ledger; every visit is lost."""
    for table in ("poster", "alert", "visitor_key", "check_in", "visit_day", "visit"):
        op.execute(f"DROP TABLE {table}")
    for function in (
        "visit_sum_v1()",
        "visit_last_day_v1(timestamptz, timestamptz)",
        "visit_day_v1(timestamptz)",
    ):
        op.execute(f"DROP FUNCTION {function}")
