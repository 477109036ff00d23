"""Visits on their way into the ledger: whatever arrives while a group is being entered goes with the next one.

An idle service enters a visit at once, a busy one hundreds by one statement and one commit, and each is answered after
its commit. A thread enters them: one way to check and to write, a driver that waits in C, and one wake-up of the event
loop a group instead of one a statement.
"""

import asyncio
import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from geo import db, errors, ledger
from geo.visit_draft import Entry

# Beyond this a visit would be answered too late to be of use; whoever sent it still has it.
MOST_WAITING = 4_000
# As many as one statement takes as text: copying wants a temporary table, which is too much for a few more.
MOST_AT_ONCE = ledger.MANY - 1
# A group costs as much as twenty visits, whatever its size. So it waits for as many as went together last, who send the
# next one as soon as they are answered: twice as long as that took at most, and never longer than this.
TIMES_AS_LONG, LONGEST_GATHERING_S = 2.0, 0.01
# A connection is held while groups follow each other: to see whether an idle one is alive costs three answers.
IDLE_S = 1.0
FULL = "Too many visits are waiting to be recorded, and this one was not. Send it again later, with the same id."

Refusal = Exception | None


class Waiting(NamedTuple):
    """An entry, and where its refusal is waited for."""

    entry: Entry
    refusal: "asyncio.Future[Refusal]"


class Recorder:
    """The queue of one process, and the thread that works it off."""

    def __init__(self, database: db.Database) -> None:
        self._database = database
        self._waiting: deque[Waiting] = deque()
        self._under_way = False
        self._turns: queue.SimpleQueue[asyncio.AbstractEventLoop | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._held: db.Held | None = None
        # Of the last group: how many it were, and how long it took.
        self._usual, self._took_s = 1, 0.0
        self._enough = threading.Event()

    def enter(self, entry: Entry) -> "asyncio.Future[Refusal]":
        """Queue an entry; what refuses it is the result, None once it is committed. Raises `Unavailable` when full."""
        if len(self._waiting) >= MOST_WAITING:
            raise errors.Unavailable(FULL)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Refusal] = loop.create_future()
        self._waiting.append(Waiting(entry, future))
        if not self._under_way:
            self._under_way = True
            self._turns.put(loop)
            if self._thread.ident is None:
                self._thread.start()
        elif len(self._waiting) == self._usual:
            self._enough.set()
        return future

    def close(self) -> None:
        """Finish the group that is under way, and end."""
        if self._thread.is_alive():
            self._turns.put(None)
            self._thread.join()

    def _arrive(self, loop: asyncio.AbstractEventLoop, group: Sequence[Waiting], refusals: Sequence[Refusal]) -> None:
        """Tell those of a group, and send the next one off."""
        for one, refusal in zip(group, refusals, strict=True):
            if not one.refusal.done():
                one.refusal.set_result(refusal)
        self._under_way = bool(self._waiting)
        if self._under_way:
            self._turns.put(loop)

    def _work(self) -> None:
        """In the thread: group after group, until there is no loop to tell."""
        while True:
            try:
                loop = self._turns.get(timeout=IDLE_S if self._held else None)
            except queue.Empty:
                self._let_go()
                continue
            if loop is None:
                self._let_go()
                return
            group, refusals = self._enter_group()
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(self._arrive, loop, group, refusals)

    def _enter_group(self) -> tuple[list[Waiting], list[Refusal]]:
        group: list[Waiting] = []
        try:
            self._held = self._held or db.Held(self._database.engine)
            self._gather()
            began, group = time.perf_counter(), self._take()
            entries = [one.entry for one in group]
            with self._held.transaction("visit_facts", asked=ledger.asked(entries)) as found:
                ledger.record(self._held.session, entries, found)
            self._usual, self._took_s = len(group), time.perf_counter() - began
            refusals: list[Refusal] = [one.entry.error for one in group]
        except Exception as error:
            group = group or self._take()
            refusals = self._apart(group, error)
        if any(map(_is_failure, refusals)):
            self._let_go()  # the next group gets one that was seen to be alive
        return group, refusals

    def _gather(self) -> None:
        """Wait for those who usually come together."""
        self._enough.clear()
        if len(self._waiting) < self._usual:
            self._enough.wait(min(TIMES_AS_LONG * self._took_s, LONGEST_GATHERING_S))

    def _take(self) -> list[Waiting]:
        """Those whose turn it is; who has hung up meanwhile is left out."""
        group: list[Waiting] = []
        while self._waiting and len(group) < MOST_AT_ONCE:
            one = self._waiting.popleft()
            if not one.refusal.done():
                group.append(one)
        return group

    def _apart(self, group: Sequence[Waiting], error: Exception) -> list[Refusal]:
        """Of a group that failed as a whole, nothing is written; but a mistake of ours about one is not the others'.

        One that came alone is entered anew too, by a session: what was wrong may be what the connection had prepared.
        """
        if isinstance(error, errors.YizhanError):
            return [error] * len(group)
        return [_alone(self._database, one.entry) for one in group]

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            with contextlib.suppress(Exception):  # it may be broken in any way; the thread goes on
                held.close()


def _alone(database: db.Database, entry: Entry) -> Refusal:
    entry.forget()
    try:
        with db.session(database) as session:
            ledger.record(session, [entry])
    except Exception as error:
        return error
    return entry.error


def _is_failure(refusal: Refusal) -> bool:
    """Whether it is not about the entry."""
    return isinstance(refusal, errors.Unavailable) or not isinstance(refusal, errors.YizhanError | None)
