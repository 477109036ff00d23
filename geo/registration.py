"""Drafts become stations: who is who, what changed, what is refused, for one draft or a hundred thousand.

The same call serves a single PUT and a bulk import, so the two can never disagree.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import orjson
from pydantic import ValidationError
from sqlalchemy import text
from sqlmodel import Session, col, select, update

from geo import datum, db, distance, errors, facilities, organisations, reviews
from geo.errors import Problem
from geo.stations import StationDraft
from geo.tables import Proposal, Station
from geo.vocabulary import FacilityStatus, OrganisationKind, StationKind

SAME_PLACE_M = 50.0
CHUNK = 5_000

KIND_OF_HOST = {
    OrganisationKind.BANK: StationKind.BANK_HAVEN,
    OrganisationKind.TRADE_UNION: StationKind.UNION_STATION,
}


class Verdict(StrEnum):
    """What became of a row."""

    INSERTED = "inserted"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class Entry(StrEnum):
    """How far a station that comes in gets by that alone."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    PUBLISHED = "published"


# What an entry lifts to its own status.
RISES: Mapping[Entry, frozenset[str]] = {
    Entry.DRAFT: frozenset(),
    Entry.SUBMITTED: frozenset({"draft", "returned"}),
    Entry.PUBLISHED: frozenset({"draft", "returned", "submitted"}),
}


class Why(StrEnum):
    """Why a row is a duplicate."""

    SAME_NUMBER = "same_host_ref"
    SAME_PLACE = "same_name_within_50_m"
    SUCCEEDED = "merged_or_relocated"
    REMOVED = "removed"


@dataclass(frozen=True)
class Twin:
    """What a row is a duplicate of, a station or an earlier row, and why."""

    why: Why
    row: int | None = None
    id: UUID | None = None
    code: str | None = None


@dataclass
class Incoming:
    """A row on its way in: its number in the file, what it says, and in the end its verdict."""

    row: int
    draft: StationDraft | None
    verdict: Verdict | None = None
    id: UUID | None = None
    errors: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    duplicate_of: Twin | None = None


@dataclass
class Seen:
    """The rows of a file so far, by host_ref and by name: what a later row may repeat."""

    by_ref: dict[str, int] = field(default_factory=dict)
    by_name: dict[str, list[tuple[float, float, int]]] = field(default_factory=dict)


def register(
    session: Session,
    incoming: Sequence[Incoming],
    *,
    organisation: str | None,
    entry: Entry = Entry.DRAFT,
    only_new: bool = False,
    seen: Seen | None = None,
) -> Counter[Verdict]:
    """Insert, update or leave each row of `incoming`, writing its verdict into it; counts the verdicts.

    A row is a station of `organisation` when the host_ref is the same, else when the name is and the place is
    within 50 m. The same name within 50 m of another organisation's station or of an earlier row (of `seen` too) is
    a duplicate: named, skipped, no error; so is what was removed, and, when `only_new`, a station of its own.
    Whoever calls this has the turn (`geo.turns`). Raises `OrganisationNotFound`.
    """
    kind = _default_kind(session, organisation)
    for row in incoming:
        if row.draft is None:
            row.verdict = Verdict.REFUSED
    _refuse_unknown_organisations(session, incoming)
    _skip_repeats(incoming, seen or Seen())
    waiting = [row for row in incoming if row.verdict is None]
    for start in range(0, len(waiting), CHUNK):
        chunk = waiting[start : start + CHUNK]
        namesakes = _match(session, chunk, organisation, only_new=only_new)
        _write(session, chunk, organisation, kind, entry)
        for row in chunk:
            if row.verdict is Verdict.INSERTED and row.row in namesakes:
                row.warnings.append(f"the same name as your {namesakes[row.row]} within 50 m")
    return Counter(row.verdict for row in incoming if row.verdict)


def _default_kind(session: Session, organisation: str | None) -> StationKind:
    if organisation is None:
        return StationKind.OTHER
    kind = OrganisationKind(organisations.get(session, organisation).kind)
    return KIND_OF_HOST.get(kind, StationKind.OTHER)


def _refuse_unknown_organisations(session: Session, incoming: Sequence[Incoming]) -> None:
    """A foreign key would stop the whole statement; a row must be refused by its own column."""
    relations = ("host", "sponsor", "supervising_union")
    drafts = [(row, row.draft) for row in incoming if row.draft]
    named = {getattr(draft, name) for _, draft in drafts for name in relations} - {None}
    if not named:
        return
    known = set(session.scalars(text("SELECT code FROM organisation WHERE code = ANY (:codes)"), {"codes": [*named]}))
    for row, draft in drafts:
        for name in relations:
            code = getattr(draft, name)
            if code is not None and code not in known:
                row.errors.append(Problem((name,), "expected the code of an organisation here", code))
                row.verdict = Verdict.REFUSED


def _skip_repeats(incoming: Sequence[Incoming], seen: Seen) -> None:
    """Mark rows that repeat an earlier row of the same file: its host_ref, or its name within 50 m."""
    for row in incoming:
        if row.verdict or row.draft is None:
            continue
        lon, lat = row.draft.position()
        namesakes = seen.by_name.setdefault(row.draft.name, [])
        by_ref = seen.by_ref.get(row.draft.host_ref or "")
        near = (other for x, y, other in namesakes if distance.metres(lon, lat, x, y) <= SAME_PLACE_M)
        earlier = by_ref or next(near, None)
        if earlier:
            row.verdict = Verdict.DUPLICATE
            row.duplicate_of = Twin(Why.SAME_NUMBER if by_ref else Why.SAME_PLACE, row=earlier)
            row.warnings.append(f"repeats row {earlier}")
            continue
        namesakes.append((lon, lat, row.row))
        if row.draft.host_ref:
            seen.by_ref[row.draft.host_ref] = row.row


def _write(
    session: Session, rows: Sequence[Incoming], organisation: str | None, kind: StationKind, entry: Entry
) -> None:
    """Insert what matched nothing, change what did."""
    known = [row.id for row in rows if row.id and row.verdict is None]
    current, proposals = _current(session, known), reviews.open_proposals(session, known)
    fresh = [row for row in rows if row.verdict is None and row.id is None]
    for row in rows:
        if row.verdict is None and row.id is not None:
            _merge(session, row, current[row.id], proposals.get(row.id), entry)
    _insert(session, fresh, organisation, kind, entry)


def _match(session: Session, rows: Sequence[Incoming], organisation: str | None, *, only_new: bool) -> dict[int, str]:
    """Give each row the id of the station it is, or mark it a duplicate; answers the organisation's own namesakes."""
    asked = orjson.dumps([_question(row) for row in rows]).decode()
    found = session.execute(db.sql("station_match"), {"rows": asked, "organisation": organisation})
    by_row = {row.row: row for row in rows}
    namesakes: dict[int, str] = {}
    taken: set[UUID] = set()
    for candidate in found:
        row = by_row[candidate.row]
        if row.id is not None or row.verdict is not None:
            continue
        if not candidate.own or only_new or candidate.removed:
            row.verdict = Verdict.DUPLICATE
            row.duplicate_of = _twin(candidate)
            row.warnings.append(_duplicate_of(candidate))
        elif candidate.id not in taken and _is_same(row, candidate):
            row.id = candidate.id
            taken.add(candidate.id)
        else:
            namesakes[row.row] = candidate.code
    return namesakes


def _question(row: Incoming) -> dict[str, Any]:
    assert row.draft is not None  # noqa: S101 - rows without a draft have their verdict already
    lon, lat = row.draft.position()
    return {"row": row.row, "host_ref": row.draft.host_ref, "name": row.draft.name, "lon": lon, "lat": lat}


def _twin(candidate: Any) -> Twin:
    if candidate.removed:
        return Twin(Why.SUCCEEDED if candidate.successor_id else Why.REMOVED, None, candidate.id, candidate.code)
    return Twin(Why.SAME_NUMBER if candidate.by_ref else Why.SAME_PLACE, None, candidate.id, candidate.code)


def _duplicate_of(candidate: Any) -> str:
    if candidate.removed and candidate.successor_id:
        return f"{candidate.code} had this host_ref and was merged or relocated into another"
    if candidate.removed:
        return f"{candidate.code} had this host_ref and was removed for good; a new site needs a new number"
    if candidate.by_ref:
        return f"{candidate.code} has this host_ref"
    whose = "yours" if candidate.own else "of another organisation"
    return f"{candidate.code}, {whose}, has this name {candidate.distance_m:.0f} m away"


def _is_same(row: Incoming, candidate: Any) -> bool:
    """By host_ref, or by name and place unless both sides have host_refs, which then differ."""
    assert row.draft is not None  # noqa: S101 - see _match
    return bool(candidate.by_ref or row.draft.host_ref is None or candidate.host_ref is None)


def _current(session: Session, ids: Sequence[UUID]) -> dict[UUID, Station]:
    if not ids:
        return {}
    locked = select(Station).where(col(Station.id).in_(ids)).order_by(col(Station.id)).with_for_update()
    return {station.id: station for station in session.exec(locked)}


def _merge(session: Session, row: Incoming, station: Station, waiting: Proposal | None, entry: Entry) -> None:
    """Write what the draft says otherwise than the station does; what needs review waits beside it."""
    assert row.draft is not None  # noqa: S101 - see _match
    said, news = columns(row.draft), False
    if station.publication_status == "published" and entry is not Entry.PUBLISHED:
        row.pending, news = reviews.propose(session, station, sensitive(row.draft), waiting)
        said = {name: value for name, value in said.items() if name not in _columns_of(row.pending)}
    changes = {name: value for name, value in said.items() if getattr(station, name) != value}
    if _same_place(row.draft, station):
        for name in POSITION:
            changes.pop(name, None)
    if station.publication_status in RISES[entry]:
        changes["publication_status"] = entry.value
    if changes:
        # Not synchronised: SQLAlchemy would look through every station of the chunk for each (48 ms).
        written = update(Station).where(col(Station.id) == station.id).values(**changes)
        session.execute(written, execution_options={"synchronize_session": False})
    row.changed = sorted(changes)
    if "facilities" in row.draft.model_fields_set and facilities.merge(session, station, row.draft.facilities):
        row.changed.append("facilities")
    row.verdict = Verdict.UPDATED if row.changed or news else Verdict.UNCHANGED


POSITION = ("location", "submitted_lon", "submitted_lat", "submitted_crs")


def sensitive(draft: StationDraft) -> dict[str, Any]:
    """What the draft says of the fields that a published station changes only after review."""
    said = draft.model_dump(mode="json", exclude_unset=True, include={"name", "kind", "host"})
    if said.get("kind", "") is None:
        del said["kind"]
    if "lon" in draft.model_fields_set:
        said["position"] = {"lon": draft.lon, "lat": draft.lat, "crs": draft.crs.value}
    return said


def _columns_of(fields: Sequence[str]) -> set[str]:
    return {*fields, *(POSITION if "position" in fields else ())}


def amend(session: Session, station: Station, patch: Mapping[str, Any]) -> Incoming:
    """Change a station by a merge patch (RFC 7396) of its draft: what is null is cleared, what is absent stays.

    Raises `InvalidInput` with a Problem for each field that breaks a rule.
    """
    moved = {"lon", "lat", "crs"} & patch.keys()
    if moved and not {"lon", "lat"} <= patch.keys():
        expected = "expected lon and lat together, with their crs (wgs84 when left out)"
        problems = [Problem(("body", name), expected, patch[name]) for name in sorted(moved)]
        raise errors.InvalidInput("The body breaks a rule.", problems=problems)
    if moved:
        patch = {"crs": datum.Datum.WGS84, **patch}  # as everywhere; not the datum it was first submitted in
    try:
        draft = StationDraft.model_validate({**_said_so_far(station), **patch})
    except ValidationError as error:
        problems = [Problem(("body", *item["loc"]), _message(item), item["input"]) for item in error.errors()]
        raise errors.InvalidInput("The body breaks a rule.", problems=problems) from error
    draft.model_fields_set.intersection_update(patch.keys())
    row = Incoming(1, draft, id=station.id)
    _refuse_unknown_organisations(session, [row])
    if not row.errors:
        _merge(session, row, station, reviews.open_proposal(session, station.id), Entry.DRAFT)
    return row


def _message(item: Any) -> str:
    return str(item["msg"]).removeprefix("Value error, ")


def _said_so_far(station: Station) -> dict[str, Any]:
    """The station as the draft that would make it."""
    said = {name: getattr(station, name) for name in StationDraft.model_fields if hasattr(station, name)}
    said.update({name: getattr(station, f"submitted_{name}") for name in ("lon", "lat", "crs")})
    keep = ("facility", "status", "note")
    said["facilities"] = [{k: v for k, v in known.items() if k in keep} for known in station.facilities]
    return said


def _same_place(draft: StationDraft, station: Station) -> bool:
    """Whether the draft gives the very position on record, or the same spot in another datum (1 cm)."""
    submitted = (station.submitted_lon, station.submitted_lat, station.submitted_crs)
    if submitted == (draft.lon, draft.lat, draft.crs.value):
        return True
    was = datum.convert(*submitted[:2], datum.Datum(submitted[2]), datum.Datum.WGS84)
    return distance.metres(*was, *draft.position()) < 0.01


def columns(draft: StationDraft) -> dict[str, Any]:
    """The columns of `station` that the draft says something of, with their values; not its facilities."""
    said = draft.model_dump(mode="json", exclude_unset=True, exclude={"lon", "lat", "crs", "facilities"})
    for name in ("entry_modes", "serves"):
        if name in said:
            said[name] = sorted(set(said[name]))
    if said.get("kind", "") is None:
        del said["kind"]  # the default of the managing organisation, or what it is already
    lon, lat = draft.position()
    said["location"] = f"SRID=4326;POINT({lon!r} {lat!r})"
    said.update(submitted_lon=draft.lon, submitted_lat=draft.lat, submitted_crs=draft.crs.value)
    return said


def _insert(
    session: Session, rows: Sequence[Incoming], organisation: str | None, kind: StationKind, entry: Entry
) -> None:
    """All of them in one statement, their facilities first, so that each station is written once."""
    if not rows:
        return
    entered = []
    for row in rows:
        assert row.draft is not None  # noqa: S101 - see _match
        row.id, row.verdict = uuid4(), Verdict.INSERTED
        full = row.draft.model_copy()
        full.model_fields_set.update(StationDraft.model_fields)
        lon, lat = row.draft.position()
        fitted = [
            {"facility": item.facility, "status": item.status or FacilityStatus.WORKING, "note": item.note}
            for item in row.draft.facilities
        ]
        entered.append({"kind": kind, **columns(full), "id": row.id, "lon": lon, "lat": lat, "fitted": fitted})
    asked = {"organisation": organisation, "publication": entry.value, "rows": orjson.dumps(entered).decode()}
    session.execute(db.sql("station_enter"), asked)
