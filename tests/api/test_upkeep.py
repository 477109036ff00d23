"""A host registers, a union reviews, riders see it: all of it over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from api.schemas import HistoryList, ReviewList
from tests.cast import BODY, LAT, LON, Cast


def test_the_life_of_a_station(play: Cast):
    """Registered, submitted, published, closed for a week, a broken microwave: riders see each from its minute on."""
    path = play.register()
    assert play.nearest() == []
    assert play.public.get(path).status_code == 404
    assert play.bank("POST", f"{path}/submit").json()["properties"]["publication_status"] == "submitted"
    queue = play.union("GET", "/v1/reviews").json()
    ReviewList.model_validate(queue)
    assert [item["station"]["properties"]["name"] for item in queue["items"]] == [BODY["name"]]
    assert play.union("POST", f"{path}/review", json={"decision": "publish", "reason": "已核实"}).status_code == 200
    (seen,) = play.nearest(facility="microwave")
    assert seen["properties"]["open"] is True

    start = datetime.now(UTC) + timedelta(hours=1)
    week = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(days=7)).isoformat(), "reason": "装修"}
    assert play.bank("POST", f"{path}/closures", json=week).status_code == 201
    (seen,) = play.nearest()
    assert datetime.fromisoformat(seen["properties"]["closes_at"]) == start.replace(microsecond=0)
    assert len(play.nearest(open=(start - timedelta(seconds=1)).isoformat())) == 1
    assert play.nearest(open=start.isoformat()) == []
    assert play.nearest(open=(start + timedelta(days=7, seconds=-1)).isoformat()) == []
    assert len(play.nearest(open=(start + timedelta(days=7)).isoformat())) == 1

    broken = {"status": "faulty", "note": "等配件"}
    assert play.bank("PUT", f"{path}/facilities/microwave", json=broken).status_code == 200
    assert play.nearest(facility="microwave") == []
    assert len(play.nearest(facility="drinking_water")) == 1

    history = play.union("GET", f"{path}/history").json()
    HistoryList.model_validate(history)
    publishing = next(e for e in history["items"] if e["after"].get("publication_status") == "published")
    assert publishing["reason"] == "已核实"
    assert publishing["organisation"] == "union"
    assert publishing["before"] == {"publication_status": "submitted"}
    assert publishing["actor"].startswith("yz_")


def test_a_closure_under_way_closes_at_once_and_is_called_off(cast: Cast):
    path = cast.published()
    now = {"starts_at": "2020-01-01T00:00:00+08:00", "reason": "水管"}
    answer = cast.bank("POST", f"{path}/closures", json=now)
    assert answer.json()["properties"]["operational_status"] == "temporarily_closed"
    assert cast.nearest() == []
    assert cast.public.get("/v1/stations").json()["features"][0]["properties"]["open"] is False
    assert cast.bank("DELETE", answer.headers["location"]).status_code == 200
    assert cast.bank("DELETE", answer.headers["location"]).status_code == 404


def test_a_sensitive_change_of_a_published_station_waits(cast: Cast):
    path = cast.published()
    patch = {"name": "新名", "lon": LON, "lat": LAT + 0.01, "capacity": 9}
    answer = cast.bank("PATCH", path, json=patch, etag=cast.etag(path))
    assert (answer.status_code, answer.json()["pending"]) == (202, ["name", "position"])
    properties = cast.public.get(path).json()["properties"]
    assert (properties["name"], properties["capacity"]) == (BODY["name"], 9)
    assert cast.bank("GET", path).json()["pending"] == ["name", "position"]
    assert "pending" not in cast.public.get(path).json()
    (item,) = cast.union("GET", "/v1/reviews").json()["items"]
    assert item["changes"]["name"] == {"before": BODY["name"], "after": "新名"}
    assert cast.union("POST", f"{path}/review", json={"decision": "publish"}).status_code == 200
    found = cast.public.get(path).json()
    assert found["properties"]["name"] == "新名"
    assert found["geometry"]["coordinates"] == [LON, pytest.approx(LAT + 0.01)]
    assert cast.union("GET", "/v1/reviews").json()["items"] == []


@pytest.mark.parametrize(
    ("patch", "status"),
    [
        ({"lon": LON, "lat": LAT + 30 / 111_000}, 200),
        ({"lon": LON, "lat": LAT + 80 / 111_000}, 202),
        ({"lon": LON, "lat": LAT, "crs": "gcj02"}, 202),
        ({"kind": "other"}, 202),
        ({"host": "icbc"}, 202),
        ({"name": "新名"}, 202),
        ({"opening_hours": "Mo-Fr 09:00-17:00", "phone": "0371-1", "facilities": []}, 200),
        ({"operational_status": "suspended"}, 200),
    ],
)
def test_what_waits_and_what_does_not(cast: Cast, patch, status):
    path = cast.published()
    assert cast.bank("PATCH", path, json=patch, etag=cast.etag(path)).status_code == status


def test_a_position_read_in_one_datum_and_written_back_moves_nothing(cast: Cast):
    path = cast.register(crs="gcj02")
    lon, lat = cast.bank("GET", path).json()["geometry"]["coordinates"]
    answer = cast.bank("PATCH", path, json={"lon": lon, "lat": lat}, etag="*")
    assert answer.json()["geometry"]["coordinates"] == [lon, lat]


def test_what_does_not_wait_is_200_while_something_else_does(cast: Cast):
    path = cast.published()
    assert cast.bank("PATCH", path, json={"name": "新名"}, etag="*").status_code == 202
    answer = cast.bank("PATCH", path, json={"capacity": 5}, etag="*")
    assert (answer.status_code, answer.json()["pending"]) == (200, ["name"])


def test_a_proposal_is_returned_or_withdrawn_or_replaced(cast: Cast):
    path = cast.published()
    for end in ("return", "withdraw", "replace"):
        assert cast.bank("PATCH", path, json={"name": f"新名 {end}"}, etag=cast.etag(path)).status_code == 202
        if end == "return":
            answer = cast.union("POST", f"{path}/review", json={"decision": "return", "reason": "名称不符"})
        elif end == "withdraw":
            answer = cast.bank("POST", f"{path}/withdraw")
        else:
            answer = cast.bank("PATCH", path, json={"name": BODY["name"]}, etag=cast.etag(path))
        assert (answer.status_code, answer.json()["pending"]) == (200, [])
        assert cast.union("GET", "/v1/reviews").json()["items"] == []
        assert cast.public.get(path).json()["properties"]["name"] == BODY["name"]


def test_put_is_idempotent(cast: Cast):
    path = "/v1/organisations/ccb/stations/4101"
    first, again = (cast.bank("PUT", path, json=BODY) for _ in range(2))
    changed = cast.bank("PUT", path, json=BODY | {"capacity": 3})
    assert (first.status_code, again.status_code, changed.status_code) == (201, 200, 200)
    assert first.json()["properties"]["revision"] == again.json()["properties"]["revision"]
    assert changed.json()["properties"]["capacity"] == 3
    assert changed.json()["id"] == first.json()["id"]


def test_two_identical_puts_at_once_are_one_insert_and_one_no_op(play: Cast):
    path = "/v1/organisations/ccb/stations/4101"
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: play.bank("PUT", path, json=BODY), range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert {answer.json()["properties"]["revision"] for answer in answers} == {1}


def test_of_two_changes_of_one_revision_one_is_stale(play: Cast):
    path = play.register()
    etag = play.etag(path)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda n: play.bank("PATCH", path, json={"capacity": n}, etag=etag), (5, 6)))
    assert sorted(answer.status_code for answer in answers) == [200, 412]


@pytest.mark.parametrize(
    ("etag", "status"),
    [(None, 428), ('"99-x"', 412), ('"1-00000000"', 200), ("*", 200), ("garbage", 412), ('W/"1"', 200)],
)
def test_if_match(play: Cast, etag, status):
    path = play.register()
    assert play.bank("PATCH", path, json={"capacity": 1}, etag=etag).status_code == status
    if etag is not None:
        fresh = "/v1/organisations/ccb/stations/none"
        assert play.bank("PUT", fresh, json=BODY | {"lat": LAT + 1}, etag=etag).status_code in {201, 412}


@pytest.mark.parametrize(
    ("moves", "status"),
    [
        (("submit", "submit"), 409),
        (("withdraw",), 409),
        (("submit", "withdraw", "submit"), 200),
        (("publish",), 404),
        (("submit", "return", "submit"), 200),
        (("submit", "publish", "submit"), 409),
        (("submit", "publish", "publish"), 409),
        (("submit", "publish", "delist", "publish"), 200),
        (("submit", "delist"), 409),
    ],
)
def test_legal_moves(cast: Cast, moves, status):
    path = cast.register()
    for move in moves:
        if move in {"submit", "withdraw"}:
            answer = cast.bank("POST", f"{path}/{move}")
        else:
            answer = cast.union("POST", f"{path}/review", json={"decision": move, "reason": "理由"})
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"lon": LON}, ["body", "name"]),
        (BODY | {"lat": 113}, ["body", "lat"]),
        (BODY | {"facilities": ["sauna"]}, ["body", "facilities", 0, "facility"]),
        (BODY | {"opening_hours": "morgens"}, ["body", "opening_hours"]),
        (BODY | {"publication_status": "published"}, ["body", "publication_status"]),
        (BODY | {"host": "nobody"}, ["body", "host"]),
        (BODY | {"name": "x" * 201}, ["body", "name"]),
    ],
)
def test_a_bad_body_is_422_and_names_the_field(cast: Cast, body, loc):
    answer = cast.bank("POST", "/v1/stations", json=body)
    assert answer.status_code == 422
    assert loc in [error["loc"] for error in answer.json()["errors"]], answer.text


@pytest.mark.parametrize(
    "patch",
    [
        {"lat": 200, "lon": 113},
        {"lat": LAT},
        {"crs": "gcj02"},
        {"name": None},
        {"nonsense": 1},
        {"capacity": "many"},
        {"host": "nobody"},
    ],
)
def test_a_bad_patch_is_422_and_changes_nothing(cast: Cast, patch):
    path = cast.register()
    answer = cast.bank("PATCH", path, json={"brand": "x", **patch}, etag="*")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][:2] == ["body", next(iter(patch))]
    assert cast.bank("GET", path).json()["properties"]["brand"] is None


def test_bodies_that_are_not_json(cast: Cast):
    answer = cast.bank("POST", "/v1/stations", content=b"<xml/>")
    assert answer.status_code == 415
    headers = cast.bank.headers | {"Content-Type": "application/json"}
    assert cast.public.post("/v1/stations", content=b"{broken", headers=headers).status_code == 422


@pytest.mark.parametrize(
    "content",
    [
        b'{"name": "\xff"}',
        b"[" * 100_000,
        b'{"capacity": ' + b"9" * 5_000 + b"}",
        b'{"brand": "\\u0000"}',
        b'{"brand": "\\ud800"}',
        b'{"external_ids": {"\\u0000": "x"}}',
        b'{"\\ud800": null}',
    ],
    ids=["not UTF-8", "too deep", "too long a number", "NUL", "half a pair", "NUL in a name", "half a pair in a name"],
)
def test_a_body_that_nobody_can_read_or_keep_is_422(cast: Cast, content):
    path = cast.register()
    headers = {"Content-Type": "application/json", "If-Match": "*"}
    answer = cast.public.request("PATCH", path, content=content, headers=cast.bank.headers | headers)
    assert (answer.status_code, answer.json()["errors"][0]["loc"][0]) == (422, "body"), answer.text
    assert cast.public.request("PATCH", path, content=content, headers=headers).status_code == 401


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_413(cast: Cast, chunked):
    content = b'{"name": "' + b"x" * 1_000_000 + b'"}'
    headers = cast.bank.headers | {"Content-Type": "application/json"}
    answer = cast.public.post("/v1/stations", content=iter([content]) if chunked else content, headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "1,000,000" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("said", "loc"),
    [
        ({"starts_at": "0001-01-01T00:00:00+08:00"}, "starts_at"),
        ({"starts_at": "2026-01-01T00:00:00+08:00", "ends_at": "9999-12-31T23:59:59-10:00"}, "ends_at"),
        ({"starts_at": "2026-01-01T00:00:00+08:00", "replacement_id": "itself"}, "replacement_id"),
    ],
)
def test_a_closure_that_cannot_be_is_422_and_names_the_field(cast: Cast, said, loc):
    path = cast.published()
    said = {**said, "replacement_id": path.split("/")[-1]} if "replacement_id" in said else said
    answer = cast.bank("POST", f"{path}/closures", json={"reason": "装修", **said})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["body", loc]), answer.text
    assert cast.public.get(path).status_code == 200


def test_a_host_ref_in_the_path_is_trimmed_and_never_empty(cast: Cast):
    put = cast.bank("PUT", "/v1/organisations/ccb/stations/%2041%20", json=BODY)
    assert (put.status_code, put.json()["properties"]["host_ref"]) == (201, "41")
    assert cast.bank("PUT", "/v1/organisations/ccb/stations/%20", json=BODY).status_code == 400


def test_registering_what_is_there_is_409_and_names_it(cast: Cast):
    cast.register(host_ref="7")
    for again in ({"host_ref": "7", "name": "别名", "lat": LAT + 1}, {}):
        answer = cast.bank("POST", "/v1/stations", json=BODY | again)
        assert answer.status_code == 409
        assert "YZ" in answer.json()["detail"]
    assert cast.rival("POST", "/v1/stations", json=BODY).status_code == 409


def test_a_patch_to_a_host_ref_that_is_taken_is_409(cast: Cast):
    cast.register(host_ref="7", name="甲")
    path = cast.register(host_ref="8", name="乙")
    assert cast.bank("PATCH", path, json={"host_ref": "7"}, etag="*").status_code == 409


def test_a_review_needs_a_reason_unless_it_publishes(cast: Cast):
    path = cast.register()
    cast.bank("POST", f"{path}/submit")
    answer = cast.union("POST", f"{path}/review", json={"decision": "return"})
    assert answer.status_code == 422
    assert "reason" in answer.text


def test_pages_of_history_and_reviews(play: Cast):
    path = play.register()
    for n in range(4):
        play.bank("PATCH", path, json={"capacity": n}, etag="*")
    page = play.bank("GET", f"{path}/history?limit=2").json()
    (following,) = [link["href"] for link in page["links"] if link["rel"] == "next"]
    rest = play.bank("GET", following).json()
    ids = [entry["id"] for entry in page["items"] + rest["items"]]
    assert ids == sorted(ids, reverse=True)
    for n in range(3):
        play.bank("POST", f"{play.register(name=f'站 {n}', lat=LAT + n / 100 + 0.01)}/submit")
    page = play.union("GET", "/v1/reviews?limit=2").json()
    (following,) = [link["href"] for link in page["links"] if link["rel"] == "next"]
    items = page["items"] + play.union("GET", following).json()["items"]
    assert [item["station"]["properties"]["name"] for item in items] == ["站 0", "站 1", "站 2"]


def test_small_steps_do_not_add_up_to_a_long_way(play):
    path = play.published()
    for step in (1, 2, 3):  # 36 m each
        patch = {"lon": LON + step * 0.0004, "lat": LAT}
        answer = play.bank("PATCH", path, json=patch, etag="*")
        assert answer.status_code == (200 if step == 1 else 202), answer.text
    shown = play.public.get(path).json()["geometry"]["coordinates"]
    assert shown[0] == pytest.approx(LON + 0.0004, abs=1e-6)
    assert play.union("POST", f"{path}/review", json={"decision": "publish"}).status_code == 200
    answer = play.bank("PATCH", path, json={"lon": LON + 0.0016, "lat": LAT}, etag="*")
    assert answer.status_code == 200  # from where it is approved to be now
