"""Errors become RFC 9457 problems: one table from error to status, one shape for every answer that is no success."""

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.operations import methods_at, promise_of
from geo import db, errors, organisations

log = logging.getLogger("yizhan")

STATUS: Mapping[type[errors.YizhanError], int] = {
    errors.InvalidInput: 422,
    errors.InvalidQuery: 400,
    errors.UnreadableFile: 422,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.StationNotFound: 404,
    errors.OrganisationNotFound: 404,
    errors.RegionNotFound: 404,
    errors.KeyNotFound: 404,
    errors.ClosureNotFound: 404,
    errors.RequestNotFound: 404,
    errors.ImportNotFound: 404,
    errors.Succeeded: 308,
    errors.VisitNotFound: 404,
    errors.PosterNotFound: 404,
    errors.AlertNotFound: 404,
    errors.Gone: 410,
    errors.StationRemoved: 410,
    errors.FeedRestarted: 410,
    errors.PointsNotFound: 404,
    errors.FindingNotFound: 404,
    errors.Conflict: 409,
    errors.OrganisationExists: 409,
    errors.HostRefTaken: 409,
    errors.AlreadyRegistered: 409,
    errors.IllegalMove: 409,
    errors.OrganisationRing: 409,
    errors.CustodyPending: 409,
    errors.ClaimedByAnother: 409,
    errors.VisitDiffers: 409,
    errors.AlreadyReversed: 409,
    errors.RevisionRequired: 428,
    errors.StaleRevision: 412,
    errors.NotEmpty: 409,
    errors.TooOften: 429,
    errors.Unavailable: 503,
    errors.DatabaseUnavailable: 503,
    errors.SchemaOutdated: 503,
    errors.PostgisMissing: 503,
    errors.ClusterFailed: 503,
    errors.WorkshopBusy: 503,
}

RETRY_AFTER_S = "2"
# What may be found before a key is looked at, and is told only to those who have one where one is needed.
FOUND_BEFORE_THE_KEY = (errors.InvalidInput, errors.StationNotFound)


class ProblemResponse(Response):
    """`application/problem+json`: type, title, status, detail, instance (the path, never the query), errors."""

    media_type = "application/problem+json"

    def __init__(
        self,
        request: Request,
        status: int,
        detail: str,
        *,
        problems: list[dict[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "instance": request.url.path,
        }
        if problems:
            body["errors"] = problems
        extra = {"Retry-After": RETRY_AFTER_S} if status in {429, 503} else {}
        super().__init__(orjson.dumps(body), status, headers={**extra, **(headers or {})})


async def answer_error(request: Request, error: Exception) -> Response:
    """An error of ours, with its status by the table above and its broken rules."""
    assert isinstance(error, errors.YizhanError)  # noqa: S101 - registered for this class
    if isinstance(error, FOUND_BEFORE_THE_KEY) and (stranger := await run_in_threadpool(refuse_stranger, request)):
        error = stranger
    problems = [{"loc": list(problem.loc), "message": problem.message} for problem in error.problems]
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, errors.Unauthenticated) else {}
    if isinstance(error, errors.TooOften):
        headers["Retry-After"] = str(math.ceil(error.again_in_s))
    if isinstance(error, errors.Succeeded):
        headers["Location"] = place_of_successor(request, error.successor)
    return ProblemResponse(request, STATUS[type(error)], error.message, problems=problems, headers=headers)


def place_of_successor(request: Request, successor: str) -> str:
    """Where the successor is, asked for in the same way."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/v1/stations/{successor}{query}"


def refuse_stranger(request: Request) -> errors.YizhanError | None:
    """Who has no key learns nothing of what else was wrong: 401 before validation, where a key is needed."""
    if not promise_of(request).secured:
        return None
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    try:
        with db.session(request.app.state.engine) as session:
            organisations.authenticate(session, key.strip() if scheme.lower() == "bearer" else "")
    except errors.YizhanError as error:
        return error
    return None


def unsupported_media_type(expected: str) -> HTTPException:
    """415, with what would have been understood."""
    return HTTPException(415, f"Expected a body of type {expected}.")


def body_too_large(most: int) -> HTTPException:
    """413, with how much is taken."""
    return HTTPException(413, f"The body is too large; at most {most:,} bytes are taken here.")


async def answer_invalid_request(request: Request, error: Exception) -> Response:
    """What the parameters' models refuse: 400 for anything in the address, 422 for a body."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    if stranger := await run_in_threadpool(refuse_stranger, request):
        return await answer_error(request, stranger)
    found: dict[tuple[str | int, ...], list[str]] = {}
    for item in error.errors():
        found.setdefault(place_of(item), []).append(message_of(item))
    problems = [{"loc": list(loc), "message": ", or ".join(messages)} for loc, messages in found.items()]
    in_body = problems[0]["loc"][0] == "body"
    detail = "The body breaks a rule." if in_body else "A parameter is not valid."
    return ProblemResponse(request, 422 if in_body else 400, detail, problems=problems)


def place_of(item: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Where it is, without the names pydantic gives to the choices of a union: `literal['now']`."""
    return tuple(part for part in item["loc"] if isinstance(part, int) or "[" not in part)


def message_of(item: Mapping[str, Any]) -> str:
    """pydantic's message without its own prefix, and with what an unknown name could have been."""
    if item["type"] == "extra_forbidden":
        return "unknown"
    return str(item["msg"]).removeprefix("Value error, ")


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """What the router itself refuses, 404 and 405 with `Allow`, and a body that nobody can read."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    if error.status_code in {400, 413, 415} and (stranger := await run_in_threadpool(refuse_stranger, request)):
        return await answer_error(request, stranger)
    if error.status_code == 400:  # FastAPI's own, for bytes that are not UTF-8, or JSON too deep or too long a number
        unread = [{"loc": ["body"], "message": "expected JSON in UTF-8, within reason"}]
        return ProblemResponse(request, 422, "The body cannot be read.", problems=unread)
    headers = dict(error.headers or {})
    if error.status_code == 405 and (methods := methods_at(request.app, request.url.path)):
        headers["Allow"] = ", ".join(methods)  # the router itself knows only of the first route that has the path
    return ProblemResponse(request, error.status_code, error.detail, headers=headers)


async def answer_mistake(request: Request, error: Exception) -> Response:
    """A mistake of ours: 500, logged without the query, which may hold a rider's position."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return ProblemResponse(request, 500, "The service made a mistake; it has been logged.")


def install(app: FastAPI) -> None:
    """Answer every error of `app` as a problem."""
    app.add_exception_handler(errors.YizhanError, answer_error)
    app.add_exception_handler(RequestValidationError, answer_invalid_request)
    app.add_exception_handler(HTTPException, answer_http_exception)
    app.add_exception_handler(Exception, answer_mistake)
