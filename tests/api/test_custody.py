"""Who keeps a station, over HTTP: the tree, transfers, claims, succession, whose turn it is to review, and keys."""

import pytest
from sqlalchemy import text

from api.schemas import ReviewList
from api.schemas_custody import CustodyList, KeyList, OrganisationList
from geo import db, errors
from tests.cast import BODY, LAT, Caller, Cast
from tests.conftest import ACTOR
from tests.factories import station

PUBLISH = {"decision": "publish"}


def test_a_transfer_needs_both_sides_in_whatever_order(cast: Cast):
    path = cast.published(host_ref="7")
    offer = cast.bank("POST", f"{path}/transfer", json={"to": "icbc", "reason": "网点移交"})
    assert (offer.status_code, offer.json()["pending"]) == (202, ["managed_by"])
    assert cast.bank("POST", f"{path}/transfer", json={"to": "icbc"}).status_code == 202  # the same again
    assert cast.bank("POST", f"{path}/transfer", json={"to": "union"}).status_code == 409
    (waiting,) = cast.rival("GET", "/v1/transfers").json()["items"]
    CustodyList.model_validate(cast.rival("GET", "/v1/transfers").json())
    assert (waiting["from_organisation"], waiting["to_organisation"], waiting["asked_by"]) == ("ccb", "icbc", "ccb")
    done = cast.rival("POST", f"{path}/transfer", json={"to": "icbc"})
    assert done.status_code == 200
    assert (done.json()["properties"]["managed_by"], done.json()["properties"]["host_ref"]) == ("icbc", None)
    assert cast.rival("GET", "/v1/transfers").json()["items"] == []
    assert cast.bank("POST", f"{path}/withdraw").status_code == 403
    asked = cast.bank("POST", f"{path}/transfer", json={"to": "ccb", "host_ref": "8"})
    assert asked.status_code == 202
    back = cast.rival("POST", f"{path}/transfer", json={"to": "ccb", "host_ref": "theirs"})
    assert back.json()["properties"]["host_ref"] == "8"  # only the new manager says its number


def test_within_one_bank_the_head_office_moves_a_branch_at_once_and_its_number_stays(cast: Cast):
    path = cast.published(host_ref="7")
    done = cast.bank("POST", f"{path}/transfer", json={"to": "ccb-js"})
    assert done.status_code == 200
    assert (done.json()["properties"]["managed_by"], done.json()["properties"]["host_ref"]) == ("ccb-js", "7")
    assert cast.bank("POST", f"{path}/transfer", json={"to": "ccb-js"}).status_code == 409


def test_outsiders_neither_transfer_nor_see_what_is_offered(cast: Cast):
    draft, public = cast.register(name="甲"), cast.published(name="乙", lat=LAT + 0.01)
    assert cast.union("POST", f"{public}/transfer", json={"to": "icbc"}).status_code == 403
    assert cast.rival("POST", f"{draft}/transfer", json={"to": "icbc"}).status_code == 404
    assert cast.bank("POST", f"{draft}/transfer", json={"to": "nobody"}).status_code == 404
    assert cast.bank("POST", f"{draft}/transfer", json={"to": "icbc"}).status_code == 202
    assert cast.bank("DELETE", f"{draft}/transfer").status_code == 200
    assert cast.rival("POST", f"{draft}/transfer", json={"to": "icbc"}).status_code == 404
    assert cast.bank("POST", f"{draft}/transfer", json={"to": "icbc"}).status_code == 202
    assert cast.rival("DELETE", f"{draft}/transfer").status_code == 200
    assert cast.bank("GET", draft).json()["properties"]["managed_by"] == "ccb"
    assert cast.rival("DELETE", f"{public}/transfer").status_code == 404


def test_a_number_the_new_manager_has_already_is_a_conflict_and_nothing_moves(cast: Cast):
    assert cast.rival("POST", "/v1/stations", json=BODY | {"name": "工行", "host_ref": "1"}).status_code == 201
    path = cast.published(host_ref="7")
    assert cast.bank("POST", f"{path}/transfer", json={"to": "icbc"}).status_code == 202
    assert cast.rival("POST", f"{path}/transfer", json={"to": "icbc", "host_ref": "1"}).status_code == 409
    assert cast.bank("GET", path).json()["properties"]["managed_by"] == "ccb"


@pytest.mark.parametrize(("decision", "manager"), [("accept", "icbc"), ("refuse", None)])
def test_a_claim_of_what_nobody_manages_is_decided_by_the_union(cast: Cast, house, decision, manager):
    with db.session(house, ACTOR) as session:
        path = f"/v1/stations/{station(session, name='无主驿站')}"
    assert cast.rival("POST", f"{path}/transfer", json={"to": "icbc"}).status_code == 409
    assert cast.union("POST", f"{path}/claim", json={}).status_code == 403
    asked = cast.rival("POST", f"{path}/claim", json={"host_ref": "9", "reason": "我行网点"})
    assert (asked.status_code, asked.json()["pending"]) == (202, ["managed_by"])
    assert cast.bank("POST", f"{path}/claim", json={}).status_code == 409
    assert cast.elsewhere("GET", "/v1/reviews").json()["items"] == []
    (item,) = cast.union("GET", "/v1/reviews", params={"what": "claim"}).json()["items"]
    assert (item["what"], item["changes"]["managed_by"]) == ("claim", {"before": None, "after": "icbc"})
    for caller in (cast.rival, cast.elsewhere):
        assert caller("POST", f"{path}/claim/decision", json={"decision": "accept"}).status_code == 403
    answer = cast.union("POST", f"{path}/claim/decision", json={"decision": decision, "reason": "核实"})
    assert answer.json()["properties"]["managed_by"] == manager
    assert cast.union("POST", f"{path}/claim/decision", json={"decision": decision}).status_code == 404
    assert cast.union("GET", "/v1/reviews").json()["items"] == []


def test_a_relocated_station_leads_to_its_successor_by_id_and_by_code(cast: Cast):
    old, new = cast.published(host_ref="7"), cast.register(name="新址", lat=LAT + 0.02)
    code = cast.bank("GET", old).json()["properties"]["code"]
    body = {"successor_id": new.rsplit("/", 1)[1], "how": "relocated", "reason": "迁址"}
    assert cast.bank("POST", f"{old}/succession", json=body).status_code == 409  # the public could not see it
    cast.bank("POST", f"{new}/submit")
    cast.union("POST", f"{new}/review", json=PUBLISH)
    assert cast.rival("POST", f"{old}/succession", json=body).status_code == 403
    assert cast.bank("POST", f"{old}/succession", json=body).status_code == 200
    for path in (old, f"/v1/stations/by-code/{code}"):
        answer = cast.public.get(path, params={"crs": "gcj02"}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (308, f"{new}?crs=gcj02")
    assert cast.public.get(old).json()["properties"]["host_ref"] == "7"  # the number went over
    assert cast.bank("POST", f"{old}/succession", json=body).status_code == 409
    assert cast.bank("PATCH", old, json={"operational_status": "open"}, etag="*").status_code == 409
    assert [one["id"] for one in cast.nearest()] == [new.rsplit("/", 1)[1]]


def test_merged_leads_on_and_removed_is_gone_by_id_and_by_code(cast: Cast):
    kept, twin, closed = (cast.published(name=name, lat=LAT + n / 100) for n, name in enumerate("甲乙丙"))
    codes = {path: cast.bank("GET", path).json()["properties"]["code"] for path in (twin, closed)}
    body = {"successor_id": kept.rsplit("/", 1)[1], "how": "merged", "reason": "重复"}
    assert cast.union("POST", f"{twin}/succession", json=body).status_code == 200
    done = cast.bank("PATCH", closed, json={"operational_status": "permanently_closed"}, etag="*")
    assert done.status_code == 200
    for path, status in ((twin, 308), (closed, 410)):
        for address in (path, f"/v1/stations/by-code/{codes[path]}"):
            assert cast.public.get(address, follow_redirects=False).status_code == status, address
    draft = cast.register(name="丁", lat=LAT + 0.1)
    code = cast.bank("GET", draft).json()["properties"]["code"]
    assert cast.public.get(f"/v1/stations/by-code/{code}").status_code == 404


def test_what_was_taken_off_the_list_is_gone_for_the_public_and_may_come_back(cast: Cast):
    path = cast.published()
    cast.union("POST", f"{path}/review", json={"decision": "delist", "reason": "长期未开放"})
    assert cast.public.get(path).status_code == 410
    assert cast.bank("GET", path).status_code == 200
    cast.union("POST", f"{path}/review", json=PUBLISH)
    assert cast.public.get(path).status_code == 200


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("publication_status = 'draft'", "publication_status = 'returned'"),
        ("publication_status = 'draft'", "publication_status = 'delisted_inactive'"),
        ("operational_status = 'permanently_closed'", "operational_status = 'open'"),
        ("operational_status = 'relocated'", "operational_status = 'planned'"),
    ],
)
def test_the_database_itself_refuses_an_illegal_move(cast: Cast, house, was, becomes):
    cast.register()
    with db.session(house, ACTOR) as session:
        session.execute(text(f"UPDATE station SET {was}"))
    with pytest.raises(errors.IllegalMove), db.session(house, ACTOR) as session:
        session.execute(text(f"UPDATE station SET {becomes}"))


def test_the_queue_is_filtered_and_what_was_returned_shows_what_is_new(cast: Cast):
    first, second = cast.register(name="甲"), cast.register(name="乙", lat=LAT + 0.01, kind="other")
    for path in (first, second):
        cast.bank("POST", f"{path}/submit")
    cast.union("POST", f"{first}/review", json={"decision": "return", "reason": "缺电话"})
    cast.bank("PATCH", first, json={"phone": "0371-1"}, etag="*")
    cast.bank("POST", f"{first}/submit")

    def names(**asked: str) -> list[str]:
        answer = cast.union("GET", "/v1/reviews", params=asked).json()
        ReviewList.model_validate(answer)
        return sorted(item["station"]["properties"]["name"] for item in answer["items"])

    assert names() == ["乙", "甲"]
    assert names(kind="other") == ["乙"]
    assert names(managed_by="icbc") == names(region="110000") == names(what="proposal") == []
    assert names(region="410000") == ["乙", "甲"]
    items = cast.union("GET", "/v1/reviews").json()["items"]
    (again,) = (item for item in items if item["station"]["properties"]["name"] == "甲")
    assert again["changes"] == {"phone": {"before": None, "after": "0371-1"}}


def test_a_review_is_taken_on_assigned_and_released(cast: Cast):
    path = cast.register()
    turn = f"/v1/reviews/{path.rsplit('/', 1)[1]}/assignee"
    assert cast.union("PUT", turn, json={}).status_code == 404
    cast.bank("POST", f"{path}/submit")
    assert cast.bank("PUT", turn, json={}).status_code == 403
    made = cast.admin("POST", "/v1/organisations/union/keys", json={"role": "auditor", "region": "410100"}).json()
    colleague = Caller(cast.public, made["key"])
    assert cast.union("PUT", turn, json={}).json()["reviewer"].startswith("yz_")
    assert colleague("PUT", turn, json={}).status_code == 409
    assert colleague("POST", f"{path}/review", json=PUBLISH).status_code == 409
    assert len(cast.union("GET", "/v1/reviews", params={"assigned": "me"}).json()["items"]) == 1
    assert colleague("GET", "/v1/reviews", params={"assigned": "none"}).json()["items"] == []
    assert colleague("DELETE", turn).status_code == 409
    assert cast.union("DELETE", turn).status_code == 204
    assert cast.union("PUT", turn, json={"organisation": "icbc"}).status_code == 403
    district = {"code": "union-js", "name": "金水区总工会", "kind": "trade_union", "parent": "union"}
    cast.admin("POST", "/v1/organisations", json=district)
    assert cast.union("PUT", turn, json={"organisation": "union-js"}).json()["reviewer"] is None
    assert len(colleague("GET", "/v1/reviews", params={"assigned": "union-js"}).json()["items"]) == 1
    assert cast.union("POST", f"{path}/review", json=PUBLISH).status_code == 200
    assert cast.union("PUT", turn, json={}).status_code == 409  # nothing waits


def test_many_are_decided_at_once_each_on_its_own(cast: Cast):
    paths = [cast.register(name=name, lat=LAT + n / 100) for n, name in enumerate("甲乙丙")]
    for path in paths[:2]:
        cast.bank("POST", f"{path}/submit")
    ids = [path.rsplit("/", 1)[1] for path in paths]
    answer = cast.union("POST", "/v1/reviews", json=PUBLISH | {"stations": ids}).json()["items"]
    assert [one["publication_status"] for one in answer] == ["published", "published", None]
    assert answer[2]["message"]
    assert len(cast.public.get("/v1/stations").json()["features"]) == 2


def test_organisations_are_a_tree_without_rings(cast: Cast):
    tree = cast.bank("GET", "/v1/organisations", params={"parent": "ccb"}).json()
    OrganisationList.model_validate(tree)
    assert [(one["code"], one["children"]) for one in tree["items"]] == [("ccb-js", 0)]
    below = {"code": "ccb-js-1", "name": "支行", "kind": "bank", "parent": "ccb-js"}
    assert cast.admin("POST", "/v1/organisations", json=below).status_code == 201
    found = cast.bank("GET", "/v1/organisations", params={"parent": "ccb", "below": "true"}).json()["items"]
    assert [one["code"] for one in found] == ["ccb-js", "ccb-js-1"]
    assert cast.bank("PUT", "/v1/organisations/ccb-js-1/stations/1", json=BODY).status_code == 201
    assert cast.bank("GET", "/v1/organisations/ccb-js-1").json()["stations"] == 1
    for ring in ("ccb", "ccb-js-1"):
        assert cast.admin("PATCH", "/v1/organisations/ccb", json={"parent": ring}).status_code == 409
    assert cast.bank("PATCH", "/v1/organisations/ccb", json={"name": "x"}).status_code == 403
    assert cast.admin("PATCH", "/v1/organisations/ccb-js-1", json={"parent": None}).json()["parent"] is None
    assert cast.bank("PUT", "/v1/organisations/ccb-js-1/stations/1", json=BODY).status_code == 403
    first = cast.bank("GET", "/v1/organisations", params={"limit": 1}).json()
    assert len(first["items"]) == 1
    assert cast.bank("GET", first["links"][1]["href"]).json()["items"][0]["code"] > first["items"][0]["code"]


def test_a_key_is_replaced_without_a_gap(cast: Cast):
    prefix = "_".join(cast.bank.headers["Authorization"].removeprefix("Bearer ").split("_")[:2])
    assert cast.rival("POST", f"/v1/keys/{prefix}/rotation", json={}).status_code == 403
    made = cast.bank("POST", f"/v1/keys/{prefix}/rotation", json={"overlap_h": 1})
    assert made.status_code == 201
    fresh = Caller(cast.public, made.json()["key"])
    assert cast.bank("GET", "/v1/transfers").status_code == fresh("GET", "/v1/transfers").status_code == 200
    listed = cast.branch("GET", "/v1/organisations/ccb/keys")
    assert listed.status_code == 403  # a branch does not look into its head office
    items = fresh("GET", "/v1/organisations/ccb/keys").json()
    KeyList.model_validate(items)
    old = next(key for key in items["items"] if key["prefix"] == prefix)
    assert (old["expires_at"], old["alive"]) == (made.json()["old_expires_at"], True)
    assert old["last_used_on"]
    assert "secret" not in str(items)
    assert cast.admin("POST", f"/v1/keys/{prefix}/rotation", json={"overlap_h": 0}).status_code == 201
    assert cast.bank("GET", "/v1/transfers").status_code == 401
    assert cast.admin("POST", f"/v1/keys/{prefix}/rotation", json={}).status_code == 404


def test_a_station_is_found_by_the_code_another_system_knows_it_by(cast: Cast):
    path = cast.published(external_ids={"amap_poi": "B0FFG8A1XZ", "osm": "node/1"})
    cast.published(name="乙", lat=LAT + 0.01, external_ids={"baidu_uid": "B0FFG8A1XZ"})

    def found(code: str) -> list[str]:
        answer = cast.public.get("/v1/stations", params={"external_id": code})
        assert answer.status_code == 200, answer.text
        return [feature["id"] for feature in answer.json()["features"]]

    assert found("amap_poi:B0FFG8A1XZ") == found("osm:node/1") == [path.rsplit("/", 1)[1]]
    assert found("tencent_poi:B0FFG8A1XZ") == []
    for wrong in ("amap_poi", "amap_poi:", "google:1"):
        assert cast.public.get("/v1/stations", params={"external_id": wrong}).status_code == 400
    for bad in ({"google": "1"}, {"osm": ""}):
        assert cast.bank("PATCH", path, json={"external_ids": bad}, etag="*").status_code == 422
