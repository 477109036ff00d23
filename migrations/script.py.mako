"""${message}

Revision: ${up_revision}
Revises: ${down_revision | comma,n}

Frozen once landed: imports nothing of ours, and `downgrade` restores exactly what was there.
Expand first, contract in a later revision; a rename is an addition, a copy and a removal.
"""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "op.execute('')"}


def downgrade() -> None:
    ${downgrades if downgrades else "op.execute('')"}
