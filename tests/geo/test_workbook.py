"""Workbooks as people send them, and as nobody should."""

import io
import re
import zipfile
from datetime import datetime, time
from typing import Any

import pytest
from openpyxl import Workbook

from geo import errors, importbook, tablefile, workbook

HEADER = ("网点号", "名称", "经度", "纬度", "区县", "营业时间", "电话")
ROW = ("001", "工会驿站", 113.6, 34.7, "金水区", "24小时", "0371-1")
SHEET = "xl/worksheets/sheet1.xml"


def saved(*rows: tuple[object, ...], merge: str = "", title: tuple[object, ...] = ()) -> bytes:
    book, buffer = Workbook(), io.BytesIO()
    for row in (*([title] if title else []), HEADER, *rows):
        book.active.append(row)
    if merge:
        book.active.merge_cells(merge)
    book.save(buffer)
    return buffer.getvalue()


def read(content: bytes) -> list[tablefile.Line]:
    return list(tablefile.read(content, defaults={}).lines)


def draft(content: bytes):
    (line,) = read(content)
    assert line.draft is not None, line.errors
    return line.draft


def altered(content: bytes, part: str, change) -> bytes:
    """The same workbook with one part of it changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            said = old.read(item)
            new.writestr(item.filename, change(said) if item.filename == part else said)
    return buffer.getvalue()


def with_shared_strings(content: bytes, declaration: bytes = b"") -> bytes:
    """The same workbook as Excel writes it: texts in a part of their own, in runs, with phonetic hints."""
    texts: list[bytes] = []

    def share(cell: re.Match[bytes]) -> bytes:
        texts.append(cell[2])
        return b'<c%s t="s"><v>%d</v></c>' % (cell[1], len(texts) - 1)

    inline = re.compile(rb'<c([^>]*?) t="inlineStr"><is><t>(.*?)</t></is></c>')
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = b'<Override PartName="/xl/sharedStrings.xml" ContentType="%s"/></Types>' % kind
    content = altered(content, SHEET, lambda xml: inline.sub(share, xml))
    content = altered(content, "[Content_Types].xml", lambda xml: xml.replace(b"</Types>", override))
    items = b"".join(b"<si><r><t>%s</t></r><r><t></t></r><rPh><t>x</t></rPh></si>" % each for each in texts)
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive:
        name = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        archive.writestr("xl/sharedStrings.xml", declaration + b'<sst xmlns="%s">%s</sst>' % (name.encode(), items))
    return buffer.getvalue()


def test_texts_of_their_own_part_are_read_without_phonetic_hints():
    assert draft(with_shared_strings(saved(ROW))).name == "工会驿站"


def test_a_row_of_a_workbook_is_a_draft():
    said = draft(saved(ROW))
    assert (said.host_ref, said.name, said.lon, said.lat) == ("001", "工会驿站", 113.6, 34.7)
    assert (said.opening_hours, said.phone) == ("24/7", "0371-1")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (41010201, "41010201"),
        (41010201.0, "41010201"),
        ("007", "007"),
        (0.5, "0.5"),
        (datetime.fromisoformat("2026-03-01"), "2026-03-01"),
        (datetime.fromisoformat("2026-03-01T09:30"), "2026-03-01 09:30"),
        (time(9, 30), "09:30"),
        (True, "true"),
    ],
)
def test_numbers_and_dates_are_read_as_a_person_would_write_them(value, expected):
    assert draft(saved((value, *ROW[1:]))).host_ref == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=A1&B1", "formula without a result"),
        ("#N/A", "error"),
        ("#REF!", "error"),
        (12345678901234567, "15 digits"),
        (1e300, "15 digits"),
    ],
)
def test_what_a_spreadsheet_did_not_work_out_is_refused_by_its_cell(value, expected):
    (line,) = read(saved((value, *ROW[1:])))
    assert [(problem.loc, expected in problem.message) for problem in line.errors] == [(("网点号",), True)]


def test_the_result_of_a_formula_counts():
    content = saved(("=1+1", *ROW[1:]))
    computed = altered(content, SHEET, lambda xml: xml.replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>"))
    assert (
        draft(altered(computed, SHEET, lambda xml: xml.replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>"))).host_ref
        == "2"
    )


def test_a_title_above_the_header_and_sheets_before_it_are_passed_over():
    book, buffer = Workbook(), io.BytesIO()
    book.active.append(["说明"])
    sheet = book.create_sheet("网点")
    for row in (["2026年网点表"], [], HEADER, ROW):
        sheet.append(row)
    sheet.merge_cells("A1:G1")
    book.save(buffer)
    (line,) = read(buffer.getvalue())
    assert line.row == 4
    assert line.draft is not None


def test_a_merged_cell_speaks_for_the_rows_below_it_and_not_beside_it():
    rows = [(str(n), f"站{n}", 113.6, 34.7 + n / 10, "金水区" if n == 0 else None, None, None) for n in range(4)]
    found = [line.draft.stated_district for line in read(saved(*rows, merge="E2:F4")) if line.draft]
    assert found == ["金水区", "金水区", "金水区", None]


def test_a_million_empty_rows_are_passed_over():
    empty = b"".join(b'<row r="%d"><c r="A%d" s="0"/></row>' % (n, n) for n in range(3, 1_000_000))
    content = altered(saved(ROW), SHEET, lambda xml: xml.replace(b"</sheetData>", empty + b"</sheetData>"))
    assert [line.row for line in read(content)] == [2]


def test_a_bomb_is_refused_before_it_is_unpacked():
    content = altered(saved(ROW), SHEET, lambda xml: xml + b" " * (workbook.LARGEST_UNZIPPED + 1))
    assert len(content) < 1_000_000
    with pytest.raises(errors.UnreadableFile, match="Unzipped"):
        read(content)


LAUGHS = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml"])
def test_entities_are_refused_in_every_part(part):
    with pytest.raises(errors.UnreadableFile):
        read(altered(saved(ROW), part, lambda xml: LAUGHS + xml.split(b"?>", 1)[-1]))


def test_entities_are_refused_among_the_texts():
    with pytest.raises(errors.UnreadableFile, match="declarations"):
        read(with_shared_strings(saved(ROW), LAUGHS))


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04" + bytes(100),
        saved(ROW)[:2_000],
        altered(saved(ROW), SHEET, lambda xml: xml[: len(xml) // 2]),
        altered(saved(ROW), "xl/workbook.xml", lambda _: b"<x/>"),
        altered(saved(ROW), "[Content_Types].xml", lambda _: b""),
    ],
)
def test_a_damaged_workbook_is_refused_in_a_sentence(content):
    with pytest.raises(errors.UnreadableFile, match="workbook"):
        read(content)


def test_the_template_can_be_filled_in_and_offers_what_it_understands():
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(importbook.template()))
    sheet = book.worksheets[0]
    assert len(sheet.data_validations.dataValidation) == 3
    words = next(sheet for sheet in book.worksheets if sheet.sheet_state == "hidden")
    assert "银行驿站/劳动者港湾" in {cell.value for row in words.iter_rows() for cell in row}
    for position, (_, _, _, example) in enumerate(importbook.TEMPLATE, start=1):
        sheet.cell(2, position, example)
    buffer = io.BytesIO()
    book.save(buffer)
    (line,) = read(buffer.getvalue())
    assert line.draft is not None, line.errors
    assert line.warnings == []
    assert line.draft.model_fields_set >= {name for name, *_ in importbook.TEMPLATE}


@pytest.mark.parametrize("written", [True, False])
def test_what_came_back_can_be_mended_and_sent_in_again(written):
    from openpyxl import load_workbook

    sent = "名称,经度,纬度,类型\n甲,113.6,34.7,\n乙,34.7,113.6,\n".encode()
    told: dict[str, Any] = {"id": None, "changed": [], "pending": [], "errors": [], "warnings": []}
    report = [told | {"row": row, "verdict": verdict} for row, verdict in ((2, "inserted"), (3, "refused"))]
    content = importbook.annotated(sent, report, written=written)
    sheet = load_workbook(io.BytesIO(content)).worksheets[0]
    assert ("not written" in sheet["A2"].value) is not written
    assert "not written" not in sheet["A3"].value
    (menu,) = sheet.data_validations.dataValidation
    assert str(menu.sqref).startswith("I2:")  # of 类型, behind what stands beside
    table = tablefile.read(content, defaults={"crs": "gcj02"})
    assert [line.draft.name for line in table.lines if line.draft] == ["甲"]
    assert table.warnings == []


def test_geojson_comes_in_as_it_goes_out():
    feature = (
        '{"type":"FeatureCollection","crs":"gcj02","features":[{"type":"Feature","geometry":{"type":"Point",'
        '"coordinates":[113.6,34.7]},"properties":{"name":"站","facilities":[{"facility":"toilet","status":"faulty",'
        '"checked_at":"2026-01-01T00:00:00+08:00"}],"entry_modes":"扫码","code":"YZ1","star":1,"phone":null}}]}'
    )
    (line,) = read(feature.encode())
    assert line.draft is not None, line.errors
    assert (line.row, line.draft.crs, line.draft.lon) == (1, "gcj02", 113.6)
    assert [(f.facility, f.status) for f in line.draft.facilities] == [("toilet", "faulty")]
    assert line.warnings == ["property 'star' is not known and was left out"]


@pytest.mark.parametrize("content", [b"{", b"{}", b'{"type":"FeatureCollection"}', b'{"a":"\\u0000"}', b"{\xff}"])
def test_what_is_no_feature_collection_is_refused(content):
    with pytest.raises(errors.UnreadableFile):
        read(content)


@pytest.mark.parametrize("feature", ["1", "{}", '{"geometry":{"type":"Point","coordinates":[1]}}', '{"properties":[]}'])
def test_a_feature_that_is_none_is_a_refused_row(feature):
    (line,) = read(('{"type":"FeatureCollection","features":[' + feature + "]}").encode())
    assert line.draft is None
    assert {problem.loc[0] for problem in line.errors} >= {"name", "lon", "lat"}
