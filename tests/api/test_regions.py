"""Divisions over HTTP."""

import pytest

from api.schemas import OutlineCollection, RegionList, RegionLocated, RegionOut


def test_the_provinces_are_the_children_of_the_country(client):
    body = client.get("/v1/regions?parent=100000").json()
    RegionList.model_validate(body)
    assert len(body["items"]) == 34
    assert {item["level"] for item in body["items"]} == {"province"}


def test_pages_of_districts_hold_each_once(client):
    seen: list[str] = []
    path = "/v1/regions?level=district&limit=500"
    while path:
        body = client.get(path).json()
        seen += [item["adcode"] for item in body["items"]]
        path = next((link["href"] for link in body["links"] if link["rel"] == "next"), "")
    assert len(seen) == len(set(seen)) == 2891


def test_one_division_with_its_parents_and_its_outline(client):
    body = client.get("/v1/regions/410105?geometry=true").json()
    RegionOut.model_validate(body)
    assert (body["name"], body["level"]) == ("金水区", "district")
    assert [parent["adcode"] for parent in body["parents"]] == ["100000", "410000", "410100"]
    assert body["geometry"]["type"] == "MultiPolygon"
    assert "geometry" not in client.get("/v1/regions/410105").json()


def test_a_code_at_two_levels_means_the_higher_one(client):
    assert client.get("/v1/regions/441900").json()["level"] == "city"
    assert client.get("/v1/regions/441900?level=district").json()["level"] == "district"
    assert client.get("/v1/regions/110000").json()["level"] == "province"


@pytest.mark.parametrize(("path", "status"), [("/v1/regions/999999", 404), ("/v1/regions/41", 400)])
def test_what_is_no_division(client, path, status):
    assert client.get(path).status_code == status


@pytest.mark.parametrize("crs", ["wgs84", "gcj02"])
def test_locate(client, crs):
    body = client.get(f"/v1/regions/locate?lon=113.6654&lat=34.7579&crs={crs}").json()
    RegionLocated.model_validate(body)
    assert (body["crs"], body["city"]["name"], body["district"]["name"]) == (crs, "郑州市", "金水区")


def test_a_point_at_sea_lies_nowhere(client):
    body = client.get("/v1/regions/locate?lon=124&lat=30").json()
    assert (body["province"], body["city"], body["district"]) == (None, None, None)


def test_outlines_hold_divisions_and_the_lines_that_bound_none(client):
    answer = client.get("/v1/regions/outlines")
    OutlineCollection.model_validate(answer.json())
    kinds = [feature["properties"]["kind"] for feature in answer.json()["features"]]
    assert (kinds.count("division"), kinds.count("line")) == (34, 8)
    assert "max-age" in answer.headers["cache-control"]
    assert len(answer.content) < 3_000_000


def test_divisions_are_found_by_a_part_of_the_name_or_how_the_code_begins(client):
    def found(q: str) -> list[tuple[str, str]]:
        body = client.get("/v1/regions", params={"q": q}).json()
        RegionList.model_validate(body)
        return [(item["level"], item["name"]) for item in body["items"]]

    assert found("金水") == [("district", "金水区")]
    assert [level for level, _ in found("朝阳")] == ["city", "district", "district", "district"]
    assert ("city", "洛阳市") in found("4103")
    assert found("%") == found("_") == []


def test_outlines_below_a_division_are_finer_and_kept_by_their_tag(client):
    answer = client.get("/v1/regions/outlines?level=district&parent=410100")
    OutlineCollection.model_validate(answer.json())
    assert len(answer.json()["features"]) == 12
    assert client.get("/v1/regions/outlines?level=city&parent=410000").json()["features"][0]["id"] == "410100"
    tag = {"If-None-Match": answer.headers["etag"]}
    assert client.get("/v1/regions/outlines?level=district&parent=410100", headers=tag).status_code == 304
    assert client.get("/v1/regions/outlines?level=district&parent=999999").status_code == 404
