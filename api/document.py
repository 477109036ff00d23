"""The OpenAPI document: FastAPI's own, completed with what follows from a rule, and with the examples.

A route says only what is its own; the errors, headers and media types that every operation of its sort has
are said here, once.
"""

from collections import ChainMap
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import (
    examples,
    examples_audits,
    examples_checkins,
    examples_coverage,
    examples_custody,
    examples_imports,
    examples_outages,
    examples_visits,
    schemas,
)
from api.answers import GEOJSON
from api.examples import Shown

Json = dict[str, Any]
REF = "#/components/schemas/"
NEEDS_NO_DATABASE = {"check_health", "list_vocabulary", "show_metrics", "get_import_template"}
TAGGED = ("StationFeature", "PendingFeature", "RegionOut")  # single things, which have an ETag
PATCHES = {"application/merge-patch+json": "StationDraft"}  # what a body of this type amends

HEADERS: dict[str, Json] = {
    "ETag": {"description": "for If-Match and If-None-Match", "schema": {"type": "string", "pattern": '^"[^"]+"$'}},
    "Location": {
        "description": "the path of what was made, or of the successor",
        "schema": {"type": "string", "pattern": "^/"},
    },
    "Retry-After": {"description": "seconds to wait", "schema": {"type": "integer", "minimum": 1}},
    "WWW-Authenticate": {"description": "how to say who asks", "schema": {"type": "string", "const": "Bearer"}},
}
HEADERS_OF = {
    "308": ["Location"],
    "201": ["Location"],
    "401": ["WWW-Authenticate"],
    "429": ["Retry-After"],
    "503": ["Retry-After"],
}
# Later pages add to earlier ones.
PAGES = (
    examples,
    examples_custody,
    examples_imports,
    examples_outages,
    examples_coverage,
    examples_audits,
    examples_visits,
)
PARAMETERS = (
    examples.PARAMETERS
    | examples_coverage.PARAMETERS
    | examples_audits.PARAMETERS
    | examples_checkins.PARAMETERS
    | examples_visits.PARAMETERS
)
PARAMETERS_OF = dict(ChainMap(*(page.PARAMETERS_OF for page in PAGES)))
BODIES = dict(ChainMap(examples_checkins.BODIES, *(page.BODIES for page in PAGES)))
ANSWERS = dict(ChainMap(examples_checkins.ANSWERS, *(page.ANSWERS for page in PAGES)))
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "the ETag you have; 304 when it is still right",
    "schema": {"type": "string"},
}


_made: list[Json] = []  # once a process: every application is made of the same operations
_making = Lock()  # many who are refused at once ask for it at once, and FastAPI cannot make two at a time


def describe(app: FastAPI) -> Json:
    """The document of `app`, made when one is first asked for; half a second of work."""
    if app.openapi_schema is None:
        with _making:
            if not _made:
                _made.append(_described(app))
        app.openapi_schema = _made[0]
    return app.openapi_schema


def _described(app: FastAPI) -> Json:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    known = document["components"]["schemas"]
    complete_schemas(known)
    for path, item in document["paths"].items():
        for operation in item.values():
            tidy_parameters(operation.get("parameters", ()))
            say_what_amends(operation)
            say_what_is_needed(operation)
            say_errors(path, operation)
            say_geojson(operation, known)
            say_headers(operation)
            show_examples(operation)
            if item.get("get") is operation:
                say_unchanged(operation)
    return document


def complete_schemas(known: dict[str, Json]) -> None:
    """Problems instead of FastAPI's own errors, and patches: any field of what they amend, or null."""
    for unused in ("HTTPValidationError", "ValidationError"):
        known.pop(unused, None)
    problem = schemas.Problem.model_json_schema(ref_template=REF + "{model}")
    known.update(problem.pop("$defs"), Problem=problem)
    for draft in PATCHES.values():
        fields = {name: {"anyOf": [field, {"type": "null"}]} for name, field in known[draft]["properties"].items()}
        known[draft.replace("Draft", "Patch")] = {
            "type": "object",
            "description": "A merge patch (RFC 7396): what is left out stays, null clears.",
            "properties": fields,
            "additionalProperties": False,
        }


def tidy_parameters(parameters: Sequence[Json]) -> None:
    """A parameter is left out rather than null; lists are comma separated."""
    for parameter in parameters:
        schema = parameter["schema"]
        choices = [choice for choice in schema.pop("anyOf", ()) if choice != {"type": "null"}]
        parameter["schema"] = schema = choices[0] | schema if len(choices) == 1 else schema
        if len(choices) > 1:
            schema["anyOf"] = choices
        if parameter["in"] == "query" and schema.get("type") == "array":
            parameter.update(style="form", explode=False)


def say_what_amends(operation: Json) -> None:
    """The body of a patch: FastAPI knows it only as an object."""
    for media_type, content in operation.get("requestBody", {"content": {}})["content"].items():
        if media_type in PATCHES:
            content["schema"] = {"$ref": REF + PATCHES[media_type].replace("Draft", "Patch")}


def say_what_is_needed(operation: Json) -> None:
    """Where 428 is answered If-Match is needed, though FastAPI, which would answer 400, knows it as optional."""
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "If-Match" and "428" in operation["responses"]:
            parameter["required"] = True


def say_errors(path: str, operation: Json) -> None:
    """The errors that follow from what an operation is; none answers 422 for its address."""
    answers = operation["responses"]
    if "requestBody" not in operation:
        answers.pop("422", None)
    if "401" in answers and "security" not in operation:  # a key is welcome but not needed
        operation["security"] = [{}, {"HTTPBearer": []}]
    for status, problem in schemas.problems(*_errors(path, operation)).items():
        answers.setdefault(str(status), problem)
    operation["responses"] = dict(sorted(answers.items()))


def _errors(path: str, operation: Json) -> Iterator[int]:
    yield 400  # an unknown parameter, if nothing else
    if "security" in operation:
        yield 401
    if "{" in path:
        yield 404
    if "requestBody" in operation:
        yield from (413, 415, 422)
    if operation["operationId"] not in NEEDS_NO_DATABASE:
        yield 503


def schema_of(answer: Json) -> str:
    """The name of the schema of an answer; empty where it has none of ours."""
    named = (str(content["schema"].get("$ref", "")) for content in answer.get("content", {}).values())
    return next(filter(None, named), "").removeprefix(REF)


def say_geojson(operation: Json, known: dict[str, Json]) -> None:
    """Features and collections of them are GeoJSON; FastAPI takes every model for JSON."""
    for answer in operation["responses"].values():
        kind = known.get(schema_of(answer), {}).get("properties", {}).get("type", {}).get("const")
        if kind in {"Feature", "FeatureCollection"} and "application/json" in answer["content"]:
            answer["content"] = {GEOJSON: answer["content"].pop("application/json")} | answer["content"]


def say_headers(operation: Json) -> None:
    """The headers a client works with."""
    for status, answer in operation["responses"].items():
        names = HEADERS_OF.get(status, []) + (["ETag"] if schema_of(answer) in TAGGED else [])
        if names:
            answer["headers"] = {name: HEADERS[name] | {"required": True} for name in names}


def say_unchanged(operation: Json) -> None:
    """What has an ETag can be asked for only if it has changed."""
    if "ETag" in operation["responses"]["200"].get("headers", {}):
        headers = {"ETag": HEADERS["ETag"] | {"required": True}}
        operation["responses"]["304"] = {"description": "it is as you have it", "headers": headers}
        operation["parameters"].append(IF_NONE_MATCH)


def show_examples(operation: Json) -> None:
    """The examples of this operation: of its parameters, its body and its answers."""
    name = operation["operationId"]
    for parameter in operation.get("parameters", ()):
        word = parameter["name"]
        show(parameter, PARAMETERS_OF.get(f"{name} {word}") or PARAMETERS.get(word))
    for media_type, content in operation.get("requestBody", {"content": {}})["content"].items():
        show(content, BODIES.get(f"{name} {media_type}") or BODIES.get(name))
    for status, answer in operation["responses"].items():
        usual = ANSWERS.get(name) if status < "300" else None
        for media_type, content in answer.get("content", {}).items():
            show(content, ANSWERS.get(f"{name} {media_type}") or ANSWERS.get(f"{name} {status}", usual))


def show(place: Json, shown: Shown | None) -> None:
    """Put an example in: `zh` and `en`."""
    if shown is not None:
        words = {"zh": "中文", "en": "English"}
        place["examples"] = {key: {"summary": words[key], "value": getattr(shown, key)} for key in words}
