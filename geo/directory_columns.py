"""The stations of the directory as columns: numbers to search in, text to answer with.

Columns never change; others made of them share their text. `geo.directory_rows` packs what it reads into them.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import accumulate, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.vocabulary import OPEN_FOR_USE, OperationalStatus

TOGETHER = 64  # rows whose rarely read rest is compressed together
MARK = b"\x1f"  # between the parts of a text
OPERATIONAL = tuple(sorted(OperationalStatus, key=lambda status: status not in OPEN_FOR_USE))

Keys = NDArray[np.bytes_] | Sequence[bytes]  # 16 bytes each; an array shows none of the zeros that one ends in


@dataclass(frozen=True)
class Columns:
    """Stations in the order of their ids: arrays of one length, and blocks of compressed rests."""

    ids: NDArray[np.bytes_]
    revision: NDArray[np.int32]
    number: NDArray[np.int64]  # the digits of its code, without the check
    status: NDArray[np.uint8]  # index in OPERATIONAL
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    earth: NDArray[np.float64]  # earth-centred, metres; n x 3
    facilities: NDArray[np.uint64]  # bits of the working ones
    words: NDArray[np.uint64]  # bits of kind, serves, entry modes, no registration
    manager: NDArray[np.int32]
    adcode: NDArray[np.int32]  # of the finest division it lies in; 0 where that is unknown
    rule: NDArray[np.int32]
    shared: NDArray[np.int32]
    text: NDArray[np.object_]  # what is its own, as bytes
    rest: NDArray[np.int64]  # of the rest: its block and line
    blocks: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which of them riders may be sent to, closures aside."""
        return self.status < len(OPEN_FOR_USE)

    def rows(self, keys: Keys) -> NDArray[np.intp]:
        """The rows of those of these stations that are here."""
        return self.places(keys)[1]

    def places(self, keys: Keys) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Of those of these stations that are here: which of the keys they are, and their rows."""
        wanted = np.asarray(keys, "S16")
        if not len(self.ids):
            return np.empty(0, np.intp), np.empty(0, np.intp)
        found = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        here = np.flatnonzero(self.ids[found] == wanted)
        return here, found[here]

    def without(self, rows: NDArray[np.intp]) -> "Columns":
        """All but these rows."""
        return self.taken(np.delete(np.arange(len(self)), rows))

    def merged(self, other: "Columns") -> "Columns":
        """These and others, which share no id with them; no text is copied."""
        before = np.searchsorted(self.ids, other.ids)
        order = np.insert(np.arange(len(self)), before, len(self) + np.arange(len(other)))
        moved = replace(other, rest=other.rest + len(self.blocks) * TOGETHER, blocks=self.blocks + other.blocks)
        both = {name: np.concatenate([getattr(self, name), getattr(moved, name)]) for name in ARRAYS}
        return moved.with_arrays(both).taken(order)

    def repacked(self) -> "Columns":
        """The same, with rests that nothing refers to left out."""
        order = np.argsort(self.rest)  # each block is opened once
        rest = np.empty(len(self), np.int64)
        rest[order] = np.arange(len(self))
        return replace(self, rest=rest, blocks=tuple(blocks_of(self._lines(self.rest[order].tolist()))))

    def _lines(self, places: Iterable[int]) -> Iterator[bytes]:
        open_block, lines = -1, list[bytes]()
        for place in places:
            block, line = divmod(place, TOGETHER)
            if block != open_block:
                open_block, lines = block, zlib.decompress(self.blocks[block]).split(b"\n")
            yield lines[line]

    @property
    def wasted(self) -> float:
        """The share of the rests that nothing refers to any more."""
        return 1 - len(self) / (TOGETHER * len(self.blocks)) if self.blocks else 0.0

    def rest_of(self, row: int) -> bytes:
        """What nearest does not show of a row, as it was read."""
        return next(self._lines([int(self.rest[row])]))

    def taken(self, rows: NDArray[np.intp]) -> "Columns":
        """These rows, in this order; it must be that of their ids."""
        return self.with_arrays({name: getattr(self, name)[rows] for name in ARRAYS})

    def with_arrays(self, arrays: dict[str, NDArray[Any]]) -> "Columns":
        """Others with the same text."""
        return replace(self, **arrays)  # type: ignore[arg-type]  # the names are those of arrays


def joined(parts: Sequence[Columns]) -> Columns:
    """One of some, at least one, that share no id; no text is copied."""
    begun = accumulate((len(part.blocks) * TOGETHER for part in parts), initial=0)
    moved = [replace(part, rest=part.rest + start) for part, start in zip(parts, begun, strict=False)]
    both = {name: np.concatenate([getattr(part, name) for part in moved]) for name in ARRAYS}
    blocks = tuple(block for part in parts for block in part.blocks)
    return replace(parts[0], blocks=blocks).with_arrays(both).taken(np.argsort(both["ids"]))


def whole(ids: NDArray[np.bytes_]) -> list[bytes]:
    """The ids as 16 bytes each, with the zeros they may end in."""
    return [key.ljust(16, b"\0") for key in ids.tolist()]


ARRAYS = tuple(each.name for each in fields(Columns) if each.name != "blocks")


def blocks_of(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Rests, compressed together."""
    waiting = iter(lines)
    while block := list(islice(waiting, TOGETHER)):
        yield zlib.compress(b"\n".join(block), 1)
