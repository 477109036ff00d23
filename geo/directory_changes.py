"""What became of stations, ready to be taken into the directory; packed here or, when there are many, elsewhere.

Reading and packing hold the interpreter, and it is the one that answers riders: many stations are packed by a process
of their own, which ends with the job. Taking them in is `geo.directory`.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from geo import db, directory_rows, workshop
from geo.directory_columns import Columns, joined, whole
from geo.directory_rows import Growth, Lexicon, Row

log = logging.getLogger("yizhan")

FEW = 1_000  # stations that are packed here: to start a process takes a second of another processor
AT_ONCE = 1_000  # stations of a message from there; the interpreter is held for a millisecond to read one

Cards = dict[bytes, Mapping[str, Any]]
Revisions = NDArray[np.int32]


@dataclass(frozen=True)
class Changes:
    """The stations that are published, those that are so no more, and what decides the state of those with closures."""

    published: Columns
    gone: NDArray[np.bytes_]
    gone_at: Revisions
    cards: Cards

    @classmethod
    def of(cls, rows: Iterable[Row], lexicon: Lexicon) -> "Changes":
        """Those that the rows tell of; of one that comes twice, the newer."""
        newest: dict[bytes, Row] = {}
        for row in rows:
            key = row.id
            if key not in newest or row.revision >= newest[key].revision:
                newest[key] = row
        cards = Cards()
        published = noting((row for row in newest.values() if row.published), cards)
        columns = directory_rows.packed(published, lexicon)
        gone = {key: row.revision for key, row in newest.items() if not row.published}
        return cls(columns, np.array([*gone], "S16"), np.array([*gone.values()], np.int32), cards)

    @classmethod
    def together(cls, parts: Sequence["Changes"]) -> "Changes":
        """One of some, at least one, that have no station in common."""
        return cls(
            joined([part.published for part in parts]),
            np.concatenate([part.gone for part in parts]),
            np.concatenate([part.gone_at for part in parts]),
            {key: card for part in parts for key, card in part.cards.items()},
        )

    def __len__(self) -> int:
        return len(self.published) + len(self.gone)

    @property
    def ids(self) -> NDArray[np.bytes_]:
        """The ids of all."""
        return np.concatenate([self.published.ids, self.gone])

    def since(self, known: Callable[[NDArray[np.bytes_]], Revisions]) -> "Changes":
        """Those that are not older than what is `known`: the revisions of stations by their ids."""
        news, left = (of >= known(ids) for ids, of in self._revisions())
        if news.all() and left.all():
            return self
        old = set(whole(self.published.ids[~news]))
        cards = {key: card for key, card in self.cards.items() if key not in old}
        return Changes(self.published.taken(np.flatnonzero(news)), self.gone[left], self.gone_at[left], cards)

    def _revisions(self) -> tuple[tuple[NDArray[np.bytes_], Revisions], tuple[NDArray[np.bytes_], Revisions]]:
        return (self.published.ids, self.published.revision), (self.gone, self.gone_at)


def noting(rows: Iterable[Row], cards: Cards) -> Iterator[Row]:
    """The rows; what decides the state of those with closures is put into `cards`."""
    for row in rows:
        if row.closures:
            cards[row.id] = row.closures
        yield row


def read(engine: Engine, ids: Sequence[str], lexicon: Lexicon) -> Changes:
    """What became of these stations, at least one, by what the database says now. Raises `DatabaseUnavailable`."""
    if len(ids) > FEW:
        try:
            return Changes.together(list(_elsewhere(engine, ids, lexicon)))
        except BrokenProcessPool:  # somebody killed it, for its memory perhaps
            log.warning("the process that packs stations died; they are packed beside the answers")
    with db.session(engine) as session:
        return Changes.of(directory_rows.read(session, ids), lexicon)


def _elsewhere(engine: Engine, ids: Sequence[str], lexicon: Lexicon) -> Iterator[Changes]:
    url = engine.url.render_as_string(hide_password=False)
    parts = [ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)]
    with workshop.apart(_Packer.begin, url, lexicon) as process:
        for changes, growth in process.map(_Packer.pack, parts):
            lexicon.grow(growth)
            yield changes


class _Packer:
    """In the other process: the database and a lexicon that grows as the one it was copied from will."""

    engine: Engine
    lexicon: Lexicon

    @classmethod
    def begin(cls, url: str, lexicon: Lexicon) -> None:
        cls.engine, cls.lexicon = db.make_engine(url, pool_size=1), lexicon

    @classmethod
    def pack(cls, ids: Sequence[str]) -> tuple[Changes, Growth]:
        """These stations, and what the lexicon learnt from them."""
        known = cls.lexicon.sizes
        with db.session(cls.engine) as session:
            changes = Changes.of(directory_rows.read(session, ids), cls.lexicon)
        return changes, cls.lexicon.since(known)
