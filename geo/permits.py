"""Taking hold of a station for one who asks: found, allowed, locked, and at the revision they mean."""

from uuid import UUID

from sqlalchemy import RowMapping
from sqlmodel import Session, col, select

from geo import access, errors, organisations, stations
from geo.access import Answer, Operation, Principal, Relation, Target
from geo.tables import Station


def see(session: Session, station_id: str, who: Principal | None, operation: Operation = Operation.SEE) -> RowMapping:
    """The station's card, if `who` may do that with it. Raises `StationNotFound`, or `Forbidden` where it is seen."""
    row = stations.get(session, station_id, hidden=True)
    answer = access.decide(who, operation, _target(session, row, who))
    if answer is Answer.HIDDEN:
        raise errors.StationNotFound
    if answer is Answer.FORBIDDEN:
        raise errors.Forbidden
    return row


def hold(
    session: Session, station_id: str, who: Principal, operation: Operation, *, revision: int | None = None
) -> Station:
    """The station's row, locked until the end of the transaction, if `who` may do that with it.

    Raises `StationNotFound`, `Forbidden`; `StaleRevision` when it is no longer at `revision`.
    """
    seen = see(session, station_id, who, operation)
    locked = select(Station).where(col(Station.id) == UUID(station_id)).with_for_update()
    station = session.exec(locked.execution_options(populate_existing=True)).one()
    if station.revision != seen["revision"]:  # what the one who held it before us did may have changed the answer
        see(session, station_id, who, operation)
    if revision is not None and revision != station.revision:
        raise errors.StaleRevision
    return station


def manager_for(session: Session, who: Principal, organisation: str) -> str:
    """The organisation, if `who` may register stations for it. Raises `OrganisationNotFound`, `Forbidden`."""
    code = organisations.get(session, organisation).code
    if not access.may_register(who, organisations.relation(session, who.organisation, code)):
        raise errors.Forbidden
    return code


def _target(session: Session, row: RowMapping, who: Principal | None) -> Target:
    if who is None:
        return Target(Relation.FOREIGN, in_region=False, publication=row["publication_status"])
    relation = organisations.relation(session, who.organisation, row["managed_by"])
    in_region = who.covers(row["province_adcode"], row["city_adcode"], row["district_adcode"])
    return Target(relation, in_region, row["publication_status"])
