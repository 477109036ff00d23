"""Files on their way in: taken on, worked off in a process of their own, and what became of them told.

`work` and `annotate` run in the worker process; what a file means is `geo.transfer`'s.
"""

import logging
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import func
from sqlalchemy.orm import defer
from sqlmodel import Session, col, delete, select, update

from geo import access, db, errors, organisations, tablefile, transfer
from geo.access import Principal
from geo.datum import Datum
from geo.errors import Problem
from geo.registration import Entry
from geo.tables_custody import StationImport
from geo.transfer import Options
from geo.vocabulary import StationKind

log = logging.getLogger("yizhan")

KEPT = timedelta(days=30)
# A worker that has said nothing for so long is dead; one that has not begun waits for others.
SILENCE, QUEUE = timedelta(minutes=2), timedelta(minutes=30)
BEAT_S = 0.5
LARGE = [defer(StationImport.content), defer(StationImport.report)]  # type: ignore[arg-type]  # these are columns


def enqueue(session: Session, who: Principal, content: bytes, options: Options) -> UUID:
    """Take a file on for the caller's own organisation, or one below it that the options name.

    Raises `Forbidden`, `OrganisationNotFound`, `UnreadableFile` for one that is empty or too large.
    """
    manager = organisations.get(session, options.organisation or who.organisation).code
    if not access.may_register(who, organisations.relation(session, who.organisation, manager)):
        raise errors.Forbidden
    if options.entry is Entry.PUBLISHED and who.role != "admin":
        raise errors.Forbidden("To publish at once takes a key that may review what it enters: an admin's.")
    if not content:
        raise errors.UnreadableFile("The file is empty; expected a header row and a row for each station.")
    tablefile.refuse_larger(len(content))
    session.execute(delete(StationImport).where(col(StationImport.created_at) < func.now() - KEPT))
    said = {name: value for name, value in asdict(options).items() if name != "organisation"}
    job = StationImport(actor=who.prefix, organisation=who.organisation, manager=manager, options=said, content=content)
    session.add(job)
    session.flush()
    return job.id


def work(url: str, job_id: UUID) -> None:
    """Bring in the file of an import: the stations and the report are written together, or neither is."""
    engine = db.make_engine(url, pool_size=2)
    try:
        with db.session(engine) as session:
            job = _job(session, job_id)
            content = job.content
            session.execute(_changed(job_id, state="running", heard_at=func.now()))
        try:
            with db.session(engine, db.Actor(job.actor, job.organisation, f"import {job_id}")) as session:
                report = transfer.import_stations(session, content, _options(job), _beat(engine, job_id))
                packed = zlib.compress(orjson.dumps(report.as_json()), 1)
                session.execute(_changed(job_id, state="done", report=packed, done=len(report.rows)))
        except errors.YizhanError as error:
            give_up(engine, job_id, error)
        except Exception:
            log.exception("import %s failed", job_id)
            give_up(engine, job_id, errors.YizhanError("The service made a mistake; it has been logged."))
    finally:
        engine.dispose()


def _options(job: StationImport) -> Options:
    said = dict(job.options)
    crs, kind, entry = (said.pop(name) for name in ("crs", "kind", "entry"))
    crs, kind = Datum(crs) if crs else None, StationKind(kind) if kind else None
    return Options(organisation=job.manager, crs=crs, kind=kind, entry=Entry(entry), **said)


def _beat(engine: db.Database, job_id: UUID) -> Callable[[int], None]:
    """Tells how many rows are done, seen by others at once: in transactions of its own, twice a second at most."""
    last = 0.0

    def beat(done: int) -> None:
        nonlocal last
        if time.monotonic() - last > BEAT_S:
            last = time.monotonic()
            with db.session(engine) as session:
                session.execute(_changed(job_id, done=done, heard_at=func.now()))

    return beat


def _changed(job_id: UUID, **values: Any) -> Any:
    return update(StationImport).where(col(StationImport.id) == job_id).values(**values)


def give_up(engine: db.Database, job_id: UUID, error: errors.YizhanError) -> None:
    """Write down why an import came to nothing, unless it has an end already."""
    problems = [{"loc": list(problem.loc), "message": problem.message} for problem in error.problems]
    problem = {"error": type(error).__name__, "message": error.message, "problems": problems}
    open_ended = col(StationImport.state).in_(["queued", "running"])
    with db.session(engine) as session:
        session.execute(_changed(job_id, state="failed", problem=problem).where(open_ended))


def _job(session: Session, job_id: UUID | str) -> StationImport:
    """The import; its file and its report are read when they are asked for.

    Whoever polls asks for neither, and to read megabytes twice a second would hold up the answers to riders.
    """
    try:
        key = job_id if isinstance(job_id, UUID) else UUID(job_id)
    except ValueError:
        raise errors.ImportNotFound from None
    found = session.get(StationImport, key, populate_existing=True, options=LARGE)
    if found is None:
        raise errors.ImportNotFound
    return found


def see(session: Session, who: Principal, job_id: UUID | str) -> StationImport:
    """An import of the caller's own organisation or one below it. Raises `ImportNotFound`."""
    job = _job(session, job_id)
    relation = organisations.relation(session, who.organisation, job.organisation)
    if who.role != "admin" and relation not in access.MANAGED:
        raise errors.ImportNotFound
    return job


class Status(NamedTuple):
    """How far an import is, and once it is done its report: the members of a JSON object, never taken apart.

    A hundred thousand verdicts as objects would hold up all that the interpreter does besides for a second.
    """

    about: dict[str, Any]
    report: bytes

    def as_json(self) -> bytes:
        """Both as one object."""
        return orjson.dumps(self.about)[:-1] + b"," + self.report[1:] if self.report else orjson.dumps(self.about)


def status(session: Session, who: Principal, job_id: UUID | str) -> Status:
    """How far an import is, and once it is done its report. Raises `ImportNotFound`."""
    job = see(session, who, job_id)
    now: datetime = session.exec(select(func.now())).one()
    state, problem = job.state, job.problem
    limit = {"queued": QUEUE, "running": SILENCE}.get(state)
    if limit and job.heard_at and job.heard_at < now - limit:
        interrupted = errors.DatabaseUnavailable("The import was interrupted; nothing was written. Send it again.")
        state, problem = "failed", {"error": "Unavailable", "message": interrupted.message, "problems": []}
    about = {"id": str(job.id), "state": state, "done": job.done, "problem": problem}
    return Status(about, zlib.decompress(job.report) if state == "done" and job.report else b"")


def reraise(problem: dict[str, Any]) -> None:
    """Raise the error that an import came to, as if it had happened here."""
    kind: type[errors.YizhanError] = getattr(errors, problem["error"])
    raise kind(problem["message"], problems=[Problem(tuple(p["loc"]), p["message"]) for p in problem["problems"]])


def require_done(session: Session, who: Principal, job_id: str) -> UUID:
    """The id of an import that is done. Raises `ImportNotFound`, `IllegalMove` where it is not done."""
    job = see(session, who, job_id)
    if job.state != "done":
        raise errors.IllegalMove(f"The import is {job.state}; there is a workbook once it is done.")
    return job.id


def annotate(url: str, job_id: UUID) -> bytes:
    """The file of an import as a workbook, with what became of each row beside it."""
    from geo import importbook  # the process for heavy work needs it alone

    engine = db.make_engine(url, pool_size=1)
    try:
        with db.session(engine) as session:
            job = _job(session, job_id)
            content, packed = job.content, job.report
        report = orjson.loads(zlib.decompress(packed or zlib.compress(b'{"rows": [], "written": false}')))
        return importbook.annotated(content, report["rows"], written=report["written"])
    finally:
        engine.dispose()
