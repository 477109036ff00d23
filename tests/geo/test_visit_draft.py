"""What is read at sight is what the model reads: never more, never otherwise, and nearly all that is sent."""

import json
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from geo.visit_draft import ReportedVisit, Said, VisitDraft, at_sight
from geo.vocabulary import VisitMethod

KEY = str(uuid4())
PLAIN = {"id": KEY, "started_at": "2026-05-01T12:00:00+08:00", "method": "staff_tally"}

KEYS = st.one_of(
    st.uuids().map(str),
    st.uuids().map(lambda key: str(key).upper()),
    st.uuids().map(lambda key: key.hex),
    st.uuids().map(lambda key: f"{{{key}}}"),
    st.text("0123456789abcdefg-\n", max_size=38),
    st.sampled_from([f"{KEY}\n", f" {KEY}", f"urn:uuid:{KEY}", "００００" + KEY[4:]]),
)
TWO = st.one_of(st.integers(0, 61).map("{:02}".format), st.sampled_from(["1", "٠١", "99", "-1"]))
INSTANTS = st.builds(
    "{}-{}-{}{}{}:{}:{}{}{}".format,
    st.sampled_from(["2026", "2024", "1901", "1900", "2199", "2200", "0001", "9999", "26", "٢٠٢٦"]),
    *(TWO, TWO),
    st.sampled_from(["T", "T", "T", "t", " ", ""]),
    *(TWO, TWO, TWO),
    st.sampled_from(["", "", ".5", ".123456", ".1234567", ".", ",5", ".٥"]),
    st.sampled_from(
        ["Z", "z", "+08:00", "-00:00", "+0800", "+08", "+23:59", "+24:00", "+10:75", "-12:30", "", "+08:00:30"]
    ),
)
# Days that are there, so that most can be read.
TRUE_INSTANTS = st.builds(
    "{:%Y-%m-%dT%H:%M:%S}{}{}".format,
    st.datetimes(),
    st.sampled_from(["", ".5", ".123456", ".000000", ".1234567"]),
    st.sampled_from(["Z", "+08:00", "-00:00", "+00:00", "-11:30", "+23:59", "+10:75", "+24:00", "z", ""]),
)
WHENEVER = st.one_of(
    TRUE_INSTANTS, INSTANTS, st.sampled_from([1789000000, "2026-05-01", "now", True, None, "20260501T120000Z"])
)
COUNTS = st.one_of(
    st.integers(-2, 1_000_002),
    st.sampled_from(
        [True, False, 1.0, 1.5, "4", "007", "+4", " 4", "4.0", "1e2", "٤", "1000000", "1000001", "-0", "", None, [1]]
    ),
)
TRUTHS: st.SearchStrategy[Any] = st.sampled_from(
    [True, False, None, 0, 1, 1.0, "true", "false", "True", "yes", "1", "", [], {}]
)
DEVICES = st.one_of(
    st.text(max_size=4),
    st.sampled_from(
        [None, "door-7", " x", "x\u3000", "x\x1c", "a\x00b", "门" * 100, "门" * 101, "a\tb\\N\n", 7, "\U0001f6b2"]
    ),
)
GROUPS: st.SearchStrategy[Any] = st.sampled_from([None, {}, {"courier": 1}, {"courier": 10**6}, {"nobody": 1}, [], 7])
METHODS: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([str(method) for method in VisitMethod]), st.sampled_from(["guess", "", 1, None, []])
)
VISITS = st.fixed_dictionaries(
    {"id": KEYS, "started_at": WHENEVER, "method": METHODS},
    optional={
        "count": COUNTS,
        "ended_at": WHENEVER,
        "complete": TRUTHS,
        "device": DEVICES,
        "by_group": GROUPS,
        "station_id": KEYS,
        "colour": st.just("red"),
    },
)


def by_the_model(model: type[VisitDraft], said: Any) -> Said | None:
    try:
        return model.model_validate(said).said()
    except ValidationError:
        return None


def settled(said: Said) -> tuple[Any, ...]:
    """Everything but how the instants were written."""
    names = ("station_id", "id", "count", "started_at", "ended_at", "method", "complete", "by_group", "device")
    return tuple(getattr(said, name) for name in names)


@settings(max_examples=1_000)
@given(VISITS, st.booleans())
@example(PLAIN | {"count": True}, False)
@example(PLAIN | {"station_id": KEY, "device": "x\x1c"}, True)
def test_what_is_read_at_sight_is_what_the_model_reads(said, many):
    found = at_sight(said, among_many=many)
    if found is not None:
        expected = by_the_model(ReportedVisit if many else VisitDraft, said)
        assert expected is not None
        assert settled(found) == settled(expected)
        written = by_the_model(VisitDraft, PLAIN | {"started_at": found.started, "ended_at": found.ended})
        assert written is not None or found.ended_at is not None
        if written is not None:
            assert (written.started_at, written.ended_at) == (found.started_at, found.ended_at)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"count": 38, "ended_at": "2026-05-01T17:00:00.5+08:00", "complete": False, "device": "门口的计数器"},
        {"count": "38", "complete": "true", "started_at": "2026-05-01T04:00:00.123456Z"},
        {"ended_at": None, "complete": None, "device": None, "method": "qr_scan"},
    ],
)
def test_what_nearly_everybody_sends_is_read_at_sight(more):
    said = PLAIN | more
    for many, model in ((False, VisitDraft), (True, ReportedVisit)):
        told = orjson.loads(json.dumps(said | ({"station_id": KEY} if many else {})))
        found, expected = at_sight(told, among_many=many), by_the_model(model, told)
        assert found is not None
        assert expected is not None
        assert settled(found) == settled(expected)


@pytest.mark.parametrize("said", [None, 7, "x", [], [PLAIN], {}, {"id": KEY}, PLAIN | {"station_id": KEY}])
def test_what_is_no_visit_is_left_to_the_model(said):
    assert at_sight(said) is None
