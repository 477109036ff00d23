"""Points an organisation plans with: where demand is, and premises that could open a station. One set of each.

Uploaded as CSV or GeoJSON, kept per organisation, replaced whole.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import orjson
from sqlmodel import Session, col, delete

from geo import datum, db, errors
from geo.datum import Datum
from geo.tables_audits import PlanningPoint

Purpose = Literal["demand", "premises"]
Packed = tuple[bytes, bytes, bytes]

MOST = 100_000
TOLD = 20
HEADERS: Mapping[str, Sequence[str]] = {
    "lon": ("lon", "lng", "longitude", "经度"),
    "lat": ("lat", "latitude", "纬度"),
    "weight": ("weight", "population", "people", "权重", "人数", "人口"),
    "name": ("name", "名称", "站点名称", "网点名称"),
}
Row = tuple[tuple[str | int, ...], Mapping[str, Any]]  # where it stands, and what it says


@dataclass(frozen=True)
class Summary:
    """What is kept of a purpose: how many points, their weight, their box and when they came."""

    points: int
    weight: float
    loaded_at: datetime | None
    bbox: tuple[float, float, float, float] | None


def replace(session: Session, organisation: str, purpose: Purpose, content: bytes, crs: Datum) -> Summary:
    """Keep these points instead of those before; raises `InvalidInput` with a Problem for each bad row."""
    rows = list(_rows(content))
    if not 0 < len(rows) <= MOST:
        raise errors.UnreadableFile(f"Expected 1 to {MOST} points, found {len(rows)}.")
    problems = list[errors.Problem]()
    read = [_point(where, said, problems) for where, said in rows]
    if problems:
        raise errors.InvalidInput(f"{len(problems)} rules are broken.", problems=problems[:TOLD])
    lons, lats = datum.convert_many([one[0] for one in read], [one[1] for one in read], crs, Datum.WGS84)
    discard(session, organisation, purpose, missing_ok=True)
    asked: dict[str, Any] = {"organisation": organisation, "purpose": purpose, "names": [one[3] for one in read]}
    asked |= {"lons": lons.tolist(), "lats": lats.tolist(), "weights": [one[2] for one in read]}
    session.execute(db.sql("points_store"), asked)
    return summary(session, organisation, purpose)


def discard(session: Session, organisation: str, purpose: Purpose, *, missing_ok: bool = False) -> None:
    """Forget the points; raises `PointsNotFound` where there are none."""
    mine = (col(PlanningPoint.organisation) == organisation, col(PlanningPoint.purpose) == purpose)
    gone = session.execute(delete(PlanningPoint).where(*mine))
    if not gone.rowcount and not missing_ok:  # type: ignore[attr-defined]
        raise errors.PointsNotFound


def summary(session: Session, organisation: str, purpose: Purpose) -> Summary:
    """What is kept; zero points where nothing is."""
    asked = {"organisation": organisation, "purpose": purpose}
    row = session.execute(db.sql("points_summary"), asked).one()
    bbox = (row.west, row.south, row.east, row.north) if row.points else None
    return Summary(row.points, row.weight, row.loaded_at, bbox)


def packed(
    session: Session, organisation: str, purpose: Purpose, box: tuple[float, float, float, float]
) -> tuple[Packed, Sequence[str]]:
    """The points in a box: longitudes, latitudes and weights as big-endian doubles, and the names of premises.

    Raises `PointsNotFound` where the organisation has none at all.
    """
    asked: dict[str, Any] = {"organisation": organisation, "purpose": purpose}
    asked |= dict(zip(("west", "south", "east", "north"), box, strict=True))
    row = session.execute(db.sql("points_packed"), asked).one()
    if not row.points:
        raise errors.PointsNotFound
    return (bytes(row.lon), bytes(row.lat), bytes(row.weight)), row.names


def _rows(content: bytes) -> Iterator[Row]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")
        except UnicodeDecodeError as error:
            raise errors.UnreadableFile("Neither UTF-8 nor GB18030.") from error
    return _features(text) if text.lstrip().startswith("{") else _lines(text)


def _features(text: str) -> Iterator[Row]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise errors.UnreadableFile(f"Not JSON: {error}.") from error
    match document:
        case {"type": "FeatureCollection", "features": list(features)}:
            pass
        case _:
            raise errors.UnreadableFile("Expected a GeoJSON FeatureCollection of points.")
    for index, feature in enumerate(features):
        said: Mapping[str, Any] = {}
        match feature:
            case {"geometry": {"type": "Point", "coordinates": [lon, lat, *_]}}:
                properties = feature.get("properties")
                said = {"lon": lon, "lat": lat, **(_known(properties) if isinstance(properties, dict) else {})}
        yield ("features", index), said


def _known(properties: Mapping[str, Any]) -> dict[str, Any]:
    names = {alias: name for name in ("weight", "name") for alias in HEADERS[name]}
    return {names[key]: value for key, value in properties.items() if key in names and value is not None}


def _lines(text: str) -> Iterator[Row]:
    if "\x00" in text:
        raise errors.UnreadableFile("The file holds a NUL character; this is not a text file.")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [title.strip().lower() for title in next(reader, [])]
        columns = {name: _place(header, aliases) for name, aliases in HEADERS.items()}
        if columns["lon"] is None or columns["lat"] is None:
            raise errors.UnreadableFile("The header lacks lon (经度) or lat (纬度).")
        for number, cells in enumerate(reader, start=2):
            if any(cell.strip() for cell in cells):
                found = ((name, at) for name, at in columns.items() if at is not None and at < len(cells))
                yield ("rows", number), {name: cells[at].strip() for name, at in found if cells[at].strip()}
    except csv.Error as error:
        raise errors.UnreadableFile(f"Row {reader.line_num} is not CSV: {error}.") from error


def _place(header: Sequence[str], aliases: Sequence[str]) -> int | None:
    """Which column a name or one of its other names heads."""
    return next((header.index(alias) for alias in aliases if alias in header), None)


def _point(
    where: tuple[str | int, ...], said: Mapping[str, Any], problems: list[errors.Problem]
) -> tuple[float, float, float, str]:
    """Longitude, latitude, weight and name; what is wrong goes to `problems`."""
    values = {}
    for name, usual in (("lon", np.nan), ("lat", np.nan), ("weight", 1.0)):
        try:
            values[name] = float(said.get(name, usual))
        except (TypeError, ValueError):
            values[name] = np.nan
    if not datum.in_envelope(values["lon"], values["lat"]):  # nor is what is no number
        problems.append(errors.Problem((*where, "lon"), "expected lon and lat, degrees, within 73-136 E, 3-54 N"))
    if not 0 <= values["weight"] < 1e12:
        problems.append(errors.Problem((*where, "weight"), "expected a number from 0 on"))
    name = str(said.get("name", ""))[:200]
    if reason := db.unstorable(name):
        problems.append(errors.Problem((*where, "name"), reason))
    return values["lon"], values["lat"], values["weight"], name
