"""Figures over HTTP: counts as CSV, the year-end sentence, the week."""

import csv
import io
import re
from datetime import date, timedelta
from typing import Any

from api import reports
from api.schemas_audits import NationalOut, WeeklyVisits
from geo import db, figures, regions, weekly
from geo.access import Principal


def test_figures_come_as_csv_and_the_year_end_sentence_in_one_call(cast):
    cast.published(name="甲", facilities=["medicine", "battery_swap"], entry_modes=["qr"])
    cast.published(name="乙", kind="legal_aid_point", opening_hours="Mo-Fr 09:00-17:00", entry_modes=["staffed"])
    asked = {"region": "410100", "group_by": "region,kind", "format": "csv"}
    rows = list(
        csv.DictReader(io.StringIO(cast.union("GET", "/v1/stats/stations", params=asked).text.lstrip("\ufeff")))
    )
    assert [(row["name"], row["kind"], row["stations"]) for row in rows] == [
        ("金水区", "bank_haven", "1"),
        ("金水区", "legal_aid_point", "1"),
    ]
    national = cast.union("GET", "/v1/stats/national").json()
    assert [national[name] for name in ("stations", "open_24h", "smart", "battery_swap", "medicine", "legal_aid")] == [
        *(2, 1, 1, 1, 1, 1)
    ]
    assert "2 个" in national["sentence"]["zh"]
    assert (national["visits"], national["reporting_stations"]) == (None, 0)
    assert "没有可公布的服务人次" in national["sentence"]["zh"]


def test_the_year_end_sentence_tells_visits_a_day_over_which_days_and_of_how_many_stations(cast):
    one, other = cast.published(name="甲"), cast.published(name="乙", lat=34.8)
    cast.published(name="不报数", lat=34.9)
    cast.report(one, date(2025, 3, 1), 700)
    cast.report(other, date(2025, 12, 31), 395, method="qr_scan")
    cast.report(one, date(2024, 12, 31), 999)
    told = cast.admin("GET", "/v1/stats/national", params={"year": 2025}).json()
    NationalOut.model_validate(told)
    assert (told["visits"], told["visits_a_day"], told["reporting_stations"]) == (1095, 3.0, 2)
    assert (told["visits_from"], told["visits_to"], told["visits_lower_bound"]) == ("2025-01-01", "2025-12-31", True)
    assert "2025-01-01 至 2025-12-31，2 个站点上报，日均服务不少于 3.0 人次" in told["sentence"]["zh"]
    assert "2 stations reporting, at least 3.0 visits a day" in told["sentence"]["en"]
    assert cast.admin("GET", "/v1/stats/national", params={"year": 2099}).status_code == 400
    assert cast.bank("GET", "/v1/stats/national").status_code == 403


def test_a_week_tells_no_report_from_nobody_came(cast):
    here, quiet = cast.published(name="甲"), cast.published(name="乙", kind="rider_station", lat=34.8)
    cast.published(name="不报数", kind="driver_home", lon=113.5)
    monday = date(2026, 5, 4)
    cast.report(here, monday, 21)
    cast.report(here, monday + timedelta(days=2), 0)
    cast.report(quiet, monday + timedelta(days=2), 0)
    cast.report(here, monday + timedelta(days=7), 99)
    with db.session(cast.public.app.state.engine) as session:
        city = regions.get(session, "410100")
        counts = {group.value: figures.count(session, city, [group]).rows for group in figures.GroupBy}
        week = figures.week_of("2026-W19")
        told = weekly.visits(session, Principal("union", "auditor", "x", "410100"), city, week, counts)
    WeeklyVisits.model_validate(told)
    assert (told["total"], told["reporting"], told["silent"]) == (21, 2, 1)
    assert [day["visits"] for day in told["by_day"]] == [21, None, 0, None, None, None, None]
    assert {row["kind"]: row["visits"] for row in told["by"]["kind"]} == {
        "bank_haven": 21,
        "rider_station": 0,
        "driver_home": None,
    }
    assert sum(row["visits"] or 0 for row in told["by"]["region"]) == 21
    nothing: dict[str, Any] = {"coverage": {}, "happened": {}, "open_findings": {}, "since": "", "until": ""}
    whole = nothing | {"region": "410100", "name": city.name, "week": week.name, "stations": 3, "by": counts}
    whole |= {"as_of": "2026-11-26T12:00:00+08:00"}
    table = bytes(reports.weekly_table(whole | {"visits": told}).body).decode()
    assert "visits_by_day,2026-05-05,\r\nvisits_by_day,2026-05-06,0\r\n" in table
    page = bytes(reports.weekly_page(whole | {"visits": told, "coverage": {"stations": 2}}).body).decode()
    assert "2026-05-04 – 2026-05-10 · 已发布站点 3 个，其中开放可用 2 个" in page
    (visits,) = re.findall(r"<h2>服务人次 <.*?</section>", page)
    assert "未上报站点" in visits
    assert "<rect" not in visits  # of stations that did not report, more is not more
    assert "每日服务人次" in page
    assert page.count("未上报 no report") >= 6
    assert '<td>2026-05-06</td><td class="n">0</td>' in page
