"""The people of the play over HTTP: hosts, a union's auditors, an admin, and the public."""

from datetime import date
from typing import Any
from uuid import uuid4

from fastapi.testclient import TestClient

from api.schemas import PendingFeature
from geo import db, organisations
from geo.vocabulary import Role
from tests.factories import ZHENGZHOU, organisation

LON, LAT = ZHENGZHOU
BODY = {
    "name": "劳动者港湾(金水支行)",
    "lon": LON,
    "lat": LAT,
    "opening_hours": "24/7",
    "facilities": ["microwave", "drinking_water"],
    "entry_modes": ["walk_in"],
}


class Caller:
    """A client with somebody's key."""

    def __init__(self, client: TestClient, key: str) -> None:
        self.client, self.headers = client, {"Authorization": f"Bearer {key}"}

    def __call__(self, method: str, path: str, *, etag: str | None = None, **kwargs):
        headers = self.headers | ({"If-Match": etag} if etag else {})
        return self.client.request(method, path, headers=headers, **kwargs)


class Cast:
    """The people of the play: a bank with a branch, another bank, the city's union, another city's, an admin."""

    def __init__(self, client: TestClient, database: db.Database) -> None:
        self.public = client
        with db.session(database) as session:
            organisation(session, "ccb")
            organisation(session, "ccb-js", parent="ccb")
            organisation(session, "icbc")
            organisation(session, "union", kind="trade_union", region="410100")
            organisation(session, "admin", kind="government")

            def caller(code: str, role: Role, region: str | None = None) -> Caller:
                return Caller(client, organisations.create_key(session, code, role=role, region=region))

            self.bank, self.branch = caller("ccb", Role.HOST), caller("ccb-js", Role.HOST)
            self.rival = caller("icbc", Role.HOST)
            self.union = caller("union", Role.AUDITOR, "410100")
            self.elsewhere = caller("union", Role.AUDITOR, "110000")
            self.bank_auditor = caller("ccb", Role.AUDITOR, "410100")
            self.admin = caller("admin", Role.ADMIN)

    def register(self, **said) -> str:
        answer = self.bank("POST", "/v1/stations", json=BODY | said)
        assert answer.status_code == 201, answer.text
        assert answer.headers["location"] == f"/v1/stations/{answer.json()['id']}"
        PendingFeature.model_validate(answer.json())
        return str(answer.headers["location"])

    def published(self, **said) -> str:
        path = self.register(**said)
        assert self.bank("POST", f"{path}/submit").status_code == 200
        assert self.union("POST", f"{path}/review", json={"decision": "publish"}).status_code == 200
        return path

    def report(self, path: str, day: date, count: int, **said: Any) -> None:
        """A day's visits, as the bank reports them."""
        told = {"id": str(uuid4()), "count": count, "started_at": f"{day}T12:00:00+08:00", "method": "staff_tally"}
        answer = self.bank("POST", f"{path}/visits", json=told | said)
        assert answer.status_code == 201, answer.text

    def nearest(self, **asked: str | float) -> list[dict[str, Any]]:
        query: dict[str, str | float] = {"lon": LON, "lat": LAT, "open": "now", **asked}
        answer = self.public.get("/v1/stations/nearest", params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["features"])

    def etag(self, path: str) -> str:
        return str(self.bank("GET", path).headers["etag"])
