"""Audits of places: stations that stand elsewhere than they say, and stations that are there twice."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import shapely
from sqlalchemy import RowMapping
from sqlmodel import Session

from geo import datum, db, distance
from geo.datum import Datum
from geo.findings import Audit, Finding, State

Scope = Mapping[str, Any]

# Outlines have a vertex every 1.6 km: so near to a border it may be the outline that is wrong.
UNCERTAIN_M = 500.0
# A functional zone has no outline: its stations tell where it is. One that is as far as this from most of them, and
# several times as far as they are from each other, stands elsewhere.
APART_M, APART_TIMES, SIBLINGS = 5_000.0, 3.0, 3
DUPLICATE_M, ALIKE, ALIKE_NEARBY, NEARBY_M = 150.0, 0.5, 0.3, 30.0
DATUMS = {Datum.GCJ02: "GCJ-02", Datum.BD09: "BD-09", Datum.WGS84: "WGS-84"}


def subject(row: RowMapping, prefix: str = "") -> dict[str, Any]:
    """The station of a row, or the other one."""
    names = ("id", "code", "name", "managed_by", "adcode", "lon", "lat")
    found = {name: row[f"{prefix}{name}"] for name in names}
    return found | {"id": str(found["id"]), "lon": round(found["lon"], 6), "lat": round(found["lat"], 6)}


def mislocated(session: Session, scope: Scope) -> list[Finding]:
    """Stations outside the district they state; those that state a functional zone are explained, which is no error."""
    rows = session.execute(db.sql("audit_mislocated"), scope).mappings().all()
    zones = [row for row in rows if row["meant_adcode"] is None]
    apart = _apart(session, zones)
    found = [_outside(row) for row in rows if row["meant_adcode"] is not None]
    return found + [_in_zone(row, apart.get(row["id"])) for row in zones]


def _facts(row: RowMapping, what: str) -> dict[str, Any]:
    place = {"lon": round(row["lon"], 6), "lat": round(row["lat"], 6)}
    return {"what": what, "stated_district": row["stated_district"], **place}


def _outside(row: RowMapping) -> Finding:
    metres, here = row["outside_m"], row["district"] or row["city"] or "?"
    signature = _signature(row)
    uncertain = bool(row["near_boundary"] and metres < UNCERTAIN_M)
    zh = f"填报属于{row['meant_name']}，实际位于{here}，在{row['meant_name']}界外 {_km(metres)} 公里。"
    en = f"It says {row['meant_name']} and stands in {here}, {_km(metres)} km outside {row['meant_name']}."
    if signature:
        zh += f"若坐标是 {DATUMS[signature]}，则落在{row['meant_name']}内，很可能是坐标系填错。"
        en += f" Read as {DATUMS[signature]} the position falls inside: most likely the datum is wrong."
    if row["near_boundary"]:
        zh += "站点靠近区划边界，边界附近 500 米内的区划不确定。"
        en += " It is near a border; within 500 m of one the district is uncertain."
    terms = {"outside_m": round(metres, 1), "near_boundary": row["near_boundary"], "datum_signature": signature}
    terms |= {"meant": row["meant_adcode"], "uncertain": uncertain}
    score = metres / 10 if uncertain else metres
    return Finding(
        Audit.MISLOCATED, subject(row), {"zh": zh, "en": en}, score, _facts(row, "outside_stated_district"), terms
    )


def _signature(row: RowMapping) -> Datum | None:
    """The datum, other than the one given, in which the submitted position lies where it says it does."""
    shape = shapely.from_wkb(bytes(row["meant_shape"]))
    for other in DATUMS:
        if other != row["submitted_crs"]:
            lon, lat = datum.convert(row["submitted_lon"], row["submitted_lat"], other, Datum.WGS84)
            if shapely.contains_xy(shape, lon, lat):
                return other
    return None


def _apart(session: Session, zones: Sequence[RowMapping]) -> dict[Any, tuple[float, float]]:
    """Stations far from the others of their zone: how far in the middle, and how far those are from each other."""
    groups = sorted({(row["stated_district"], row["city_adcode"]) for row in zones}, key=str)
    asked = {"stated": [stated for stated, _ in groups], "cities": [city for _, city in groups]}
    found: dict[Any, tuple[float, float]] = {}
    members: dict[tuple[str, str | None], list[RowMapping]] = {}
    for row in session.execute(db.sql("audit_siblings"), asked).mappings():
        members.setdefault((row["stated_district"], row["city"]), []).append(row)
    for group in members.values():
        if len(group) <= SIBLINGS:
            continue
        middles = {one["id"]: median(_metres(one, other) for other in group if other is not one) for one in group}
        usual = median(middles.values())
        far = {key: middle for key, middle in middles.items() if middle > max(APART_M, APART_TIMES * usual)}
        found |= {key: (middle, usual) for key, middle in far.items()}
    return found


def _metres(one: RowMapping, other: RowMapping) -> float:
    return distance.metres(one["lon"], one["lat"], other["lon"], other["lat"])


def _in_zone(row: RowMapping, apart: tuple[float, float] | None) -> Finding:
    stated, here = row["stated_district"], row["district"] or row["city"] or "?"
    zh = f"“{stated}”不是行政区划（功能区或写法不同），按坐标位于{here}。"
    en = f"“{stated}” is no administrative division (a functional zone, or written otherwise); it stands in {here}."
    facts = _facts(row, "far_from_its_zone" if apart else "functional_zone")
    if apart is None:
        words = {"zh": f"{zh}不算错误。", "en": f"{en} That is no error."}
        terms = {"functional_zone": stated}
        return Finding(Audit.MISLOCATED, subject(row), words, 0.0, facts, terms, state=State.EXPLAINED)
    zh += f"但它离同填“{stated}”的其他站点 {_km(apart[0])} 公里，而那些站点彼此相距约 {_km(apart[1])} 公里，请核实。"
    en += f" But it is {_km(apart[0])} km from the others that state it, which are {_km(apart[1])} km apart: check."
    terms = {"functional_zone": stated, "from_siblings_m": round(apart[0], 1), "siblings_apart_m": round(apart[1], 1)}
    return Finding(Audit.MISLOCATED, subject(row), {"zh": zh, "en": en}, apart[0], facts, terms)


def _km(metres: float) -> str:
    return f"{metres / 1000:.1f}"


def duplicates(session: Session, scope: Scope) -> list[Finding]:
    """Pairs that may be one station: near each other and named alike, likelier of one organisation."""
    rows = session.execute(db.sql("audit_duplicates"), {**scope, "metres": DUPLICATE_M}).mappings()
    judged = ((row, likeness(row["name"], row["other_name"])) for row in rows)
    return [
        _pair(row, alike)
        for row, alike in judged
        if alike >= (ALIKE_NEARBY if row["distance_m"] <= NEARBY_M else ALIKE)
    ]


def likeness(one: str, other: str) -> float:
    """How alike two names are, 0 to 1: the share of their trigrams that both have, as PostgreSQL's pg_trgm counts."""
    first, second = ({f"  {name} "[at : at + 3] for at in range(len(name) + 1)} for name in (one, other))
    return len(first & second) / len(first | second)


def _pair(row: RowMapping, alike: float) -> Finding:
    metres = row["distance_m"]
    same = row["managed_by"] is not None and row["managed_by"] == row["other_managed_by"]
    score = 0.5 * alike + 0.3 * (1 - metres / DUPLICATE_M) + 0.2 * same
    zh = f"与“{row['other_name']}”相距 {metres:.0f} 米，名称相似度 {alike:.0%}" + ("，同一管理单位。" if same else "。")
    en = f"{metres:.0f} m from “{row['other_name']}”; the names are {alike:.0%} alike"
    en += ", and one organisation manages both." if same else "."
    zh += "若是同一站点，请合并：被并入者的编码和服务记录都保留，旧链接转到保留者。"
    en += " If they are one station, merge them: ids, visits and history stay, and the old links lead to the one kept."
    terms = {"distance_m": round(metres, 1), "name_similarity": round(alike, 3), "same_manager": same}
    facts = {"names": [row["name"], row["other_name"]], "distance_m": round(metres)}
    return Finding(
        Audit.DUPLICATES, subject(row), {"zh": zh, "en": en}, score, facts, terms, other=subject(row, "other_")
    )
