"""The auditor's page, and the one that a poster leads to, in a real browser, served by the real server."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import segno
from playwright.sync_api import BrowserContext, Page, expect
from sqlmodel import col, select

from geo import db, figures, organisations, posters
from geo.tables import Station
from geo.vocabulary import Role
from tests.browsing import IN_A_BROWSER, opened
from tests.conftest import SECRET
from tests.factories import draft, organisation, register
from tests.serving import serving

FACILITIES = ["drinking_water", "microwave"]
HOSTILE = "<img src=x onerror=document.title='owned'>站"

pytestmark = IN_A_BROWSER


@dataclass
class Audited:
    """The page, an auditor's key, and what must not happen."""

    page: Page
    key: str
    errors: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def enter(self, region: str) -> None:
        self.page.locator("#key").fill(self.key)
        self.page.locator("#region").fill(region)
        self.page.locator("#enter button").click()
        self.figure("stations")

    def figure(self, name: str) -> str:
        """A figure of the region, when it is measured."""
        shown = self.page.locator(f"[data-figure={name}]")
        expect(shown).to_be_visible()
        return shown.inner_text()

    def kept(self, button: str) -> tuple[str, str]:
        """The name and the text of the file that a button keeps."""
        with self.page.expect_download() as caught:
            self.page.locator(button).click()
        return caught.value.suggested_filename, caught.value.path().read_text()

    def drawn(self, layer: str) -> int:
        """How many features the map shows of a layer, when it is at rest."""
        ask = """(layer) => new Promise((resolve) => {
            const { map } = document.getElementById("map");
            map.once("idle", () => resolve(map.queryRenderedFeatures({ layers: [layer] }).length));
            map.triggerRepaint();
        })"""
        return int(self.page.evaluate(ask, layer))


@dataclass(frozen=True)
class Site:
    """A server's address, an auditor's key, and what the poster on a station's door leads to."""

    address: str
    key: str
    host_key: str
    door: str

    @property
    def station(self) -> str:
        return f"{self.address}/v1/stations/{self.door.partition('#')[2].partition('.')[0]}"


@pytest.fixture(scope="module")
def site(clone: Callable[[], str]) -> Iterator[Site]:
    """A server over stations of Zhengzhou: one states a wrong district, one a functional zone, two are alike."""
    url = clone()
    engine = db.make_engine(url)
    with db.session(engine, db.OPERATOR) as session:
        organisation(session, "union", kind="trade_union", region="410100")
        key = organisations.create_key(session, "union", role=Role.AUDITOR)
        host_key = organisations.create_key(session, "union", role=Role.HOST)
        places = [(113.6834, 34.8076, "金水区"), (113.70, 34.715, "管城回族区"), (113.65, 34.7273, "中牟县")]
        places.append((113.84, 34.53, "航空港区"))  # which is no administrative division
        # Beside the four, two alike that stand next to each other on the edge of the city.
        register(session, *(draft(name=f"港湾{n}", lon=112.98, lat=34.75 + n / 5000) for n in range(2)))
        register(
            session,
            *(
                draft(name=HOSTILE if n == 2 else f"站{n}", lon=x, lat=y, stated_district=d, facilities=FACILITIES)
                for n, (x, y, d) in enumerate(places)
            ),
        )
        poster = posters.in_force(session, session.exec(select(Station.id).where(col(Station.name) == "站0")).one())
        token = posters.token(poster, SECRET.encode())
    engine.dispose()
    with serving(url) as address:
        yield Site(address, key, host_key, f"{address}/web/check-in.html#{poster.station_id}.{token}")


@pytest.fixture
def opening(window: BrowserContext, site: Site) -> Iterator[Audited]:
    """A page with nothing on it yet."""
    with opened(window, site.address) as page:
        opening = Audited(page, site.key)
        page.on("pageerror", lambda error: opening.errors.append(str(error)))
        page.on("request", lambda asked: opening.addresses.append(asked.url))
        yield opening
    assert opening.errors == []
    own = (f"{site.address}/", f"blob:{site.address}/", "data:")
    assert [url for url in opening.addresses if not url.startswith(own)] == []


@pytest.fixture
def audited(opening: Audited, site: Site) -> Audited:
    """The auditor's page."""
    opening.page.goto(f"{site.address}/audit")
    return opening


def test_an_auditor_sees_coverage_gaps_sites_and_works_a_finding_off(audited: Audited):
    page = audited.page
    audited.enter("410100")
    assert audited.figure("stations") == "6"
    assert page.locator("#children button").count() == 12
    assert audited.drawn("covered") >= 12
    assert page.locator("#legend li").all_inner_texts()[:5] == ["0–10 %", "10–30 %", "30–50 %", "50–80 %", "80–100 %"]
    expect(page.locator("#about")).to_contain_text("人口：GeoNames")

    share = audited.figure("demand_share")
    page.locator("#radius").fill("3000")
    expect(page.locator("[data-figure=demand_share]")).not_to_have_text(share)
    assert float(audited.figure("demand_share").split()[0]) > float(share.split()[0])

    page.locator("#show-gaps").click()
    expect(page.locator("#results")).to_contain_text("处空白（半径 3 公里")
    assert audited.drawn("gaps") > 0
    name, text = audited.kept("#results [data-file=csv]")
    header, first, *_ = text.splitlines()
    assert (name, header[:14]) == ("gaps-410100-3000m.csv", "\ufeffrank,division")
    rank, division, adcode, lon, lat, *_ = first.split(",")
    assert (rank, adcode[:4]) == ("1", "4101")
    where = f"{division} {float(lon):.5f}, {float(lat):.5f}"
    expect(page.locator("#results .place").first).to_have_text(where)
    page.locator("#radius").fill("2000")  # what is listed follows what is asked
    expect(page.locator("#results")).to_contain_text("处空白（半径 2 公里")

    page.locator("#count").fill("201")
    page.locator("#show-sites").click()
    expect(page.locator("#count:invalid")).to_be_focused()
    page.locator("#count").fill("10")
    page.locator("#show-sites").click()
    expect(page.locator("#results li")).to_have_count(10)
    expect(page.locator("#results li").first).to_contain_text("个百分点")
    assert audited.drawn("sites") == 10  # the map shows all of them
    name, text = audited.kept("#results [data-file=geojson]")
    sites = json.loads(text)["features"]
    assert (name, len(sites)) == ("sites-410100-2000m.geojson", 10)
    lon, lat = sites[0]["geometry"]["coordinates"]
    where = f"{sites[0]['properties']['division']} {lon:.5f}, {lat:.5f}"
    expect(page.locator("#results .place").first).to_have_text(where)
    # Whoever names a place may try to have a spreadsheet run it.
    made = """async () => (await import("/audit/web/takeaway.js"))
        .csv(["n", "x"], [{ n: '=1+1,"', x: -0.5 }, { n: null, x: 2 }]).text()"""
    assert page.evaluate(made) == 'n,x\r\n"\'=1+1,""",-0.5\r\n,2\r\n'  # text() swallows the mark, which is there above
    page.locator("#results li button").first.click()
    assert (audited.drawn("sites") >= 1, audited.drawn("marked")) == (True, 1)

    page.locator("[data-audit=mislocated]").click()
    finding = page.locator("#findings article")
    expect(finding).to_contain_text("在中牟县界外")
    expect(page.locator("#findings .counted")).to_contain_text("待处理 1 条，共 1 条")
    explained = page.locator("[data-fold=explained]")
    explained.locator("summary").click()
    expect(explained.locator("article")).to_contain_text("不算错误")
    expect(explained.locator("article .acts")).to_have_count(0)  # nothing to decide
    explained.locator("summary").click()
    finding = page.locator("#findings > article")
    assert page.title() != "owned"
    assert (audited.drawn("found"), audited.drawn("marked")) == (1, 0)  # looked at, though a site was before
    finding.locator("h3 button").click()
    assert audited.drawn("marked") == 1
    finding.locator(".reject").click()
    expect(finding.locator("input:invalid")).to_be_focused()  # a rejection without a reason
    finding.locator("input").fill("实地核实无误")
    finding.locator(".reject").click()
    expect(finding).to_have_attribute("data-state", "rejected")
    expect(finding).to_contain_text("实地核实无误")
    expect(page.locator("#findings .counted")).to_contain_text("待处理 0 条，共 1 条")
    page.locator("[data-audit=mislocated]").click()  # again: what is decided is folded away
    expect(finding).to_have_count(0)
    decided = page.locator("[data-fold=decided]")
    decided.locator("summary").click()
    decided.locator(".reopen").click()
    expect(decided.locator("article")).to_have_attribute("data-state", "open")
    expect(page.locator("#findings .counted")).to_contain_text("待处理 1 条，共 1 条")


def test_duplicates_are_merged_on_the_page_and_odd_counts_are_listed(audited: Audited):
    page = audited.page
    audited.enter("410100")
    page.locator("[data-audit=visit-anomalies]").click()
    expect(page.locator("#findings")).to_contain_text("没有发现")
    page.locator("[data-audit=duplicates]").click()
    finding = page.locator("#findings article")
    expect(finding.locator(".keep")).to_have_count(2)
    finding.locator(".keep").first.click()
    dialog = finding.locator("dialog")
    expect(dialog.locator(".cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(finding).to_have_attribute("data-state", "open")
    finding.locator(".keep").first.click()
    stays, goes = (finding.locator(".keep").nth(n).inner_text().split("（")[-1].split("）")[0] for n in range(2))
    expect(dialog).to_contain_text(f"{stays}（“港湾")
    expect(dialog.locator(".merge")).to_have_text(f"合并，{goes} 消失")
    dialog.locator(".merge").click()
    expect(finding).to_have_attribute("data-state", "mended")
    expect(finding.locator("button.keep")).to_have_count(0)


def test_at_night_nothing_with_unknown_hours_counts_and_the_page_speaks_english(audited: Audited):
    page = audited.page
    audited.enter("410105")
    assert audited.figure("stations") == "1"
    page.locator("#hour").fill("3")
    expect(page.locator("[data-figure=stations]")).to_have_text("0")
    page.locator("#language").click()
    expect(page.locator("h1")).to_have_text("Audit and planning")
    expect(page.locator("#figures")).to_contain_text("Share of people")
    expect(page.locator("#about")).to_contain_text("open at 3:00 today")


def test_what_is_wrong_with_a_key_or_a_region_is_said_on_the_form_and_regions_are_found_by_name(
    audited: Audited, site: Site
):
    page = audited.page
    refused, form = page.locator("#refused"), page.locator("#enter")
    for key, region, said in [
        ("yz_000000000000_x", "", "密钥不对"),
        (site.host_key, "", "这是站点单位的密钥"),
        (audited.key, "110000", "此密钥只能查看郑州市（410100）"),
        (audited.key, "999999", "没有这个行政区划代码"),
    ]:
        page.locator("#key").fill(key)
        page.locator("#region").fill(region)
        page.locator("#sign-in").click()
        expect(refused).to_contain_text(said)
        expect(form).to_be_visible()
    page.locator("#language").click()
    expect(refused).to_have_text("There is no region with this code.")
    page.locator("#language").click()

    page.locator("#region").fill("")  # the key's own
    page.locator("#sign-in").click()
    expect(page.locator("#trail")).to_contain_text("郑州市")
    expect(page.locator("#whose")).to_have_text("机构 union · 郑州市")
    assert int(audited.figure("stations")) in {5, 6}  # before or after the merge
    week = page.locator("#week option").nth(1).get_attribute("value")
    page.locator("#week").select_option(week)
    with page.context.expect_page() as opened:
        page.locator("#show-report").click()
    expect(opened.value.locator("h1")).to_contain_text(f"郑州市 {week}")
    assert opened.value.locator("rect").count() > 0
    assert opened.value.locator("body").evaluate("(body) => getComputedStyle(body).maxWidth") == "960px"
    name, text = audited.kept("#keep-report")
    assert name == f"weekly-410100-{week}.csv"
    assert f"report,week,{week}\n" in text
    assert page.locator("#week option").first.get_attribute("value") == figures.week_of(None).name  # last week

    page.locator("#search input").fill("朝阳")  # elsewhere, which is not for this key
    expect(page.locator("#named")).to_contain_text("没有“朝阳”")
    page.locator("#search input").fill("金水")
    page.locator("#named button").click()
    expect(page.locator("#trail strong")).to_have_text("金水区")
    page.locator("#trail button").click()  # up again, no farther than the key goes
    expect(page.locator("#trail strong")).to_have_text("郑州市")
    page.locator("#sign-out").click()
    expect(form).to_be_visible()
    expect(page.locator("#trail")).to_be_empty()
    assert page.get_by_role("link", name="骑手地图").get_attribute("href") == "/"


def test_a_scanned_poster_leads_to_the_check_in_of_its_station_and_a_second_report_is_asked_for(
    opening: Audited, site: Site
):
    page, said = opening.page, opening.page.locator("#said")
    assert page.request.get(f"{site.station}/qr.svg").body() == posters.drawn(site.door)
    page.goto(site.door)
    expect(page.locator("#station")).to_have_text("站0")
    for counted in (True, False):  # the same rider is counted once a day
        answer = report(page, "正常使用")
        assert answer["visit"] == {"method": "qr_scan", "proof": "claim", "counted": counted}
        expect(said).to_have_text("谢谢，已记录：正常使用")
        expect(page.get_by_role("button", name="开放时间内锁门")).to_be_hidden()
        page.get_by_role("button", name="报告其他情况").click()
        expect(said).to_be_empty()
    page.get_by_role("button", name="English").click()
    assert report(page, "Locked in posted hours")["outcome"] == "locked_in_posted_hours"
    expect(said).to_have_text("Thank you, noted: Locked in posted hours")
    assert set(page.evaluate("Object.keys(localStorage)")) == {"visitor", "yizhan.language"}
    page.get_by_role("button", name="中文").click()
    expect(said).to_have_text("谢谢，已记录：开放时间内锁门")

    page.get_by_role("button", name="报告其他情况").click()
    page.context.set_offline(True)
    page.get_by_role("button", name="满员").click()
    expect(said).to_have_text("没有网络。")
    page.context.set_offline(False)
    page.goto(f"{site.door[:-1]}{'0' if site.door[-1] != '0' else '1'}")  # not signed by us
    page.reload()
    page.get_by_role("button", name="满员").click()
    expect(said).to_have_text("没有成功，请稍后再试。")
    expect(page.get_by_role("button", name="满员")).to_be_enabled()


def test_a_rider_reports_a_facility_of_the_station_that_does_not_work_or_is_not_there(opening: Audited, site: Site):
    page, said = opening.page, opening.page.locator("#said")
    page.goto(site.door)
    choice = page.get_by_label("哪项设施")
    expect(choice.locator("option")).to_have_text(["请选择设施", "饮水", "微波炉"])
    page.get_by_role("button", name="坏了").click()  # which?
    expect(choice).to_be_focused()
    expect(said).to_have_text("请选择设施")
    choice.select_option("微波炉")
    answer = report(page, "坏了")
    assert (answer["outcome"], answer["facility"]) == ("facility_faulty", "microwave")
    expect(said).to_have_text("谢谢，已记录：微波炉，坏了，不能用")
    page.get_by_role("button", name="报告其他情况").click()
    expect(choice).to_have_value("")
    choice.select_option("饮水")
    answer = report(page, "没有这项设施")
    assert (answer["outcome"], answer["facility"]) == ("facility_missing", "drinking_water")

    page.goto(f"{site.address}/web/check-in.html#00000000-0000-0000-0000-000000000000")
    page.reload()
    expect(page.locator("#station")).to_have_text("名录中没有这个站点。")
    expect(page.locator("#about-facility")).to_be_hidden()


def report(page: Page, button: str) -> dict[str, Any]:
    """What the server answers to a report."""
    with page.expect_response(lambda response: response.request.method == "POST") as caught:
        page.get_by_role("button", name=button).click()
    kept: dict[str, Any] = caught.value.json()
    return kept


WITHIN = """(svg) => {
    const box = svg.getBoundingClientRect();
    return [...svg.querySelectorAll("path")].map((path) => {
        const drawn = path.getBoundingClientRect();
        return [drawn.left - box.left, drawn.top - box.top, box.right - drawn.right, box.bottom - drawn.bottom]
            .map((margin) => margin / box.width);
    });
}"""


@pytest.mark.parametrize("media", ["screen", "print"])
def test_a_posters_code_is_whole_with_the_border_that_readers_need(opening: Audited, site: Site, media):
    page = opening.page
    page.goto(f"{site.station}/poster")
    page.emulate_media(media=media)
    ground, code = page.locator("svg").evaluate(WITHIN)
    assert ground == pytest.approx([0, 0, 0, 0], abs=0.002)
    modules = segno.make(site.door, error=posters.CORRECTION, micro=False).symbol_size(border=4)[0]
    assert code == pytest.approx([4 / modules] * 4, abs=0.6 / modules)
    # Opened over the loopback: good for nobody else, which is said to whoever prints it and not on the door.
    expect(page.locator("#warning")).to_be_visible(visible=media == "screen")


def test_a_posters_code_alone_is_whole_at_any_size(opening: Audited, site: Site):
    page = opening.page
    page.goto(f"{site.station}/qr.svg")
    for width in ("", "200px"):
        page.locator("svg").evaluate("(svg, width) => { svg.style.width = svg.style.height = width; }", width)
        ground, _ = page.locator("svg").evaluate(WITHIN)
        assert ground == pytest.approx([0, 0, 0, 0], abs=0.002)
