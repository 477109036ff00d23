"""The change feed for others to follow: what changed since a place in it, as it is now, at least once.

The same feed as `geo.follower` reads. Whoever applies each item whose revision is higher than what it has, has the
published stations. Not for who changed what: that is a station's history.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import RowMapping
from sqlmodel import Session

from geo import db, errors


class Place(NamedTuple):
    """Up to where a reader has the feed: all of `epoch` up to (xid, seq), and of what lies ahead up to there."""

    epoch: str = ""
    xid: int = 0
    seq: int = 0
    ahead_xid: int = 0
    ahead_seq: int = 0

    def said(self) -> str:
        """In one line, for a cursor."""
        return "|".join(map(str, self))

    @classmethod
    def read(cls, said: str) -> "Place":
        """The place that `said` says."""
        epoch, *numbers = said.split("|")
        return cls(epoch, *map(int, numbers))


class Changes(NamedTuple):
    """Cards of stations that changed, those published no more among them, and where to go on."""

    rows: Sequence[RowMapping]
    place: Place


BEGIN = Place()


def page(session: Session, place: Place = BEGIN, *, limit: int) -> Changes:
    """The stations of the next `limit` changes. Raises `FeedRestarted` for a place of another database or time."""
    asked = place._asdict() | {"limit": limit}
    found = session.execute(db.sql("change_page"), asked).all()
    head, changes = found[0], [change for change in found if change.seq is not None]
    # Another database, or this one restored: transactions that this reader has seen are yet to come.
    if place.epoch not in {"", head.epoch} or max(place.xid, place.ahead_xid) > head.xmax:
        raise errors.FeedRestarted
    settled = [(change.xid, change.seq) for change in changes if change.settled]
    ahead = [(change.xid, change.seq) for change in changes if not change.settled]
    if len(settled) == limit:
        following = Place(head.epoch, *settled[-1])
    else:
        known = max((place.xid, place.seq), *settled[-1:], (head.xmin - 1, 2**63 - 1))
        following = Place(head.epoch, *known, *(ahead[-1] if len(changes) == limit else (0, 0)))
    ids = sorted({change.station_id for change in changes})
    return Changes(session.execute(db.sql("change_stations"), {"ids": ids}).mappings().all(), following)
