"""The calendar table: statutory days off and make-up working days (调休) of each year whose notice is known."""

import csv
import io
import time
from collections.abc import Iterable, Mapping
from datetime import date
from threading import Lock
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from geo import db, errors
from geo.errors import Problem
from geo.hours import Calendar

# A notice comes once a year; a server may take this long to hear of it.
REFRESH_S = 10.0
WARN_DAYS = 60

# Days off in every year by the regulation on holidays; the lunar ones are on other days each year.
STATUTORY = ((1, 1), (5, 1), (10, 1), (10, 2), (10, 3))

KINDS = {"holiday": "holiday", "休": "holiday", "放假": "holiday"} | dict.fromkeys(("workday", "班", "上班"), "workday")


def fill(session: Session) -> int:
    """Enter the years that the `holidays` package knows by a notice and the table does not; how many."""
    known = set(session.scalars(text("SELECT year FROM calendar_year")))
    published = Calendar.published()
    years = range(published.since.year, published.published_through.year + 1)
    missing = [year for year in years if year not in known]
    for year in missing:
        _store(session, year, _days_of(Calendar.published([year])), "holidays package")
    return len(missing)


def load_year(session: Session, year: int) -> int:
    """Enter a year from the `holidays` package; raises `InvalidInput` where that has no notice. Days entered."""
    return _store(session, year, _days_of(Calendar.published([year])), "holidays package")


def load_file(session: Session, content: bytes, *, source: str) -> dict[int, int]:
    """Enter notices from a CSV with the columns `day` and `kind` (holiday 休, workday 班): year -> days entered.

    Replaces the notice of each year it speaks of. Raises `UnreadableFile` with a Problem for each bad row.
    """
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    days, problems = {}, []
    for number, row in enumerate(rows, start=2):
        try:
            days[date.fromisoformat((row.get("day") or "").strip())] = KINDS[(row.get("kind") or "").strip()]
        except (ValueError, KeyError):
            problems.append(Problem((f"row {number}",), "expected day (2027-01-01) and kind (holiday or workday)"))
    if problems or not days:
        raise errors.UnreadableFile("This is no calendar: expected columns day and kind.", problems=problems)
    notices: dict[int, dict[date, str]] = {}
    for day, kind in days.items():
        notices.setdefault(_notice_of(day, days), {})[day] = kind
    _whole(notices)
    return {year: _store(session, year, found, source) for year, found in sorted(notices.items())}


def _whole(notices: Mapping[int, Mapping[date, str]]) -> None:
    """Refuse a part of a notice: with it the year would count as known, and the other holidays as working days."""
    problems = [
        Problem((str(year),), f"expected the whole notice, in which {month}-{day:02} is a day off")
        for year, days in notices.items()
        for month, day in STATUTORY
        if days.get(date(year, month, day)) != "holiday"
    ]
    if problems:
        raise errors.UnreadableFile("The notice is not whole.", problems=problems)


def _notice_of(day: date, days: Iterable[date]) -> int:
    """The year whose notice speaks of a day: New Year's bridges the last days of December belong to the next."""
    alone = all(other.month == 12 and other.day > 24 for other in days if other.year == day.year)
    return day.year + 1 if alone else day.year


def _days_of(calendar: Calendar) -> Mapping[date, str]:
    return dict.fromkeys(calendar.holidays, "holiday") | dict.fromkeys(calendar.workdays, "workday")


def _store(session: Session, year: int, days: Mapping[date, str], source: str) -> int:
    session.execute(text("DELETE FROM calendar_year WHERE year = :year"), {"year": year})
    session.execute(
        text("INSERT INTO calendar_year (year, source) VALUES (:year, :source)"), {"year": year, "source": source}
    )
    rows = [{"day": day, "year": year, "kind": kind} for day, kind in sorted(days.items())]
    session.execute(
        text(
            "INSERT INTO calendar_day (day, year, kind) VALUES (:day, :year, :kind)"
            " ON CONFLICT (day) DO UPDATE SET year = excluded.year, kind = excluded.kind"
        ),
        rows,
    )
    return len(rows)


class _Shelf:
    """The calendar last read, and when: one for the process."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.kept: tuple[Calendar, dict[str, Any]] | None = None  # and its version
        self.read_at = float("-inf")


_shelf = _Shelf()


def current(session: Session) -> Calendar:
    """The calendar of the table, read again at most every 10 s; the package's where the table is empty."""
    calendar = on_hand()
    if calendar is None:
        with _shelf.lock:
            calendar = db.answer(session, reading())
    return calendar


def reading() -> db.Steps[Calendar]:
    """The same, whoever answers what is asked."""
    calendar = on_hand()
    if calendar is None:
        (version,) = yield db.Ask("calendar_version", {})
        kept = _shelf.kept
        if kept is None or kept[1] != version:
            days = yield db.Ask("calendar_days", {})
            kept = _calendar(days, version["through"]) if version["years"] else Calendar.published(), version
        _shelf.kept, _shelf.read_at = kept, time.monotonic()
        calendar = kept[0]
    return calendar


def on_hand() -> Calendar | None:
    """The calendar where it was read a moment ago."""
    kept = _shelf.kept
    return kept[0] if kept and time.monotonic() - _shelf.read_at < REFRESH_S else None


def forget() -> None:
    """Read the table again at the next question."""
    _shelf.read_at, _shelf.kept = float("-inf"), None


def _calendar(days: Iterable[Mapping[str, Any]], through: int) -> Calendar:
    # A gap before its last year would be a mistake of the operator's, and doctor says so.
    holidays, workdays = (
        frozenset(row["day"] for row in days if row["kind"] == kind) for kind in ("holiday", "workday")
    )
    return Calendar(holidays, workdays, date(through, 12, 31))


def warnings(session: Session, today: date) -> list[str]:
    """What to say when the notices known are about to run out."""
    through = current(session).published_through
    left = (through - today).days
    if left > WARN_DAYS:
        return []
    ends = f"ends in {left} days" if left >= 0 else "has ended"
    return [f"The holiday calendar ({through}) {ends}; `yizhan holidays load` the notice for {through.year + 1}."]
