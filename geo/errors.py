"""Everything that can go wrong, in one tree; the docstring of a class is its message.

    YizhanError
    ├── InvalidInput                 a value that breaks a rule (carries Problems)
    │   ├── InvalidQuery             the same, in a query parameter
    │   └── UnreadableFile           a file that cannot be read as a table of stations
    ├── Unauthenticated              no key, or none that is alive
    ├── Forbidden                    the caller may see it but not do that to it
    ├── NotFound
    │   ├── StationNotFound
    │   ├── OrganisationNotFound
    │   ├── RegionNotFound
    │   ├── KeyNotFound
    │   ├── ClosureNotFound
    │   ├── RequestNotFound
    │   ├── ImportNotFound
    │   ├── PointsNotFound
    │   ├── FindingNotFound
    │   ├── VisitNotFound
    │   ├── PosterNotFound
    │   └── AlertNotFound
    ├── Succeeded                    another station has taken its place
    ├── Gone                         it was there and is not any more
    │   ├── StationRemoved
    │   └── FeedRestarted
    ├── Conflict
    │   ├── OrganisationExists
    │   ├── HostRefTaken
    │   ├── AlreadyRegistered
    │   ├── IllegalMove
    │   ├── OrganisationRing
    │   ├── CustodyPending
    │   ├── ClaimedByAnother
    │   ├── VisitDiffers
    │   ├── AlreadyReversed
    │   └── NotEmpty
    ├── RevisionRequired             a change that does not say which revision it is of
    ├── StaleRevision                a change of a revision that is no longer the last
    ├── TooOften                     a caller asks more often than is good for the others
    └── Unavailable                  nothing was written; try again
        ├── DatabaseUnavailable
        ├── SchemaOutdated
        ├── PostgisMissing
        ├── ClusterFailed
        └── WorkshopBusy             the process for heavy work has too much to do

Nothing here knows HTTP: ``api.errors`` maps each class to a status, the command line to an exit code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Problem:
    """One broken rule: where (``("query", "lat")``, ``("facilities", 0)``), and what was expected."""

    loc: tuple[str | int, ...]
    message: str
    value: object = field(default=None, compare=False)


class YizhanError(Exception):
    """Something went wrong in the registry."""

    def __init__(self, message: str | None = None, *, problems: Sequence[Problem] = ()) -> None:
        self.message = message or (self.__doc__ or "").strip()
        self.problems = tuple(problems)
        super().__init__(self.message)


class InvalidInput(YizhanError):
    """The input breaks a rule."""


class InvalidQuery(InvalidInput):
    """A query parameter is not valid."""


class UnreadableFile(InvalidInput):
    """The file cannot be read as a table of stations."""


class Unauthenticated(YizhanError):
    """This needs a live key: `Authorization: Bearer yz_…`."""


class Forbidden(YizhanError):
    """This key may not do that here."""


class NotFound(YizhanError):
    """There is no such thing."""


class StationNotFound(NotFound):
    """There is no such station."""


class OrganisationNotFound(NotFound):
    """There is no such organisation."""


class RegionNotFound(NotFound):
    """There is no such administrative division."""


class KeyNotFound(NotFound):
    """There is no live key with that prefix."""


class ClosureNotFound(NotFound):
    """The station has no such closure."""


class RequestNotFound(NotFound):
    """Nobody has asked for this station to change hands."""


class ImportNotFound(NotFound):
    """There is no such import, or it is not yours; finished ones are kept for thirty days."""


class Succeeded(YizhanError):
    """Another station has taken the place of this one."""

    def __init__(self, successor: str) -> None:
        self.successor = successor
        super().__init__()


class Gone(YizhanError):
    """It was there, and is there no more."""


class StationRemoved(Gone):
    """This station was removed."""


class FeedRestarted(Gone):
    """The database was restored since, or is another one; begin the feed anew, without a cursor."""


class PointsNotFound(NotFound):
    """This organisation has not uploaded such points."""


class FindingNotFound(NotFound):
    """The audit finds no such thing, and nobody has decided about it."""


class VisitNotFound(NotFound):
    """The station has no such visit."""


class PosterNotFound(NotFound):
    """The station has no poster in force."""


class AlertNotFound(NotFound):
    """The station has no such open alert."""


class Conflict(YizhanError):
    """The change conflicts with what is already there."""


class OrganisationExists(Conflict):
    """An organisation with this code already exists."""


class HostRefTaken(Conflict):
    """The managing organisation already has a station with this host_ref."""


class AlreadyRegistered(Conflict):
    """This station is in the registry already."""


class IllegalMove(Conflict):
    """A station in this state cannot be moved like that."""


class OrganisationRing(Conflict):
    """An organisation cannot be above itself."""


class CustodyPending(Conflict):
    """Somebody has asked for this station already, and that is not decided yet."""


class ClaimedByAnother(Conflict):
    """Another reviewer has taken this on; it is free again a day later, or when it is released."""


class NotEmpty(Conflict):
    """The registry already holds stations."""


class VisitDiffers(Conflict):
    """A visit with this id is recorded with other content; give a new one an id of its own."""


class AlreadyReversed(Conflict):
    """This visit is reversed already, or is itself a reversal."""


class RevisionRequired(YizhanError):
    """Say which revision you change: If-Match with the ETag you were given."""


class StaleRevision(YizhanError):
    """The station has changed since; read it again, then repeat the change."""


class TooOften(YizhanError):
    """Too many requests; try again later."""

    def __init__(self, again_in_s: float) -> None:
        self.again_in_s = again_in_s
        super().__init__()


class Unavailable(YizhanError):
    """The service cannot answer now; nothing was written."""


class DatabaseUnavailable(Unavailable):
    """The database does not answer; nothing was written. Try again shortly."""


class SchemaOutdated(Unavailable):
    """The database schema is not the one this version needs; run `yizhan migrate`."""


class PostgisMissing(Unavailable):
    """No PostgreSQL with PostGIS was found on this machine."""


class ClusterFailed(Unavailable):
    """The private PostgreSQL cluster could not be started."""


class WorkshopBusy(Unavailable):
    """Too much heavy work is waiting; try again shortly."""
