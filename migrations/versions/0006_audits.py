"""What unions plan and check with: uploaded points, and what was decided about findings.

Revision: 0006
Revises: 0005

Findings themselves are derived when they are asked for, as all that changes by the clock; only decisions are kept.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

POINTS = """
CREATE TABLE planning_point (
  organisation text NOT NULL CONSTRAINT planning_point_organisation_fkey REFERENCES organisation,
  purpose text NOT NULL,
  number integer NOT NULL,
  name text,
  lon double precision NOT NULL,
  lat double precision NOT NULL,
  weight double precision NOT NULL DEFAULT 1,
  loaded_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT planning_point_pkey PRIMARY KEY (organisation, purpose, number),
  CONSTRAINT planning_point_purpose_check CHECK (purpose = ANY (ARRAY['demand', 'premises'])),
  CONSTRAINT planning_point_lon_check CHECK (lon BETWEEN 72.98 AND 136.02),
  CONSTRAINT planning_point_lat_check CHECK (lat BETWEEN 2.98 AND 54.02),
  CONSTRAINT planning_point_weight_check CHECK (weight >= 0 AND weight < 1e12)
);
"""

# One row for every decision; the last one of a finding holds. `facts` is what was found then: when the facts are
# others later, a rejection no longer holds.
FINDING = """
CREATE TABLE finding_decision (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT finding_decision_pkey PRIMARY KEY,
  audit text NOT NULL,
  station_id uuid NOT NULL CONSTRAINT finding_decision_station_id_fkey REFERENCES station,
  other_id uuid CONSTRAINT finding_decision_other_id_fkey REFERENCES station,
  state text NOT NULL,
  reason text,
  facts jsonb NOT NULL,
  explanation jsonb NOT NULL,
  decided_by text NOT NULL,
  organisation text,
  decided_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT finding_decision_audit_check CHECK (audit = ANY (ARRAY['idle', 'duplicates', 'mislocated', 'stale',
    'hours', 'incomplete', 'visit-anomalies'])),
  CONSTRAINT finding_decision_state_check CHECK (state = ANY (ARRAY['open', 'accepted', 'rejected'])),
  CONSTRAINT finding_decision_reason_check CHECK (char_length(reason) BETWEEN 1 AND 500),
  CONSTRAINT finding_decision_rejected_check CHECK (state <> 'rejected' OR reason IS NOT NULL)
);
CREATE INDEX finding_decision_station_id_idx ON finding_decision (audit, station_id, id);
"""

GRANTS = """
GRANT SELECT, INSERT, DELETE ON planning_point TO yizhan_app;
GRANT SELECT, INSERT ON finding_decision TO yizhan_app;
"""


def upgrade() -> None:
    """Add points and decisions."""
    for part in (POINTS, FINDING, GRANTS):
        op.execute(part.replace(":", r"\:"))


def downgrade() -> None:
    """Points and decisions are lost."""
    op.execute("DROP TABLE finding_decision")
    op.execute("DROP TABLE planning_point")
