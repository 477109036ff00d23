"""An XLSX workbook as rows of text: streamed, bounded, and never executed.

openpyxl reads what the parts mean (sheets, styles, relations); the cells are streamed by expat, five times faster
and one row at a time. Knows nothing of stations: what the columns mean is `geo.tablefile`'s.
"""

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.etree.ElementTree import ParseError
from xml.parsers import expat

from defusedxml.common import DefusedXmlException

from geo.errors import UnreadableFile

LARGEST_UNZIPPED = 300_000_000
LARGEST_STRINGS = 150_000_000
LARGEST_PART = 10_000_000  # of those read whole: styles, relations, the list of sheets
MOST_PARTS = 5_000
WIDEST = 500  # columns
MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')
MOST_MERGED = 100_000
BLOCK = 1 << 18

DAMAGE = (expat.ExpatError, zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError)

# In place of the result of a formula that nobody has calculated; no cell can hold a NUL.
UNCOMPUTED = "\x00formula"
# And of a number that no spreadsheet program keeps all the digits of.
LOST = "\x00digits"
DIGITS = 15

Cells = list[str]


@dataclass(frozen=True)
class Book:
    """An open workbook: its visible sheets, its shared strings, which styles are dates, and its epoch."""

    archive: zipfile.ZipFile
    sheets: Sequence[tuple[str, str]]  # title, part
    strings: Sequence[str]
    dates: frozenset[int]
    durations: frozenset[int]
    epoch: datetime


def is_workbook(content: bytes) -> bool:
    """Whether it begins as a zip archive does."""
    return content.startswith(b"PK\x03\x04")


def open_book(content: bytes) -> Book:
    """The workbook, its structure read and its size checked. Raises `UnreadableFile`."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        _refuse_bomb(archive)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it would not write back; nothing is
            return _structure(archive)
    except zipfile.BadZipFile as error:
        raise UnreadableFile("This is a damaged workbook; save it anew, or as CSV.") from error
    except DefusedXmlException as error:
        raise UnreadableFile("The workbook holds XML entities, which no spreadsheet program writes.") from error
    except (*DAMAGE, KeyError, ValueError, TypeError, AttributeError, IndexError, ParseError) as error:
        raise UnreadableFile("This is not an XLSX workbook, or a damaged one; save it anew, or as CSV.") from error


def _refuse_bomb(archive: zipfile.ZipFile) -> None:
    """By the sizes the archive declares: what is declared smaller than it is, zipfile cuts off and refuses."""
    parts = archive.infolist()
    if len(parts) > MOST_PARTS:
        raise UnreadableFile(f"The workbook has {len(parts)} parts; at most {MOST_PARTS} are read.")
    whole = sum(part.file_size for part in parts)
    if whole > LARGEST_UNZIPPED:
        most = LARGEST_UNZIPPED // 1_000_000
        raise UnreadableFile(
            f"Unzipped the workbook has {whole // 1_000_000} MB; at most {most} MB are read. Split it."
        )
    if any(part.flag_bits & 1 for part in parts):
        raise UnreadableFile("The workbook is encrypted; save it without a password.")
    for part in parts:
        name = part.filename.lower()
        most = LARGEST_STRINGS if "sharedstrings" in name else LARGEST_PART
        is_read_whole = name.endswith((".xml", ".rels")) and "/worksheets/sheet" not in name
        if is_read_whole and part.file_size > most:
            raise UnreadableFile(f"The part {part.filename!r} of the workbook is too large; save it anew, or as CSV.")


def _structure(archive: zipfile.ZipFile) -> Book:
    from openpyxl.reader.excel import ExcelReader  # openpyxl is 10 MB and a part of every start; few need it
    from openpyxl.styles.stylesheet import apply_stylesheet
    from openpyxl.xml.constants import SHARED_STRINGS

    reader = ExcelReader(archive.fp, read_only=True, data_only=True, keep_links=False)
    reader.read_manifest()
    reader.read_workbook()
    apply_stylesheet(reader.archive, reader.wb)
    sheets = [
        (sheet.name, rel.target)
        for sheet, rel in reader.parser.find_sheets()
        if sheet.state == "visible" and "worksheet" in rel.Type and rel.target in reader.valid_files
    ]
    if not sheets:
        raise UnreadableFile("The workbook has no visible sheet.")
    part = reader.package.find(SHARED_STRINGS)
    strings = _strings(archive, part.PartName[1:]) if part is not None else []
    dates, durations = frozenset(reader.wb._date_formats), frozenset(reader.wb._timedelta_formats)
    return Book(archive, sheets, strings, dates, durations, reader.wb.epoch)


def _refuse_declarations(*_: Any) -> None:
    raise UnreadableFile("The workbook holds XML declarations that no spreadsheet program writes.")


class Parser:
    """expat over a part of the archive, with local names and without document types."""

    def __init__(self, archive: zipfile.ZipFile, part: str) -> None:
        self._archive, self._part, self._names = archive, part, dict[str, str]()
        self.text: list[str] = []
        self.expat = expat.ParserCreate()
        self.expat.buffer_text = True
        self.expat.StartDoctypeDeclHandler = self.expat.EntityDeclHandler = _refuse_declarations
        self.expat.StartElementHandler, self.expat.EndElementHandler = self._start, self._end

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def _local(self, name: str) -> str:
        return self._names.setdefault(name, name.rpartition(":")[2])

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.start(self._names.get(name) or self._local(name), attributes)

    def _end(self, name: str) -> None:
        self.end(self._names.get(name) or self._local(name))

    def listen(self) -> None:
        """Keep the text from here on."""
        self.text.clear()
        self.expat.CharacterDataHandler = self.text.append

    def heard(self) -> str:
        """The text since `listen`, which ends."""
        self.expat.CharacterDataHandler = None
        return "".join(self.text)

    def blocks(self) -> Iterator[None]:
        """Parse the part, pausing after each block of it. Raises `UnreadableFile`."""
        try:
            with self._archive.open(self._part) as source:
                while block := source.read(BLOCK):
                    self.expat.Parse(block, False)  # noqa: FBT003 - it is not the last
                    yield
                self.expat.Parse(b"", True)  # noqa: FBT003 - it is
                yield
        except DAMAGE as error:
            raise UnreadableFile("The workbook is damaged; save it anew, or as CSV.") from error


class Strings(Parser):
    """The shared strings: the text of each `si`, its runs put together, without phonetic hints."""

    def __init__(self, archive: zipfile.ZipFile, part: str) -> None:
        super().__init__(archive, part)
        self.found: list[str] = []
        self._pieces: list[str] = []
        self._phonetic = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """A string, a piece of one, or a phonetic hint begins."""
        if name == "si":
            self._pieces = []
        elif name == "rPh":
            self._phonetic = True
        elif name == "t" and not self._phonetic:
            self.listen()

    def end(self, name: str) -> None:
        """Put the pieces together when the string is whole."""
        if name == "t" and not self._phonetic:
            self._pieces.append(self.heard())
        elif name == "rPh":
            self._phonetic = False
        elif name == "si":
            self.found.append("".join(self._pieces))


def _strings(archive: zipfile.ZipFile, part: str) -> list[str]:
    reader = Strings(archive, part)
    for _ in reader.blocks():
        pass
    return reader.found


class Sheet(Parser):
    """The rows of a sheet that hold anything, each with its number there."""

    def __init__(self, book: Book, part: str) -> None:
        super().__init__(book.archive, part)
        self._book = book
        self.rows: list[tuple[int, Cells]] = []
        self._number, self._cells = 0, Cells()
        self._column, self._type, self._style = -1, "n", 0
        self._value: str | None = None
        self._formula = self._phonetic = False
        self._columns: dict[str, int] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """A row, a cell, or its value begins."""
        if name == "c":
            self._start_cell(attributes)
        elif name == "v" or (name == "t" and not self._phonetic):
            self.listen()
        elif name == "row":
            said = attributes.get("r", "")
            self._number = int(said) if said.isdecimal() else self._number + 1
            self._cells, self._column = [], -1
        elif name == "f":
            self._formula = True
        elif name == "rPh":
            self._phonetic = True

    def _start_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r")
        self._column = self._column_of(place.rstrip("0123456789")) if place else self._column + 1
        self._type = attributes.get("t", "n")
        style = attributes.get("s", "")
        self._style = int(style) if style.isdecimal() else 0
        self._value, self._formula = None, False

    def _column_of(self, letters: str) -> int:
        known = self._columns.get(letters)
        if known is None:
            known = self._columns[letters] = column_number(letters)
        return known

    def end(self, name: str) -> None:
        """Keep what a cell says, and a row that says anything."""
        if name == "v":
            self._value = self.heard()
        elif name == "t" and not self._phonetic:
            self._value = (self._value or "") + self.heard()
        elif name == "c":
            self._end_cell()
        elif name == "row":
            if self._cells:
                self.rows.append((self._number, self._cells))
        elif name == "rPh":
            self._phonetic = False

    def _end_cell(self) -> None:
        if not self._value and self._formula and self._type != "str":
            said = UNCOMPUTED
        elif not self._value or not 0 <= self._column < WIDEST:
            return
        else:
            said = self._said(self._value)
        self._cells.extend([""] * (self._column + 1 - len(self._cells)))
        self._cells[self._column] = said

    def _said(self, value: str) -> str:
        if self._type == "s":
            index = int(value) if value.isdecimal() else -1
            return self._book.strings[index] if 0 <= index < len(self._book.strings) else ""
        if self._type == "n":
            return _number(value, self._style, self._book)
        if self._type == "b":
            return "true" if value == "1" else "false"
        return value.replace("\x00", "")


def column_number(letters: str) -> int:
    """`A` is 0, `AA` is 26; -1 for what is no column."""
    if not 0 < len(letters) <= 3 or not letters.isascii() or not letters.isupper():
        return -1
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _number(value: str, style: int, book: Book) -> str:
    """A number as a person would write it: whole ones without a point or exponent, dates as dates."""
    if style in book.dates:
        return _dated(value, book, duration=style in book.durations)
    if value.isdecimal() and len(value) <= DIGITS:
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    if abs(number) >= 10**DIGITS:
        return LOST
    return str(int(number)) if number.is_integer() else repr(number)


def _dated(value: str, book: Book, *, duration: bool) -> str:
    from openpyxl.utils.datetime import from_excel

    try:
        moment = from_excel(float(value), book.epoch, timedelta=duration)
    except (ValueError, OverflowError, TypeError):
        return value
    if isinstance(moment, datetime):
        whole_day = moment.time() == time(0)
        return moment.date().isoformat() if whole_day else moment.isoformat(sep=" ", timespec="minutes")
    if isinstance(moment, time):
        return moment.isoformat(timespec="minutes")
    return str(moment) if isinstance(moment, date | timedelta) else value


def rows(book: Book, part: str) -> Iterator[tuple[int, Cells]]:
    """The rows of a sheet that hold anything, with their numbers; a merged cell speaks for those below it."""
    upcoming, active = _merged(book, part), dict[int, Merge]()
    sheet = Sheet(book, part)
    for _ in sheet.blocks():
        for number, cells in sheet.rows:
            while upcoming and upcoming[-1].first <= number:
                merge = upcoming.pop()
                active[merge.column] = merge
            yield number, _filled(number, cells, active) if active else cells
        sheet.rows.clear()


@dataclass
class Merge:
    """A merged range that spans rows: its column, its rows, and what its first cell says."""

    column: int
    first: int
    last: int
    says: str = ""


def _merged(book: Book, part: str) -> list[Merge]:
    """The merged ranges of more than one row, last ones first; they stand behind the cells, so they come first."""
    found: list[Merge] = []
    try:
        with book.archive.open(part) as source:
            rest = b""
            while block := source.read(BLOCK):
                block, last = rest + block, 0
                for match in MERGED.finditer(block):
                    last, (left, top, _, bottom) = match.end(), match.groups()
                    if top != bottom and len(found) < MOST_MERGED and len(top + bottom) < 16:
                        found.append(Merge(column_number(left.decode()), int(top), int(bottom)))
                rest = block[max(last, len(block) - 200) :]
    except DAMAGE as error:
        raise UnreadableFile("The workbook is damaged; save it anew, or as CSV.") from error
    return sorted((merge for merge in found if 0 <= merge.column < WIDEST), key=lambda m: m.first, reverse=True)


def _filled(number: int, cells: Cells, active: dict[int, Merge]) -> Cells:
    """The row with what merged cells above say; what is over is taken out of `active`."""
    for column, merge in list(active.items()):
        if number > merge.last:
            del active[column]
            continue
        cells.extend([""] * (column + 1 - len(cells)))
        if number == merge.first:
            merge.says = cells[column]
        cells[column] = cells[column] or merge.says
    return cells
