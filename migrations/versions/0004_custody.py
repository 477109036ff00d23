"""Who keeps a station, and how it goes through its life: legal moves, transfers and claims, reviewers, imports.

Revision: 0004
Revises: 0003

The legal moves are rows, and a trigger holds every writer to them; organisations stay a tree by a trigger too.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# A station in use may be in any of these; `relocated` and `permanently_closed` are for good.
ALIVE = ["planned", "open", "limited", "temporarily_closed", "suspended"]

PUBLICATION = """
draft submit submitted
returned submit submitted
submitted withdraw draft
submitted publish published
submitted return returned
published delist delisted_inactive
delisted_inactive publish published
delisted_duplicate publish published
draft enter published
returned enter published
draft merge delisted_duplicate
returned merge delisted_duplicate
submitted merge delisted_duplicate
published merge delisted_duplicate
delisted_inactive merge delisted_duplicate
"""

MOVE = """
CREATE TABLE station_move (
  axis text NOT NULL,
  was text NOT NULL,
  move text NOT NULL,
  becomes text NOT NULL,
  CONSTRAINT station_move_pkey PRIMARY KEY (axis, was, move),
  CONSTRAINT station_move_axis_check CHECK (axis = ANY (ARRAY['publication', 'operational'])),
  CONSTRAINT station_move_becomes_check CHECK (becomes <> was)
);

CREATE FUNCTION station_moves_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.publication_status <> OLD.publication_status AND NOT EXISTS (
       SELECT FROM station_move m WHERE m.axis = 'publication'
          AND m.was = OLD.publication_status AND m.becomes = NEW.publication_status)
     OR NEW.operational_status <> OLD.operational_status AND NOT EXISTS (
       SELECT FROM station_move m WHERE m.axis = 'operational'
          AND m.was = OLD.operational_status AND m.becomes = NEW.operational_status) THEN
    RAISE EXCEPTION 'a station cannot go from % and % to % and %', OLD.publication_status, OLD.operational_status,
      NEW.publication_status, NEW.operational_status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'station_move_check';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER station_moves AFTER UPDATE ON station FOR EACH ROW
  WHEN (OLD.publication_status IS DISTINCT FROM NEW.publication_status
        OR OLD.operational_status IS DISTINCT FROM NEW.operational_status)
  EXECUTE FUNCTION station_moves_v1();

-- A code that another system knows the station by.
CREATE INDEX station_external_ids_idx ON station USING gin (external_ids jsonb_path_ops)
  WHERE external_ids <> '{}';
CREATE INDEX station_successor_id_idx ON station (successor_id) WHERE successor_id IS NOT NULL;
CREATE INDEX station_history_organisation_idx ON station_history (organisation, id);
"""

TREE = """
CREATE FUNCTION organisation_tree_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(5855551);  -- two moves at once could close a ring that neither sees
  IF EXISTS (
       WITH RECURSIVE above AS (
         SELECT o.code, o.parent FROM organisation o WHERE o.code = NEW.parent
         UNION SELECT o.code, o.parent FROM above a JOIN organisation o ON o.code = a.parent)
       SELECT FROM above WHERE code = NEW.code) THEN
    RAISE EXCEPTION '% would be above itself', NEW.code
      USING ERRCODE = 'check_violation', CONSTRAINT = 'organisation_tree_check';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER organisation_tree AFTER UPDATE ON organisation FOR EACH ROW
  WHEN (NEW.parent IS NOT NULL AND OLD.parent IS DISTINCT FROM NEW.parent) EXECUTE FUNCTION organisation_tree_v1();
"""

CUSTODY = """
-- A station changes hands when both agree, or when the union grants the claim of one that nobody manages.
CREATE TABLE custody_request (
  id uuid CONSTRAINT custody_request_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
  station_id uuid NOT NULL CONSTRAINT custody_request_station_id_fkey REFERENCES station,
  from_organisation text CONSTRAINT custody_request_from_organisation_fkey REFERENCES organisation,
  to_organisation text NOT NULL CONSTRAINT custody_request_to_organisation_fkey REFERENCES organisation,
  asked_by text NOT NULL,
  asker text NOT NULL,
  host_ref text,
  reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  decided_at timestamptz,
  decision text,
  CONSTRAINT custody_request_to_organisation_check CHECK (to_organisation IS DISTINCT FROM from_organisation),
  CONSTRAINT custody_request_decision_check CHECK (decision = ANY (ARRAY['accept', 'refuse', 'withdraw'])),
  CONSTRAINT custody_request_decided_at_check CHECK ((decided_at IS NULL) = (decision IS NULL))
);
CREATE UNIQUE INDEX custody_request_station_id_key ON custody_request (station_id) WHERE decided_at IS NULL;

-- Whose turn it is to review what waits: an organisation's, or one key's of it.
CREATE TABLE review_assignment (
  station_id uuid CONSTRAINT review_assignment_pkey PRIMARY KEY
    CONSTRAINT review_assignment_station_id_fkey REFERENCES station,
  organisation text NOT NULL CONSTRAINT review_assignment_organisation_fkey REFERENCES organisation,
  reviewer text,
  assigned_by text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
"""

IMPORT = """
-- A file on its way in: what was asked, how far it is, and what became of its rows (JSON, zlib).
CREATE TABLE station_import (
  id uuid CONSTRAINT station_import_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
  actor text NOT NULL,
  organisation text NOT NULL,
  manager text,
  options jsonb NOT NULL,
  content bytea NOT NULL,
  state text NOT NULL DEFAULT 'queued',
  done integer NOT NULL DEFAULT 0,
  report bytea,
  problem jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  heard_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT station_import_state_check CHECK (state = ANY (ARRAY['queued', 'running', 'done', 'failed'])),
  CONSTRAINT station_import_report_check CHECK ((state = 'done') = (report IS NOT NULL)),
  CONSTRAINT station_import_problem_check CHECK ((state = 'failed') = (problem IS NOT NULL))
);
CREATE INDEX station_import_created_at_idx ON station_import (created_at);
"""

UPKEEP = """
-- Since when a facility has been as it is: a fault reported again is as old as it was.
ALTER TABLE station_facility ADD COLUMN since timestamptz;
UPDATE station_facility SET since = checked_at;
ALTER TABLE station_facility ALTER COLUMN since SET DEFAULT now(), ALTER COLUMN since SET NOT NULL;

CREATE FUNCTION station_facility_since_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.since := CASE WHEN NEW.status = OLD.status THEN OLD.since ELSE now() END;
  RETURN NEW;
END $$;
CREATE TRIGGER station_facility_since BEFORE UPDATE ON station_facility
  FOR EACH ROW EXECUTE FUNCTION station_facility_since_v1();
CREATE INDEX station_facility_fault_idx ON station_facility (since, station_id, facility)
  WHERE status IN ('faulty', 'out_of_stock', 'expired');

-- Closures planned together, for a typhoon or a holiday, are called off together.
ALTER TABLE closure ADD COLUMN batch uuid;
CREATE INDEX closure_batch_idx ON closure (batch) WHERE batch IS NOT NULL;
CREATE INDEX closure_starts_at_idx ON closure (starts_at, id) WHERE cancelled_at IS NULL;
"""

GRANTS = """
GRANT SELECT ON station_move, custody_request, review_assignment, station_import TO yizhan_app;
GRANT INSERT, UPDATE (decided_at, decision) ON custody_request TO yizhan_app;
GRANT INSERT, UPDATE, DELETE ON review_assignment TO yizhan_app;
GRANT INSERT, UPDATE (state, done, report, problem, heard_at), DELETE ON station_import TO yizhan_app;
GRANT UPDATE (expires_at) ON api_key TO yizhan_app;
"""


def moves() -> str:
    """The legal moves as rows: the publication's by their verb, the operational ones by the state they lead to."""
    rows = [("publication", *line.split()) for line in PUBLICATION.strip().splitlines()]
    for was in ALIVE:
        states = [*ALIVE, "relocated", "permanently_closed"]
        rows += [("operational", was, state, state) for state in states if state != was]
    values = ", ".join("({})".format(", ".join(f"'{word}'" for word in row)) for row in rows)
    return f"INSERT INTO station_move (axis, was, move, becomes) VALUES {values}"


def upgrade() -> None:
    """Add the moves, the tree's guard, custody, reviewers, imports, and what keeps faults and closures in order."""
    for part in (MOVE, moves(), TREE, CUSTODY, IMPORT, UPKEEP, GRANTS):
        op.execute(part.replace(":", r"\:"))


def downgrade() -> None:
    """Back to 0003; what is known of transfers, reviewers and imports is lost."""
    op.execute("REVOKE UPDATE (expires_at) ON api_key FROM yizhan_app")
    for index in ("closure_starts_at_idx", "closure_batch_idx", "station_facility_fault_idx"):
        op.execute(f"DROP INDEX {index}")
    op.execute("ALTER TABLE closure DROP COLUMN batch")
    op.execute("DROP TRIGGER station_facility_since ON station_facility")
    op.execute("ALTER TABLE station_facility DROP COLUMN since")
    for table in ("station_import", "review_assignment", "custody_request"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP TRIGGER organisation_tree ON organisation")
    op.execute("DROP TRIGGER station_moves ON station")
    for index in ("station_external_ids_idx", "station_successor_id_idx", "station_history_organisation_idx"):
        op.execute(f"DROP INDEX {index}")
    op.execute("DROP TABLE station_move")
    for function in ("organisation_tree_v1()", "station_moves_v1()", "station_facility_since_v1()"):
        op.execute(f"DROP FUNCTION {function}")
