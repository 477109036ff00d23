"""The one process beside a server's: what holds the interpreter for long, spreadsheets first, is done there.

It is spawned when it is first needed, is nicer than the server, and is replaced when it dies.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from typing import ParamSpec, TypeVar

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")

NICENESS = 10  # riders come first

_lock = threading.Lock()
_pool: ProcessPoolExecutor | None = None


def submit(task: Callable[Asked, Answer], *args: Asked.args, **kwargs: Asked.kwargs) -> Future[Answer]:
    """Have it done over there, after what was asked before."""
    global _pool
    with _lock:
        for _ in range(2):
            if _pool is None:
                _pool = ProcessPoolExecutor(
                    1, mp_context=get_context("spawn"), initializer=os.nice, initargs=(NICENESS,)
                )
            try:
                return _pool.submit(task, *args, **kwargs)
            except BrokenProcessPool:
                _pool = None  # it died since; the next one is spawned
    raise BrokenProcessPool


def close() -> None:
    """End the process with what it is at; an import then has written nothing."""
    global _pool
    with _lock:
        if _pool is not None:
            _pool.shutdown(wait=False, cancel_futures=True)
            for child in active_children():
                child.terminate()
            _pool = None
