"""The calendar table, and what follows from it."""

from datetime import date

import pytest
from sqlalchemy import text

from geo import errors, holidays
from geo.hours import Calendar


@pytest.fixture(autouse=True)
def _read_afresh():
    holidays.forget()
    yield
    holidays.forget()


def test_published_years_fill_the_table_once(session):
    assert holidays.fill(session) > 10
    assert holidays.fill(session) == 0
    found, expected = holidays.current(session), Calendar.published()
    assert found.published_through == expected.published_through == date(2026, 12, 31)
    assert found.holidays == expected.holidays
    assert found.workdays == expected.workdays


def test_an_empty_table_is_the_package(session):
    assert holidays.current(session) == Calendar.published()


def test_a_notice_is_loaded_from_a_file_and_replaces_its_year(session):
    holidays.fill(session)
    least = "".join(f"2027-{day},休\n" for day in ("01-01", "05-01", "10-01", "10-02", "10-03"))
    notice = f"day,kind\n{least}2027-01-03,holiday\n2027-02-14,班\n"
    assert holidays.load_file(session, notice.encode(), source="notice.csv") == {2027: 7}
    assert holidays.load_file(session, f"day,kind\n{least}".encode(), source="again.csv") == {2027: 5}
    holidays.forget()
    found = holidays.current(session)
    assert found.published_through == date(2027, 12, 31)
    assert date(2027, 2, 14) not in found.workdays


@pytest.mark.parametrize(
    "content",
    [
        *("", "day,kind\n", "day,kind\n2027-13-01,holiday\n", "day,kind\n2027-01-01,maybe\n", "a,b\n1,2\n"),
        "day,kind\n2027-01-01,holiday\n2027-10-01,holiday\n",  # a part of one
    ],
)
def test_a_bad_notice_is_refused_whole(session, content):
    with pytest.raises(errors.UnreadableFile):
        holidays.load_file(session, content.encode(), source="x")
    assert session.scalar(text("SELECT count(*) FROM calendar_year")) == 0


def test_a_year_without_a_notice_is_not_made_up(session):
    with pytest.raises(errors.InvalidInput, match="2026"):
        holidays.load_year(session, 2027)


@pytest.mark.parametrize(("today", "said"), [(date(2026, 6, 1), 0), (date(2026, 11, 20), 1), (date(2027, 2, 1), 1)])
def test_it_warns_when_the_notices_run_out(session, today, said):
    found = holidays.warnings(session, today)
    assert len(found) == said
    assert all("2027" in warning for warning in found)
