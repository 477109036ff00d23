"""Whether a station is open at an instant: its hours, the calendar and its closures together.

Nothing stored changes by the clock; everything here is derived at the instant asked.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from threading import Lock
from typing import Any

from sqlalchemy import RowMapping, text
from sqlmodel import Session

from geo import errors, holidays, hours
from geo.hours import SHANGHAI, Calendar
from geo.vocabulary import OPEN_FOR_USE, OperationalStatus

log = logging.getLogger("yizhan")

Card = RowMapping | Mapping[str, Any]
"""A row of `station_card`, from the database or from the directory."""

# Closures that touch each other are rare; this many in a row is somebody's mistake.
MOST_CLOSURES = 50


@dataclass(frozen=True)
class Moment:
    """An instant and the calendar that holds then."""

    at: datetime
    calendar: Calendar


@dataclass(frozen=True)
class Opening:
    """A station at an instant: its effective status, whether it is open, and when that changes."""

    operational_status: str
    open: bool | None
    opens_at: datetime | None = None
    closes_at: datetime | None = None


def moment(session: Session, at: datetime | None = None) -> Moment:
    """This instant by the database's clock, or the one given."""
    when = at or session.execute(text("SELECT now()")).scalar_one()
    return Moment(when, holidays.current(session))


def is_open(row: Card, when: Moment) -> bool | None:
    """Whether the hours of a station's card are open at that moment, closures aside; null where they are unknown."""
    rule = _rule(row["opening_hours"], row["hours_calendar"], when.calendar)
    return rule.is_open(when.at) if rule else None


def of(row: Card, when: Moment) -> Opening:
    """What holds for a station's card at that moment; `open` is null where the hours are unknown."""
    status = row["operational_status"]
    if OperationalStatus(status) not in OPEN_FOR_USE:
        return Opening(status, open=False)
    closures = _spans(row["closures"])
    rule = _rule(row["opening_hours"], row["hours_calendar"], when.calendar)
    if _covering(closures, when.at):
        return Opening(OperationalStatus.TEMPORARILY_CLOSED, open=False, opens_at=_opens(rule, closures, when.at))
    if rule is None:
        return Opening(status, open=None)
    is_open = rule.is_open(when.at)
    if is_open:
        return Opening(status, open=True, closes_at=_closes(rule, closures, when.at))
    return Opening(status, open=is_open, opens_at=_opens(rule, closures, when.at) if is_open is False else None)


def open_on(row: Card, day: date, calendar: Calendar) -> bool | None:
    """Whether hours and closures leave it open at any time of a day in China; null where that is unknown."""
    rule = _rule(row["opening_hours"], row["hours_calendar"], calendar)
    closures = _spans(row["closures"])
    midnight = datetime.combine(day, time(), SHANGHAI)
    # It opens, if at all, at midnight, where its hours change, or where a closure ends.
    ends = [end for _, end in closures if end is not None and timedelta(0) < end - midnight < timedelta(hours=24)]
    instants = [*(rule.begins_on(day) if rule else [midnight]), *ends]
    states = {rule.is_open(at) if rule else None for at in instants if _covering(closures, at) is None}
    return True if True in states else None if None in states else False


_Span = tuple[datetime, datetime | None]


def _spans(closures: Sequence[dict[str, Any]]) -> list[_Span]:
    def instant(value: str | None) -> datetime | None:
        return datetime.fromisoformat(value) if value else None

    return [(datetime.fromisoformat(c["starts_at"]), instant(c.get("ends_at"))) for c in closures]


def _covering(closures: Sequence[_Span], at: datetime) -> _Span | None:
    """The closure that holds then: from its start, up to but not at its end."""
    return next(((start, end) for start, end in closures if start <= at and (end is None or at < end)), None)


def _closes(rule: hours.Rule, closures: Sequence[_Span], at: datetime) -> datetime | None:
    ends = [start for start, _ in closures if start > at]
    by_hours = rule.closes_at(at)
    return min([*ends, by_hours] if by_hours else ends, default=None)


def _opens(rule: hours.Rule | None, closures: Sequence[_Span], at: datetime) -> datetime | None:
    """The first instant from `at` on that is within the hours and in no closure; None where that is unknown."""
    for _ in range(MOST_CLOSURES):
        closure = _covering(closures, at)
        if closure:
            if closure[1] is None:
                return None
            at = closure[1]
        elif rule is None or rule.is_open(at):
            return at if rule else None
        else:
            following = rule.opens_at(at)
            if following is None:
                return None
            at = following
    return None


class _Rules:
    """The distinct rules last read, for each database of this process; rows are added, never changed."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.known: dict[str, tuple[tuple[int, int], list[tuple[int, str, str]]]] = {}


_rules = _Rules()


def open_rules(session: Session, when: Moment) -> list[int]:
    """The ids of the rules that are open at that moment; a few thousand distinct ones serve a whole country."""
    rules = ((key, _rule(written, kind, when.calendar)) for key, written, kind in _all_rules(session))
    return [key for key, rule in rules if rule and rule.is_open(when.at)]


def _all_rules(session: Session) -> list[tuple[int, str, str]]:
    """Read anew when there are more: by their number too, for a lower id may be committed later."""
    database = session.get_bind().engine.url.render_as_string()
    counted = session.execute(text("SELECT count(*), coalesce(max(id), 0) FROM opening_rule")).one()
    version = (int(counted[0]), int(counted[1]))
    with _rules.lock:
        read, rules = _rules.known.get(database, ((-1, -1), []))
        if read != version:
            found = session.execute(text("SELECT id, opening_hours, hours_calendar FROM opening_rule"))
            rules = [(row[0], row[1], row[2]) for row in found]
            _rules.known[database] = version, rules
    return rules


def _rule(written: str | None, hours_calendar: str, calendar: Calendar) -> hours.Rule | None:
    """The rule; None without hours, or where they got past validation: one bad row must not stop the others."""
    try:
        return hours.rule(written, hours_calendar, calendar) if written else None
    except errors.InvalidInput:
        log.warning("hours in the registry that cannot be read: %r", written)
        return None
