"""A month of a bank, over HTTP alone: branches come in by the workbook, a city's union reviews, life goes on."""

import io
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from openpyxl import Workbook, load_workbook

from api.importing import XLSX
from api.schemas import ReviewList, StationFeature
from api.schemas_imports import ImportReport
from tests.cast import Cast

HEADER = [
    "序号",
    "网点号",
    "名称",
    "经度",
    "纬度",
    "详细地址",
    "所属区县",
    "营业时间",
    "设施",
    "进入方式",
    "联系电话",
    "容纳人数",
]
PUBLISH = {"decision": "publish", "reason": "已核实"}


def branches(count: int) -> dict[str, list[Any]]:
    """The head office's list: cells by the branch's number, all within the city of Zhengzhou."""
    listed = {}
    for n in range(count):
        place = (113.60 + n % 30 * 0.004, 34.72 + n // 30 * 0.003)
        hours = ("周一至周五 09:00-17:00", "24小时", "周一至周日 08:30-12:00,14:00-18:00")[n % 3]
        words = (f"花园路{n}号", "", hours, "饮水;微波炉;桌椅", "直接进入", "0371-12345678", 10 + n % 20)
        listed[f"4101{n:04d}"] = [n + 1, f"4101{n:04d}", f"劳动者港湾({n}号支行)", *place, *words]
    return listed


@cache  # the same list is sent again and again
def workbook(rows: tuple[tuple[Any, ...], ...]) -> bytes:
    book, buffer = Workbook(), io.BytesIO()
    book.active.append(HEADER)
    for number, cells in enumerate(rows, start=2):
        book.active.append(cells)
        book.active.cell(number, 3).data_type = "s"
    book.save(buffer)
    return buffer.getvalue()


def send(cast: Cast, rows: dict[str, list[Any]], **asked: str) -> dict[str, Any]:
    sent = {"file": ("网点.xlsx", workbook(tuple(map(tuple, rows.values()))), XLSX)}
    answer = cast.bank("POST", "/v1/imports", params=asked, files=sent)
    assert answer.status_code == 200, answer.text
    ImportReport.model_validate(answer.json())
    return dict(answer.json())


def counted(report: dict[str, Any]) -> dict[str, int]:
    return {verdict: count for verdict, count in report["counts"].items() if count}


def publish_all(cast: Cast) -> int:
    """Work off the union's queue, a page at a time."""
    done = 0
    while items := cast.union("GET", "/v1/reviews", params={"limit": 200}).json()["items"]:
        ReviewList.model_validate({"items": items, "links": []})
        ids = [item["station"]["id"] for item in items]
        answer = cast.union("POST", "/v1/reviews", json=PUBLISH | {"stations": ids}).json()["items"]
        assert {one["publication_status"] for one in answer} == {"published"}, answer
        done += len(answer)
    return done


def test_the_month_of_a_bank(play: Cast):
    rows = branches(797)  # as many as one bank has in Henan
    path = register(play, rows)
    keep_up(play, path)
    import_again(play, rows)
    refuse_a_mistake(play, rows)
    move_and_merge(play, rows, path)


def register(cast: Cast, rows: dict[str, list[Any]]) -> dict[str, str]:
    """All branches by the workbook, published by the union; answers each one's path by its number."""
    dry = send(cast, rows, dry_run="true")
    assert (dry["written"], counted(dry)) == (False, {"inserted": len(rows)})
    first = send(cast, rows, submit="true")
    assert (first["written"], counted(first)) == (True, {"inserted": len(rows)})
    assert counted(send(cast, rows, submit="true")) == {"unchanged": len(rows)}
    assert cast.elsewhere("GET", "/v1/reviews").json()["items"] == []
    assert publish_all(cast) == len(rows)
    assert counted(send(cast, rows)) == {"unchanged": len(rows)}
    assert len(cast.nearest(facility="microwave", limit=50)) > 0
    numbers = dict(zip((row["row"] for row in first["rows"]), rows, strict=True))
    return {numbers[row["row"]]: f"/v1/stations/{row['id']}" for row in first["rows"]}


def keep_up(cast: Cast, path: dict[str, str]) -> None:
    """Forty edits, twelve closures, thirty faults."""
    numbers = list(path)
    for number in numbers[:40]:
        answer = cast.bank("PATCH", path[number], json={"hours_note": "午间照常"}, etag=cast.etag(path[number]))
        assert answer.status_code == 200, answer.text
    now = datetime.now(UTC)
    for n, number in enumerate(numbers[40:52]):
        begins, ends = now + timedelta(days=n - 1), now + timedelta(days=60)
        span = {"starts_at": begins.isoformat(), "ends_at": ends.isoformat()}
        assert cast.bank("POST", f"{path[number]}/closures", json=span | {"reason": "装修"}).status_code == 201
    for number in numbers[60:90]:
        broken = {"status": "faulty", "note": "等配件"}
        assert cast.bank("PUT", f"{path[number]}/facilities/microwave", json=broken).status_code == 200
    closed = cast.public.get(path[numbers[40]]).json()["properties"]
    assert closed["operational_status"] == "temporarily_closed"
    assert StationFeature.model_validate(cast.public.get(path[numbers[0]]).json()).properties.hours_note == "午间照常"


def import_again(cast: Cast, rows: dict[str, list[Any]]) -> None:
    """The next list: twenty at once, five that wait for review; the same again changes nothing, waiting or not."""
    numbers = list(rows)
    for number in numbers[100:120]:
        rows[number][11] = 99
    for number in numbers[120:125]:
        rows[number][2] += "(新)"
    report = send(cast, rows)
    assert counted(report) == {"updated": 25, "unchanged": len(rows) - 25}
    told = [(row["changed"], row["pending"]) for row in report["rows"] if row["verdict"] == "updated"]
    assert told == [(["capacity"], [])] * 20 + [([], ["name"])] * 5
    assert counted(send(cast, rows)) == {"unchanged": len(rows)}
    queue = cast.union("GET", "/v1/reviews", params={"what": "proposal"}).json()["items"]
    assert {item["changes"]["name"]["after"] for item in queue} == {rows[number][2] for number in numbers[120:125]}
    assert publish_all(cast) == 5
    assert counted(send(cast, rows)) == {"unchanged": len(rows)}
    assert working(cast, "microwave") == len(rows) - 30  # a list of names has mended none of the thirty


def working(cast: Cast, facility: str) -> int:
    """How many stations have it, counted a page at a time."""
    page, found = f"/v1/stations?facility={facility}&limit=200", 0
    while page:
        answer = cast.public.get(page).json()
        found += len(answer["features"])
        page = next((link["href"] for link in answer["links"] if link["rel"] == "next"), "")
    return found


def refuse_a_mistake(cast: Cast, rows: dict[str, list[Any]]) -> None:
    """Longitude and latitude in each other's column for three branches, beside a new one: nothing goes in."""
    mistaken = {number: list(cells) for number, cells in rows.items()}
    for number in list(rows)[:3]:
        mistaken[number][3], mistaken[number][4] = mistaken[number][4], mistaken[number][3]
    mistaken["41019999"] = [*mistaken["41010200"][:1], "41019999", "=新支行", 113.9, 34.8, *mistaken["41010200"][5:]]
    report = send(cast, mistaken)
    assert (report["written"], report["counts"]["refused"]) == (False, 3)
    refused = [row for row in report["rows"] if row["verdict"] == "refused"]
    assert [row["row"] for row in refused] == [2, 3, 4]
    assert {problem["column"] for row in refused for problem in row["errors"]} == {"经度", "纬度"}
    assert all("swapped" in problem["message"] for row in refused for problem in row["errors"])
    assert cast.bank("GET", f"/v1/imports/{report['id']}").json()["counts"] == report["counts"]
    answer = cast.bank("GET", f"/v1/imports/{report['id']}/workbook")
    sheet = load_workbook(io.BytesIO(answer.content)).active
    table = list(sheet.iter_rows())
    assert [cell.value for cell in table[0]][5:] == list(HEADER)
    assert [row[0].value for row in table[1:5]] == ["拒绝 refused"] * 3 + ["无变化 unchanged"]
    assert "swapped" in str(table[1][3].value)
    (new,) = (row for row in table if row[7].value == "=新支行")
    told = "新增 inserted (未写入 not written)"
    assert (new[7].data_type, new[0].value) == ("s", told)  # a text, though it looks like a formula
    assert cast.rival("GET", f"/v1/imports/{report['id']}").status_code == 404
    assert counted(send(cast, rows)) == {"unchanged": len(rows)}


def move_and_merge(cast: Cast, rows: dict[str, list[Any]], path: dict[str, str]) -> None:
    """One branch moves, and its number with it; two that were the same become one."""
    moved, kept, twin = "41010300", "41010301", "41010302"
    new = {"name": "劳动者港湾(新址)", "lon": 113.75, "lat": 34.85, "opening_hours": "24/7", "facilities": ["toilet"]}
    place = cast.bank("POST", "/v1/stations", json=new).headers["location"]
    assert cast.bank("POST", f"{place}/submit").status_code == 200
    assert cast.union("POST", f"{place}/review", json=PUBLISH).status_code == 200
    for old, to, how in ((path[moved], place, "relocated"), (path[twin], path[kept], "merged")):
        body = {"successor_id": to.rsplit("/", 1)[1], "how": how, "reason": "网点调整"}
        assert cast.bank("POST", f"{old}/succession", json=body).status_code == 200
        code = cast.bank("GET", f"{old}/history").json()["items"][0]["after"]
        assert code["successor_id"] == body["successor_id"]
        answer = cast.public.get(old, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (308, to)
    rows[moved][2:5] = ["劳动者港湾(新址)", 113.75, 34.85]
    del rows["41010303"]
    report = send(cast, rows)
    assert counted(report) == {"updated": 1, "unchanged": len(rows) - 2, "duplicate": 1}
    (twice,) = (row for row in report["rows"] if row["verdict"] == "duplicate")
    assert twice["duplicate_of"]["why"] == "merged_or_relocated"
    (found,) = (row for row in report["rows"] if row["verdict"] == "updated")
    assert f"/v1/stations/{found['id']}" == place  # the number leads to the new address
