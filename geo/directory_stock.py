"""The stock of the directory: all its stations at one time, and what nearest answers from them.

It never changes; `changed` makes another one, which shares trees and text with it.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo import directory_text, stations
from geo.directory_clock import Clock, Closures, told
from geo.directory_columns import MASK, PIECE, Columns
from geo.directory_ground import Filter, Ground, Rows, filter_of
from geo.directory_rows import Lexicon, packed
from geo.directory_search import Sought, Terrain
from geo.distance import Standpoints
from geo.opening import Moment
from geo.search import FARTHEST_M, STEPS_M, Ask

MOST_FRESH = 256  # changed stations that every search looks through one by one; with more the trees are built anew
MOST_WASTED = 0.25  # share of the text that nothing refers to before it is packed anew
SPANS = 8  # spans of time between closures for which it is remembered who is closed


@dataclass(frozen=True)
class Stock:
    """The stations when the trees were built; beside them, fresh, those that changed since."""

    lexicon: Lexicon
    clock: Clock
    ground: Ground
    fresh: Columns
    closures: Closures
    replaced: NDArray[np.bool_]  # rows of the ground whose stations are fresh or published no more
    _terrains: OrderedDict[int, Terrain] = field(default_factory=OrderedDict)

    def nearest(self, asks: Sequence[Ask], as_of: datetime) -> list[bytes]:
        """A FeatureCollection for each; those that want the same are searched for in one go."""
        now = datetime.now(UTC)
        answers = [b""] * len(asks)
        for (asked, _), numbers in self._alike(asks, now).items():
            group = [asks[number] for number in numbers]
            for number, answer in zip(numbers, self._answers(group, asked, now, as_of), strict=True):
                answers[number] = answer
        return answers

    def _alike(self, asks: Sequence[Ask], now: datetime) -> dict[tuple[Filter, int], list[int]]:
        """Numbers of the asks, by filter and by span between the turns of closures."""
        alike: dict[tuple[Filter, int], list[int]] = {}
        for number, ask in enumerate(asks):
            at = ask.at or now
            open_rules = self.clock.minute(at).open_rules if ask.wanted.open else None
            key = (filter_of(ask.wanted, self.lexicon.managers, open_rules), self.closures.span(at))
            alike.setdefault(key, []).append(number)
        return alike

    def _answers(self, asks: Sequence[Ask], asked: Filter, now: datetime, as_of: datetime) -> Iterator[bytes]:
        sought = Sought(
            np.array([ask.lon for ask in asks]),
            np.array([ask.lat for ask in asks]),
            np.array([ask.limit for ask in asks]),
            np.array([FARTHEST_M if ask.radius_m is None else ask.radius_m for ask in asks]),
        )
        here = Standpoints(sought.lon, sought.lat)
        terrain = self._terrain(asks[0].at or now)
        rows, metres = terrain.nearest(here, sought, asked)
        bearings = here.bearings(terrain.earth(rows)) if len(self) else metres
        counts = np.minimum((metres < np.inf).sum(axis=1), sought.limit).tolist()
        found = [part.tolist() for part in (metres, bearings, rows, *self._shown(rows))]
        for ask, count, *all_columns in zip(asks, counts, *found, strict=True):
            far, bearing, *columns = (column[:count] for column in all_columns)
            texts = directory_text.features(ask.crs, *self._told(ask.at or now, *columns), far, bearing)
            as_asked = stations.instant(ask.at or as_of) or ""
            yield directory_text.collection(texts, ask.crs, _searched(ask, far), as_asked)

    def _told(
        self,
        at: datetime,
        rows: Sequence[int],
        places: Sequence[int],
        lengths: Sequence[int],
        shared: Sequence[int],
        rules: Sequence[int],
        statuses: Sequence[int],
    ) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """The packed texts of stations, what each shares with others, and its state at an instant."""
        pieces, common, minute = self._pieces, self.lexicon.shared, self.clock.minute(at)
        known = zip(places, lengths, strict=True)
        texts = [pieces[place >> PIECE][place & MASK : (place & MASK) + length] for place, length in known]
        states = [minute.state(rule, status) for rule, status in zip(rules, statuses, strict=True)]
        if self._closing:
            for number in (number for number, row in enumerate(rows) if row in self._closing):
                states[number] = told(self._closing[rows[number]], Moment(at, self.clock.calendar))
        return texts, [common[number] for number in shared], states

    def _shown(self, rows: Rows) -> list[NDArray[np.int64]]:
        """Of each row: place and length of the text, what it shares, rule and status."""
        names = ("place", "length", "shared", "rule", "status")
        ground, fresh = self.ground.columns, self.fresh
        if not len(fresh):
            return [getattr(ground, name)[rows] if len(ground) else rows for name in names]
        beside = rows >= len(ground)
        found = []
        for name in names:
            values = getattr(ground, name)[np.where(beside, 0, rows)] if len(ground) else np.zeros(rows.shape, np.int64)
            values[beside] = getattr(fresh, name)[rows[beside] - len(ground)]
            found.append(values)
        found[0][beside] += len(ground.pieces) << PIECE
        return found

    @cached_property
    def _pieces(self) -> tuple[bytes, ...]:
        return self.ground.columns.pieces + self.fresh.pieces

    @cached_property
    def _closing(self) -> dict[int, Mapping[str, Any]]:
        """What decides the state of the stations with closures, by row."""
        return {row: self.closures.cards[key] for key in self.closures.cards for row in self._rows([key])}

    def _rows(self, keys: Iterable[bytes]) -> list[int]:
        keys = list(keys)
        ground = self.ground.columns.rows(keys)
        beside = self.fresh.rows(keys) + len(self.ground.columns)
        return [*ground[~self.replaced[ground]].tolist(), *beside.tolist()]

    def _terrain(self, at: datetime) -> Terrain:
        """What is searched at an instant."""
        span = self.closures.span(at)
        known = self._terrains.get(span)
        if known is None:
            barred = np.concatenate([self.replaced, np.zeros(len(self.fresh), bool)])
            barred[self._rows(self.closures.closed(at))] = True
            known = Terrain(self.ground, self.fresh, self._ranks, barred if barred.any() else None)
            self._terrains[span] = known
            if len(self._terrains) > SPANS:
                self._terrains.popitem(last=False)
        return known

    @cached_property
    def _ranks(self) -> NDArray[np.int64]:
        """Where the fresh come among the ground's rows, which are 65,536 apart."""
        before = np.searchsorted(self.ground.columns.ids, self.fresh.ids)
        return (before.astype(np.int64) - 1 << 16) + 1 + np.arange(len(self.fresh))

    def __len__(self) -> int:
        return len(self.replaced) - int(np.count_nonzero(self.replaced)) + len(self.fresh)

    def find(self, key: bytes) -> tuple[Columns, int] | None:
        """The columns and the row of the station with this id."""
        for row in self.fresh.rows([key]).tolist():
            return self.fresh, row
        for row in self.ground.columns.rows([key]).tolist():
            return None if self.replaced[row] else (self.ground.columns, row)
        return None

    def find_numbered(self, number: int) -> tuple[Columns, int] | None:
        """The columns and the row of the station with these digits in its code."""
        for columns in (self.fresh, self.ground.columns):
            for row in np.flatnonzero(columns.number == number).tolist():
                if columns is self.fresh or not self.replaced[row]:
                    return columns, row
        return None

    def changed(self, keys: Sequence[bytes], columns: Columns, cards: Mapping[bytes, Mapping[str, Any]]) -> "Stock":
        """These with `columns`, and nothing else, of the stations with the ids `keys`."""
        replaced = self.replaced.copy()
        replaced[self.ground.columns.rows(keys)] = True
        following = replace(
            self,
            fresh=self.fresh.without(self.fresh.rows(keys)).merged(columns),
            replaced=replaced,
            closures=self.closures.changed(keys, cards),
            _terrains=OrderedDict(),
        )
        many = max(len(following.fresh), int(np.count_nonzero(replaced))) > MOST_FRESH
        return following.settled() if many else following

    def prepare(self, at: datetime) -> None:
        """Do beside the requests what those at this instant would otherwise wait for."""
        for each in (at, at + timedelta(minutes=1)):
            _ = self.clock.minute(each).open_rules
        self._terrain(at)
        self.ground.prepare()

    def settled(self) -> "Stock":
        """The same with trees of what is there now."""
        kept = self.ground.columns.without(np.flatnonzero(self.replaced))
        columns = kept.merged(self.fresh.repacked())
        if columns.wasted > MOST_WASTED:
            columns = columns.repacked()
        return of(self.lexicon, self.clock, columns, self.closures)


def of(lexicon: Lexicon, clock: Clock, columns: Columns, closures: Closures) -> Stock:
    """A stock of these stations."""
    return Stock(lexicon, clock, Ground(columns), packed([], lexicon), closures, np.zeros(len(columns), bool))


def _searched(ask: Ask, metres: Sequence[float]) -> float:
    """How far the search looked: it widens in steps until there are enough."""
    if ask.radius_m is not None:
        return ask.radius_m
    full = len(metres) == ask.limit
    return next((step for step in STEPS_M if full and metres[-1] <= step), FARTHEST_M)
