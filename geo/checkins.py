"""Check-ins: what somebody at a station's door found, kept without keeping who or where they were.

A position is turned into a band of distance and forgotten; a visitor's token into a hash whose key is destroyed.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy import RowMapping
from sqlmodel import Session

from geo import alerts, datum, db, distance, errors, opening, posters, stations
from geo.datum import Datum, Latitude, Longitude
from geo.hours import SHANGHAI
from geo.opening import Moment
from geo.stations import trimmed
from geo.vocabulary import CheckinOutcome, Facility

ABOUT_A_FACILITY = {CheckinOutcome.FACILITY_MISSING, CheckinOutcome.FACILITY_FAULTY}
# Outcomes of one who was inside.
WAS_INSIDE = {CheckinOutcome.USED_OK, CheckinOutcome.CONFIRMED_CORRECT, *ABOUT_A_FACILITY}
# 128 bits are 22 characters of base64url, 32 of hexadecimal.
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{22,128}$")]
PosterToken = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{52}$")]


class Band(StrEnum):
    """How far from the station somebody was who said so; a phone's fix is good to some tens of metres."""

    AT_THE_DOOR = "at_the_door"  # within 50 m
    NEARBY = "nearby"  # within 250 m
    WITHIN_1_KM = "within_1_km"
    FARTHER = "farther"


REACH_M = ((50.0, Band.AT_THE_DOOR), (250.0, Band.NEARBY), (1_000.0, Band.WITHIN_1_KM))


class CheckInDraft(BaseModel):
    """What was found, at what facility, from where; who, only as a random token that the client made itself."""

    model_config = ConfigDict(extra="forbid")

    outcome: CheckinOutcome
    facility: Facility | None = Field(None, description="the one that is missing or faulty")
    lon: Longitude | None = Field(None, description="degrees; used for `distance_band`, then forgotten")
    lat: Latitude | None = Field(None, description="degrees; used for `distance_band`, then forgotten")
    crs: Datum = Datum.WGS84
    visitor: Token | None = Field(None, description="random, 128 bits or more, made by the client; kept as a hash")
    note: Annotated[str, trimmed(500)] | None = None
    token: PosterToken | None = Field(None, description="from the poster's code")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.lon is None) != (self.lat is None):
            raise ValueError("lon and lat: expected both or neither")
        if self.outcome in ABOUT_A_FACILITY and self.facility is None:
            raise ValueError("facility: expected with facility_missing and facility_faulty")
        return self


@dataclass(frozen=True)
class Receipt:
    """What was kept of a check-in, and what came of it; `counted` says whether a visit was counted by it."""

    row: RowMapping
    distance_band: Band | None
    claimed: bool
    counted: bool
    alert: bool


def record(session: Session, station_id: str, draft: CheckInDraft, secret: bytes) -> Receipt:
    """Keep what was found at a published station. Raises `StationNotFound`, `InvalidInput`.

    With a poster's token and a visitor, one visit a visitor, station and day is counted: a claim, `qr_scan`.
    """
    card = stations.get(session, station_id)
    poster_id = posters.recognise(session, card["id"], draft.token, secret) if draft.token else None
    when, band = opening.moment(session), _band(card, draft)
    hashes = _hashes(session, card["id"], draft.visitor, when) if draft.visitor else []
    kept = {
        **{"station_id": card["id"], "outcome": draft.outcome.value, "facility": draft.facility, "note": draft.note},
        **{"distance_band": band, "poster_id": poster_id, "visitor_hash": hashes[0] if hashes else None},
        "in_posted_hours": opening.of(card, when).open,
    }
    alert = _alarms(kept) and alerts.raise_if_confirmed(session, card["id"], draft.outcome, hashes)
    row = session.execute(db.sql("check_in_enter"), kept).mappings().one()
    claimed = poster_id is not None and bool(hashes) and draft.outcome in WAS_INSIDE
    return Receipt(row, band, claimed, claimed and _count(session, card["id"], hashes[0]), alert)


def _band(card: RowMapping, draft: CheckInDraft) -> Band | None:
    if draft.lon is None or draft.lat is None:
        return None
    datum.check_position(draft.lon, draft.lat, loc=("body",), error=errors.InvalidInput)
    lon, lat = datum.convert(draft.lon, draft.lat, draft.crs, Datum.WGS84)
    away = distance.metres(lon, lat, card["lon"], card["lat"])
    return next((band for reach, band in REACH_M if away <= reach), Band.FARTHER)


def _alarms(kept: dict[str, object]) -> bool:
    """Whether this finding could raise an alert: somebody who is near, or does not say, and not as posted."""
    if kept["outcome"] not in alerts.KINDS or kept["visitor_hash"] is None or kept["distance_band"] == Band.FARTHER:
        return False
    return kept["outcome"] == CheckinOutcome.NOT_FOUND or kept["in_posted_hours"] is not False


def _hashes(session: Session, station_id: UUID, visitor: str, when: Moment) -> list[bytes]:
    """The visitor's hash at this station under today's key, and under yesterday's where that lives.

    Another at every station and on every day, so that nobody can be followed through the check-ins.
    """
    today = when.at.astimezone(SHANGHAI).date()
    keys = _keys(session, today) or _keys(session, today)  # made by another transaction between two looks
    if not keys:
        raise errors.DatabaseUnavailable
    message = station_id.bytes + visitor.encode()
    return [hmac.new(key, message, hashlib.sha256).digest() for key in keys]


def _keys(session: Session, today: date) -> list[bytes]:
    asked = {"today": today, "key": secrets.token_bytes(32)}
    rows = session.execute(db.sql("visitor_keys"), asked).all()
    return [row.key for row in rows] if rows and rows[0].day == today else []


def destroy_keys(session: Session) -> int:
    """Destroy the keys whose 48 hours are over, where no check-in has done it; how many there were."""
    return len(session.execute(db.sql("visitor_keys_destroy")).all())


def _count(session: Session, station_id: UUID, visitor_hash: bytes) -> bool:
    visit = {"station_id": station_id, "id": UUID(bytes=visitor_hash[:16], version=4)}
    return session.execute(db.sql("check_in_visit"), visit).one_or_none() is not None
