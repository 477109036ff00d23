"""How answers are written: GeoJSON bodies and ETags."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import shapely
from fastapi import Request
from numpy.typing import NDArray
from pydantic import BaseModel
from sqlalchemy import RowMapping
from sqlmodel import Session
from starlette.responses import Response, StreamingResponse

from geo import datum, distance, opening, stations, transfer
from geo.datum import Datum
from geo.findings import Finding
from geo.opening import Card, Moment
from geo.points import Summary
from geo.regions import Outline
from geo.search import Cells, Nearest
from geo.upkeep import Outcome

GEOJSON = "application/geo+json"
AT_ONCE = 1 << 16  # bytes; compressed in a millisecond


def geojson(body: Mapping[str, Any], **headers: str) -> Response:
    """A GeoJSON answer."""
    return Response(orjson.dumps(body), media_type=GEOJSON, headers=headers)


def json(body: object, **headers: str) -> Response:
    """A JSON answer, Chinese unescaped."""
    return Response(orjson.dumps(body), media_type="application/json", headers=headers)


def long_json(body: bytes, **headers: str) -> Response:
    """An answer that is JSON already; a long one in parts, or compressing it would hold up everybody else."""
    if len(body) <= AT_ONCE:
        return Response(body, media_type="application/json", headers=headers)
    parts = (body[start : start + AT_ONCE] for start in range(0, len(body), AT_ONCE))
    headers["Content-Length"] = str(len(body))
    return StreamingResponse(parts, media_type="application/json", headers=headers)


def shapes(collection: Mapping[str, Any], crs: Datum) -> Response:
    """A WGS-84 collection of points or polygons in the datum `crs`, six decimals (a tenth of a metre)."""
    if crs is Datum.WGS84:
        return geojson(collection)

    def turned(places: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = datum.convert_many(places[:, 0], places[:, 1], Datum.WGS84, crs)
        rounded: NDArray[np.float64] = np.stack([lon, lat], axis=1).round(6)
        return rounded

    def of(feature: Mapping[str, Any]) -> dict[str, Any]:
        shape = shapely.transform(shapely.geometry.shape(feature["geometry"]), turned)
        said = dict(feature["properties"])
        if "farthest_lon" in said:
            (place,) = turned(np.array([[said["farthest_lon"], said["farthest_lat"]]])).tolist()
            said["farthest_lon"], said["farthest_lat"] = place
        return {**feature, "geometry": shape.__geo_interface__, "properties": said}

    return geojson({**collection, "crs": crs, "features": list(map(of, collection["features"]))})


def nearest(found: Nearest, crs: Datum) -> Response:
    """Stations, nearest first, with how far the search looked and the instant it is true of."""
    return geojson(
        {
            "type": "FeatureCollection",
            "crs": crs,
            "searched_radius_m": found.searched_radius_m,
            "as_of": stations.instant(found.when.at),
            "features": [stations.near_feature(row, crs, found.when) for row in found.stations],
        }
    )


def page(
    rows: Sequence[Card], crs: Datum, when: Moment, links: Sequence[Mapping[str, str]], *, as_of: datetime
) -> Response:
    """A page of stations, true as of that instant."""
    features = [stations.feature(row, crs, when) for row in rows]
    said = {"crs": crs, "as_of": stations.instant(as_of), "links": links}
    return geojson({"type": "FeatureCollection", **said, "features": features}, Link=link_header(links))


def sheet(rows: Sequence[Card], crs: Datum, links: Sequence[Mapping[str, str]]) -> Response:
    """A page of stations as CSV."""
    content = b"".join(transfer.table(rows, crs))
    return Response(content, media_type="text/csv", headers={"Link": link_header(links)})


def cells(found: Cells, crs: Datum, as_of: datetime) -> Response:
    """Stations counted by cells, each where its stations stand on average; five decimals are a metre."""
    lon, lat = datum.convert_many(found.lon, found.lat, Datum.WGS84, crs)
    places = zip(lon.round(5).tolist(), lat.round(5).tolist(), found.stations.tolist(), strict=True)
    features = [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [x, y]}, "properties": {"stations": n}}
        for x, y, n in places
    ]
    about = {"crs": crs, "as_of": stations.instant(as_of), "stations": int(found.stations.sum())}
    return geojson({"type": "FeatureCollection", **about, "features": features})


def link_header(links: Sequence[Mapping[str, str]]) -> str:
    """The links of a page as a header (RFC 8288)."""
    return ", ".join(f'<{link["href"]}>; rel="{link["rel"]}"; type="{link["type"]}"' for link in links)


def changes(rows: Sequence[Card], crs: Datum, when: Moment, cursor: str) -> Response:
    """A page of the change feed."""
    items = []
    for row in rows:
        deleted = row["publication_status"] != "published"
        station = None if deleted else stations.feature(row, crs, when)
        items.append({"id": str(row["id"]), "revision": row["revision"], "deleted": deleted, "station": station})
    return json({"crs": crs, "items": items, "cursor": cursor})


def outlines(request: Request, shapes: Sequence[Outline], lines: Sequence[Mapping[str, Any]], level: str) -> Response:
    """Divisions for a map, and the boundary lines that bound none, with their ETag; they change once a year."""
    divisions = [
        {
            "type": "Feature",
            "id": shape.adcode,
            "properties": {"kind": "division", "level": shape.level, "adcode": shape.adcode, "name": shape.name},
            "geometry": shape.geometry,
        }
        for shape in shapes
    ]
    drawn = [{"type": "Feature", "properties": {"kind": "line", "level": level}, "geometry": line} for line in lines]
    body = {"type": "FeatureCollection", "crs": Datum.WGS84, "features": divisions + drawn}
    answer = geojson(body, **{"Cache-Control": "public, max-age=86400"})
    return tagged(request, answer, f'"{zlib.crc32(answer.body):08x}"')


def station(request: Request, row: Card, crs: Datum, when: Moment, **more: Any) -> Response:
    """One station with its ETag; 304 when the caller has it."""
    body = {**stations.feature(row, crs, when), "crs": crs, **more}
    return tagged(request, geojson(body), entity_tag(row, body))


def division(request: Request, body: Mapping[str, Any]) -> Response:
    """One administrative division with its ETag; 304 when the caller has it."""
    said = {"crs": Datum.WGS84, **body}
    return tagged(request, json(said), f'"{zlib.crc32(orjson.dumps(said)):08x}"')


def tagged(request: Request, answer: Response, tag: str) -> Response:
    """The answer with its entity tag; 304 when the caller has it."""
    known = [given.strip().removeprefix("W/") for given in request.headers.get("if-none-match", "").split(",")]
    if tag in known or known == ["*"]:
        return Response(status_code=304, headers={"ETag": tag})
    answer.headers["ETag"] = tag
    return answer


def entity_tag(row: Card, body: Mapping[str, Any]) -> str:
    """The revision, and a digest of what is shown: the clock opens and closes a station without a revision."""
    return f'"{row["revision"]}-{zlib.crc32(orjson.dumps(body)):08x}"'


def outcome(session: Session, done: Outcome, *, location: str | None = None) -> Response:
    """A station after a change: 201 with `Location` when it is new, 202 when something waits, 200 otherwise."""
    body = {**stations.feature(done.row, Datum.WGS84, opening.moment(session)), "crs": Datum.WGS84}
    body["pending"] = list(done.pending)
    headers = {"ETag": entity_tag(done.row, body)}
    place = location or (f"/v1/stations/{done.row['id']}" if done.created else None)
    answer = geojson(body, **headers, **({"Location": place} if place else {}))
    answer.status_code = 201 if place else 202 if done.waits else 200
    return answer


def points(kept: Summary, purpose: str) -> Response:
    """What is kept of uploaded points."""
    return json({"purpose": purpose, **asdict(kept), "loaded_at": stations.instant(kept.loaded_at)})


def finding(found: Finding) -> dict[str, Any]:
    """A finding with its state."""
    names = ("audit", "state", "reason", "decided_by", "score", "station", "other", "explanation", "terms", "facts")
    said = {name: getattr(found, name) for name in names}
    decided_at = stations.instant(found.decided_at) if found.decided_at else None
    return {"id": found.id, **said, "score": round(found.score, 3), "decided_at": decided_at}


def created(body: BaseModel, location: str) -> Response:
    """Something new that is no station."""
    answer = json(body.model_dump(mode="json"), Location=location)
    answer.status_code = 201
    return answer


def waiting(row: RowMapping, when: Moment) -> dict[str, Any]:
    """An entry of the review queue: the station as it is, what would change, and whose turn it is."""
    assigned = assignment(row["assigned_to"], row["reviewer"], row["assigned_at"]) if row["assigned_to"] else None
    return {
        "what": row["what"],
        "since": stations.instant(row["since"]),
        "changes": row["changes"] or {} if row["what"] == "submission" else differences(row),
        "assigned": assigned,
        "station": stations.feature(row, Datum.WGS84, when),
    }


def differences(row: RowMapping) -> dict[str, Any]:
    """What a proposal or a claim would change, field by field, and how far it would move the station."""
    was = {name: row[name] for name in ("name", "kind", "host", "managed_by")}
    was["position"] = {name: row[f"submitted_{name}"] for name in ("lon", "lat", "crs")}
    changes = {name: {"before": was[name], "after": value} for name, value in row["changes"].items()}
    if "position" in changes:
        to = changes["position"]["after"]
        there = datum.convert(to["lon"], to["lat"], Datum(to["crs"]), Datum.WGS84)
        changes["position"]["moved_m"] = round(distance.metres(row["lon"], row["lat"], *there), 1)
    return changes


def assignment(organisation: str, reviewer: str | None, at: datetime | None) -> dict[str, Any]:
    """Whose turn it is."""
    return {"organisation": organisation, "reviewer": reviewer, "at": stations.instant(at)}


def entry(row: RowMapping) -> dict[str, Any]:
    """An entry of a station's history."""
    names = ("id", "revision", "actor", "organisation", "reason", "before", "after")
    return {**{name: row[name] for name in names}, "at": stations.instant(row["at"])}


def with_instants(row: RowMapping) -> dict[str, Any]:
    """A row as JSON holds it: its instants as RFC 3339."""
    return {name: stations.instant(v) if isinstance(v, datetime) else v for name, v in dict(row).items()}


def fault(row: RowMapping) -> dict[str, Any]:
    """A fault with its clock."""
    age_h, due_h = float(row["age_h"]), (row["due_at"] - row["since"]).total_seconds() / 3600
    return {**with_instants(row), "age_h": round(age_h, 2), "overdue": age_h >= due_h}
