"""Stations in bulk: a file goes in with a verdict a row, the registry comes out as GeoJSON, NDJSON or CSV."""

import csv
import io
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import text
from sqlmodel import Session

from geo import datum, db, misplaced, opening, registration, stations, tablefile, turns
from geo.datum import Datum
from geo.errors import Problem
from geo.opening import Card, Moment
from geo.registration import Entry, Incoming, Seen, Verdict
from geo.stations import StationDraft
from geo.vocabulary import StationKind


class Format(StrEnum):
    """What an export is written as."""

    GEOJSON = "geojson"
    CSV = "csv"
    NDJSON = "ndjson"


@dataclass(frozen=True)
class Options:
    """How a file comes in: whose it is, in which datum, how far its stations get, and whether all of it or nothing."""

    organisation: str | None = None
    crs: Datum | None = None  # WGS-84, and a warning where the file does not say it either
    kind: StationKind | None = None
    entry: Entry = Entry.DRAFT
    partial: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Report:
    """What an import did, or would have done: `written` says which. `rows` are as `_row_json` makes them."""

    rows: Sequence[dict[str, Any]]
    counts: Counter[Verdict]
    warnings: Sequence[str]
    written: bool

    def as_json(self) -> dict[str, Any]:
        """The report of contract.md, with a row for each row of the file."""
        counts = {verdict.value: self.counts[verdict] for verdict in Verdict}
        return {"written": self.written, "counts": counts, "warnings": list(self.warnings), "rows": list(self.rows)}


def _row_json(row: Incoming) -> dict[str, Any]:
    twin = row.duplicate_of
    found: dict[str, Any] = {
        "row": row.row,
        "verdict": row.verdict,
        "id": str(row.id) if row.id else None,
        "changed": row.changed,
        "pending": row.pending,
        "errors": [_problem_json(problem) for problem in row.errors],
        "warnings": row.warnings,
    }
    if twin:
        other = str(twin.id) if twin.id else None
        found["duplicate_of"] = {"why": twin.why, "row": twin.row, "id": other, "code": twin.code}
    return found


def _problem_json(problem: Problem) -> dict[str, Any]:
    column = problem.loc[0] if problem.loc else None
    value = problem.value if isinstance(problem.value, str | int | float | bool | None) else str(problem.value)
    return {"column": column, "value": value, "message": problem.message}


def import_stations(
    session: Session, content: bytes, options: Options, progress: Callable[[int], None] | None = None
) -> Report:
    """Register every row of a CSV, XLSX or GeoJSON file; all or nothing unless `partial`, nothing when `dry_run`.

    Others go on registering meanwhile (`geo.turns`). A chunk of rows at a time, so that the memory it takes does not
    grow with the file; `progress` hears how many are done. Raises `UnreadableFile`, `OrganisationNotFound`. Rows that
    are refused are in the report, not raised.
    """
    return turns.beside(session, lambda: _imported(session, content, options, progress))


def _imported(session: Session, content: bytes, options: Options, progress: Callable[[int], None] | None) -> Report:
    defaults = {"crs": options.crs, "kind": options.kind}
    table = tablefile.read(content, defaults={name: value for name, value in defaults.items() if value})
    counts, rows, seen = Counter[Verdict](), list[dict[str, Any]](), Seen()
    known = misplaced.gazetteer(session)
    # Foreign keys and triggers are checked row by row: planned once, not once a row.
    session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    with session.begin_nested() as savepoint:
        for chunk in _chunks(table.lines):
            misplaced.warn(session, chunk, known)
            counts += registration.register(
                session, chunk, organisation=options.organisation, entry=options.entry, seen=seen
            )
            rows += map(_row_json, chunk)
            session.expunge_all()
            if progress:
                progress(len(rows))
        written = not options.dry_run and (options.partial or not counts[Verdict.REFUSED])
        if not written:
            savepoint.rollback()
    if written:
        return Report(rows, counts, table.warnings, written)
    why = "a dry run" if options.dry_run else f"{counts[Verdict.REFUSED]} refused, and all goes in or nothing does"
    return Report(list(map(_unwritten, rows)), counts, [*table.warnings, f"nothing was written: {why}"], written)


def _chunks(lines: Iterator[tablefile.Line]) -> Iterator[list[Incoming]]:
    """The rows by the chunk; the next one is read while the database works on one."""

    def take() -> list[Incoming]:
        return [_incoming(line) for line in itertools.islice(lines, registration.CHUNK)]

    with ThreadPoolExecutor(1) as reader:
        upcoming = reader.submit(take)
        while chunk := upcoming.result():
            upcoming = reader.submit(take)
            yield chunk


def _incoming(line: tablefile.Line) -> Incoming:
    return Incoming(line.row, line.draft, errors=line.errors, warnings=line.warnings)


def _unwritten(row: dict[str, Any]) -> dict[str, Any]:
    """Where nothing was written, what would have been inserted has no id."""
    return row | ({"id": None} if row["verdict"] is Verdict.INSERTED else {})


COLUMNS = (
    *("code", "managed_by"),
    *(name for name in StationDraft.model_fields if name not in {"lon", "lat", "crs"}),
    *("lon", "lat", "crs", "adcode", "district", "city", "province", "publication_status", "synthetic", "updated_at"),
)


def export_stations(session: Session, form: Format, *, everything: bool = False) -> Iterator[bytes]:
    """The published stations (all of them when `everything`), in the order of their ids, piece by piece.

    A GeoJSON that was cut off lacks its closing bracket, so that it cannot be taken for a whole one.
    """
    asked = {"everything": everything}
    when = opening.moment(session)
    rows = session.execute(db.sql("station_export"), asked, execution_options={"yield_per": 2_000}).mappings()
    yield from WRITERS[form](rows, when)


def _geojson(rows: Any, when: Moment) -> Iterator[bytes]:
    separator = b'{"type":"FeatureCollection","crs":"wgs84","features":[\n'
    for row in rows:
        yield separator + orjson.dumps(stations.feature(row, Datum.WGS84, when))
        separator = b",\n"
    yield (b"" if separator == b",\n" else separator) + b"\n]}\n"


def _ndjson(rows: Any, when: Moment) -> Iterator[bytes]:
    for row in rows:
        yield orjson.dumps(stations.feature(row, Datum.WGS84, when)) + b"\n"


def _csv(rows: Any, _: Moment) -> Iterator[bytes]:
    """Positions as they were submitted, so that what is taken out can be brought in again."""
    places = ("lon", "lat", "crs")
    yield from _table({**row, **{name: row[f"submitted_{name}"] for name in places}} for row in rows)


def table(rows: Iterable[Card], crs: Datum) -> Iterator[bytes]:
    """Cards as CSV, piece by piece, with positions in that datum, seven decimals."""
    yield from _table(_placed(row, crs) for row in rows)


def _placed(row: Card, crs: Datum) -> dict[str, Any]:
    lon, lat = datum.convert(row["lon"], row["lat"], Datum.WGS84, crs)
    return {**row, "lon": round(lon, 7), "lat": round(lat, 7), "crs": crs.value}


def _table(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """With a BOM, without which spreadsheets take the Chinese for another encoding."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row, name) for name in COLUMNS])
        if buffer.tell() > 64_000:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _cell(row: Mapping[str, Any], name: str) -> object:
    value = row[name]
    if name == "facilities":
        value = ";".join(f"{item['facility']}={item['status']}" for item in value)
    elif name == "external_ids":
        value = ";".join(f"{key}={item}" for key, item in sorted(value.items()))
    elif name == "updated_at":
        value = stations.instant(value)
    elif isinstance(value, list):
        value = ";".join(value)
    return tablefile.neutralised(value) if isinstance(value, str) else value


WRITERS = {Format.GEOJSON: _geojson, Format.NDJSON: _ndjson, Format.CSV: _csv}
