"""The private cluster: real servers, really killed."""

import contextlib
import logging
import multiprocessing
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from geo import embedded, postgres
from geo.errors import ClusterFailed, PostgisMissing
from tests.conftest import copy, ground

ROOT = Path(__file__).parents[2]
# It polls: a Ctrl-C in the moment before a blocking read begins would wait for the read to end.
HOLD = """
import select
import sys
from pathlib import Path
from geo import embedded
with embedded.lease(Path(sys.argv[1]), durable=sys.argv[2] == "durable") as cluster:
    print((cluster.data_dir / "postmaster.pid").read_text().split()[0], flush=True)
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        pass
"""
AS_ROOT = os.geteuid() == 0


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that every user may enter, which pytest's own are not; nothing in it outlives the test."""
    directory = Path(tempfile.mkdtemp(prefix="yizhan-test-", dir=ground())).resolve()
    directory.chmod(0o755)
    yield directory
    for pid in processes(directory):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(directory)


@pytest.fixture
def settled(home: Path, pristine: Path) -> Path:
    """`home` with a cluster in it, copied: for tests of what comes after the making, which takes a second."""
    copy(pristine, home / "postgres")
    return home


def processes(directory: Path) -> list[int]:
    """The living processes of the servers whose data or sockets are in a directory."""
    socket = b"unix_socket_directories=%b/" % os.fsencode(directory)
    found: list[int] = []
    for entry in sorted(Path("/proc").glob("[0-9]*"), key=lambda entry: int(entry.name)):
        with contextlib.suppress(OSError):  # gone, or hidden: root in a container may not look
            words = (entry / "cmdline").read_bytes()
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            known = socket in words or parent in found
            if words and (known or (entry / "cwd").readlink().is_relative_to(directory)):
                found.append(int(entry.name))
    return found


def eventually(true: Callable[[], object], seconds: float = 10) -> bool:
    give_up = time.monotonic() + seconds
    while not true():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.01)
    return True


def gone(directory: Path) -> bool:
    return eventually(lambda: not processes(directory))


@contextlib.contextmanager
def holder(data_dir: Path, how: str = "hasty") -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a lease until its standard input ends."""
    command = [sys.executable, "-c", HOLD, str(data_dir), how]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[str]) -> int:
    """The postmaster's number, which a holder says when it has its lease."""
    assert process.stdout is not None
    return int(process.stdout.readline())


def let_go(process: subprocess.Popen[str]) -> int:
    assert process.stdin is not None
    process.stdin.close()
    return process.wait(30)


def value(url: str, *queries: str) -> object:
    """What the last of these queries answers, all in one transaction."""
    with psycopg.connect(url) as connection:
        for query in queries:
            cursor = connection.execute(query.encode())
        row = cursor.fetchone()
    assert row is not None
    return row[0]


def postmaster_of(cluster: embedded.Cluster) -> int:
    return int((cluster.data_dir / "postmaster.pid").read_text().split()[0])


def log_of(cluster: embedded.Cluster) -> str:
    return "".join(path.read_text() for path in (cluster.data_dir.parent / "log").iterdir())


def test_a_lease_gives_a_private_postgis_that_leaves_nothing_running(home: Path) -> None:
    assert not embedded.running(home)
    assert not embedded.exists(home)
    assert not any(home.iterdir())
    with embedded.lease(home, durable=False) as cluster:
        assert embedded.running(home)
        assert embedded.is_alive(cluster)
        assert value(cluster.owner_url, "CREATE EXTENSION postgis", "SELECT upper('é站')") == "É站"
        assert value(cluster.owner_url, "SELECT ST_AsText(ST_Point(113.6, 34.7))") == "POINT(113.6 34.7)"
        assert value(cluster.app_url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        assert value(cluster.app_url, "SELECT current_setting('listen_addresses')") == ""
        assert value(cluster.app_url, "SELECT current_setting('fsync')") == "off"
        postmaster = postmaster_of(cluster)
        assert os.getsid(postmaster) != os.getsid(0)
        assert Path(f"/proc/{postmaster}").stat().st_uid != 0
        assert stat.S_IMODE(cluster.socket_dir.stat().st_mode) == 0o700
        with embedded.lease(home, durable=False) as joined:
            assert joined == cluster
            assert postmaster_of(joined) == postmaster
        assert embedded.is_alive(cluster)  # the inner lease was not the last
    assert gone(home)
    assert not embedded.running(home)
    assert embedded.exists(home)
    assert not cluster.socket_dir.exists()


def test_what_a_rider_sends_reaches_no_log(settled: Path) -> None:
    with embedded.lease(settled, durable=False) as cluster:
        with psycopg.connect(cluster.app_url, autocommit=True) as connection:
            for query in ("SELECT '113.6254'::integer", "SELECT %s::text::integer"):
                with pytest.raises(psycopg.DataError):
                    connection.execute(query.encode(), ["113.6254"] if "%" in query else None)
        assert "ready to accept connections" in log_of(cluster)
        assert "113.6254" not in log_of(cluster)


def test_the_last_of_two_processes_stops_the_server(settled: Path) -> None:
    with holder(settled) as first, holder(settled) as second:
        assert told(first) == told(second)
        assert let_go(first) == 0
        assert embedded.running(settled)
        assert let_go(second) == 0
        assert gone(settled)


def test_four_starting_at_once_share_one_cluster(home: Path) -> None:
    with contextlib.ExitStack() as stack:
        users = [stack.enter_context(holder(home / "new" / "data")) for _ in range(4)]
        assert len({told(user) for user in users}) == 1
        assert [let_go(user) for user in users] == [0, 0, 0, 0]
        assert gone(home)


def test_committed_rows_survive_the_killing_of_everybody(settled: Path) -> None:
    with holder(settled, "durable") as first:
        postmaster = told(first)
        first.kill()
        first.wait()
    with holder(settled, "durable") as second:
        assert told(second) == postmaster  # it outlived the first holder, and was joined
        url = embedded._cluster_at(settled / "postgres", durable=True).owner_url
        value(url, "CREATE TABLE kept AS SELECT 42 AS n", "SELECT 1")
        second.kill()
        for pid in processes(settled):
            os.kill(pid, signal.SIGKILL)
        second.wait()
    assert (settled / "postgres" / "data" / "postmaster.pid").exists()
    with embedded.lease(settled) as cluster:
        assert value(cluster.owner_url, "SELECT n FROM kept") == 42
        assert value(cluster.owner_url, "SELECT current_setting('fsync')") == "on"
        assert "not properly shut down" in log_of(cluster)
    assert gone(settled)


def test_a_cluster_that_died_is_revived_under_the_lease(settled: Path) -> None:
    with embedded.lease(settled, durable=False) as cluster, psycopg.connect(cluster.owner_url) as busy:
        # A backend that does not look up from its work keeps the shared memory after the postmaster's death.
        orphan = busy.info.backend_pid
        os.kill(orphan, signal.SIGSTOP)
        os.kill(postmaster_of(cluster), signal.SIGKILL)
        assert eventually(lambda: not embedded.is_alive(cluster))
        start = time.perf_counter()
        with subprocess.Popen(["/bin/sh", "-c", f"sleep 1; kill -CONT {orphan}"]):
            embedded.revive(cluster)
        assert time.perf_counter() - start > 0.9
        assert value(cluster.app_url, "SELECT 1") == 1
    assert gone(settled)


@pytest.mark.parametrize("leftover", ["another process", "nothing"])
def test_a_stale_pid_file_does_not_stop_the_next_start(settled: Path, leftover: str) -> None:
    with embedded.lease(settled, durable=False) as cluster:
        pid_file = cluster.data_dir / "postmaster.pid"
        record = pid_file.read_text().split("\n", 1)[1]
    # The foreign process has the server's user: for another user's, PostgreSQL would not hesitate by itself.
    owner = postgres._as(postgres.owner_of(cluster.data_dir.parent))
    with subprocess.Popen(["/bin/sleep", "60"], **owner) as foreign:
        text = f"{foreign.pid}\n{record}" if leftover == "another process" else ""
        cluster.socket_dir.mkdir(mode=0o700)
        socket_lock = cluster.socket_dir / ".s.PGSQL.5432.lock"
        for path in (pid_file, socket_lock):
            path.write_text(text)
        shutil.chown(cluster.socket_dir, *postgres.owner_of(cluster.data_dir.parent))
        with embedded.lease(settled, durable=False):
            assert foreign.poll() is None
        assert foreign.poll() is None
        foreign.kill()
    assert gone(settled)


def test_an_initdb_killed_midway_is_done_again(home: Path) -> None:
    base = home / "postgres"
    with holder(home) as victim:
        assert eventually(lambda: any(base.glob("data.*/base")))
        victim.kill()
    assert not (base / "data").exists()
    with embedded.lease(home, durable=False) as cluster:
        assert value(cluster.app_url, "SELECT 1") == 1
    with embedded.lease(home, durable=False):
        assert not list(base.glob("data.*"))


@pytest.mark.parametrize("moment", ["making", "starting", "running"])
def test_ctrl_c_stops_the_server_cleanly(home: Path, pristine: Path, moment: str) -> None:
    base = home / "postgres"
    if moment != "making":
        copy(pristine, base)
        (base / "start.log").unlink()
    with holder(home) as process:
        if moment == "running":
            told(process)
        else:
            assert eventually(lambda: any(base.glob("data.*/base" if moment == "making" else "start.log")))
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == -signal.SIGINT
    assert gone(home)
    assert not list(base.glob("data.*"))
    with embedded.lease(home, durable=False) as cluster:
        assert "not properly shut down" not in log_of(cluster)


def test_a_directory_the_server_cannot_reach_is_exchanged_for_another(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert Path("/var/lib/yizhan") == embedded.FALLBACK
    monkeypatch.setattr(embedded, "FALLBACK", home / "var")
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    data_dir = closed / ".data"
    with caplog.at_level(logging.WARNING, "yizhan"):
        with embedded.lease(data_dir, durable=False) as cluster:
            base = cluster.data_dir.parent
        with embedded.lease(data_dir, durable=False):
            assert embedded.running(data_dir)
    assert base.parent == (home / "var" if AS_ROOT else data_dir)
    assert [str(base) in record.getMessage() for record in caplog.records] == ([True] if AS_ROOT else [])
    closed.chmod(0o755)
    with embedded.lease(data_dir, durable=False) as again:
        assert again == cluster  # the data do not seem to vanish because a directory was opened


def test_data_whose_owner_is_locked_out_are_not_replaced(home: Path, pristine: Path) -> None:
    closed = home / "closed"
    copy(pristine, closed / ".data" / "postgres")
    with embedded.lease(closed / ".data", durable=False):
        pass
    closed.chmod(0o700 if AS_ROOT else 0o600)
    with pytest.raises(ClusterFailed, match="cannot reach" if AS_ROOT else "Permission denied"):
        embedded.lease(closed / ".data", durable=False).__enter__()
    closed.chmod(0o755)


def test_a_long_or_strange_path_moves_only_the_socket(home: Path) -> None:
    for name in ("长" * 40, "it's, $(here) <now>"):
        with embedded.lease(home / name, durable=False) as cluster:
            assert cluster.data_dir.is_relative_to(home / name)
            assert cluster.socket_dir.parent == Path("/tmp")
            assert stat.S_IMODE(cluster.socket_dir.stat().st_mode) == 0o700
            assert value(cluster.app_url, "SELECT current_user::text") == "yizhan_app"
        assert not cluster.socket_dir.exists()


@pytest.mark.parametrize("link", [True, False])
def test_a_socket_directory_that_others_may_open_is_refused(home: Path, pristine: Path, link: bool) -> None:
    data_dir = home / ("long" * 30)
    copy(pristine, data_dir / "postgres")
    planted = embedded._cluster_at(data_dir / "postgres", durable=False).socket_dir
    if link:
        planted.symlink_to(home)
    else:
        planted.mkdir(mode=0o755)
    try:
        with pytest.raises(ClusterFailed, match=planted.name), embedded.lease(data_dir, durable=False):
            pass
    finally:
        planted.unlink() if link else planted.rmdir()
    assert gone(home)


def test_ctrl_c_waits_until_a_program_has_ended(home: Path) -> None:
    os.chown(home, *postgres.owner_of(home))
    interrupt = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        postgres.run(home, "/bin/sh", "-c", "sleep 0.5; touch ended")
    assert (home / "ended").exists()
    interrupt.join()


def test_without_postgis_it_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = home / "bin"
    bare.mkdir()
    for name in ("initdb", "pg_ctl", "postgres"):
        (bare / name).touch()
    (bare / "pg_config").write_text(f"#!/bin/sh\necho {bare}\n")
    (bare / "pg_config").chmod(0o755)
    monkeypatch.setattr(postgres, "INSTALLED", home / "none")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("PG_CONFIG", str(bare / "pg_config"))
    with pytest.raises(PostgisMissing, match=r"postgresql-15-postgis-3.*docker compose up"):
        embedded.find_binaries()
    (bare / "extension").mkdir()
    (bare / "extension" / "postgis.control").touch()
    assert embedded.find_binaries() == bare


def test_refusals_name_the_cause(settled: Path) -> None:
    with embedded.lease(settled, durable=False) as cluster:
        pass

    def refusal(data_dir: Path = settled) -> str:
        with pytest.raises(ClusterFailed) as refused, embedded.lease(data_dir, durable=False):
            pass
        assert gone(settled)
        return refused.value.message

    with (cluster.data_dir / "postgresql.conf").open("a") as conf:
        conf.write("such_a_thing = 1\n")
    assert 'unrecognized configuration parameter "such_a_thing"' in refusal()
    (cluster.data_dir / "PG_VERSION").write_text("9\n")
    assert "postgresql-9-postgis-3" in refusal()
    (cluster.data_dir / "PG_VERSION").unlink()
    assert "no PG_VERSION" in refusal()
    (settled / "file").touch()
    assert "Not a directory" in refusal(settled / "file" / "data")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 on; the child starts no thread
def test_a_normal_user_runs_it_as_itself(home: Path) -> None:
    data_dir = home / "theirs"
    data_dir.mkdir()
    entry = pwd.getpwnam("nobody") if AS_ROOT else pwd.getpwuid(os.geteuid())
    os.chown(data_dir, entry.pw_uid, entry.pw_gid)

    def work() -> None:
        if AS_ROOT:
            os.setgroups([])
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
        with embedded.lease(data_dir, durable=False) as cluster:
            assert value(cluster.owner_url, "CREATE TABLE theirs()", "SELECT 1") == 1

    # Forked: the interpreter may be in a home that this user cannot enter.
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert gone(home)
    assert (data_dir / "postgres" / "data").stat().st_uid == entry.pw_uid
    with embedded.lease(data_dir, durable=False) as cluster:  # and root, coming later, serves it as that user
        assert value(cluster.owner_url, "SELECT count(*)::integer FROM theirs") == 0
        assert (cluster.data_dir / "postmaster.pid").stat().st_uid == entry.pw_uid
