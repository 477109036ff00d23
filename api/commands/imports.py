"""The commands that bring stations in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from api.terminal import DataDir, Organisation, analyse, err, furnish, operator_session, out, progress, show_json
from geo import importbook, tablefile, transfer
from geo.datum import Datum
from geo.registration import Entry, Verdict
from geo.transfer import Options
from geo.vocabulary import StationKind

# So many new stations at once change what the planner should do.
MANY = 1_000

app = typer.Typer()


@app.command("stations")
def import_stations(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, XLSX or GeoJSON.")],
    organisation: Organisation = None,
    crs: Annotated[Datum | None, typer.Option(help="Datum of rows that name none; else wgs84.")] = None,
    kind: Annotated[StationKind | None, typer.Option(help="Kind of rows that name none.")] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Publish at once.")] = False,  # noqa: FBT002
    partial: Annotated[bool, typer.Option("--partial", help="Enter the good rows.")] = False,  # noqa: FBT002
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,  # noqa: FBT002
    form: Annotated[str, typer.Option("--format", help="table or json")] = "table",
    output: Annotated[Path | None, typer.Option(help="Workbook to write what became of each row into.")] = None,
    data: DataDir = None,
) -> None:
    """Register the stations of a file: all or nothing, again and again without duplicates."""
    if form not in {"table", "json"}:
        raise typer.BadParameter("table or json", param_hint="--format")
    tablefile.refuse_larger(file.stat().st_size)
    furnish(data)
    content, entry = file.read_bytes(), Entry.PUBLISHED if publish else Entry.DRAFT
    with operator_session(data) as session, progress("rows") as done:
        report = transfer.import_stations(
            session, content, Options(organisation, crs, kind, entry, partial, dry_run), done
        )
    if report.written and report.counts[Verdict.INSERTED] > MANY:
        analyse(data)
    if output:
        output.write_bytes(importbook.annotated(content, report.rows, written=report.written))
    show_json(report.as_json()) if form == "json" else show_report(report, dry_run=dry_run)
    if report.counts[Verdict.REFUSED]:
        raise typer.Exit(1)


def show_report(report: transfer.Report, *, dry_run: bool) -> None:
    """What became of the rows: each that needs a look, then the counts."""
    for warning in report.warnings:
        err.print(f"file: {warning}", markup=False)
    table = Table("row", "verdict", "column", "value", "message", box=None)
    for row in report.rows:
        for cells in lines(row):
            table.add_row(str(row["row"]), *cells)
    if table.row_count:
        out.print(table, markup=False)
    counts = ", ".join(f"{report.counts[verdict]} {verdict}" for verdict in Verdict)
    fate = "" if report.written else " (dry run: nothing written)" if dry_run else " (nothing written)"
    out.print(counts + fate, markup=False, highlight=False)


def lines(row: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """What there is to say of a row: each problem and each warning."""
    problems = [
        (
            row["verdict"],
            problem["column"] or "",
            "" if problem["value"] is None else str(problem["value"]),
            problem["message"],
        )
        for problem in row["errors"]
    ]
    return problems + [("warning", "", "", warning) for warning in row["warnings"]]


@app.command("template")
def write_template(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Workbook to write.")] = Path("yizhan-template.xlsx"),
) -> None:
    """Write an empty table to fill in, with drop-downs and an explanation of every column."""
    file.write_bytes(importbook.template())
    out.print(f"{file} is written.", markup=False, highlight=False)
