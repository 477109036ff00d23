"""Before the public sees it: submitting, reviewing, and proposals that wait while the approved row stays."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

import orjson
from geoalchemy2.shape import to_shape
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import RowMapping, func
from sqlmodel import Session, col, select, update

from geo import datum, db, distance, errors
from geo.access import Principal
from geo.datum import Datum
from geo.stations import trimmed
from geo.tables import Proposal, Station
from geo.tables_custody import CustodyRequest
from geo.vocabulary import PublicationStatus as State

# What the public recognises a station by: changed on a published one only after review.
SENSITIVE = ("name", "kind", "host", "position")
MOVED_M = 50.0


class Decision(StrEnum):
    """What a reviewer may say."""

    PUBLISH = "publish"
    RETURN = "return"
    DELIST = "delist"


class ReviewDraft(BaseModel):
    """A decision, with its reason; only publishing needs none."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision
    reason: Annotated[str, trimmed(500)] | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.reason is None and self.decision is not Decision.PUBLISH:
            raise ValueError("reason: expected, so that the host can mend it")
        return self


class BatchReviewDraft(ReviewDraft):
    """The same decision for many stations."""

    stations: Annotated[list[UUID], Field(min_length=1, max_length=500)]

    def said(self) -> dict[str, Any]:
        """The decision alone."""
        return {"decision": self.decision, "reason": self.reason}


# The legal moves: from -> by what -> to. The database holds the same as rows (station_move) and enforces them.
# `merge` is `geo.succession`'s; `enter` is the operator's, who may publish what comes in at once.
MERGE, ENTER = {"merge": State.DELISTED_DUPLICATE}, {"enter": State.PUBLISHED}
MOVES: Mapping[str, Mapping[str, State]] = {
    State.DRAFT: {"submit": State.SUBMITTED, **MERGE, **ENTER},
    State.RETURNED: {"submit": State.SUBMITTED, **MERGE, **ENTER},
    State.SUBMITTED: {"withdraw": State.DRAFT, "publish": State.PUBLISHED, "return": State.RETURNED, **MERGE},
    State.PUBLISHED: {"delist": State.DELISTED_INACTIVE, **MERGE},
    State.DELISTED_INACTIVE: {"publish": State.PUBLISHED, **MERGE},
    State.DELISTED_DUPLICATE: {"publish": State.PUBLISHED},
}


def submit(session: Session, station: Station) -> None:
    """Ask for publication. Raises `IllegalMove` unless it is a draft or was returned."""
    _move(session, station, "submit")


def withdraw(session: Session, station: Station) -> None:
    """Take back what waits for review: the submission, or the proposal of a published station."""
    if station.publication_status == State.PUBLISHED and _close(session, station.id, "withdraw") is not None:
        return
    _move(session, station, "withdraw")


def decide(session: Session, station: Station, draft: ReviewDraft) -> None:
    """Publish, return or delist; of a published station with a proposal, accept or return the proposal."""
    db.because(session, draft.reason)
    if station.publication_status == State.PUBLISHED and draft.decision is not Decision.DELIST:
        proposal = _close(session, station.id, draft.decision)
        if proposal is None:
            raise _illegal(station, draft.decision)
        if draft.decision is Decision.PUBLISH:
            _change(session, station, as_columns(proposal.changes))
        return
    _move(session, station, draft.decision)


def _move(session: Session, station: Station, move: str) -> None:
    to = MOVES.get(station.publication_status, {}).get(move)
    if to is None:
        raise _illegal(station, move)
    again = {"successor_id": None} if to is State.PUBLISHED and station.operational_status != "relocated" else {}
    _change(session, station, {"publication_status": to.value, **again})


def _illegal(station: Station, move: str) -> errors.IllegalMove:
    possible = ", ".join(MOVES[station.publication_status].keys() - ENTER) or "nothing"
    return errors.IllegalMove(
        f"The station is {station.publication_status}; {move} is not possible now. Possible: {possible}."
    )


def _change(session: Session, station: Station, values: Mapping[str, Any]) -> None:
    session.execute(update(Station).where(col(Station.id) == station.id).values(**values))


def open_proposal(session: Session, station_id: UUID) -> Proposal | None:
    """The proposal that waits for a published station, if there is one."""
    waiting = select(Proposal).where(col(Proposal.station_id) == station_id, col(Proposal.decided_at).is_(None))
    return session.exec(waiting.execution_options(populate_existing=True)).one_or_none()


def open_proposals(session: Session, station_ids: Sequence[UUID]) -> dict[UUID, Proposal]:
    """The proposals that wait for these stations, by station."""
    if not station_ids:
        return {}
    waiting = select(Proposal).where(col(Proposal.station_id).in_(station_ids), col(Proposal.decided_at).is_(None))
    found = session.exec(waiting.execution_options(populate_existing=True))
    return {proposal.station_id: proposal for proposal in found}


def _close(session: Session, station_id: UUID, decision: str) -> Proposal | None:
    proposal = open_proposal(session, station_id)
    if proposal is not None:
        proposal.decided_at, proposal.decision = session.exec(select(func.now())).one(), str(decision)
        session.flush()
    return proposal


def drop_proposal(session: Session, station: Station) -> None:
    """Withdraw what waits for a published station, if anything does."""
    _close(session, station.id, "withdraw")


def propose(
    session: Session, station: Station, said: Mapping[str, Any], before: Proposal | None
) -> tuple[list[str], bool]:
    """Let the sensitive fields of `said` wait for review: the fields that wait afterwards, and whether that is news.

    `said` holds the draft's words: those that differ from the public's wait, those that agree with it are
    withdrawn from what waited (`before`), and of others what waited stays. The same again changes nothing.
    """
    waiting = dict(before.changes) if before else {}
    for name in (name for name in SENSITIVE if name in said):
        waiting.pop(name, None)
        if differs(station, name, said[name]):
            waiting[name] = said[name]
    if before and waiting != before.changes:
        _close(session, station.id, "replace")
    if waiting and (before is None or waiting != before.changes):
        session.execute(db.sql("proposal_enter"), {"station": station.id, "changes": orjson.dumps(waiting).decode()})
    return sorted(waiting), waiting != (before.changes if before else {})


def differs(station: Station, name: str, value: Any) -> bool:
    """Whether a sensitive field would change: a position, by more than 50 m from where it was approved to be."""
    if name != "position":
        return bool(getattr(station, name) != value)
    ((lon, lat),) = to_shape(station.approved_location or station.location).coords
    return distance.metres(lon, lat, *_wgs84(value)) > MOVED_M


def _wgs84(position: Mapping[str, Any]) -> tuple[float, float]:
    return datum.convert(position["lon"], position["lat"], Datum(position["crs"]), Datum.WGS84)


def as_columns(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of `station` that an accepted proposal writes."""
    values = {name: value for name, value in changes.items() if name != "position"}
    if "position" in changes:
        position = changes["position"]
        lon, lat = _wgs84(position)
        values["location"] = f"SRID=4326;POINT({lon!r} {lat!r})"
        values.update({f"submitted_{name}": position[name] for name in ("lon", "lat", "crs")})
    return values


@dataclass(frozen=True)
class Queue:
    """Which part of the review queue is asked for; `assigned` is `me`, `none` or the code of an organisation."""

    region: str | None = None
    what: str | None = None
    managed_by: str | None = None
    kind: str | None = None
    assigned: str | None = None


def queue(
    session: Session, who: Principal, *, limit: int, after: tuple[str, str] | None = None, part: Queue | None = None
) -> list[RowMapping]:
    """What waits for this reviewer, oldest first: what lies in its region and is not its own line's.

    Rows of station_card with `what` (submission, proposal or claim), `since`, `changes` and whose turn it is;
    `after` is the instant and id of the last row of the page before. Raises `Forbidden` for a host.
    """
    if who.role == "host":
        raise errors.Forbidden("A host does not review.")
    since, key = after or (None, None)
    admin = who.role == "admin"
    asked = {"organisation": who.organisation, "reach": None if admin else who.region, "admin": admin}
    page = {"limit": limit, "since": since, "id": key, "reviewer": who.prefix}
    return list(session.execute(db.sql("review_queue"), asked | page | asdict(part or Queue())).mappings())


def waits(session: Session, station: Station) -> bool:
    """Whether anything of the station waits for a reviewer."""
    if station.publication_status == State.SUBMITTED or open_proposal(session, station.id):
        return True
    claims = select(CustodyRequest.id).where(
        col(CustodyRequest.station_id) == station.id,
        col(CustodyRequest.decided_at).is_(None),
        col(CustodyRequest.from_organisation).is_(None),
    )
    return session.exec(claims).first() is not None
