"""The stations of the directory as columns: numbers to search in, packed text to answer with.

Columns never change; others made of them share their text. `geo.directory_rows` packs what it reads into them.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.vocabulary import OPEN_FOR_USE, OperationalStatus

AT_ONCE = 4_096  # rows packed at a time, whose text is one piece
TOGETHER = 64  # rows whose rarely read rest is compressed together; AT_ONCE is a multiple
PIECE = 40  # bits of a place in the text that say where in the piece; those above say in which
MASK = (1 << PIECE) - 1
MARK = b"\x1f"  # between the parts of a text
OPERATIONAL = tuple(sorted(OperationalStatus, key=lambda status: status not in OPEN_FOR_USE))


@dataclass(frozen=True)
class Columns:
    """Stations in the order of their ids: arrays of one length, pieces of text, blocks of compressed rests."""

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
    rule: NDArray[np.int32]
    shared: NDArray[np.int32]
    place: NDArray[np.int64]  # of the packed text: its piece and where in it
    length: NDArray[np.int32]
    rest: NDArray[np.int64]  # of the rest: its block and line
    pieces: tuple[bytes, ...]
    blocks: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which of them riders may be sent to, closures aside."""
        return self.status < len(OPEN_FOR_USE)

    def rows(self, keys: Iterable[bytes]) -> NDArray[np.intp]:
        """The rows of those of these stations that are here."""
        wanted = np.array(sorted(keys), "S16")
        if not len(self.ids) or not len(wanted):
            return np.empty(0, np.intp)
        found = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        return np.asarray(found[self.ids[found] == wanted])

    def text(self, row: int) -> list[bytes]:
        """The packed text of a row, taken apart."""
        place = int(self.place[row])
        start = place & MASK
        return self.pieces[place >> PIECE][start : start + int(self.length[row])].split(MARK)

    def without(self, rows: NDArray[np.intp]) -> "Columns":
        """All but these rows."""
        return self.taken(np.delete(np.arange(len(self)), rows))

    def merged(self, other: "Columns") -> "Columns":
        """These and others, which share no id with them; no text is copied."""
        before = np.searchsorted(self.ids, other.ids)
        order = np.insert(np.arange(len(self)), before, len(self) + np.arange(len(other)))
        moved = replace(
            other,
            place=other.place + (len(self.pieces) << PIECE),
            rest=other.rest + len(self.blocks) * TOGETHER,
            pieces=self.pieces + other.pieces,
            blocks=self.blocks + other.blocks,
        )
        both = {name: np.concatenate([getattr(self, name), getattr(moved, name)]) for name in ARRAYS}
        return moved.with_arrays(both).taken(order)

    def repacked(self) -> "Columns":
        """The same, with text that nothing refers to left out."""
        pieces: list[bytes] = []
        places: list[NDArray[np.int64]] = []
        for start in range(0, len(self), AT_ONCE):
            rows = range(start, min(start + AT_ONCE, len(self)))
            texts = [MARK.join(self.text(row)) for row in rows]
            places.append(places_of(texts, len(pieces)))
            pieces.append(b"".join(texts))
        lines = [self.rest_of(row) for row in range(len(self))]
        blocks = tuple(blocks_of(lines))
        return replace(
            self,
            place=np.concatenate([*places, places_of([], 0)]),
            rest=np.arange(len(self)),
            pieces=tuple(pieces),
            blocks=blocks,
        )

    @property
    def wasted(self) -> float:
        """The share of the text that nothing refers to any more."""
        held = sum(map(len, self.pieces))
        return 1 - int(self.length.sum()) / held if held else 0.0

    def rest_of(self, row: int) -> bytes:
        """What nearest does not show of a row, as it was read."""
        block, line = divmod(int(self.rest[row]), TOGETHER)
        return zlib.decompress(self.blocks[block]).split(b"\n")[line]

    def taken(self, rows: NDArray[np.intp]) -> "Columns":
        """These rows, in this order; it must be that of their ids."""
        return self.with_arrays({name: getattr(self, name)[rows] for name in ARRAYS})

    def with_arrays(self, arrays: dict[str, NDArray[Any]]) -> "Columns":
        """Others with the same text."""
        return replace(self, **arrays)  # type: ignore[arg-type]  # the names are those of arrays


ARRAYS = tuple(each.name for each in fields(Columns) if each.name not in {"pieces", "blocks"})


def places_of(texts: Sequence[bytes], piece: int) -> NDArray[np.int64]:
    """The places of texts that are put together to this piece."""
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    return ends - np.array([len(text) for text in texts], np.int64) + (piece << PIECE)


def blocks_of(lines: Sequence[bytes]) -> Iterator[bytes]:
    """Rests, compressed together."""
    for start in range(0, len(lines), TOGETHER):
        yield zlib.compress(b"\n".join(lines[start : start + TOGETHER]), 1)
