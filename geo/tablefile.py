"""A published spreadsheet as rows of StationDraft fields: headers, cells as people write them.

Knows files and words; knows neither the database nor what becomes of a row (`geo.transfer`).
"""

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
from pydantic import ValidationError

from geo import csvfile, errors, geojsonfile, hours_zh, vocabulary, workbook
from geo.errors import Problem
from geo.stations import PROPERTIES, StationDraft

LARGEST_BYTES = 50_000_000
LARGEST_ROWS = 200_000
FORMULA = re.compile(r"[=+\-@\t\r]")
SEPARATOR = re.compile(r"[;；、|,，\n]")
YES, NO = {"true", "yes", "y", "1", "是", "需要"}, {"false", "no", "n", "0", "否", "不需要"}

ALIASES: Mapping[str, Sequence[str]] = {
    "host_ref": ("网点号", "机构号", "网点编号", "机构编号"),
    "name": ("名称", "站点名称"),
    "kind": ("类型", "站点类型"),
    "address": ("地址", "详细地址"),
    "stated_district": ("区县", "所属区县"),
    "lon": ("经度", "lng", "longitude"),
    "lat": ("纬度", "latitude"),
    "crs": ("坐标系",),
    "opening_hours": ("开放时间", "营业时间"),
    "facilities": ("设施", "服务设施"),
    "entry_modes": ("进入方式",),
    "serves": ("服务对象",),
    "phone": ("电话", "联系电话"),
    "capacity": ("容纳人数",),
    "floor_area_m2": ("面积", "建筑面积"),
    "brand": ("品牌",),
    "tier": ("等级",),
}
# What stands beside the rows of a file that came back: sent in again, it says nothing.
BESIDE = ("结果 verdict", "站点 station", "变更字段 changed", "问题 problems", "提醒 warnings")
DATUM_UNSAID = (
    "no datum is named, by a column 坐标系 (crs) or with the file: positions are taken as wgs84 (GPS); those of AMap"
    " and Tencent are gcj02, Baidu's are bd09"
)
IGNORED = {*BESIDE, "序号", "编号", "no", "no.", "id", *PROPERTIES, "verified_at", "created_at", "updated_at"}
IGNORED -= set(StationDraft.model_fields)


KNOWN = {name: name for name in StationDraft.model_fields}
KNOWN |= {alias: name for name, aliases in ALIASES.items() for alias in aliases}
UNDERSTOOD = lru_cache(4_096)(hours_zh.read)  # a list of ten thousand sites has a dozen different hours
TITLE_ROWS = 10  # of a workbook, within which its header is looked for
CELL_ERRORS = {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"}


@dataclass
class Line:
    """A row of the file: its number there, the draft or why there is none, and what was noticed."""

    row: int
    draft: StationDraft | None = None
    errors: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Table:
    """The rows of a file, read as they are asked for, and what was noticed of its header."""

    lines: Iterator[Line]
    warnings: Sequence[str]


@dataclass(frozen=True)
class Grid:
    """A file as cells: its header, and the rows below with their numbers (the header of a CSV file is row 1)."""

    header: Sequence[str]
    rows: Iterator[tuple[int, list[str]]]


def read(content: bytes, *, defaults: Mapping[str, Any]) -> Table:
    """The rows of a CSV, XLSX or GeoJSON file, each a draft or refused by column; `defaults` fill what is not said.

    CSV in UTF-8 or GB18030, with or without BOM; Chinese or English headers; separators comma, tab, semicolon. Of a
    workbook the first visible sheet with such a header, titles above it left out. Row numbers are the spreadsheet's;
    those of GeoJSON count its features from 1. Raises `UnreadableFile`, also while the rows are read.
    """
    if geojsonfile.is_geojson(content):
        refuse_larger(len(content))
        return _features(content, defaults)
    grid = open_grid(content)
    columns, warnings = _columns(grid.header)
    return Table(_watched(_lines(grid, columns, defaults), warnings, unsaid="crs" not in defaults), warnings)


def _watched(lines: Iterator[Line], warnings: list[str], *, unsaid: bool) -> Iterator[Line]:
    """The same lines; after the last, a warning where none of them named a datum."""
    drafts = 0
    for line in lines:
        if line.draft:
            drafts += 1
            unsaid = unsaid and "crs" not in line.draft.model_fields_set
        yield line
    if unsaid and drafts:
        warnings.append(DATUM_UNSAID)


def _features(content: bytes, defaults: Mapping[str, Any]) -> Table:
    features, crs = geojsonfile.features(content)
    defaults = {**defaults, **({"crs": crs} if crs else {})}
    return Table(_limited(_feature_line(number, said, defaults) for number, said in features), [])


def _feature_line(number: int, feature: Mapping[str, Any], defaults: Mapping[str, Any]) -> Line:
    """A feature as a draft: its texts are read as cells are, what has its type already is taken as it is."""
    line = Line(number)
    said = dict(defaults)
    for name, value in feature.items():
        if name not in StationDraft.model_fields:
            if name not in IGNORED:
                line.warnings.append(f"property {name!r} is not known and was left out")
        elif isinstance(value, str) and value.strip():
            _say(said, name, name, value, line)
        elif value is not None and value != "":
            said[name] = value
    return _drafted(line, said, {})


def _limited(lines: Iterator[Line]) -> Iterator[Line]:
    for count, line in enumerate(lines):
        if count >= LARGEST_ROWS:
            raise errors.UnreadableFile(f"More than {LARGEST_ROWS} rows; split the file.")
        yield line


def _lines(grid: Grid, columns: Mapping[int, tuple[str, str]], defaults: Mapping[str, Any]) -> Iterator[Line]:
    filled = ((number, cells) for number, cells in grid.rows if any(cell.strip() for cell in cells))
    return _limited(_line(number, cells, columns, len(grid.header), defaults) for number, cells in filled)


def open_grid(content: bytes) -> Grid:
    """The cells of a file, whatever they mean. Raises `UnreadableFile`, also while the rows are read."""
    refuse_larger(len(content))
    if workbook.is_workbook(content):
        return _sheet_grid(content)
    if geojsonfile.is_geojson(content):
        return _feature_grid(content)
    rows = csvfile.rows(content)
    header = next(rows, None)
    if header is None:
        raise errors.UnreadableFile("The file is empty; expected a header row and a row for each station.")
    return Grid(header, enumerate(rows, start=2))


def _feature_grid(content: bytes) -> Grid:
    """The features as a table, for people: a column for each field, what is no text as JSON."""
    names = list(StationDraft.model_fields)
    found, _ = geojsonfile.features(content)
    return Grid(names, ((number, [_shown(said.get(name)) for name in names]) for number, said in found))


def _shown(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _sheet_grid(content: bytes) -> Grid:
    """The first visible sheet that has our header within its first rows; else the first one as it is."""
    book = workbook.open_book(content)
    for _, part in book.sheets:
        rows = workbook.rows(book, part)
        for _, cells in itertools.islice(rows, TITLE_ROWS):
            if {"name", "lon", "lat"} <= {KNOWN.get(_key(cell)) for cell in cells}:
                return Grid(cells, rows)
    rows = workbook.rows(book, book.sheets[0][1])
    _, header = next(rows, (0, []))
    if not header:
        raise errors.UnreadableFile("The sheet is empty; expected a header row and a row for each station.")
    return Grid(header, rows)


def refuse_larger(size: int) -> None:
    """Raise `UnreadableFile` for a file of more than 50 MB, before it is read."""
    if size > LARGEST_BYTES:
        most = LARGEST_BYTES // 1_000_000
        raise errors.UnreadableFile(
            f"The file has {size // 1_000_000} MB; at most {most} MB are read at once. Split it."
        )


def _key(title: str) -> str:
    return unicodedata.normalize("NFKC", title).strip().lower()


def field_of(title: str) -> str | None:
    """The field that a column with this title means."""
    return KNOWN.get(_key(title))


def _columns(header: Sequence[str]) -> tuple[dict[int, tuple[str, str]], list[str]]:
    """Index -> (field, header as written). Unknown headers are warnings, missing positions an error."""
    columns: dict[int, tuple[str, str]] = {}
    warnings = []
    for index, title in enumerate(header):
        key = _key(title)
        name = field_of(title)
        if name is None:
            if key and key not in IGNORED:
                warnings.append(f"column {title.strip()!r} is not known and was left out")
        elif name in {field_name for field_name, _ in columns.values()}:
            raise errors.UnreadableFile(f"Two columns mean {name!r}; the second is {title.strip()!r}.")
        else:
            columns[index] = name, title.strip()
    missing = {"name", "lon", "lat"} - {name for name, _ in columns.values()}
    if missing:
        wanted = "; ".join(f"{name} ({' / '.join(ALIASES[name])})" for name in sorted(missing))
        raise errors.UnreadableFile(f"The header (row 1) lacks {wanted}.")
    return columns, warnings


def _line(
    number: int,
    cells: Sequence[str],
    columns: Mapping[int, tuple[str, str]],
    width: int,
    defaults: Mapping[str, Any],
) -> Line:
    line = Line(number)
    titles = dict(columns.values())
    said: dict[str, Any] = dict(defaults)
    for index, cell in enumerate(cells):
        if index in columns and cell.strip():
            name, title = columns[index]
            _say(said, name, title, _restored(cell), line)
    if any(cell.strip() for cell in cells[max(columns) + 1 :]) and len(cells) > width:
        line.warnings.append(f"has {len(cells)} cells, the header {width}; what is beyond it was left out")
    return _drafted(line, said, titles)


def _drafted(line: Line, said: Mapping[str, Any], titles: Mapping[str, str]) -> Line:
    """The line with its draft, or with all that is wrong with it."""
    unread = {problem.loc[0] for problem in line.errors}
    try:
        draft = StationDraft.model_validate(said)
    except ValidationError as error:
        problems = (_problem(item, titles) for item in error.errors())
        line.errors += [problem for problem in problems if problem.loc[0] not in unread]
    else:
        line.draft = None if line.errors else draft
    return line


def _say(said: dict[str, Any], name: str, title: str, cell: str, line: Line) -> None:
    """Enter what a cell says; a cell that cannot be read is an error of its row."""
    try:
        _refuse_uncomputed(cell)
        if name == "opening_hours":
            _say_hours(said, cell, line)
        else:
            said[name] = READERS.get(name, str)(cell)
    except errors.InvalidInput as error:
        shown = None if cell.startswith("\x00") else cell
        line.errors += [Problem((title,), problem.message, shown) for problem in error.problems]


def _refuse_uncomputed(cell: str) -> None:
    """A cell whose value the spreadsheet itself could not, or did not, work out is no text."""
    if cell == workbook.UNCOMPUTED:
        expected = "a formula without a result: open the file in a spreadsheet program and save it, or paste the values"
        raise errors.InvalidInput(problems=[Problem((), expected)])
    if cell == workbook.LOST:
        expected = f"a number of more than {workbook.DIGITS} digits, whose last ones are lost: enter it as text"
        raise errors.InvalidInput(problems=[Problem((), expected)])
    if cell in CELL_ERRORS:
        raise errors.InvalidInput(problems=[Problem((), "expected a value, not the error of a formula", cell)])


def _say_hours(said: dict[str, Any], cell: str, line: Line) -> None:
    """Hours that are not understood are kept as written, never guessed; what was known before holds no more."""
    understood = UNDERSTOOD(cell)
    said["opening_hours"] = understood.opening_hours
    if understood.opening_hours:
        said.setdefault("hours_calendar", understood.hours_calendar or "literal")
    if understood.note:
        said.setdefault("hours_note", understood.note)
        line.warnings.append(f"hours not understood, kept as a note: {understood.note}")


def _problem(item: Any, titles: Mapping[str, str]) -> Problem:
    name = str(item["loc"][0]) if item["loc"] else ""
    message = str(item["msg"]).removeprefix("Value error, ")
    value = item["input"] if not isinstance(item["input"], dict) else None
    if item["type"] == "missing":
        message, value = "expected a value here", None
    return Problem((titles.get(name, name),), message, value)


def _restored(cell: str) -> str:
    """A cell that an export neutralised (`'=1+1`) as it was."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell[1:]) else cell


def neutralised(value: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe before `=`, `+`, `-`, `@`, tab and CR."""
    return f"'{value}" if FORMULA.match(value) else value


def _plain(cell: str) -> str:
    """Full-width digits and punctuation as ASCII."""
    return unicodedata.normalize("NFKC", cell).strip()


def _number(cell: str) -> str:
    """A number, without the unit people write after it: `20人`, `30㎡`."""
    return re.sub(r"(?<=\d)\s*(人|m2|平方米|平米|平方)$", "", _plain(cell))


def _words(enumeration: type[vocabulary.Word]) -> Callable[[str], list[vocabulary.Word]]:
    return lambda cell: [vocabulary.parse(enumeration, part) for part in _parts(cell)]


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in SEPARATOR.split(cell) if part.strip()]


def _facilities(cell: str) -> list[dict[str, Any]]:
    """`饮水;微波炉=故障`: each a facility, with its status after an equals sign or a colon."""
    found = []
    for part in _parts(cell):
        name, _, status = re.sub("[:：＝]", "=", part).partition("=")
        report: dict[str, Any] = {"facility": vocabulary.parse(vocabulary.Facility, name)}
        if status:
            report["status"] = vocabulary.parse(vocabulary.FacilityStatus, status)
        found.append(report)
    return found


def _yes_or_no(cell: str) -> bool:
    said = _plain(cell).lower()
    if said in YES or said in NO:
        return said in YES
    raise errors.InvalidInput(problems=[Problem((), "expected yes or no (是 / 否)", cell)])


def _external_ids(cell: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in _parts(cell))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _word(enumeration: type[vocabulary.Word]) -> Callable[[str], vocabulary.Word]:
    return lambda cell: vocabulary.parse(enumeration, cell)


READERS: Mapping[str, Callable[[str], Any]] = {
    "lon": _number,
    "lat": _number,
    "crs": _plain,
    "capacity": _number,
    "floor_area_m2": _number,
    "phone": _plain,
    "kind": _word(vocabulary.StationKind),
    "tier": _word(vocabulary.Tier),
    "hours_calendar": _word(vocabulary.HoursCalendar),
    "operational_status": _word(vocabulary.OperationalStatus),
    "entry_modes": _words(vocabulary.EntryMode),
    "serves": _words(vocabulary.Serves),
    "facilities": _facilities,
    "registration_required": _yes_or_no,
    "external_ids": _external_ids,
}
