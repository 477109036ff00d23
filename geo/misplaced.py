"""Whether a site lies in the district its host says it is in, and if not, whether another datum would put it there.

A point given in the wrong datum is 34 to 695 m off: often across a border, which the host's own words betray.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import text
from sqlmodel import Session

from geo import datum, regions
from geo.datum import Datum
from geo.stations import StationDraft

NAMES = {Datum.WGS84: "WGS-84", Datum.GCJ02: "GCJ-02", Datum.BD09: "BD-09"}
SUFFIXES = ("自治县", "特区", "林区", "区", "县", "市", "旗")


class Row(Protocol):
    """A row of a file: what it says, and what was noticed of it."""

    draft: StationDraft | None
    warnings: list[str]


@dataclass(frozen=True)
class Gazetteer:
    """Divisions by what people call them: each name's codes, and the names that each code lies in."""

    codes: dict[str, set[str]] = field(default_factory=dict)
    above: dict[str, list[str]] = field(default_factory=dict)

    def meant(self, stated: str) -> set[str]:
        """The codes that `金水区`, `郑州市金水区`, `金水` or `410105` may mean; empty for what is not known."""
        if stated in self.above:
            return {stated}
        found = next((self.codes[stated[at:]] for at in range(len(stated) - 1) if stated[at:] in self.codes), set())
        narrowed = {code for code in found if any(name in stated for name in self.above[code])}
        return narrowed or found


def gazetteer(session: Session) -> Gazetteer:
    """All cities and districts by name, with and without the word for what they are."""
    known = Gazetteer()
    rows = session.execute(
        text(
            "SELECT r.adcode, r.name, p.name AS parent, g.name AS grandparent FROM region r"
            " LEFT JOIN region p ON p.level = r.parent_level AND p.adcode = r.parent_adcode"
            " LEFT JOIN region g ON g.level = p.parent_level AND g.adcode = p.parent_adcode"
            " WHERE r.level IN ('city', 'district')"
        )
    )
    for row in rows:
        known.above.setdefault(row.adcode, []).extend(short(name) for name in (row.parent, row.grandparent) if name)
        for name in {row.name, short(row.name)}:
            known.codes.setdefault(name, set()).add(row.adcode)
    return known


def short(name: str) -> str:
    """`金水` for `金水区`; a name of two characters stays."""
    for suffix in (*SUFFIXES, "省", "自治区"):
        if name.endswith(suffix) and len(name) - len(suffix) >= 2:
            return name.removesuffix(suffix)
    return name


def warn(session: Session, rows: Sequence[Row], known: Gazetteer) -> None:
    """Add a warning to each row whose position is outside the district it states."""
    stated = [(row, row.draft, row.draft.stated_district) for row in rows if row.draft and row.draft.stated_district]
    asked = [(row, draft, codes) for row, draft, said in stated if (codes := known.meant(said))]
    here = regions.locate_many(session, [draft.position() for _, draft, _ in asked])
    outside = [(*one, place) for one, place in zip(asked, here, strict=True) if not _inside(place, one[2])]
    others = [(row, codes, other, draft) for row, draft, codes, _ in outside for other in Datum if other != draft.crs]
    there = regions.locate_many(session, [datum.convert(d.lon, d.lat, other, Datum.WGS84) for _, _, other, d in others])
    fits: dict[int, list[str]] = {}
    for (row, codes, other, _), place in zip(others, there, strict=True):
        if _inside(place, codes):
            fits.setdefault(id(row), []).append(NAMES[other])
    for row, draft, _, place in outside:
        row.warnings.append(_sentence(draft, place, fits.get(id(row), [])))


def _sentence(draft: StationDraft, place: Mapping[str, Any], fits: Sequence[str]) -> str:
    where = f"in {place['name']}" if place["name"] else "in no division at all"
    otherwise = f"; would fall inside it if this were {' or '.join(fits)}" if fits else ""
    return f"lies outside the stated district {draft.stated_district}, {where}{otherwise}"


def _inside(place: Mapping[str, Any], codes: set[str]) -> bool:
    return bool(codes & {place["province"], place["city"], place["district"]})
