"""Requests put together by schemathesis from the OpenAPI document, and what each answer is held against.

Apart from the tests because every worker imports all of them, and this takes a second that only one of them needs.
"""

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any

import schemathesis
from fastapi import FastAPI
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from api.app import create_app
from api.importing import XLSX
from geo.settings import Settings
from tests.conftest import SECRET

DOCUMENT = create_app(Settings(secret=SECRET)).openapi()
MADE_UP = schemathesis.openapi.from_dict(deepcopy(DOCUMENT))

PATIENCE_S = 120  # what is worked out beside the server, politely, waits for everybody else of a busy machine

# Not among them: `negative_data_rejection`. Two breaches of the schema are answered on purpose, as OGC API Features
# orders: a `limit` above its maximum is clamped (7.15.6), and a bbox may have six numbers where the schema says four.
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@schemathesis.serializer("text/csv", "application/x-ndjson", XLSX)
def send_as_it_is(_: object, value: object) -> bytes:
    """A body that schemathesis makes up as a text or as bytes."""
    return bytes(value) if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


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

    def ask(self, case: Case[Any], **headers: str) -> Any:
        """The answer, which is a documented one."""
        return case.call_and_validate(app=self.app, headers=headers, checks=CHECKS, timeout=PATIENCE_S)

    def as_shown(self, operation_id: str, language: str) -> Case[Any]:
        """What the document shows of an operation, put together to a request with a key."""
        operation = MADE_UP.find_operation_by_id(operation_id)
        places: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}}
        for parameter in operation.definition.raw.get("parameters", ()):
            if "examples" in parameter:
                value = parameter["examples"][language]["value"]
                places[parameter["in"]][parameter["name"]] = ",".join(value) if isinstance(value, list) else value
        headers = dict.fromkeys(places["header"], "*") | {"Authorization": f"Bearer {self.key}"}
        case = operation.Case(path_parameters=places["path"], query=places["query"], headers=headers)
        for media_type, content in operation.definition.raw.get("requestBody", {"content": {}})["content"].items():
            case.media_type, case.body = media_type, deepcopy(content["examples"][language]["value"])
        return case


def made_up(operation_id: str) -> st.SearchStrategy[Case[Any]]:
    """Requests of an operation, such as keep to the schema and such as do not."""
    operation = MADE_UP.find_operation_by_id(operation_id)
    return st.one_of([operation.as_strategy(mode) for mode in schemathesis.GenerationMode])
