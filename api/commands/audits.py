"""The commands that prove what is kept beside the rows."""

import typer

from api.terminal import DataDir, operator_session, out
from geo import visit_figures

app = typer.Typer()


@app.command("rollups")
def audit_rollups(data: DataDir = None) -> None:
    """Add the ledger of visits up anew, and compare: every total must be what its rows come to."""
    with operator_session(data) as session:
        wrong = visit_figures.drift(session)
    for row in wrong:
        out.print(", ".join(f"{name} {value}" for name, value in row.items()), markup=False, highlight=False)
    out.print(f"{len(wrong)} totals differ from the ledger." if wrong else "Every total is what the ledger adds up to.")
    if wrong:
        raise typer.Exit(1)
