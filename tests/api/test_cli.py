"""The command line: what it prints, where, and with which exit code."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import psycopg
import pytest

from api import cli
from geo import embedded
from tests.conftest import TEMPLATE, at, copy, ground
from tests.serving import YIZHAN, free_port, wait_until_ready

ROOT = Path(__file__).parents[2]
HEADER = "名称,经度,纬度,设施\n"


def yizhan(url: str, *args: object) -> subprocess.CompletedProcess[str]:
    """A command as the operator types it, run in this process: starting Python costs a second."""
    out, err, code = io.TextIOWrapper(io.BytesIO()), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("DATABASE_URL", url)
        patch.setattr(sys, "argv", ["yizhan", *map(str, args)])
        try:
            cli.main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
    out.flush()
    printed = out.buffer.getvalue().decode()
    return subprocess.CompletedProcess([], code, printed, err.getvalue())


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text(HEADER + "甲,113.6,34.7,饮水\n乙,113.7,34.7,\n")
    return path


def count(url: str) -> int:
    with psycopg.connect(url) as connection:
        return int(connection.execute("SELECT count(*) FROM station").fetchone()[0])  # type: ignore[index]


def test_an_import_prints_its_counts_and_json_alone_on_standard_output(fresh_url, sheet):
    done = yizhan(fresh_url, "import", "stations", sheet)
    assert (done.returncode, done.stdout) == (0, "2 inserted, 0 updated, 0 unchanged, 0 duplicate, 0 refused\n")
    report = json.loads(yizhan(fresh_url, "import", "stations", sheet, "--format", "json").stdout)
    assert report["counts"] == {"inserted": 0, "updated": 0, "unchanged": 2, "duplicate": 0, "refused": 0}
    assert [row["row"] for row in report["rows"]] == [2, 3]


def test_a_refused_row_is_exit_code_one_and_nothing_is_written(fresh_url, sheet):
    sheet.write_text(HEADER + "甲,113.6,34.7,\n乙,34.7,113.6,\n")
    done = yizhan(fresh_url, "import", "stations", sheet)
    assert done.returncode == 1
    assert "swapped" in done.stdout
    assert "nothing written" in done.stdout
    assert count(fresh_url) == 0
    assert yizhan(fresh_url, "import", "stations", sheet, "--partial").returncode == 1
    assert count(fresh_url) == 1


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("import", "stations", "missing.csv"), 2),
        (("import", "stations"), 2),
        (("import", "stations", "{sheet}", "--crs", "epsg"), 2),
        (("import", "stations", "{sheet}", "--format", "xml"), 2),
        (("import", "stations", "{sheet}", "--organisation", "nobody"), 1),
        (("nothing",), 2),
        (("keys", "revoke", "abc"), 1),
        (("keys", "create", "--organisation", "nobody", "--role", "host"), 1),
        (("organisations", "create", "x", "X", "--kind", "church"), 2),
        (("organisations", "create", "x y", "X", "--kind", "bank"), 1),
        (("regions", "load", "--source", "missing.geojson"), 1),
        (("demo", "--stations", "1"), 2),
    ],
)
def test_exit_codes(fresh_url, sheet, args, code):
    done = yizhan(fresh_url, *(str(arg).format(sheet=sheet) for arg in args))
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_a_key_is_printed_alone_and_revoked_by_its_prefix(fresh_url):
    assert yizhan(fresh_url, "organisations", "create", "ccb", "建行", "--kind", "bank").returncode == 0
    done = yizhan(fresh_url, "keys", "create", "--organisation", "ccb", "--role", "host")
    key = done.stdout.strip()
    assert done.stdout == f"{key}\n"
    prefix = "_".join(key.split("_")[:2])
    fresh = yizhan(fresh_url, "keys", "rotate", prefix, "--overlap-h", "2")
    assert (fresh.stdout.count("\n"), fresh.stdout.startswith("yz_"), "ends at" in fresh.stderr) == (1, True, True)
    listed = yizhan(fresh_url, "keys", "list", "--organisation", "ccb").stdout.splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [[prefix, "host", "yes"], [fresh.stdout[:15], "host", "yes"]]
    assert yizhan(fresh_url, "keys", "revoke", key.rsplit("_", 1)[0]).returncode == 0


def test_an_export_to_a_file_is_whole_or_not_there(fresh_url, sheet, tmp_path):
    yizhan(fresh_url, "import", "stations", sheet, "--publish")
    out = tmp_path / "out.geojson"
    assert yizhan(fresh_url, "export", "stations", "--output", out).returncode == 0
    assert len(json.loads(out.read_text())["features"]) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"list.csv", "out.geojson"}
    lines = yizhan(fresh_url, "export", "stations", "--format", "ndjson").stdout.splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["Feature", "Feature"]


def test_doctor_sees_a_good_database_and_one_that_is_gone(fresh_url, monkeypatch):
    good = yizhan(fresh_url, "doctor")
    assert good.returncode == 0, good.stdout
    assert "warn no public address" in good.stdout
    monkeypatch.setenv("YIZHAN_PUBLIC_URL", "https://yizhan.example.org/")
    assert "ok   public address https://yizhan.example.org\n" in yizhan(fresh_url, "doctor").stdout
    bad = yizhan("postgresql://nobody@/none?host=/nonexistent", "doctor")
    assert bad.returncode == 1
    assert "mend" in bad.stdout


def test_a_taken_port_is_refused(fresh_url):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = yizhan(fresh_url, "serve", "--port", taken.getsockname()[1])
    assert done.returncode == 1
    assert "Cannot listen" in done.stderr


def test_an_unmigrated_server_says_what_to_do(server):
    done = yizhan(at(server, "postgres"), "export", "stations")
    assert done.returncode == 1
    assert "yizhan migrate" in done.stderr


@pytest.fixture
def data(request, kept, server) -> Iterator[Path]:
    """A data directory: an empty one, or one with the divisions of China, which take ten seconds to cut up."""
    data = ground() / f"yizhan-cli-{os.getpid()}"
    if request.param == "with divisions":
        data.mkdir()
        copy(kept, data / "postgres")
        with embedded.lease(data) as cluster, psycopg.connect(at(cluster.owner_url, "postgres"), autocommit=True) as it:
            it.execute("DROP DATABASE yizhan")
            it.execute(f"ALTER DATABASE {TEMPLATE} RENAME TO yizhan")
    yield data
    for pid in using(data):
        os.kill(pid, signal.SIGKILL)
    subprocess.run(["rm", "-rf", str(data)], check=True)


@pytest.mark.parametrize("data", ["with divisions", pytest.param("empty", marks=pytest.mark.long)], indirect=True)
def test_ctrl_c_of_a_server_with_its_own_cluster_leaves_no_process(data):
    """Cluster, migrations, server, Ctrl-C; then kill -9 of everything, and what was written is there."""
    port = free_port()
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [str(YIZHAN), "serve", "--port", str(port), "--data", str(data)]
    server = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL, start_new_session=True)
    wait_until_ready(server, f"http://127.0.0.1:{port}")
    made = subprocess.run(
        [YIZHAN, "organisations", "create", "ccb", "建行", "--kind", "bank", "--data", str(data)],
        env=env, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    os.killpg(server.pid, signal.SIGINT)
    server.wait(60)
    assert using(data) == []
    server = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL, start_new_session=True)
    wait_until_ready(server, f"http://127.0.0.1:{port}")
    for pid in [*using(data), server.pid]:
        os.kill(pid, signal.SIGKILL)
    os.killpg(server.pid, signal.SIGKILL)
    server.wait(60)
    again = subprocess.run(
        [YIZHAN, "keys", "create", "--organisation", "ccb", "--role", "host", "--data", str(data)],
        env=env, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert using(data) == []


def using(data: Path) -> list[int]:
    """Processes that work in a data directory or were given it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            inside = (entry / "cwd").readlink().is_relative_to(data)
            if inside or str(data).encode() in words:
                found.append(int(entry.name))
        except OSError:
            continue
    return found
