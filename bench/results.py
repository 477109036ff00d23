"""RESULTS.md, of which every bench writes its own section and leaves the others as they are."""

import re
from collections.abc import Iterable
from pathlib import Path

SECTIONS = ("nearest", "visits", "coverage", "imports", "meanwhile")  # in this order


def put(file: Path, name: str, lines: Iterable[str]) -> None:
    """Write one section, from its opening comment to its closing one; what stands outside any is dropped."""
    found = sections(file.read_text()) if file.exists() else {}
    found[name] = "\n".join(lines).strip()
    marked = (f"<!-- {each} -->\n{found[each]}\n<!-- /{each} -->\n" for each in SECTIONS if each in found)
    file.write_text("\n".join(marked))


def sections(text: str) -> dict[str, str]:
    """The sections of such a file by their names."""
    whole = re.compile(r"^<!-- (\w+) -->\n(.*?)\n<!-- /\1 -->$", re.MULTILINE | re.DOTALL)
    return {match[1]: match[2] for match in whole.finditer(text)}
