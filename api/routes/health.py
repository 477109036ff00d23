"""Whether the process lives, and whether it can answer."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import answers, metrics
from api.front import directory_of
from api.schemas import Readiness
from geo import doctor

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="The process is alive 存活检查")
def check_health() -> dict[str, str]:
    """Says nothing of the database."""
    return {"status": "alive"}


@router.get(
    "/readyz",
    summary="Nearest can be answered 就绪检查",
    response_class=Response,
    responses={200: {"model": Readiness}, 503: {"model": Readiness, "description": "not yet"}},
)
def check_readiness(request: Request) -> Response:
    """200 while nearest can be answered, 503 before that, with the reasons; degraded while not all is well."""
    reasons, warnings = doctor.readiness(request.app.state.engine)
    loaded = directory_of(request.app) is not None
    answering = loaded or not reasons
    if not loaded and request.app.state.follower is not None:
        reasons = [*reasons, "The directory is being loaded; until then the database answers each rider."]
    status = "starting" if not answering else "degraded" if reasons else "ready"
    answer = answers.json({"status": status, "reasons": reasons, "warnings": warnings}, **{"Cache-Control": "no-store"})
    answer.status_code = 200 if answering else 503
    return answer


@router.get(
    "/metrics",
    summary="Counters for Prometheus 监控指标",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def show_metrics(request: Request) -> Response:
    """Requests by operation and status with their durations, and the age of the directory; of all workers together."""
    return Response(metrics.exposed(directory_of(request.app)), media_type=metrics.MEDIA_TYPE)
