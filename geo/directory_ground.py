"""The stations of the directory with trees to find the nearest in: of all that can be used, and of those that pass
a filter.

Trees are kept by filter for as long as there is room; the larger are built by whoever follows the feed.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geo.directory_columns import Columns
from geo.directory_rows import ENTRIES, FACILITIES, KINDS, NO_REGISTRATION, SERVES
from geo.search import Wanted

Rows = NDArray[np.intp]

FEW = 128  # stations that are looked through one by one in the time a tree takes
BROAD = 0.45  # share of the stations from which all are searched for those that pass, instead of a tree of their own
AT_ONCE = 10_000  # stations whose tree is built while a request waits
KEPT = 64  # filters that are remembered
ROOM = 2  # their larger trees together have at most this many times the stations there are: 50 bytes each
IDLE_S = 60.0  # after which a larger tree makes way


class Filter(NamedTuple):
    """What a station must have, as bits; equal ones share what was found out about them."""

    facilities: int = 0
    any_facility: int = 0
    kinds: int = 0
    serves: int = 0
    entries: int = 0
    registration: int = 0
    managers: tuple[int, ...] | None = None
    open_rules: bytes | None = None  # a byte for each rule: is it open?

    def passing(self, columns: Columns, rows: Rows) -> NDArray[np.bool_]:
        """Which of these rows pass."""
        passes = np.ones(columns.status[rows].shape, bool)
        if self.facilities:
            wanted = np.uint64(self.facilities)
            passes &= columns.facilities[rows] & wanted == wanted
        if self.any_facility:
            passes &= columns.facilities[rows] & np.uint64(self.any_facility) != 0
        for asked in filter(None, (self.kinds, self.serves, self.entries, self.registration)):
            passes &= columns.words[rows] & np.uint64(asked) != 0
        if self.managers is not None:
            passes &= np.isin(columns.manager[rows], self.managers)
        if self.open_rules is not None:
            passes &= np.frombuffer(self.open_rules, bool)[columns.rule[rows]]
        return passes


ANYTHING = Filter()


def filter_of(wanted: Wanted, managers: Mapping[bytes, int], open_rules: bytes | None) -> Filter:
    """The filter that means this; an organisation without a station has no number, and nothing passes."""
    known = (managers.get(code.encode()) for code in wanted.managed_by)
    return Filter(
        _any(FACILITIES, wanted.facility),
        _any(FACILITIES, wanted.facility_any),
        _any(KINDS, wanted.kind),
        _any(SERVES, wanted.serves),
        _any(ENTRIES, wanted.entry),
        NO_REGISTRATION * wanted.no_registration,
        tuple(sorted(number for number in known if number is not None)) if wanted.managed_by else None,
        open_rules,
    )


def _any(bits: Mapping[bytes, int], words: Sequence[str]) -> int:
    asked = 0
    for word in words:
        asked |= bits[word.encode()]
    return asked


@dataclass
class Selection:
    """Usable stations that pass a filter, by row, and a tree of them once that is built."""

    rows: Rows
    earth: NDArray[np.float64]
    tree: cKDTree | None = None
    used_at: float = 0.0

    def plant(self) -> None:
        """Build the tree. Without the lock of the interpreter, so others go on.

        Twice: the second has neighbours beside each other in memory too, and is searched in three quarters of the time.
        """
        if len(self.rows):
            order = cKDTree(self.earth, copy_data=False).indices
            self.rows, self.earth = self.rows[order], self.earth[order]
            self.tree = cKDTree(self.earth, copy_data=False)


@dataclass
class Ground:
    """The stations as they were when the trees were built; what changes later lies beside it until the next one."""

    columns: Columns
    whole: Selection = field(init=False)
    _known: OrderedDict[Filter, Selection | float] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.whole = self._selection(np.flatnonzero(self.columns.usable))
        self.whole.plant()

    def selected(self, asked: Filter) -> tuple[Selection, float]:
        """Where to search: all stations with the share of them that passes, or just those that do, and 1."""
        if asked == ANYTHING:
            return self.whole, 1.0
        known = self._known.get(asked)
        if known is None:
            known = self._keep(asked, self._select(asked))
        if isinstance(known, float):
            return self.whole, known
        known.used_at = time.monotonic()
        if known.tree is None and len(known.rows) > FEW:
            return self.whole, len(known.rows) / len(self.whole.rows)
        return known, 1.0

    def prepare(self) -> None:
        """Build the trees that were wanted and too large to be waited for."""
        with self._lock:
            waiting = [each for each in self._known.values() if isinstance(each, Selection) and each.tree is None]
        for each in waiting:
            if len(each.rows) > FEW:
                each.plant()

    def _select(self, asked: Filter) -> Selection | float:
        rows = self.whole.rows
        passes = asked.passing(self.columns, rows)
        share = float(passes.mean()) if len(rows) else 0.0
        if share >= BROAD and passes.sum() > FEW:
            return share
        found = self._selection(rows[passes])
        if FEW < len(found.rows) <= AT_ONCE:
            found.plant()
        return found

    def _keep(self, asked: Filter, found: Selection | float) -> Selection | float:
        """Remember what was found out; a large selection only where there is room, as its tree is dear."""
        with self._lock:
            if isinstance(found, Selection) and len(found.rows) > AT_ONCE and not self._room(len(found.rows)):
                found = len(found.rows) / len(self.whole.rows)
            self._known[asked] = found
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return found

    def _room(self, rows: int) -> bool:
        """Whether so many rows fit in; large selections that nobody has asked for of late make way."""
        large = {key: each for key, each in self._known.items() if isinstance(each, Selection)}
        for key, each in large.items():
            if len(each.rows) > AT_ONCE and time.monotonic() - each.used_at > IDLE_S:
                del self._known[key]
        held = sum(len(each.rows) for each in self._known.values() if isinstance(each, Selection))
        return held + rows <= ROOM * len(self.columns)

    def _selection(self, rows: Rows) -> Selection:
        return Selection(rows, self.columns.earth[rows])
