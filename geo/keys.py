"""The keys of an organisation over their life: which there are, and one replaced by the next without a gap.

Making, checking and ending a key is `geo.organisations`.
"""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping, func, text
from sqlmodel import Session, col, select

from geo import access, errors, organisations
from geo.access import Principal
from geo.tables import ApiKey
from geo.vocabulary import Role

OVERLAP_H = 24.0
MOST_OVERLAP_H = 24.0 * 90
Overlap = Annotated[float, Field(ge=0, le=MOST_OVERLAP_H, allow_inf_nan=False)]


class RotationDraft(BaseModel):
    """How many hours the old key lives beside the new one."""

    model_config = ConfigDict(extra="forbid")

    overlap_h: Overlap = OVERLAP_H


def browse(session: Session, organisation: str) -> list[RowMapping]:
    """The keys of an organisation, oldest first, dead ones too; never their secrets. Raises `OrganisationNotFound`.

    Rows with prefix, organisation, role, region, created_at, expires_at, revoked_at, last_used_on and alive.
    """
    organisations.get(session, organisation)
    asked = text(
        "SELECT 'yz_' || prefix AS prefix, organisation, role, region, created_at, expires_at, revoked_at,"
        " last_used_on, revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AS alive"
        " FROM api_key WHERE organisation = :organisation ORDER BY created_at, prefix"
    )
    return list(session.execute(asked, {"organisation": organisation}).mappings())


def told(session: Session, who: Principal) -> dict[str, str | None]:
    """Whose key somebody has, and what it may do where; region None is the whole country."""
    name = organisations.get(session, who.organisation).name
    about = {"prefix": who.prefix, "organisation": who.organisation, "name": name}
    return about | {"role": who.role, "region": who.region}


def rotate(session: Session, prefix: str, *, overlap_h: float = OVERLAP_H) -> tuple[str, datetime]:
    """A new key like an old one, which ends after the overlap: the new secret, and when the old one ends.

    An end that was nearer stays. Raises `KeyNotFound` for a key that is not alive.
    """
    old = _alive(session, prefix)
    new = organisations.create_key(session, old.organisation, role=Role(old.role), region=old.region)
    now: datetime = session.exec(select(func.now())).one()
    ends = now + timedelta(hours=overlap_h)
    old.expires_at = min(ends, old.expires_at) if old.expires_at else ends
    session.flush()
    return new, old.expires_at


def _alive(session: Session, prefix: str) -> ApiKey:
    bare = organisations.prefix_of(prefix).removeprefix(organisations.KEY_MARK)
    mine = select(ApiKey).where(col(ApiKey.prefix) == bare, col(ApiKey.revoked_at).is_(None)).with_for_update()
    key = session.exec(mine.execution_options(populate_existing=True)).one_or_none()
    now: datetime = session.exec(select(func.now())).one()
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        raise errors.KeyNotFound
    return key


def require_keeper(session: Session, who: Principal, organisation: str) -> None:
    """Raise `Forbidden` unless the caller is an admin, or of this organisation or one above it."""
    relation = organisations.relation(session, who.organisation, organisation)
    if who.role != "admin" and relation not in access.MANAGED:
        raise errors.Forbidden("This needs the key of an admin, or of the organisation itself.")


def require_holder(session: Session, who: Principal, prefix: str) -> None:
    """Raise `Forbidden` unless the caller is an admin, or the key in question itself."""
    if who.role != "admin" and who.prefix != organisations.prefix_of(prefix):
        raise errors.Forbidden("A key is replaced by itself or by an admin.")
