"""The facilities of a station: which there are, and whether each works."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from geo import db
from geo.stations import FacilityDraft
from geo.tables import Station
from geo.vocabulary import FacilityStatus


def report(session: Session, station: Station, draft: FacilityDraft) -> None:
    """Say how one facility is now; checked now, even when nothing has changed."""
    known = {row["facility"]: row for row in station.facilities}
    session.execute(db.sql("facility_report"), _values(station, known, draft))


def merge(session: Session, station: Station, drafts: Sequence[FacilityDraft]) -> bool:
    """Make the station's facilities those of `drafts`; whether anything changed.

    A facility named without a status keeps the one on record: a monthly list does not mend a microwave.
    """
    known = {row["facility"]: row for row in station.facilities}
    wanted = {draft.facility.value: draft for draft in drafts}
    gone = sorted(known.keys() - wanted.keys())
    changed = [draft for name, draft in wanted.items() if name not in known or _differs(known[name], draft)]
    if gone:
        session.execute(
            text("DELETE FROM station_facility WHERE station_id = :id AND facility = ANY (:gone)"),
            {"id": station.id, "gone": gone},
        )
    if changed:
        session.execute(db.sql("facility_report"), [_values(station, known, draft) for draft in changed])
    return bool(gone or changed)


def _differs(known: dict[str, str], draft: FacilityDraft) -> bool:
    status_differs = draft.status is not None and draft.status.value != known["status"]
    note_differs = "note" in draft.model_fields_set and draft.note != known.get("note")
    return status_differs or note_differs


def _values(station: Station, known: dict[str, dict[str, str]], draft: FacilityDraft) -> dict[str, Any]:
    was = known.get(draft.facility.value, {})
    status = draft.status.value if draft.status else was.get("status", FacilityStatus.WORKING.value)
    note = draft.note if "note" in draft.model_fields_set else was.get("note")
    return {"station_id": station.id, "facility": draft.facility.value, "status": status, "note": note}
