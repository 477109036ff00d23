"""A file that is sent in: taken from the request, handed to the worker process, and waited for with patience.

One of the few places that know the event loop: a thread that waited for the worker would be missing elsewhere.
"""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import Future
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import Field
from starlette.datastructures import UploadFile
from starlette.responses import Response

from api import answers
from api import errors as api_errors
from api.deps import Asked, bearer
from geo import db, errors, imports, organisations, workshop
from geo.access import Principal
from geo.datum import Datum
from geo.registration import Entry
from geo.transfer import Options
from geo.vocabulary import StationKind

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TABLES = {"text/csv", XLSX, "application/geo+json", "application/json", "application/octet-stream", "text/plain"}
PATIENCE_S = 50.0  # what stands between us and the client often gives up after a minute
Done = TypeVar("Done")


class ImportQuery(Asked):
    """How a file comes in."""

    organisation: str | None = Field(None, description="who manages the stations: the caller's own when left out")
    crs: Datum | None = Field(None, description="datum of rows that name none; wgs84 where this names none either")
    kind: StationKind | None = Field(None, description="kind of rows that name none")
    partial: bool = Field(default=False, description="enter the good rows even if others are refused")
    dry_run: bool = Field(default=False, description="only say what would be")
    submit: bool = Field(default=False, description="ask for publication of what is new or was returned")
    publish: bool = Field(default=False, description="publish at once; only with an admin's key")

    def options(self) -> Options:
        """These as the import takes them."""
        entry = Entry.PUBLISHED if self.publish else Entry.SUBMITTED if self.submit else Entry.DRAFT
        return Options(self.organisation, self.crs, self.kind, entry, self.partial, self.dry_run)


def key_holder(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Principal:
    """Who asks, found out in a transaction of its own, so that none is open while the worker is waited for."""
    with db.session(request.app.state.engine) as session:
        return organisations.authenticate(session, given.credentials if given else "")


KeyDep = Annotated[Principal, Depends(key_holder)]


async def table_of(request: Request, _: KeyDep) -> bytes:
    """The file: the body itself, or the part `file` of a form. 415 for what is no table."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type in TABLES:
        return await request.body()
    if media_type != "multipart/form-data":
        raise api_errors.unsupported_media_type(f"text/csv, {XLSX}, application/geo+json or multipart/form-data")
    async with request.form(max_files=1, max_fields=10) as form:
        part = form.get("file")
        if not isinstance(part, UploadFile):
            problem = errors.Problem(("body", "file"), "expected a file here")
            raise errors.InvalidInput("The body breaks a rule.", problems=[problem])
        return await part.read()


TableDep = Annotated[bytes, Depends(table_of)]


def patience(
    prefer: Annotated[str, Header(alias="Prefer", description="`respond-async`, or `wait=SECONDS` (RFC 7240)")] = "",
) -> float:
    """For how many seconds the client wants to wait; none when it prefers to poll."""
    if "respond-async" in prefer:
        return 0
    said = re.search(r"\bwait=(\d{1,4})\b", prefer)
    return min(float(said[1]), PATIENCE_S) if said else PATIENCE_S


PatienceDep = Annotated[float, Depends(patience)]


async def bring_in(request: Request, who: Principal, content: bytes, asked: ImportQuery, patience_s: float) -> Response:
    """Take the file on; 200 with the report when it is done in time, else 202 with the place to ask at."""
    engine = request.app.state.engine
    job = await run_in_threadpool(in_session, engine, imports.enqueue, who, content, asked.options())
    future = workshop.submit(imports.work, url_of(engine), job)
    future.add_done_callback(lambda done: note_end(engine, job, done))
    await asyncio.wait([asyncio.wrap_future(future)], timeout=patience_s)
    status = await run_in_threadpool(in_session, engine, imports.status, who, job)
    if status.about["state"] == "failed":
        imports.reraise(status.about["problem"])
    place = {} if status.about["state"] == "done" else {"Location": f"/v1/imports/{job}"}
    answer = answers.long_json(status.as_json(), **place)
    answer.status_code = 202 if place else 200
    return answer


def in_session(engine: db.Database, act: Callable[..., Done], *args: Any) -> Done:
    """One transaction for one act."""
    with db.session(engine) as session:
        return act(session, *args)


def note_end(engine: db.Database, job: UUID, done: "Future[None]") -> None:
    """What died with the worker, or was called off, has come to nothing."""
    if done.cancelled() or done.exception() is not None:
        imports.give_up(engine, job, errors.Unavailable("The import was interrupted; nothing was written."))


async def annotated(request: Request, who: Principal, job: str) -> Response:
    """The annotated workbook of an import that is done."""
    engine = request.app.state.engine
    key = await run_in_threadpool(in_session, engine, imports.require_done, who, job)
    content = await asyncio.wrap_future(workshop.submit(imports.annotate, url_of(engine), key))
    return workbook(content, f"import-{key}.xlsx")


def workbook(content: bytes, name: str) -> Response:
    """A workbook to be saved under that name."""
    return Response(content, media_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def url_of(engine: db.Database) -> str:
    """The address of the database, for another process."""
    return engine.engine.url.render_as_string(hide_password=False)
