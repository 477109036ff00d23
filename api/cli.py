"""The command line: the operator's door. Exit codes: 0 done, 1 refused, 2 usage.

Every command is a new process, so each imports what it works with when it is called, and nothing else.
"""

import contextlib
import gc
import importlib
import logging
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from api.terminal import DataDir, analyse, err, furnish, operator_session, out, progress, settings_of
from geo import errors

OPEN_FILES, FILES_OF_OTHERS = 16_384, 512  # the second for the database, code and logs


class Family(TyperGroup):
    """Commands of one module below `api/commands`."""

    @property
    def loaded(self) -> TyperGroup:
        """The commands, imported now: an answer to `--help` needs no database, and a key no spreadsheet."""
        module = importlib.import_module(f"api.commands.{FAMILIES[str(self.name)][0]}")
        return typer.main.get_group(module.app)

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        return self.loaded.list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The one of this name, if there is one."""
        return self.loaded.get_command(ctx, cmd_name)


app = typer.Typer(no_args_is_help=True, add_completion=False, help="Yizhan 驿站: the station registry.")
FAMILIES = {
    "import": ("imports", "Bring data in."),
    "export": ("exports", "Take data out."),
    "regions": ("regions", "Administrative divisions."),
    "holidays": ("holidays", "The calendar of days off and make-up working days."),
    "organisations": ("organisations", "Banks, unions and other organisations."),
    "keys": ("keys", "API keys."),
    "audit": ("audits", "Prove what is kept beside the rows."),
}
for word, (_, purpose) in FAMILIES.items():
    app.add_typer(typer.Typer(cls=Family, no_args_is_help=True, help=purpose), name=word)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="How many processes serve.")] = 1,
    data: DataDir = None,
) -> None:
    """Serve the map at / and the API below /v1 until Ctrl-C."""
    from geo import embedded

    settings = settings_of(data)
    refuse_taken_port(host, port)
    with contextlib.ExitStack() as stack:
        # Where the workers keep their counters, for one of them to add up; read when they are imported.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = stack.enter_context(tempfile.TemporaryDirectory(prefix="yizhan-"))
        # Beside the start of the cluster, which takes as long; the workers are forked, and have it then. Nothing of it
        # is garbage: to look for some takes a sixth of the time, and copies the pages that the workers share.
        gc.disable()
        importing = threading.Thread(target=importlib.import_module, args=("api.app",))
        importing.start()
        if not settings.database_url:
            # Held while serving, so that the cluster outlives a worker that is being replaced.
            stack.enter_context(embedded.lease(settings.data_dir))
        importing.join()
        gc.freeze()
        gc.enable()
        if not settings.database_url:
            furnish(data)
        err.print(f"Yizhan 驿站 at http://{host}:{port}  (API: /docs, stop: Ctrl-C)")
        serve_by(workers, host, port, settings.log)


def serve_by(workers: int, host: str, port: int, log: str) -> None:
    """Serve by so many processes, until the first of them is told to stop."""
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

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
        log_level=LogLevels(log),
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
    from geo import db

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
    from geo import db, demo

    with db.connect(settings_of(data)):  # or a private cluster would be stopped and started between the steps
        furnish(data)
        # The owner's: only theirs may take keys, indexes and triggers off meanwhile.
        with operator_session(data, as_owner=True) as session, progress("stations", stations) as done:
            if if_empty and not demo.is_empty(session):
                return
            report = demo.build(session, stations=stations, seed=seed, progress=done)
        analyse(data)
    out.print(f"{report.stations} synthetic stations in {report.provinces} provinces.")


@app.command("doctor")
def run_doctor(data: DataDir = None) -> None:
    """Say what is wrong and how to mend it; change nothing."""
    from geo import doctor

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
    gc.set_threshold(20_000, 20, 20)  # what is imported is no garbage: to look through it was a tenth of a command
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
