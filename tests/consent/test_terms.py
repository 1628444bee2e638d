from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from medkiosk.consent.decision import Action, Question, may
from medkiosk.consent.terms import NOBODY, Person, check
from medkiosk.core import canon
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import (
    Assent,
    Capacity,
    ConsentKind,
    ConsentMethod,
    Consequence,
    Faces,
    Grantor,
    Purpose,
    Relationship,
    Risk,
    Scope,
    Terms,
    Witness,
)
from medkiosk.core.events import ConsentRecorded, decode
from medkiosk.core.explanation import EXPLANATIONS, NEWEST
from medkiosk.core.ids import CaptureId

ARM = "40983000"
NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
GRANT = Terms(
    kind=ConsentKind.GRANT,
    purposes=(Purpose.CLINICAL_RECORD, Purpose.TEACHING_RESEARCH),
    grantor=Grantor(name="Ada Example", relationship=Relationship.SELF),
    method=ConsentMethod.SIGNED_FORM,
    language="en-GB",
    starts=rfc3339(NOW),
    expires=rfc3339(NOW + timedelta(days=365)),
    text_version="en-2",
    text_sha256=EXPLANATIONS["en-2"].sha256,
    risks=(Risk.RECOGNISED, Risk.NOT_RETURNED),
)
REFUSAL = msgspec.structs.replace(GRANT, kind=ConsentKind.REFUSAL, expires="", risks=())
WITHDRAWAL = msgspec.structs.replace(REFUSAL, kind=ConsentKind.WITHDRAWAL)
CARE = (Purpose.CLINICAL_RECORD,)
EVERY = tuple(Purpose)
MOTHER = Grantor("Maria Muster", Relationship.PARENT, "custody")
DOCTOR = Grantor("Dr Beispiel", Relationship.CLINICIAN, "wound care cannot wait")
PROXY = Grantor("Paul Example", Relationship.PROXY, "power of attorney of 2024")
HEIR = Grantor("Paul Example", Relationship.REPRESENTATIVE, "next of kin")
ADULT, CHILD = Person("1980-01-01"), Person("2015-01-01")
FORM = CaptureId("f" * 32)


def but(terms: Terms, **changes: object) -> Terms:
    return msgspec.structs.replace(terms, **changes)


OF_A_CHILD = but(GRANT, grantor=MOTHER, capacity=Capacity.MINOR, assent=Assent.GIVEN)
ORAL = but(GRANT, method=ConsentMethod.ORAL, witness=Witness("Nora Nurse", "nurse"), recorded="the notes")


def later(**delta: int) -> str:
    return rfc3339(NOW + timedelta(**delta))


@pytest.mark.parametrize(
    ("terms", "person"),
    [
        (GRANT, NOBODY),
        (GRANT, ADULT),
        (REFUSAL, NOBODY),
        (WITHDRAWAL, NOBODY),
        (but(WITHDRAWAL, consequence=Consequence.STOP), NOBODY),
        (but(GRANT, starts=later(minutes=4)), NOBODY),
        (but(GRANT, starts=later(days=-300)), NOBODY),
        (but(GRANT, text_version="en-1", text_sha256=EXPLANATIONS["en-1"].sha256, risks=()), NOBODY),
        (but(GRANT, purposes=EVERY, use="Journal of Examples", risks=tuple(Risk)), NOBODY),
        (but(GRANT, protocol="2026-17", scope=Scope((ARM,), Faces.NEVER, ("Far",), everywhere=True)), NOBODY),
        (OF_A_CHILD, CHILD),
        (but(OF_A_CHILD, purposes=CARE, assent=Assent.REFUSED), CHILD),
        (
            but(OF_A_CHILD, assent=Assent.TOO_YOUNG, grantor=Grantor("محمد", Relationship.GUARDIAN, "court")),
            CHILD,
        ),
        (but(GRANT, purposes=CARE), CHILD),
        (but(GRANT, purposes=CARE, grantor=DOCTOR, capacity=Capacity.LACKS), NOBODY),
        (but(GRANT, purposes=CARE, grantor=DOCTOR, capacity=Capacity.MINOR), CHILD),
        (but(GRANT, grantor=PROXY, capacity=Capacity.LACKS), ADULT),
        (but(GRANT, grantor=PROXY), ADULT),
        (but(GRANT, grantor=HEIR, capacity=Capacity.DECEASED), Person("1980-01-01", after_death=True)),
        (ORAL, NOBODY),
        (but(GRANT, method=ConsentMethod.TYPED_NAME, typed_name="ada  EXAMPLE"), NOBODY),
        (but(GRANT, form=FORM), NOBODY),
        (but(GRANT, language="fr", interpreter="Ines Interprete"), NOBODY),
        # A no is recorded whoever says it and however.
        (but(REFUSAL, grantor=Grantor("Dr B", Relationship.CLINICIAN)), NOBODY),
        (but(REFUSAL, grantor=Grantor("Mum", Relationship.PARENT)), NOBODY),
        (but(REFUSAL, purposes=EVERY, language="fr", method=ConsentMethod.ORAL), CHILD),
        (but(WITHDRAWAL, scope=Scope(faces=Faces.NEVER)), NOBODY),
    ],
)
def test_sound_terms_pass(terms: Terms, person: Person) -> None:
    assert check(terms, NOW, person) == ()


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (msgspec.structs.replace(GRANT, purposes=()), "at least one purpose"),
        (msgspec.structs.replace(GRANT, purposes=(Purpose.PUBLICATION,) * 2), "named twice"),
        (msgspec.structs.replace(GRANT, grantor=Grantor(" ", Relationship.SELF)), "who answered"),
        (msgspec.structs.replace(GRANT, grantor=Grantor("x" * 201, Relationship.SELF)), "200 printable"),
        (msgspec.structs.replace(GRANT, grantor=Grantor("a\nb", Relationship.SELF)), "printable"),
        (msgspec.structs.replace(GRANT, grantor=Grantor("a\x1b[2J", Relationship.SELF)), "printable"),
        (msgspec.structs.replace(GRANT, grantor=Grantor("a\u202eb", Relationship.SELF)), "printable"),
        (but(GRANT, grantor=DOCTOR, capacity=Capacity.LACKS), "clinical record"),
        (msgspec.structs.replace(GRANT, language=""), "which language"),
        (msgspec.structs.replace(GRANT, language="German, mostly"), "which language"),
        (msgspec.structs.replace(GRANT, language="en" + "-abcdefgh" * 4), "which language"),
        (msgspec.structs.replace(GRANT, starts=""), "from when"),
        (msgspec.structs.replace(GRANT, starts="2026-05-01"), "from when"),
        (msgspec.structs.replace(GRANT, starts=later(minutes=6)), "still to come"),
        (msgspec.structs.replace(REFUSAL, starts=later(days=1)), "still to come"),
        (msgspec.structs.replace(GRANT, expires=""), "until when"),
        (msgspec.structs.replace(GRANT, expires=GRANT.starts), "over already"),
        (
            msgspec.structs.replace(GRANT, starts=later(days=-9), expires=later(days=-1)),
            "over already",
        ),
        (msgspec.structs.replace(GRANT, expires=later(days=26 * 366)), "25 years"),
        (msgspec.structs.replace(REFUSAL, expires=later(days=1)), "never expires"),
        (msgspec.structs.replace(GRANT, text_version="en-0"), "not known"),
        (but(GRANT, text_sha256=""), "not the one"),
        (but(GRANT, text_sha256=EXPLANATIONS["en-1"].sha256), "not the one"),
        (but(GRANT, risks=(Risk.RECOGNISED,)), "every risk"),
        (but(GRANT, risks=(Risk.RECOGNISED,) * 2), "risk is named twice"),
        (but(GRANT, purposes=EVERY, use="Journal"), "every risk"),
        (but(GRANT, purposes=EVERY, risks=tuple(Risk)), "which publication"),
        (but(GRANT, purposes=EVERY, use="  ", risks=tuple(Risk)), "which publication"),
        (but(GRANT, use="Journal"), "not about publication"),
        (but(GRANT, purposes=CARE, protocol="17"), "not about teaching"),
        (but(GRANT, grantor=Grantor("Ada", Relationship.SELF, "none")), "needs no authority"),
        (but(GRANT, grantor=MOTHER), "what the child says"),
        (but(GRANT, capacity=Capacity.MINOR), "do not fit together"),
        (but(GRANT, grantor=MOTHER, capacity=Capacity.LACKS), "do not fit together"),
        (but(REFUSAL, grantor=HEIR, capacity=Capacity.ABLE), "do not fit together"),
        (but(GRANT, assent=Assent.GIVEN), "only where somebody decides for a child"),
        (but(GRANT, grantor=Grantor("Guy", Relationship.GUARDIAN, "court")), "a child, or cannot"),
        (but(OF_A_CHILD, assent=None), "what the child says"),
        (but(OF_A_CHILD, assent=Assent.REFUSED), "says no"),
        (but(OF_A_CHILD, grantor=Grantor("Mum", Relationship.PARENT)), "by what right"),
        (
            but(
                GRANT, purposes=CARE, grantor=Grantor("Dr B", Relationship.CLINICIAN), capacity=Capacity.LACKS
            ),
            "best interests",
        ),
        (but(GRANT, grantor=HEIR), "a patient who died"),
        (but(ORAL, witness=None), "needs a witness"),
        (but(ORAL, witness=Witness("ADA example", "nurse")), "somebody else"),
        (but(ORAL, witness=Witness("Nora", " ")), "who they are"),
        (but(ORAL, recorded=""), "where the oral answer"),
        (but(GRANT, recorded="tape"), "only of an oral answer"),
        (but(GRANT, method=ConsentMethod.TYPED_NAME, typed_name="Adam"), "is not the name"),
        (but(GRANT, typed_name="Ada Example"), "in another way"),
        (but(ORAL, form=FORM), "signed form"),
        (but(GRANT, form=CaptureId("IMG_0001")), "signed form"),
        (but(GRANT, language="de-CH"), "who interpreted"),
        (but(GRANT, consequence=Consequence.STOP), "Only a withdrawal"),
        (but(REFUSAL, consequence=Consequence.STOP), "Only a withdrawal"),
        (but(GRANT, scope=Scope(body_sites=("40983001",))), "SNOMED CT"),
        (but(GRANT, scope=Scope(body_sites=("forearm",))), "SNOMED CT"),
        (but(GRANT, scope=Scope(body_sites=(ARM, ARM))), "none twice"),
        (but(GRANT, scope=Scope(recipients=tuple(map(str, range(33))))), "at most 32"),
        (but(GRANT, scope=Scope(recipients=(" ",))), "empty name"),
        (but(GRANT, scope=Scope(recipients=("a\x07",))), "printable"),
        (but(REFUSAL, scope=Scope(faces=Faces.MAY_SHOW)), "cannot say"),
        (but(WITHDRAWAL, scope=Scope(everywhere=True)), "all visits anyway"),
        (but(GRANT, interpreter="x" * 201), "printable"),
    ],
)
def test_each_fault_is_named(terms: Terms, words: str) -> None:
    person = CHILD if terms.grantor.relationship is Relationship.PARENT else ADULT
    (problem,) = check(terms, NOW, person)
    assert words in problem


@pytest.mark.parametrize(
    ("terms", "person", "words"),
    [
        (OF_A_CHILD, NOBODY, "birth date is not known"),
        (OF_A_CHILD, ADULT, "is of age"),
        (OF_A_CHILD, Person("2008-05-01"), "is of age"),
        (OF_A_CHILD, Person("2009-05-01", majority=16), "is of age"),
        (GRANT, CHILD, "not of age"),
        (GRANT, Person("2007-01-01", majority=21), "not of age"),
    ],
)
def test_age_decides_who_can(terms: Terms, person: Person, words: str) -> None:
    (problem,) = check(terms, NOW, person)
    assert words in problem


def test_what_can_be_recorded_as_a_grant_counts() -> None:
    for terms, person in [
        (GRANT, ADULT),
        (OF_A_CHILD, CHILD),
        (ORAL, ADULT),
        (but(GRANT, grantor=PROXY), ADULT),
    ]:
        assert check(terms, NOW, person) == ()
        question = Question(born=person.born)
        for purpose in terms.purposes:
            assert may(Action.EXPORT, question, [terms], purpose, None, NOW + timedelta(hours=1)).allowed


def test_an_answer_from_before_these_members_is_read_as_it_was_written() -> None:
    old = (
        b'{"actor":"a","at":"2026-01-31T23:59:59.000Z","consent_id":"c","encounter_id":"e","terms":{"expires":"",'
        b'"grantor":{"name":"n","relationship":"clinician"},"kind":"grant","language":"en","method":"oral",'
        b'"purposes":["clinical_record"],"starts":"","text_version":"en-1"},"type":"consent.recorded"}'
    )
    event = decode(old)
    assert isinstance(event, ConsentRecorded)
    assert canon.encode(event) == old
    assert event.terms.scope is None
    assert event.terms.consequence is Consequence.RECALL


def test_every_purpose_is_explained_in_every_wording() -> None:
    for wording in EXPLANATIONS.values():
        assert set(wording.purposes) == set(Purpose)


@pytest.mark.parametrize(("language", "version"), NEWEST.items())
def test_the_newest_wordings_explain_every_risk(language: str, version: str) -> None:
    wording = EXPLANATIONS[version]
    assert wording.language == language
    assert set(wording.risks) == set(Risk)
    assert wording.lines()[-1].endswith("?")


def test_wordings_that_were_used_are_never_edited() -> None:
    """A recorded consent names its wording: change the words, and it names something never read out."""
    digests = {version: text.sha256[:16] for version, text in EXPLANATIONS.items()}
    assert digests == {"en-1": "5c9c56fc4c1e5683", "en-2": "b86301e0d39da21b", "de-1": "46e89b006464ba54"}
