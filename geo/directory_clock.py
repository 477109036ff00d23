"""What the clock changes in the directory: which rules are open at a minute, which stations are closed at an instant.

Hours change at full minutes, so what holds at one is found out once for all stations with the same rule.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from geo import opening, stations
from geo.directory_columns import OPERATIONAL
from geo.directory_rows import Lexicon
from geo.hours import Calendar
from geo.opening import Moment
from geo.vocabulary import OperationalStatus

STATUSES = len(OPERATIONAL)
KEPT = 64  # minutes remembered: riders ask of now, and now and then of another instant


def kind_of(shared: NDArray[np.int32], status: NDArray[np.uint8]) -> NDArray[np.int64]:
    """What `Minute.told` knows stations by: what they share, and their stored status."""
    return shared.astype(np.int64) * STATUSES + status


def state(card: Mapping[str, Any], when: Moment) -> bytes:
    """The state of a station at that moment as JSON members."""
    now = opening.of(card, when)
    said = (now.operational_status, now.open, stations.instant(now.opens_at), stations.instant(now.closes_at))
    return orjson.dumps(dict(zip(stations.NEAR_STATE, said, strict=True)))[1:-1]


def members(shared: bytes, state: bytes) -> bytes:
    """What stations share and their state, as JSON members behind others."""
    return b",%b,%b" % (shared, state)


class Minute:
    """What holds at a minute for stations without closures."""

    def __init__(self, when: Moment, lexicon: Lexicon) -> None:
        self._when, self._lexicon = when, lexicon
        self._told: dict[int, bytes] = {}
        self._states: dict[tuple[int, int], bytes] = {}
        self._open = b""

    def told(self, kinds: Sequence[int]) -> list[bytes]:
        """Of stations: what they share with others and their state, as JSON members, by `kind_of`."""
        try:
            return list(map(self._told.__getitem__, kinds))
        except KeyError:
            for kind in set(kinds) - self._told.keys():
                self._tell(kind)
            return [self._told[kind] for kind in kinds]

    def _tell(self, kind: int) -> None:
        shared, status = divmod(kind, STATUSES)
        key = (self._lexicon.rule_of[shared], status)
        if key not in self._states:
            self._states[key] = state(self._card(key[0], OPERATIONAL[status]), self._when)
        self._told[kind] = members(self._lexicon.shared[shared], self._states[key])

    @property
    def open_rules(self) -> bytes:
        """A byte for each rule: 1 when it is open; what is unknown is not."""
        known, rules = self._open, self._lexicon.rules
        if len(known) < len(rules):
            cards = [self._card(rule, OperationalStatus.OPEN) for rule in range(len(known), len(rules))]
            known += bytes(opening.is_open(card, self._when) is True for card in cards)
            self._open = known
        return known

    def _card(self, rule: int, status: OperationalStatus) -> dict[str, Any]:
        written, calendar = self._lexicon.rules[rule] or (None, None)
        return {"operational_status": status, "closures": [], "opening_hours": written, "hours_calendar": calendar}


@dataclass(frozen=True)
class Clock:
    """The minutes that were asked for, by one calendar."""

    calendar: Calendar
    lexicon: Lexicon
    _minutes: OrderedDict[datetime, Minute] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def minute(self, at: datetime) -> Minute:
        """The minute that an instant lies in."""
        begun = at.replace(second=0, microsecond=0)
        known = self._minutes.get(begun)
        if known is None:
            known = Minute(Moment(begun, self.calendar), self.lexicon)
            with self._lock:
                self._minutes[begun] = known
                if len(self._minutes) > KEPT:
                    self._minutes.popitem(last=False)
        return known


@dataclass(frozen=True)
class Closures:
    """The stations with closures, by id: what decides their state (`operational_status`, hours, closures)."""

    cards: Mapping[bytes, Mapping[str, Any]]

    @cached_property
    def _bounds(self) -> list[tuple[float, float, bytes]]:
        """From when, until when, which; seconds of the epoch."""

        def seconds(said: str | None) -> float:
            return datetime.fromisoformat(said).timestamp() if said else np.inf

        return [
            (seconds(closure["starts_at"]), seconds(closure.get("ends_at")), key)
            for key, card in self.cards.items()
            for closure in card["closures"]
        ]

    @cached_property
    def _turns(self) -> list[float]:
        return sorted({second for start, end, _ in self._bounds for second in (start, end)})

    def span(self, at: datetime) -> int:
        """The number of the span of time that an instant lies in, between which none begins or ends."""
        return bisect_right(self._turns, at.timestamp())

    def closed(self, at: datetime) -> list[bytes]:
        """The ids of the stations that are closed then."""
        now = at.timestamp()
        return [key for start, end, key in self._bounds if start <= now < end]

    def changed(self, gone: Sequence[bytes], cards: Mapping[bytes, Mapping[str, Any]]) -> "Closures":
        """These with others in place of those of the stations `gone`."""
        if not cards and not any(key in self.cards for key in gone):
            return self
        left = set(gone)
        return Closures({**{key: card for key, card in self.cards.items() if key not in left}, **cards})
