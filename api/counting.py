"""How visits are answered: rows of the ledger, verdicts, and totals in buckets."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
from starlette.responses import Response

from api import answers, reports
from api.errors import STATUS
from geo import anomalies, stations, visits
from geo.audit_counts import Oddity as OddityFound
from geo.visit_draft import Entry
from geo.visit_figures import Bucket, Cell, GroupBy
from geo.visits import Reported

TOLD = ("count", "method", "complete", "by_group", "organisation", "device", "reason", "flags")
INSTANTS = ("started_at", "ended_at", "recorded_at")
COLUMNS = ("start", "group", "stations", "visits", "lower_bound", "suppressed")


def visit(entry: Entry) -> Response:
    """The row as it stands: 201 when this made it, 200 when it was there."""
    answer = Response(status_code=201 if entry.new else 200)
    answer.body = body(entry)
    answer.raw_headers = headers(entry, answer.body)
    return answer


def headers(entry: Entry, said: bytes) -> list[tuple[bytes, bytes]]:
    """What is said about the answer."""
    found = [(b"content-length", b"%d" % len(said)), (b"content-type", b"application/json")]
    return [*found, (b"location", f"/v1/stations/{entry.station_id}/visits".encode())] if entry.new else found


def body(entry: Entry) -> bytes:
    """The row in words."""
    row = entry.row
    told: dict[str, Any] = {name: str(row[name]) if row[name] else None for name in ("id", "station_id", "reverses")}
    told |= {"explanations": anomalies.explained(row["flags"])}
    told |= {name: row[name] for name in TOLD} | {name: stations.instant(row[name]) for name in INSTANTS}
    return orjson.dumps(told)


def oddities(found: Sequence[OddityFound]) -> Response:
    """What is odd about the counts of a station."""
    return answers.json({"items": [{**vars(one), **one.words()} for one in found]})


def verdicts(rows: list[Reported]) -> Response:
    """The verdict of each row, and how many of each there are."""
    told = b",".join(map(_verdict, rows))
    explanations = anomalies.explained(
        flag for row in rows if row.error is None and row.entry for flag in row.entry.flags
    )
    frame = orjson.dumps({"counts": visits.counts(rows), "rows": [], "explanations": explanations})
    before, after = frame.split(b"[]", 1)
    return Response(before + b"[" + told + b"]" + after, media_type="application/json")


def _verdict(row: Reported) -> bytes:
    if row.error is None and row.entry is not None and not row.entry.flags:  # as nearly all are: a tenth of the time
        verdict, status = ("recorded", 201) if row.entry.new else ("known", 200)
        told = f'{{"row":{row.number},"verdict":"{verdict}","id":"{row.entry.said.id}","status":{status},'
        return (told + '"flags":[],"errors":[]}').encode()
    found: list[dict[str, Any]] = []
    if row.error is not None:
        found = [{"loc": list(problem.loc), "message": problem.message} for problem in row.error.problems]
        found = found or [{"loc": [], "message": row.error.message}]
    status = STATUS[type(row.error)] if row.error else 201 if row.verdict == "recorded" else 200
    key = row.entry.said.id if row.entry else None
    flags = row.entry.flags if row.entry and not row.error else []
    return orjson.dumps(
        {"row": row.number, "verdict": row.verdict, "id": key, "status": status, "flags": flags, "errors": found}
    )


def of_station(cells: Sequence[Cell], bucket: Bucket) -> Response:
    """The buckets of a station."""
    names = ("start", "visits", "lower_bound", "by_method", "suppressed")
    shown = [asdict(cell) for cell in cells]
    return answers.json({"bucket": bucket, "buckets": [{name: cell[name] for name in names} for cell in shown]})


def of_many(cells: Sequence[Cell], bucket: Bucket, group_by: GroupBy | None) -> Response:
    """The buckets of many stations, by group."""
    return answers.json({"bucket": bucket, "group_by": group_by, "buckets": [asdict(cell) for cell in cells]})


def table(cells: Sequence[Cell]) -> Response:
    """The same as CSV."""
    return reports.table(COLUMNS, [{name: asdict(cell)[name] for name in COLUMNS} for cell in cells])
