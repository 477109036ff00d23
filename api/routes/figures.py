"""The union's figures: stations counted, the year-end sentence, the weekly report."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from api import answers, reports
from api.deps import Asked, SessionDep, WhoDep, split_commas
from api.deps_coverage import RegionQuery
from api.schemas import problems
from api.schemas_audits import NationalOut, StationCounts, WeeklyOut
from geo import figures, weekly
from geo.figures import GroupBy

router = APIRouter(prefix="/v1", tags=["unions"])

CSV = {"text/csv": {"schema": {"type": "string"}}}
HTML = {"text/html": {"schema": {"type": "string"}}}


class CountsQuery(RegionQuery):
    """A region, and what to count by."""

    group_by: Annotated[list[GroupBy], BeforeValidator(split_commas)] = Field([], description="any of these, in order")
    format: Literal["json", "csv"] = "json"


class NationalQuery(Asked):
    """Of which year the visits are."""

    year: int | None = Field(None, ge=2000, le=2100, description="up to yesterday; in January the one before")


class WeeklyQuery(RegionQuery):
    """A region and a week."""

    week: str | None = Field(None, pattern=r"^\d{4}-W\d{2}$", description="ISO 8601; last week when left out")
    format: Literal["json", "csv", "html"] = "json"


@router.get(
    "/stats/stations",
    summary="Stations counted 站点统计",
    response_class=Response,
    responses={200: {"model": StationCounts, "content": CSV}, **problems(400, 401, 403, 404, 503)},
)
def count_stations(session: SessionDep, who: WhoDep, asked: Annotated[CountsQuery, Query()]) -> Response:
    """Published stations; by region they are those of the divisions right below, null for what lies in none."""
    counts = figures.stations(session, who, asked.region, asked.level, asked.group_by)
    if asked.format == "csv":
        return reports.table(counts.columns, counts.rows)
    about = {"region": counts.region.adcode, "level": counts.region.level, "name": counts.region.name}
    return answers.json(about | {"total": counts.total, "items": counts.rows})


@router.get(
    "/stats/national",
    summary="The year-end sentence 全国年终数据",
    response_class=Response,
    responses={200: {"model": NationalOut}, **problems(400, 401, 403, 503)},
)
def tell_national_figures(session: SessionDep, who: WhoDep, asked: Annotated[NationalQuery, Query()]) -> Response:
    """Stations in use, round the clock, smart, with battery swap, medicine, legal aid, and visits a day, in one call.

    Visits are the official totals of a year's days, divided by the days; silence counts as nothing, so the answer says
    how many stations reported at all.
    """
    return answers.json(figures.national(session, who, asked.year))


@router.get(
    "/reports/weekly",
    summary="Weekly report of a region 周报",
    response_class=Response,
    responses={200: {"model": WeeklyOut, "content": CSV | HTML}, **problems(400, 401, 403, 404, 503)},
)
def write_weekly_report(session: SessionDep, who: WhoDep, asked: Annotated[WeeklyQuery, Query()]) -> Response:
    """As JSON, CSV, or a page to print with charts. Visits and what happened are of the week, everything else of now.

    Where nobody reported, visits are null, in CSV empty: that is not zero.
    """
    report = weekly.report(session, who, asked.region, asked.level, asked.week)
    if asked.format == "json":
        return answers.json(report)
    return reports.weekly_table(report) if asked.format == "csv" else reports.weekly_page(report)
