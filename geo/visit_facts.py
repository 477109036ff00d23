"""What decides about visits: who has a key, what is said of a station, and whether the one may record at the other.

It is remembered, as a busy host asks the same a thousand times a second, and never believed by itself: whoever enters
visits names the versions of the rows it was read from (`witness`), and the statement that enters them does nothing
where one of these has changed (PostgreSQL's `xmin`, which every change of a row renews). So a key that was revoked
records nothing from that moment on.
"""

import hashlib
import hmac
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from geo import access, db, errors, organisations
from geo.access import Answer, Operation, Principal, Relation, Target

# Pairs of a key and a station that are remembered, 2 kB each.
MOST_KNOWN = 10_000

Fact = dict[str, Any]
Pair = tuple[str, str]  # a key and a station


class Facts:
    """What is known of pairs of a key and a station; keys are known by their digests alone."""

    def __init__(self) -> None:
        self._known: dict[Pair, Fact] = {}
        # What the database's clock said, and ours at that moment.
        self._at, self._by_ours = datetime.min.replace(tzinfo=UTC), 0.0
        self.is_news = False  # whether something was asked for the last finding

    def finding(self, pairs: Collection[Pair]) -> db.Steps[dict[Pair, Fact]]:
        """What is known of each pair; `refusal` says why nobody records by it, or is None. Asks what is not known."""
        hidden = _hidden(pairs)
        known = {pair: fact for pair, kept in hidden.items() if (fact := self._known.get(kept)) is not None}
        unknown = [pair for pair in pairs if pair not in known]
        self.is_news = bool(unknown)
        if not unknown:
            return known
        asked = [{"prefix": organisations.bare_prefix(key), "station_id": station_id} for key, station_id in unknown]
        began = time.monotonic()
        found = yield db.Ask("visit_facts", {"asked": orjson.dumps(asked).decode()})
        self.set_clock(found[0]["clock"], began)
        if len(self._known) + len(unknown) > MOST_KNOWN:
            self._known.clear()
        for pair, fact in zip(unknown, found, strict=True):
            fact["refusal"] = _refusal(hidden[pair][0], fact)
            fact["recorded_by"] = organisations.KEY_MARK + (fact["prefix"] or "")
            known[pair] = fact
            if fact["refusal"] is None:
                self._known[hidden[pair]] = fact
        return known

    def forget(self, pairs: Collection[Pair]) -> None:
        """Ask anew about these."""
        for kept in _hidden(pairs).values():
            self._known.pop(kept, None)

    def forget_keys(self, prefixes: Collection[str]) -> None:
        """Ask anew about everything that has to do with these keys."""
        self._known = {pair: fact for pair, fact in self._known.items() if fact["prefix"] not in prefixes}

    def set_clock(self, clock: datetime, asked: float) -> None:
        """What the database's clock said to who had asked then: so it is never taken to be slower than it is."""
        self._at, self._by_ours = clock.astimezone(UTC), asked  # other kinds of zone are twenty times as dear

    def now(self) -> datetime:
        """What the database's clock says by now."""
        return self._at + timedelta(seconds=time.monotonic() - self._by_ours)


def _hidden(pairs: Iterable[Pair]) -> dict[Pair, Pair]:
    """Under what a pair is kept: the digest of the key in its place."""
    digests: dict[str, str] = {}
    found = {}
    for key, station_id in pairs:
        if key not in digests:
            digests[key] = hashlib.sha256(key.encode()).hexdigest()
        found[key, station_id] = digests[key], station_id
    return found


def witness(facts: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The rows these were read from, and their versions, as `visit_enter` takes them: arrays as text.

    A row that was read in two versions is in there twice: one of them is not current.
    """
    rows: dict[str, set[tuple[str, str]]] = {"keys": set(), "stations": set(), "above": set()}
    for fact in facts:
        rows["keys"].add((fact["prefix"], fact["key_version"]))
        rows["stations"].add((fact["station_id"], fact["station_version"]))
        if fact["above"]:
            rows["above"].update(fact["above"].items())
    found = {}
    for name, versions in rows.items():
        found[name] = _array(row for row, _ in versions)
        found[f"{name}_versions"] = _array(version for _, version in versions)
    return found


def _array(values: Iterable[str]) -> str:
    """In quotes, for an organisation may be called `null`; none of them has a quote or a backslash in it."""
    return "{" + ",".join(f'"{value}"' for value in values) + "}"


def _refusal(digest: str, fact: Mapping[str, Any]) -> errors.YizhanError | None:
    """Why nobody with this key records anything at that station; None where they may."""
    if fact["secret_hash"] is None or not hmac.compare_digest(bytes.fromhex(digest), fact["secret_hash"]):
        return errors.Unauthenticated()
    if not fact["is_station"]:
        return errors.StationNotFound()
    answer = _decided(*[fact[name] for name in DECIDING])
    if answer is Answer.HIDDEN:
        return errors.StationNotFound()
    if answer is Answer.FORBIDDEN:
        return errors.Forbidden()
    return None


DECIDING: Sequence[str] = (
    *("organisation", "role", "prefix", "region", "relation"),
    *("publication_status", "province", "city", "district"),
)


@lru_cache(4_096)
def _decided(
    organisation: str, role: str, prefix: str, region: str | None, relation: str | None, publication: str, *codes: str
) -> Answer:
    """What access says; few answers serve all the stations of a host."""
    who = Principal(organisation, role, prefix, region)
    related = Relation[relation.upper()] if relation else Relation.FOREIGN
    return access.decide(who, Operation.EDIT, Target(related, who.covers(*codes), publication))
