"""Who may do what to which station: organisation x role x region, as one pure function.

What a caller may not see is hidden (404); what it may see but not do is forbidden (403). Knows neither keys
nor rows: `geo.organisations` finds out who asks, `geo.stations` what is asked for.
"""

from dataclasses import dataclass
from enum import Enum, auto


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
    role: str  # host, auditor or admin
    prefix: str
    region: str | None = None

    def covers(self, *codes: str | None) -> bool:
        """Whether one of these adcodes is the key's region, or the key is for the whole country."""
        return self.region in {None, COUNTRY, *codes}


@dataclass(frozen=True)
class Target:
    """The station as far as access goes: who manages it, whether it lies in the asker's region, its state."""

    relation: Relation
    in_region: bool
    publication: str


COUNTRY = "100000"
MANAGED = {Relation.OWN, Relation.DESCENDANT}
RELATIVES = MANAGED | {Relation.ANCESTOR}


def decide(who: Principal | None, operation: Operation, target: Target) -> Answer:
    """Whether `who` (None: the public) may do `operation` to `target`.

    A host works on what it and its descendants manage. An auditor sees and reviews what was submitted in its
    region, but never what it or a relative manages. An admin may do everything everywhere.
    """
    if who is not None and who.role == "admin":
        return Answer.ALLOWED
    if not _sees(who, target):
        return Answer.HIDDEN
    return Answer.ALLOWED if operation is Operation.SEE or _may(who, operation, target) else Answer.FORBIDDEN


def _sees(who: Principal | None, target: Target) -> bool:
    if target.publication == "published":
        return True
    if who is None:
        return False
    if who.role == "host":
        return target.relation in MANAGED
    return target.in_region and target.publication != "draft"


def _may(who: Principal | None, operation: Operation, target: Target) -> bool:
    if who is None:
        return False
    if who.role == "host":
        return target.relation in MANAGED and operation in {Operation.EDIT, Operation.READ_HISTORY}
    if operation is Operation.REVIEW:
        return target.in_region and target.relation not in RELATIVES
    return operation is Operation.READ_HISTORY and target.in_region


def may_register(who: Principal, relation: Relation) -> bool:
    """Whether `who` may register stations that an organisation of this relation will manage."""
    return who.role == "admin" or (who.role == "host" and relation in MANAGED)
