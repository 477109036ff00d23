"""An auditor's day, through HTTP alone, over the real server: from a gap on the map to the weekly report."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2 as httpx
import pytest

from api.schemas_audits import WeeklyOut
from geo import db, organisations
from geo.datum import Datum, convert
from geo.vocabulary import Role
from tests.factories import organisation
from tests.serving import serving

CITY = {"region": "410100"}
# A bank's branches as its list has them: two of them one place, one said to be in another district, one without hours.
BRANCHES = [
    ("01", "劳动者港湾(花园路支行)", 113.6834, 34.8076, "金水区", "24/7"),
    ("02", "劳动者港湾(花园路支行营业厅)", 113.6836, 34.8076, "金水区", "24/7"),
    ("03", "劳动者港湾(陇海路支行)", 113.6100, 34.7500, "中原区", "Mo-Fr 09:00-17:00"),
    ("04", "劳动者港湾(京广路支行)", 113.6500, 34.7273, "中牟县", "Mo-Fr 09:00-17:00"),
    ("05", "劳动者港湾(航海路支行)", 113.7000, 34.7150, "管城回族区", None),
]


def corner(gap: dict[str, Any]) -> list[float]:
    lon, lat = gap["geometry"]["coordinates"][0][0]
    return [lon, lat]


def farthest(gap: dict[str, Any]) -> list[float]:
    return [gap["properties"]["farthest_lon"], gap["properties"]["farthest_lat"]]


@pytest.fixture
def day(fresh_url, fresh_engine) -> Iterator[tuple[Callable[..., httpx.Response], Callable[..., httpx.Response]]]:
    """The bank and the auditor, each a function that asks with a key."""
    with db.session(fresh_engine) as session:
        organisation(session, "ccb")
        organisation(session, "union", kind="trade_union", region="410100")
        bank = organisations.create_key(session, "ccb", role=Role.HOST)
        auditor = organisations.create_key(session, "union", role=Role.AUDITOR)
    with serving(fresh_url) as address, httpx.Client(base_url=address, timeout=60) as client:

        def caller(key: str) -> Callable[..., httpx.Response]:
            def ask(method: str, path: str, **kwargs) -> httpx.Response:
                headers = {"Authorization": f"Bearer {key}", **kwargs.pop("headers", {})}
                answer = client.request(method, path, headers=headers, **kwargs)
                assert answer.status_code < 300, (path, answer.text)
                return answer

            return ask

        yield caller(bank), caller(auditor)


def enter(bank, auditor, number: str, **said) -> str:
    """A station by its number, entered, submitted and published."""
    station = bank("PUT", f"/v1/organisations/ccb/stations/{number}", json=said).json()["id"]
    bank("POST", f"/v1/stations/{station}/submit")
    auditor("POST", f"/v1/stations/{station}/review", json={"decision": "publish"})
    return str(station)


def picked(rows: list[Any], *names: str) -> list[tuple[Any, ...]]:
    """Some columns of rows."""
    return [tuple(row[name] for name in names) for row in rows]


def places(collection: Any) -> list[tuple[Any, ...]]:
    """The division of each feature."""
    return picked([feature["properties"] for feature in collection["features"]], "adcode", "division")


def test_an_auditors_day(day):
    bank, auditor = day

    # Morning: what was served before the bank's list came, and what after.
    def coverage() -> Any:
        return auditor("GET", "/v1/coverage", params=CITY).json()

    before = coverage()
    assert (before["stations"], before["area_share"], before["demand_share"]) == (0, 0, 0)
    ids = {}
    for number, name, lon, lat, stated, hours in BRANCHES:
        said = {"name": name, "lon": lon, "lat": lat, "stated_district": stated, "opening_hours": hours}
        said |= {"address": "郑州市", "facilities": ["drinking_water"], "entry_modes": ["walk_in"]}
        ids[number] = enter(bank, auditor, number, **said)
    after = coverage()
    assert after["stations"] == 5
    assert 0 < after["area_share"] < after["demand_share"] < 1
    assert after["close_pairs"] == 1

    # Where the holes are, and by district.
    gaps = auditor("GET", "/v1/coverage/gaps", params=CITY).json()
    turned = auditor("GET", "/v1/coverage/gaps", params=CITY | {"crs": "bd09"}).json()
    assert turned["crs"] == "bd09"
    for gap, other in zip(gaps["features"], turned["features"], strict=True):
        for read in (corner, farthest):
            lon, lat = read(gap)
            assert read(other) == pytest.approx(convert(lon, lat, Datum.WGS84, Datum.BD09), abs=1e-6)
    demands = [gap["properties"]["demand"] for gap in gaps["features"]]
    assert demands == sorted(demands, reverse=True)
    assert sum(demands) == pytest.approx(gaps["uncovered_demand"], rel=0.01)
    assert gaps["uncovered_demand"] == pytest.approx((1 - after["demand_share"]) * after["demand"], rel=1e-4)
    districts = auditor("GET", "/v1/coverage/divisions", params=CITY).json()["items"]
    assert len(districts) == 12
    assert sum(each["stations"] for each in districts) == 5

    # Ten suggested sites; two of them open, and the share rises by what was predicted.
    sites = auditor("GET", "/v1/coverage/siting", params=CITY | {"n": 10}).json()
    assert len(sites["features"]) == 10
    assert {*places(sites), *places(gaps)} <= {*picked(districts, "region", "name")}
    assert sites["share_before"] == pytest.approx(after["demand_share"], abs=1e-6)
    for site in sites["features"][:2]:
        lon, lat = site["geometry"]["coordinates"]
        enter(bank, auditor, f"new-{site['id']}", name=f"新建驿站 {site['id']}", lon=lon, lat=lat)
        assert coverage()["demand_share"] == pytest.approx(site["properties"]["share"], abs=2e-6)

    # Afternoon: three findings worked off.
    def found(audit: str, **asked) -> Any:
        return auditor("GET", f"/v1/audits/{audit}", params=CITY | asked).json()["items"]

    def decide(finding: Any, **decision) -> None:
        auditor("POST", f"/v1/audits/{finding['audit']}/findings/{finding['id']}", json=decision)

    (astray,) = found("mislocated")
    assert astray["id"] == ids["04"]
    decide(astray, state="accepted", reason="请更正所属区县")
    path = f"/v1/stations/{ids['04']}"
    etag = bank("GET", path).headers["etag"]
    bank("PATCH", path, headers={"If-Match": etag}, json={"stated_district": "二七区"})
    assert [each["state"] for each in found("mislocated")] == ["mended"]

    (twice,) = found("duplicates")
    assert {twice["station"]["id"], twice["other"]["id"]} == {ids["01"], ids["02"]}
    decide(twice, state="rejected", reason="两个营业厅，各有入口")
    assert [each["state"] for each in found("duplicates")] == ["rejected"]

    unknown = next(each for each in found("incomplete") if each["id"] == ids["05"])
    assert unknown["terms"]["missing"] == ["opening_hours"]
    decide(unknown, state="accepted")
    path = f"/v1/stations/{ids['05']}"
    bank("PATCH", path, headers={"If-Match": "*"}, json={"opening_hours": "Mo-Fr 09:00-17:00"})
    assert [each["id"] for each in found("incomplete", state="mended")] == [ids["05"]]

    # Evening: the weekly report, in three forms.
    this_week = auditor("GET", "/v1/coverage", params=CITY).headers["date"]
    week = week_of(this_week)
    asked = CITY | {"week": week}
    report = auditor("GET", "/v1/reports/weekly", params=asked).json()
    assert report["stations"] == report["happened"]["entered"] == report["happened"]["published"] == 7
    assert report["happened"]["findings_decided"] == 3
    assert report["open_findings"]["duplicates"] == report["open_findings"]["mislocated"] == 0
    assert report["visits"]["total"] is None  # nobody reported any, which is not zero
    assert report["visits"]["silent"] == 7
    WeeklyOut.model_validate(report)
    table = auditor("GET", "/v1/reports/weekly", params=asked | {"format": "csv"}).text
    assert "happened,entered,7\r\n" in table
    counted = picked(report["by"]["region"], "stations")
    assert (len(counted), min(counted)) == (12, (0,))  # those without any are told
    page = auditor("GET", "/v1/reports/weekly", params=asked | {"format": "html"})
    assert f'<td class="n">{report["coverage"]["demand_share"] * 100:.2f} %</td>' in page.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert f"郑州市 {week}" in page.text
    assert f"as of {report['as_of'][:10]}" in page.text  # whichever week it is: only visits are the week's
    assert "<rect" in page.text


def week_of(date: str) -> str:
    """The week, in Shanghai, of an HTTP date."""
    calendar = (parsedate_to_datetime(date) + timedelta(hours=8)).isocalendar()
    return f"{calendar.year}-W{calendar.week:02d}"
