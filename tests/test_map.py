"""The map page in a real browser, served by the real server."""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Response, Route, expect
from sqlmodel import col, select

from geo import closures, db
from geo.registration import Entry, Incoming, Verdict, register
from geo.stations import FacilityDraft, StationDraft
from geo.tables import Station
from geo.vocabulary import Facility, FacilityStatus, StationKind
from tests.browsing import IN_A_BROWSER, PATIENCE_S, opened
from tests.serving import serving

LON, LAT = 113.66, 34.75
YEAR = datetime.now(UTC).year + 4
HOSTILE = "<img src=x onerror=document.title='owned'> & 驿站"
COUNTED = """() => document.getElementById("map").map.queryRenderedFeatures({ layers: ["clusters", "stations"] })
    .map(({ properties }) => properties.stations)"""
SETTLED = """() => new Promise((resolve) => {
    const { map } = document.getElementById("map");
    map.once("idle", () => resolve()); // the event holds the whole map, which would be sent here
    map.triggerRepaint();
})"""

pytestmark = IN_A_BROWSER


@dataclass
class Seen:
    """A page, and what must not happen on it."""

    page: Page
    errors: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def settle(self) -> None:
        self.page.evaluate(SETTLED)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline
            self.page.wait_for_timeout(50)

    def rendered(self, layer: str) -> list[str]:
        """The ids of the stations that a layer shows."""
        shown = "(layer) => document.getElementById('map').map.queryRenderedFeatures({ layers: [layer] })"
        return [str(found["properties"]["id"]) for found in self.page.evaluate(shown, layer)]

    def listed(self) -> list[str | None]:
        return [item.get_attribute("data-id") for item in self.page.locator("#content ol button").all()]

    def answer_to(self, act: Callable[[], None]) -> tuple[dict[str, list[str]], list[dict[str, Any]]]:
        """What the page asked of nearest when something was done, and the stations it was given."""
        with self.page.expect_response(lambda response: "/nearest?" in response.url) as caught:
            act()
        response: Response = caught.value
        return parse_qs(urlsplit(response.url).query), response.json()["features"]

    def look_at(self, lon: float, lat: float, zoom: float) -> None:
        jump = "([lon, lat, zoom]) => void document.getElementById('map').map.jumpTo({ center: [lon, lat], zoom })"
        self.page.evaluate(jump, [lon, lat, zoom])

    def search(self, text: str) -> dict[str, list[str]]:
        """What the page asked of the list when a text was searched for."""
        self.page.locator("#search input").fill(text)
        with self.page.expect_response(lambda response: "/v1/stations?q=" in response.url) as caught:
            self.page.locator("#search button").click()
        return parse_qs(urlsplit(caught.value.url).query)

    def click_map(self, lon: float, lat: float) -> None:
        project = "([lon, lat]) => document.getElementById('map').map.project([lon, lat])"
        at = self.page.evaluate(project, [lon, lat])
        self.page.locator("#map canvas").click(position={"x": at["x"], "y": at["y"]})


def drafts() -> list[StationDraft]:
    """Thirty stations on a spiral around Zhengzhou; every third has a microwave oven, the second but a broken one."""
    found = []
    for i in range(30):
        turn, reach = i * 2.4, 0.004 + 0.0025 * i
        found.append(
            StationDraft(
                name=HOSTILE if i == 0 else f"测试驿站{i}",
                lon=round(LON + reach * math.cos(turn), 6),
                lat=round(LAT + reach * math.sin(turn) * 0.8, 6),
                kind=list(StationKind)[i % len(StationKind)],
                opening_hours="24/7" if i % 3 == 0 else "Mo-Fr 08:30-12:00,14:30-18:00; PH off",
                facilities=["drinking_water", "microwave"] if i % 3 == 0 else ["drinking_water"],
                registration_required=i % 2 == 1,
            )
        )
    found[1].facilities = [FacilityDraft(facility=Facility.MICROWAVE, status=FacilityStatus.FAULTY)]
    return found


@pytest.fixture(scope="module")
def site(clone: Callable[[], str]) -> Iterator[str]:
    """The address of a server over thirty published stations; one always open will close in another year."""
    url = clone()
    engine = db.make_engine(url)
    with db.session(engine, db.OPERATOR) as session:
        incoming = [Incoming(number, draft) for number, draft in enumerate(drafts(), 2)]
        assert register(session, incoming, organisation=None, entry=Entry.PUBLISHED) == {Verdict.INSERTED: 30}
        always_open = session.exec(select(Station).where(col(Station.name) == "测试驿站3")).one()
        week = {"starts_at": f"{YEAR}-10-01T00:00:00+08:00", "ends_at": f"{YEAR}-10-08T00:00:00+08:00"}
        closures.plan(session, always_open, closures.ClosureDraft.model_validate({**week, "reason": "装修"}))
    engine.dispose()
    with serving(url) as address:
        yield address


@pytest.fixture
def seen(window: BrowserContext, site: str) -> Iterator[Seen]:
    """The map of Zhengzhou, at rest with its stations; nothing may go wrong or leave the origin."""
    with opened(window, site) as page:
        seen = Seen(page)
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: seen.addresses.append(request.url))
        page.goto(f"{site}/#11/{LAT}/{LON}")
        expect(page.locator("#legend")).to_be_visible()  # the stations are here
        seen.settle()
        yield seen
        assert seen.errors == []
        assert [url for url in seen.addresses if not url.startswith((f"{site}/", f"blob:{site}/", "data:"))] == []
        assert window.cookies() == []


def test_map_shows_stations_and_lists_the_nearest_in_the_order_of_the_api(seen: Seen) -> None:
    page = seen.page
    assert len(set(seen.rendered("stations"))) == 30

    asked, stations = seen.answer_to(lambda: seen.click_map(LON + 0.01, LAT + 0.001))
    assert float(asked["lon"][0]) == pytest.approx(LON + 0.01, abs=0.001)
    assert float(asked["lat"][0]) == pytest.approx(LAT + 0.001, abs=0.001)
    expect(page.locator("#content ol button")).to_have_count(10)
    assert seen.listed() == [station["id"] for station in stations]
    seen.settle()
    assert set(seen.rendered("nearest")) == set(seen.listed())
    expect(page.locator("#status")).to_have_text("最近的 10 个站点")

    assert page.get_by_role("link", name="工会核查与规划").get_attribute("href") == "/audit"

    # The view is in the address, the point asked about is not; nothing is kept but a choice of language.
    assert asked["lon"][0][:8] not in page.url
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


def test_card_leads_to_three_map_apps_and_back_to_the_list(seen: Seen) -> None:
    page = seen.page
    _, stations = seen.answer_to(lambda: seen.click_map(LON + 0.01, LAT + 0.001))
    split_day = [station["properties"]["opening_hours"] != "24/7" for station in stations].index(True)
    page.locator("#content ol button").nth(split_day).click()
    chosen = stations[split_day]["properties"]
    expect(page.locator("#card-name")).to_have_text(chosen["name"])
    expect(page.locator("#card-name")).to_be_focused()
    expect(page.locator(".card dl")).to_contain_text("周一至周五 08:30–12:00、14:30–18:00；法定节假日不开放")
    links = {link.get_attribute("data-app"): link for link in page.locator(".apps a").all()}
    assert {app: link.get_attribute("href") for app, link in links.items()} == chosen["navigation"]
    assert {(link.get_attribute("target"), link.get_attribute("rel")) for link in links.values()} == {
        ("_blank", "noopener noreferrer")
    }
    seen.settle()
    assert seen.rendered("chosen") == [stations[split_day]["id"]]

    page.keyboard.press("Escape")
    expect(page.locator("#content ol button").nth(split_day)).to_be_focused()


def test_card_shows_at_once_what_is_known_and_then_the_rest(seen: Seen) -> None:
    page = seen.page
    held: list[Route] = []
    _, stations = seen.answer_to(lambda: seen.click_map(LON + 0.01, LAT + 0.001))
    page.route(f"**/v1/stations/{stations[0]['id']}", lambda route: held.append(route))
    page.locator("#content ol button").first.click()
    expect(page.locator("#card-name")).to_have_text(stations[0]["properties"]["name"])
    seen.wait_until(lambda: bool(held))
    answer = held[0].fetch()
    whole = answer.json()
    whole["properties"]["capacity"] = 77
    held[0].fulfill(response=answer, body=json.dumps(whole))
    expect(page.locator(".card dl")).to_contain_text("77 人")
    expect(page.locator("#card-name")).to_be_focused()
    expect(page.locator(".card .away")).to_have_count(1)


def test_search_passes_the_filters_and_marks_a_single_hit(seen: Seen) -> None:
    page = seen.page
    assert "facility" not in seen.search("测试驿站1")
    expect(page.locator("#content ul button")).to_have_count(11)
    broken = page.locator("#content ul button", has_text="微波炉（故障）")
    expect(broken).to_have_count(1)
    expect(broken).not_to_contain_text("设施未知")

    page.locator("[data-chip='facility=microwave']").first.click()  # asks again
    names = page.locator("#content ul button .name")
    expect(names).to_have_count(3)
    assert sorted(names.all_text_contents()) == ["测试驿站12", "测试驿站15", "测试驿站18"]
    expect(page.locator("#status")).to_contain_text("符合筛选条件")

    assert seen.search("测试驿站3")["facility"] == ["microwave"]
    hit = page.locator("#content ul button")
    expect(hit).to_have_count(1)
    seen.wait_until(lambda: seen.rendered("chosen") == [hit.get_attribute("data-id")])
    centre = page.evaluate("document.getElementById('map').map.getCenter().toArray()")
    assert centre == pytest.approx([drafts()[3].lon, drafts()[3].lat], abs=0.01)

    # It is open for years, and its closure is on its card.
    expect(hit).to_contain_text(f"现在开放，至 {YEAR}年10月1日 00:00")
    hit.click()
    expect(page.locator(".card dl")).to_contain_text(f"{YEAR}年10月1日 00:00 至 {YEAR}年10月8日 00:00：装修")
    page.locator("#language").click()
    expect(page.locator(".card .state")).to_have_text(f"Open now until 1 Oct {YEAR} 00:00")


def test_what_is_said_of_the_view_follows_the_view(seen: Seen) -> None:
    page = seen.page
    note = page.locator("#map-note")
    held: list[Route] = []

    def cut_short(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        body["links"].append({"rel": "next", "type": "application/geo+json", "href": "/v1/stations?cursor=none"})
        route.fulfill(response=answer, body=json.dumps(body))

    page.route("**/v1/stations?bbox=*", cut_short, times=1)
    seen.look_at(LON, LAT, 5)
    expect(note).to_contain_text("仅显示前 30 个")

    def crowd(route: Route) -> None:
        answer = route.fetch()
        body = answer.json() | {"stations": 5_000}
        body["features"][0]["properties"]["stations"] += 4_970
        route.fulfill(response=answer, body=json.dumps(body))

    page.route("**/v1/stations/cells?*", crowd, times=1)
    seen.look_at(LON, LAT, 6)
    expect(note).to_contain_text("共 5,000 个站点")  # too many to show each: how many there are where
    seen.settle()
    counted = page.evaluate(COUNTED)
    assert sum(counted) == 5_000

    page.route("**/v1/stations?bbox=*", lambda route: held.append(route), times=1)
    seen.look_at(LON, LAT, 12)
    expect(note).not_to_contain_text("仅显示前")  # before anything is known of this view
    seen.wait_until(lambda: bool(held))
    held[0].continue_()
    expect(note).to_be_hidden()

    alone = drafts()[29]
    seen.look_at(alone.lon, alone.lat, 16)
    expect(page.locator("#legend li")).to_have_text([StationKind(str(alone.kind)).zh])
    seen.look_at(LON, LAT, 17)
    expect(note).to_have_text("此范围内没有站点")
    expect(page.locator("#legend")).to_be_hidden()
    expect(page.locator("#place")).to_contain_text("河南省 · 郑州市 · ")


def test_chips_filter_the_list_and_the_map_and_words_follow_the_language(seen: Seen) -> None:
    page = seen.page
    _, before = seen.answer_to(lambda: seen.click_map(LON + 0.01, LAT + 0.001))
    asked, stations = seen.answer_to(page.locator("[data-chip='facility=microwave']").first.click)
    assert asked["facility"] == ["microwave"]
    expect(page.locator("#content ol button").first).to_have_attribute("data-id", stations[0]["id"])
    assert seen.listed() == [station["id"] for station in stations] != [station["id"] for station in before]
    expect(page.locator("#content ol button", has_text=Facility.MICROWAVE.zh)).to_have_count(10)
    seen.wait_until(lambda: 0 < len(set(seen.rendered("stations"))) <= 10)

    asked, stations = seen.answer_to(page.locator("[data-chip=open]").click)
    assert (asked["open"], asked["facility"]) == (["now"], ["microwave"])
    assert [station["properties"]["open"] for station in stations] == [True] * 10
    expect(page.locator("#content ol button", has_text="现在开放")).to_have_count(10)

    page.locator("#language").click()
    expect(page.locator("html")).to_have_attribute("lang", "en-GB")
    expect(page.locator("#status")).to_have_text("The 10 nearest stations")
    expect(page.locator("#content ol button", has_text=Facility.MICROWAVE.en)).to_have_count(10)
    page.reload()
    expect(page.locator("#near-me")).to_have_text("Nearest to me")


def test_a_province_keeps_its_name_beside_the_bubble_that_stands_in_it(seen: Seen) -> None:
    seen.look_at(LON, LAT, 3.4)
    seen.wait_until(lambda: sum(seen.page.evaluate(COUNTED)) == 30)
    named = """() => document.getElementById("map").map
        .queryRenderedFeatures({ layers: ["province-names"] }).map(({ properties }) => properties.label)"""
    # Names are placed beside what is drawn, some frames after it.
    seen.wait_until(lambda: "河南省" in seen.page.evaluate(named))
    seen.settle()
    assert "河南省" in seen.page.evaluate(named)  # and stays


def test_the_legend_is_as_wide_for_one_kind_as_for_all_so_that_the_nearest_are_fitted_beside_it(seen: Seen) -> None:
    legend = seen.page.locator("#legend")
    seen.page.locator("#language").click()
    seen.look_at(LON, LAT, 10)
    expect(legend.locator("li")).to_have_count(len(StationKind))
    wide = legend.evaluate("(legend) => legend.offsetWidth")
    first = drafts()[0]
    seen.look_at(first.lon, first.lat, 17)
    expect(legend.locator("li")).to_have_count(1)
    assert legend.evaluate("(legend) => legend.offsetWidth") == wide


def test_names_from_strangers_stay_text(seen: Seen) -> None:
    page = seen.page
    page.locator("#search input").fill("onerror")
    page.locator("#search button").click()
    page.locator("#content ul button").click()
    expect(page.locator("#card-name")).to_have_text(HOSTILE)
    assert page.locator("#content img").count() == 0
    assert "owned" not in page.title()


def test_page_says_what_is_wrong_and_tries_again_by_itself(seen: Seen) -> None:
    page = seen.page

    def be_away(route: Route) -> None:
        route.fulfill(status=503, headers={"Retry-After": "1"}, body="")

    page.route("**/nearest?*", be_away, times=1)
    seen.click_map(LON + 0.01, LAT + 0.001)
    expect(page.locator("#connection")).to_contain_text("1 秒后自动重试")
    expect(page.locator("#content ol button")).to_have_count(10)
    expect(page.locator("#connection")).to_be_hidden()
    assert [error for error in seen.errors if "503" not in error] == []

    seen.errors.clear()
    page.evaluate("void document.getElementById('map').map.jumpTo({ center: [70, 40], zoom: 5 })")
    page.locator("#near-centre").click()
    expect(page.locator("#content .problem")).to_contain_text("outside 73-136 E")
    page.locator("#near-me").click()  # this browser refuses
    expect(page.locator("#status")).to_contain_text("未获得定位权限")
    assert [error for error in seen.errors if "400" not in error] == []
    seen.errors.clear()
