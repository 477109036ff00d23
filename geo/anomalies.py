"""What looks wrong about counts: flagged and explained, never dropped. At entry, and of a region on demand."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping
from sqlmodel import Session


def flag(session: Session, arriving: Sequence[tuple[dict[str, Any], RowMapping | Mapping[str, Any]]]) -> None:
    """Put into `flags` of each arriving row what is odd about it; beside it what is known of its station."""
    for row, fact in arriving:
        if max(row["started_at"], row["ended_at"] or row["started_at"]) > fact["at"]:
            row["flags"].append("in_the_future")
