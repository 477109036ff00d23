"""Visits: recording one, recording a file of them, and taking one back. The ledger itself is `geo.ledger`."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlmodel import Session, col, select

from geo import errors, ledger, permits, visit_draft
from geo.access import Operation, Principal
from geo.errors import InvalidInput, Problem
from geo.stations import key_of, trimmed
from geo.tables_visits import Visit
from geo.visit_draft import Entry, ReportedVisit, VisitDraft
from geo.vocabulary import VisitMethod

MOST_ROWS = 10_000
JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
MEDIA_TYPES = (JSON, NDJSON, CSV)


class ReversalDraft(BaseModel):
    """The reversing row's own id, and why."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    reason: Annotated[str, trimmed(500)]


@dataclass(slots=True)
class Reported:
    """A row of a file: its number there, and what became of it."""

    number: int
    entry: Entry | None = None
    error: errors.YizhanError | None = None

    @property
    def verdict(self) -> str:
        """`recorded`, `known` (the same was there) or `refused`."""
        if self.error is not None:
            return "refused"
        return "recorded" if self.entry is not None and self.entry.new else "known"


def record(session: Session, key: str, station_id: str, draft: VisitDraft) -> Entry:
    """Enter one visit; the same again is answered by the first. Raises `VisitDiffers` and what forbids it."""
    return _one(session, Entry(key, key_of(station_id), draft))


def _one(session: Session, entry: Entry) -> Entry:
    ledger.record(session, [entry])
    if entry.error is not None:
        raise entry.error
    return entry


def reverse(session: Session, who: Principal, key: str, station_id: str, visit_id: str, draft: ReversalDraft) -> Entry:
    """Take a visit back by a row that reverses it. Raises `VisitNotFound`, `AlreadyReversed`, `VisitDiffers`."""
    permits.see(session, station_id, who, Operation.EDIT)
    where = key_of(station_id)
    try:
        wanted = select(Visit).where(col(Visit.station_id) == where, col(Visit.id) == UUID(visit_id))
    except ValueError:
        raise errors.VisitNotFound from None
    visit = session.exec(wanted).one_or_none()
    if visit is None:
        raise errors.VisitNotFound
    if visit.reverses is not None or draft.id == visit.id:
        raise errors.AlreadyReversed("A reversal is not reversed, and has an id of its own; report the visit anew.")
    said = VisitDraft.model_construct(
        id=draft.id,
        count=visit.count,
        started_at=visit.started_at,
        ended_at=visit.ended_at,
        method=VisitMethod(visit.method),
        complete=visit.complete,
        by_group=None,
        device=visit.device,
    )
    return _one(session, Entry(key, where, said, reverses=visit.id, reason=draft.reason))


def record_many(session: Session, key: str, content: bytes, media_type: str) -> list[Reported]:
    """Enter the good rows of a file, each with its verdict. Raises `UnreadableFile` where there are no rows to see."""
    reported = [_read(key, number, said) for number, said in _rows(content, media_type)]
    ledger.record(session, [row.entry for row in reported if row.entry is not None])
    for row in reported:
        if row.entry is not None:
            row.error = row.entry.error
    return reported


def counts(rows: list[Reported]) -> dict[str, int]:
    """How many rows of each verdict."""
    found = Counter(row.verdict for row in rows)
    return {verdict: found[verdict] for verdict in ("recorded", "known", "refused")}


def _read(key: str, number: int, given: object) -> Reported:
    """The row, as far as it can be read."""
    said = visit_draft.at_sight(given, among_many=True)
    if said is not None:
        return Reported(number, Entry(key, said.station_id, said))
    if isinstance(given, InvalidInput):
        return Reported(number, None, given)
    if not isinstance(given, dict):
        return Reported(number, None, InvalidInput("The row is no JSON object."))
    try:
        draft = ReportedVisit.model_validate(given)
        return Reported(number, Entry(key, draft.station_id, draft))
    except ValidationError as error:
        problems = [
            Problem(tuple(item["loc"]), str(item["msg"]).removeprefix("Value error, ")) for item in error.errors()
        ]
        return Reported(number, None, InvalidInput("The row breaks a rule.", problems=problems))


def _rows(content: bytes, media_type: str) -> list[tuple[int, object]]:
    """The rows with their numbers: of a CSV file as a spreadsheet counts, of the others from 1."""
    kinds = {JSON: _json_rows, NDJSON: _ndjson_rows, CSV: _csv_rows}
    found: list[tuple[int, object]] = []
    for row in kinds[media_type](content):
        found.append(row)
        if len(found) > MOST_ROWS:
            raise errors.UnreadableFile(f"At most {MOST_ROWS:,} rows at a time.")
    return found


def _json_rows(content: bytes) -> Iterator[tuple[int, object]]:
    try:
        said = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise errors.UnreadableFile(f"Expected a JSON array in UTF-8: {error}.") from None
    if not isinstance(said, list):
        raise errors.UnreadableFile("Expected a JSON array of visits.")
    yield from enumerate(said, start=1)


def _ndjson_rows(content: bytes) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            try:
                yield number, orjson.loads(line)
            except orjson.JSONDecodeError as error:
                yield number, InvalidInput(f"Expected a JSON object in UTF-8: {error}.")


def _csv_rows(content: bytes) -> Iterator[tuple[int, object]]:
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = next(lines, [])
        if missing := [name for name in ("station_id", "id", "started_at", "method") if name not in header]:
            raise errors.UnreadableFile(f"Expected CSV with a header; it has no column {', '.join(missing)}.")
        for number, cells in enumerate(filter(None, lines), start=2):  # a line without anything is no row
            if len(cells) > len(header):
                yield number, InvalidInput("The row has more cells than the header.")
            else:
                yield number, {name: cell for name, cell in zip(header, cells, strict=False) if cell and cell.strip()}
    except (UnicodeDecodeError, csv.Error) as error:
        raise errors.UnreadableFile(f"Expected CSV in UTF-8: {error}.") from None
