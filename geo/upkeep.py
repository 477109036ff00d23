"""What hosts and reviewers do to one station, each allowed or refused, each answered by the station as it then is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlmodel import Session

from geo import (
    assignments,
    closures,
    db,
    errors,
    facilities,
    permits,
    registration,
    reviews,
    stations,
    succession,
    turns,
)
from geo.access import Operation, Principal
from geo.closures import ClosureDraft
from geo.registration import Incoming, Verdict
from geo.reviews import BatchReviewDraft, ReviewDraft
from geo.stations import FacilityDraft, StationDraft
from geo.succession import SuccessionDraft
from geo.tables import Station


@dataclass(frozen=True)
class Outcome:
    """The station's card after the change, whether it is new, and which of its fields wait for review."""

    row: RowMapping
    created: bool = False
    pending: tuple[str, ...] = ()
    waits: bool = False  # whether something of this very change waits


@dataclass(frozen=True)
class Decided:
    """What became of one of many: its publication status now, or why it was refused."""

    id: UUID
    publication_status: str | None
    message: str | None = None


def read(session: Session, who: Principal | None, station_id: str) -> Outcome:
    """The station as `who` (None: the public) may see it; with a key, also what waits for review.

    Raises `StationNotFound`; `Succeeded` where another has taken its place, `Gone` where none has.
    """
    try:
        row = permits.see(session, station_id, who)
    except errors.StationNotFound:
        succession.refuse_removed(stations.get(session, station_id, hidden=True), delisted=True)
        raise
    succession.refuse_removed(row, delisted=False)
    proposal = reviews.open_proposal(session, row["id"]) if who else None
    return Outcome(row, pending=tuple(sorted(proposal.changes)) if proposal else ())


def read_by_code(session: Session, who: Principal | None, code: str) -> Outcome:
    """The station with this code, as `read` shows it. Raises as that does."""
    row = stations.get_by_code(session, code, hidden=True)
    return read(session, who, str(row["id"]))


def register(session: Session, who: Principal, draft: StationDraft) -> Outcome:
    """Enter a new station of the caller's own organisation. Raises `AlreadyRegistered`, `HostRefTaken`."""
    manager = permits.manager_for(session, who, who.organisation)
    row = Incoming(1, draft)
    turns.take(session)
    registration.register(session, [row], organisation=manager, only_new=True)
    return _outcome(session, row)


def put(
    session: Session, who: Principal, organisation: str, host_ref: str, draft: StationDraft, *, revision: int | None
) -> Outcome:
    """Enter or change the station an organisation knows by this number; the same again changes nothing.

    Raises `AlreadyRegistered` where it is another organisation's; `StaleRevision` when it is not at `revision`.
    """
    if draft.host_ref not in {None, host_ref}:
        expected = f"expected {host_ref!r} as in the path, or nothing"
        problem = errors.Problem(("body", "host_ref"), expected, draft.host_ref)
        raise errors.InvalidInput("The body breaks a rule.", problems=[problem])
    manager = permits.manager_for(session, who, organisation)
    draft.host_ref = host_ref
    turns.take(session)
    if revision is not None and revision != _revision_of(session, manager, host_ref):
        raise errors.StaleRevision
    row = Incoming(1, draft)
    registration.register(session, [row], organisation=manager)
    return _outcome(session, row)


def _revision_of(session: Session, organisation: str, host_ref: str) -> int | None:
    known = text("SELECT revision FROM station WHERE managed_by = :organisation AND host_ref = :host_ref FOR UPDATE")
    found: int | None = session.execute(known, {"organisation": organisation, "host_ref": host_ref}).scalar()
    return found


def _outcome(session: Session, row: Incoming) -> Outcome:
    if row.verdict is Verdict.DUPLICATE:
        raise errors.AlreadyRegistered(f"This station is in the registry already: {'; '.join(row.warnings)}.")
    if row.errors:
        problems = [errors.Problem(("body", *problem.loc), problem.message, problem.value) for problem in row.errors]
        raise errors.InvalidInput("The body breaks a rule.", problems=problems)
    card = stations.get(session, str(row.id), hidden=True)
    waits = bool(row.draft and set(row.pending) & registration.sensitive(row.draft).keys())
    return Outcome(card, created=row.verdict is Verdict.INSERTED, pending=tuple(row.pending), waits=waits)


def amend(
    session: Session, who: Principal, station_id: str, patch: Mapping[str, Any], *, revision: int | None
) -> Outcome:
    """Change what the patch names; on a published station, what needs review waits."""
    station = permits.hold(session, station_id, who, Operation.EDIT, revision=revision)
    if station.host_ref != patch.get("host_ref", station.host_ref):
        turns.take(session)
    row = registration.amend(session, station, patch)
    return _outcome(session, row)


def submit(session: Session, who: Principal, station_id: str, *, revision: int | None) -> Outcome:
    """Ask for publication."""
    station = permits.hold(session, station_id, who, Operation.EDIT, revision=revision)
    reviews.submit(session, station)
    return _now(session, station)


def withdraw(session: Session, who: Principal, station_id: str, *, revision: int | None) -> Outcome:
    """Take back what waits for review."""
    station = permits.hold(session, station_id, who, Operation.EDIT, revision=revision)
    reviews.withdraw(session, station)
    return _now(session, station)


def review(session: Session, who: Principal, station_id: str, draft: ReviewDraft, *, revision: int | None) -> Outcome:
    """Publish, return or delist; or accept or return a proposal."""
    return _now(session, _decided(session, who, station_id, draft, revision))


def _decided(session: Session, who: Principal, station_id: str, draft: ReviewDraft, revision: int | None) -> Station:
    station = permits.hold(session, station_id, who, Operation.REVIEW, revision=revision)
    assignments.refuse_taken(session, who, station)
    reviews.decide(session, station, draft)
    assignments.clear(session, station)
    return station


def review_many(session: Session, who: Principal, draft: BatchReviewDraft) -> list[Decided]:
    """Decide the same of many stations, each on its own: what cannot be decided is named and holds up no other."""
    decided = []
    for key in draft.stations:
        try:
            with db.translated_errors(), session.begin_nested():
                station = _decided(session, who, str(key), ReviewDraft(**draft.said()), None)
                decided.append(Decided(key, station.publication_status))
        except errors.YizhanError as error:
            decided.append(Decided(key, None, error.message))
    return decided


def succeed(
    session: Session, who: Principal, station_id: str, draft: SuccessionDraft, *, revision: int | None
) -> Outcome:
    """Let another station take the place of this one."""
    return _now(session, succession.succeed(session, who, station_id, draft, revision=revision))


def close(
    session: Session, who: Principal, station_id: str, draft: ClosureDraft, *, revision: int | None
) -> tuple[Outcome, str]:
    """Plan a closure; the station after it, and the closure's id."""
    station = permits.hold(session, station_id, who, Operation.EDIT, revision=revision)
    closure = closures.plan(session, station, draft)
    return _now(session, station), str(closure.id)


def reopen(session: Session, who: Principal, station_id: str, closure_id: str, *, revision: int | None) -> Outcome:
    """End a closure now, or call it off."""
    station = permits.hold(session, station_id, who, Operation.EDIT, revision=revision)
    closures.cancel(session, station, closure_id)
    return _now(session, station)


def report_facility(
    session: Session, who: Principal, station_id: str, draft: FacilityDraft, *, revision: int | None
) -> Outcome:
    """Say how a facility is now."""
    station = permits.hold(session, station_id, who, Operation.EDIT, revision=revision)
    facilities.report(session, station, draft)
    return _now(session, station)


def _now(session: Session, station: Station) -> Outcome:
    proposal = reviews.open_proposal(session, station.id)
    pending = tuple(sorted(proposal.changes)) if proposal else ()
    return Outcome(stations.get(session, str(station.id), hidden=True), pending=pending)
