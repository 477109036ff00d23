"""A station changes hands: a transfer that both organisations agree to, or a claim that the union decides.

Both sides say the same sentence, `transfer to`: whoever says it second completes it. Editing is `geo.upkeep`.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import RowMapping, func
from sqlmodel import Session, col, select, update

from geo import access, db, errors, organisations, reviews, stations
from geo.access import Principal, Relation
from geo.stations import trimmed
from geo.tables import Station
from geo.tables_custody import CustodyRequest
from geo.upkeep import Outcome

Code = Annotated[str, trimmed(64)]
Reason = Annotated[str, trimmed(500)]


class TransferDraft(BaseModel):
    """To whom, why, and the number the new manager will know it by; only the new manager says that."""

    model_config = ConfigDict(extra="forbid")

    to: Code
    host_ref: Annotated[str, trimmed(100)] | None = None
    reason: Reason | None = None


class ClaimDraft(BaseModel):
    """Who will manage it (the caller's own organisation when left out), by what number, and why."""

    model_config = ConfigDict(extra="forbid")

    organisation: Code | None = None
    host_ref: Annotated[str, trimmed(100)] | None = None
    reason: Reason | None = None


class ClaimDecision(BaseModel):
    """Whether a claim is granted, and why."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["accept", "refuse"]
    reason: Reason | None = None


def acts_for(session: Session, who: Principal, organisation: str | None) -> bool:
    """Whether the caller speaks for this organisation: its own, one below it, or any for an admin."""
    if organisation is None:
        return who.role == "admin"
    return access.may_register(who, organisations.relation(session, who.organisation, organisation))


def transfer(
    session: Session, who: Principal, station_id: str, draft: TransferDraft, *, revision: int | None
) -> Outcome:
    """Agree that the station goes to another organisation; it goes when the other side has agreed too.

    Raises `StationNotFound`, `Forbidden`, `OrganisationNotFound`, `IllegalMove`, `CustodyPending`, `HostRefTaken`.
    """
    station, request = _hold(session, station_id, revision)
    gives, takes = acts_for(session, who, station.managed_by), acts_for(session, who, draft.to)
    _refuse_outsiders(station, request, gives=gives, takes=takes)
    organisations.get(session, draft.to)
    _refuse_nonsense(station, request, draft.to)
    agreed = {request.asked_by} if request else set()
    agreed |= {code for code, is_ours in ((station.managed_by, gives), (draft.to, takes)) if is_ours and code}
    host_ref = draft.host_ref if takes else None
    if agreed >= {station.managed_by, draft.to}:
        return _complete(session, station, request, draft.to, host_ref, draft.reason)
    if request is None:
        (asked_by,) = agreed
        _ask(session, who, station, draft.to, asked_by=asked_by, host_ref=host_ref, reason=draft.reason)
    return _waiting(session, station)


def _refuse_outsiders(station: Station, request: CustodyRequest | None, *, gives: bool, takes: bool) -> None:
    """Who is neither side may not; who was not offered it does not even see what is not published."""
    offered = request is not None and request.asked_by == station.managed_by
    if station.publication_status != "published" and not gives and not (takes and offered):
        raise errors.StationNotFound
    if not gives and not takes:
        raise errors.Forbidden


def _refuse_nonsense(station: Station, request: CustodyRequest | None, to: str) -> None:
    if station.managed_by is None:
        raise errors.IllegalMove("Nobody manages this station: claim it.")
    if station.managed_by == to:
        raise errors.IllegalMove(f"{to} manages this station already.")
    if request is not None and request.to_organisation != to:
        raise errors.CustodyPending


def decline(session: Session, who: Principal, station_id: str, *, revision: int | None) -> Outcome:
    """Refuse what the other side has asked, or take back what one asked oneself. Raises `RequestNotFound`."""
    station, request = _hold(session, station_id, revision)
    sides = {request.from_organisation, request.to_organisation} if request else set()
    mine = {side for side in sides if side and acts_for(session, who, side)}
    if request is None or not mine:
        raise errors.StationNotFound if station.publication_status != "published" else errors.RequestNotFound
    _close(session, request, "withdraw" if request.asked_by in mine else "refuse")
    return _now(session, station)


def claim(session: Session, who: Principal, station_id: str, draft: ClaimDraft, *, revision: int | None) -> Outcome:
    """Ask for a published station that nobody manages; the union of its region decides.

    Raises `StationNotFound`, `Forbidden`, `IllegalMove` where somebody manages it, `CustodyPending`.
    """
    station, request = _hold(session, station_id, revision)
    if station.publication_status != "published":
        raise errors.StationNotFound
    to = organisations.get(session, draft.organisation or who.organisation).code
    if not acts_for(session, who, to):
        raise errors.Forbidden
    if station.managed_by is not None:
        raise errors.IllegalMove("Somebody manages this station: ask for a transfer.")
    if request is not None and request.to_organisation != to:
        raise errors.CustodyPending
    if request is None:
        _ask(session, who, station, to, asked_by=to, host_ref=draft.host_ref, reason=draft.reason)
    return _waiting(session, station)


def decide_claim(
    session: Session, who: Principal, station_id: str, decided: ClaimDecision, *, revision: int | None
) -> Outcome:
    """Grant or refuse a claim: an auditor of the station's region, never for its own line.

    Raises `StationNotFound`, `Forbidden`, `RequestNotFound`, `HostRefTaken`.
    """
    station, request = _hold(session, station_id, revision)
    if who.role != "admin" and not (
        who.role == "auditor" and who.covers(station.province, station.city, station.district)
    ):
        raise errors.Forbidden
    if request is None or request.from_organisation is not None:
        raise errors.RequestNotFound
    relation = organisations.relation(session, who.organisation, request.to_organisation)
    if who.role != "admin" and relation is not Relation.FOREIGN:
        raise errors.Forbidden("An organisation does not decide on a claim of its own line.")
    if decided.decision == "accept":
        return _complete(session, station, request, request.to_organisation, request.host_ref, decided.reason)
    _close(session, request, "refuse")
    return _now(session, station)


def browse(session: Session, who: Principal, *, limit: int, after: str | None = None) -> list[RowMapping]:
    """What waits for this key: transfers from and to its organisation and those below, claims in its region.

    Rows with id, station, code, name, from_organisation, to_organisation, asked_by, reason, created_at.
    """
    asked = {"organisation": who.organisation, "role": who.role, "region": who.region, "after": after, "limit": limit}
    return list(session.execute(db.sql("custody_list"), asked).mappings())


def _hold(session: Session, station_id: str, revision: int | None) -> tuple[Station, CustodyRequest | None]:
    """The station, locked, and what is asked of it."""
    row = stations.get(session, station_id, hidden=True)
    locked = select(Station).where(col(Station.id) == row["id"]).with_for_update()
    station = session.exec(locked.execution_options(populate_existing=True)).one()
    if revision is not None and revision != station.revision:
        raise errors.StaleRevision
    return station, open_request(session, station.id)


def open_request(session: Session, station_id: UUID) -> CustodyRequest | None:
    """The transfer or claim that waits, if there is one."""
    waiting = select(CustodyRequest).where(
        col(CustodyRequest.station_id) == station_id, col(CustodyRequest.decided_at).is_(None)
    )
    return session.exec(waiting.execution_options(populate_existing=True)).one_or_none()


def _ask(
    session: Session,
    who: Principal,
    station: Station,
    to: str,
    *,
    asked_by: str,
    host_ref: str | None,
    reason: str | None,
) -> None:
    session.add(
        CustodyRequest(
            station_id=station.id,
            from_organisation=station.managed_by,
            to_organisation=to,
            asked_by=asked_by,
            asker=who.prefix,
            host_ref=host_ref,
            reason=reason,
        )
    )
    session.flush()


def _close(session: Session, request: CustodyRequest, decision: str) -> None:
    request.decided_at, request.decision = session.exec(select(func.now())).one(), decision
    session.flush()


def _complete(
    session: Session, station: Station, request: CustodyRequest | None, to: str, host_ref: str | None, why: str | None
) -> Outcome:
    """Hand it over. The number was the old manager's; within one bank it stays, another gives its own."""
    number = host_ref or (request.host_ref if request else None)
    if number is None and organisations.share_a_root(session, station.managed_by, to):
        number = station.host_ref
    if request is not None:
        _close(session, request, "accept")
    reviews.drop_proposal(session, station)
    db.because(session, why or (request.reason if request else None))
    changed = update(Station).where(col(Station.id) == station.id).values(managed_by=to, host_ref=number)
    session.execute(changed)
    return _now(session, station)


def _now(session: Session, station: Station) -> Outcome:
    return Outcome(stations.get(session, str(station.id), hidden=True))


def _waiting(session: Session, station: Station) -> Outcome:
    return Outcome(stations.get(session, str(station.id), hidden=True), pending=("managed_by",), waits=True)
