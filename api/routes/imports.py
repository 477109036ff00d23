"""Stations by the file: sent in, asked after, and back again as a workbook with what became of each row."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import answers, importing
from api.deps import SessionDep, WhoDep
from api.importing import XLSX, ImportQuery, KeyDep, PatienceDep, TableDep
from api.schemas import problems
from api.schemas_imports import ImportReport, ImportStatus
from geo import imports

router = APIRouter(prefix="/v1/imports", tags=["imports"])

BOOK: dict[int | str, dict[str, Any]] = {
    200: {"content": {XLSX: {"schema": {"type": "string", "format": "binary"}}}, "description": "a workbook"}
}
TEXT = {"schema": {"type": "string"}}
FILE = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
BODY = {
    "required": True,
    "content": {
        "text/csv": TEXT,
        XLSX: {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {"schema": FILE},
        "application/geo+json": {"schema": {"type": "object"}},
    },
}


@router.post(
    "",
    summary="Register the stations of a file 批量导入",
    response_class=Response,
    responses={
        200: {"model": ImportReport},
        202: {"model": ImportStatus, "description": "goes on; ask at `Location`"},
        **problems(400, 401, 403, 404, 413, 415, 422, 503),
    },
    openapi_extra={"requestBody": BODY},
)
async def import_stations(
    request: Request, who: KeyDep, asked: Annotated[ImportQuery, Query()], content: TableDep, patience: PatienceDep
) -> Response:
    """CSV, XLSX or GeoJSON, all or nothing unless `partial`: a verdict a row. What is not done in 50 s goes on."""
    return await importing.bring_in(request, who, content, asked, patience)


@router.get("/template", summary="An empty table to fill in 导入模板", response_class=Response, responses=BOOK)
def get_import_template() -> Response:
    """A workbook with Chinese headers and drop-downs, and a sheet that explains every column in both languages."""
    from geo import importbook  # with openpyxl's styles: a part of every start, and few ask for it

    return importing.workbook(importbook.template(), "yizhan-template.xlsx")


@router.get(
    "/{import_id}",
    summary="How far an import is 导入进度",
    response_class=Response,
    responses={200: {"model": ImportStatus}, **problems(400, 401, 404, 503)},
)
def get_import(session: SessionDep, who: WhoDep, import_id: str) -> Response:
    """How many rows are done; once all are, the report. Kept for thirty days."""
    return answers.long_json(imports.status(session, who, import_id).as_json())


@router.get(
    "/{import_id}/workbook",
    summary="The file with what became of each row 导入结果表",
    response_class=Response,
    responses={**BOOK, **problems(400, 401, 404, 409, 503)},
)
async def get_import_workbook(request: Request, who: KeyDep, import_id: str) -> Response:
    """The rows as they were sent; beside each its verdict, station, problems and warnings."""
    return await importing.annotated(request, who, import_id)
