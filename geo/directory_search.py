"""Which stations of the directory are nearest, exactly: by the distance on the ellipsoid, ties by id.

The trees find by the chord c, the straight line through the ground. The way s over the ellipsoid is never shorter,
so nothing unseen is nearer than the k-th s once the next chord exceeds that. Not for the clock, nor for answers.
"""

from dataclasses import dataclass
from typing import NamedTuple

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

    def one(self, number: int) -> "Sought":
        """What one of them seeks."""
        only = slice(number, number + 1)
        return Sought(self.lon[only], self.lat[only], self.limit[only], self.reach_m[only])


class Found(NamedTuple):
    """What was found for riders: a row each, nearest first; where there is no more, the distance is infinite."""

    rows: Rows
    metres: Metres


@dataclass(frozen=True)
class Terrain:
    """What is searched: the ground with its trees; beside it, fresh, what has changed since; and what is barred.

    A row below the length of the ground's columns is one of those, the others are of `fresh`.
    """

    ground: Ground
    fresh: Columns
    ranks: NDArray[np.int64]  # of the fresh, among those of the ground, by id
    barred: NDArray[np.bool_] | None  # rows that nobody is sent to: replaced, gone, or closed at the instant

    def nearest(self, here: Standpoints, sought: Sought, asked: Filter) -> Found:
        """The stations found for riders who stand here; one call of a tree serves all."""
        selection, share = self.ground.selected(asked)
        most, reach = int(sought.limit.max()), float(sought.reach_m.max())
        count = most + MORE if share == 1 else int(most / share * ENOUGH) + MORE
        for fetched in (count, count * AGAIN):
            chords, rows, seen = _candidates(selection, here.earth, fetched, reach)
            found = self._ranked(here, sought, chords, rows, asked)
            last = np.minimum(found.metres[np.arange(len(seen)), sought.limit - 1], sought.reach_m)
            unsettled = np.flatnonzero(seen <= last)
            if not len(unsettled):
                return found
            if len(sought.lon) > 1 or np.isfinite(found.metres[0, sought.limit[0] - 1]):
                break
        return self._settled(sought, asked, selection, found, unsettled)

    def _settled(self, sought: Sought, asked: Filter, selection: Selection, found: Found, rows: Rows) -> Found:
        """What was found, with these riders asked for one by one, and all their candidates looked at."""
        for number in rows.tolist():
            one = sought.one(number)
            here = Standpoints(one.lon, one.lat)
            if len(sought.lon) > 1:
                again = self.nearest(here, one, asked)
            else:
                last = min(found.metres[0, one.limit[0] - 1], one.reach_m[0])
                again = self._ranked(here, one, *_within(selection, here.earth, float(last)), asked)
            wide = again.rows.shape[1]
            found.rows[number, :wide], found.metres[number] = again.rows[0], np.inf
            found.metres[number, :wide] = again.metres[0]
        return found

    def _ranked(self, here: Standpoints, sought: Sought, chords: Metres, rows: Rows, asked: Filter) -> Found:
        """Those of the candidates, and of the fresh, that pass, are not barred and within reach; in their order."""
        columns = self.ground.columns
        if asked != ANYTHING:
            chords = np.where(asked.passing(columns, rows), chords, np.inf)
        if self.barred is not None:
            chords = np.where(self.barred[rows], np.inf, chords)
        ranks = rows
        if len(self.fresh):
            chords, rows, ranks = self._with_fresh(here, chords, rows, asked)
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

    def _with_fresh(self, here: Standpoints, chords: Metres, rows: Rows, asked: Filter) -> tuple[Metres, Rows, Rows]:
        fresh, count = self.fresh, len(self.ground.columns)
        passes = np.flatnonzero(fresh.usable & asked.passing(fresh, np.arange(len(fresh))))
        if self.barred is not None:
            passes = passes[~self.barred[count + passes]]
        added = np.linalg.norm(fresh.earth[passes] - here.earth[:, None], axis=2)
        shape = added.shape
        return (
            np.concatenate([chords, added], axis=1),
            np.concatenate([rows, np.broadcast_to(count + passes, shape)], axis=1),
            np.concatenate([rows << 16, np.broadcast_to(self.ranks[passes], shape)], axis=1),
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


def _candidates(selection: Selection, earth: Metres, count: int, reach_m: float) -> tuple[Metres, Rows, Metres]:
    """Chords and rows of so many nearest, and up to which chord nothing else is; infinite when that was all."""
    size = len(selection.rows)
    if selection.tree is None:
        chords = np.linalg.norm(selection.earth - earth[:, None], axis=2)
        return chords, np.broadcast_to(selection.rows, chords.shape), np.full(len(earth), np.inf)
    chords, at = map(np.asarray, selection.tree.query(earth, count, distance_upper_bound=reach_m + 1))
    at[at == size] = 0  # there is no such station: its chord is infinite
    return chords, selection.rows[at], chords[:, -1]


def _within(selection: Selection, earth: Metres, reach_m: float) -> tuple[Metres, Rows]:
    """Chords and rows of all within reach of one place."""
    assert selection.tree is not None  # noqa: S101 - without a tree all candidates are seen
    at = np.array(selection.tree.query_ball_point(earth[0], reach_m + 1e-6), np.intp)
    return np.linalg.norm(selection.earth[at] - earth, axis=1)[None], selection.rows[at][None]
