"""Organisations and keys."""

import hashlib

import pytest
from sqlalchemy import text

from geo import db, errors, organisations
from geo.vocabulary import Role
from tests.factories import organisation


def test_an_organisation_is_entered_once(session):
    organisation(session, "ccb")
    session.expunge_all()
    with pytest.raises(Exception, match="organisation_pkey"):
        organisation(session, "ccb")


def test_a_code_taken_by_another_transaction_is_a_conflict(fresh_engine):
    with db.session(fresh_engine) as session:
        organisation(session, "ccb")
    with pytest.raises(errors.OrganisationExists), db.session(fresh_engine) as session:
        organisation(session, "ccb")
    with pytest.raises(errors.OrganisationNotFound), db.session(fresh_engine) as session:
        organisation(session, "branch", parent="nobody")


@pytest.mark.parametrize("uscc", ["91110000100003962Y", None])
def test_a_social_credit_code_is_checked(uscc):
    assert organisations.draft(code="o", name="o", kind="bank", uscc=uscc).uscc == uscc


@pytest.mark.parametrize(
    ("said", "loc"),
    [
        ({"uscc": "91110000100003962A"}, "uscc"),
        ({"kind": "church"}, "kind"),
        ({"code": "有空格 "}, "code"),
        ({"name": "  "}, "name"),
        ({"region": "4101"}, "region"),
    ],
)
def test_a_bad_draft_names_the_field(said, loc):
    with pytest.raises(errors.InvalidInput) as caught:
        organisations.draft(**{"code": "o", "name": "o", "kind": "bank", **said})
    assert caught.value.problems[0].loc == (loc,)


def test_a_key_is_stored_as_its_hash_only(session):
    organisation(session, "ccb")
    key = organisations.create_key(session, "ccb", role=Role.HOST)
    row = session.execute(text("SELECT * FROM api_key")).mappings().one()
    assert key.startswith(f"yz_{row['prefix']}_")
    assert bytes(row["secret_hash"]) == hashlib.sha256(key.encode()).digest()
    assert key.split("_", 2)[2] not in str(dict(row))


@pytest.mark.parametrize("form", ["{prefix}", "yz_{prefix}", "{key}"])
def test_a_key_is_revoked_by_its_prefix_and_only_once(session, form):
    organisation(session, "ccb")
    key = organisations.create_key(session, "ccb", role=Role.ADMIN)
    named = form.format(prefix=key.split("_")[1], key=key)
    organisations.revoke_key(session, named)
    with pytest.raises(errors.KeyNotFound):
        organisations.revoke_key(session, named)


@pytest.mark.parametrize(
    ("own", "given", "reach"), [("410300", None, "410300"), ("410300", "410000", "410000"), (None, None, None)]
)
def test_an_auditor_is_for_its_organisations_region_unless_said_otherwise(session, own, given, reach):
    organisation(session, "union", kind="trade_union", region=own)
    key = organisations.create_key(session, "union", role=Role.AUDITOR, region=given)
    assert organisations.authenticate(session, key).region == reach


def test_a_region_that_is_none_is_refused(session):
    with pytest.raises(errors.RegionNotFound):
        organisation(session, "union", region="999999")


def test_a_key_needs_an_organisation(session):
    with pytest.raises(errors.OrganisationNotFound):
        organisations.create_key(session, "nobody", role=Role.HOST)


def test_no_request_waits_for_another_to_note_the_first_use_of_a_day(fresh_engine):
    with db.session(fresh_engine) as session:
        organisation(session, "ccb")
        key = organisations.create_key(session, "ccb", role=Role.HOST)
    with db.session(fresh_engine) as first, db.session(fresh_engine) as second:
        organisations.authenticate(first, key)
        second.execute(text("SET LOCAL lock_timeout = '1s'"))
        assert organisations.authenticate(second, key).organisation == "ccb"
    with db.session(fresh_engine) as session:
        assert session.scalar(text("SELECT last_used_on = current_date FROM api_key"))
