"""Which stations of the directory are nearest, exactly: by the distance on the ellipsoid, ties by id.

The trees find by the chord c, the straight line through the ground. The way s over the ellipsoid is never shorter,
so nothing unseen is nearer than the k-th s once the next chord exceeds that. Not for the clock, nor for answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.directory_columns import Columns
from geo.directory_ground import ANYTHING, Filter, Ground, Rows, Selection
from geo.distance import Standpoints

Metres = NDArray[np.float64]

MORE = 6  # fetched beyond the limit: for stations at one position, and those changed since the tree was built
ENOUGH = 1.3  # times as many as would do if those that pass were spread evenly
AGAIN = 8  # times as many when that did not do


class Sought(NamedTuple):
    """What riders seek: from where, how many at most, how far away at most; an element for each of them."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    limit: NDArray[np.intp]
    reach_m: NDArray[np.float64]

    def of(self, riders: slice) -> "Sought":
        """What some of them seek."""
        return Sought(self.lon[riders], self.lat[riders], self.limit[riders], self.reach_m[riders])


class Group(NamedTuple):
    """Riders next to each other who want the same."""

    asked: Filter
    riders: slice


class Found(NamedTuple):
    """What was found for riders: a row each, nearest first; where there is no more, the distance is infinite."""

    rows: Rows
    metres: Metres


class _Candidates(NamedTuple):
    """What may be nearest to riders, a row each: by which chord; up to which chord there is nothing else."""

    chords: Metres
    rows: Rows
    ranks: Rows  # the order of those equally far away
    upto: Metres


@dataclass(frozen=True)
class Terrain:
    """What is searched: the ground with its trees; beside it, fresh, what has changed since; and what is barred.

    A row below the length of the ground's columns is one of those, the others are of `fresh`.
    """

    ground: Ground
    fresh: Columns
    ranks: NDArray[np.int64]  # of the fresh, among those of the ground, by id
    barred: NDArray[np.bool_] | None  # rows that nobody is sent to: replaced, gone, or closed at the instant

    def nearest(self, here: Standpoints, sought: Sought, groups: Sequence[Group]) -> Found:
        """The stations found for riders who stand here; one call of a tree serves a group, one of the rest all."""
        each = [self._candidates(here.earth[riders], sought.of(riders), asked) for asked, riders in groups]
        candidates = _beside(each)
        found = self._ranked(here, sought, candidates)
        unsettled = _unsettled(found, sought, candidates.upto)
        for asked, riders in groups if len(unsettled) else ():
            for number in unsettled[(unsettled >= riders.start) & (unsettled < riders.stop)].tolist():
                again = self._settled(sought.of(slice(number, number + 1)), asked)
                wide = again.rows.shape[1]
                found.rows[number, :wide], found.metres[number] = again.rows[0], np.inf
                found.metres[number, :wide] = again.metres[0]
        return found

    def _settled(self, one: Sought, asked: Filter) -> Found:
        """What is found for one rider when more is looked at, and at last all that is no farther than what is known."""
        here = Standpoints(one.lon, one.lat)
        candidates = self._candidates(here.earth, one, asked, AGAIN)
        found = self._ranked(here, one, candidates)
        if not len(_unsettled(found, one, candidates.upto)):
            return found
        last = min(found.metres[0, one.limit[0] - 1], one.reach_m[0])
        selection, _ = self.ground.selected(asked)
        near = _within(selection, here.earth, float(last))
        return self._ranked(here, one, self._passing(here.earth, near, asked, asked))

    def _candidates(self, earth: Metres, sought: Sought, asked: Filter, times: int = 1) -> _Candidates:
        """As many as are enough for most riders who stand there; `times` as many for those they are not."""
        selection, share = self.ground.selected(asked)
        most = int(sought.limit.max())
        count = most + MORE if share == 1 else int(most / share * ENOUGH) + MORE
        seen = _seen(selection, earth, count * times, float(sought.reach_m.max()))
        return self._passing(earth, seen, asked if selection is self.ground.whole else ANYTHING, asked)

    def _passing(self, earth: Metres, seen: _Candidates, left: Filter, asked: Filter) -> _Candidates:
        """Those that pass what is `left` of the filter and are not barred, and the fresh that pass all of it."""
        chords, rows, _, upto = seen
        if left != ANYTHING:
            chords = np.where(left.passing(self.ground.columns, rows), chords, np.inf)
        if self.barred is not None:
            chords = np.where(self.barred[rows], np.inf, chords)
        if not len(self.fresh):
            return _Candidates(chords, rows, rows, upto)
        return self._with_fresh(earth, _Candidates(chords, rows, rows, upto), asked)

    def _ranked(self, here: Standpoints, sought: Sought, candidates: _Candidates) -> Found:
        """Those of the candidates that are within reach, in their order."""
        chords, rows, ranks, _ = candidates
        metres = here.metres(chords, lambda: self.earth(rows))
        metres[metres > sought.reach_m[:, None]] = np.inf
        most = int(sought.limit.max())
        if ranks is not rows or not (metres[:, 1:] > metres[:, :-1]).all():  # else a tree had them in their order
            order = np.lexsort((ranks, metres))[:, :most]
            each = np.arange(len(order))[:, None]
            metres, rows = metres[each, order], rows[each, order]
        metres, rows = metres[:, :most], rows[:, :most]
        if metres.shape[1] < most:
            spare = ((0, 0), (0, most - metres.shape[1]))
            metres, rows = np.pad(metres, spare, constant_values=np.inf), np.pad(rows, spare)
        return Found(rows, metres)

    def _with_fresh(self, earth: Metres, seen: _Candidates, asked: Filter) -> _Candidates:
        fresh, count = self.fresh, len(self.ground.columns)
        passes = np.flatnonzero(fresh.usable & asked.passing(fresh, np.arange(len(fresh))))
        if self.barred is not None:
            passes = passes[~self.barred[count + passes]]
        added = np.linalg.norm(fresh.earth[passes] - earth[:, None], axis=2)
        shape = added.shape
        return _Candidates(
            np.concatenate([seen.chords, added], axis=1),
            np.concatenate([seen.rows, np.broadcast_to(count + passes, shape)], axis=1),
            np.concatenate([seen.rows << 16, np.broadcast_to(self.ranks[passes], shape)], axis=1),
            seen.upto,
        )

    def earth(self, rows: Rows) -> Metres:
        """Where stations are, earth-centred."""
        if not len(self.fresh):
            return self.ground.columns.earth[rows]
        count = len(self.ground.columns)
        beside = rows >= count
        places = self.ground.columns.earth[np.where(beside, 0, rows)] if count else np.empty((*rows.shape, 3))
        places[beside] = self.fresh.earth[rows[beside] - count]
        return places


def _unsettled(found: Found, sought: Sought, upto: Metres) -> Rows:
    """The riders who may have something nearer than what was found, as it was not looked at."""
    last = np.minimum(found.metres[np.arange(len(upto)), sought.limit - 1], sought.reach_m)
    return np.flatnonzero(upto <= last)


def _beside(groups: Sequence[_Candidates]) -> _Candidates:
    """The candidates of all groups; those of groups with fewer are followed by what is infinitely far away."""
    if len(groups) == 1:
        return groups[0]
    wide = max(some.chords.shape[1] for some in groups)

    def together(parts: Sequence[NDArray[Any]], spare: float) -> NDArray[Any]:
        narrow = (wide - part.shape[1] for part in parts)
        padded = zip(parts, narrow, strict=True)
        return np.concatenate(
            [np.pad(part, ((0, 0), (0, more)), constant_values=spare) if more else part for part, more in padded]
        )

    chords, rows, ranks, upto = zip(*groups, strict=True)
    all_rows = together(rows, 0)
    alike = all(some.rows is some.ranks for some in groups)
    return _Candidates(
        together(chords, np.inf), all_rows, all_rows if alike else together(ranks, 0), np.concatenate(upto)
    )


def _seen(selection: Selection, earth: Metres, count: int, reach_m: float) -> _Candidates:
    """So many nearest to each place, or all where there is no tree, which are few."""
    size = len(selection.rows)
    if selection.tree is None:
        chords = np.linalg.norm(selection.earth - earth[:, None], axis=2)
        rows = np.broadcast_to(selection.rows, chords.shape)
        return _Candidates(chords, rows, rows, np.full(len(earth), np.inf))
    chords, at = map(np.asarray, selection.tree.query(earth, count, distance_upper_bound=reach_m + 1))
    at[at == size] = 0  # there is no such station: its chord is infinite
    rows = selection.rows[at]
    return _Candidates(chords, rows, rows, chords[:, -1])


def _within(selection: Selection, earth: Metres, reach_m: float) -> _Candidates:
    """All within reach of one place."""
    assert selection.tree is not None  # noqa: S101 - without a tree all candidates are seen
    at = np.array(selection.tree.query_ball_point(earth[0], reach_m + 1e-6), np.intp)
    chords, rows = np.linalg.norm(selection.earth[at] - earth, axis=1)[None], selection.rows[at][None]
    return _Candidates(chords, rows, rows, np.full(1, np.inf))
