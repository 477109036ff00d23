"""The private PostGIS cluster: made, started, shared and stopped, on a unix socket and nowhere else.

Several commands may use it at once: each holds a shared ``flock``, and whoever gets it exclusively on leaving
stops the server, so a killed command leaves nothing to count. Not for a server named by ``DATABASE_URL``, and
not for the schema (``migrations/``). The programs it runs are in ``geo.postgres``.
"""

import contextlib
import fcntl
import functools
import hashlib
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from psycopg import pq

from geo import postgres
from geo.errors import ClusterFailed
from geo.postgres import find_binaries

__all__ = ["Cluster", "exists", "find_binaries", "is_alive", "lease", "revive", "running"]

FALLBACK = Path("/var/lib/yizhan")
SOCKET = ".s.PGSQL.5432"
SILENCE_S = 30.0  # how long a live server may neither answer nor say why not
STOPPING_S = 60.0
LOG_AGE_S = 6 * 86_400.0

logger = logging.getLogger("yizhan")


@dataclass(frozen=True)
class Cluster:
    """A private cluster, and how to reach it: as its owner (migrations) and as the application."""

    data_dir: Path
    socket_dir: Path
    owner_url: str
    app_url: str
    durable: bool = True

    @property
    def base(self) -> Path:
        """The directory that holds data, locks and log; whoever owns it runs the server."""
        return self.data_dir.parent


@contextlib.contextmanager
def lease(data_dir: Path, *, durable: bool = True) -> Iterator[Cluster]:
    """Use this directory's cluster: it is made, started or joined, and the last to leave stops it."""
    with _os_errors_told(data_dir):
        cluster = _prepare(data_dir.resolve(), durable=durable)
        users = _open_lock(cluster, "users.lock")
    try:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits while the last user before us is stopping the server
        revive(cluster)
        yield cluster
    finally:
        try:
            _leave(cluster, users)
        finally:
            os.close(users)


def running(data_dir: Path) -> bool:
    """Say whether this directory's cluster answers now; nothing is made or started."""
    return is_alive(_cluster_at(_place(data_dir.resolve()), durable=True))


def exists(data_dir: Path) -> bool:
    """Say whether this directory has a cluster, running or not."""
    with _os_errors_told(data_dir):
        return (_place(data_dir.resolve()) / "data" / "PG_VERSION").exists()


def is_alive(cluster: Cluster) -> bool:
    """Say whether the cluster accepts connections."""
    return _ping(cluster) == pq.Ping.OK


def revive(cluster: Cluster) -> None:
    """Start the cluster unless it answers; for holders of its lease, any number of them at once."""
    if is_alive(cluster):
        return
    with _os_errors_told(cluster.base):
        starting = _open_lock(cluster, "start.lock")
        try:
            fcntl.flock(starting, fcntl.LOCK_EX)
            _start_patiently(cluster)
        finally:
            os.close(starting)


def _start_patiently(cluster: Cluster) -> None:
    complaint = "it stops as soon as it has started"
    # Backends that outlive a killed postmaster keep its shared memory until they notice: 50 tries in 10 s.
    for _ in range(50):
        if _settled(cluster):
            return
        complaint = _start(cluster)
        if complaint and "still in use" not in complaint:
            break
        time.sleep(0.2 if complaint else 0)
    raise ClusterFailed(f"The private PostgreSQL cluster in {cluster.base} did not start: {complaint}")


def _place(data_dir: Path) -> Path:
    """Where this directory's cluster is, or would be made."""
    direct = data_dir / "postgres"
    if os.geteuid() != 0:
        return direct
    fallback = FALLBACK / _digest(data_dir)
    for base in (direct, fallback):
        if (base / "data").is_dir():  # what is there stays there, or a chmod would seem to empty the registry
            return base
    return direct if postgres.reaches(postgres.owner_of(direct), data_dir) else fallback


def _prepare(data_dir: Path, *, durable: bool) -> Cluster:
    data_dir.mkdir(parents=True, exist_ok=True)
    base = _place(data_dir)
    if base.parent == FALLBACK:
        FALLBACK.mkdir(parents=True, exist_ok=True)
        FALLBACK.chmod(0o755)  # whatever root's umask is
        _announce(data_dir, base)
    postgres.make_private(base, postgres.owner_of(base))
    return _cluster_at(base, durable=durable)


@functools.cache  # once is enough
def _announce(data_dir: Path, base: Path) -> None:
    logger.warning("PostgreSQL's user cannot reach %s: the database is kept in %s", data_dir, base)


def _cluster_at(base: Path, *, durable: bool) -> Cluster:
    socket_dir = base / "run"
    # A socket's path has room for 107 bytes; libpq splits it at commas, SQLAlchemy at colons.
    if len(os.fsencode(socket_dir / SOCKET)) > 107 or re.search(r"[\s,:\\'\"]", str(socket_dir)):
        # Not /run/user, which logging out empties; not TMPDIR, which may differ between two commands.
        socket_dir = Path("/tmp") / f"yizhan-{_digest(base)}"  # noqa: S108 - make_private() verifies it
    host = quote(os.fsencode(socket_dir), safe="")
    url = "postgresql://{}@/yizhan?host={}&port=5432"
    owner_url, app_url = (url.format(role, host) for role in ("yizhan_owner", "yizhan_app"))
    return Cluster(base / "data", socket_dir, owner_url, app_url, durable)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _open_lock(cluster: Cluster, name: str) -> int:
    # Python closes its descriptors on exec: a server that inherited the lock would hold it for ever.
    lock = os.open(cluster.base / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if os.geteuid() == 0:
        os.fchown(lock, *postgres.owner_of(cluster.base))
    return lock


@contextlib.contextmanager
def _os_errors_told(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ClusterFailed(f"No PostgreSQL cluster can be kept in {directory}: {error}") from error


def _ping(cluster: Cluster) -> int:
    return pq.PGconn.ping(f"{cluster.owner_url}&connect_timeout=5".encode())


def _settled(cluster: Cluster) -> bool:
    """Wait for a server that is on its way up or down; say whether it answers now."""
    give_up = time.monotonic() + SILENCE_S
    while (state := _ping(cluster)) != pq.Ping.OK:
        if state == pq.Ping.REJECT:  # starting, recovering or stopping takes as long as it takes
            give_up = time.monotonic() + SILENCE_S
        elif not _is_ours(pid := _recorded_pid(cluster), cluster):
            return False
        elif time.monotonic() > give_up:
            raise ClusterFailed(f"PostgreSQL (process {pid}) does not answer in {cluster.socket_dir}.")
        time.sleep(0.02)
    return True


def _recorded_pid(cluster: Cluster) -> int:
    with contextlib.suppress(FileNotFoundError):
        first = (cluster.data_dir / "postmaster.pid").read_text(errors="replace").partition("\n")[0]
        return int(first) if re.fullmatch(r"[0-9]{1,9}", first) else 0
    return 0


def _is_ours(pid: int, cluster: Cluster) -> bool:
    """Say whether this process is a postmaster that we started: after a crash its number may be anybody's."""
    try:
        if Path("/proc/self").exists():
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")  # a zombie has none
        else:
            listing = ("/bin/ps", "-ww", "-o", "args=", "-p", str(pid))
            words = subprocess.run(listing, capture_output=True).stdout.split()  # noqa: S603 - a fixed program
    except OSError:
        return False
    return os.fsencode(f"unix_socket_directories={cluster.socket_dir}") in words


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True


def _leave(cluster: Cluster, users: int) -> None:
    with postgres.undisturbed():  # or a second Ctrl-C leaves the server behind
        try:
            # flock drops the shared lock before it tries for the other: of two leaving at once, one gets it
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        pid = _recorded_pid(cluster)
        if not _is_ours(pid, cluster):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)  # what `pg_ctl stop -m fast` sends
    give_up = time.monotonic() + STOPPING_S
    while _is_ours(pid, cluster):
        if time.monotonic() > give_up:
            logger.warning("PostgreSQL (process %s) is still stopping", pid)
            return
        time.sleep(0.02)
    with contextlib.suppress(OSError):
        cluster.socket_dir.rmdir()


def _start(cluster: Cluster) -> str:
    """Start the server, on new data if there are none; return what it complains of."""
    owner = postgres.owner_of(cluster.base)
    if not postgres.reaches(owner, cluster.base):
        return f"user {owner[0]}, whose data these are, cannot reach them: mend it with chmod o+x above"
    binaries = postgres.binaries_for(cluster.data_dir)
    if not (cluster.data_dir / "PG_VERSION").exists():
        postgres.make_data(cluster.data_dir, binaries, durable=cluster.durable)
    postgres.make_private(cluster.socket_dir, owner)
    _sweep(cluster)
    settings = postgres.SETTINGS | ({} if cluster.durable else postgres.UNSAFE)
    settings["unix_socket_directories"] = str(cluster.socket_dir)
    options = shlex.join(word for setting in settings.items() for word in ("-c", "=".join(setting)))
    # Relative paths, because pg_ctl hands them to a shell. After 5 s of recovery _settled() does the waiting.
    launch = (binaries / "pg_ctl", "start", "-s", "-w", "-t", "5", "-D", "data", "-l", "start.log")
    failed, said = postgres.run(cluster.base, *launch, "-o", options)
    if not failed or _is_ours(_recorded_pid(cluster), cluster):
        return ""
    return f"pg_ctl ended with status {failed}. {said}\n{_log_tail(cluster)}"


def _sweep(cluster: Cluster) -> None:
    """Remove what a killed server left; there is none now."""
    pid, by_hand = _recorded_pid(cluster), None
    with contextlib.suppress(OSError):
        by_hand = Path(f"/proc/{pid}/cwd").readlink()
    # A dead number PostgreSQL clears away itself, looking for orphans as well; another process's number, or
    # none (an empty file), would stop it for ever. One started by hand on our data it must refuse.
    if pid == 0 or (_exists(pid) and by_hand != cluster.data_dir):
        (cluster.data_dir / "postmaster.pid").unlink(missing_ok=True)
    for name in (SOCKET, f"{SOCKET}.lock"):
        (cluster.socket_dir / name).unlink(missing_ok=True)
    for half_made in cluster.base.glob("data.*"):  # an orphaned initdb may still be at it: next time, then
        shutil.rmtree(half_made, ignore_errors=True)
    (cluster.base / "start.log").unlink(missing_ok=True)
    for log in (cluster.base / "log").glob("*.log"):
        if log.stat().st_mtime < time.time() - LOG_AGE_S:  # a start would append to it
            log.unlink(missing_ok=True)


def _log_tail(cluster: Cluster) -> str:
    # Each file's own end: what this start says must not be pushed out by orphans that end beside it.
    newest = sorted((cluster.base / "log").glob("*.log"), key=lambda log: log.stat().st_mtime)[-1:]
    logs = [*newest, *cluster.base.glob("start.log")]
    return "\n".join(postgres.last_lines(log.read_text(errors="replace")) for log in logs)
