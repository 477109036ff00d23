"""The ledger: entering many visits at once, each with its own verdict. What is said of one is `geo.visit_draft`.

A batch is checked set-wise, so that one bad row does not stop its neighbours. Who may record, and who says so, is
found in the same transaction: a key that was revoked records nothing. Reading is `geo.visit_figures`.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson
import psycopg
from sqlalchemy import text
from sqlmodel import Session

from geo import access, anomalies, db, errors, organisations
from geo.access import Answer, Operation, Principal, Relation, Target
from geo.errors import Problem
from geo.visit_draft import Entry, Said

# Clocks at doors are wrong; what is further ahead than this is no clock but a mistake.
FUTURE = timedelta(hours=2)
# From here on copying pays; below it one statement with a text is quicker than a savepoint to copy in.
MANY = 200


Fact = dict[str, Any]  # what is known of a key and a station
Key = tuple[str, str]  # of a visit: its station and its id


def key_of(key: str) -> str:
    """The prefix by which a key is found."""
    return key.removeprefix(organisations.KEY_MARK).split("_")[0]


def asked(entries: Sequence[Entry]) -> str:
    """What `visit_facts` is asked about these: each pair of key and station once."""
    pairs = [{"prefix": key_of(key), "station_id": station_id} for key, station_id in _pairs(entries)]
    return orjson.dumps(pairs).decode()


def record(session: Session, entries: Sequence[Entry], found: Sequence[Fact] | None = None) -> None:
    """Enter what may be entered; each entry then carries its row or its error. All in this one transaction.

    `found` is what `visit_facts` answered in it, where that was asked already.
    """
    facts = _facts(entries, db.rows(session, "visit_facts", asked=asked(entries)) if found is None else found)
    refusals = _refusals(facts)
    first: dict[Key, Entry] = {}
    again: list[Entry] = []
    for entry in entries:
        pair, said = (entry.key, entry.station_id), entry.said
        entry.fact = fact = facts[pair]
        entry.error = refusals[pair]
        if entry.error is None and (said.ended_at or said.started_at) > fact["latest"]:
            entry.error = _too_early(said, fact["latest"])
        if entry.error is None and first.setdefault((entry.station_id, said.id), entry) is not entry:
            again.append(entry)
    _note_use(session, [facts[pair] for pair, no in refusals.items() if not isinstance(no, errors.Unauthenticated)])
    arriving = list(first.values())
    anomalies.flag(session, arriving)
    lost = _enter(session, arriving)
    for entry in arriving:
        entry.new = True
    known = _known(session, lost) if lost else {}
    for key in lost:
        first[key].new = False
        _compare(first[key], known.get(key))
    for entry in again:
        key = entry.station_id, entry.said.id
        _compare(entry, known.get(key) if key in lost else first[key].row)


def _pairs(entries: Sequence[Entry]) -> dict[tuple[str, str], None]:
    return dict.fromkeys([(entry.key, entry.station_id) for entry in entries])


def _facts(entries: Sequence[Entry], found: Sequence[Fact]) -> dict[tuple[str, str], Fact]:
    """What the database knows of each key and station of the batch, once a pair."""
    facts = dict(zip(_pairs(entries), found, strict=True))
    for fact in facts.values():
        fact["at"] = fact["at"].astimezone(UTC)  # comparing instants of two kinds of zone costs twenty times as much
        fact["latest"] = fact["at"] + FUTURE
        fact["written"] = _written(fact["organisation"] or "")
        fact["recorded_by"] = organisations.KEY_MARK + (fact["prefix"] or "")
    return facts


def _refusals(facts: Mapping[tuple[str, str], Fact]) -> dict[tuple[str, str], errors.YizhanError | None]:
    """Why nobody with this key records anything at that station, by pair; none where they may."""
    digests = {key: hashlib.sha256(key.encode()).digest() for key in {key for key, _ in facts}}
    return {pair: _refusal(digests[pair[0]], fact) for pair, fact in facts.items()}


def _refusal(digest: bytes, fact: Fact) -> errors.YizhanError | None:
    if fact["secret_hash"] is None or not hmac.compare_digest(digest, fact["secret_hash"]):
        return errors.Unauthenticated()
    if not fact["is_station"]:
        return errors.StationNotFound()
    answer = _decided(*[fact[name] for name in DECIDING])
    if answer is Answer.HIDDEN:
        return errors.StationNotFound()
    if answer is Answer.FORBIDDEN:
        return errors.Forbidden()
    return None


DECIDING = (
    "organisation",
    "role",
    "prefix",
    "region",
    "relation",
    "publication_status",
    "province",
    "city",
    "district",
)


@lru_cache(4_096)
def _decided(
    organisation: str, role: str, prefix: str, region: str | None, relation: str | None, publication: str, *codes: str
) -> Answer:
    """What access says; few answers serve all the stations of a host, and all its visits."""
    who = Principal(organisation, role, prefix, region)
    related = Relation[relation.upper()] if relation else Relation.FOREIGN
    return access.decide(who, Operation.EDIT, Target(related, who.covers(*codes), publication))


def _too_early(said: Said, latest: datetime) -> errors.InvalidInput:
    """What is said of one that lies further in the future than a wrong clock explains."""
    name = "started_at" if said.started_at > latest else "ended_at"
    at = getattr(said, name)
    problem = Problem(("body", name), "expected no later than two hours from now", at.isoformat())
    return errors.InvalidInput("The body breaks a rule.", problems=[problem])


def _note_use(session: Session, facts: Sequence[Fact]) -> None:
    """Keep the day a key was last used, as `organisations.authenticate` does."""
    stale = {fact["prefix"] for fact in facts if fact["stale"]}
    if stale:
        session.execute(db.sql("visit_key_use"), {"prefixes": sorted(stale)})


def _enter(session: Session, arriving: Sequence[Entry]) -> set[Key]:
    """Insert, and answer the keys of the rows that were there already, or that lost to another reversal."""
    if len(arriving) >= MANY:
        lines = sorted(map(_line, arriving))  # by key: see visit_enter
        if _copied(session, lines):
            return set()
        session.execute(db.sql("visit_stage"))
        _copy(session, "visit_arriving", lines)
        entered = db.asked(session, "visit_enter_staged")
        session.execute(text("DROP TABLE visit_arriving"))
    elif arriving:
        entered = db.asked(session, "visit_enter", rows=orjson.dumps([entry.row for entry in arriving]).decode())
    else:
        return set()
    if len(entered) == len(arriving):
        return set()
    return {(entry.station_id, entry.said.id) for entry in arriving} - {(row[0], row[1]) for row in entered}


COLUMNS = (
    *("station_id", "id", "count", "started_at", "ended_at", "method", "complete", "by_group", "organisation"),
    *("device", "reverses", "reason", "flags", "recorded_by"),
)
# What COPY reads as something else.
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
NULL = "\\N"


def _line(entry: Entry) -> str:
    """The row as COPY reads it, in the order of `COLUMNS`."""
    said, fact = entry.said, entry.fact
    key = f"{entry.station_id}\t{said.id}\t{said.count}\t{said.started}"
    by_group = NULL if said.by_group is None else orjson.dumps(said.by_group).decode()
    device = NULL if said.device is None else _written(said.device)
    reason = NULL if entry.reason is None else _written(entry.reason)
    return (
        f"{key}\t{said.ended or NULL}\t{said.method}\t{said.complete}\t{by_group}\t{fact['written']}\t{device}"
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


def _known(session: Session, keys: Iterable[Key]) -> dict[Key, dict[str, Any]]:
    """What is recorded under these keys."""
    stations, ids = zip(*keys, strict=True)
    found = db.rows(session, "visit_known", stations=list(stations), ids=list(ids))
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
