"""The commands about the calendar of days off and make-up working days."""

from pathlib import Path
from typing import Annotated

import typer

from api.terminal import DataDir, operator_session, out
from geo import holidays

app = typer.Typer()


@app.command("load")
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
