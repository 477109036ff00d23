"""The commands that take stations out."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.terminal import DataDir, operator_session
from geo import transfer
from geo.transfer import Format

app = typer.Typer()


@app.command("stations")
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
