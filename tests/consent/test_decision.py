from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from medkiosk.consent.decision import Question, Recipient, protects, snapshot
from medkiosk.consent.terms import birthday
from medkiosk.core.bodysite import FACE, HEAD
from medkiosk.core.consent import (
    Assent,
    Capacity,
    Code,
    Consequence,
    Faces,
    Purpose,
    Recall,
    Relationship,
    Scope,
    Terms,
)
from medkiosk.core.consent import ConsentKind as K
from tests.consent.answers import (
    ADULT,
    ANYTHING,
    ARM,
    CARE,
    CHILD,
    DR_FAR,
    LEFT,
    LEG,
    NOW,
    PUBLISH,
    RIGHT,
    TEACH,
    answer,
    day,
    decide,
)

ALLOWED: dict[str, list[Terms]] = {
    "a grant": [answer()],
    "from this very moment": [answer(starts=day(0))],
    "one of several purposes": [answer(purposes=(CARE, TEACH))],
    "an expired one and a valid one": [answer(expires=day(-1)), answer(starts=day(-1))],
    "a refusal, and a change of mind": [answer(K.REFUSAL, day(-5)), answer(starts=day(-4))],
    "a withdrawal, and a new grant": [answer(), answer(K.WITHDRAWAL, day(-5)), answer(starts=day(-4))],
    "a refusal of something else": [answer(), answer(K.REFUSAL, day(-1), purposes=(PUBLISH,))],
    "a withdrawal of something else": [answer(), answer(K.WITHDRAWAL, day(-1), purposes=(PUBLISH,))],
    "a proxy's": [answer(by=Relationship.PROXY)],
}


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed(name: str) -> None:
    decision = decide(*ALLOWED[name])
    assert decision.allowed, decision.reason
    assert "counts until 2026-05-11" in decision.reason


DENIED: dict[str, tuple[list[Terms], str]] = {
    "nothing recorded": ([], "No consent for teaching and research is recorded."),
    "only another purpose": ([answer(purposes=(CARE, PUBLISH))], "is recorded"),
    "over since yesterday": ([answer(expires=day(-1))], "over now"),
    "over from this very moment": ([answer(expires=day(0))], "over now"),
    "not yet": ([answer(starts=day(1))], "still to come"),
    "no end": ([answer(expires="")], "cannot be read"),
    "an end nobody can read": ([answer(expires="next year")], "cannot be read"),
    "a start nobody can read": ([answer(starts="yesterday")], "cannot be read"),
    "refused": ([answer(K.REFUSAL)], "was refused"),
    "refused, and a grant of the same moment": ([answer(K.REFUSAL), answer()], "was refused"),
    "granted, then refused": ([answer(), answer(K.REFUSAL, day(-5))], "was refused"),
    "granted, then withdrawn": ([answer(), answer(K.WITHDRAWAL, day(-5))], "was withdrawn"),
    "withdrawn at the same moment": ([answer(), answer(K.WITHDRAWAL)], "was withdrawn"),
    "withdrawn while the clock ran behind": ([answer(), answer(K.WITHDRAWAL, day(-9999))], "was withdrawn"),
    "withdrawn while the clock ran ahead": (
        [answer(), answer(K.WITHDRAWAL, day(999)), answer(starts=day(-1))],
        "was withdrawn",
    ),
    "withdrawn at a time nobody can read": ([answer(), answer(K.WITHDRAWAL, "?")], "was withdrawn"),
    "two grants, both withdrawn": ([answer(), answer(), answer(K.WITHDRAWAL, day(-1))], "was withdrawn"),
    "one of several purposes refused": (
        [answer(purposes=(CARE, TEACH)), answer(K.REFUSAL, day(-1), purposes=(PUBLISH, TEACH))],
        "was refused",
    ),
    "decided by a clinician": ([answer(by=Relationship.CLINICIAN)], "cannot decide"),
}


@pytest.mark.parametrize("name", DENIED)
def test_denied_with_the_reason(name: str) -> None:
    consents, words = DENIED[name]
    decision = decide(*consents)
    assert not decision.allowed
    assert words in decision.reason


MISTAKEN: dict[str, tuple[list[Terms], set[int], Code]] = {
    "the only grant": ([answer()], {0}, Code.FORM),
    "one of two grants": ([answer(), answer(starts=day(-1))], {1}, Code.ALLOWED),
    "both grants": ([answer(), answer(starts=day(-1))], {0, 1}, Code.FORM),
    "a grant about something else": ([answer(), answer(purposes=(PUBLISH,))], {1}, Code.ALLOWED),
    "a refusal": ([answer(), answer(K.REFUSAL, day(-5))], {1}, Code.REFUSED),
    "a withdrawal": ([answer(), answer(K.WITHDRAWAL, day(-5))], {1}, Code.WITHDRAWN),
    "a grant that was withdrawn": ([answer(), answer(K.WITHDRAWAL, day(-5))], {0}, Code.WITHDRAWN),
    "a grant that is over too": ([answer(expires=day(-1))], {0}, Code.FORM),
}
"""Which of the answers stand on a form that turned out to be another patient's, and what is decided."""


@pytest.mark.parametrize("name", MISTAKEN)
def test_what_stands_on_another_patients_form_allows_nothing_and_forbids_as_before(name: str) -> None:
    consents, mistaken, code = MISTAKEN[name]
    decision = decide(*consents, mistaken=mistaken)
    assert decision.code is code
    if code is Code.FORM:
        assert decision.recall is Recall.SCOPE, "what left because of it never was covered"
        assert "another patient" in decision.reason


@pytest.mark.parametrize("purpose", Purpose)
def test_each_purpose_is_asked_by_itself(purpose: Purpose) -> None:
    for granted in Purpose:
        assert decide(answer(purposes=(granted,)), purpose=purpose).allowed == (granted is purpose)


def test_best_interests_cover_care() -> None:
    assert decide(answer(purposes=(CARE,), by=Relationship.CLINICIAN), purpose=CARE).allowed


def test_nobody_is_named_in_a_reason() -> None:
    for consents in [*ALLOWED.values(), *(consents for consents, _ in DENIED.values())]:
        assert "Ada" not in decide(*consents).reason


# Who can decide about what, for whom. Everything that is not here is denied.
CAN: dict[tuple[Relationship, Capacity], set[Purpose]] = {
    (Relationship.SELF, Capacity.ABLE): set(Purpose),
    (Relationship.PARENT, Capacity.MINOR): set(Purpose),
    (Relationship.GUARDIAN, Capacity.MINOR): set(Purpose),
    (Relationship.GUARDIAN, Capacity.LACKS): set(Purpose),
    (Relationship.PROXY, Capacity.LACKS): set(Purpose),
    (Relationship.CLINICIAN, Capacity.LACKS): {CARE},
    (Relationship.CLINICIAN, Capacity.MINOR): {CARE},
    (Relationship.REPRESENTATIVE, Capacity.DECEASED): set(Purpose),
}


@pytest.mark.parametrize("by", Relationship)
@pytest.mark.parametrize("capacity", Capacity)
def test_who_can_decide_about_what(by: Relationship, capacity: Capacity) -> None:
    for purpose, born, after_death, assent in itertools.product(
        Purpose, ("", ADULT, CHILD), (False, True), (None, *Assent)
    ):
        grant = answer(purposes=(purpose,), by=by, capacity=capacity, assent=assent)
        question = Question(born=born, after_death=after_death)
        allowed = (
            purpose in CAN.get((by, capacity), set())
            and (capacity is not Capacity.MINOR or born == CHILD)
            and (capacity is not Capacity.DECEASED or after_death)
            and not (by is Relationship.SELF and born == CHILD and purpose is not CARE)
            and not (assent is Assent.REFUSED and purpose is not CARE)
        )
        decision = decide(grant, purpose=purpose, question=question)
        assert decision.allowed == allowed, (by, capacity, purpose, born, after_death, assent, decision)
        assert (decision.code is Code.ALLOWED) == allowed


FACES_TABLE: dict[tuple[Faces, Purpose], bool] = {
    (Faces.AS_READ, CARE): True,
    (Faces.AS_READ, TEACH): True,
    (Faces.AS_READ, PUBLISH): False,
    (Faces.NEVER, CARE): False,
    (Faces.NEVER, TEACH): False,
    (Faces.NEVER, PUBLISH): False,
    (Faces.MAY_SHOW, CARE): True,
    (Faces.MAY_SHOW, TEACH): True,
    (Faces.MAY_SHOW, PUBLISH): True,
}


@pytest.mark.parametrize(("faces", "purpose"), FACES_TABLE)
def test_a_face_that_was_kept(faces: Faces, purpose: Purpose) -> None:
    grant = answer(purposes=(purpose,), scope=Scope(faces=faces))
    seen = decide(grant, purpose=purpose, question=Question(kept_face=True))
    assert seen.allowed == FACES_TABLE[faces, purpose]
    assert seen.code is (Code.ALLOWED if seen.allowed else Code.FACES)
    assert decide(grant, purpose=purpose).allowed, "without a face it does not matter"


@pytest.mark.parametrize(
    ("scope", "question", "to", "code"),
    [
        (Scope(body_sites=(ARM,)), Question(body_sites=frozenset({ARM})), None, Code.ALLOWED),
        (Scope(body_sites=(ARM, LEG)), Question(body_sites=frozenset({ARM})), None, Code.ALLOWED),
        (Scope(body_sites=(ARM,)), Question(body_sites=frozenset({ARM, LEG})), None, Code.BODY_SITE),
        (Scope(body_sites=(ARM,)), Question(body_sites=frozenset({LEG})), None, Code.BODY_SITE),
        (Scope(body_sites=(ARM,)), ANYTHING, None, Code.BODY_SITE),
        (Scope(body_sites=(ARM,)), Question(body_sites=frozenset({LEFT, RIGHT})), None, Code.ALLOWED),
        (Scope(body_sites=(LEFT,)), Question(body_sites=frozenset({RIGHT})), None, Code.BODY_SITE),
        (Scope(body_sites=(LEFT,)), Question(body_sites=frozenset({ARM})), None, Code.BODY_SITE),
        (Scope(recipients=("far hospital",)), ANYTHING, DR_FAR, Code.ALLOWED),
        (Scope(recipients=("f" * 32,)), ANYTHING, DR_FAR, Code.ALLOWED),
        (Scope(recipients=("a" * 32,)), ANYTHING, DR_FAR, Code.RECIPIENT),
        (Scope(recipients=("Near Hospital",)), ANYTHING, DR_FAR, Code.RECIPIENT),
        (Scope(recipients=("far hospital",)), ANYTHING, None, Code.RECIPIENT),
        (Scope(recipients=("",)), ANYTHING, Recipient("f" * 32, ""), Code.RECIPIENT),
        (Scope(everywhere=True), ANYTHING, DR_FAR, Code.ALLOWED),
    ],
)
def test_a_grant_counts_inside_its_scope(
    scope: Scope, question: Question, to: Recipient | None, code: Code
) -> None:
    assert decide(answer(scope=scope), question=question, to=to).code is code


@pytest.mark.parametrize(
    ("scope", "question", "to", "stops"),
    [
        (Scope(body_sites=(ARM,)), Question(body_sites=frozenset({ARM})), None, True),
        (Scope(body_sites=(ARM,)), Question(body_sites=frozenset({ARM, LEG})), None, True),
        (Scope(body_sites=(ARM,)), Question(body_sites=frozenset({LEG})), None, False),
        (Scope(body_sites=(ARM,)), ANYTHING, None, True),
        (Scope(body_sites=(LEFT,)), Question(body_sites=frozenset({RIGHT})), None, False),
        (Scope(body_sites=(LEFT,)), Question(body_sites=frozenset({ARM})), None, True),
        (Scope(body_sites=(FACE,)), Question(body_sites=frozenset({HEAD})), None, True),
        (Scope(body_sites=(ARM,)), Question(body_sites=frozenset({"73211009"})), None, True),
        (Scope(recipients=("Far Hospital",)), ANYTHING, DR_FAR, True),
        (Scope(recipients=("Near Hospital",)), ANYTHING, DR_FAR, False),
        (Scope(recipients=("Near Hospital",)), ANYTHING, None, True),
        (Scope(faces=Faces.NEVER), ANYTHING, None, False),
        (Scope(faces=Faces.NEVER), Question(kept_face=True), None, True),
    ],
)
def test_a_withdrawal_stops_what_it_is_not_known_to_leave_alone(
    scope: Scope, question: Question, to: Recipient | None, stops: bool
) -> None:
    said = (answer(), answer(K.WITHDRAWAL, day(-1), scope=scope))
    assert decide(*said, question=question, to=to).code is (Code.WITHDRAWN if stops else Code.ALLOWED)


def test_a_limit_counts_against_what_was_said_before_it() -> None:
    limited = answer(starts=day(-1), scope=Scope(recipients=("Near Hospital",)))
    assert decide(answer(), to=DR_FAR).allowed
    assert decide(answer(), limited, to=DR_FAR).code is Code.RECIPIENT
    assert decide(limited, answer(starts=day(0)), to=DR_FAR).allowed, (
        "newer in both orders, and without a limit"
    )


def test_a_limit_that_is_over_says_so_first() -> None:
    over = decide(answer(expires=day(-1), scope=Scope(faces=Faces.NEVER)), question=Question(kept_face=True))
    assert (over.code, over.recall) == (Code.EXPIRED, None)


@pytest.mark.parametrize(
    ("granted", "asked", "withdrawn", "code"),
    [
        ("Journal of A", "", None, Code.ALLOWED),
        ("Journal of A", "journal  of a", None, Code.ALLOWED),
        ("Journal of A", "Journal of B", None, Code.USE),
        ("", "", None, Code.USE),
        (" ", "Journal of A", None, Code.USE),
        ("Journal of A", "", "Journal of B", Code.ALLOWED),
        ("Journal of A", "", "Journal of A", Code.WITHDRAWN),
        ("Journal of A", "", "", Code.WITHDRAWN),
    ],
)
def test_publication_is_one_named_use(granted: str, asked: str, withdrawn: str | None, code: Code) -> None:
    said = [answer(purposes=(PUBLISH,), use=granted)]
    if withdrawn is not None:
        said.append(answer(K.WITHDRAWAL, day(-1), purposes=(PUBLISH,), use=withdrawn))
    decision = decide(*said, purpose=PUBLISH, question=Question(use=asked))
    assert decision.code is code
    assert not decision.allowed or granted in decision.reason


@pytest.mark.parametrize(
    ("born", "majority", "code"),
    [
        ("2008-05-03", 18, Code.ALLOWED),
        ("2008-05-02", 18, Code.ALLOWED),
        ("2008-05-01", 18, Code.MAJORITY),
        ("2008-05-02", 16, Code.MAJORITY),
        ("2005-05-02", 21, Code.ALLOWED),
        ("", 18, Code.BIRTH_DATE),
        ("2008", 18, Code.BIRTH_DATE),
        ("2008-02-30", 18, Code.BIRTH_DATE),
    ],
)
def test_a_parents_consent_ends_when_the_child_is_of_age(born: str, majority: int, code: Code) -> None:
    grant = answer(by=Relationship.PARENT, assent=Assent.GIVEN)
    assert decide(grant, question=Question(born=born, majority=majority)).code is code


def test_a_birthday_begins_in_the_first_time_zone() -> None:
    grant, question = answer(by=Relationship.PARENT, assent=Assent.GIVEN), Question(born="2008-05-02")
    before = datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert decide(grant, question=question, now=before - timedelta(seconds=1)).allowed
    assert decide(grant, question=question, now=before).code is Code.MAJORITY


def test_the_reason_names_the_day_on_which_a_childs_consent_ends() -> None:
    grant = answer(by=Relationship.PARENT, assent=Assent.GIVEN)
    assert "until 2026-05-05." in decide(grant, question=Question(born="2008-05-05")).reason
    assert "until 2026-05-11." in decide(answer(), question=Question(born=ADULT)).reason


def test_who_was_born_on_a_leap_day_is_of_age_on_the_day_before() -> None:
    assert str(birthday("2008-02-29", 18)) == "2026-02-28"
    assert str(birthday("2008-02-29", 20)) == "2028-02-29"
    assert birthday("9990-01-01", 18) is None


@pytest.mark.parametrize(
    ("said", "question", "recall"),
    [
        ([answer()], ANYTHING, None),
        ([answer(), answer(K.WITHDRAWAL, day(-1))], ANYTHING, Recall.WITHDRAWN),
        ([answer(), answer(K.REFUSAL, day(-1))], ANYTHING, Recall.WITHDRAWN),
        ([answer(), answer(K.WITHDRAWAL, day(-1), consequence=Consequence.STOP)], ANYTHING, None),
        (
            [answer(), answer(K.REFUSAL, day(-1)), answer(K.WITHDRAWAL, consequence=Consequence.STOP)],
            ANYTHING,
            Recall.WITHDRAWN,
        ),
        ([answer(expires=day(-1))], ANYTHING, None),
        ([answer(by=Relationship.PARENT)], Question(born="2000-01-01"), None),
        ([answer(scope=Scope(faces=Faces.NEVER))], Question(kept_face=True), Recall.SCOPE),
        ([], ANYTHING, Recall.SCOPE),
    ],
)
def test_what_left_is_recalled_where_somebody_asked_or_it_never_was_covered(
    said: list[Terms], question: Question, recall: Recall | None
) -> None:
    assert decide(*said, question=question).recall is recall


def test_the_answers_that_decided_are_named_and_handed_on() -> None:
    said = (answer(purposes=(CARE,)), answer(), answer(K.WITHDRAWAL, day(-5)), answer(starts=day(-4)))
    decision = decide(*said)
    assert decision.deciding == (3,)
    handed = snapshot(decision, said, TEACH, NOW)
    assert handed.answers == (said[3],)
    assert handed.decision.deciding == (0,)
    assert handed.at == day(0)
    assert decide(*said[:3]).deciding == (2,)


@pytest.mark.parametrize(
    ("said", "goes", "protected"),
    [
        ([answer(), answer(K.WITHDRAWAL, day(-1))], {1}, True),
        ([answer(), answer(K.WITHDRAWAL, day(-1))], {0, 1}, False),
        ([answer(), answer(K.WITHDRAWAL, day(-1)), answer(K.REFUSAL, day(-1))], {1}, False),
        (
            [answer(), answer(K.REFUSAL, scope=Scope(body_sites=(ARM,))), answer(K.REFUSAL, day(-1))],
            {1},
            False,
        ),
        ([answer(expires=day(-1)), answer(K.WITHDRAWAL, day(-2))], {1}, False),
        ([answer(purposes=(CARE,)), answer(K.WITHDRAWAL, day(-1))], {1}, False),
        (
            [
                answer(),
                answer(K.WITHDRAWAL, day(-1)),
                answer(K.WITHDRAWAL, day(-1), scope=Scope(body_sites=(ARM,))),
            ],
            {1},
            True,
        ),
        ([answer(), answer(starts=day(-1), scope=Scope(faces=Faces.NEVER, everywhere=True))], {1}, True),
    ],
)
def test_an_answer_that_protects_others_is_known(said: list[Terms], goes: set[int], protected: bool) -> None:
    assert protects(said, goes, NOW) == protected
