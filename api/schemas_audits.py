"""The shapes of the answers of audits and figures."""

from typing import Any

from pydantic import BaseModel, Field

from api.schemas import Id, Instant, Link
from geo.findings import Audit, State


class Subject(BaseModel):
    """The station a finding is about."""

    id: Id
    code: str
    name: str
    managed_by: str | None
    adcode: str | None
    lon: float = Field(description="WGS-84")
    lat: float


class Explanation(BaseModel):
    """Why, in words."""

    zh: str
    en: str


class FindingOut(BaseModel):
    """A finding."""

    id: str
    audit: Audit
    state: State
    reason: str | None
    decided_by: str | None
    decided_at: Instant | None
    score: float = Field(description="ranks the findings of one audit")
    station: Subject
    other: Subject | None = Field(description="of a pair")
    explanation: Explanation
    terms: dict[str, Any] = Field(description="the numbers behind it")
    facts: dict[str, Any] = Field(description="what a rejection holds for: other facts open the finding again")


class FindingList(BaseModel):
    """A page of findings."""

    total: int
    items: list[FindingOut]
    links: list[Link]


class StationCounts(BaseModel):
    """Stations counted."""

    region: str
    level: str
    name: str
    total: int = Field(description="every station once")
    items: list[dict[str, Any]] = Field(description="a row each group: its names, and `stations`")


class Sentence(BaseModel):
    """The year-end sentence."""

    zh: str
    en: str


class NationalOut(BaseModel):
    """The national figures."""

    stations: int
    open_24h: int
    smart: int = Field(description="some way in needs nobody there: code, app, card, face or PIN")
    battery_swap: int
    medicine: int = Field(description="medicine or a first-aid kit")
    legal_aid: int
    as_of: Instant
    sentence: Sentence


class WeeklyOut(BaseModel):
    """A week of a region."""

    region: str
    level: str
    name: str
    week: str
    since: Instant
    until: Instant
    stations: int
    by: dict[str, list[dict[str, Any]]]
    happened: dict[str, int]
    coverage: dict[str, float | None]
    open_findings: dict[str, int]
