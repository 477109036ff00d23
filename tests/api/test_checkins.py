"""Check-ins over HTTP: what is kept, what is forgotten, what counts, and what reaches the union."""

import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError
from sqlalchemy import text
from sqlmodel import Session

from api.app import create_app
from api.frequency import MOST_OF_AN_ADDRESS_AT_A_STATION, WINDOW_S, Frequency
from geo import checkins, db, errors, posters
from geo.checkins import Band, CheckInDraft
from geo.settings import Settings
from geo.tables_visits import Poster
from tests.cast import LAT, LON
from tests.conftest import SECRET
from tests.factories import station


@pytest.fixture
def path(cast) -> str:
    return str(cast.published())


@pytest.fixture
def say(cast, path) -> Callable[..., dict[str, Any]]:
    def say(outcome: str = "used_ok", **said: object) -> dict[str, Any]:
        answer = cast.public.post(f"{path}/check-ins", json={"outcome": outcome, **said})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    return say


def visitor() -> str:
    return secrets.token_urlsafe(16)


def ask(house, query: str, **asked: object):
    with db.session(house) as session:
        return session.execute(text(query), asked).all()


def token_of(house, path: str) -> str:
    with db.session(house) as session:
        return posters.token(posters.in_force(session, UUID(path.rsplit("/", 1)[1])), SECRET.encode())


@pytest.mark.parametrize(
    ("north", "band"), [(0.0, "at_the_door"), (0.001, "nearby"), (0.005, "within_1_km"), (0.02, "farther")]
)
def test_of_a_position_only_a_band_of_distance_is_kept(house, say, north, band):
    assert say(lon=LON, lat=LAT + north)["distance_band"] == band
    kept = ask(house, "SELECT to_jsonb(c) AS row FROM check_in c")[0].row
    assert kept["distance_band"] == band
    assert not re.search(r"(?<![:\d])(11[23]|34)\.\d", str(kept))  # but in the seconds of an instant


def test_the_position_may_be_in_the_datum_of_the_phones_map(say):
    assert say(lon=LON, lat=LAT, crs="gcj02")["distance_band"] != "at_the_door"


def test_a_poster_counts_each_visitor_once_a_day_and_says_that_it_is_a_claim(house, say, path):
    token, mine = token_of(house, path), visitor()
    first = say(token=token, visitor=mine)["visit"]
    again = say(token=token, visitor=mine)["visit"]
    other = say(token=token, visitor=visitor())["visit"]
    assert first == {"method": "qr_scan", "proof": "claim", "counted": True}
    assert (again["counted"], other["counted"]) == (False, True)
    totals = ask(house, "SELECT method, complete, visits, reports FROM visit_day")
    assert totals == [("qr_scan", False, 2, 2)]


@pytest.mark.parametrize("said", [{}, {"visitor": "a" * 22}, {"token": "ours"}])
def test_without_a_poster_and_a_visitor_nothing_is_counted(house, say, path, said):
    if "token" in said:
        said = {"token": token_of(house, path)}
    assert say(**said)["visit"] is None
    assert ask(house, "SELECT FROM visit") == []


def test_a_locked_door_is_no_visit(house, say, path):
    assert say("locked_in_posted_hours", token=token_of(house, path), visitor=visitor())["visit"] is None


def test_a_poster_taken_back_counts_no_more_and_the_next_is_another(cast, house, path):
    old = token_of(house, path)
    assert cast.rival("DELETE", f"{path}/poster").status_code == 403
    assert cast.bank("DELETE", f"{path}/poster").status_code == 204
    assert cast.bank("DELETE", f"{path}/poster").status_code == 404
    answer = cast.public.post(f"{path}/check-ins", json={"outcome": "used_ok", "token": old})
    assert answer.status_code == 422
    assert "taken back" in answer.text
    assert token_of(house, path) != old


def test_a_token_of_another_station_or_forged_is_refused(cast, house, path):
    other = cast.published(name="另一站", lat=LAT + 0.01)
    token = token_of(house, path)
    forged = token[:-1] + ("0" if token[-1] != "0" else "1")
    for place, bad in ((other, token), (path, forged)):
        answer = cast.public.post(f"{place}/check-ins", json={"outcome": "used_ok", "token": bad})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["loc"] == ["body", "token"]


def test_the_code_is_drawn_and_the_poster_can_be_printed(cast, path):
    code = cast.public.get(f"{path}/qr.svg")
    assert code.headers["content-type"] == "image/svg+xml"
    assert code.text.startswith("<svg")
    assert code.text == cast.public.get(f"{path}/qr.svg").text
    poster = cast.public.get(f"{path}/poster")
    assert "劳动者港湾(金水支行)" in poster.text
    assert code.text in poster.text


@pytest.fixture
def drawn(monkeypatch) -> list[str]:
    """The addresses that codes were drawn of."""
    addresses: list[str] = []
    draw = posters.drawn

    def noted(address: str) -> bytes:
        addresses.append(address)
        return draw(address)

    monkeypatch.setattr(posters, "drawn", noted)
    return addresses


def test_a_poster_leads_to_the_public_address_wherever_it_was_opened(house, path, drawn):
    settings = Settings(secret=SECRET, public_url="https://yizhan.example.org/")
    with TestClient(create_app(settings, house), base_url="http://127.0.0.1:8000") as client:
        poster = client.get(f"{path}/poster").text
        client.get(f"{path}/qr.svg")
        page = client.get("/v1/stations?limit=1&q=%E6%B8%AF").json()
    door = "https://yizhan.example.org/web/check-in.html#"
    assert [address.partition("#")[0] + "#" for address in drawn] == [door, door]
    assert "this computer only" not in poster
    assert page["links"][0]["href"] == "https://yizhan.example.org/v1/stations?limit=1&q=%E6%B8%AF"


@pytest.mark.parametrize(
    ("asked", "warned"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost", True),
        ("http://[::1]:8000", True),
        ("http://192.168.1.20:8000", False),
        ("https://yizhan.example.org", False),
    ],
)
def test_without_a_public_address_a_poster_leads_to_the_one_asked_and_warns_of_the_loopback(
    cast, path, drawn, asked, warned
):
    poster = cast.public.get(f"{asked}{path}/poster").text
    assert drawn[0].startswith(f"{asked}/web/check-in.html#")
    assert ("this computer only" in poster) is warned


@pytest.mark.parametrize(
    "address", ["yizhan.example.org", "ftp://example.org", "https://example.org/yizhan", "https://"]
)
def test_a_public_address_is_that_of_a_site(address):
    with pytest.raises(ValidationError, match="site without a path"):
        Settings(public_url=address)
    assert Settings(public_url="").public_url is None


def test_two_strangers_who_find_the_door_locked_raise_one_alert_in_the_unions_queue(cast, say, path):
    first = visitor()
    say("locked_in_posted_hours", visitor=first)
    say("locked_in_posted_hours", visitor=first)
    assert cast.union("GET", "/v1/alerts").json()["items"] == []
    say("locked_in_posted_hours", visitor=visitor())
    say("locked_in_posted_hours", visitor=visitor())
    (alert,) = cast.union("GET", "/v1/alerts").json()["items"]
    assert (alert["kind"], alert["check_ins"]) == ("locked_in_posted_hours", 4)
    assert path.endswith(alert["station_id"])
    assert cast.elsewhere("GET", "/v1/alerts").json()["items"] == []
    assert cast.bank("GET", "/v1/alerts").status_code == 403
    close = f"/v1/alerts/{alert['id']}/close"
    assert cast.elsewhere("POST", close, json={"reason": "?"}).status_code == 404
    assert cast.union("POST", close, json={"reason": "已处理"}).status_code == 204
    assert cast.union("GET", "/v1/alerts").json()["items"] == []
    assert cast.union("POST", close, json={"reason": "again"}).status_code == 404


@pytest.mark.parametrize(
    "said",
    [
        {"visitor": None},  # nobody says that these are two
        {"lon": LON, "lat": LAT + 0.02},  # neither was there
    ],
)
def test_findings_that_prove_nothing_raise_no_alert(cast, say, said):
    for _ in range(2):
        say("not_found", **({"visitor": visitor()} | said))
    assert cast.union("GET", "/v1/alerts").json()["items"] == []


def test_locked_outside_the_posted_hours_raises_no_alert(cast, house):
    path = cast.published(name="夜间", lat=LAT + 0.02, opening_hours="Mo-Su 00:00-24:00 off")
    for _ in range(2):
        body = {"outcome": "locked_in_posted_hours", "visitor": visitor()}
        assert cast.public.post(f"{path}/check-ins", json=body).status_code == 201
    assert ask(house, "SELECT FROM alert") == []


def test_the_key_of_a_visitors_hash_is_destroyed_after_two_days(house, say):
    say(visitor=visitor())
    with db.session(house, as_owner=True) as session:
        session.execute(text("UPDATE visitor_key SET made_at = now() - interval '49 hours', day = day - 2"))
    say(visitor=visitor())
    assert len(ask(house, "SELECT FROM visitor_key")) == 1
    assert ask(house, "SELECT relpersistence FROM pg_class WHERE relname = 'visitor_key'") == [("u",)]


def test_a_visitor_of_yesterday_is_the_same_stranger_today(session: Session):
    station_id, mine = station(session, opening_hours="24/7"), visitor()
    draft = CheckInDraft(outcome="not_found", visitor=mine)
    checkins.record(session, station_id, draft, SECRET.encode())
    session.execute(text("SELECT set_config('role', 'none', true)"))
    session.execute(text("UPDATE visitor_key SET day = day - 1"))
    session.execute(text("SELECT set_config('role', 'yizhan_app', true)"))
    assert not checkins.record(session, station_id, draft, SECRET.encode()).alert
    assert checkins.record(session, station_id, CheckInDraft(outcome="not_found", visitor=visitor()), b"x").alert


@pytest.mark.parametrize(
    "said",
    [
        {"outcome": "facility_faulty"},
        {"outcome": "used_ok", "lon": LON},
        {"outcome": "used_ok", "visitor": "too-short"},
        {"outcome": "used_ok", "lon": LAT, "lat": LON},
        {"outcome": "used_ok", "name": "who"},
        {"outcome": "very good"},
    ],
)
def test_a_check_in_that_breaks_a_rule_is_refused(cast, path, said):
    assert cast.public.post(f"{path}/check-ins", json=said).status_code == 422


def test_what_the_public_does_not_see_cannot_be_checked_in_at(cast):
    draft = cast.register()
    assert cast.public.post(f"{draft}/check-ins", json={"outcome": "gone"}).status_code == 404
    assert cast.public.get(f"{draft}/qr.svg").status_code == 404


def test_an_address_is_stopped_at_one_station_and_begins_anew_after_the_window():
    now = timedelta()
    counts = Frequency(lambda: now.total_seconds())
    for _ in range(MOST_OF_AN_ADDRESS_AT_A_STATION):
        counts.note("192.0.2.1", "a")
    now = timedelta(seconds=200)
    with pytest.raises(errors.TooOften) as refused:
        counts.note("192.0.2.1", "a")
    assert refused.value.again_in_s == WINDOW_S - 200
    counts.note("192.0.2.1", "b")
    counts.note("192.0.2.2", "a")
    assert "192.0.2.1" not in repr(vars(counts))
    now = timedelta(seconds=WINDOW_S)
    counts.note("192.0.2.1", "a")


def test_too_many_check_ins_are_answered_with_429_and_when_to_come_again(cast, say, path):
    for _ in range(MOST_OF_AN_ADDRESS_AT_A_STATION):
        say("confirmed_correct")
    answer = cast.public.post(f"{path}/check-ins", json={"outcome": "used_ok"})
    assert answer.status_code == 429
    assert WINDOW_S / 2 < int(answer.headers["retry-after"]) <= WINDOW_S


def test_a_token_is_as_long_as_the_door_expects(session: Session):
    poster = Poster(id=UUID(int=1), station_id=UUID(int=2))
    CheckInDraft(outcome="used_ok", token=posters.token(poster, b"secret"))


def test_the_database_knows_the_bands(session: Session):
    known = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'check_in_distance_band_check'"
    assert set(re.findall("'([a-z0-9_]+)'", session.scalar(text(known)))) == {band.value for band in Band}
