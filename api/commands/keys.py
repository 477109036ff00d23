"""The commands about keys: made, listed, replaced without a gap, ended."""

import sys
from typing import Annotated

import typer
from rich.table import Table

from api.terminal import DataDir, err, operator_session, out
from geo import keys, organisations
from geo.vocabulary import Role

app = typer.Typer()
Prefix = Annotated[str, typer.Argument(help="The part of the key before its last underscore.")]


@app.command("list")
def list_keys(
    organisation: Annotated[str, typer.Option(help="Code of the organisation.")],
    data: DataDir = None,
) -> None:
    """List an organisation's keys, dead ones too, with the day each was last used."""
    with operator_session(data) as session:
        rows = keys.browse(session, organisation)
    table = Table("prefix", "role", "region", "alive", "created", "ends", "last used", box=None)
    for row in rows:
        ends = row["revoked_at"] or row["expires_at"]
        days = (f"{day:%Y-%m-%d}" if day else "" for day in (row["created_at"], ends, row["last_used_on"]))
        table.add_row(row["prefix"], row["role"], row["region"] or "", "yes" if row["alive"] else "no", *days)
    out.print(table, markup=False)


@app.command("create")
def create_key(
    organisation: Annotated[str, typer.Option(help="Code of the organisation that acts with it.")],
    role: Annotated[Role, typer.Option(help="What it may do.")],
    region: Annotated[str | None, typer.Option(help="Six-digit adcode an auditor is for.")] = None,
    data: DataDir = None,
) -> None:
    """Make a key and print it, this once, alone on standard output."""
    with operator_session(data) as session:
        key = organisations.create_key(session, organisation, role=role, region=region)
        reach = organisations.authenticate(session, key).region
    if role is Role.AUDITOR and not reach:
        err.print("This auditor's key is for the whole country: neither it nor its organisation has a region.")
    sys.stdout.write(key + "\n")


@app.command("rotate")
def rotate_key(
    prefix: Prefix,
    overlap_h: Annotated[
        float, typer.Option("--overlap-h", min=0, max=keys.MOST_OVERLAP_H, help="Hours the old key lives on.")
    ] = keys.OVERLAP_H,
    data: DataDir = None,
) -> None:
    """Replace a key: print a new one like it, alone on standard output; the old one ends after the overlap."""
    with operator_session(data) as session:
        key, ends = keys.rotate(session, prefix, overlap_h=overlap_h)
    err.print(f"The old key ends at {ends:%Y-%m-%d %H:%M} UTC.", highlight=False)
    sys.stdout.write(key + "\n")


@app.command("revoke")
def revoke_key(prefix: Prefix, data: DataDir = None) -> None:
    """End a key at once."""
    with operator_session(data) as session:
        organisations.revoke_key(session, prefix)
    out.print("Revoked.")
