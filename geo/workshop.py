"""Heavy work in one process beside the serving one, so that its arithmetic never holds up an answer to a rider.

`run(function, *args)` waits for the result, `submit` does not; the function must be importable and its arguments
picklable. One job at a time, politely; started when first needed, started anew when it died. Knows nothing of what
it works on.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.util import Finalize
from typing import Any, TypeVar, cast

from geo.errors import WorkshopBusy

Result = TypeVar("Result")

WAITING = 8  # callers at a time, each of which holds a thread meanwhile
LONGEST_S = 120.0


class _Workshop:
    """The process, and places for those who wait for it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.places = threading.BoundedSemaphore(WAITING)
        self.pool: ProcessPoolExecutor | None = None

    def submit(self, function: Callable[..., Any], args: tuple[Any, ...]) -> "Future[Any]":
        """Hand a job in; to a new process where the old one is known to be dead."""
        with self.lock:
            if self.pool is not None:
                try:
                    return self.pool.submit(function, *args)
                except BrokenProcessPool:
                    self.pool.shutdown(wait=False)
            # Spawned, not forked: a fork would copy the locks of the threads and the sockets of the server.
            self.pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_settle_in)
            return self.pool.submit(function, *args)


_workshop = _Workshop()


def run(function: Callable[..., Result], *args: Any) -> Result:
    """What the function answers, worked out in the other process; what it raises is raised here.

    Raises `WorkshopBusy` when too many wait already, and when it takes too long.
    """
    if not _workshop.places.acquire(blocking=False):
        raise WorkshopBusy
    try:
        try:
            return cast(Result, _outcome(_workshop.submit(function, args)))
        except BrokenProcessPool:  # somebody killed it: once more, in a new one
            return cast(Result, _outcome(_workshop.submit(function, args)))
    except BrokenProcessPool as error:
        raise WorkshopBusy("The process for heavy work died twice over this.") from error
    finally:
        _workshop.places.release()


def submit(function: Callable[..., Result], *args: Any) -> "Future[Result]":
    """Have it worked out in the other process, after what was handed in before; for who does not wait in a thread."""
    return _workshop.submit(function, args)


def _outcome(future: "Future[Any]") -> Any:
    try:
        return future.result(timeout=LONGEST_S)
    except FutureTimeout as error:
        future.cancel()
        raise WorkshopBusy("This takes too long; ask for a smaller region.") from error


@contextlib.contextmanager
def apart(begin: Callable[..., None], *args: Any) -> Iterator[ProcessPoolExecutor]:
    """A process for one long job of the caller's, which ends with it; `begin(*args)` is the first it does."""
    process = ProcessPoolExecutor(1, get_context("spawn"), _settle_in, (begin, args))
    try:
        yield process
    finally:
        process.shutdown(cancel_futures=True)


def close() -> None:
    """End the process, whatever it does; the next `run` starts another."""
    with _workshop.lock:
        if _workshop.pool is not None:
            processes = list((_workshop.pool._processes or {}).values())
            _workshop.pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
            _workshop.pool = None


# A server's worker is a child itself, and at its end waits for its own children before the pool is told to go.
Finalize(None, close, exitpriority=100)


def _settle_in(begin: Callable[..., None] | None = None, args: tuple[Any, ...] = ()) -> None:
    """In the new process: leave the processor to whoever serves, Ctrl-C to the parent, and never outlive it."""
    os.nice(10)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, name="parent-watch", daemon=True).start()
    if begin is not None:
        begin(*args)


def _follow_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
