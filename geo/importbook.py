"""Workbooks for people: the template of an import, and a file that comes back with what became of each row."""

import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from geo import tablefile, vocabulary
from geo.datum import Datum
from geo.registration import Why
from geo.vocabulary import Word

VERDICTS = {"inserted": "新增", "updated": "更新", "unchanged": "无变化", "duplicate": "重复", "refused": "拒绝"}
COLOURS = {"duplicate": "FFF2CC", "refused": "F8CBAD", "inserted": "E2EFDA", "updated": "DDEBF7"}
WHY = {
    Why.SAME_NUMBER: "网点号相同 same host_ref",
    Why.SAME_PLACE: "同名且相距 50 米以内 same name within 50 m",
    Why.SUCCEEDED: "原站点已合并或迁址 merged or relocated",
    Why.REMOVED: "原站点已撤销 removed",
}
BOLD = Font(bold=True)

# Field -> what to write there, and an example; in the order of the template.
TEMPLATE: Sequence[tuple[str, str, str, str]] = (
    ("host_ref", "贵单位自己的网点编号；再次导入时据此认出同一网点", "the host's own number of the site", "41010201"),
    ("name", "必填，1–200 字", "needed, 1 to 200 characters", "劳动者港湾(金水支行)"),
    ("kind", "站点类型；空白则按单位类型", "kind; by the organisation when empty", "银行驿站/劳动者港湾"),
    ("lon", "必填，十进制度，73–136", "needed, decimal degrees", "113.6654"),
    ("lat", "必填，十进制度，3–54", "needed, decimal degrees", "34.7579"),
    ("crs", "坐标系：高德、腾讯为 gcj02，百度为 bd09，GPS 为 wgs84；空白按 wgs84", "datum; wgs84 when empty", "gcj02"),
    ("address", "详细地址", "address", "郑州市金水区花园路1号"),
    ("stated_district", "所属区县；用来核对坐标", "the district; the position is checked against it", "金水区"),
    (
        "opening_hours",
        "如 周一至周五 09:00-17:00，或 OSM opening_hours",
        "as people write them, or OSM",
        "周一至周五 09:00-17:00",
    ),
    ("facilities", "多个用分号隔开；故障写 微波炉=故障", "separated by semicolons; microwave=faulty", "饮水;微波炉"),
    ("entry_modes", "多个用分号隔开", "separated by semicolons", "直接进入"),
    ("serves", "多个用分号隔开", "separated by semicolons", "快递;外卖"),
    ("phone", "对外公开的电话", "the premises' public number", "0371-12345678"),
    ("capacity", "人数", "people", "12"),
    ("floor_area_m2", "平方米", "square metres", "30"),
    ("brand", "品牌", "brand", "劳动者港湾"),
    ("tier", "等级", "tier", "标准型"),
)
CHOICES: Mapping[str, type[Word]] = {"kind": vocabulary.StationKind, "tier": vocabulary.Tier}
LISTS: Mapping[str, type[Word]] = {
    "facilities": vocabulary.Facility,
    "entry_modes": vocabulary.EntryMode,
    "serves": vocabulary.Serves,
}
TEMPLATE_ROWS = 5_000  # that the drop-downs reach


def template() -> bytes:
    """An empty table with Chinese headers and drop-downs, and a sheet that explains every column."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("网点 stations")
    sheet.freeze_panes = "A2"
    for position in range(1, len(TEMPLATE) + 1):
        column = sheet.column_dimensions[get_column_letter(position)]
        column.width, column.number_format = 18, "@"  # a number of the host's keeps its zeros
    _offer(book, sheet, [name for name, *_ in TEMPLATE], TEMPLATE_ROWS)
    sheet.append([_bold(sheet, tablefile.ALIASES[name][0]) for name, *_ in TEMPLATE])
    _explain(book.create_sheet("说明 explanation"))
    return _saved(book)


def _offer(book: Any, sheet: Any, fields: Sequence[str | None], rows: int) -> None:
    """Drop-downs for the columns of these fields; their words stand on a sheet of their own, as some hold commas."""
    words = book.create_sheet("选项 choices")
    words.sheet_state = "hidden"
    menus = [_choices(name) for name in fields]
    for row in zip_longest(*menus):
        words.append(row)
    for position, menu in enumerate(menus, start=1):
        if menu:
            letter = get_column_letter(position)
            source = f"'{words.title}'!${letter}$1:${letter}${len(menu)}"
            shown = DataValidation(type="list", formula1=source, allow_blank=True, showErrorMessage=True)
            shown.error = "请从列表中选择 choose from the list"
            shown.add(f"{letter}2:{letter}{rows}")
            sheet.data_validations.append(shown)


def _choices(name: str | None) -> list[str]:
    if name == "crs":
        return [datum.value for datum in Datum]
    return [word.zh for word in CHOICES[name]] if name and name in CHOICES else []


def _explain(sheet: Any) -> None:
    for letter, width in zip("ABCDEF", (14, 18, 46, 40, 26, 90), strict=True):
        sheet.column_dimensions[letter].width = width
    titles = ("列 column", "字段 field", "说明", "explanation", "示例 example", "可用值 allowed values")
    sheet.append([_bold(sheet, title) for title in titles])
    for name, zh, en, example in TEMPLATE:
        words = CHOICES.get(name) or LISTS.get(name)
        allowed = "；".join(f"{word.zh} ({word.value})" for word in words) if words else ""
        sheet.append([tablefile.ALIASES[name][0], name, zh, en, example, allowed])


def annotated(content: bytes, report: Iterable[Mapping[str, Any]], *, written: bool) -> bytes:
    """The rows of a file as they were, each with its verdict, station, problems and warnings beside it.

    It can be mended and sent in as it is: the drop-downs are there, and what stands beside the rows is passed over.
    """
    grid, verdicts = tablefile.open_grid(content), {row["row"]: row for row in report}
    kept = [index for index, title in enumerate(grid.header) if title.strip() not in tablefile.BESIDE]
    book = Workbook(write_only=True)
    sheet = book.create_sheet("结果 result")
    sheet.freeze_panes = "A2"
    fields = [tablefile.field_of(grid.header[index]) for index in kept]
    _offer(book, sheet, [*(None for _ in tablefile.BESIDE), *fields], max(TEMPLATE_ROWS, len(verdicts) + 1))
    sheet.append([_cell(sheet, title) for title in (*tablefile.BESIDE, *(grid.header[index] for index in kept))])
    for number, cells in grid.rows:
        if number in verdicts:
            row = [_cell(sheet, cells[index]) if index < len(cells) else None for index in kept]
            sheet.append([*_beside(sheet, verdicts[number], written=written), *row])
    _explain(book.create_sheet("说明 explanation"))
    return _saved(book)


def _beside(sheet: Any, row: Mapping[str, Any], *, written: bool) -> list[Any]:
    fate = "" if written or row["verdict"] not in {"inserted", "updated"} else " (未写入 not written)"
    verdict = _cell(sheet, f"{VERDICTS[row['verdict']]} {row['verdict']}{fate}")
    if row["verdict"] in COLOURS:
        verdict.fill = PatternFill("solid", fgColor=COLOURS[row["verdict"]])
    problems = [f"{problem['column']}: {problem['message']}" for problem in row["errors"]]
    twin = row.get("duplicate_of")
    if twin:
        problems.append(f"{WHY[Why(twin['why'])]}: {twin['code'] or '第 {0} 行 row {0}'.format(twin['row'])}")
    changed = [*row["changed"], *(f"{name} (待审核 pending)" for name in row["pending"])]
    texts = (row["id"] or "", "; ".join(changed), "; ".join(problems), "; ".join(row["warnings"]))
    return [verdict, *(_cell(sheet, text) for text in texts)]


def _cell(sheet: Any, text: str) -> Any:
    """A cell that holds a text and never a formula, whatever it begins with."""
    shown = "" if text.startswith("\x00") else ILLEGAL_CHARACTERS_RE.sub("", text)[:32_767]
    cell = WriteOnlyCell(sheet, shown)
    cell.data_type = "s"
    return cell


def _bold(sheet: Any, text: str) -> Any:
    cell = _cell(sheet, text)
    cell.font = BOLD
    return cell


def _saved(book: Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()
