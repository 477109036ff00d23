"""Reading the stations of the directory, and packing them into columns.

What is made of a packed text in an answer is `geo.directory_text`; finding is `geo.directory_search`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlmodel import Session

from geo import datum, db, distance, navigation, stations
from geo.datum import Datum
from geo.directory_columns import MARK, OPERATIONAL, Columns, blocks_of, joined
from geo.vocabulary import EntryMode, Facility, Serves, StationKind

# As COPY writes it: the NULL of directory_rows.sql, and the escapes of the text format.
NULL = b"\x02"
_ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_SHARED, _REST = slice(11, 18), 18

# The parts of a text: the id, the position in each datum, what is its own as JSON members, the positions and the title
# as the links write them, and the facilities: what joins the pieces, and their numbers.
PARTS = ("id", *Datum, "own", "gcj", "bd", "turned", "title", "joint", "pieces")
_OWN = ",".join(f'"{name}":%b' for name in stations.NEAR_OWN).replace('"code":%b', '"code":"%b"').encode()
_TEXT = MARK.join([*[b"%b"] * 4, _OWN, b"%b,", *[b"%b"] * 5])
_ESCAPED = bytes(byte for byte in range(32) if byte != NULL[0]) + b'"\\'  # what JSON does not hold as it is
_CHECKED_AT = b'"checked_at": "'
_INSTANT = len("2026-10-01T10:00:00+08:00")
_SPELT = re.compile(b"[-A-Za-z0-9_.~,:;|]")  # what a link does not write as bytes in hexadecimal
FIRST = 32  # number of a piece: behind MARK, so that none looks like it; those below are empty
AT_ONCE = 1_024  # rows packed at a time: enough for arrays to pay
_STATUS = {status.encode(): number for number, status in enumerate(OPERATIONAL)}


def bits(words: Iterable[str], shift: int = 0) -> dict[bytes, int]:
    """A bit for each word, from the bit `shift` on."""
    return {str(word).encode(): 1 << shift + number for number, word in enumerate(words)}


FACILITIES = bits(Facility)
KINDS = bits(StationKind)
SERVES = bits(Serves, 16)
ENTRIES = bits(EntryMode, 48)
NO_REGISTRATION = 1 << 60


class Row(NamedTuple):
    """A station as it was read: the fields of directory_rows.sql, the last ones not yet taken apart."""

    fields: Sequence[bytes]

    @property
    def id(self) -> bytes:
        """Its 16 bytes."""
        return bytes.fromhex(self.fields[0].decode().replace("-", ""))

    @property
    def revision(self) -> int:
        """The revision that was read."""
        return int(self.fields[1])

    @property
    def published(self) -> bool:
        """Whether the public may see it."""
        return self.fields[2] == b"published"

    @property
    def closures(self) -> dict[str, Any]:
        """What decides its state, where it has closures; otherwise nothing."""
        if b"starts_at" not in self.fields[_REST]:  # nearly all: looked for before anything is taken apart
            return {}
        given = self.fields[_REST].split(b"\t", 3)[2]
        if given == b"[]":
            return {}
        hours, calendar = (None if said == NULL else said.decode() for said in self.fields[15:17])
        card = {"operational_status": self.fields[3].decode(), "opening_hours": hours, "hours_calendar": calendar}
        return card | {"closures": orjson.loads(plain(given))}


def read(session: Session, ids: Sequence[str] | None = None) -> Iterator[Row]:
    """All published stations, or those with these ids, whatever their publication status."""
    connection: Any = session.connection().connection.driver_connection
    with connection.cursor() as cursor, cursor.copy(db.sql("directory_rows").text, {"ids": ids}) as copy:
        for message in copy:
            line = bytes(message)[:-1]
            said = line.split(b"\t", _REST)
            yield Row([*map(plain, said[:_REST]), said[_REST]] if b"\\" in line else said)


def plain(said: bytes) -> bytes:
    """A field without the escapes of COPY."""
    return re.sub(rb"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), said)


def rest(line: bytes) -> dict[str, Any]:
    """The fields that nearest does not show, as a row of `station_card` has them."""
    said = (None if part == NULL else plain(part) for part in line.split(b"\t"))
    return {name: None if part is None else read(part) for (name, read), part in zip(_ASIDE.items(), said, strict=True)}


def _words(said: bytes) -> list[str]:
    return said.decode().split(",") if said else []


def _instant(said: bytes) -> datetime:
    return datetime.fromisoformat(said.decode())


_ASIDE: dict[str, Callable[[bytes], Any]] = {
    **{"serves": _words, "managed_by": bytes.decode, "closures": orjson.loads, "tier": bytes.decode},
    **{"host_ref": bytes.decode, "external_ids": orjson.loads},
    **dict.fromkeys(("stated_district", "adcode", "district", "city", "province"), bytes.decode),
    **{"near_boundary": b"t".__eq__, "staffed_hours": bytes.decode, "capacity": int, "floor_area_m2": float},
    **dict.fromkeys(("level", "entrance_note", "phone", "host", "sponsor", "supervising_union"), bytes.decode),
    **dict.fromkeys(("verified_at", "created_at", "updated_at"), _instant),
}
_ADCODE = list(_ASIDE).index("adcode")

Growth = dict[str, list[Any]]  # of the parts of a lexicon, what each ends in


@dataclass(frozen=True)
class Lexicon:
    """What many stations share, each kept once. Grows in the thread that follows the feed, is read in all."""

    shared: list[bytes] = field(default_factory=list)  # JSON members that many stations have in common
    rule_of: list[int] = field(default_factory=list)  # the rule that is among those
    rules: list[tuple[str, str] | None] = field(default_factory=lambda: [None])  # hours and calendar; 0: unknown
    managers: dict[bytes, int] = field(default_factory=lambda: {NULL: 0})
    pieces: list[bytes] = field(default_factory=lambda: [b""] * FIRST)  # of facilities in JSON
    _shared: dict[tuple[bytes, ...], tuple[int, int, int]] = field(default_factory=dict)
    _rules: dict[tuple[str, str], int] = field(default_factory=dict)
    _serves: dict[bytes, int] = field(default_factory=dict)
    _pieces: dict[bytes, int] = field(default_factory=dict)
    _works: list[int] = field(default_factory=lambda: [0] * FIRST)  # of each piece: the facility that works, as a bit

    def of(self, said: Sequence[bytes]) -> tuple[int, int, int, int]:
        """What a row's shared fields are called here, its rule, its words as bits, and its manager."""
        aside = said[_REST].split(b"\t", 2)
        key = tuple(said[_SHARED])
        known = self._shared.get(key)
        if known is None:
            known = self._shared[key] = self._enter(key)
        manager = self.managers.setdefault(aside[1], len(self.managers))
        return known[0], known[1], known[2] | self._serving(aside[0]), manager

    def offered(self, facilities: bytes) -> tuple[int, bytes, bytes]:
        """Of a row's facilities: those that work as bits, the numbers of their pieces, and what joins those.

        Most were checked at one instant, which joins them; otherwise the station keeps its own words.
        """
        first = facilities.find(_CHECKED_AT) + len(_CHECKED_AT)
        instant = facilities[first : first + _INSTANT]
        pieces = facilities.split(instant) if instant else []
        try:
            numbers = bytes(map(self._pieces.__getitem__, pieces))
        except KeyError:
            numbers = self._entered(pieces)
        if not numbers:
            return self._said(facilities)
        return sum(map(self._works.__getitem__, numbers)), numbers, instant

    @property
    def sizes(self) -> dict[str, int]:
        """How much of what is known, for `since`."""
        return {each.name: len(getattr(self, each.name)) for each in fields(self)}

    def since(self, sizes: Mapping[str, int]) -> Growth:
        """What has come to be known since, for a copy that was like this one then."""
        known = ((name, getattr(self, name), size) for name, size in sizes.items())
        return {
            name: list(islice(said.items() if isinstance(said, dict) else said, size, None))
            for name, said, size in known
        }

    def grow(self, growth: Growth) -> None:
        """Know what a copy came to know; nothing else has been learnt here meanwhile."""
        for name, more in growth.items():
            mine = getattr(self, name)
            if isinstance(mine, dict):
                mine.update(more)
            else:
                mine.extend(more)

    def _entered(self, pieces: Sequence[bytes]) -> bytes:
        """The numbers of pieces, some new; nothing where they hold a note or another instant, or outgrow a byte."""
        new = [piece for piece in dict.fromkeys(pieces) if piece not in self._pieces]
        odd = any(b'"note"' in piece or _CHECKED_AT in piece.removesuffix(_CHECKED_AT) for piece in new)
        if odd or len(self.pieces) + len(new) > 256:
            return b""
        for piece in new:
            self._piece(piece)
        return bytes(map(self._pieces.__getitem__, pieces))

    def _said(self, facilities: bytes) -> tuple[int, bytes, bytes]:
        said = orjson.loads(facilities)
        works = sum(FACILITIES[each["facility"].encode()] for each in said if each["status"] == "working")
        return works, b"\0\0", orjson.dumps(said)

    def _piece(self, said: bytes) -> None:
        working = said.partition(b'"working", "facility": "')[2].partition(b'"')[0]
        self._works.append(FACILITIES.get(working, 0))
        self.pieces.append(said.replace(b" ", b""))
        self._pieces[said] = len(self.pieces) - 1

    def _serving(self, words: bytes) -> int:
        known = self._serves.get(words)
        if known is None:
            known = self._serves[words] = sum(SERVES[word] for word in words.split(b",") if word)
        return known

    def _enter(self, key: tuple[bytes, ...]) -> tuple[int, int, int]:
        kind, brand, entries, registration, written, calendar, synthetic = (
            None if part == NULL else part.decode() for part in key
        )
        modes = entries.split(",") if entries else []
        told = {"t": True, "f": False, None: None}
        said = {"kind": kind, "brand": brand, "entry_modes": modes, "registration_required": told[registration]}
        said |= {"opening_hours": written, "hours_calendar": calendar, "synthetic": told[synthetic]}
        rule = self._rule(written, calendar)
        self.rule_of.append(rule)
        self.shared.append(orjson.dumps({name: said[name] for name in stations.NEAR_SHARED})[1:-1])
        words = KINDS[key[0]] | sum(ENTRIES[mode.encode()] for mode in modes)
        return len(self.shared) - 1, rule, words | NO_REGISTRATION * (registration == "f")

    def _rule(self, written: str | None, calendar: str | None) -> int:
        if written is None or calendar is None:
            return 0
        if (written, calendar) not in self._rules:
            self.rules.append((written, calendar))
            self._rules[written, calendar] = len(self.rules) - 1
        return self._rules[written, calendar]


def packed(rows: Iterable[Row], lexicon: Lexicon) -> Columns:
    """The columns of rows read, in the order of their ids."""
    rows = iter(rows)
    parts = [_pack(list(islice(rows, AT_ONCE)), lexicon)]
    while batch := list(islice(rows, AT_ONCE)):
        parts.append(_pack(batch, lexicon))
    return joined(parts)


def _pack(rows: Sequence[Row], lexicon: Lexicon) -> Columns:
    said = [row.fields for row in rows]
    lon, lat = (np.array([float(each[part]) for each in said]) for part in (4, 5))
    shared = np.array([lexicon.of(each) for each in said], np.int64).reshape(-1, 4)
    offered = [lexicon.offered(each[10]) for each in said]
    return Columns(
        ids=_ids([each[0] for each in said]),
        revision=np.array([row.revision for row in rows], np.int32),
        number=np.array([int(each[6][2:-2]) for each in said], np.int64),
        status=np.array([_STATUS[each[3]] for each in said], np.uint8),
        lon=lon,
        lat=lat,
        earth=distance.earth_centred_many(lon, lat),
        facilities=np.array([working for working, _, _ in offered], np.uint64),
        words=shared[:, 2].astype(np.uint64),
        manager=shared[:, 3].astype(np.int32),
        adcode=np.array([int(code) if code.isdigit() else 0 for code in map(_adcode, said)], np.int32),
        rule=shared[:, 1].astype(np.int32),
        shared=shared[:, 0].astype(np.int32),
        text=_texts(said, offered, lon, lat),
        rest=np.arange(len(rows)),
        blocks=tuple(blocks_of([each[_REST] for each in said])),
    )


def _ids(said: Sequence[bytes]) -> NDArray[np.bytes_]:
    """The 16 bytes of each."""
    return np.frombuffer(bytes.fromhex(b"".join(said).replace(b"-", b"").decode()), "S16")


def _adcode(said: Sequence[bytes]) -> bytes:
    return said[_REST].split(b"\t", _ADCODE + 1)[_ADCODE]


def _texts(
    said: Sequence[Sequence[bytes]],
    offered: Sequence[tuple[int, bytes, bytes]],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
) -> NDArray[np.object_]:
    texts = np.empty(len(said), object)
    if not said:
        return texts
    gcj = datum.convert_many(lon, lat, Datum.WGS84, Datum.GCJ02)
    bd = datum.convert_many(*gcj, Datum.GCJ02, Datum.BD09)
    places = [_written(7, *place) for place in ((lon, lat), gcj, bd)]
    linked = [_written(6, *place) for place in (gcj, bd[::-1], gcj[::-1])]
    ids, codes, *own = zip(*((each[0], *each[6:10]) for each in said), strict=True)
    _, pieces, joints = zip(*offered, strict=True)
    parts = (ids, *places, codes, *map(_quoted, own), *linked, map(_title, own[0]), joints, pieces)
    texts[:] = list(map(_TEXT.__mod__, zip(*parts, strict=True)))  # in the loops of C
    return texts


def _written(digits: int, *columns: NDArray[np.float64]) -> list[bytes]:
    """Degrees as JSON, a text for each point; a tenth of what formatting one by one takes."""
    places = np.round(np.stack(columns, axis=1), digits)
    return orjson.dumps(places, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2].split(b"],[")


def _quoted(said: Sequence[bytes]) -> list[bytes]:
    """Texts as JSON, some of them nothing."""
    together = b"".join(said)
    if len(together.translate(None, _ESCAPED)) < len(together):
        return [b"null" if part == NULL else orjson.dumps(part.decode()) for part in said]
    return [b"null" if part == NULL else b'"%b"' % part for part in said]


def _title(name: bytes) -> bytes:
    """A name as the links write it; most are all Chinese, and so all bytes in hexadecimal."""
    if _SPELT.search(name):
        return navigation.title(name.decode()).encode()
    return b"%" + name.hex("%").upper().encode()
