"""Who may do what to which station: organisation x role x region, as one pure function.

What a caller may not see is hidden (404); what it may see but not do is forbidden (403). Knows neither keys
nor rows: `geo.organisations` finds out who asks, `geo.stations` what is asked for.
"""

from dataclasses import dataclass
from enum import Enum, auto

from geo.vocabulary import PublicationStatus, Role


class Operation(Enum):
    """What can be done to a station."""

    SEE = auto()
    EDIT = auto()  # register, change, submit, withdraw, close, say how a facility is
    REVIEW = auto()  # publish, return, delist
    READ_HISTORY = auto()


class Relation(Enum):
    """How the organisation that manages a station stands to the one that asks."""

    OWN = auto()
    DESCENDANT = auto()
    ANCESTOR = auto()
    FOREIGN = auto()  # also a station that nobody manages


class Answer(Enum):
    """What becomes of the request."""

    ALLOWED = auto()
    FORBIDDEN = auto()
    HIDDEN = auto()


@dataclass(frozen=True)
class Principal:
    """Who asks: the organisation and role of the key, its prefix for the history, and its region (None: all)."""

    organisation: str
    role: Role
    prefix: str
    region: str | None = None


@dataclass(frozen=True)
class Target:
    """The station as far as access goes: who manages it, whether it lies in the asker's region, its state."""

    relation: Relation
    in_region: bool
    publication: PublicationStatus


MANAGED = {Relation.OWN, Relation.DESCENDANT}
RELATIVES = MANAGED | {Relation.ANCESTOR}


def decide(who: Principal | None, operation: Operation, target: Target) -> Answer:
    """Whether `who` (None: the public) may do `operation` to `target`.

    A host works on what it and its descendants manage. An auditor sees and reviews what was submitted in its
    region, but never what it or a relative manages. An admin may do everything everywhere.
    """
    if who is not None and who.role is Role.ADMIN:
        return Answer.ALLOWED
    if not _sees(who, target):
        return Answer.HIDDEN
    return Answer.ALLOWED if operation is Operation.SEE or _may(who, operation, target) else Answer.FORBIDDEN


def _sees(who: Principal | None, target: Target) -> bool:
    if target.publication is PublicationStatus.PUBLISHED:
        return True
    if who is None:
        return False
    if who.role is Role.HOST:
        return target.relation in MANAGED
    return target.in_region and target.publication is not PublicationStatus.DRAFT


def _may(who: Principal | None, operation: Operation, target: Target) -> bool:
    if who is None:
        return False
    if who.role is Role.HOST:
        return target.relation in MANAGED and operation in {Operation.EDIT, Operation.READ_HISTORY}
    if operation is Operation.REVIEW:
        return target.in_region and target.relation not in RELATIVES
    return operation is Operation.READ_HISTORY and target.in_region
