"""The OpenAPI document: complete by rule, and true of what the server answers to anything at all."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Engine
from sqlalchemy import text as sql

from api.app import ROOMS, create_app
from geo import db, organisations
from geo.settings import Settings
from geo.vocabulary import Role
from tests.conftest import ACTOR, ROOT, SECRET
from tests.factories import organisation, station
from tests.serving import serving

if TYPE_CHECKING:
    from schemathesis import Case

    from tests.asking import World

Operation = tuple[str, str, dict[str, Any]]
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
OPERATION_IDS = [route.name for room in ROOMS for route in room.router.routes]
NEEDS_NO_DATABASE = {"check_health", "list_vocabulary", "show_metrics", "get_import_template"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    from tests.asking import DOCUMENT

    return DOCUMENT


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> list[Operation]:
    return [(method, path, operation) for path, item in document["paths"].items() for method, operation in item.items()]


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for below in value.values():
            yield from references(below)
    elif isinstance(value, list):
        for below in value:
            yield from references(below)


def shown(operation: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Everything an operation shows, as its place in the document and its examples."""
    places = [*operation.get("parameters", ()), *operation.get("requestBody", {}).get("content", {}).values()]
    for answer in operation["responses"].values():
        places += answer.get("content", {}).values()
    return ((place, place["examples"]) for place in places if "examples" in place)


def test_every_operation_says_what_it_is_in_both_languages(operations: list[Operation]):
    ids = Counter(operation["operationId"] for _, _, operation in operations)
    assert ids == Counter(OPERATION_IDS)
    assert [name for name, times in ids.items() if times > 1] == []
    for method, path, operation in operations:
        assert re.fullmatch("[a-z]+(_[a-z]+)+", operation["operationId"]), (method, path)
        assert re.search("[A-Za-z]{3}", operation["summary"]), (method, path)
        assert re.search("[\u4e00-\u9fff]{2}", operation["summary"]), (method, path)
        assert operation["description"], (method, path)
        assert operation["tags"], (method, path)


def test_every_operation_shows_what_to_send_and_what_comes_back_in_chinese_and_english(operations: list[Operation]):
    for method, path, operation in operations:
        bodies = list(operation.get("requestBody", {}).get("content", {}).values())
        answers = [
            content
            for status, answer in operation["responses"].items()
            if status < "300"
            for content in answer.get("content", {}).values()
        ]
        wanted = [*bodies, *answers]
        if "{" in path:
            wanted += [parameter for parameter in operation["parameters"] if parameter["in"] == "path"]
        for place in wanted:
            assert set(place.get("examples", ())) == {"zh", "en"}, (method, path, place.get("name"))
        assert wanted, (method, path)


def test_every_example_keeps_to_its_schema(document: dict[str, Any], operations: list[Operation]):
    from jsonschema_rs import Draft202012Validator

    # One schema with a place for each, and one value that fills them all: two hundred would take seconds to compile.
    schemas: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for method, path, operation in operations:
        for place, examples in shown(operation):
            for language, example in examples.items():
                name = f"{len(values)} {method} {path} {place.get('name')} {language}"
                schemas[name], values[name] = place["schema"], example["value"]
    schema = {"properties": schemas, "components": document["components"]}
    errors = Draft202012Validator(schema, validate_formats=True).iter_errors(values)
    assert [f"{error.instance_path} {error.message}" for error in errors] == []
    assert values


def test_what_an_operation_is_says_which_errors_it_may_answer(operations: list[Operation]):
    for method, path, operation in operations:
        answers = operation["responses"]
        due = {"400"} | ({"503"} if operation["operationId"] not in NEEDS_NO_DATABASE else set())
        due |= {"401"} if operation.get("security") else set()
        due |= {"404"} if "{" in path else set()
        due |= {"413", "415", "422"} if "requestBody" in operation else set()
        assert due <= set(answers), (method, path, due - set(answers))
        assert "requestBody" in operation or "422" not in answers, (method, path)
        for status in set(answers) - {"503"}:
            assert status < "400" or answers[status]["content"] == PROBLEM, (method, path, status)


@pytest.mark.parametrize(
    ("status", "header"), [("201", "Location"), ("304", "ETag"), ("401", "WWW-Authenticate"), ("503", "Retry-After")]
)
def test_the_headers_a_client_works_with_are_promised(status, header, operations: list[Operation]):
    answers = [operation["responses"][status] for _, _, operation in operations if status in operation["responses"]]
    assert answers
    assert all(answer["headers"][header]["required"] for answer in answers)


def test_one_station_comes_with_an_etag_as_geojson(operations: list[Operation]):
    found = 0
    for method, path, operation in operations:
        for status, answer in operation["responses"].items():
            if any(name.endswith(("StationFeature", "PendingFeature")) for name in references(answer.get("content"))):
                found += 1
                assert list(answer["content"]) == ["application/geo+json"], (method, path)
                assert "ETag" in answer["headers"], (method, path, status)
    assert found


def test_every_reference_leads_somewhere_and_nothing_is_left_over(document: dict[str, Any]):
    found = set(references(document))
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert found == known


def furnish(engine: Engine) -> tuple[str, list[str], list[str]]:
    """Enter a little of everything: an admin's key, ids of stations and codes of theirs."""
    with db.session(engine, ACTOR) as session:
        organisation(session, "ccb")
        organisation(session, "union", kind="trade_union", region="410100")
        ids = [
            station(session, organisation="ccb", publish=n > 0, name=f"站 {n}", host_ref=str(n), lat=34.7 + n / 100)
            for n in range(3)
        ]
        hours = "Mo-Fr 09:00-17:00; PH off"
        ids.append(station(session, name="驿站", lat=34.8, opening_hours=hours, facilities=["microwave", "toilet"]))
        codes = list(session.scalars(sql("SELECT code FROM station")))
        return organisations.create_key(session, "union", role=Role.ADMIN), ids, codes


@pytest.fixture(scope="module")
def world(clone) -> "Iterator[World]":
    from tests.asking import World

    engine = db.make_engine(clone())
    yield World(create_app(Settings(secret=SECRET), engine), *furnish(engine))
    engine.dispose()


@pytest.mark.parametrize("operation_id", OPERATION_IDS)
def test_whatever_is_asked_the_answer_is_a_documented_one(operation_id: str, world: "World"):
    from tests.asking import made_up

    # The outlines of a whole level are megabytes, coverage is worked out: their cases cost a hundred times the others'.
    # More are asked by the long walk.
    most = 4 if operation_id in {"list_outlines", "measure_coverage", "find_gaps", "suggest_sites"} else 8

    @settings(max_examples=most, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(made_up(operation_id))
    def ask(case: "Case[Any]") -> None:
        world.ask(case, **world.meet(case))

    ask()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("operation_id", OPERATION_IDS)
def test_what_the_document_shows_can_be_sent_as_it_is(operation_id: str, language: str, world: "World"):
    answer = world.ask(world.as_shown(operation_id, language))
    assert answer.status_code in {200, 201, 202, 204, 304, 404, 409}, answer.text


def spoilt(value: Any) -> Iterator[Any]:
    """The same JSON again and again, each time with a NUL in another of its texts."""
    if isinstance(value, str):
        yield f"{value}\0"
    elif isinstance(value, dict):
        yield from ({**value, name: bad} for name in value for bad in spoilt(value[name]))
    elif isinstance(value, list):
        yield from ([*value[:at], bad, *value[at + 1 :]] for at in range(len(value)) for bad in spoilt(value[at]))


@pytest.mark.parametrize("operation_id", OPERATION_IDS)
def test_a_nul_is_refused_wherever_it_stands(operation_id: str, world: "World"):
    case = world.as_shown(operation_id, "zh")
    places = {"path_parameters": 400, "query": 400} | ({"body": 422} if case.media_type else {})
    for place, status in places.items():
        whole = getattr(case, place)
        for bad in spoilt(whole):
            setattr(case, place, bad)
            answer = world.ask(case)
            if operation_id == "record_visits":  # a verdict a row: refused there
                assert answer.status_code in {200, status}, (bad, answer.text)
                assert answer.status_code == status or not answer.json()["counts"]["recorded"], bad
            else:
                assert answer.status_code == status, (bad, answer.text)
        setattr(case, place, whole)


@pytest.mark.long
@pytest.mark.parametrize("with_key", [True, False])
def test_whatever_a_long_walk_asks_of_the_real_server_the_answer_is_a_documented_one(fresh_url, fresh_engine, with_key):
    from tests.asking import CHECKS, PATIENCE_S

    key, _, _ = furnish(fresh_engine)
    options = ["--generation-deterministic", "--continue-on-failure", "--no-color"]
    options += ["--max-examples", "200" if with_key else "20", "--checks", ",".join(c.__name__ for c in CHECKS)]
    options += ["--request-timeout", str(PATIENCE_S)]
    # How files are sent, it is told by the same module as the tests here.
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.asking", "PYTHONPATH": str(ROOT)}
    options += ["--header", f"Authorization: Bearer {key}"] if with_key else []
    with serving(fresh_url) as address:
        command: list[str] = [str(SCHEMATHESIS), "run", f"{address}/openapi.json", *options]
        walk = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert walk.returncode == 0, walk.stdout
