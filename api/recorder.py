"""Visits on their way into the ledger: whatever arrives while a group is being entered goes with the next one.

An idle service enters a visit at once, a busy one dozens by one statement and one commit, and each is answered after
its commit. All of it happens in the event loop: while the database is at work on a group, the next one is read.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from geo import db, errors, ledger
from geo.visit_draft import Entry
from geo.visit_facts import Facts
from geo.wire import Wire

log = logging.getLogger("yizhan")

# Beyond this a visit would be answered too late to be of use; whoever sent it still has it.
MOST_WAITING = 4_000
# Of one group, so that nobody else waits long while it is looked through: 20 µs each.
MOST_AT_ONCE = 100
# A group costs as much as ten visits, whatever its size. So it waits for as many as went together last, who send the
# next one as soon as they are answered: twice as long as that took at most, and never longer than this.
TIMES_AS_LONG, LONGEST_GATHERING_S = 2.0, 0.01
FULL = "Too many visits are waiting to be recorded, and this one was not. Send it again later, with the same id."

Refusal = Exception | None


class Waiting(NamedTuple):
    """An entry, and where its refusal is waited for."""

    entry: Entry
    refusal: "asyncio.Future[Refusal]"


class Recorder:
    """The queue of one process, and its connection to the ledger; used and closed in one event loop."""

    def __init__(self, database: db.Database) -> None:
        self._engine = database.engine
        self._waiting: deque[Waiting] = deque()
        self._under_way: asyncio.Task[list[Refusal]] | None = None
        self._looking: asyncio.Handle | None = None  # at whether a group may go: in the next turn of the loop, or later
        self._is_soon = False
        self._wire: Wire | None = None
        self._facts = Facts()
        # Of the last group: how many it were, and how long it took.
        self._usual, self._took_s = 1, 0.0
        self._is_closed = False

    def enter(self, entry: Entry) -> "asyncio.Future[Refusal]":
        """Queue an entry; what refuses it is the result, None once it is committed. Raises `Unavailable` when full."""
        if self._is_closed or len(self._waiting) >= MOST_WAITING:
            raise errors.Unavailable(FULL)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Refusal] = loop.create_future()
        self._waiting.append(Waiting(entry, future))
        if self._under_way is None:
            self._gather()
        return future

    async def close(self) -> None:
        """Finish what is waiting, and end."""
        self._is_closed = True
        while self._under_way or self._waiting:
            if self._under_way is None:
                self._send_off()
            if self._under_way is not None:
                await asyncio.wait([self._under_way])
            await asyncio.sleep(0)  # what is done with the group is done in the next turn
        if self._wire is not None:
            self._wire.close()

    def _gather(self) -> None:
        """Send them off with all that arrive in this turn of the loop; or wait for those who usually come along."""
        loop = asyncio.get_running_loop()
        if len(self._waiting) >= self._usual and not self._is_soon:
            self._forget_looking()
            self._is_soon, self._looking = True, loop.call_soon(self._send_off)
        elif self._looking is None:
            patience_s = min(TIMES_AS_LONG * self._took_s, LONGEST_GATHERING_S)
            self._looking = loop.call_later(patience_s, self._send_off)

    def _forget_looking(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self._is_soon, self._looking = False, None

    def _send_off(self) -> None:
        self._forget_looking()
        if group := self._take():
            refusals = self._refusals([one.entry for one in group])
            self._under_way = asyncio.get_running_loop().create_task(refusals)
            self._under_way.add_done_callback(partial(self._arrive, group, time.perf_counter()))

    def _arrive(self, group: Sequence[Waiting], began: float, entered: "asyncio.Task[list[Refusal]]") -> None:
        """Send the next group off, and tell those of this one."""
        self._usual, self._took_s, self._under_way = len(group), time.perf_counter() - began, None
        if self._waiting:
            self._gather()
        refusals: Sequence[Refusal] = [errors.DatabaseUnavailable()] * len(group)
        if not entered.cancelled():
            refusals = entered.result()
        for one, refusal in zip(group, refusals, strict=True):
            if not one.refusal.done():
                one.refusal.set_result(refusal)

    def _take(self, most: int = MOST_AT_ONCE) -> list[Waiting]:
        """Those whose turn it is; who has hung up meanwhile is left out."""
        group: list[Waiting] = []
        while self._waiting and len(group) < most:
            one = self._waiting.popleft()
            if not one.refusal.done():
                group.append(one)
        return group

    async def _refusals(self, entries: Sequence[Entry]) -> list[Refusal]:
        try:
            await self._entered(entries)
        except errors.DatabaseUnavailable as error:
            return [error] * len(entries)
        except Exception as error:
            # A mistake of ours about one of them is not the others', nor that something about one is being changed. One
            # that came alone is entered anew as well: what was wrong may be what the connection had prepared. What
            # was written is known again.
            log.warning("%s visits could not be entered together: %s", len(entries), type(error).__name__)
            return [await self._alone(entry) for entry in entries]
        return [entry.error for entry in entries]

    async def _alone(self, entry: Entry) -> Refusal:
        entry.forget()
        try:
            await self._entered([entry])
        except Exception as error:
            return error
        return entry.error

    async def _entered(self, entries: Sequence[Entry]) -> None:
        """Enter them, or raise what prevents that; a connection that failed is closed, and not used again."""
        if self._wire is None or not self._wire.is_open:
            try:
                self._wire = await Wire.open(self._engine)
            except errors.DatabaseUnavailable as error:
                self._turn_away(error)
                raise
            self._facts = Facts()  # this may be another life of the database, where versions mean something else
        await self._wire.answer(ledger.recording(entries, self._facts))

    def _turn_away(self, error: errors.DatabaseUnavailable) -> None:
        """There is no database: nobody waits until all before them have found that out."""
        for one in self._take(MOST_WAITING):
            one.refusal.set_result(error)
