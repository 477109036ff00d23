"""Keys, and who may do what with them: 401, 403 and 404 over HTTP."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from geo import db, organisations
from geo.vocabulary import Role
from tests.cast import BODY, Caller, Cast


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


def test_a_revoked_or_expired_key_ends_at_once(cast: Cast, house):
    assert cast.bank("GET", "/v1/stations/x").status_code == 404
    prefix = cast.bank.headers["Authorization"].split(" ")[1].rsplit("_", 1)[0]
    made = cast.admin("POST", "/v1/organisations/ccb/keys", json={"role": "host"})
    assert made.status_code == 201
    second = Caller(cast.public, made.json()["key"])
    assert cast.admin("DELETE", f"/v1/keys/{'_'.join(prefix.split('_')[:2])}").status_code == 204
    assert cast.bank("POST", "/v1/stations", json=BODY).status_code == 401
    assert second("POST", "/v1/stations", json=BODY).status_code == 201
    past = {"role": "host", "expires_at": "2020-01-01T00:00:00Z"}
    refused = cast.admin("POST", "/v1/organisations/ccb/keys", json=past)
    assert refused.status_code == 422
    assert "to come" in refused.json()["errors"][0]["message"]
    with db.session(house) as session:
        ended = datetime(2020, 1, 1, tzinfo=UTC)
        expired = Caller(cast.public, organisations.create_key(session, "ccb", role=Role.HOST, expires_at=ended))
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


def test_admin_enters_organisations_and_keys(cast: Cast):
    new = {"code": "cmb", "name": "招商银行", "kind": "bank", "parent": None}
    assert cast.admin("POST", "/v1/organisations", json=new).status_code == 201
    assert cast.admin("POST", "/v1/organisations", json=new).status_code == 409
    assert cast.admin("POST", "/v1/organisations", json=new | {"code": "x", "parent": "no"}).status_code == 404
    assert cast.admin("POST", "/v1/organisations/no/keys", json={"role": "host"}).status_code == 404
    for bad in (
        {"role": "king"},
        {"role": "host", "rgion": "410100"},
        {"role": "host", "expires_at": "9999-12-31T00:00Z"},
    ):
        assert cast.admin("POST", "/v1/organisations/cmb/keys", json=bad).status_code == 422
    assert cast.admin("POST", "/v1/organisations", json=new | {"code": "x", "parent": "x"}).status_code == 422


def test_the_last_use_of_a_key_is_known_to_the_day(cast: Cast, house):
    cast.register()
    with db.session(house) as session:
        used = session.scalar(text("SELECT count(*) FROM api_key WHERE last_used_on = current_date"))
    assert used == 1


def test_a_key_is_told_whose_it_is_and_where_it_may_look(cast: Cast):
    told = cast.union("GET", "/v1/keys/self").json()
    assert (told["organisation"], told["role"], told["region"]) == ("union", "auditor", "410100")
    assert cast.union.headers["Authorization"].startswith(f"Bearer {told['prefix']}_")
    assert cast.admin("GET", "/v1/keys/self").json()["region"] is None
    assert cast.public.get("/v1/keys/self").status_code == 401
