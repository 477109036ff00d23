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
