"""The stock of the directory: all its stations at one time, and what nearest answers from them.

It never changes; `changed` makes another one, which shares trees and text with it.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo import directory_text, stations
from geo.datum import Datum
from geo.directory_clock import STATUSES, Clock, Closures, kind_of, members, state
from geo.directory_columns import Columns, whole
from geo.directory_ground import Filter, Ground, Rows, filter_of
from geo.directory_rows import Lexicon, packed
from geo.directory_search import Group, Metres, Sought, Terrain
from geo.directory_text import PIECES
from geo.distance import Standpoints
from geo.opening import Moment
from geo.search import FARTHEST_M, STEPS_M, Ask

MOST_FRESH = 256  # changed stations that every search looks through one by one; with more the trees are built anew
MOST_WASTED = 0.25  # share of the text that nothing refers to before it is packed anew
SPANS = 8  # spans of time between closures for which it is remembered who is closed


_Frame = tuple[Datum, datetime | None]  # of the answers: the datum, and the instant asked for


class _Found(NamedTuple):
    """Stations found for riders, those of one behind those of the other: how far, in which direction, how many each."""

    rows: Rows
    metres: Metres
    bearings: NDArray[np.float64]
    counts: list[int]


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
        for (crs, at), alike in self._alike(asks, now).items():
            order = [number for numbers in alike.values() for number in numbers]
            found = self._found([asks[number] for number in order], _groups(alike), at or now)
            said_at = stations.instant(at or as_of) or ""
            pieces, metres, begun = self._pieces(found, crs, at or now), found.metres.tolist(), 0
            for number, count in zip(order, found.counts, strict=True):
                end = begun + count
                some, far = pieces[begun * PIECES : end * PIECES], metres[begun:end]
                answers[number] = directory_text.collection(some, crs, _searched(asks[number], far), said_at)
                begun = end
        return answers

    def _alike(self, asks: Sequence[Ask], now: datetime) -> dict[_Frame, dict[Filter, list[int]]]:
        """Numbers of the asks, by what their answers have in common, and by what is searched for."""
        same: dict[tuple[int, Datum, datetime | None], list[int]] = {}  # the very same: parsers share what is frequent
        for number, (_, _, crs, _, _, wanted, at) in enumerate(asks):
            same.setdefault((id(wanted), crs, at), []).append(number)
        alike: dict[_Frame, dict[Filter, list[int]]] = {}
        for (_, crs, at), numbers in same.items():
            wanted = asks[numbers[0]].wanted
            open_rules = self.clock.minute(at or now).open_rules if wanted.open else None
            asked = filter_of(wanted, self.lexicon.managers, open_rules)
            alike.setdefault((crs, at), {}).setdefault(asked, []).extend(numbers)
        return alike

    def _found(self, asks: Sequence[Ask], groups: Sequence[Group], at: datetime) -> _Found:
        lon, lat, _, limit, radius_m, _, _ = zip(*asks, strict=True)
        reach = [FARTHEST_M if radius is None else radius for radius in radius_m]
        sought = Sought(np.array(lon), np.array(lat), np.array(limit), np.array(reach))
        here, terrain = Standpoints(sought.lon, sought.lat), self._terrain(at)
        rows, metres = terrain.nearest(here, sought, groups)
        if not len(self):
            return _Found(rows[:, :0].ravel(), np.empty(0), np.empty(0), [0] * len(asks))
        there = (metres < np.inf) & (np.arange(metres.shape[1]) < sought.limit[:, None])
        bearings = np.round(here.bearings(terrain.earth(rows))[there], 1) % 360
        return _Found(rows[there], metres[there], bearings, there.sum(axis=1).tolist())

    def _pieces(self, found: _Found, crs: Datum, at: datetime) -> list[bytes]:
        texts, shared, status = (self._of(name, found.rows) for name in ("text", "shared", "status"))
        kinds = kind_of(shared, status).tolist()
        told = self.clock.minute(at).told(kinds)
        if self._closing:
            when, common = Moment(at, self.clock.calendar), self.lexicon.shared
            for number, row in enumerate(found.rows.tolist()):
                if row in self._closing:
                    told[number] = members(common[kinds[number] // STATUSES], state(self._closing[row], when))
        piece = self.lexicon.pieces.__getitem__
        return directory_text.pieces(crs, piece, texts.tolist(), told, found.metres, found.bearings)

    def _of(self, name: str, rows: Rows) -> NDArray[Any]:
        ground, fresh = getattr(self.ground.columns, name), getattr(self.fresh, name)
        if not len(fresh):
            return ground[rows] if len(ground) else np.zeros(rows.shape, ground.dtype)
        beside = rows >= len(ground)
        values = ground[np.where(beside, 0, rows)] if len(ground) else np.zeros(rows.shape, ground.dtype)
        values[beside] = fresh[rows[beside] - len(ground)]
        return values

    @cached_property
    def _closing(self) -> dict[int, Mapping[str, Any]]:
        """What decides the state of the stations with closures, by row."""
        cards, (ground, beside) = self.closures.cards, self._rows(self.closures.cards)
        ids = whole(np.concatenate([self.ground.columns.ids[ground], self.fresh.ids[beside]]))
        rows = [*ground.tolist(), *(beside + len(self.ground.columns)).tolist()]
        return {row: cards[key] for row, key in zip(rows, ids, strict=True)}

    def _rows(self, keys: Iterable[bytes]) -> tuple[Rows, Rows]:
        """The rows of these stations in the ground, where they stand there still, and in the fresh."""
        keys = list(keys)
        ground = self.ground.columns.rows(keys)
        return ground[~self.replaced[ground]], self.fresh.rows(keys)

    def _terrain(self, at: datetime) -> Terrain:
        """What is searched at an instant."""
        span = self.closures.span(at)
        known = self._terrains.get(span)
        if known is None:
            barred = np.concatenate([self.replaced, np.zeros(len(self.fresh), bool)])
            ground, beside = self._rows(self.closures.closed(at))
            barred[ground], barred[len(self.ground.columns) + beside] = True, True
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

    def revisions(self, ids: NDArray[np.bytes_]) -> NDArray[np.int32]:
        """The revisions of these stations; 0 for one that is not here."""
        known = np.zeros(len(ids), np.int32)
        which, rows = self.ground.columns.places(ids)
        known[which] = np.where(self.replaced[rows], 0, self.ground.columns.revision[rows])
        which, rows = self.fresh.places(ids)
        known[which] = self.fresh.revision[rows]
        return known

    def changed(self, keys: NDArray[np.bytes_], columns: Columns, cards: Mapping[bytes, Mapping[str, Any]]) -> "Stock":
        """These with `columns`, and nothing else, of the stations with the ids `keys`."""
        replaced = self.replaced.copy()
        replaced[self.ground.columns.rows(keys)] = True
        following = replace(
            self,
            fresh=self.fresh.without(self.fresh.rows(keys)).merged(columns),
            replaced=replaced,
            closures=self.closures.changed(whole(keys), cards),
            _terrains=OrderedDict(),
        )
        many = max(len(following.fresh), int(np.count_nonzero(replaced))) > MOST_FRESH
        return following.settled() if many else following

    def prepare(self, at: datetime) -> None:
        """Do beside the requests what those at this instant would otherwise wait for."""
        for each in (at, at + timedelta(minutes=1)):
            _ = self.clock.minute(each).open_rules
        self._terrain(at)
        _ = self._closing
        self.ground.prepare()

    def settled(self) -> "Stock":
        """The same with trees of what is there now."""
        return of(self.lexicon, self.clock, self.together, self.closures)

    @property
    def together(self) -> Columns:
        """All that is there now."""
        if not len(self.fresh) and not self.replaced.any():
            return self.ground.columns
        kept = self.ground.columns.without(np.flatnonzero(self.replaced))
        columns = kept.merged(self.fresh.repacked() if self.fresh.wasted > MOST_WASTED else self.fresh)
        return columns.repacked() if columns.wasted > MOST_WASTED else columns


def of(lexicon: Lexicon, clock: Clock, columns: Columns, closures: Closures) -> Stock:
    """A stock of these stations."""
    return Stock(lexicon, clock, Ground(columns), packed([], lexicon), closures, np.zeros(len(columns), bool))


def _groups(alike: Mapping[Filter, Sequence[int]]) -> list[Group]:
    """The riders who want the same, when they stand in this order."""
    ends = accumulate(map(len, alike.values()), initial=0)
    return [Group(asked, slice(*riders)) for asked, riders in zip(alike, pairwise(ends), strict=True)]


def _searched(ask: Ask, metres: Sequence[float]) -> float:
    """How far the search looked: it widens in steps until there are enough."""
    if ask.radius_m is not None:
        return ask.radius_m
    if len(metres) < ask.limit:
        return FARTHEST_M
    return _WIDTHS[bisect_left(STEPS_M, metres[-1])]


_WIDTHS = (*STEPS_M, FARTHEST_M)
