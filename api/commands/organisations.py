"""The commands about organisations."""

from typing import Annotated

import typer

from api.terminal import DataDir, operator_session, out
from geo import organisations
from geo.vocabulary import OrganisationKind

app = typer.Typer()


@app.command("create")
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
