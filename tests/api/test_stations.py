"""Single stations and lists over HTTP."""

import csv
import io
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, text

from api.app import create_app
from api.schemas import StationCollection, StationFeature
from geo import db
from geo.datum import Datum, convert
from geo.settings import Settings
from tests.conftest import ACTOR, SECRET
from tests.factories import ZHENGZHOU, organisation, station

LON, LAT = ZHENGZHOU


@pytest.fixture
def keys(house: Connection) -> dict[str, str]:
    with db.session(house, ACTOR) as session:
        organisation(session, "ccb")
        return {
            "金水": station(session, name="金水站", facilities=["toilet"], address="花园路1号", host_ref="A1"),
            "建行": station(session, name="劳动者港湾", organisation="ccb", lat=LAT + 0.01),
            "北京": station(session, name="天安门站", lon=116.391, lat=39.907, kind="driver_home"),
            "草稿": station(session, name="草稿站", publish=False, lat=LAT + 0.02),
            "关闭": station(session, name="关闭站", operational_status="temporarily_closed", lat=LAT + 0.03),
        }


def names(client: TestClient, query: str) -> set[str]:
    answer = client.get(f"/v1/stations?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/geo+json"
    StationCollection.model_validate(answer.json())
    return {feature["properties"]["name"] for feature in answer.json()["features"]}


def test_a_station_is_a_feature_with_everything_known_of_it(client, keys):
    answer = client.get(f"/v1/stations/{keys['金水']}")
    feature = StationFeature.model_validate(answer.json())
    assert answer.headers["content-type"] == "application/geo+json"
    assert feature.id == keys["金水"]
    assert feature.geometry.coordinates == (LON, LAT)
    assert feature.properties.district == "金水区"
    assert feature.properties.adcode == "410105"
    assert client.get(f"/v1/stations/by-code/{feature.properties.code.lower()}").json() == answer.json()


@pytest.mark.parametrize("crs", list(Datum))
def test_positions_are_in_the_datum_asked(client, keys, crs):
    body = client.get(f"/v1/stations/{keys['金水']}?crs={crs}").json()
    assert body["crs"] == crs
    expected = convert(LON, LAT, Datum.WGS84, crs)
    assert body["geometry"]["coordinates"] == pytest.approx(expected, abs=1e-7)


def test_navigation_links_are_each_in_their_own_datum_and_order(client, keys):
    links = client.get(f"/v1/stations/{keys['金水']}").json()["properties"]["navigation"]
    gcj = convert(LON, LAT, Datum.WGS84, Datum.GCJ02)
    bd = convert(LON, LAT, Datum.WGS84, Datum.BD09)
    assert f"to={round(gcj[0], 6)},{round(gcj[1], 6)},{quote('金水站')}" in links["amap"]
    assert f"location={round(bd[1], 6)},{round(bd[0], 6)}" in links["baidu"]
    assert "coord_type=bd09ll" in links["baidu"]
    assert f"tocoord={round(gcj[1], 6)},{round(gcj[0], 6)}" in links["tencent"]


def test_an_etag_spares_the_body_until_the_station_changes(fresh_engine):
    with db.session(fresh_engine, ACTOR) as session:
        path = f"/v1/stations/{station(session)}"
    with TestClient(create_app(Settings(secret=SECRET), fresh_engine)) as client:
        tag = client.get(path).headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            assert client.get(path, headers={"If-None-Match": known}).status_code == 304
        assert client.get(path + "?crs=gcj02", headers={"If-None-Match": tag}).status_code == 200
        with db.session(fresh_engine, ACTOR) as session:  # a second transaction, so a second revision
            session.execute(text("UPDATE station SET capacity = 5"))
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("key", ["草稿", "none", "00000000-0000-0000-0000-000000000000", "%20"])
def test_what_the_public_may_not_see_is_404(client, keys, key):
    assert client.get(f"/v1/stations/{keys.get(key, key)}").status_code == 404


def test_the_list_holds_what_is_published_open_or_not(client, keys):
    assert names(client, "") == {"金水站", "劳动者港湾", "天安门站", "关闭站"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"bbox={LON - 0.01},{LAT - 0.01},{LON + 0.01},{LAT + 0.005}", {"金水站"}),
        ("region=410000", {"金水站", "劳动者港湾", "关闭站"}),
        ("region=110000", {"天安门站"}),
        ("region=110000&level=city", {"天安门站"}),
        ("region=410105", {"金水站", "劳动者港湾", "关闭站"}),
        ("region=100000", {"金水站", "劳动者港湾", "天安门站", "关闭站"}),
        ("q=港湾", {"劳动者港湾"}),
        ("q=花园路", {"金水站"}),
        ("q=a1", {"金水站"}),
        ("q=%25", set()),
        ("q=_", set()),
        ("kind=driver_home,bank_haven", {"天安门站", "劳动者港湾"}),
        ("facility=toilet", {"金水站"}),
        ("facility=toilet,microwave", set()),
        ("facility_any=toilet,microwave", {"金水站"}),
        ("managed_by=ccb", {"劳动者港湾"}),
    ],
)
def test_filters_of_the_list(client, keys, query, expected):
    assert names(client, query) == expected


def test_updated_since(client, keys):
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert names(client, f"updated_since={later}") == set()
    assert len(names(client, "updated_since=2020-01-01T00:00:00%2B08:00")) == 4


def test_a_region_that_is_none_is_404(client):
    assert client.get("/v1/stations?region=999999").status_code == 404


@pytest.mark.parametrize("bbox", ["1,2,3", "a,b,c,d", "114,34,113,35", "nan,1,2,3", "113,35,114,34", "1,2,3,4,5"])
def test_a_bad_bbox_is_400(client, bbox):
    answer = client.get(f"/v1/stations?bbox={bbox}")
    assert answer.status_code == 400
    assert "west,south,east,north" in answer.text


def test_pages_hold_every_station_once(client, house):
    with db.session(house, ACTOR) as session:
        made = {station(session, name=f"站 {n}") for n in range(23)}
    seen: list[str] = []
    path = "/v1/stations?limit=5"
    while path:
        body = client.get(path).json()
        seen += [feature["id"] for feature in body["features"]]
        path = next((link["href"] for link in body["links"] if link["rel"] == "next"), "")
    assert seen == sorted(made)


def test_a_list_comes_as_csv_with_the_next_page_in_a_header(client, house):
    with db.session(house, ACTOR) as session:
        for number in range(3):
            station(session, name=f"=站 {number}", lon=LON + number / 100)
    answer = client.get("/v1/stations", params={"format": "csv", "limit": 2, "crs": "gcj02"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 2
    assert rows[0]["crs"] == "gcj02"
    assert float(rows[0]["lon"]) > LON + 0.004
    assert rows[0]["name"].startswith("'=")  # no formula
    following = client.get(answer.links["next"]["url"])
    assert len(following.content.splitlines()) == 2


def test_a_host_finds_its_draft_by_code_too(cast):
    path = cast.register()
    code = cast.bank("GET", path).json()["properties"]["code"]
    assert cast.public.get(f"/v1/stations/by-code/{code}").status_code == 404
    assert cast.bank("GET", f"/v1/stations/by-code/{code}").json()["pending"] == []
