"""The ledger: entering many visits at once, each with its own verdict. What is said of one is `geo.visit_draft`.

A batch is checked set-wise, so that one bad row does not stop its neighbours. Who may record at which station is
`geo.visit_facts`. Reading is `geo.visit_figures`.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg
from sqlalchemy import text
from sqlmodel import Session

from geo import anomalies, db, errors, holidays
from geo.errors import Problem
from geo.visit_draft import Entry, Said
from geo.visit_facts import Fact, Facts, Pair, witness

# Clocks at doors are wrong; what is further ahead than this is no clock but a mistake.
FUTURE = timedelta(hours=2)
# From here on copying pays; below it one statement with a text is quicker than a savepoint to copy in.
MANY = 200


# So often it is tried anew where what decides changes between being read and being relied on.
TRIES = 5

Key = tuple[str, str]  # of a visit: its station and its id
Row = Mapping[str, Any]
# Copies many rows in, and answers the keys of those that were new; None where all were.
Copied = Callable[[Sequence[Entry]], Sequence[Sequence[str]] | None]


def record(session: Session, entries: Sequence[Entry]) -> None:
    """Enter what may be entered; each entry then carries its row or its error. All in this one transaction."""
    db.answer(session, recording(entries, Facts(), lambda arriving: _copied_in(session, arriving)))


def recording(entries: Sequence[Entry], facts: Facts, copied: Copied | None = None) -> db.Steps[None]:
    """The same, whoever answers what is asked, each question in a transaction of its own if need be.

    `copied` copies many in, where the way to the database can do that. Raises `Unavailable` where what decides about
    them never stayed the same for long enough.
    """
    calendar = yield from holidays.reading()
    pairs = dict.fromkeys([(entry.key, entry.station_id) for entry in entries]).keys()
    for _ in range(TRIES):
        known = yield from _decided(pairs, facts)
        first, again, early = _judged(entries, known, facts.now())
        if not early or facts.is_news:
            yield from anomalies.flagging(list(first.values()), calendar)
            lost = yield from _entering(first, facts, copied)
            if lost is not None:
                break
        # What decides has changed; or a clock that stood still may be the reason why something seems to be too early.
        facts.forget(pairs)
        for entry in entries:
            entry.forget()
    else:
        raise errors.Unavailable("What decides about these visits is being changed. Send them again later.")
    for entry in first.values():
        entry.new = True
    stand = (yield from _standing(lost)) if lost else {}
    for key in lost:
        first[key].new = False
        _compare(first[key], stand.get(key))
    for entry in again:
        key = entry.station_id, entry.said.id
        _compare(entry, stand.get(key) if key in lost else first[key].row)


def _decided(pairs: Collection[Pair], facts: Facts) -> db.Steps[dict[Pair, Fact]]:
    """What decides about each pair; and the day a key was last used is kept, as `organisations.authenticate` does."""
    known = yield from facts.finding(pairs)
    today = facts.now().date()
    live = [fact for fact in known.values() if not isinstance(fact["refusal"], errors.Unauthenticated)]
    if stale := {fact["prefix"] for fact in live if fact["last_used_on"] != today}:
        yield db.Ask("visit_key_use", {"prefixes": sorted(stale)})
        facts.forget_keys(stale)
        known = yield from facts.finding(pairs)
    return known


def _judged(
    entries: Sequence[Entry], known: Mapping[Pair, Fact], at: datetime
) -> tuple[dict[Key, Entry], list[Entry], bool]:
    """Which entries may be entered, by key; those that are in the batch a second time; and whether any is too early.

    The others get errors.
    """
    first: dict[Key, Entry] = {}
    again: list[Entry] = []
    latest, early = at + FUTURE, False
    for entry in entries:
        said, fact = entry.said, known[entry.key, entry.station_id]
        entry.fact, entry.at = fact, at
        entry.error = fact["refusal"]
        if entry.error is None and (said.ended_at or said.started_at) > latest:
            entry.error, early = _too_early(said, latest), True
        if entry.error is None and first.setdefault((entry.station_id, said.id), entry) is not entry:
            again.append(entry)
    return first, again, early


def _too_early(said: Said, latest: datetime) -> errors.InvalidInput:
    """What is said of one that lies further in the future than a wrong clock explains."""
    name = "started_at" if said.started_at > latest else "ended_at"
    at = getattr(said, name)
    problem = Problem(("body", name), "expected no later than two hours from now", at.isoformat())
    return errors.InvalidInput("The body breaks a rule.", problems=[problem])


def _entering(first: Mapping[Key, Entry], facts: Facts, copied: Copied | None) -> db.Steps[Collection[Key] | None]:
    """Insert, and answer the keys of the rows that were there already, or that lost to another reversal.

    None where nothing was inserted, for what decides has changed.
    """
    arriving = list(first.values())
    if not arriving:
        return ()
    if copied and len(arriving) >= MANY:
        made = copied(arriving)
    else:
        rows = orjson.dumps([entry.written() for entry in arriving]).decode()
        decided_by, began = witness([entry.fact for entry in arriving]), time.monotonic()
        (found,) = yield db.Ask("visit_enter", {"rows": rows, "many": len(arriving), **decided_by})
        if not found["unchanged"]:
            return None
        facts.set_clock(found["clock"], began)
        for entry in arriving:
            entry.was_recorded(found["at"])
        made = found["made"]
    return () if made is None else first.keys() - {(station_id, key) for station_id, key in made}


def _copied_in(session: Session, arriving: Sequence[Entry]) -> Sequence[Sequence[str]] | None:
    """What the others are by a statement."""
    at = session.execute(text("SELECT now()")).scalar_one()
    for entry in arriving:
        entry.was_recorded(at)
    lines = sorted(map(_line, arriving))  # by key: see visit_enter
    if _copied(session, lines):
        return None
    session.execute(db.sql("visit_stage"))
    _copy(session, "visit_arriving", lines)
    entered = db.rows(session, "visit_enter_staged")
    session.execute(text("DROP TABLE visit_arriving"))
    return [(row["station_id"], row["id"]) for row in entered]


COLUMNS = (
    *("station_id", "id", "count", "started_at", "ended_at", "method", "complete", "by_group", "organisation"),
    *("device", "reverses", "reason", "flags", "recorded_by"),
)
NULL = "\\N"
# What COPY reads as something else.
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _line(entry: Entry) -> str:
    """The row as COPY reads it, in the order of `COLUMNS`."""
    said, fact = entry.said, entry.fact
    key = f"{entry.station_id}\t{said.id}\t{said.count}\t{said.started}"
    by_group = NULL if said.by_group is None else orjson.dumps(said.by_group).decode()
    device = NULL if said.device is None else _written(said.device)
    reason = NULL if entry.reason is None else _written(entry.reason)
    return (
        f"{key}\t{said.ended or NULL}\t{said.method}\t{said.complete}\t{by_group}\t{fact['organisation']}\t{device}"
        f"\t{entry.reverses or NULL}\t{reason}\t{{{','.join(entry.flags)}}}\t{fact['recorded_by']}\n"
    )


def _written(value: str) -> str:
    return value.translate(ESCAPES)


def _copied(session: Session, lines: Sequence[str]) -> bool:
    """Whether all could be copied into the ledger itself: half the work, where none of them was there before."""
    try:
        with session.begin_nested():
            _copy(session, "visit", lines)
    except psycopg.errors.UniqueViolation:
        return False
    return True


def _copy(session: Session, table: str, lines: Iterable[str]) -> None:
    with (
        db.driver_of(session).cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(COLUMNS)}) FROM STDIN") as copy,
    ):
        copy.write("".join(lines))


def _standing(keys: Iterable[Key]) -> db.Steps[dict[Key, Row]]:
    """What is recorded under these keys."""
    stations, ids = zip(*keys, strict=True)
    found = yield db.Ask("visit_known", {"stations": list(stations), "ids": list(ids)})
    return {(str(row["station_id"]), str(row["id"])): row for row in found}


SAID = ("count", "started_at", "ended_at", "method", "complete", "by_group", "device", "reverses")


def _compare(entry: Entry, stands: Mapping[str, Any] | None) -> None:
    """The verdict on a visit whose id was taken: the same as what stands there, or another one."""
    if stands is None:  # it lost to another reversal of the same visit
        entry.error = errors.AlreadyReversed()
    elif any(entry.row[name] != stands[name] for name in SAID):
        entry.error = errors.VisitDiffers()
    else:
        entry.is_known(stands)
