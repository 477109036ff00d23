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

from geo import opening, stations
from geo.directory_columns import OPERATIONAL
from geo.hours import Calendar
from geo.opening import Moment
from geo.vocabulary import OperationalStatus

Rules = Sequence[tuple[str, str] | None]  # opening hours and calendar; none where they are unknown

KEPT = 64  # minutes remembered: riders ask of now, and now and then of another instant


def told(card: Mapping[str, Any], when: Moment) -> bytes:
    """The state of a station at that moment as JSON members."""
    state = opening.of(card, when)
    said = (state.operational_status, state.open, stations.instant(state.opens_at), stations.instant(state.closes_at))
    return orjson.dumps(dict(zip(stations.NEAR_STATE, said, strict=True)))[1:-1]


class Minute:
    """What holds at a minute for stations without closures."""

    def __init__(self, when: Moment, rules: Rules) -> None:
        self._when, self._rules = when, rules
        self._states: dict[tuple[int, int], bytes] = {}
        self._open = b""

    def state(self, rule: int, status: int) -> bytes:
        """The state of a station with this rule and stored status (its number in OPERATIONAL), as JSON members."""
        known = self._states.get((rule, status))
        if known is None:
            known = self._states[rule, status] = told(self._card(rule, OPERATIONAL[status]), self._when)
        return known

    @property
    def open_rules(self) -> bytes:
        """A byte for each rule: 1 when it is open; what is unknown is not."""
        known = self._open
        if len(known) < len(self._rules):
            cards = [self._card(rule, OperationalStatus.OPEN) for rule in range(len(known), len(self._rules))]
            known += bytes(opening.is_open(card, self._when) is True for card in cards)
            self._open = known
        return known

    def _card(self, rule: int, status: OperationalStatus) -> dict[str, Any]:
        written, calendar = self._rules[rule] or (None, None)
        return {"operational_status": status, "closures": [], "opening_hours": written, "hours_calendar": calendar}


@dataclass(frozen=True)
class Clock:
    """The minutes that were asked for, by one calendar."""

    calendar: Calendar
    rules: Rules
    _minutes: OrderedDict[datetime, Minute] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def minute(self, at: datetime) -> Minute:
        """The minute that an instant lies in."""
        begun = at.replace(second=0, microsecond=0)
        known = self._minutes.get(begun)
        if known is None:
            known = Minute(Moment(begun, self.calendar), self.rules)
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
