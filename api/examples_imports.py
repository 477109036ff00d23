"""The examples of imports; see `api.examples`."""

from typing import Any

from api.examples import HAVEN_DRAFT, HAVEN_ID, STOP_DRAFT, STOP_ID, Shown, same
from api.importing import XLSX

IMPORT_ID = "9a3f6a0e-2f0c-4d0b-8e0f-0d7c1b2a3e4f"
COUNTS = {"inserted": 0, "updated": 0, "unchanged": 0, "duplicate": 0, "refused": 0}
DONE: dict[str, Any] = {"id": IMPORT_ID, "state": "done", "problem": None, "warnings": []}
QUIET: dict[str, Any] = {"changed": [], "pending": [], "errors": [], "warnings": []}
NEW = QUIET | {"row": 2, "verdict": "inserted", "id": HAVEN_ID}
AGAIN = QUIET | {"row": 2, "verdict": "updated", "id": STOP_ID, "changed": ["capacity"], "pending": ["name"]}
TWICE = QUIET | {
    **{"row": 3, "verdict": "duplicate", "id": None, "warnings": ["repeats row 2"]},
    "duplicate_of": {"why": "same_host_ref", "row": 2, "id": None, "code": None},
}
BAD = QUIET | {
    **{"row": 3, "verdict": "refused", "id": None},
    "errors": [{"column": "lat", "value": "139.9", "message": "Input should be less than or equal to 90"}],
}
REPORT = Shown(
    DONE | {"done": 2, "written": True, "counts": COUNTS | {"inserted": 1, "duplicate": 1}, "rows": [NEW, TWICE]},
    DONE | {"done": 2, "written": False, "counts": COUNTS | {"updated": 1, "refused": 1}, "rows": [AGAIN, BAD]},
)
GOING = same({"id": IMPORT_ID, "state": "running", "done": 35000, "problem": None})
ZH_CSV = "网点号,名称,经度,纬度,营业时间,设施\n41010201,劳动者港湾(金水支行),113.6654,34.7579,24小时,饮水;微波炉\n"
EN_CSV = "host_ref,name,lon,lat,opening_hours,facilities\nCA-7,Outdoor Workers' Stop,116.3912,39.9067,24/7,toilet\n"
SENT = "(the bytes of the file)"


def collection(draft: dict[str, Any]) -> dict[str, Any]:
    """A file of one feature."""
    said = {name: value for name, value in draft.items() if name not in {"lon", "lat"}}
    point = {"type": "Point", "coordinates": [draft["lon"], draft["lat"]]}
    return {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": point, "properties": said}]}


PARAMETERS_OF: dict[str, Shown] = {
    **{f"{name} import_id": same(IMPORT_ID) for name in ("get_import", "get_import_workbook")},
    "import_stations organisation": Shown("ccb", "union"),
    "import_stations kind": Shown("bank_haven", "union_station"),
}

BODIES: dict[str, Shown] = {
    "import_stations": Shown(collection(HAVEN_DRAFT), collection(STOP_DRAFT)),
    "import_stations text/csv": Shown(ZH_CSV, EN_CSV),
    f"import_stations {XLSX}": same(SENT),
    "import_stations multipart/form-data": same({"file": SENT}),
}

ANSWERS: dict[str, Shown] = {
    "import_stations": REPORT,
    "import_stations 202": GOING,
    "get_import": Shown(REPORT.zh, GOING.en),
    **dict.fromkeys(["get_import_template", "get_import_workbook"], same(SENT)),
}
