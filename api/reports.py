"""Figures and reports as people take them away: CSV, and a page that prints with its charts."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from starlette.responses import Response

from geo import tablefile, vocabulary

# The page loads nothing and runs nothing.
PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Cache-Control": "no-store"}
TITLES = {
    "region": ("按地区", "By region"),
    "kind": ("按类型", "By kind"),
    "organisation_kind": ("按管理单位类别", "By kind of organisation"),
    "facility": ("按设施", "By facility"),
    "status": ("按状态", "By status"),
    "open_24h": ("24 小时开放", "Open round the clock"),
    "happened": ("本周变化", "What happened this week"),
    "coverage": ("覆盖情况", "Coverage"),
    "open_findings": ("待处理的核查发现", "Open findings"),
    "visits": ("服务人次", "Visits"),
    "visits_by_day": ("每日服务人次", "Visits by day"),
    "visits_by_method": ("服务人次（按方法）", "Visits by method"),
    "visits_by_region": ("服务人次（按地区）", "Visits by region"),
    "visits_by_kind": ("服务人次（按类型）", "Visits by kind"),
}
LINES = {
    "entered": ("登记", "entered"),
    "published": ("发布", "published"),
    "returned": ("退回", "returned"),
    "delisted": ("下架", "delisted"),
    "changed": ("修改", "changed"),
    "closures_begun": ("开始关闭", "closures begun"),
    "findings_decided": ("处理核查发现", "findings decided"),
    "total": ("合计（官方口径）", "official total"),
    "lower_bound": ("仅为下限", "only a lower bound"),
    "reporting": ("已上报站点", "stations that reported"),
    "silent": ("未上报站点", "stations that did not"),
    "radius_m": ("半径（米）", "radius, m"),
    "stations": ("开放可用的站点", "stations open for use"),
    "area_share": ("面积覆盖率", "share of area"),
    "demand_share": ("人口覆盖率", "share of people"),
    "demand_median_distance_m": ("半数人到站点不超过（米）", "half the people within, m"),
    "stations_per_10000": ("每万人站点数", "stations per 10,000"),
    "close_pairs": ("相距 200 米内的站点对", "pairs within 200 m"),
    "duplicates": ("疑似重复", "duplicates"),
    "mislocated": ("位置存疑", "mislocated"),
    "idle": ("僵尸站点", "idle"),
    "hours": ("未按时开放", "hours not kept"),
    "stale": ("久未更新", "stale"),
    "incomplete": ("信息不全", "incomplete"),
    "visit-anomalies": ("人次异常", "odd counts"),
    "None": ("未填", "unknown"),
    "True": ("是", "yes"),
    "False": ("否", "no"),
}
# Only parts of one whole are compared by bars: stations that did not report are no more of anything.
CHARTED = {
    *("visits_by_day", "visits_by_method", "visits_by_region", "visits_by_kind", "open_findings"),
    *("region", "kind", "organisation_kind", "facility", "status", "open_24h"),
}
STYLE = """
body{font:15px/1.6 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC","WenQuanYi Micro Hei",sans-serif;
max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}
h1{font-size:1.5rem}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}
section{break-inside:avoid}table{border-collapse:collapse;width:100%;table-layout:fixed}
td{padding:.15rem .4rem;vertical-align:middle}td:first-child{width:23rem}
@media(max-width:40rem){td:first-child{width:auto}}
td.n{text-align:right;width:9rem;white-space:nowrap;font-variant-numeric:tabular-nums}svg{display:block;width:100%}
small{color:#555}rect{fill:#2d6a4f}@page{margin:15mm}
"""


def table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """CSV with a byte-order mark, as spreadsheets need it for Chinese."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return Response("\ufeff" + file.getvalue(), media_type="text/csv", headers={"Content-Disposition": "attachment"})


def _cell(value: object) -> str:
    return "" if value is None else tablefile.neutralised(str(value))


def weekly_table(report: Mapping[str, Any]) -> Response:
    """The weekly report as rows of section, item and value."""
    lines = [{"section": section, "item": item, "value": value} for section, item, value in _lines(report)]
    about = [
        {"section": "report", "item": name, "value": report[name]}
        for name in ("region", "name", "week", "as_of", "stations")
    ]
    return table(["section", "item", "value"], [*about, *lines])


def _lines(report: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    yield from _visit_lines(report["visits"])
    for section in ("coverage", "happened", "open_findings"):
        for item, value in report[section].items():
            yield section, item, value
    for group, rows in report["by"].items():
        for row in rows:
            yield group, str(row.get("name") or row[group]), row["stations"]


def _visit_lines(visits: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for item in ("total", "lower_bound", "reporting", "silent"):
        yield "visits", item, visits[item]
    for row in visits["by_day"]:
        yield "visits_by_day", row["day"], row["visits"]
    for method, number in visits["by_method"].items():
        yield "visits_by_method", method, number
    for group, rows in visits["by"].items():
        for row in rows:
            yield f"visits_by_{group}", str(row.get("name") or row[group]), row["visits"]


def weekly_page(report: Mapping[str, Any]) -> Response:
    """The weekly report as a page to print, in both languages; charts are drawn by this server."""
    sections: dict[str, list[tuple[str, Any]]] = {}
    for section, item, value in _lines(report):
        sections.setdefault(section, []).append((item, value))
    body = "".join(_section(name, rows) for name, rows in sections.items())
    title = f"{report['name']} {report['week']} 驿站周报 Weekly report"
    about = _about(report)
    page = (
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{escape(title)}</h1><p>{escape(about)}</p>{body}"
        "<p><small>距离为直线距离；覆盖只计入开放可用的站点。"
        "Distances are straight lines; coverage counts stations open for use.</small></p></html>"
    )
    return Response(page, media_type="text/html; charset=utf-8", headers=PAGE_HEADERS)


def _about(report: Mapping[str, Any]) -> str:
    """The first and the last day, and how many stations there are now, of which coverage counts those open for use."""
    first, last = (datetime.strptime(f"{report['week']}-{day}", "%G-W%V-%u").date() for day in (1, 7))  # noqa: DTZ007 - days
    many, usable = report["stations"], report["coverage"].get("stations", "–")
    counted = (
        f"已发布站点 {many} 个，其中开放可用 {usable} 个 · {many} published stations, {usable} of them open for use"
    )
    now = report["as_of"][:10]
    state = f"站点、覆盖与核查为 {now} 的状态 · stations, coverage and findings are as of {now}"
    return f"{first} – {last} · {counted} · {state}"


def _section(name: str, rows: Sequence[tuple[str, Any]]) -> str:
    zh, en = TITLES[name]
    most = max((value for _, value in rows if isinstance(value, int)), default=0) if name in CHARTED else 0
    silent = "未上报 no report" if name.startswith("visits") else "–"
    lines = "".join(
        f'<tr><td>{escape(_label(item))}</td><td class="n">{escape(_number(item, value, silent))}</td>'
        f"<td>{_bar(value, most)}</td></tr>"
        for item, value in rows
    )
    return f"<section><h2>{zh} <small>{en}</small></h2><table>{lines}</table></section>"


def _label(item: str) -> str:
    words = {
        word.value: f"{word.zh} {word.en}"
        for word in (
            *vocabulary.StationKind,
            *vocabulary.OrganisationKind,
            *vocabulary.Facility,
            *vocabulary.OperationalStatus,
            *vocabulary.VisitMethod,
        )
    }
    return words.get(item) or " ".join(LINES.get(item, (item,)))


def _number(item: str, value: object, silent: str) -> str:
    if value is None:
        return silent
    if isinstance(value, bool):
        return " ".join(LINES[str(value)])
    if isinstance(value, float) and item.endswith("_share"):
        return f"{value * 100:.2f} %"
    if isinstance(value, float):
        return f"{value:,.3f}" if value < 10 else f"{value:,.0f}"
    return f"{value:,}"


def _bar(value: object, most: int) -> str:
    if not isinstance(value, int) or isinstance(value, bool) or not most:
        return ""
    width = f"{200 * value / most:.1f}"
    drawn = f'<rect width="{width}" height="10"/>'
    return f'<svg viewBox="0 0 200 10" height="12" preserveAspectRatio="none">{drawn}</svg>'
