"""The whole matrix: role x operation x relation x region x publication."""

from itertools import product

import pytest

from geo.access import Answer, Operation, Principal, Relation, Target, decide, may_register
from geo.vocabulary import PublicationStatus, Role

OK, NO, HIDDEN = Answer.ALLOWED, Answer.FORBIDDEN, Answer.HIDDEN
SEE, EDIT, REVIEW, HISTORY = Operation.SEE, Operation.EDIT, Operation.REVIEW, Operation.READ_HISTORY
OPERATIONS = (SEE, EDIT, REVIEW, HISTORY)
OWN, BELOW, ABOVE, FOREIGN = Relation.OWN, Relation.DESCENDANT, Relation.ANCESTOR, Relation.FOREIGN
STATES = [state.value for state in PublicationStatus]

# (role, relation, in region, publication) -> the answer to each of OPERATIONS; None stands for every value.
MATRIX: list[tuple[tuple[str | None, tuple[Relation, ...], bool | None, tuple[str, ...]], tuple[Answer, ...]]] = [
    (("admin", (OWN, BELOW, ABOVE, FOREIGN), None, tuple(STATES)), (OK, OK, OK, OK)),
    (("host", (OWN, BELOW), None, tuple(STATES)), (OK, OK, NO, OK)),
    (("host", (ABOVE, FOREIGN), None, ("published",)), (OK, NO, NO, NO)),
    (("host", (ABOVE, FOREIGN), None, tuple(s for s in STATES if s != "published")), (HIDDEN,) * 4),
    (("auditor", (FOREIGN,), True, tuple(s for s in STATES if s != "draft")), (OK, NO, OK, OK)),
    (("auditor", (OWN, BELOW, ABOVE), True, tuple(s for s in STATES if s != "draft")), (OK, NO, NO, OK)),
    (("auditor", (OWN, BELOW, ABOVE, FOREIGN), True, ("draft",)), (HIDDEN,) * 4),
    (("auditor", (OWN, BELOW, ABOVE, FOREIGN), False, ("published",)), (OK, NO, NO, NO)),
    (("auditor", (OWN, BELOW, ABOVE, FOREIGN), False, tuple(s for s in STATES if s != "published")), (HIDDEN,) * 4),
    ((None, (FOREIGN,), False, ("published",)), (OK, NO, NO, NO)),
    ((None, (FOREIGN,), False, tuple(s for s in STATES if s != "published")), (HIDDEN,) * 4),
]
CELLS = [
    (role, relation, region, state, operation, answer)
    for (role, relations, in_region, states), answers in MATRIX
    for relation, region, state in product(relations, (True, False) if in_region is None else (in_region,), states)
    for operation, answer in zip(OPERATIONS, answers, strict=True)
]


def test_every_cell_of_the_matrix():
    for role, relation, in_region, state, operation, answer in CELLS:
        who = Principal("o", role, "yz_x") if role else None
        found = decide(who, operation, Target(relation, in_region, state))
        assert found is answer, (role, relation, in_region, state, operation)


def test_the_matrix_is_complete():
    roles = [role.value for role in Role]
    wanted = set(product(roles, Relation, (True, False), STATES, OPERATIONS))
    assert {cell[:5] for cell in CELLS if cell[0]} == wanted
    assert len(CELLS) == len({cell[:5] for cell in CELLS})


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("relation", list(Relation))
def test_who_may_register_for_whom(role, relation):
    expected = role == "admin" or (role == "host" and relation in {OWN, BELOW})
    assert may_register(Principal("o", role.value, "yz_x"), relation) is expected


@pytest.mark.parametrize(
    ("region", "covered"), [(None, True), ("100000", True), ("410000", True), ("410105", True), ("410200", False)]
)
def test_a_region_covers_what_lies_below_it(region, covered):
    who = Principal("o", "auditor", "yz_x", region)
    assert who.covers("410000", "410100", "410105") is covered
