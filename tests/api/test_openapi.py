"""The OpenAPI document: complete by rule, and true of what the server answers to anything at all."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from sqlalchemy import Engine
from sqlalchemy import text as sql

from api.app import create_app
from geo import db, organisations
from geo.settings import Settings
from geo.vocabulary import Role
from tests.conftest import ACTOR, SECRET
from tests.factories import organisation, station
from tests.serving import serving

Operation = tuple[str, str, dict[str, Any]]
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
DOCUMENT = create_app(Settings(secret=SECRET)).openapi()
OPERATIONS: list[Operation] = [
    (method, path, operation) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
]
OPERATION_IDS = [operation["operationId"] for _, _, operation in OPERATIONS]
NEEDS_NO_DATABASE = {"check_health", "list_vocabulary", "show_metrics", "get_import_template"}


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


def test_every_operation_says_what_it_is_in_both_languages():
    ids = Counter(operation["operationId"] for _, _, operation in OPERATIONS)
    assert [name for name, times in ids.items() if times > 1] == []
    for method, path, operation in OPERATIONS:
        assert re.fullmatch("[a-z]+(_[a-z]+)+", operation["operationId"]), (method, path)
        assert re.search("[A-Za-z]{3}", operation["summary"]), (method, path)
        assert re.search("[\u4e00-\u9fff]{2}", operation["summary"]), (method, path)
        assert operation["description"], (method, path)
        assert operation["tags"], (method, path)


def test_every_operation_shows_what_to_send_and_what_comes_back_in_chinese_and_english():
    for method, path, operation in OPERATIONS:
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


def test_every_example_keeps_to_its_schema():
    for method, path, operation in OPERATIONS:
        for place, examples in shown(operation):
            schema = place["schema"] | {"components": DOCUMENT["components"]}
            validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
            for language, example in examples.items():
                errors = [f"{error.instance_path} {error.message}" for error in validator.iter_errors(example["value"])]
                assert not errors, (method, path, place.get("name"), language)


def test_what_an_operation_is_says_which_errors_it_may_answer():
    for method, path, operation in OPERATIONS:
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
def test_the_headers_a_client_works_with_are_promised(status, header):
    answers = [operation["responses"][status] for _, _, operation in OPERATIONS if status in operation["responses"]]
    assert answers
    assert all(answer["headers"][header]["required"] for answer in answers)


def test_one_station_comes_with_an_etag_as_geojson():
    found = 0
    for method, path, operation in OPERATIONS:
        for status, answer in operation["responses"].items():
            if any(name.endswith(("StationFeature", "PendingFeature")) for name in references(answer.get("content"))):
                found += 1
                assert list(answer["content"]) == ["application/geo+json"], (method, path)
                assert "ETag" in answer["headers"], (method, path, status)
    assert found


def test_every_reference_leads_somewhere_and_nothing_is_left_over():
    found = set(references(DOCUMENT))
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert found == known


@dataclass
class World:
    """The application over a database with a little of everything, a key that may do everything, and what is there."""

    app: FastAPI
    key: str
    stations: list[str]
    codes: list[str]
    turns: Counter[str] = field(default_factory=Counter)

    def meet(self, case: Case[Any]) -> dict[str, str]:
        """Turn most cases to something that is there, and answer the headers of who asks."""
        label = case.operation.label
        chance = Random(f"{label} {self.turns[label]}")
        self.turns[label] += 1
        at_hand = {"station_id": self.stations, "code": self.codes if "by-code" in case.path else ["ccb", "union"]}
        for name in at_hand.keys() & case.path_parameters.keys():
            if chance.random() < 0.7:
                case.path_parameters[name] = chance.choice(at_hand[name])
        if chance.random() < 0.7:  # a revision made up would stop almost every change at 412
            for name in [name for name in case.headers if name.lower() == "if-match"]:
                del case.headers[name]
            if case.method == "PATCH":
                case.headers["If-Match"] = "*"
        return {} if chance.random() < 0.15 else {"Authorization": f"Bearer {self.key}"}


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
def world(clone) -> Iterator[World]:
    engine = db.make_engine(clone())
    yield World(create_app(Settings(secret=SECRET), engine), *furnish(engine))
    engine.dispose()


# Not among them: `negative_data_rejection`. Two breaches of the schema are answered on purpose, as OGC API Features
# orders: a `limit` above its maximum is clamped (7.15.6), and a bbox may have six numbers where the schema says four.
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@schemathesis.serializer("text/csv")
def send_as_it_is(_: object, value: object) -> bytes:
    """A body of CSV, which schemathesis makes up as a text."""
    return str(value).encode("utf-8", "surrogatepass")


MADE_UP = schemathesis.openapi.from_dict(deepcopy(DOCUMENT))


@pytest.mark.parametrize("operation_id", OPERATION_IDS)
def test_whatever_is_asked_the_answer_is_a_documented_one(operation_id: str, world: World):
    operation = MADE_UP.find_operation_by_id(operation_id)
    cases = [operation.as_strategy(mode) for mode in schemathesis.GenerationMode]  # what keeps to the schema or not

    # The outlines of a whole level are megabytes, coverage is worked out: their cases cost a hundred times the others'.
    # More are asked by the long walk.
    most = 5 if operation_id in {"list_outlines", "measure_coverage", "find_gaps"} else 15

    @settings(max_examples=most, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(cases))
    def ask(case: Case[Any]) -> None:
        case.call_and_validate(app=world.app, headers=world.meet(case), checks=CHECKS)

    ask()


def as_shown(operation_id: str, language: str, world: World) -> Case[Any]:
    """What the document shows of an operation, put together to a request with a key."""
    operation = MADE_UP.find_operation_by_id(operation_id)
    places: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}}
    for parameter in operation.definition.raw.get("parameters", ()):
        if "examples" in parameter:
            value = parameter["examples"][language]["value"]
            places[parameter["in"]][parameter["name"]] = ",".join(value) if isinstance(value, list) else value
    headers = dict.fromkeys(places["header"], "*") | {"Authorization": f"Bearer {world.key}"}
    case = operation.Case(path_parameters=places["path"], query=places["query"], headers=headers)
    for media_type, content in operation.definition.raw.get("requestBody", {"content": {}})["content"].items():
        case.media_type, case.body = media_type, deepcopy(content["examples"][language]["value"])
    return case


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("operation_id", OPERATION_IDS)
def test_what_the_document_shows_can_be_sent_as_it_is(operation_id: str, language: str, world: World):
    answer = as_shown(operation_id, language, world).call_and_validate(app=world.app, checks=CHECKS)
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
def test_a_nul_is_refused_wherever_it_stands(operation_id: str, world: World):
    case = as_shown(operation_id, "zh", world)
    places = {"path_parameters": 400, "query": 400} | ({"body": 422} if case.media_type else {})
    for place, status in places.items():
        whole = getattr(case, place)
        for bad in spoilt(whole):
            setattr(case, place, bad)
            answer = case.call_and_validate(app=world.app, checks=CHECKS)
            if operation_id == "record_visits":  # a verdict a row: refused there
                assert answer.status_code in {200, status}, (bad, answer.text)
                assert answer.status_code == status or not answer.json()["counts"]["recorded"], bad
            else:
                assert answer.status_code == status, (bad, answer.text)
        setattr(case, place, whole)


@pytest.mark.long
@pytest.mark.parametrize("with_key", [True, False])
def test_whatever_a_long_walk_asks_of_the_real_server_the_answer_is_a_documented_one(fresh_url, fresh_engine, with_key):
    key, _, _ = furnish(fresh_engine)
    options = ["--generation-deterministic", "--continue-on-failure", "--no-color"]
    options += ["--max-examples", "200" if with_key else "20", "--checks", ",".join(c.__name__ for c in CHECKS)]
    options += ["--header", f"Authorization: Bearer {key}"] if with_key else []
    with serving(fresh_url) as address:
        command: list[str] = [str(SCHEMATHESIS), "run", f"{address}/openapi.json", *options]
        walk = subprocess.run(command, capture_output=True, text=True, check=False)
    assert walk.returncode == 0, walk.stdout
