"""What every operation has in common: problems, parameters, headers, datum."""

import logging
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine

from api import errors as api_errors
from api.app import create_app
from geo import db, errors
from geo.settings import Settings
from tests.conftest import ACTOR, SECRET
from tests.factories import ZHENGZHOU, station

LON, LAT = ZHENGZHOU
NEAREST = f"/v1/stations/nearest?lon={LON}&lat={LAT}"


def problem(client: TestClient, path: str, status: int) -> dict[str, Any]:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["instance"] == path.split("?")[0]
    return body


@pytest.mark.parametrize(
    ("query", "loc", "hint"),
    [
        ("lat=34.7", ["query", "lon"], "required"),
        ("lon=34.7&lat=113.6", ["query", "lon"], "swapped"),
        ("lon=200&lat=34", ["query", "lon"], "73"),
        ("lon=nan&lat=34", ["query", "lon"], "finite"),
        ("lon=1e400&lat=34", ["query", "lon"], "finite"),
        ("lon=&lat=34", ["query", "lon"], "number"),
        ("lon=113&lat=34&crs=epsg", ["query", "crs"], "gcj02"),
        ("lon=113&lat=34&limit=0", ["query", "limit"], "greater"),
        ("lon=113&lat=34&limit=ten", ["query", "limit"], "integer"),
        ("lon=113&lat=34&facility=sauna", ["query", "facility", 0], "drinking_water"),
        ("lon=113&lat=34&radius_m=-1", ["query", "radius_m"], "greater"),
        ("lon=113&lat=34&radius=5", ["query", "radius"], "known here"),
        ("lon=113&lat=34&lon=114", ["query", "lon"], "more than once; give it once"),
        (
            "lon=113&lat=34&facility=fan&facility=aed",
            ["query", "facility"],
            "more than once; separate several values by",
        ),
        ("lon=113&lat=34&open=9999-12-31T23:59:59Z", ["query", "open"], "1901 to 2199"),
        ("lon=113&lat=34&open=0001-01-01T00:00:00%2B10:00", ["query", "open"], "1901 to 2199"),
        ("lon=113&lat=34&managed_by=ccb%00", ["query", "managed_by"], "NUL"),
    ],
)
def test_a_bad_query_is_400_and_names_the_parameter(client, query, loc, hint):
    body = problem(client, f"/v1/stations/nearest?{query}", 400)
    found = [error for error in body["errors"] if error["loc"] == loc]
    assert found, body
    assert hint in found[0]["message"]
    assert "?" not in body["instance"]


@pytest.mark.parametrize("path", ["/healthz?x=1", "/v1/vocabulary?lang=zh", "/readyz?a=b"])
def test_an_unknown_parameter_is_400_even_where_none_is_known(client, path):
    problem(client, path, 400)


def test_a_limit_above_the_maximum_is_clamped(client):
    assert client.get(NEAREST + "&limit=100000").status_code == 200
    assert client.get("/v1/stations?limit=99999999999999999999").status_code == 200
    assert client.get("/v1/stations?limit=" + "9" * 5_000).status_code == 200  # more digits than int() takes


@pytest.mark.parametrize("path", ["/v1/stations/by-code/%00", "/v1/stations/a%00", "/v1/stations?q=%00"])
def test_text_that_no_database_can_hold_is_400_in_an_address(client, path):
    answer = client.get(path)
    assert answer.status_code == 400
    assert "NUL" in answer.json()["errors"][0]["message"]


def test_unknown_paths_and_methods(client):
    problem(client, "/v1/nothing", 404)
    answer = client.delete("/v1/vocabulary")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_nearest_is_no_station_whatever_the_method(client, method):
    answer = client.request(method, "/v1/stations/nearest", json={"capacity": 1})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/stations/neerest?lon=1"),
        ("GET", "/v1/stations/neerest?crs=epsg"),
        ("GET", "/v1/stations/neerest/poster?lon=1&lon=2"),
        ("POST", "/v1/stations/neerest/check-ins"),
    ],
)
def test_what_is_no_id_is_no_station_whatever_is_asked_of_it(client, method, path):
    answer = client.request(method, path, json={"nonsense": 1} if method == "POST" else None)
    assert (answer.status_code, answer.json()["detail"]) == (404, str(errors.StationNotFound()))


def test_an_id_that_nobody_has_is_asked_with_known_parameters_only(client):
    problem(client, "/v1/stations/00000000-0000-0000-0000-000000000000?lon=1", 400)


def test_every_error_of_ours_has_a_status():
    def tree(kind: type[errors.YizhanError]) -> set[type[errors.YizhanError]]:
        return {kind}.union(*(tree(child) for child in kind.__subclasses__()))

    assert set(api_errors.STATUS) == tree(errors.YizhanError) - {errors.YizhanError}


def test_a_position_reaches_no_log(client, caplog):
    with caplog.at_level(logging.DEBUG):
        client.get(NEAREST)
        client.get(f"/v1/regions/locate?lon={LON}&lat={LAT}")
        client.get(f"/v1/stations/nearest?lon={LON}&lat={LAT}&x=1")
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]
    assert any("/v1/stations/nearest 200" in line for line in ours)
    assert not any(str(LON) in line or str(LAT) in line for line in ours)


def test_safe_headers_and_cors(client):
    answer = client.get(NEAREST, headers={"Origin": "https://example.org"})
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", NEAREST), ("GET", "/v1/stations"), ("GET", "/v1/regions"), ("GET", "/v1/stations/by-code/YZ1")],
)
def test_a_database_that_is_gone_is_503_with_retry_after(method, path):
    engine = create_engine("postgresql+psycopg://nobody@/none?host=/nonexistent", connect_args={"connect_timeout": 1})
    with TestClient(create_app(Settings(secret=SECRET), engine)) as client:
        answer = client.request(method, path)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert "nothing was written" in answer.json()["detail"]
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "starting")


def test_readiness_of_a_good_database(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert answer.json()["reasons"] == []


def test_a_mistake_of_ours_is_500_and_tells_nothing(house, monkeypatch, caplog):
    from geo import search

    def broken(*_args, **_kwargs):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(search, "nearest", broken)
    with TestClient(create_app(Settings(secret=SECRET), house), raise_server_exceptions=False) as client:
        body = problem(client, NEAREST, 500)
    assert "secret detail" not in str(body)
    assert str(LON) not in caplog.text.replace(f"lon={LON}", "", 0) or "nearest?" not in caplog.text


def test_the_openapi_document_is_complete(client):
    document = client.get("/openapi.json").json()
    operations = [
        (path, method, operation) for path, item in document["paths"].items() for method, operation in item.items()
    ]
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations:
        assert operation.get("summary"), path
        assert operation.get("description"), path
        assert "422" not in operation["responses"] or "requestBody" in operation, (method, path)
    nearest = {p["name"]: p for p in document["paths"]["/v1/stations/nearest"]["get"]["parameters"]}
    assert nearest["facility"]["explode"] is False
    assert nearest["limit"]["schema"]["maximum"] == 50


def test_pages_need_nobody_elses_server(client):
    for path in ("/", "/docs"):
        page = client.get(path).text
        assert "https://" not in page.replace("https://github.com", ""), path


def test_cursors_are_signed_and_bound_to_their_query(house):
    with db.session(house, ACTOR) as session:
        for n in range(3):
            station(session, name=f"站{n}", facilities=["toilet"])
    with TestClient(create_app(Settings(secret=SECRET), house)) as client:
        body = client.get("/v1/stations?limit=2&facility=toilet").json()
        (following,) = [link["href"] for link in body["links"] if link["rel"] == "next"]
        assert "facility=toilet" in following
        assert "limit=2" in following
        assert len(client.get(following).json()["features"]) == 1
        assert not [link for link in client.get(following).json()["links"] if link["rel"] == "next"]
        cursor = following.split("cursor=")[1]
        problem(client, f"/v1/stations?cursor={cursor}", 400)
        problem(client, f"/v1/stations?facility=toilet&cursor=x{cursor}", 400)
        problem(client, "/v1/stations?cursor=%F0%9F%98%80", 400)


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/vocabulary", "/v1/stations", NEAREST])
def test_head_answers_as_get_without_the_body(client, path):
    asked, looked = client.get(path), client.head(path)
    assert looked.status_code == asked.status_code == 200
    assert looked.content == b""
    assert looked.headers["content-type"] == asked.headers["content-type"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/stations", "GET, HEAD, POST"),
        ("/v1/stations/00000000-0000-0000-0000-000000000000", "GET, HEAD, PATCH"),
        ("/v1/organisations", "POST"),
    ],
)
def test_a_method_that_is_not_there_is_told_all_that_are(client, path, allowed):
    answer = client.request("BREW", path)
    assert answer.status_code == 405
    assert set(allowed.split(", ")) <= set(answer.headers["allow"].split(", "))
    assert "BREW" not in answer.headers["allow"]


def test_a_browser_may_ask_before_it_changes(client):
    asking = {"Origin": "https://map.example", "Access-Control-Request-Method": "PATCH"}
    answer = client.options("/v1/stations/x", headers=asking)
    assert answer.status_code == 200
    assert "PATCH" in answer.headers["access-control-allow-methods"]


@pytest.mark.parametrize("said", ["1764100000", "2026-10-01", "2026-10-01T10:00:00", "3000-01-01T00:00:00Z", "now-ish"])
def test_an_instant_is_written_out_with_its_offset(client, said):
    answer = client.get("/v1/stations", params={"updated_since": said})
    assert answer.status_code == 400
    assert "RFC 3339" in answer.json()["errors"][0]["message"]
