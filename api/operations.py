"""What the OpenAPI document promises of each operation, by its id: the parameters it knows, whether it needs a key."""

from dataclasses import dataclass
from functools import lru_cache

from fastapi import FastAPI, Request


@dataclass(frozen=True)
class Promise:
    """The names of an operation's query parameters, and whether it needs a key."""

    parameters: frozenset[str] = frozenset()
    secured: bool = False


def promise_of(request: Request) -> Promise:
    """What is promised of the operation that a request was routed to."""
    route = request.scope.get("route")
    return _promises(request.app).get(getattr(route, "name", ""), Promise())


@lru_cache(maxsize=8)
def _promises(app: FastAPI) -> dict[str, Promise]:
    operations = [operation for path in app.openapi()["paths"].values() for operation in path.values()]
    return {
        operation["operationId"]: Promise(
            frozenset(p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"),
            {} not in operation.get("security", [{}]),
        )
        for operation in operations
    }
