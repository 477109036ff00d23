"""The groups of the recorder: who goes together, and how long that is waited for; their fate is `test_front_visits`."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from api import recorder
from api.recorder import Recorder
from geo import errors, visit_draft
from geo.visit_draft import Entry
from tests.reporters import visit


@pytest.fixture
def recording(fresh_engine: Engine) -> Iterator[Recorder]:
    recording = Recorder(fresh_engine)
    yield recording
    recording.close()


@pytest.fixture
def groups(recording: Recorder) -> list[int]:
    """How many each group has, from here on."""
    found: list[int] = []

    def taking(take: Callable[[], Any] = recording._take) -> Any:
        taken = take()
        found.append(len(taken))
        return taken

    recording._take = taking  # type: ignore[method-assign]
    return found


async def come(recording: Recorder, *many: int) -> None:
    """So many strangers, and a moment later so many; each is refused."""
    waiting = []
    for number in many:
        for _ in range(number):
            said = visit_draft.VisitDraft.model_validate(visit())
            waiting.append(recording.enter(Entry("nobody", uuid4(), said)))
        await asyncio.sleep(0.05)
    refusals = await asyncio.wait_for(asyncio.gather(*waiting), 20)
    assert {type(refusal) for refusal in refusals} == {errors.Unauthenticated}


def test_a_lone_visit_waits_for_nobody(recording: Recorder, groups: list[int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recorder, "LONGEST_GATHERING_S", 60.0)
    recording._took_s = 60.0
    asyncio.run(come(recording, 1))
    assert groups == [1]


def test_those_who_usually_come_together_are_waited_for(
    recording: Recorder, groups: list[int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(recorder, "LONGEST_GATHERING_S", 60.0)
    recording._usual, recording._took_s = 6, 60.0
    asyncio.run(come(recording, 1, 2, 3))
    assert groups == [6]


def test_those_who_stay_away_are_not_waited_for_long_and_then_no_more(recording: Recorder, groups: list[int]):
    recording._usual, recording._took_s = 6, 60.0
    asyncio.run(come(recording, 1))
    assert groups == [1]
    assert recording._usual == 1
