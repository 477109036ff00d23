"""The directory: all published stations in memory, answering nearest as PostGIS would.

A snapshot that never changes; `apply` makes the next one, and `geo.follower` keeps one current. What it holds is
`geo.directory_stock`. Not for what is not published.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session

from geo import db, directory_list, directory_rows, directory_stock, directory_text, errors, holidays
from geo.directory_changes import Cards, Changes, Revisions, noting
from geo.directory_clock import Clock, Closures
from geo.directory_columns import OPERATIONAL, Columns, whole
from geo.directory_rows import Lexicon
from geo.directory_stock import Stock
from geo.hours import Calendar
from geo.opening import Moment
from geo.search import Ask, Cells, Listing
from geo.vocabulary import PublicationStatus

END = 2**63 - 1  # behind every position of the feed


@dataclass(frozen=True)
class Directory:
    """The published stations as of an instant; `epoch` and `position` say up to where in which feed."""

    as_of: datetime
    epoch: str
    position: int
    stock: Stock
    gone: Mapping[bytes, int] = field(default_factory=dict)  # revisions of those that are published no more

    @classmethod
    def load(cls, session: Session) -> "Directory":
        """All published stations and the position of the feed: of one snapshot in a REPEATABLE READ transaction."""
        head = session.execute(db.sql("directory_feed"), {"position": END}).one()
        lexicon, cards = Lexicon(), Cards()
        columns = directory_rows.packed(noting(directory_rows.read(session), cards), lexicon)
        clock = Clock(holidays.current(session), lexicon)
        stock = directory_stock.of(lexicon, clock, columns, Closures(cards))
        return cls(head.at, head.epoch, head.xmin, stock)

    @property
    def count(self) -> int:
        """How many stations are published."""
        return len(self.stock)

    @property
    def tally(self) -> tuple[int, int, int]:
        """How many stations, their revisions added up, and added up by the numbers of their codes."""
        revision, number = self.stock.together.revision.astype(np.int64), self.stock.together.number
        return len(revision), int(revision.sum()), int((revision * number).sum())

    def nearest(self, asks: Sequence[Ask]) -> list[bytes]:
        """The stations nearest to each rider, as a FeatureCollection in JSON: `search.nearest`, but from memory."""
        return self.stock.nearest(asks, self.as_of)

    def find(self, key: str) -> Mapping[str, Any]:
        """The station with this id or code, as a row of `station_card`. Raises `StationNotFound`."""
        code = re.fullmatch(r"YZ(\d{8})\d\d", key.strip().upper())
        found = self.stock.find_numbered(int(code[1])) if code else self.stock.find(_id(key))
        if found is None:
            raise errors.StationNotFound
        card = self._card(*found)
        if code and card["code"] != code[0]:
            raise errors.StationNotFound
        return card

    def page(self, listing: Listing, *, limit: int, after: UUID | None = None, when: Moment) -> list[Mapping[str, Any]]:
        """`search.page`, but from memory: rows of `station_card`. Raises `DatabaseUnavailable` for what it cannot."""
        places = directory_list.page(self.stock, listing, limit=limit, after=after, when=when)
        return [self._card(*place) for place in places]

    def cells(self, listing: Listing, *, cell_deg: float, at: datetime | None = None) -> Cells:
        """How many stations of a listing there are where: `directory_list.cells`."""
        return directory_list.cells(self.stock, listing, cell_deg=cell_deg, when=self.moment(at))

    def moment(self, at: datetime | None = None) -> Moment:
        """This instant by the clock of this machine, or the one given, with the calendar known here."""
        return Moment(at or datetime.now(UTC), self.stock.clock.calendar)

    def _card(self, columns: Columns, row: int) -> Mapping[str, Any]:
        words = self.stock.lexicon
        shared = words.shared[int(columns.shared[row])]
        return {
            **directory_text.properties(columns.text[row], words.pieces.__getitem__, shared),
            **directory_rows.rest(columns.rest_of(row)),
            "lon": float(columns.lon[row]),
            "lat": float(columns.lat[row]),
            "revision": int(columns.revision[row]),
            "operational_status": OPERATIONAL[int(columns.status[row])].value,
            "publication_status": PublicationStatus.PUBLISHED.value,
        }

    def apply(self, changes: Changes, at: datetime) -> "Directory":
        """The directory after these; one older than what is known changes nothing, so any may come twice."""
        changes = changes.since(self._revisions)
        if not len(changes):
            return replace(self, as_of=at)
        gone = dict(zip(whole(changes.gone), changes.gone_at.tolist(), strict=True))
        if self.gone:
            news = set(whole(changes.ids))
            gone |= {key: revision for key, revision in self.gone.items() if key not in news}
        return replace(
            self, as_of=at, stock=self.stock.changed(changes.ids, changes.published, changes.cards), gone=gone
        )

    def by_calendar(self, calendar: Calendar) -> "Directory":
        """The same by another calendar of holidays."""
        if calendar == self.stock.clock.calendar:
            return self
        return replace(self, stock=replace(self.stock, clock=Clock(calendar, self.stock.lexicon)))

    def moved(self, at: datetime, position: int) -> "Directory":
        """The same, known to be true at a later instant, up to a later position of the feed."""
        return replace(self, as_of=at, position=position)

    def prepare(self, at: datetime) -> None:
        """Do now, beside the requests, what those at this instant would otherwise wait for."""
        self.stock.prepare(at)

    def _revisions(self, ids: NDArray[np.bytes_]) -> Revisions:
        """What is known of these stations: their revisions, 0 for the unknown."""
        known = self.stock.revisions(ids)
        for number, key in enumerate(whole(ids) if self.gone else ()):
            known[number] = self.gone.get(key, known[number])
        return known


def _id(key: str) -> bytes:
    try:
        return UUID(key).bytes
    except ValueError:
        raise errors.StationNotFound from None
