"""Figures add up: along the region tree at every level, for stations and for visits, and with the ledger."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from geo import errors, figures, regions, visit_figures
from geo.access import Principal
from geo.regions import RegionRecord
from geo.visit_figures import Bucket, GroupBy, Scope, Span
from geo.vocabulary import VisitMethod
from tests.conftest import rolled_back
from tests.factories import draft, register

ADMIN = Principal("union", "admin", "x")
FIRST = date(2026, 5, 1)
SPAN = Span(FIRST, FIRST + timedelta(days=6), Bucket.YEAR)
BELOW = {
    "country": ("province", GroupBy.PROVINCE),
    "province": ("city", GroupBy.CITY),
    "city": ("district", GroupBy.DISTRICT),
}
ENTER = text(
    "INSERT INTO visit (station_id, id, count, started_at, method, complete, recorded_by)"
    " VALUES (:station, gen_random_uuid(), :count, CAST(:day AS date) + interval '4 hours', :method, :complete, 'test')"
)


class Report(NamedTuple):
    """A row of the ledger: by which of the stations, on which day, by which method."""

    station: int
    day: int
    method: VisitMethod
    complete: bool
    visits: int


PLACES = st.lists(
    st.tuples(st.floats(75, 133, width=32), st.floats(20, 50, width=32)), min_size=1, max_size=6, unique=True
)
METHODS = st.sampled_from([VisitMethod.QR_SCAN, VisitMethod.STAFF_TALLY, VisitMethod.ESTIMATE])
PARTIAL = st.sampled_from([False, False, False, True])
REPORTS = st.lists(
    st.builds(Report, st.integers(0, 5), st.integers(0, 1), METHODS, PARTIAL, st.integers(0, 60)), max_size=25
)


def official(reports: list[Report]) -> dict[int, int]:
    """The official total of each station, added up from the reports: the rule of decision 5, said once more."""
    totals: dict[tuple[int, int], dict[tuple[VisitMethod, bool], int]] = defaultdict(lambda: defaultdict(int))
    for one in reports:
        totals[one.station, one.day][one.method, one.complete] += one.visits
    found: dict[int, int] = defaultdict(int)
    for (where, _), day in totals.items():
        trusted = [method for method in VisitMethod if (method, True) in day]
        found[where] += day[trusted[0], True] if trusted else max(day.values())
    return dict(found)


def walk(session: Session, record: RegionRecord) -> Iterator[tuple[RegionRecord, list[RegionRecord]]]:
    """The divisions that have stations, from the top, each with those right below it."""
    level, _ = BELOW.get(record.level, (None, None))
    below = []
    for row in figures.count(session, record, [figures.GroupBy.REGION]).rows if level else ():
        try:
            below.append(regions.get(session, row["region"] or "", level=level))
        except errors.RegionNotFound:  # outside all of them, or a district that answers to no city
            continue
    yield record, below
    for each in below:
        yield from walk(session, each)


def told(session: Session, record: RegionRecord, group_by: GroupBy | None = None) -> dict[str | None, tuple[int, int]]:
    """Visits and reporting stations by group."""
    scope = Scope(region=record.adcode, level=record.level, group_by=group_by)
    cells = visit_figures.of_many(session, ADMIN, scope, SPAN)
    return {cell.group: (cell.visits or 0, cell.stations) for cell in cells}


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(PLACES, REPORTS)
def test_visits_and_stations_add_up_at_every_level_and_with_the_ledger(shared_engine, places, reports):
    with rolled_back(shared_engine, as_owner=False) as session:
        rows = register(session, *(draft(lon=lon, lat=lat, name=f"站 {n}") for n, (lon, lat) in enumerate(places)))
        ids = [row.id for row in rows if row.verdict == "inserted"]
        reports = [one._replace(station=one.station % len(ids)) for one in reports]
        for one in reports:
            day = FIRST + timedelta(days=one.day)
            said = {"station": ids[one.station], "day": day, "count": one.visits}
            session.execute(ENTER, said | {"method": one.method.value, "complete": one.complete})
        expected = official(reports)
        country = regions.get(session, "100000")
        assert told(session, country) == ({None: (sum(expected.values()), len(expected))} if expected else {})
        assert visit_figures.drift(session) == []
        for record, below in walk(session, country):
            whole = told(session, record).get(None, (0, 0))
            stations = figures.count(session, record, [figures.GroupBy.REGION])
            assert sum(row["stations"] for row in stations.rows) == stations.total
            if record.level in BELOW:
                parts = told(session, record, BELOW[record.level][1])
                assert tuple(map(sum, zip((0, 0), *parts.values(), strict=True))) == whole
                for each in below:
                    assert told(session, each).get(None, (0, 0)) == parts.get(each.adcode, (0, 0))
            for group in (GroupBy.KIND, GroupBy.ORGANISATION):
                assert tuple(map(sum, zip((0, 0), *told(session, record, group).values(), strict=True))) == whole
