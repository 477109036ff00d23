"""What is said of a visit: the model that holds the rules, and a short way to what nearly everybody says.

`VisitDraft` refuses in words. `at_sight` reads what breaks no rule and is written as most write it; of everything else
it answers None, and the model decides. A property test holds the two together.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from geo import db, errors
from geo.instant import FIRST_YEAR, LAST_YEAR, Instant
from geo.stations import trimmed
from geo.vocabulary import Serves, VisitMethod

LARGEST_COUNT = 1_000_000
LONGEST = timedelta(days=366)
LONGEST_DEVICE = 100


NOTHING: Mapping[str, Any] = MappingProxyType({})
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Said:
    """A visit as the ledger takes it, each thing settled; keys as the text that they are stored and answered as."""

    station_id: str  # empty where the address says it
    id: str
    count: int
    started_at: datetime
    ended_at: datetime | None
    method: str
    complete: bool
    by_group: Mapping[str, int] | None
    device: str | None
    started: str  # the instants as text: to write them again takes as long as to read the rest
    ended: str | None


class Entry:
    """One visit on its way into the ledger: whose key, which station, what is said; then what became of it.

    Afterwards `row` is the visit as it stands recorded, `new` whether this entry made it; or `error` says why not.
    """

    __slots__ = (
        *("_row", "at", "draft", "error", "fact", "flags", "key", "new", "reason", "reverses", "said", "station_id"),
    )

    def __init__(
        self,
        key: str,
        station_id: UUID | str,
        draft: "VisitDraft | Said",
        reverses: UUID | None = None,
        reason: str | None = None,
    ) -> None:
        self.key, self.station_id, self.draft = key, str(station_id), draft
        self.said = draft if type(draft) is Said else draft.said()  # type: ignore[union-attr]  # it is the other
        self.reverses, self.reason = reverses, reason
        if reverses is not None:
            self.said = replace(self.said, count=-self.said.count)
        self.forget()

    def forget(self) -> None:
        """As if nothing had become of it yet."""
        self.fact: Mapping[str, Any] = NOTHING  # what is known of its key and station
        self.at = NEVER  # when it came, by the database's clock
        self.flags: Sequence[str] = ()
        self.new = False
        self.error: errors.YizhanError | None = None
        self._row: dict[str, Any] | None = None

    @property
    def row(self) -> Mapping[str, Any]:
        """The row that it makes, or that was there."""
        if self._row is None:
            said, fact = self.said, self.fact
            self._row = {
                "station_id": self.station_id,
                "id": said.id,
                "count": said.count,
                "started_at": said.started_at,
                "ended_at": said.ended_at,
                "method": said.method,
                "complete": said.complete,
                "by_group": said.by_group,
                "organisation": fact["organisation"],
                "device": said.device,
                "reverses": self.reverses,
                "reason": self.reason,
                "flags": list(self.flags),
                "recorded_by": fact["recorded_by"],
                "recorded_at": self.at,
            }
        return self._row

    def written(self) -> dict[str, Any]:
        """The row as `visit_enter` takes it: what is not said is left out."""
        return {name: value for name, value in self.row.items() if value is not None and name != "recorded_at"}

    def was_recorded(self, at: datetime) -> None:
        """It stands in the ledger since then."""
        self.at = at
        if self._row is not None:
            self._row["recorded_at"] = at

    def is_known(self, stands: Mapping[str, Any]) -> None:
        """The same was there."""
        self._row, self.flags = dict(stands), stands["flags"]


class VisitDraft(BaseModel):
    """A count over a period, by a method that sees everybody (`complete`) or does not."""

    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(description="made by the sender; the same again is the same visit")
    count: int = Field(1, ge=0, le=LARGEST_COUNT, description="visits; a report of 0 is not silence")
    started_at: Instant
    ended_at: Instant | None = None
    method: VisitMethod
    complete: bool | None = Field(
        None, description="whether the method sees everybody; left out: not for `qr_scan`, yes for the others"
    )
    by_group: dict[Serves, Annotated[int, Field(ge=0, le=LARGEST_COUNT)]] | None = None
    device: Annotated[str, trimmed(LONGEST_DEVICE)] | None = None

    @field_validator("count", mode="before")
    @classmethod
    def _counted(cls, value: object) -> object:
        if isinstance(value, bool):
            raise ValueError("expected a number")
        return value

    @field_validator("device")
    @classmethod
    def _storable(cls, value: str | None) -> str | None:
        if value is not None and (reason := db.unstorable(value)):
            raise ValueError(reason)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.ended_at is not None and not timedelta(0) < self.ended_at - self.started_at <= LONGEST:
            raise ValueError("ended_at: expected an instant after started_at, 366 days later at most")
        if self.by_group and sum(self.by_group.values()) > self.count:
            raise ValueError("by_group: expected no more people than count")
        return self

    def said(self) -> Said:
        """The same as the ledger takes it."""
        return Said(
            "",
            str(self.id),
            self.count,
            self.started_at,
            self.ended_at,
            self.method.value,
            SEES_EVERYBODY[self.method.value] if self.complete is None else self.complete,
            {group.value: n for group, n in self.by_group.items()} if self.by_group else None,
            self.device,
            self.started_at.isoformat(),
            self.ended_at.isoformat() if self.ended_at else None,
        )


class ReportedVisit(VisitDraft):
    """A visit among many, with the station it was at."""

    station_id: UUID

    def said(self) -> Said:
        """The same as the ledger takes it."""
        return replace(super().said(), station_id=str(self.station_id))


# A poster is scanned by those who care to; the other methods count all who come.
SEES_EVERYBODY = {method.value: method is not VisitMethod.QR_SCAN for method in VisitMethod}
# A key as it is stored, an instant as RFC 3339 has it, a count as a table has it.
KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-5][0-9])"
).fullmatch
COUNT = re.compile(r"[1-9][0-9]{0,5}|0").fullmatch
TRUTHS = {None: None, "true": True, "false": False}


def at_sight(given: object, *, among_many: bool = False) -> Said | None:
    """The visit, where it is as it should be and said plainly; None where the model must read it or refuse it."""
    if type(given) is not dict:
        return None
    try:
        key, method, where = given["id"], given["method"], given["station_id"] if among_many else ""
        if not KEY(key) or (among_many and not KEY(where)):
            return None
        count, started = given.get("count", 1), given["started_at"]
        started_at = _instant(started)
        complete = SEES_EVERYBODY[method]
        ended_at = device = None
        if len(given) > 3 + among_many + ("count" in given):
            complete, ended_at, device = _more(given, complete=complete, started_at=started_at, many=among_many)
        ended = given["ended_at"] if ended_at else None
        return Said(where, key, _count(count), started_at, ended_at, method, complete, None, device, started, ended)
    except (KeyError, TypeError, ValueError):  # something is missing, of another type, or out of bounds
        return None


def _more(
    given: Mapping[str, Any], *, complete: bool, started_at: datetime, many: bool
) -> tuple[bool, datetime | None, str | None]:
    """What is said less often. Raises `ValueError` at anything else."""
    known = 3 + many + ("count" in given)
    truth, ended_at, device = given.get("complete"), given.get("ended_at"), given.get("device")
    known += ("complete" in given) + ("ended_at" in given) + ("device" in given)
    if len(given) > known:
        raise ValueError
    if ended_at is not None:
        ended_at = _instant(ended_at)
        if not timedelta(0) < ended_at - started_at <= LONGEST:
            raise ValueError
    if device is not None and not (0 < len(device) <= LONGEST_DEVICE and device == device.strip()):
        raise ValueError
    if device is not None and db.unstorable(device):
        raise ValueError
    truth = truth if type(truth) is bool else TRUTHS[truth]
    return complete if truth is None else truth, ended_at, device


def _instant(written: str) -> datetime:
    if not INSTANT(written):
        raise ValueError
    found = datetime.fromisoformat(written)
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError
    return found


def _count(given: object) -> int:
    """A number, or as a table has it."""
    count = given if type(given) is int else int(given) if isinstance(given, str) and COUNT(given) else -1
    if not 0 <= count <= LARGEST_COUNT:
        raise ValueError
    return count
