"""The facts that consent is asked with come from the catalogue, the picture and the site's policy."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from medkiosk.catalog.fold import Catalog
from medkiosk.core import events as ev
from medkiosk.core.clock import rfc3339
from medkiosk.core.config import ConsentPolicy
from medkiosk.core.consent import (
    Assent,
    Capacity,
    Code,
    ConsentKind,
    Decision,
    Faces,
    Grantor,
    Purpose,
    Recall,
    Relationship,
    Scope,
    Subject,
    Terms,
)
from medkiosk.core.exportevents import RecipientEnrolled
from medkiosk.core.ids import AccountId, CaptureId, ConsentId, EncounterId, ImportId, ObjectId, RecipientId
from medkiosk.core.photo import Box, Category, Finding, MediaKind
from medkiosk.core.photo import Decision as Found
from medkiosk.core.siteevents import EncounterSites
from medkiosk.daemon.consenting import ask
from medkiosk.review.machine import step
from tests.kiosk import consent

NOW = datetime.now(UTC)
PAT, HERE, THERE = AccountId("a" * 32), EncounterId("e" * 32), EncounterId("f" * 32)
GRANT = consent()
FACE = Finding(Category.FACE, Box(0, 0, 9, 9), "centerface/1", "", 900, Found.KEEP, "r", "lesion")
DR_FAR = RecipientEnrolled(
    at=rfc3339(NOW), actor=PAT, recipient_id=RecipientId("b" * 32), display_name="Dr Far",
    organisation="Far Hospital", age_recipient="age1", expires="",
)  # fmt: skip


def desk(*answers: tuple[EncounterId, Terms], born: str = "1980-01-01") -> Catalog:
    """A catalogue with one person's two encounters, and these answers."""
    catalog = Catalog(step)
    for number, id_ in enumerate((HERE, THERE)):
        subject = Subject(mrn=" 7"[number:], issuer="H", name="X", birth_date=born)
        catalog.apply(
            ev.EncounterCreated(at=rfc3339(NOW), actor=PAT, encounter_id=id_, subject=subject, label="")
        )
    for number, (id_, terms) in enumerate(answers):
        catalog.apply(
            ev.ConsentRecorded(
                at=rfc3339(NOW), actor=PAT, consent_id=ConsentId(str(number)), encounter_id=id_, terms=terms
            )
        )
    assert not catalog.problems
    return catalog


def asked(
    catalog: Catalog,
    *findings: Finding,
    where: EncounterId | None = HERE,
    picture: CaptureId | None = None,
    policy: ConsentPolicy = ConsentPolicy(),  # noqa: B008 - frozen
) -> Decision:
    decision, said = ask(catalog, picture, where, findings, Purpose.TEACHING_RESEARCH, DR_FAR, policy, NOW)
    assert (said.decision.allowed, said.decision.code) == (decision.allowed, decision.code)
    assert len(said.answers) == len(decision.deciding)
    return decision


def but(**changes: object) -> Terms:
    return msgspec.structs.replace(GRANT, **changes)


@pytest.mark.parametrize(
    ("category", "found", "code"),
    [
        (Category.FACE, Found.KEEP, Code.FACES),
        (Category.FACE, Found.MASK, Code.ALLOWED),
        (Category.TEXT, Found.KEEP, Code.ALLOWED),
        (Category.LESION, Found.KEEP, Code.ALLOWED),
    ],
)
def test_a_face_that_a_reviewer_kept_is_known(category: Category, found: Found, code: Code) -> None:
    catalog = desk((HERE, but(scope=Scope(faces=Faces.NEVER))))
    finding = msgspec.structs.replace(FACE, category=category, decision=found)
    assert asked(catalog, finding).code is code


def test_what_a_picture_shows_is_its_own_word_or_its_encounters() -> None:
    catalog = desk((HERE, but(scope=Scope(body_sites=("14975008",)))))
    one = CaptureId("1" * 32)
    assert "P on the encounter" in asked(catalog, picture=one).reason
    assert asked(catalog).code is Code.BODY_SITE
    catalog.apply(
        EncounterSites(at=rfc3339(NOW), actor=PAT, encounter_id=HERE, sites=("14975008:272741003=7771000",))
    )
    assert asked(catalog, picture=one).allowed
    assert asked(catalog).allowed
    catalog.sites.captures[one] = ("89545001",)
    shows = asked(catalog, picture=one)
    assert (shows.code, shows.recall) == (Code.BODY_SITE, Recall.SCOPE)
    assert "shows another one" in shows.reason
    catalog.sites.captures[one] = ()
    assert "not recorded" in asked(catalog, picture=one).reason


def test_an_answer_for_all_visits_counts_at_another_one() -> None:
    assert asked(desk((THERE, GRANT))).code is Code.NOT_ASKED
    assert asked(desk((THERE, but(scope=Scope(everywhere=True))))).allowed
    assert asked(desk((HERE, GRANT)), where=None).code is Code.NOT_ASKED
    assert asked(desk((HERE, GRANT)), where=EncounterId("0" * 32)).code is Code.NOT_ASKED


def test_the_recipient_is_the_one_that_is_enrolled() -> None:
    assert asked(desk((HERE, but(scope=Scope(recipients=("far hospital",)))))).allowed
    assert asked(desk((HERE, but(scope=Scope(recipients=("b" * 32,)))))).allowed
    assert asked(desk((HERE, but(scope=Scope(recipients=("Near Hospital",)))))).code is Code.RECIPIENT


def test_the_birth_date_and_the_age_of_majority_are_used() -> None:
    mother = but(
        grantor=Grantor("M", Relationship.PARENT, "custody"), capacity=Capacity.MINOR, assent=Assent.GIVEN
    )
    born = f"{NOW.year - 17}-01-01"
    assert asked(desk((HERE, mother), born=born)).allowed
    assert asked(desk((HERE, mother), born=born), policy=ConsentPolicy(majority=16)).code is Code.MAJORITY
    assert asked(desk((HERE, mother), born="")).code is Code.BIRTH_DATE


def test_after_death_the_sites_policy_decides() -> None:
    heir = but(grantor=Grantor("P", Relationship.REPRESENTATIVE, "will"), capacity=Capacity.DECEASED)
    assert asked(desk((HERE, heir))).code is Code.AUTHORITY
    assert asked(desk((HERE, heir)), policy=ConsentPolicy(after_death=True)).allowed


def test_what_was_signed_by_another_patient_allows_nothing() -> None:
    form, other = CaptureId("c" * 32), EncounterId("d" * 32)
    never = but(form=form, scope=Scope(faces=Faces.NEVER))
    alone = desk((HERE, never))
    second = desk((HERE, but(scope=Scope(faces=Faces.MAY_SHOW))), (HERE, never))
    refused = desk((HERE, GRANT), (HERE, but(kind=ConsentKind.REFUSAL, form=form, scope=None)))
    for catalog in (alone, second, refused):
        catalog.apply(
            ev.OriginalSealed(
                at=rfc3339(NOW), actor=PAT, import_id=ImportId("1" * 32), capture_id=form,
                object_id=ObjectId("2" * 64), storage="", folder="", file="FORM.JPG", size=1, mtime=0,
                media=MediaKind.JPEG,
            )
        )  # fmt: skip
        wrong = Subject(mrn="8", issuer="H", name="Y", birth_date="")
        catalog.apply(
            ev.EncounterCreated(at=rfc3339(NOW), actor=PAT, encounter_id=other, subject=wrong, label="")
        )
    for whose, code in ((HERE, Code.ALLOWED), (THERE, Code.ALLOWED), (other, Code.FORM)):
        for catalog in (alone, second, refused):
            catalog.apply(ev.Assigned(at=rfc3339(NOW), actor=PAT, encounter_id=whose, captures=(form,)))
        assert asked(alone).code is code
        assert asked(second).allowed, "the other grant goes on counting"
        assert asked(second, FACE).code is Code.FACES, "but not further than the form limits it"
        assert asked(refused).code is Code.REFUSED
