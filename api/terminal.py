"""What the commands share: the terminal, the operator's session, and a database made ready to work with.

Here too each function imports what it works with (`api.cli`).
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from sqlmodel import Session

    from geo.settings import Settings

# In a pipe a table is as wide as it needs to be.
WIDTH = None if sys.stdout.isatty() else 200
out, err = Console(soft_wrap=True, width=WIDTH), Console(stderr=True, soft_wrap=True)

DataDir = Annotated[
    Path | None, typer.Option("--data", help="Directory of the private cluster (YIZHAN_DATA_DIR, .data).")
]
Organisation = Annotated[str | None, typer.Option("--organisation", help="Code of the managing organisation.")]


def settings_of(data: Path | None) -> "Settings":
    """The environment's settings, with the data directory of the command line."""
    from pydantic import ValidationError

    from geo.settings import Settings

    if data is not None:
        os.environ["YIZHAN_DATA_DIR"] = str(data)  # also for the server processes that `serve` starts
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            err.print(f"{problem['loc'][0]}: {problem['msg'].removeprefix('Value error, ')}", markup=False)
        raise typer.Exit(2) from None


@contextlib.contextmanager
def operator_session(data: Path | None, *, as_owner: bool = False) -> "Iterator[Session]":
    """One transaction of the operator's, on a database made ready."""
    from geo import db

    with (
        db.connect(settings_of(data), as_owner=as_owner) as engine,
        db.session(engine, db.OPERATOR, as_owner=as_owner) as session,
    ):
        yield session


@contextlib.contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Any]:
    """A bar on a terminal, nothing in a pipe; yields a function that takes how much is done."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def furnish(data: Path | None) -> None:
    """A database made just now has no divisions, without which a station has no district, and no calendar."""
    from geo import holidays, regions

    with operator_session(data, as_owner=True) as session:
        if not regions.is_loaded(session):
            with progress("divisions"):
                regions.load(session)
        holidays.fill(session)


def analyse(data: Path | None) -> None:
    """Let the planner know of many new stations at once; autovacuum would, but only after a minute or so."""
    from geo import db

    with operator_session(data, as_owner=True) as session:
        db.analyse(session)


def show_json(body: object) -> None:
    """Print JSON alone on standard output."""
    import orjson

    sys.stdout.buffer.write(orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n")
