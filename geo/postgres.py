"""The PostgreSQL programs of this machine: finding them, what they are told, and as whom they run.

They refuse root, so root hands them, and only them, to another user. When they run: ``geo.embedded``.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geo.errors import ClusterFailed, PostgisMissing

INSTALLED = Path("/usr/lib/postgresql")  # Debian's and Ubuntu's place, a directory a major version
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",  # only part of the socket's name; said aloud, or PGPORT would change it
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # a laptop's share of memory; room for WAL, so that an import does not checkpoint all the time
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "effective_cache_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_wal_size": "2GB",
    # a rider's position reaches no log: no statements, no parameters, no DETAIL with the values of a row
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    # one file a weekday, begun anew after a week
    "logging_collector": "on",
    "log_directory": "../log",
    "log_filename": "%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
}
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# The application is told its errors; in the log their text could repeat what a rider sent.
FIRST_SQL = """\
CREATE ROLE yizhan_app LOGIN;
ALTER ROLE yizhan_app SET log_min_messages = 'log';
CREATE DATABASE yizhan;
"""


def find_binaries() -> Path:
    """Name the ``bin`` directory of a PostgreSQL with PostGIS; ``PostgisMissing`` says what to install."""
    for directory in _bin_dirs():
        if _has_postgis(directory):
            return directory
    major = max((_version_key(path) for path in INSTALLED.glob("*/bin/postgres")), default=[15])[0]
    raise PostgisMissing(
        "No PostgreSQL with PostGIS was found on this machine. On Debian and Ubuntu: apt-get install "
        f"postgresql postgresql-{major}-postgis-3; elsewhere install PostgreSQL and PostGIS and point "
        "PG_CONFIG at its pg_config. Or run `docker compose up` instead."
    )


def binaries_for(data_dir: Path) -> Path:
    """Name the ``bin`` directory of the version that made these data; any when there are none yet."""
    preferred = find_binaries()
    try:
        made_by = (data_dir / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return preferred
    for directory in _bin_dirs():
        if _has_postgis(directory) and _major(directory) == made_by:
            return directory
    raise ClusterFailed(
        f"The data in {data_dir} were made by PostgreSQL {made_by}, this machine has {_major(preferred)}: "
        f"install postgresql-{made_by}-postgis-3, or choose another --data."
    )


def owner_of(base: Path) -> tuple[int, int]:
    """Name the server's user (uid, gid): oneself; for root, who owns ``base``, else postgres or nobody."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    with contextlib.suppress(FileNotFoundError):
        there = base.lstat()
        if there.st_uid != 0:
            return there.st_uid, there.st_gid
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return user.pw_uid, user.pw_gid
    raise ClusterFailed("PostgreSQL does not run as root, and there is no user postgres or nobody to run it.")


def reaches(owner: tuple[int, int], directory: Path) -> bool:
    """Say whether this user can get into the directory (or into the nearest that exists above it)."""
    while not directory.exists():
        directory = directory.parent
    if os.geteuid() != 0:
        return os.access(directory, os.X_OK)
    trial = ["/usr/bin/test", "-x", str(directory)]  # asked of the system, which knows of ACLs and mounts too
    return subprocess.run(trial, cwd="/", **_as(owner)).returncode == 0  # noqa: S603 - a fixed program


def make_private(directory: Path, owner: tuple[int, int]) -> None:
    """Make a directory that its owner alone may open; ``ClusterFailed`` when something else is there."""
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    there = directory.lstat()
    if there.st_uid == 0 != owner[0] and stat.S_ISDIR(there.st_mode):
        os.chown(directory, *owner)
        there = directory.lstat()
    if not stat.S_ISDIR(there.st_mode) or there.st_uid != owner[0] or there.st_mode & 0o077:
        raise ClusterFailed(
            f"{directory} should be a directory of mode 0700 that belongs to user {owner[0]}, and is not. "
            "Be the same user as before, choose another --data, or move it away."
        )


def make_data(data_dir: Path, binaries: Path, *, durable: bool) -> None:
    """Make the data beside their place and move them there when complete: half-made data are never there."""
    if data_dir.exists() and any(data_dir.iterdir()):
        raise ClusterFailed(f"{data_dir} holds no data of PostgreSQL's (no PG_VERSION): move it away.")
    base = data_dir.parent
    new = Path(tempfile.mkdtemp(prefix="data.", dir=base))
    os.chown(new, *owner_of(base))
    initdb = f"initdb -D {new.name} -U yizhan_owner -E UTF8 --locale=C.UTF-8 --data-checksums"
    initdb += " --auth-local=trust --auth-host=reject" + ("" if durable else " --no-sync")
    first = f"postgres --single -D {new.name} -c exit_on_error=on -c fsync={durable} postgres"
    try:
        for command, script in ((initdb, ""), (first, FIRST_SQL)):
            program, *words = command.split()
            failed, said = run(base, binaries / program, *words, script=script)
            if failed:
                raise ClusterFailed(f"{program} failed in {base}: {said}")
        new.rename(data_dir)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    directory = os.open(base, os.O_RDONLY)
    os.fsync(directory)  # the new name too outlives a power cut
    os.close(directory)


def run(base: Path, *command: str | Path, script: str = "") -> tuple[int, str]:
    """Run a program in ``base`` as its owner, to its end; return its status and the end of what it said."""
    known = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    with undisturbed():
        done = subprocess.run(  # noqa: S603 - our own words to the binaries just found
            command,
            cwd=base,
            env=known | {"LC_ALL": "C.UTF-8", "TZ": "UTC"},  # no PG* variables, and no secrets of ours
            input=script.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C goes to all of a terminal's foreground: not to the server
            **_as(owner_of(base)),
        )
    return done.returncode, last_lines(done.stdout.decode(errors="replace"))


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let Ctrl-C wait: an abandoned ``pg_ctl`` leaves a server not yet on record, which nobody stops."""
    waiting: list[int] = []
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():  # no other is interrupted
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not None:  # a handler that is not Python's cannot be put back
                before[number] = signal.signal(number, lambda caught, _frame: waiting.append(caught))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if waiting:
            signal.raise_signal(waiting[0])


def last_lines(text: str) -> str:
    """The end of a log, short enough for a message."""
    return "\n".join(text.strip().splitlines()[-15:])


def _as(owner: tuple[int, int]) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": owner[0], "group": owner[1], "extra_groups": []}


def _bin_dirs() -> Iterator[Path]:
    for config in (os.environ.get("PG_CONFIG"), shutil.which("pg_config")):
        if config and (answer := _ask(config, "--bindir")):
            yield Path(answer)
    yield from sorted(INSTALLED.glob("*/bin"), key=_version_key, reverse=True)


def _version_key(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"[0-9]+", str(path.relative_to(INSTALLED)))]


def _has_postgis(directory: Path) -> bool:
    programs = all((directory / name).is_file() for name in ("initdb", "pg_ctl", "postgres"))
    share = _ask(directory / "pg_config", "--sharedir") if programs else ""
    return bool(share) and Path(share, "extension/postgis.control").is_file()


def _major(directory: Path) -> str:
    return re.sub(r"^\D*(\d+).*", r"\1", _ask(directory / "pg_config", "--version"))


def _ask(config: str | Path, question: str) -> str:
    try:
        answer = subprocess.run([config, question], capture_output=True, text=True)  # noqa: S603 - pg_config
    except OSError:
        return ""
    return answer.stdout.strip()
