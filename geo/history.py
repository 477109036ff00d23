"""What happened, to a station and to those of an organisation: read only; triggers write it and nobody else may."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

import orjson
from sqlalchemy import RowMapping
from sqlmodel import Session

from geo import db, keys, organisations, permits, stations, tablefile
from geo.access import Operation, Principal

COLUMNS = ("id", "station", "at", "revision", "actor", "organisation", "reason", "field", "before", "after")


@dataclass(frozen=True)
class Span:
    """Which entries: of what time, by whom (a key's prefix, or `operator`), of which field."""

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    field: str | None = None


def of_station(
    session: Session, who: Principal, station_id: str, span: Span, *, limit: int, before: int | None = None
) -> list[RowMapping]:
    """What happened to a station, newest first, before the entry of that number."""
    permits.see(session, station_id, who, Operation.READ_HISTORY)
    asked = {"station": station_id, "limit": limit, "before": before, **asdict(span)}
    return list(session.execute(db.sql("station_history"), asked).mappings())


def of_organisation(
    session: Session, who: Principal, code: str, span: Span, *, limit: int, before: int | None = None
) -> list[RowMapping]:
    """What an organisation and those below it did, and what happened to the stations they manage, newest first.

    For the organisation itself, those above it, and an admin. Raises `OrganisationNotFound`, `Forbidden`.
    """
    organisations.get(session, code)
    keys.require_keeper(session, who, code)
    asked = {"organisation": code, "limit": limit, "before": before, **asdict(span)}
    return list(session.execute(db.sql("organisation_history"), asked).mappings())


def as_csv(rows: Iterable[RowMapping]) -> bytes:
    """The entries as CSV for a spreadsheet: a line for each field that changed, and no text a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")  # without which spreadsheets take the Chinese for another encoding
    writer.writerow(COLUMNS)
    for row in rows:
        about = (row["id"], row["station_id"], stations.instant(row["at"]), row["revision"], row["actor"])
        why = (row["organisation"] or "", tablefile.neutralised(row["reason"] or ""))
        for name, value in row["after"].items():
            was = (row["before"] or {}).get(name)
            writer.writerow((*about, *why, name, _cell(was), _cell(value)))
    return buffer.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    return tablefile.neutralised(value if isinstance(value, str) else orjson.dumps(value).decode())
