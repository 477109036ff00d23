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

    total: int = Field(description="in the states asked for")
    states: dict[State, int] = Field(description="how many findings there are in each state, whichever were asked for")
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
    visits_a_day: float | None = Field(description="null where nothing was reported, which is not zero")
    visits: int | None = Field(description="the official total of these days")
    visits_lower_bound: bool = Field(description="somewhere no method saw everybody")
    visits_from: str = Field(json_schema_extra={"format": "date"})
    visits_to: str = Field(json_schema_extra={"format": "date"})
    reporting_stations: int = Field(description="how many of the stations reported in these days")
    as_of: Instant
    sentence: Sentence


class DayVisits(BaseModel):
    """A day: null where nobody reported, which is not zero."""

    day: str = Field(json_schema_extra={"format": "date"})
    visits: int | None
    stations: int = Field(description="how many reported")


class WeeklyVisits(BaseModel):
    """The visits of a week."""

    total: int | None = Field(description="the official total; null where nobody reported, which is not zero")
    lower_bound: bool = Field(description="somewhere no method saw everybody")
    reporting: int = Field(description="stations that reported")
    silent: int = Field(description="stations that did not")
    by_method: dict[str, int]
    by_day: list[DayVisits]
    by: dict[str, list[dict[str, Any]]] = Field(description="by region and by kind, with null for silence")


class WeeklyOut(BaseModel):
    """A week of a region."""

    region: str
    level: str
    name: str
    week: str
    since: Instant
    until: Instant = Field(description="the week ends before this instant")
    as_of: Instant = Field(description="when stations, coverage and findings were so; only visits are of the week")
    stations: int = Field(description="published, whatever their status")
    by: dict[str, list[dict[str, Any]]]
    visits: WeeklyVisits
    happened: dict[str, int]
    coverage: dict[str, float | None] = Field(description="`stations` are those open for use: they serve the people")
    open_findings: dict[str, int]
