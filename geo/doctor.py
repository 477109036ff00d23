"""What is wrong with this installation, and the mend of each; changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

from geo import db, embedded, errors, holidays, regions
from geo.hours import SHANGHAI
from geo.settings import Settings


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is good, what was seen, and the mend; good with a mend is a warning."""

    good: bool
    what: str
    mend: str = ""


def readiness(database: db.Database) -> tuple[list[str], list[str]]:
    """Why nearest cannot be answered (nothing when it can), and what will need somebody's care soon."""
    try:
        reasons = db.unready(database)
        if reasons:
            return reasons, []
        with db.session(database) as session:
            return [], holidays.warnings(session, datetime.now(SHANGHAI).date())
    except errors.Unavailable as error:
        return [error.message], []


def examine(settings: Settings) -> list[Finding]:
    """Look at the programs, the database, its schema and what is loaded, in the order they build on each other."""
    findings = [_address(settings)]
    try:
        if not settings.database_url:
            findings.append(Finding(good=True, what=f"PostgreSQL with PostGIS: {embedded.find_binaries()}"))
            if not embedded.exists(settings.data_dir):
                mend = "run `make run`, or any command that writes"
                return [
                    *findings,
                    Finding(good=False, what=f"no cluster in {settings.data_dir} yet", mend=mend),
                ]
        with db.connect(settings) as engine:
            findings += _look(engine)
    except errors.YizhanError as error:
        mend = MENDS.get(type(error), "see the log of PostgreSQL")
        findings.append(Finding(good=False, what=error.message, mend=mend))
    return findings


def _address(settings: Settings) -> Finding:
    if settings.public_url:
        return Finding(good=True, what=f"public address {settings.public_url}")
    mend = "set YIZHAN_PUBLIC_URL to where riders reach this server"
    return Finding(good=True, what="no public address: posters lead to wherever they were opened", mend=mend)


MENDS: dict[type[errors.YizhanError], str] = {
    errors.PostgisMissing: "install the packages it names, or `docker compose up`",
    errors.SchemaOutdated: "yizhan migrate",
    errors.DatabaseUnavailable: "check that the server DATABASE_URL names runs and lets this login in",
}


def _look(engine: Engine) -> Iterator[Finding]:
    with db.session(engine) as session:
        version = session.execute(text("SELECT postgis_full_version()")).scalar_one()
        yield Finding(good=True, what=f"database answers: {version.split(' [')[0]}")
        yield Finding(good=True, what=f"schema {db.SCHEMA}")
        loaded = regions.is_loaded(session)
        yield Finding(good=loaded, what="administrative divisions", mend="" if loaded else "yizhan regions load")
        warnings = holidays.warnings(session, datetime.now(SHANGHAI).date())
        mend = "yizhan holidays load FILE" if warnings else ""
        yield Finding(good=True, what="".join(warnings) or "holiday calendar", mend=mend)
        stations = session.execute(text("SELECT count(*) FROM station")).scalar_one()
        yield Finding(good=True, what=f"{stations} stations")
        placed = session.execute(text("SELECT count(*) FROM station WHERE province IS NULL")).scalar_one()
        lost = loaded and placed > stations / 10
        mend = "check the datum they were imported with; then `yizhan regions load` places them anew"
        yield Finding(good=not lost, what=f"{placed} stations lie in no division", mend=mend if lost else "")
