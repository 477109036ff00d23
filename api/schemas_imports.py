"""The shapes of answers about imports."""

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas import Id
from geo.registration import Verdict, Why


class RowProblem(BaseModel):
    """Why a row is refused: the column, what it says, and what was expected."""

    column: str | None
    value: str | int | float | bool | None
    message: str


class DuplicateOf(BaseModel):
    """Which station, or earlier row, a row repeats, and why it counts as the same."""

    why: Why
    row: int | None
    id: Id | None
    code: str | None


class ImportedRow(BaseModel):
    """What became of a row."""

    row: int = Field(description="as the spreadsheet numbers it: the header is row 1")
    verdict: Verdict
    id: Id | None
    changed: list[str] = Field(description="fields that are different now")
    pending: list[str] = Field(description="fields that wait for review")
    errors: list[RowProblem]
    warnings: list[str]
    duplicate_of: DuplicateOf | None = None


class Counts(BaseModel):
    """How many rows of each verdict."""

    inserted: int
    updated: int
    unchanged: int
    duplicate: int
    refused: int


class ImportProblem(BaseModel):
    """Why an import came to nothing."""

    error: str
    message: str
    problems: list[dict[str, object]]


class ImportStatus(BaseModel):
    """An import: how far it is, and once it is done its report."""

    id: Id
    state: Literal["queued", "running", "done", "failed"]
    done: int = Field(description="rows")
    problem: ImportProblem | None = None
    written: bool | None = None
    counts: Counts | None = None
    warnings: list[str] = []
    rows: list[ImportedRow] = []


class ImportReport(ImportStatus):
    """An import that is done; `written` says whether anything was entered."""

    written: bool
    counts: Counts
