"""PostgreSQL dies under load: riders notice nothing, nobody is told of a write that was none, and it comes back."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from typing import Any

import pytest
from sqlalchemy import text

from geo import db, embedded, organisations
from geo.vocabulary import Role
from tests.cast import BODY
from tests.conftest import ACTOR, ground
from tests.factories import ZHENGZHOU, organisation, station
from tests.serving import YIZHAN, free_port, wait_until_ready

LON, LAT = ZHENGZHOU
NEAREST = f"/v1/stations/nearest?lon={LON}&lat={LAT}"
SQUARE = "POLYGON((113 34, 114 34, 114 35, 113 35, 113 34))"


@pytest.fixture
def registry(tmp_path_factory):
    """A data directory with a private cluster, one division and a dozen stations; and a host's key."""
    data = ground() / f"yizhan-outage-{os.getpid()}"
    with embedded.lease(data) as cluster:
        db.migrate(cluster.owner_url)
        engine = db.make_engine(cluster.owner_url)
        with db.session(engine, ACTOR, as_owner=True) as session:  # so that `serve` need not load all of China
            session.execute(
                text(
                    "INSERT INTO region (level, adcode, name, area_km2, geom)"
                    " VALUES ('province', '410000', '河南省', 1, ST_Multi(ST_GeomFromText(:square, 4326)))"
                ),
                {"square": SQUARE},
            )
        with db.session(engine, ACTOR) as session:
            ids = [station(session, name=f"站 {n}", lat=LAT + n / 1_000, opening_hours="24/7") for n in range(12)]
            organisation(session, "ccb")
            key = organisations.create_key(session, "ccb", role=Role.HOST)
        engine.dispose()
    yield data, ids, key
    shutil.rmtree(data)


class Riders:
    """Four who ask a hundred times a second, each over one connection; what they were answered."""

    def __init__(self, port: int) -> None:
        self.port, self.stopping = port, threading.Event()
        self.answered, self.failures = 0, list[object]()
        self.threads = [threading.Thread(target=self.ride) for _ in range(4)]

    def ride(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self.stopping.is_set():
            try:
                connection.request("GET", NEAREST)
                answer = connection.getresponse()
                body = json.loads(answer.read())
                if answer.status != 200 or len(body["features"]) != 10:
                    self.failures.append((answer.status, body))
            except Exception as error:
                self.failures.append(error)
                connection.close()
            self.answered += 1
            time.sleep(0.01)  # without a pause they would keep a whole processor from what is to recover
        connection.close()

    def __enter__(self) -> "Riders":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def call(port: int, method: str, path: str, key: str = "", body: dict[str, Any] | None = None) -> tuple[int, Any, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    connection.request(method, path, json.dumps(body) if body else None, headers)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    return answer.status, json.loads(said) if said else None, answer.headers


def until(true: Any) -> None:
    give_up = time.monotonic() + 40
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_postgresql_killed_under_load_fails_no_rider_and_comes_back_by_itself(registry):
    data, ids, key = registry
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [str(YIZHAN), "serve", "--port", str(port), "--data", str(data), "--workers", "2"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(server, f"http://127.0.0.1:{port}")
        until(lambda: all(call(port, "GET", "/readyz")[1]["status"] == "ready" for _ in range(8)))  # both workers
        status, made, _ = call(port, "POST", "/v1/stations", key, BODY)
        assert status == 201
        pid = int(next(data.rglob("postmaster.pid")).read_text().split()[0])
        with Riders(port) as riders:
            until(lambda: riders.answered > 200)
            states, refused = set(), 0
            for _ in range(3):
                os.kill(pid, signal.SIGKILL)
                until(lambda: call(port, "GET", "/readyz")[1]["status"] == "degraded")
                status, problem, headers = call(port, "POST", "/v1/stations", key, BODY | {"name": "断电时"})
                if status != 201:  # it may be back by now
                    assert status == 503, problem
                    assert int(headers["Retry-After"]) > 0
                    refused += 1
                status, one, _ = call(port, "GET", f"/v1/stations/{ids[0]}")
                states.add((status, "as_of" in one))
                status, many, _ = call(port, "GET", "/v1/stations?limit=5&q=%E7%AB%99")
                assert (status, [each["id"] for each in many["features"]]) == (200, sorted(ids)[:5])
                until(lambda: call(port, "GET", "/readyz")[1]["status"] == "ready")
                pid = int(next(data.rglob("postmaster.pid")).read_text().split()[0])
            until(lambda: riders.answered > 500)  # how many come meanwhile is a matter of how soon it is back
        assert {status for status, _ in states} == {200}
        assert riders.failures == []
        assert call(port, "GET", f"/v1/stations/{made['id']}", key)[0] == 200  # what was acknowledged is there
    finally:
        server.terminate()
        server.wait(30)
    assert not embedded.running(data)
