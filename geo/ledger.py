"""The ledger: what is said of a visit, and entering many at once, each with its own verdict.

A batch is checked set-wise, so that one bad row does not stop its neighbours. Who may record, and who says so, is
found in the same transaction: a key that was revoked records nothing. Reading is `geo.visit_figures`.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlalchemy import text
from sqlmodel import Session

from geo import access, anomalies, db, errors, organisations
from geo.access import Answer, Operation, Principal, Relation, Target
from geo.errors import Problem
from geo.instant import Instant
from geo.stations import trimmed
from geo.vocabulary import Serves, VisitMethod

LARGEST_COUNT = 1_000_000
LONGEST = timedelta(days=366)
# Clocks at doors are wrong; what is further ahead than this is no clock but a mistake.
FUTURE = timedelta(hours=2)
# From here on copying pays; below it one statement with a text is quicker than a table to copy to.
MANY = 200


Fact = Mapping[str, Any]  # what is known of a key and a station
Key = tuple[int, int]  # of a visit: the numbers of its station and of its id


class VisitDraft(BaseModel):
    """A count over a period, by a method that sees everybody (`complete`) or does not."""

    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(description="made by the sender; the same again is the same visit")
    count: int = Field(1, ge=0, le=LARGEST_COUNT, description="visits; a report of 0 is not silence")
    started_at: Instant
    ended_at: Instant | None = None
    method: VisitMethod
    complete: bool | None = Field(
        None, description="whether the method sees everybody; left out: not for `qr_scan`, yes for the others"
    )
    by_group: dict[Serves, Annotated[int, Field(ge=0, le=LARGEST_COUNT)]] | None = None
    device: Annotated[str, trimmed(100)] | None = None

    @field_validator("device")
    @classmethod
    def _storable(cls, value: str | None) -> str | None:
        if value is not None and (reason := db.unstorable(value)):
            raise ValueError(reason)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.ended_at is not None and not timedelta(0) < self.ended_at - self.started_at <= LONGEST:
            raise ValueError("ended_at: expected an instant after started_at, 366 days later at most")
        if self.by_group and sum(self.by_group.values()) > self.count:
            raise ValueError("by_group: expected no more people than count")
        return self

    def sees_everybody(self) -> bool:
        """Whether the count is of all who came; a poster is scanned by those who care to."""
        return self.complete if self.complete is not None else self.method is not VisitMethod.QR_SCAN


@dataclass(slots=True)
class Entry:
    """One visit on its way into the ledger: whose key, which station, what is said; then what became of it.

    Afterwards `row` is the visit as it stands recorded, `new` whether this entry made it; or `error` says why not.
    """

    key: str
    station_id: UUID
    draft: VisitDraft
    reverses: UUID | None = None
    reason: str | None = None
    row: dict[str, Any] = field(default_factory=dict)
    new: bool = False
    error: errors.YizhanError | None = None


def key_of(key: str) -> str:
    """The prefix by which a key is found."""
    return key.removeprefix(organisations.KEY_MARK).split("_")[0]


def record(session: Session, entries: Sequence[Entry]) -> None:
    """Enter what may be entered; each entry then carries its row or its error. All in this one transaction."""
    facts = _facts(session, entries)
    refusals = {pair: _refusal(pair[0], fact) for pair, fact in facts.items()}
    first: dict[Key, Entry] = {}
    arriving: list[tuple[dict[str, Any], Fact]] = []
    for entry in entries:
        pair = entry.key, entry.station_id.int
        _weigh(entry, facts[pair], refusals[pair])
        if entry.error is None and first.setdefault(_key(entry.row), entry) is entry:
            arriving.append((entry.row, facts[pair]))
    _note_use(session, [facts[pair] for pair, no in refusals.items() if not isinstance(no, errors.Unauthenticated)])
    anomalies.flag(session, arriving)
    lost = first.keys() - _enter(session, [row for row, _ in arriving])
    known = _known(session, [first[key].row for key in lost]) if lost else {}
    for entry in entries:
        if entry.error is None:
            key = _key(entry.row)
            entry.new = first[key] is entry and key not in lost
            if not entry.new:
                _compare(entry, known.get(key) if key in lost else first[key].row)


def _key(row: Mapping[str, Any]) -> Key:
    """The key of a visit, in numbers: a UUID's own hash costs ten times as much."""
    return row["station_id"].int, row["id"].int


def _facts(session: Session, entries: Sequence[Entry]) -> dict[tuple[str, int], Fact]:
    """What the database knows of each key and station of the batch, once a pair."""
    pairs = {(entry.key, entry.station_id.int): entry for entry in entries}
    asked = [{"prefix": key_of(one.key), "station_id": one.station_id} for one in pairs.values()]
    return dict(zip(pairs, db.rows(session, "visit_facts", asked=orjson.dumps(asked).decode()), strict=True))


def _weigh(entry: Entry, fact: Fact, refusal: errors.YizhanError | None) -> None:
    """Refuse the entry, or make the row that it would be."""
    draft = entry.draft
    entry.error = refusal or _too_early(draft, fact["at"])
    if entry.error is None:
        entry.row = {
            "station_id": entry.station_id,
            "id": draft.id,
            "count": -draft.count if entry.reverses else draft.count,
            "started_at": draft.started_at,
            "ended_at": draft.ended_at,
            "method": draft.method.value,
            "complete": draft.sees_everybody(),
            "by_group": {group.value: n for group, n in draft.by_group.items()} if draft.by_group else None,
            "organisation": fact["organisation"],
            "device": draft.device,
            "reverses": entry.reverses,
            "reason": entry.reason,
            "flags": [],
            "recorded_by": organisations.KEY_MARK + fact["prefix"],
            "recorded_at": fact["at"],
        }


def _refusal(key: str, fact: Fact) -> errors.YizhanError | None:
    """Why nobody with this key records anything at that station."""
    digest = hashlib.sha256(key.encode()).digest()
    if fact["secret_hash"] is None or not hmac.compare_digest(digest, fact["secret_hash"]):
        return errors.Unauthenticated()
    if fact["station_id"] is None:
        return errors.StationNotFound()
    answer = access.decide(*_question(fact))
    if answer is Answer.HIDDEN:
        return errors.StationNotFound()
    if answer is Answer.FORBIDDEN:
        return errors.Forbidden()
    return None


def _question(fact: Fact) -> tuple[Principal, Operation, Target]:
    who = Principal(fact["organisation"], fact["role"], fact["prefix"], fact["region"])
    relation = Relation[fact["relation"].upper()] if fact["relation"] else Relation.FOREIGN
    in_region = who.covers(fact["province"], fact["city"], fact["district"])
    return who, Operation.EDIT, Target(relation, in_region, fact["publication_status"])


def _too_early(draft: VisitDraft, now: datetime) -> errors.InvalidInput | None:
    """Whether it lies further in the future than a wrong clock explains."""
    for name in ("started_at", "ended_at"):
        at = getattr(draft, name)
        if at is not None and at > now + FUTURE:
            problem = Problem(("body", name), "expected no later than two hours from now", at.isoformat())
            return errors.InvalidInput("The body breaks a rule.", problems=[problem])
    return None


def _note_use(session: Session, facts: Sequence[Fact]) -> None:
    """Keep the day a key was last used, as `organisations.authenticate` does."""
    stale = {fact["prefix"] for fact in facts if fact["last_used_on"] != fact["today"]}
    if stale:
        session.execute(db.sql("visit_key_use"), {"prefixes": sorted(stale)})


COLUMNS = (
    *("station_id", "id", "count", "started_at", "ended_at", "method", "complete", "by_group", "organisation"),
    *("device", "reverses", "reason", "flags", "recorded_by"),
)


def _enter(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[Key]:
    """Insert, and answer the keys of the rows that are new."""
    if not rows:
        return set()
    if len(rows) >= MANY:
        return _copy(session, rows)
    return set(map(_key, db.rows(session, "visit_enter", rows=orjson.dumps(rows).decode())))


def _json(groups: Mapping[str, int] | None) -> str | None:
    return orjson.dumps(groups).decode() if groups is not None else None


def _copy(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[Key]:
    session.execute(db.sql("visit_stage"))
    connection = session.connection().connection.driver_connection
    assert connection is not None  # noqa: S101 - it has just executed something
    listed = ", ".join(COLUMNS)
    with connection.cursor() as cursor, cursor.copy(f"COPY visit_arriving ({listed}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([_json(row[name]) if name == "by_group" else row[name] for name in COLUMNS])
    entered = set(map(_key, db.rows(session, "visit_enter_staged")))
    session.execute(text("DROP TABLE visit_arriving"))
    return entered


def _known(session: Session, rows: Sequence[Mapping[str, Any]]) -> dict[Key, dict[str, Any]]:
    """What is recorded under the keys of rows that lost to it."""
    stations, ids = [row["station_id"] for row in rows], [row["id"] for row in rows]
    return {_key(row): row for row in db.rows(session, "visit_known", stations=stations, ids=ids)}


SAID = ("count", "started_at", "ended_at", "method", "complete", "by_group", "device", "reverses")


def _compare(entry: Entry, stands: dict[str, Any] | None) -> None:
    """The verdict on a visit whose id was taken: the same as what stands there, or another one."""
    if stands is None:  # it lost to another reversal of the same visit
        entry.error = errors.AlreadyReversed()
    elif any(entry.row[name] != stands[name] for name in SAID):
        entry.error = errors.VisitDiffers()
    else:
        entry.row = stands
