"""Alerts: what two strangers found at a door within a day, for the union to look at."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import RowMapping, func
from sqlmodel import Session, col, select

from geo import db, errors, permits
from geo.access import Principal
from geo.stations import trimmed
from geo.tables_visits import Alert
from geo.vocabulary import CheckinOutcome

KINDS = (CheckinOutcome.LOCKED_IN_POSTED_HOURS, CheckinOutcome.NOT_FOUND)


class AlertClosing(BaseModel):
    """What was done about it."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, trimmed(500)]


def raise_if_confirmed(session: Session, station_id: UUID, kind: CheckinOutcome, same: Sequence[bytes]) -> bool:
    """Whether this finding raises an alert now: another visitor than `same` found it too within a day."""
    asked = {"station_id": station_id, "kind": kind.value, "same": list(same)}
    return session.execute(db.sql("alert_raise"), asked).one_or_none() is not None


def queue(session: Session, who: Principal, *, limit: int, after: tuple[str, str] | None = None) -> list[RowMapping]:
    """The open alerts of the caller's region, oldest first. Raises `Forbidden` for a host."""
    _refuse_host(who)
    since, key = after or (None, None)
    asked = {"region": None if who.role == "admin" else who.region, "limit": limit, "since": since, "id": key}
    return list(session.execute(db.sql("alert_queue"), asked).mappings())


def close(session: Session, who: Principal, alert_id: str, closing: AlertClosing) -> None:
    """Close an alert with what was done. Raises `AlertNotFound`, also where it lies in another's region."""
    _refuse_host(who)
    try:
        key = UUID(alert_id)
    except ValueError:
        raise errors.AlertNotFound from None
    still_open = select(Alert).where(col(Alert.id) == key, col(Alert.closed_at).is_(None)).with_for_update()
    alert = session.exec(still_open).one_or_none()
    if alert is None or not _in_region(session, who, alert):
        raise errors.AlertNotFound
    alert.closed_at, alert.closed_by, alert.reason = session.exec(select(func.now())).one(), who.prefix, closing.reason
    session.flush()


def _refuse_host(who: Principal) -> None:
    if who.role == "host":
        raise errors.Forbidden("Alerts are the union's.")


def _in_region(session: Session, who: Principal, alert: Alert) -> bool:
    try:
        row = permits.see(session, str(alert.station_id), who)
    except errors.StationNotFound:
        return False
    return who.role == "admin" or who.covers(row["province_adcode"], row["city_adcode"], row["district_adcode"])
