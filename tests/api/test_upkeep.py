"""A host registers, a union reviews, riders see it: all of it over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from api.schemas import HistoryList, PendingFeature, ReviewList
from geo import db, organisations
from geo.settings import Settings
from geo.vocabulary import Role
from tests.conftest import SECRET
from tests.factories import ZHENGZHOU, organisation

LON, LAT = ZHENGZHOU
BODY = {
    "name": "劳动者港湾(金水支行)",
    "lon": LON,
    "lat": LAT,
    "opening_hours": "24/7",
    "facilities": ["microwave", "drinking_water"],
    "entry_modes": ["walk_in"],
}


class Caller:
    """A client with somebody's key."""

    def __init__(self, client: TestClient, key: str) -> None:
        self.client, self.headers = client, {"Authorization": f"Bearer {key}"}

    def __call__(self, method: str, path: str, *, etag: str | None = None, **kwargs):
        headers = self.headers | ({"If-Match": etag} if etag else {})
        return self.client.request(method, path, headers=headers, **kwargs)


class Cast:
    """The people of the play: a bank with a branch, another bank, the city's union, another city's, an admin."""

    def __init__(self, client: TestClient, database: db.Database) -> None:
        self.public = client
        with db.session(database) as session:
            organisation(session, "ccb")
            organisation(session, "ccb-js", parent="ccb")
            organisation(session, "icbc")
            organisation(session, "union", kind="trade_union", region="410100")
            organisation(session, "admin", kind="government")

            def caller(code: str, role: Role, region: str | None = None) -> Caller:
                return Caller(client, organisations.create_key(session, code, role=role, region=region))

            self.bank, self.branch = caller("ccb", Role.HOST), caller("ccb-js", Role.HOST)
            self.rival = caller("icbc", Role.HOST)
            self.union = caller("union", Role.AUDITOR, "410100")
            self.elsewhere = caller("union", Role.AUDITOR, "110000")
            self.bank_auditor = caller("ccb", Role.AUDITOR, "410100")
            self.admin = caller("admin", Role.ADMIN)

    def register(self, **said) -> str:
        answer = self.bank("POST", "/v1/stations", json=BODY | said)
        assert answer.status_code == 201, answer.text
        assert answer.headers["location"] == f"/v1/stations/{answer.json()['id']}"
        PendingFeature.model_validate(answer.json())
        return str(answer.headers["location"])

    def published(self, **said) -> str:
        path = self.register(**said)
        assert self.bank("POST", f"{path}/submit").status_code == 200
        assert self.union("POST", f"{path}/review", json={"decision": "publish"}).status_code == 200
        return path

    def nearest(self, **asked) -> list[dict]:
        query = {"lon": LON, "lat": LAT, "open": "now"} | asked
        answer = self.public.get("/v1/stations/nearest", params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["features"])

    def etag(self, path: str) -> str:
        return str(self.bank("GET", path).headers["etag"])


@pytest.fixture
def cast(client, house) -> Cast:
    return Cast(client, house)


@pytest.fixture
def play(fresh_engine):
    """The same on a database of its own, where each request is a transaction and so a revision."""
    with TestClient(create_app(Settings(secret=SECRET), fresh_engine), raise_server_exceptions=False) as client:
        yield Cast(client, fresh_engine)


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
    patch = {"name": "新名", "lat": LAT + 0.01, "capacity": 9}
    answer = cast.bank("PATCH", path, json=patch, etag=cast.etag(path))
    assert (answer.status_code, answer.json()["pending"]) == (202, ["name", "position"])
    properties = cast.public.get(path).json()["properties"]
    assert (properties["name"], properties["capacity"]) == (BODY["name"], 9)
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
        ({"lat": LAT + 30 / 111_000}, 200),
        ({"lat": LAT + 80 / 111_000}, 202),
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
    ("method", "path", "json"),
    [
        ("POST", "/v1/stations", {"nonsense": 1}),
        ("PATCH", "/v1/stations/x", None),
        ("PUT", "/v1/organisations/ccb/stations/1", {"nonsense": 1}),
        ("POST", "/v1/stations/x/review?y=1", {}),
        ("GET", "/v1/reviews?limit=none", None),
        ("GET", "/v1/stations/x/history", None),
        ("POST", "/v1/organisations", {}),
        ("DELETE", "/v1/keys/x", None),
    ],
)
def test_without_a_live_key_it_is_401_before_anything_else(cast: Cast, method, path, json):
    for headers in ({}, {"Authorization": "Bearer yz_000000000000_x"}, {"Authorization": "Basic eDp5"}):
        answer = cast.public.request(method, path, json=json, headers=headers)
        assert answer.status_code == 401, (headers, answer.text)
        assert answer.headers["www-authenticate"] == "Bearer"
    answer = cast.public.request(method, path, content=b"{broken", headers={"Content-Type": "application/json"})
    assert answer.status_code == 401


def test_unknown_paths_and_methods_come_before_the_key(cast: Cast):
    assert cast.public.put("/v1/stations/x/review").status_code == 405
    assert cast.public.post("/v1/stations/x/paint").status_code == 404


def test_a_revoked_or_expired_key_ends_at_once(cast: Cast):
    assert cast.bank("GET", "/v1/stations/x").status_code == 404
    prefix = cast.bank.headers["Authorization"].split(" ")[1].rsplit("_", 1)[0]
    made = cast.admin("POST", "/v1/organisations/ccb/keys", json={"role": "host"})
    assert made.status_code == 201
    second = Caller(cast.public, made.json()["key"])
    assert cast.admin("DELETE", f"/v1/keys/{'_'.join(prefix.split('_')[:2])}").status_code == 204
    assert cast.bank("POST", "/v1/stations", json=BODY).status_code == 401
    assert second("POST", "/v1/stations", json=BODY).status_code == 201
    past = {"role": "host", "expires_at": "2020-01-01T00:00:00Z"}
    expired = Caller(cast.public, cast.admin("POST", "/v1/organisations/ccb/keys", json=past).json()["key"])
    assert expired("POST", "/v1/stations", json=BODY).status_code == 401


def test_who_may_do_what_is_404_where_hidden_and_403_where_seen(cast: Cast):
    path = cast.register()
    assert cast.rival("GET", path).status_code == 404
    assert cast.union("GET", path).status_code == 404  # a draft is the host's own
    assert cast.rival("POST", f"{path}/submit").status_code == 404
    assert cast.bank("POST", f"{path}/submit").status_code == 200
    assert cast.union("GET", path).status_code == 200
    assert cast.elsewhere("POST", f"{path}/review", json={"decision": "publish"}).status_code == 404
    assert cast.bank_auditor("POST", f"{path}/review", json={"decision": "publish"}).status_code == 403
    assert cast.bank_auditor("GET", "/v1/reviews").json()["items"] == []
    assert cast.bank("POST", f"{path}/review", json={"decision": "publish"}).status_code == 403
    assert cast.union("POST", f"{path}/review", json={"decision": "publish"}).status_code == 200
    assert cast.rival("POST", f"{path}/withdraw").status_code == 403
    assert cast.branch("PATCH", path, json={}, etag="*").status_code == 403
    assert cast.rival("GET", f"{path}/history").status_code == 403
    assert cast.union("POST", f"{path}/submit").status_code == 403
    assert cast.bank("GET", "/v1/reviews").status_code == 403
    assert cast.bank("POST", "/v1/organisations", json={"code": "x", "name": "x", "kind": "bank"}).status_code == 403


def test_a_head_office_acts_for_its_branches_and_not_the_other_way_round(cast: Cast):
    assert cast.bank("PUT", "/v1/organisations/ccb-js/stations/1", json=BODY).status_code == 201
    assert cast.branch("PUT", "/v1/organisations/ccb-js/stations/1", json=BODY).status_code == 200
    assert cast.branch("PUT", "/v1/organisations/ccb/stations/1", json=BODY).status_code == 403
    assert cast.rival("PUT", "/v1/organisations/ccb-js/stations/1", json=BODY).status_code == 403
    assert cast.bank("PUT", "/v1/organisations/nobody/stations/1", json=BODY).status_code == 404


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
    "patch", [{"lat": 200}, {"name": None}, {"nonsense": 1}, {"capacity": "many"}, {"host": "nobody"}]
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


def test_admin_enters_organisations_and_keys(cast: Cast):
    new = {"code": "cmb", "name": "招商银行", "kind": "bank", "parent": None}
    assert cast.admin("POST", "/v1/organisations", json=new).status_code == 201
    assert cast.admin("POST", "/v1/organisations", json=new).status_code == 409
    assert cast.admin("POST", "/v1/organisations", json=new | {"code": "x", "parent": "no"}).status_code == 404
    assert cast.admin("POST", "/v1/organisations/no/keys", json={"role": "host"}).status_code == 404
    assert cast.admin("POST", "/v1/organisations/cmb/keys", json={"role": "king"}).status_code == 422


def test_the_last_use_of_a_key_is_known_to_the_day(cast: Cast, house):
    cast.register()
    with db.session(house) as session:
        used = session.scalar(text("SELECT count(*) FROM api_key WHERE last_used_on = current_date"))
    assert used == 1


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
