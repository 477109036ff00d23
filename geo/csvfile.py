"""A CSV file as rows of cells: UTF-8 or GB18030, with or without BOM; separators comma, tab, semicolon.

Knows the format; what the columns mean is `geo.tablefile`'s.
"""

import csv
import io
from collections.abc import Iterator

from geo.errors import UnreadableFile


def rows(content: bytes) -> Iterator[list[str]]:
    """The cells of each line, the header's first. Raises `UnreadableFile` where it meets what is no text or no CSV."""
    text = _decoded(content)
    if "\x00" in text:
        row = text.count("\n", 0, text.index("\x00")) + 1
        raise UnreadableFile(f"Row {row} holds a NUL character; this is not a text file.")
    first = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(",\t;，", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        yield from reader
    except csv.Error as error:
        raise UnreadableFile(f"Row {reader.line_num} is not CSV: {error}.") from error


def _decoded(content: bytes) -> str:
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableFile("This is an old workbook (.xls) or an encrypted one; save it as .xlsx or as CSV.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as utf8_error:
        try:
            return content.decode("gb18030")
        except UnicodeDecodeError as error:
            row = content.count(b"\n", 0, max(error.start, utf8_error.start)) + 1
            message = f"Neither UTF-8 nor GB18030: row {row} holds bytes that are text in neither encoding."
            raise UnreadableFile(message) from error
