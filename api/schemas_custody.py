"""The shapes of answers about organisations, their keys, and stations that change hands."""

from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from api.schemas import Assignment, Id, Instant, Link, OrganisationOut
from geo.vocabulary import PublicationStatus, Role

__all__ = ["Assignment"]

# An answer that is no error, though it says so as a problem does.
SUCCEEDED: dict[int | str, dict[str, Any]] = {
    308: {
        "description": "merged or relocated: another has taken its place",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


class OrganisationCard(OrganisationOut):
    """An organisation and where it stands."""

    children: int
    stations: int = Field(description="managed by itself")


class OrganisationList(BaseModel):
    """A page of organisations, in the order of their codes."""

    items: list[OrganisationCard]
    links: list[Link]


class KeyCard(BaseModel):
    """A key, without its secret."""

    prefix: str
    organisation: str
    role: Role
    region: str | None
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    last_used_on: date | None
    alive: bool


class KeyList(BaseModel):
    """The keys of an organisation, oldest first."""

    items: list[KeyCard]


class KeySelf(BaseModel):
    """Whose key it is and what it may do."""

    prefix: str
    organisation: str
    name: str = Field(description="of the organisation")
    role: Role
    region: str | None = Field(description="adcode of an auditor's region; null is the whole country")


class KeyRotated(BaseModel):
    """A new key, shown this once, and when the old one ends."""

    key: str
    prefix: str
    old_expires_at: Instant


class CustodyWaiting(BaseModel):
    """A transfer that one side has agreed to, or (from nobody) a claim."""

    id: Id
    station: Id
    code: str
    name: str
    from_organisation: str | None
    to_organisation: str
    asked_by: str = Field(description="the organisation that has agreed")
    reason: str | None
    created_at: Instant


class CustodyList(BaseModel):
    """A page of transfers and claims that wait, oldest first."""

    items: list[CustodyWaiting]
    links: list[Link]


class ReviewedOne(BaseModel):
    """What became of one of many."""

    id: Id
    publication_status: PublicationStatus | None = Field(description="null where it was refused")
    message: str | None


class BatchReviewed(BaseModel):
    """What became of each, in the order asked."""

    items: list[ReviewedOne]
