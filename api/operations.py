"""What the OpenAPI document promises of each operation, by its id: the parameters it knows, whether it needs a key."""

from dataclasses import dataclass
from functools import lru_cache
from re import Pattern
from typing import Any

from fastapi import FastAPI, Request
from starlette.routing import compile_path


@dataclass(frozen=True)
class Promise:
    """The names of an operation's query parameters, those of them that are lists, and whether it needs a key."""

    parameters: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    secured: bool = False


def promise_of(request: Request) -> Promise:
    """What is promised of the operation that a request was routed to."""
    route = request.scope.get("route")
    return _promises(request.app).get(getattr(route, "name", ""), Promise())


@lru_cache(maxsize=8)
def _promises(app: FastAPI) -> dict[str, Promise]:
    operations = [operation for path in app.openapi()["paths"].values() for operation in path.values()]
    return {operation["operationId"]: _promise(operation) for operation in operations}


def _promise(operation: dict[str, Any]) -> Promise:
    asked = [parameter for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]
    return Promise(
        frozenset(parameter["name"] for parameter in asked),
        frozenset(parameter["name"] for parameter in asked if parameter["schema"].get("type") == "array"),
        {} not in operation.get("security", [{}]),
    )


def methods_at(app: FastAPI, path: str) -> list[str]:
    """What can be done at a path, by all the operations that have it; nothing where none has."""
    shapes = _shapes(app)
    exact = [methods for known, _, methods in shapes if known == path]  # not those of an id that reads like it
    found = {method for methods in exact or [m for _, shape, m in shapes if shape.match(path)] for method in methods}
    return sorted(found | ({"HEAD"} if "GET" in found else set()))


@lru_cache(maxsize=8)
def _shapes(app: FastAPI) -> list[tuple[str, Pattern[str], list[str]]]:
    paths = app.openapi()["paths"].items()
    return [(path, compile_path(path)[0], [method.upper() for method in operations]) for path, operations in paths]
