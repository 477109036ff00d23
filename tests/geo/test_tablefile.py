"""Spreadsheets as people publish them."""

import pytest

from geo import errors, tablefile
from geo.datum import Datum

HEADER = "序号,站点名称,经度,纬度,设施,开放时间"


def read(*lines: str, encoding: str = "utf-8", header: str = HEADER, **defaults):
    content = "\r\n".join([header, *lines]).encode(encoding)
    table = tablefile.read(content, defaults=defaults)
    return tablefile.Table(iter(list(table.lines)), table.warnings)


def only(table: tablefile.Table) -> tablefile.Line:
    (line,) = table.lines
    return line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
def test_encodings(encoding):
    draft = only(read("1,工会驿站(测试),113.6,34.7,饮水,", encoding=encoding)).draft
    assert draft is not None
    assert draft.name == "工会驿站(测试)"


def test_english_headers_and_defaults():
    line = only(read("驿站,113.6,34.7", header="name,LON, lat ", crs=Datum.GCJ02))
    assert line.draft is not None
    assert line.draft.crs is Datum.GCJ02


@pytest.mark.parametrize("separator", ["\t", ";", "，"])
def test_other_separators(separator):
    line = only(read(separator.join(["驿站", "113.6", "34.7"]), header=separator.join(["名称", "经度", "纬度"])))
    assert line.draft is not None


def test_full_width_digits_units_and_list_separators():
    header = "名称,经度,纬度,设施,容纳人数,面积"
    draft = only(read("驿站,１１３．６,34.7,饮水、微波炉；厕所|WiFi,20人,２５㎡", header=header)).draft
    assert draft is not None
    assert (draft.lon, draft.capacity, draft.floor_area_m2) == (113.6, 20, 25)
    assert [f.facility.value for f in draft.facilities] == ["drinking_water", "microwave", "toilet", "wifi"]


def test_a_facility_may_say_its_status():
    draft = only(read("1,驿站,113.6,34.7,微波炉=故障;厕所：正常,")).draft
    assert draft is not None
    assert [str(f.status) for f in draft.facilities] == ["faulty", "working"]


def test_hours_are_understood_or_kept_and_said():
    good, bad = read("1,甲,113.6,34.7,,24小时", "2,乙,113.6,34.7,,夏季早些").lines
    assert good.draft is not None
    assert bad.draft is not None
    assert good.draft.opening_hours == "24/7"
    assert (bad.draft.opening_hours, bad.draft.hours_note) == (None, "夏季早些")
    assert "夏季早些" in bad.warnings[0]


@pytest.mark.parametrize(
    ("cells", "column", "expected"),
    [
        ("1,驿站,34.7,113.6,,", "纬度", "swapped"),
        ("1,驿站,34.7,113.6,,", "经度", "swapped"),
        ("1,驿站,113.6,nan,,", "纬度", "finite"),
        ("1,驿站,1e400,34.7,,", "经度", "finite"),
        ("1,驿站,abc,34.7,,", "经度", "number"),
        ("1,驿站,,34.7,,", "经度", "value"),
        ("1,,113.6,34.7,,", "站点名称", "value"),
        ("1,驿站,13.6,34.7,,", "经度", "73"),
        ("1,驿站,113.6,34.7,桑拿,", "设施", "drinking_water"),
        (f"1,{'长' * 201},113.6,34.7,,", "站点名称", "200"),
    ],
)
def test_a_bad_cell_names_column_value_and_what_was_expected(cells, column, expected):
    line = only(read(cells))
    assert line.draft is None
    assert line.row == 2
    assert column in {problem.loc[0] for problem in line.errors}
    assert any(expected in problem.message for problem in line.errors), line.errors


def test_all_that_is_wrong_with_a_row_is_said_at_once():
    line = only(read("1,驿站,34.7,113.6,洗脚盆,"))
    assert {problem.loc[0] for problem in line.errors} == {"设施", "经度", "纬度"}
    assert any("饮水" in problem.message for problem in line.errors)


def test_cells_beyond_the_header_are_a_warning():
    assert "beyond" in only(read("1,驿站,113.6,34.7,,,多余")).warnings[0]


def test_row_numbers_are_the_spreadsheets_and_blank_rows_count():
    assert [line.row for line in read("1,甲,113.6,34.7,,", ",,,,,", "", "2,乙,113.6,34.7,,").lines] == [2, 5]


def test_unknown_headers_are_warnings_and_numbering_is_ignored():
    table = read("1,驿站,113.6,34.7,x", header="序号,名称,经度,纬度,星座", crs=Datum.GCJ02)
    assert table.warnings == ["column '星座' is not known and was left out"]


@pytest.mark.parametrize(
    ("rows", "said", "warned"),
    [
        (["驿站,113.6,34.7,", "小屋,113.7,34.7,"], {}, True),
        (["驿站,113.6,34.7,", "小屋,113.7,34.7,gcj02"], {}, False),
        (["驿站,113.6,34.7,"], {"crs": Datum.WGS84}, False),
        ([], {}, False),
    ],
)
def test_positions_in_no_named_datum_are_wgs84_and_a_warning(rows, said, warned):
    table = read(*rows, header="名称,经度,纬度,坐标系", **said)
    assert [line.draft.crs for line in table.lines if line.draft][:1] == ["wgs84"][: len(rows)]
    assert table.warnings == [tablefile.DATUM_UNSAID] * warned


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        ("名称,经度\n".encode(), "纬度"),
        ("名称,经度,纬度,lat\n".encode(), "Two columns"),
        (b"PK\x03\x04rest", "workbook"),
        (b"\xd0\xcf\x11\xe0rest", "xlsx"),
        ("名称,经度,纬度\n".encode() + b"\xff\xff\xff,1,2\n", "row 2"),
        ("名称,经度,纬度\n甲\x00,1,2\n".encode(), "Row 2"),
        ('名称,经度,纬度\n"甲,1,2\n'.encode(), "not CSV"),
    ],
)
def test_a_file_that_is_no_table_says_why(content, expected):
    with pytest.raises(errors.UnreadableFile, match=expected):
        list(tablefile.read(content, defaults={}).lines)


def test_a_100_mb_file_is_refused_before_it_is_parsed():
    with pytest.raises(errors.UnreadableFile, match="100 MB"):
        tablefile.read(bytes(100_000_000), defaults={})


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_formulas_are_neutralised_on_the_way_out_and_restored_on_the_way_in(name):
    out = tablefile.neutralised(name)
    assert out == f"'{name}"
    quoted = '"' + out + '"'
    line = only(read(f"1,{quoted},113.6,34.7,,"))
    assert line.draft is not None
    assert line.draft.name == name.strip()


def test_an_apostrophe_of_ones_own_stays():
    line = only(read("1,'s站,113.6,34.7,,"))
    assert line.draft is not None
    assert line.draft.name == "'s站"
