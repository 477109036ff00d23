"""The groups of the recorder: who goes together, and how long that is waited for; their fate is `test_front_visits`."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from api import recorder
from api.recorder import Recorder
from geo import db, errors, visit_draft
from geo.visit_draft import Entry
from tests.reporters import visit

Play = Callable[..., tuple[list[int], Recorder]]


@pytest.fixture
def play(fresh_engine: Engine) -> Play:
    """So many strangers, and a moment later so many; how large their groups are. All are refused."""

    async def come(many: Sequence[int], usual: int, took_s: float) -> tuple[list[int], Recorder]:
        recording, groups = Recorder(fresh_engine), list[int]()
        recording._usual, recording._took_s = usual, took_s

        def taking(most: int = recorder.MOST_AT_ONCE, take: Callable[[int], Any] = recording._take) -> Any:
            taken = take(most)
            groups.append(len(taken))
            return taken

        recording._take = taking  # type: ignore[method-assign]
        waiting = []
        for number in many:
            for _ in range(number):
                said = visit_draft.VisitDraft.model_validate(visit())
                waiting.append(recording.enter(Entry("nobody", uuid4(), said)))
            await asyncio.sleep(0.05)
        refusals = await asyncio.wait_for(asyncio.gather(*waiting), 20)
        await recording.close()
        assert {type(refusal) for refusal in refusals} <= {errors.Unauthenticated}
        return groups, recording

    def play(*many: int, usual: int = 1, took_s: float = 0.0) -> tuple[list[int], Recorder]:
        return asyncio.run(come(many, usual, took_s))

    return play


def test_a_lone_visit_waits_for_nobody(play: Play, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recorder, "LONGEST_GATHERING_S", 60.0)
    assert play(1, took_s=60.0)[0] == [1]


def test_all_that_come_in_one_turn_go_together(play: Play):
    assert play(7)[0] == [7]


def test_those_who_usually_come_together_are_waited_for(play: Play, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recorder, "LONGEST_GATHERING_S", 60.0)
    assert play(1, 2, 3, usual=6, took_s=60.0)[0] == [6]


def test_those_who_stay_away_are_not_waited_for_long_and_then_no_more(play: Play):
    groups, recording = play(1, usual=6, took_s=60.0)
    assert groups == [1]
    assert recording._usual == 1


def test_a_group_is_never_larger_than_is_looked_through_at_once(play: Play):
    groups, _ = play(recorder.MOST_AT_ONCE * 2 + 50)
    assert groups == [recorder.MOST_AT_ONCE, recorder.MOST_AT_ONCE, 50]


def test_whoever_waits_when_it_closes_is_entered_first(fresh_engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recorder, "LONGEST_GATHERING_S", 60.0)

    async def scene() -> list[type]:
        recording = Recorder(fresh_engine)
        recording._usual, recording._took_s = 6, 60.0
        said = visit_draft.VisitDraft.model_validate(visit())
        waiting = [recording.enter(Entry("nobody", uuid4(), said)) for _ in range(3)]
        await asyncio.wait_for(recording.close(), 20)
        return [type(one.result()) for one in waiting]

    assert asyncio.run(scene()) == [errors.Unauthenticated] * 3


def test_a_database_that_comes_back_is_found_again(fresh_engine: Engine, monkeypatch: pytest.MonkeyPatch):
    async def scene() -> list[type]:
        recording, found = Recorder(fresh_engine), []
        said = visit_draft.VisitDraft.model_validate(visit())
        for _ in range(2):
            with monkeypatch.context() as broken:
                broken.setattr(db, "connect_apart", _refuse)
                found.append(type(await recording.enter(Entry("nobody", uuid4(), said))))
            found.append(type(await recording.enter(Entry("nobody", uuid4(), said))))
            assert recording._wire is not None
            recording._wire.close()
        await recording.close()
        return found

    assert asyncio.run(scene()) == [errors.DatabaseUnavailable, errors.Unauthenticated] * 2


def strangers(recording: Recorder, many: int) -> "list[asyncio.Future[Exception | None]]":
    said = visit_draft.VisitDraft.model_validate(visit())
    return [recording.enter(Entry("nobody", uuid4(), said)) for _ in range(many)]


def test_where_no_database_is_all_that_wait_are_told_at_once(fresh_engine: Engine, monkeypatch: pytest.MonkeyPatch):
    """And not a hundred after the other."""
    tried: list[Engine] = []

    def refuse(engine: Engine) -> None:
        tried.append(engine)
        time.sleep(0.1)
        raise errors.DatabaseUnavailable

    monkeypatch.setattr(db, "connect_apart", refuse)

    async def scene() -> set[type]:
        recording = Recorder(fresh_engine)
        waiting = strangers(recording, 10 * recorder.MOST_AT_ONCE)
        refusals = await asyncio.wait_for(asyncio.gather(*waiting), 20)
        await recording.close()
        return set(map(type, refusals))

    assert asyncio.run(scene()) == {errors.DatabaseUnavailable}
    assert len(tried) == 1


@pytest.mark.parametrize("after_s", [0.0, 0.003, 0.05], ids=["before it began", "connecting", "asking"])
def test_a_group_that_is_cancelled_is_answered_and_stands_in_nobody_s_way(fresh_engine: Engine, after_s: float):
    async def scene() -> list[type]:
        recording = Recorder(fresh_engine)
        with fresh_engine.connect() as other:
            other.execute(text("LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE"))
            waiting = strangers(recording, 3)
            recording._send_off()
            if after_s:
                await asyncio.sleep(after_s)
            assert recording._under_way is not None
            recording._under_way.cancel()
            await asyncio.sleep(0.2)
            other.rollback()
        waiting += strangers(recording, 1)
        refusals = await asyncio.wait_for(asyncio.gather(*waiting), 20)
        await asyncio.wait_for(recording.close(), 20)
        return list(map(type, refusals))

    assert asyncio.run(scene()) == [errors.DatabaseUnavailable] * 3 + [errors.Unauthenticated]


def test_once_it_is_closed_it_takes_nothing(fresh_engine: Engine):
    async def scene() -> None:
        recording = Recorder(fresh_engine)
        await recording.close()
        with pytest.raises(errors.Unavailable):
            strangers(recording, 1)

    asyncio.run(scene())


def _refuse(engine: Engine) -> None:
    raise errors.DatabaseUnavailable
