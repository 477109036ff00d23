"""Open now, over HTTP: the worked cases of the calendar."""

import pytest

from geo import db
from tests.conftest import ACTOR
from tests.factories import ZHENGZHOU, station

LON, LAT = ZHENGZHOU
SUNDAY_WORKED, NATIONAL_DAY, AFTER, QINGMING = "2025-09-28", "2026-10-01", "2026-10-08", "2026-04-06"
WEEK, OFF = "Mo-Fr 09:00-17:00", "Mo-Fr 09:00-17:00; PH off"


@pytest.mark.parametrize(
    ("hours", "calendar", "day", "is_open"),
    [
        (WEEK, "literal", SUNDAY_WORKED, False),
        (WEEK, "literal", NATIONAL_DAY, True),
        (OFF, "literal", SUNDAY_WORKED, False),
        (OFF, "literal", NATIONAL_DAY, False),
        (WEEK, "prc_workdays", SUNDAY_WORKED, True),
        (WEEK, "prc_workdays", NATIONAL_DAY, False),
        (WEEK, "literal", AFTER, True),
        (OFF, "literal", AFTER, True),
        (WEEK, "prc_workdays", AFTER, True),
        (OFF, "literal", QINGMING, False),
        ("24/7", "literal", NATIONAL_DAY, True),
        ("22:00-06:00", "literal", AFTER, False),
        ("22:00-11:00", "literal", AFTER, True),
        ("08:30-12:00,14:30-18:00", "literal", AFTER, True),
        ("08:30-09:30,14:30-18:00", "literal", AFTER, False),
    ],
)
def test_at_ten_in_the_morning(client, house, hours, calendar, day, is_open):
    with db.session(house, ACTOR) as session:
        station(session, opening_hours=hours, hours_calendar=calendar)
    for path in ("/v1/stations/nearest", "/v1/stations"):
        where = {"lon": LON, "lat": LAT} if path.endswith("nearest") else {}
        found = client.get(path, params={**where, "open": f"{day}T10:00:00+08:00"}).json()["features"]
        assert len(found) == int(is_open), path
        assert all(feature["properties"]["open"] for feature in found)


def test_unknown_hours_are_left_out_when_open_is_asked(client, house):
    with db.session(house, ACTOR) as session:
        station(session)
    (feature,) = client.get(f"/v1/stations/nearest?lon={LON}&lat={LAT}").json()["features"]
    assert feature["properties"]["open"] is None
    assert client.get(f"/v1/stations/nearest?lon={LON}&lat={LAT}&open=now").json()["features"] == []


@pytest.mark.parametrize("when", ["later", "2026-10-01", "2026-10-01T10:00:00", ""])
def test_an_instant_needs_its_offset(client, when):
    assert client.get(f"/v1/stations/nearest?lon={LON}&lat={LAT}&open={when}").status_code == 400
