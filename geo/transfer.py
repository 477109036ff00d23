"""Stations in bulk: a file goes in with a verdict a row, the registry comes out as GeoJSON, NDJSON or CSV."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from sqlmodel import Session

from geo import db, opening, registration, stations, tablefile
from geo.datum import Datum
from geo.opening import Moment
from geo.registration import Incoming, Verdict
from geo.stations import StationDraft
from geo.vocabulary import StationKind


class Format(StrEnum):
    """What an export is written as."""

    GEOJSON = "geojson"
    CSV = "csv"
    NDJSON = "ndjson"


@dataclass(frozen=True)
class Report:
    """What an import did, or would have done: `written` says which."""

    rows: Sequence[Incoming]
    counts: Counter[Verdict]
    warnings: Sequence[str]
    written: bool

    def as_json(self) -> dict[str, Any]:
        """The report of contract.md, with a row for each row of the file."""
        return {
            "written": self.written,
            "counts": {verdict.value: self.counts[verdict] for verdict in Verdict},
            "warnings": list(self.warnings),
            "rows": [_row_json(row, written=self.written) for row in self.rows],
        }


def _row_json(row: Incoming, *, written: bool) -> dict[str, Any]:
    known = row.verdict is not Verdict.INSERTED or written
    return {
        "row": row.row,
        "verdict": row.verdict,
        "id": str(row.id) if row.id and known else None,
        "changed": row.changed,
        "errors": [
            {
                "column": problem.loc[0] if problem.loc else None,
                "value": problem.value,
                "message": problem.message,
            }
            for problem in row.errors
        ],
        "warnings": row.warnings,
    }


def import_stations(
    session: Session,
    content: bytes,
    *,
    organisation: str | None = None,
    crs: Datum = Datum.WGS84,
    kind: StationKind | None = None,
    publish: bool = False,
    partial: bool = False,
    dry_run: bool = False,
) -> Report:
    """Register every row of a CSV file; all or nothing unless `partial`, nothing at all when `dry_run`.

    Raises `UnreadableFile`, `OrganisationNotFound`. Rows that are refused are in the report, not raised.
    """
    defaults = {"crs": crs, **({"kind": kind} if kind else {})}
    table = tablefile.read(content, defaults=defaults)
    rows = [Incoming(line.row, line.draft, errors=line.errors, warnings=line.warnings) for line in table.lines]
    with session.begin_nested() as savepoint:
        counts = registration.register(session, rows, organisation=organisation, publish=publish)
        written = not dry_run and (partial or not counts[Verdict.REFUSED])
        if not written:
            savepoint.rollback()
    return Report(rows, counts, table.warnings, written)


COLUMNS = (
    "code",
    *(name for name in StationDraft.model_fields if name not in {"lon", "lat", "crs"}),
    *("lon", "lat", "crs", "adcode", "district", "city", "province", "publication_status", "updated_at"),
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
    value = row[f"submitted_{name}" if name in {"lon", "lat", "crs"} else name]
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
