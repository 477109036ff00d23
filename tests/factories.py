"""Plain functions that make things with full defaults; a test names only what it is about."""

from typing import Any

from sqlmodel import Session

from geo import organisations, registration, turns
from geo.registration import Entry, Incoming
from geo.stations import StationDraft

ZHENGZHOU = (113.6654, 34.7579)


def organisation(session: Session, code: str = "ccb-zz", *, kind: str = "bank", **said: Any) -> str:
    organisations.create(session, organisations.draft(**{"code": code, "name": f"机构 {code}", "kind": kind, **said}))
    return code


def draft(**said: Any) -> StationDraft:
    lon, lat = ZHENGZHOU
    return StationDraft.model_validate({"name": "工会驿站", "lon": lon, "lat": lat, **said})


def register(
    session: Session, *drafts: StationDraft, organisation: str | None = None, publish: bool = True
) -> list[Incoming]:
    rows = [Incoming(number, one) for number, one in enumerate(drafts, start=2)]
    turns.take(session)
    registration.register(session, rows, organisation=organisation, entry=Entry.PUBLISHED if publish else Entry.DRAFT)
    return rows


def station(session: Session, *, organisation: str | None = None, publish: bool = True, **said: Any) -> str:
    """The id of a new station."""
    (row,) = register(session, draft(**said), organisation=organisation, publish=publish)
    assert row.verdict == "inserted", row
    return str(row.id)
