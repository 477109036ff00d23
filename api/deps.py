"""What routes ask for: a session, a point, filters, a page. Parameters are parsed here and nowhere else."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Literal, get_args
from uuid import UUID

from fastapi import Depends, Header, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WrapValidator
from sqlmodel import Session

from api import errors as api_errors
from api import paging
from api.operations import promise_of
from geo import datum, db, errors, organisations, stations
from geo.access import Principal
from geo.datum import Datum, Latitude, Longitude
from geo.errors import InvalidQuery, Problem
from geo.instant import EXPECTED, Instant
from geo.search import FARTHEST_M, Listing, Wanted
from geo.stations import ExternalId
from geo.vocabulary import EntryMode, Facility, Serves, StationKind

LOCALITY = ("query",)
MOST_CELLS = 20_000
SEVERAL = "separate several values by commas"


def open_session(request: Request) -> Iterator[Session]:
    """One transaction a request; it commits before the answer is sent."""
    with db.session(request.app.state.engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(open_session, scope="function")]

bearer = HTTPBearer(auto_error=False, description="An API key, `yz_…`, shown once when it is made.")


def authenticate(
    session: SessionDep, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Principal:
    """Who asks, by the key; what they change from here on is theirs in the history."""
    who = organisations.authenticate(session, given.credentials if given else "")
    db.act_as(session, db.Actor(who.prefix, who.organisation))
    return who


def perhaps_authenticate(request: Request, session: SessionDep) -> Principal | None:
    """Who asks, where a key is welcome but not needed; one that is given must be good."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return organisations.authenticate(session, key.strip()) if scheme.lower() == "bearer" else None


WhoDep = Annotated[Principal, Depends(authenticate)]
PerhapsDep = Annotated[Principal | None, Depends(perhaps_authenticate)]


async def json_body(request: Request) -> None:
    """Refuse a body that does not say it is JSON, with 415, and one with text that no database can hold."""
    subtype = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if subtype != "application/json" and not (subtype.startswith("application/") and subtype.endswith("+json")):
        raise api_errors.unsupported_media_type("application/json")
    if await request.body() and (problems := list(unstorable(await request.json(), ("body",)))):
        raise errors.InvalidInput("The body breaks a rule.", problems=problems)


def unstorable(value: object, loc: tuple[str | int, ...]) -> Iterator[Problem]:
    """The texts within a JSON value, names of fields too, that PostgreSQL cannot hold."""
    waiting = [(loc, value)]  # a stack of our own: JSON may be nested deeper than calls
    while waiting:
        loc, value = waiting.pop()
        if isinstance(value, str) and (reason := db.unstorable(value)):
            yield Problem(loc, reason)
        elif isinstance(value, list):
            waiting += [((*loc, index), item) for index, item in enumerate(value)]
        elif isinstance(value, dict):
            bad = {name: reason for name in value if (reason := db.unstorable(name))}
            yield from (Problem(loc, f"the name of a field: {reason}") for reason in bad.values())
            waiting += [((*loc, name), item) for name, item in value.items() if name not in bad]


def revision_given(
    if_match: Annotated[str | None, Header(alias="If-Match", description="the ETag you were given")] = None,
) -> int | None:
    """The revision an `If-Match` names: what stands before the dash of our entity tags; `*` is any."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = re.fullmatch(r'(?:W/)?"(\d{1,9})(?:-[0-9a-z]*)?"', if_match.strip())
    if found is None:
        raise errors.StaleRevision("This is not an entity tag of ours; read the station again.")
    return int(found[1])


def revision_needed(
    revision: Annotated[int | None, Depends(revision_given)],
    if_match: Annotated[str | None, Header(alias="If-Match", include_in_schema=False)] = None,
) -> int | None:
    """The same, and 428 where it is left out."""
    if if_match is None:
        raise errors.RevisionRequired
    return revision


RevisionDep = Annotated[int | None, Depends(revision_given)]
NeededRevisionDep = Annotated[int | None, Depends(revision_needed)]


def strict_query(request: Request) -> None:
    """Refuse a parameter that is unknown or given twice: a typing error must not widen an answer.

    And, in path and query, text that PostgreSQL cannot hold. What is no id is no station, whatever is asked of it.
    """
    promise = promise_of(request)
    known = promise.parameters
    given = [name for name, _ in request.query_params.multi_items()]
    said = {("path", name): value for name, value in request.path_params.items()}
    said |= {("query", name): value for name, value in request.query_params.items()}
    problems = [Problem(loc, reason) for loc, value in said.items() if (reason := db.unstorable(str(value)))]
    if not any(problem.loc[0] == "path" for problem in problems):
        check_station(request)
    problems += [
        Problem((*LOCALITY, name), f"unknown parameter; known here: {', '.join(sorted(known)) or 'none'}")
        for name in dict.fromkeys(given)
        if name not in known
    ]
    problems += [
        Problem((*LOCALITY, name), f"given more than once; {SEVERAL if name in promise.lists else 'give it once'}")
        for name in dict.fromkeys(given)
        if given.count(name) > 1
    ]
    if problems:
        raise InvalidQuery(problems=problems)


def check_station(request: Request) -> None:
    """A path comes before its parameters: raises `StationNotFound` where the station in it is no id."""
    if "station_id" in request.path_params:
        stations.key_of(request.path_params["station_id"])


def split_commas(value: object) -> object:
    """`a,b` as a list; FastAPI hands over a list of one text."""
    if isinstance(value, list):
        return [part.strip() for item in value for part in str(item).split(",") if part.strip()]
    return value


def at_most(most: int) -> BeforeValidator:
    """A larger page is asked than there is: `most` is given, as OGC API Features 7.15.6 wants it."""

    def clamp(value: object) -> object:
        written = str(value).lstrip("0")
        if not written.isdecimal():
            return value
        return most if len(written) > len(str(most)) else min(int(written), most)

    return BeforeValidator(clamp)


UpTo50 = Annotated[int, Field(ge=1, le=50), at_most(50)]
UpTo500 = Annotated[int, Field(ge=1, le=500), at_most(500)]
CursorParam = Annotated[str | None, Query(description="from `links` of the page before")]
CrsParam = Annotated[Datum, Query(description="datum of the coordinates given and of those in the answer")]


class Asked(BaseModel):
    """A group of query parameters. `strict_query` refuses unknown names, so these models need not."""

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True)


Facilities = Annotated[list[Facility], BeforeValidator(split_commas)]


def _now_or_instant(value: object, read: Callable[[object], object]) -> object:
    try:
        return read(value)
    except ValidationError:
        raise ValueError(EXPECTED.replace("expected", "expected `now`, or", 1)) from None


OpenAt = Annotated[
    Literal["now"] | Instant | None,
    WrapValidator(_now_or_instant),
    Field(examples=["now", "2026-10-01T10:00:00+08:00"]),
]


class FilterQuery(Asked):
    """The filters of nearest and list; several values are separated by commas."""

    facility: Facilities = Field([], description="all of these must be working")
    facility_any: Facilities = Field([], description="at least one of these must be working")
    kind: Annotated[list[StationKind], BeforeValidator(split_commas)] = Field([], description="any of these")
    serves: Annotated[list[Serves], BeforeValidator(split_commas)] = Field([], description="any of these")
    entry: Annotated[list[EntryMode], BeforeValidator(split_commas)] = Field([], description="any of these")
    no_registration: bool = Field(default=False, description="true: only where no registration is required")
    open: OpenAt = Field(None, description="`now`, or an RFC 3339 instant: only what is open then")
    managed_by: Annotated[list[str], BeforeValidator(split_commas)] = Field(
        [], description="codes of managing organisations, any of these"
    )

    def wanted(self) -> Wanted:
        """These filters as the search takes them."""
        names = ("facility", "facility_any", "kind", "serves", "entry", "managed_by", "no_registration")
        return Wanted(**{name: getattr(self, name) for name in names}, open=self.open is not None)

    def instant(self) -> datetime | None:
        """The instant asked for; None is now."""
        return self.open if isinstance(self.open, datetime) else None


class PointQuery(Asked):
    """A point and its datum."""

    lon: Longitude = Field(description="longitude, degrees")
    lat: Latitude = Field(description="latitude, degrees")
    crs: Datum = Field(Datum.WGS84, description="datum of the point given and of the positions answered")

    def position(self) -> tuple[float, float]:
        """The point in WGS-84. Raises `InvalidQuery` outside the envelope, with a hint when swapped."""
        datum.check_position(self.lon, self.lat, loc=LOCALITY, error=InvalidQuery)
        return datum.convert(self.lon, self.lat, self.crs, Datum.WGS84)


class NearestQuery(PointQuery, FilterQuery):
    """The parameters of nearest."""

    limit: UpTo50 = Field(10, description="how many, at most 50")
    radius_m: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description=f"metres, at most {FARTHEST_M:.0f}; widens by itself when left out",
    )

    def radius(self) -> float | None:
        """The radius asked, clamped to the farthest search there is."""
        return min(self.radius_m, FARTHEST_M) if self.radius_m else None


class CellsQuery(FilterQuery):
    """The parameters of stations counted by squares."""

    bbox: str = Field(
        description="west,south,east,north in degrees of the datum `crs`", examples=["73.0,18.0,135.5,53.6"]
    )
    cell_deg: float = Field(ge=0.0005, le=10, allow_inf_nan=False, description="width of the squares, degrees")
    crs: Datum = Field(Datum.WGS84, description="datum of bbox and of the positions answered")

    def listing(self) -> Listing:
        """The stations to count. Raises `InvalidQuery` when there would be too many squares."""
        west, south, east, north = bbox = wgs84_bbox(self.bbox, self.crs)
        if (east - west) * (north - south) > MOST_CELLS * self.cell_deg**2:
            problem = Problem(
                (*LOCALITY, "cell_deg"), f"expected at most {MOST_CELLS:,} squares in the bbox", self.cell_deg
            )
            raise InvalidQuery(problems=[problem])
        return Listing(bbox=bbox, wanted=self.wanted())


class ListQuery(FilterQuery):
    """The parameters of the list of stations."""

    bbox: str | None = Field(
        None,
        description="west,south,east,north in degrees of the datum `crs`",
        examples=["113.5,34.6,113.8,34.9"],
    )
    region: str | None = Field(None, pattern=r"^\d{6}$", description="six-digit adcode (GB/T 2260)")
    level: str | None = Field(None, pattern="^(country|province|city|district)$", description="level of `region`")
    q: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        None, description="part of the name, address, code or host_ref"
    )
    updated_since: Instant | None = Field(None, description="RFC 3339 instant with offset")
    external_id: str | None = Field(
        None,
        pattern=rf"^({'|'.join(get_args(ExternalId))}):.{{1,100}}$",
        description="the code another system knows it by",
        examples=["amap_poi:B0FFG8A1XZ"],
    )
    crs: Datum = Field(Datum.WGS84, description="datum of bbox and of the positions answered")
    format: Literal["geojson", "csv"] = Field("geojson", description="CSV says where the next page is in `Link`")
    limit: UpTo500 = Field(50, description="how many, at most 500")
    cursor: str | None = Field(None, description="from `links` of the page before")

    def listing(self) -> Listing:
        """What is asked, as the search takes it."""
        if self.level and not self.region:
            raise InvalidQuery(problems=[Problem((*LOCALITY, "level"), "expected together with region")])
        bbox = wgs84_bbox(self.bbox, self.crs) if self.bbox else None
        whose, _, code = (self.external_id or "").partition(":")
        other = (whose, code) if code else None
        return Listing(bbox, self.region, self.level, self.q, self.wanted(), self.updated_since, other)


def wgs84_bbox(value: str, crs: Datum) -> tuple[float, float, float, float]:
    """A bbox in WGS-84. Its corners are converted, which shifts its edges by a few metres at most in a city."""
    expected = "expected west,south,east,north: four numbers in degrees, west < east, south < north"
    try:
        west, south, east, north = (float(part) for part in value.split(","))
    except ValueError:
        raise InvalidQuery(problems=[Problem((*LOCALITY, "bbox"), expected, value)]) from None
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise InvalidQuery(problems=[Problem((*LOCALITY, "bbox"), expected, value)])
    return (*datum.convert(west, south, crs, Datum.WGS84), *datum.convert(east, north, crs, Datum.WGS84))


def after_of(request: Request, cursor: str | None) -> UUID | None:
    """The id a page begins after; the cursor must be ours and from the same query."""
    return UUID(paging.read(request, cursor)) if cursor else None
