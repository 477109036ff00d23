"""Recording visits and reading them back: verdicts row by row, totals as the rules of trust say."""

import random
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import text

from geo import clock, db, errors, ledger, organisations, visit_figures, visits
from geo.access import Principal
from geo.visit_draft import Entry, VisitDraft
from geo.visit_figures import Bucket, Scope, Span
from geo.vocabulary import Role, VisitMethod
from tests.conftest import ACTOR
from tests.factories import organisation, station

NOON = "2026-05-01T12:00:00+08:00"


def draft(**said: Any) -> VisitDraft:
    whole = {"id": str(uuid4()), "count": 3, "started_at": NOON, "method": "staff_tally", **said}
    return VisitDraft.model_validate(whole)


@pytest.fixture
def host(session):
    """A bank's key and its station."""
    organisation(session, "ccb")
    return organisations.create_key(session, "ccb", role=Role.HOST), UUID(station(session, organisation="ccb"))


def record(session, key, where, **said):
    entry = Entry(key, where, draft(**said))
    ledger.record(session, [entry])
    assert entry.error is None, entry.error
    return entry


def read(session, where, first="2026-05-01", last="2026-05-31", bucket=Bucket.MONTH):
    span = Span(date.fromisoformat(first), date.fromisoformat(last), bucket)
    principal = Principal("ccb", "host", "x")
    return visit_figures.of_station(session, principal, str(where), span)


def test_each_row_of_a_batch_has_its_own_verdict(session, host):
    key, where = host
    organisation(session, "icbc")
    rival = organisations.create_key(session, "icbc", role=Role.HOST)
    auditor = organisations.create_key(session, "ccb", role=Role.AUDITOR)
    same = draft()
    late = draft(started_at=(datetime.now(UTC) + timedelta(hours=3)).isoformat())
    entries = [
        Entry(key, where, same),
        Entry(rival, where, draft()),
        Entry("yz_0_nonsense", where, draft()),
        Entry(key, uuid4(), draft()),
        Entry(auditor, where, draft()),
        Entry(key, where, late),
        Entry(key, where, same),
        Entry(key, where, same.model_copy(update={"count": 4})),
        Entry(key, where, draft()),
    ]
    ledger.record(session, entries)
    verdicts = [type(entry.error).__name__ if entry.error else entry.new for entry in entries]
    refused = ["Forbidden", "Unauthenticated", "StationNotFound", "Forbidden", "InvalidInput"]
    assert verdicts == [True, *refused, False, "VisitDiffers", True]
    assert session.scalar(text("SELECT count(*) FROM visit")) == 2
    assert visit_figures.drift(session) == []


def test_a_revoked_key_records_nothing_from_then_on(session, host):
    key, where = host
    record(session, key, where)
    organisations.revoke_key(session, organisations.prefix_of(key))
    entry = Entry(key, where, draft())
    ledger.record(session, [entry])
    assert isinstance(entry.error, errors.Unauthenticated)


@pytest.mark.parametrize("many", [5, ledger.MANY + 5])
def test_the_same_file_again_is_known_and_changes_nothing(session, host, many):
    key, where = host
    rows = [draft(by_group={"courier": 1}).model_dump(mode="json") | {"station_id": str(where)} for _ in range(many)]
    first = visits.record_many(session, key, orjson.dumps(rows), visits.JSON)
    again = visits.record_many(session, key, orjson.dumps(rows), visits.JSON)
    assert visits.counts(first) == {"recorded": many, "known": 0, "refused": 0}
    assert visits.counts(again) == {"recorded": 0, "known": many, "refused": 0}
    assert read(session, where)[0].visits == 3 * many


def test_a_file_of_which_a_part_was_there_is_entered_but_for_that_part(session, host):
    key, where = host
    rows = [
        draft(device="a\tb\\\n门").model_dump(mode="json") | {"station_id": str(where)} for _ in range(ledger.MANY + 9)
    ]
    there = [rows[7], rows[150] | {"count": 4}]
    assert visits.counts(visits.record_many(session, key, orjson.dumps(there), visits.JSON))["recorded"] == 2
    found = visits.record_many(session, key, orjson.dumps([*rows, rows[0], rows[1] | {"count": 5}]), visits.JSON)
    assert [row.verdict for row in found[:7]] == ["recorded"] * 7
    assert (found[7].verdict, type(found[150].error)) == ("known", errors.VisitDiffers)
    assert (found[-2].verdict, type(found[-1].error)) == ("known", errors.VisitDiffers)
    assert visits.counts(found) == {"recorded": ledger.MANY + 7, "known": 2, "refused": 2}
    assert session.scalar(text("SELECT count(*) FROM visit WHERE device = E'a\\tb\\\\\\n门'")) == ledger.MANY + 9
    assert visit_figures.drift(session) == []


def test_of_files_with_the_same_rows_at_once_each_row_is_entered_by_one(fresh_engine):
    with db.session(fresh_engine, ACTOR) as session:
        organisation(session, "ccb")
        key = organisations.create_key(session, "ccb", role=Role.HOST)
        places = [station(session, organisation="ccb", name=f"站{n}", lat=34.5 + n / 50) for n in range(5)]
    rows = [draft(count=1).model_dump(mode="json") | {"station_id": places[n % 5]} for n in range(ledger.MANY * 3)]
    entered: list[int] = []

    def send(seed: int) -> None:
        mine = random.Random(seed).sample(rows, ledger.MANY * 2)
        with db.session(fresh_engine) as session:
            told = visits.counts(visits.record_many(session, key, orjson.dumps(mine), visits.JSON))
            assert told["refused"] == 0
        entered.append(told["recorded"])

    senders = [threading.Thread(target=send, args=(seed,)) for seed in range(6)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(entered) == 6
    with db.session(fresh_engine) as session:
        assert session.scalar(text("SELECT count(*) FROM visit")) == sum(entered)
        assert session.scalar(text("SELECT sum(visits) FROM visit_day")) == sum(entered)
        assert visit_figures.drift(session) == []


def test_files_of_all_kinds_are_read_row_by_row(session, host):
    key, where = host
    good = {"station_id": str(where), "id": str(uuid4()), "count": 2, "started_at": NOON, "method": "qr_scan"}
    lines = [orjson.dumps(good), b"{broken", b"", orjson.dumps(good | {"id": "x"}), b"7"]
    found = visits.record_many(session, key, b"\n".join(lines), visits.NDJSON)
    assert [(row.number, row.verdict) for row in found] == [
        (1, "recorded"),
        (2, "refused"),
        (4, "refused"),
        (5, "refused"),
    ]
    table = (
        f"station_id,id,count,started_at,method,ended_at\n{where},{uuid4()},4,{NOON},qr_scan,\n{where},?,1,,qr_scan\n"
    )
    found = visits.record_many(session, key, b"\xef\xbb\xbf" + table.encode(), visits.CSV)
    assert [(row.number, row.verdict) for row in found] == [(2, "recorded"), (3, "refused")]
    assert found[1].error is not None
    assert {problem.loc for problem in found[1].error.problems} == {("id",), ("started_at",)}
    for content, kind in [(b"{}", visits.JSON), (b"[", visits.JSON), (b"\xff", visits.CSV), (b"", visits.CSV)]:
        with pytest.raises(errors.UnreadableFile):
            visits.record_many(session, key, content, kind)


def test_a_table_without_a_header_does_not_lose_its_first_row_in_silence(session, host):
    key, where = host
    row = f"{where},{uuid4()},{NOON},qr_scan\n".encode()
    with pytest.raises(errors.UnreadableFile, match="no column station_id, id, started_at, method"):
        visits.record_many(session, key, row, visits.CSV)
    with pytest.raises(errors.UnreadableFile, match="no column id, method"):
        visits.record_many(session, key, b"station_id,ID,started_at\n" + row, visits.CSV)


@pytest.mark.parametrize(("row", "said"), [(b"7", "no JSON object"), (b"null", "no JSON object"), (b'"a"', "no JSON")])
def test_what_is_no_object_is_refused_in_words_of_ours(session, host, row, said):
    (found,) = visits.record_many(session, host[0], row, visits.NDJSON)
    assert found.error is not None
    assert said in found.error.message


def test_true_is_no_count():
    for count in (True, False):
        with pytest.raises(ValueError, match="expected a number"):
            draft(count=count)


def test_a_reversal_takes_back_the_total_once(session, host):
    key, where = host
    who = organisations.authenticate(session, key)
    entry = record(session, key, where, count=9)
    taking = visits.ReversalDraft(id=uuid4(), reason="误报")
    made = visits.reverse(session, who, key, str(where), str(entry.draft.id), taking)
    assert (made.new, made.row["count"], made.row["reverses"]) == (True, -9, entry.draft.id)
    assert visits.reverse(session, who, key, str(where), str(entry.draft.id), taking).new is False
    assert read(session, where)[0].visits is None
    other = visits.ReversalDraft(id=uuid4(), reason="再次")
    with pytest.raises(errors.AlreadyReversed):
        visits.reverse(session, who, key, str(where), str(entry.draft.id), other)
    with pytest.raises(errors.AlreadyReversed):
        visits.reverse(session, who, key, str(where), str(taking.id), other)
    with pytest.raises(errors.VisitNotFound):
        visits.reverse(session, who, key, str(where), str(uuid4()), other)
    assert visit_figures.drift(session) == []


@pytest.mark.parametrize(
    ("reports", "official", "lower_bound"),
    [
        ([("qr_scan", 5, None)], 5, True),
        ([("qr_scan", 5, None), ("staff_tally", 12, None)], 12, False),
        ([("qr_scan", 50, None), ("staff_tally", 12, None)], 12, False),
        ([("estimate", 90, None), ("people_counter", 40, None)], 40, False),
        ([("qr_scan", 5, None), ("staff_tally", 12, False), ("staff_tally", 1, False)], 13, True),
        ([("qr_scan", 5, True), ("access_control", 12, True)], 5, False),
        ([("staff_tally", 0, None)], 0, False),
        ([], None, False),
    ],
)
def test_the_official_total_of_a_day(session, host, reports, official, lower_bound):
    key, where = host
    for method, count, complete in reports:
        record(session, key, where, method=method, count=count, complete=complete)
    (cell,) = read(session, where)
    assert (cell.visits, cell.lower_bound) == (official, lower_bound)


MAY = {"started_at": "2026-05-01T00:00:00+08:00", "ended_at": "2026-06-01T00:00:00+08:00"}
WEEK = {"started_at": "2026-05-04T00:00:00+08:00", "ended_at": "2026-05-11T00:00:00+08:00"}


@pytest.mark.parametrize(
    ("reports", "official"),
    [
        ([MAY | {"count": 100}], 100),
        ([MAY | {"count": 100}, {"count": 7}], 100),
        ([MAY | {"count": 100, "complete": False}, {"count": 7}], 100),
        ([MAY | {"count": 5, "complete": False}, {"count": 7}], 7),
        ([MAY | {"count": 100}, WEEK | {"count": 30}], 100),
        ([WEEK | {"count": 30}, {"count": 7}], 37),
        ([WEEK | {"count": 30}] + [{"started_at": f"2026-05-{day:02}T12:00:00+08:00"} for day in range(4, 11)], 21),
    ],
)
def test_a_report_of_a_month_is_never_added_to_its_own_days(session, host, reports, official):
    key, where = host
    for said in reports:
        record(session, key, where, **said)
    assert read(session, where)[0].visits == official
    days = read(session, where, bucket=Bucket.DAY)
    assert len(days) == 31
    assert {cell.visits for cell in days} <= {None, 3, 7}


def test_zero_is_not_silence_and_days_are_those_of_china(session, host):
    key, where = host
    record(session, key, where, count=0)
    record(session, key, where, count=6, started_at="2026-05-02T16:00:00Z")
    found = [cell.visits for cell in read(session, where, last="2026-05-04", bucket=Bucket.DAY)]
    assert found == [0, None, 6, None]


@pytest.mark.parametrize(
    ("bucket", "starts"),
    [
        (Bucket.WEEK, ["2025-12-29", "2026-01-05"]),
        (Bucket.MONTH, ["2025-12-01", "2026-01-01"]),
        (Bucket.YEAR, ["2025-01-01", "2026-01-01"]),
    ],
)
def test_buckets_begin_where_calendars_do(session, host, bucket, starts):
    key, where = host
    for day in ("2025-12-31", "2026-01-07"):
        record(session, key, where, count=8, started_at=f"{day}T12:00:00+08:00")
    found = read(session, where, "2025-12-31", "2026-01-07", bucket)
    assert [str(cell.start) for cell in found] == starts
    assert [cell.visits for cell in found] == [8, 8]


SPANS = (
    ("2026-01-01", "2026-12-31", Bucket.MONTH),
    ("2026-01-15", "2026-04-14", Bucket.MONTH),
    ("2026-03-10", "2026-03-20", Bucket.MONTH),
    ("2026-01-20", "2026-06-10", Bucket.YEAR),
)


def closed_before(session, month: str) -> None:
    """As if it were so long ago that only the months before this one are closed."""
    session.execute(text("SELECT set_config('role', 'none', true)"))
    session.execute(text("UPDATE visit_closing SET kept_before = :month, read_before = :month"), {"month": month})
    session.execute(text("SELECT set_config('role', 'yizhan_app', true)"))


def test_months_that_are_added_up_already_are_what_their_days_come_to(session, host, monkeypatch):
    key, where = host
    closed_before(session, "2026-04-01")
    other = UUID(station(session, organisation="ccb", name="另一站", lat=34.9))
    chance = random.Random(7)
    entries = []
    for _ in range(300):
        start = datetime(2026, chance.randint(1, 6), chance.randint(1, 28), 12, tzinfo=UTC)
        said: dict[str, Any] = {"count": chance.randint(0, 9), "complete": chance.choice([True, False, None])}
        said |= {"method": chance.choice(list(VisitMethod)), "started_at": start.isoformat()}
        if chance.random() < 0.02:
            said["ended_at"] = (start + timedelta(days=chance.randint(2, 40))).isoformat()
        entries.append(Entry(key, chance.choice([where, other]), draft(**said)))
    for at in range(0, len(entries), 30):
        ledger.record(session, entries[at : at + 30])
    assert {entry.error for entry in entries} == {None}
    assert visit_figures.drift(session) == []
    scopes = [Scope(region="410000", group_by=by) for by in (None, visit_figures.GroupBy.METHOD)]
    scopes += [Scope(station=str(where)), Scope(region="410000", method=VisitMethod.QR_SCAN)]

    def read_all():
        spans = [Span(date.fromisoformat(first), date.fromisoformat(last), bucket) for first, last, bucket in SPANS]
        union = Principal("union", "admin", "x")
        return [visit_figures.of_many(session, union, scope, span) for scope in scopes for span in spans]

    by_some_months = read_all()
    assert visit_figures.close_months(session)
    assert not visit_figures.close_months(session)
    assert visit_figures.drift(session) == []
    by_months = read_all()
    monkeypatch.setattr(Span, "whole_months", lambda span, _: (span.last + timedelta(1), span.last + timedelta(1)))
    assert by_some_months == by_months == read_all()
    assert sum(len(cells) for cells in by_months) > 100


def test_figures_of_a_region_are_suppressed_for_the_public_only(session, host):
    key, where = host
    other = UUID(station(session, organisation="ccb", name="另一站", lat=34.9))
    record(session, key, where, count=3)
    record(session, key, other, count=1, method="qr_scan")
    span = Span(date(2026, 5, 1), date(2026, 5, 1), Bucket.DAY)
    scope = Scope(region="410000", group_by=visit_figures.GroupBy.METHOD)
    public = visit_figures.of_many(session, None, scope, span)
    assert [(cell.group, cell.visits, cell.suppressed) for cell in public] == [
        ("qr_scan", None, True),
        ("staff_tally", None, True),
    ]
    union = Principal("union", "auditor", "x", "410000")
    assert [cell.visits for cell in visit_figures.of_many(session, union, scope, span)] == [1, 3]
    elsewhere = Principal("union", "auditor", "x", "110000")
    assert visit_figures.of_many(session, elsewhere, scope, span) == public
    assert visit_figures.of_many(session, union, Scope(region="110000"), span) == []


def test_writers_of_the_same_days_in_any_order_neither_deadlock_nor_lose_any(fresh_engine):
    with db.session(fresh_engine, ACTOR) as session:
        closed_before(session, "2026-05-01")
        organisation(session, "ccb")
        key = organisations.create_key(session, "ccb", role=Role.HOST)
        places = [UUID(station(session, organisation="ccb", name=f"站{n}", lat=34.5 + n / 50)) for n in range(8)]
    methods = ("staff_tally", "qr_scan", "estimate")
    drafts = [(where, draft(count=1, method=methods[n % 3])) for where in places for n in range(20)]
    failures: list[BaseException] = []

    def write(seed: int) -> None:
        mine = drafts[seed * 7 :] + drafts[: seed * 7]
        mine = mine[::-1] if seed % 2 else mine
        try:
            for at in range(0, len(mine), 16):
                with db.session(fresh_engine) as session:
                    entries = [Entry(key, where, said) for where, said in mine[at : at + 16]]
                    ledger.record(session, entries)
                    assert [entry.error for entry in entries] == [None] * len(entries)
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(6)]
    for writer in writers:
        writer.start()
    clock.strike(fresh_engine)  # closes the month that they are writing to
    for writer in writers:
        writer.join()
    assert failures == []
    with db.session(fresh_engine) as session:
        assert session.scalar(text("SELECT read_before > '2026-05-01' FROM visit_closing"))
        assert session.scalar(text("SELECT sum(visits) FROM visit_day")) == len(drafts)
        assert visit_figures.drift(session) == []
