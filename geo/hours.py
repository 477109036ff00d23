"""When a station is open: OSM ``opening_hours``, read with China's own calendar, in Asia/Shanghai.

``validate(text)`` tidies or refuses, ``rule(text, hours_calendar)`` answers, a ``Calendar`` knows the days off.
opening-hours-py parses, and finds dates (``Mar-Oct``, ``week 1-10``, ``Mo[1]``); weekdays, holidays and times are
ours, for its China lacks Qingming, the golden weeks and every make-up working day.
Not for one-off closures, nor for Chinese text (``hours_zh``).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from functools import cached_property, lru_cache
from itertools import product
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from opening_hours import OpeningHours, ParserError, State  # type: ignore[attr-defined]  # not in its stub

from geo.errors import InvalidInput, Problem

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOURS_CALENDARS = ("literal", "prc_workdays")
EXAMPLE = "Mo-Fr 08:30-12:00,14:30-18:00; Sa 09:00-12:00; PH off"
MAX_LENGTH, MAX_PARTS = 512, 32  # characters, and parts between ";": they bound the work for a hostile text
HORIZON_DAYS = 366  # how far ahead a change is looked for; one further away is answered as none

_DAY = timedelta(days=1)
_MINUTES = 24 * 60
_CLOSED, _UNKNOWN, _OPEN = 0, 1, 2  # where the hours of two days meet, the larger wins
_ANSWERS = (False, None, True)
# Since 2008 no notice has given a weekday off more than 2 days before or 5 after a festival, nor had a weekend
# day worked more than 10 away.
_OFF_BEFORE, _OFF_AFTER, _WORKED_AWAY = 3, 6, 14

_WEEKDAYS = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_SPELLING = {word.lower(): word for word in [*_WEEKDAYS, *_MONTHS, "PH", "SH", "off", "closed", "open", "unknown"]}
_LOOKALIKES = str.maketrans(
    {**dict.fromkeys("‐‑‒–—―−~〜～", "-"), **dict.fromkeys("\u200b\ufeff", ""), "∶": ":", "、": ","}
)
_TIDYING = (
    (r" +", " "),
    (r"(?<![\d:])(\d:\d\d)(?!\d)", r"0\1"),
    (r"(?<=[a-z\d]) ?-+ ?(?=[A-Z]|\d\d(?! day))", "-"),
    (r" ?;[; ]*", "; "),
    # Within a list a comma stands alone; after times, a word or a comment it begins another part.
    (r" ?, ?", ","),
    (r"(?<=:\d\d),(?!\d\d:)|(?:^|(?<=off)|(?<=closed)|(?<=open)|(?<=unknown)|(?<=/7)),", ", "),
)
_REFUSED = (
    (r"sunrise|sunset|dawn|dusk", "the sun's hours are not worked out: write times"),
    (r":\d\d\+", "an open end does not say when it closes: write a closing time"),
    (r":\d\d/", "repeated times are for departures: write from when to when it is open"),
    (r"\bSH\b", "school holidays differ by place and are not known: write their dates"),
    (r"\bPH [-+]?\d+ day", "days before or after a holiday are not supported: write PH alone"),
    (r"\bPH [A-Z]|(?:Mo|Tu|We|Th|Fr|Sa|Su) PH", "between weekdays and holidays goes a comma: write PH,Sa"),
    (r"\](?: [-+]\d+ days?)?,PH|\bPH,[^;]*\[", "holidays and Mo[1] do not go in one list: write two parts"),
    (r"Feb 3[01]|(?:Apr|Jun|Sep|Nov) 31", "there is no such day: write one that there is"),
)
_NAME, _TIMES = r"(?:(?:Mo|Tu|We|Th|Fr|Sa|Su)(?:-\w\w)?|PH)", r"\d\d:\d\d-\d\d:\d\d"
_PARTS = re.compile(r'(; | \|\| |, |^)((?:"[^"]*"|(?!; | \|\| |, ).)+)')
_FIELDS = re.compile(
    rf"(?:24/7)?(?P<dates>[^:]*?) ?(?P<days>(?<![^ ]){_NAME}(?:,{_NAME})*)? ?(?P<times>{_TIMES}(?:,{_TIMES})*)?"
    r'(?: ?(?P<state>closed|unknown))?(?: ?"(?P<comment>[^"]*)")?'
)


class Day(Enum):
    """What a date is: as its weekday says, a statutory day off, or a weekend day worked in exchange (调休)."""

    PLAIN = "plain"
    OFF = "off"
    WORKED = "worked"


@dataclass(frozen=True)
class Calendar:
    """The days off and worked by the State Council's yearly notices, and the last day that they speak of."""

    holidays: frozenset[date]
    workdays: frozenset[date]
    published_through: date

    @classmethod
    def published(cls, years: Iterable[int] | None = None) -> "Calendar":
        """The notices from the first to the last of these years, or all there are: never a year made up."""
        from holidays import country_holidays  # 5 MB, that a server whose table is filled does without
        from holidays.countries.china import ChinaStaticHolidays

        known = ChinaStaticHolidays.special_public_holidays  # later years the package makes up without a word
        wanted = sorted(known if years is None else years)
        if not wanted or not set(wanted) <= set(known):
            raise InvalidInput(f"There are holiday notices for the years {min(known)} to {max(known)} only.")
        notices = country_holidays("CN", years=range(wanted[0], wanted[-1] + 1))
        worked = frozenset(day for day in notices.weekend_workdays if wanted[0] - 1 <= day.year <= wanted[-1])
        off = set(notices)
        for day, step in product(notices, (-_DAY, _DAY)):
            beside = day + step  # a notice counts the weekend that it touches; the package leaves it out
            while beside.weekday() > 4 and beside not in worked:
                off.add(beside)
                beside += step
        return cls(frozenset(off), worked, date(wanted[-1], 12, 31))

    @cached_property
    def since(self) -> date:
        """The first day that the notices speak of: the first New Year's Day off."""
        return min((day for day in self.holidays if (day.month, day.day) == (1, 1)), default=date.max)

    def kinds(self, day: date) -> tuple[Day, ...]:
        """What the date is; near a festival with no notice, all that it may yet become."""
        if day in self.holidays:
            return (Day.OFF,)
        if day in self.workdays:
            return (Day.WORKED,)
        return _possible(day, self.since, self.published_through)


@lru_cache(maxsize=256)
def _festivals(year: int) -> tuple[date, ...]:
    from holidays import country_holidays

    named = country_holidays("CN", years=year, language="zh_CN").items()
    return tuple(day for day, name in named if not name.startswith("休息日") and "补假" not in name)


@lru_cache(maxsize=8192)
def _possible(day: date, since: date, through: date) -> tuple[Day, ...]:
    festivals = _festivals(day.year) + _festivals(day.year + 1)
    away = [(day - festival).days for festival in festivals if not since <= festival <= through]
    lost = not festivals  # the package knows no lunar dates before 1950 and after 2100
    off = lost or any(-_OFF_BEFORE <= days <= _OFF_AFTER for days in away)
    worked = lost or any(abs(days) <= _WORKED_AWAY for days in away)
    return (Day.PLAIN, *[Day.OFF] * off, *[Day.WORKED] * (worked and day.weekday() > 4))


class _Part(NamedTuple):
    operator: str
    dates: str  # what the library finds, such as "Mar-Oct"; or "Mo[1]", which no calendar moves
    weekdays: frozenset[int] | None  # None: no day is named, so each is meant
    public: bool
    spans: tuple[tuple[int, int], ...]  # minutes after midnight, up to 48 h; none: all day
    state: int

    def applies(self, day: date, kind: Day, hours_calendar: str) -> bool:
        if self.dates and not _days(self.dates, day.year)[day.timetuple().tm_yday - 1]:
            return False
        if self.weekdays is None or (self.public and kind is Day.OFF):
            return True
        weekday = day.weekday()
        if hours_calendar == "prc_workdays" and kind is Day.OFF:
            return len(self.weekdays) == 7
        if hours_calendar == "prc_workdays" and kind is Day.WORKED:
            weekday = {5: 4, 6: 0}.get(weekday, weekday)  # Saturday is the Friday before it, Sunday Monday
        return weekday in self.weekdays

    def paint(self, minutes: NDArray[np.uint8]) -> None:
        if self.state == _CLOSED:
            for start, end in self.spans or ((0, 2 * _MINUTES),):
                minutes[start:end] = _CLOSED
            return
        if self.operator == "; ":
            minutes[:] = _CLOSED
        for start, end in self.spans or ((0, _MINUTES),):
            span = minutes[start:end]
            span[span == _CLOSED if self.operator == " || " else slice(None)] = self.state


@lru_cache(maxsize=4096)
def _days(selector: str, year: int) -> bytes:
    # The library takes aware datetimes of a ZoneInfo only, and without a bound may search for a second.
    found = OpeningHours(selector, timezone=SHANGHAI, auto_country=False, max_interval_days=HORIZON_DAYS)
    first = datetime(year, 1, 1, tzinfo=SHANGHAI)
    flags = bytearray(366)
    for start, end, state, _ in found.intervals(first, first.replace(year=year + 1)):
        if state == State.OPEN:
            days = slice((start - first).days, (end - first).days)
            flags[days] = b"\1" * (days.stop - days.start)
    return bytes(flags)


def validate(text: str) -> str:
    """The same hours, tidily written: ``mo-fr 8：00—17：30`` gives ``Mo-Fr 08:00-17:30``. Or ``InvalidInput``."""
    return _read(text)[0]


def _read(text: str) -> tuple[str, tuple[_Part, ...]]:
    quoted = text[:MAX_LENGTH] if '"' in text else re.sub("[“”„＂]", '"', text[:MAX_LENGTH])
    pieces = " ".join(quoted.split()).split('"')
    pieces[::2] = map(_tidy, pieces[::2])  # the others are comments, kept as they are
    tidy = '"'.join(pieces).strip("; ")
    if max(len(text), len(tidy)) > MAX_LENGTH or not tidy.isprintable():
        raise _refusal(text, f"at most {MAX_LENGTH} printable characters")
    bare = re.sub(r'"[^"]*"', '""', tidy)
    for pattern, reason in _REFUSED:
        if re.search(pattern, bare):
            raise _refusal(text, reason)
    parts = _PARTS.findall(_canonical(tidy))
    if len(parts) > MAX_PARTS:
        raise _refusal(text, f"at most {MAX_PARTS} parts, not {len(parts)}")
    return tidy, tuple(_part(operator or "; ", part, tidy) for operator, part in parts)


def _refusal(text: str, reason: str) -> InvalidInput:
    message = f"{reason}; opening hours are in OSM notation, for example {EXAMPLE} or 24/7"
    return InvalidInput(problems=[Problem(("opening_hours",), message, text[:MAX_LENGTH])])


def _tidy(text: str) -> str:
    text = unicodedata.normalize("NFKC", text.translate(_LOOKALIKES))
    text = re.sub(rf"(?i)\b({'|'.join(_SPELLING)})\b", lambda found: _SPELLING[found[0].lower()], text)
    for pattern, tidy in _TIDYING:
        text = re.sub(pattern, tidy, text)
    return text


def _canonical(text: str) -> str:
    try:
        return str(OpeningHours(text, auto_country=False, auto_timezone=False))
    except ParserError as error:
        at = re.search(r"--> 1:(\d+)", str(error))
        rest = text[int(at[1]) - 1 :] if at else text
        raise _refusal(text, f"cannot be read from {rest[:20]!r} on") from error


def _part(operator: str, part: str, text: str) -> _Part:
    found = _FIELDS.fullmatch(part)
    dates = found and re.sub(r"(?<=\d)(?=[A-Z])", " ", found["dates"])  # it writes 2026Oct, and reads it otherwise
    if found is None or (dates and _canonical(dates) != found["dates"]):
        raise _refusal(text, f"{part!r} is not supported")
    names = re.findall(_NAME, found["days"] or "")
    weekdays = frozenset().union(*(_weekdays(name) for name in names if name != "PH"))
    spans = tuple(_span(times) for times in (found["times"] or "").split(",") if times)
    # A comment alone ("by appointment") promises nothing; the library would have it open all day.
    vague = found["comment"] and not spans and not re.search(rf'(?:open|/7) "{re.escape(found["comment"])}"', text)
    state = {"closed": _CLOSED, "unknown": _UNKNOWN}.get(found["state"], _UNKNOWN if vague else _OPEN)
    return _Part(operator, dates or "", weekdays if names else None, "PH" in names, spans, state)


def _weekdays(name: str) -> frozenset[int]:
    first, last = _WEEKDAYS.index(name[:2]), _WEEKDAYS.index(name[-2:])
    return frozenset((first + days) % 7 for days in range((last - first) % 7 + 1))


def _span(times: str) -> tuple[int, int]:
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in times.split("-"))
    return start, end if end > start else end + _MINUTES


class Rule:
    """Hours that answer for any aware instant; ``rule`` makes one for each text, so they are compared by ``is``.

    Hours belong to the day on which they start: with ``22:00-06:00; PH off`` the last night before a holiday
    lasts until 06:00, and the holiday has none. (The library ends the one at midnight and keeps the other's end.)
    """

    def __init__(self, text: str, hours_calendar: str, calendar: Calendar) -> None:
        self.text, self._parts = _read(text)
        self.hours_calendar, self._calendar = hours_calendar, calendar
        self._dated = any(part.dates for part in self._parts)
        named = [part for part in self._parts if part.weekdays is not None and len(part.weekdays) < 7]
        self._swayed = any(part.public or hours_calendar == "prc_workdays" for part in named)
        # What neither dates nor holidays sway comes round every week.
        self._ahead = HORIZON_DAYS if self._dated or self._swayed else 8
        self._known: dict[object, _Runs] = {}
        self._today: tuple[date, _Runs] = (date.min, ())

    def is_open(self, at: datetime) -> bool | None:
        """Whether it is open then; None when that hangs on a notice not yet out, or the text says unknown."""
        day, minute = _local(at)
        known, runs = self._today  # one tuple, so that threads see both or neither
        if day != known:
            runs = self._runs(day)
            self._today = day, runs
        return _ANSWERS[_at(runs, minute)]

    def begins_on(self, day: date) -> list[datetime]:
        """The instants of a day in China at which something begins to hold: midnight, and each change."""
        return [datetime.combine(day, time(*divmod(start, 60)), SHANGHAI) for start, _ in self._runs(day)]

    def opens_at(self, at: datetime) -> datetime | None:
        """While closed, when it is next known to open, within a year."""
        return next((start for start, state in self._changes(at, _CLOSED) if state == _OPEN), None)

    def closes_at(self, at: datetime) -> datetime | None:
        """While open, until when it is known to stay so; None if for over a year."""
        return next((start for start, _ in self._changes(at, _OPEN)), None)

    def next_change(self, at: datetime) -> datetime | None:
        """When the answer of ``is_open`` will be another, within a year."""
        return next((start for start, _ in self._changes(at)), None)

    def _changes(self, at: datetime, only: int | None = None) -> Iterator[tuple[datetime, int]]:
        today, minute = _local(at)
        state = _at(self._runs(today), minute)
        for day in (today + ahead * _DAY for ahead in range(self._ahead if only in (None, state) else 0)):
            for start, then in self._runs(day):
                if then != state and (start > minute or day > today):
                    state = then
                    yield datetime.combine(day, time(*divmod(start, 60)), SHANGHAI), state

    def _runs(self, day: date) -> "_Runs":
        key = (self._pattern(day - _DAY), self._pattern(day))
        runs = self._known.get(key)
        if runs is None:
            minutes = np.maximum(self._plan(day - _DAY)[_MINUTES:], self._plan(day)[:_MINUTES])
            starts = [0, *(np.flatnonzero(np.diff(minutes)) + 1).tolist()]
            if len(self._known) > 127:  # only a hostile rule has so many
                self._known.clear()
            runs = self._known[key] = tuple((start, int(minutes[start])) for start in starts)
        return runs

    def _pattern(self, day: date) -> object:
        """What decides the hours that start on this day: where it is the same, so are they."""
        kinds = self._kinds(day)
        if not self._dated:
            return day.weekday(), kinds
        return tuple(part.applies(day, kind, self.hours_calendar) for kind in kinds for part in self._parts)

    def _kinds(self, day: date) -> tuple[Day, ...]:
        return self._calendar.kinds(day) if self._swayed else (Day.PLAIN,)

    def _plan(self, day: date) -> NDArray[np.uint8]:
        """The states of the 2,880 minutes from this midnight, by the hours that start on this day."""
        plans = []
        for kind in self._kinds(day):
            plans.append(np.zeros(2 * _MINUTES, np.uint8))
            for part in self._parts:
                if part.applies(day, kind, self.hours_calendar):
                    part.paint(plans[-1])
        same = np.equal(plans, plans[0]).all(axis=0)
        return np.where(same, plans[0], np.uint8(_UNKNOWN))


_Runs = tuple[tuple[int, int], ...]  # of one day: the minutes from which a state holds, and the state


def _at(runs: _Runs, minute: int) -> int:
    return next(state for start, state in reversed(runs) if start <= minute)


def _local(at: datetime) -> tuple[date, int]:
    if at.utcoffset() is None or not 1900 < at.year < 9000:
        message = "an instant of the years 1901 to 8999 with its offset, for example 2026-10-01T10:00:00+08:00"
        raise InvalidInput(problems=[Problem(("at",), message, at)])
    local = at.astimezone(SHANGHAI)
    return local.date(), local.hour * 60 + local.minute


def rule(text: str, hours_calendar: str = "literal", calendar: Calendar | None = None) -> Rule:
    """The one ``Rule`` of a text, by all published notices unless told otherwise. Raises ``InvalidInput``."""
    return _rule(text, hours_calendar, calendar or _latest())


_latest = lru_cache(maxsize=1)(Calendar.published)


@lru_cache(maxsize=16384)
def _rule(text: str, hours_calendar: str, calendar: Calendar) -> Rule:
    if hours_calendar not in HOURS_CALENDARS:
        message = f"one of {', '.join(HOURS_CALENDARS)}"
        raise InvalidInput(problems=[Problem(("hours_calendar",), message, hours_calendar)])
    return Rule(text, hours_calendar, calendar)


def access_at(open_rule: Rule | None, staffed_rule: Rule | None, at: datetime) -> str | None:
    """How one gets in then: ``staffed``, ``unattended`` (let yourself in) or ``closed``; None when not known."""
    is_open = open_rule.is_open(at) if open_rule else None
    if not is_open:
        return None if is_open is None else "closed"
    staffed = staffed_rule.is_open(at) if staffed_rule else None
    return None if staffed is None else "staffed" if staffed else "unattended"
