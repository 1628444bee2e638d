"""Answers about consent through the real daemon: what is recorded, refused, and what each lets leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

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
    Scope,
    Subject,
    Terms,
    Witness,
)
from medkiosk.core.ids import CaptureId
from medkiosk.core.photo import ImageRole
from medkiosk.ipc.wire import RemoteError
from tests.corrections import written
from tests.e2e.test_department import age_key
from tests.e2e.test_roles import approved
from tests.kiosk import PASSPHRASE, SUBJECT, ScratchKiosk, consent
from tests.outside import enrolled, terms

TEACH, PUBLISH = Purpose.TEACHING_RESEARCH, Purpose.PUBLICATION
CHILD = Subject(mrn="77", issuer="Demo Hospital", name="Kind, Ein", birth_date="2020-02-29")


def but(given: Terms, **changes: object) -> Terms:
    return msgspec.structs.replace(given, **changes)


def no(kind: ConsentKind, *purposes: Purpose, **changes: object) -> Terms:
    return but(consent(*purposes), kind=kind, expires="", risks=(), use="", **changes)


def test_each_answer_lets_leave_what_it_covers(day: ScratchKiosk, tmp_path: Path) -> None:
    with day.session("pat") as pat, day.session("rita") as rita, day.session("olga") as olga:
        first, second = (each.capture_id for each in pat.list_captures().captures[:2])
        here, there = (pat.create_encounter(SUBJECT, label).encounter_id for label in ("hand", "foot"))
        other = written(pat, msgspec.structs.replace(SUBJECT, mrn="x"), "somebody else").encounter_id
        pat.assign(here, (first,))
        approved(rita, rita.get_capture(first))
        recipient = enrolled(olga, age_key(tmp_path))

        def why(purpose: Purpose = TEACH) -> str:
            found = olga.check_export(recipient.recipient_id, purpose, (first,), terms(purpose)).denials
            return " ".join(each.reason for each in found)

        assert "No consent for teaching and research is recorded." in why()
        pat.record_consent(there, consent(TEACH))
        pat.record_consent(other, but(consent(TEACH), scope=Scope(everywhere=True)))
        assert "No consent" in why(), "neither another visit's nor somebody else's counts"
        pat.record_consent(there, but(consent(TEACH), scope=Scope(everywhere=True)))
        assert why() == ""
        pat.record_consent(here, but(consent(TEACH), scope=Scope(recipients=("Another Hospital",))))
        assert "other recipients only" in why()
        pat.record_consent(
            here, but(consent(TEACH), scope=Scope(recipients=(recipient.organisation.upper(),)))
        )
        assert why() == ""
        pat.record_consent(there, no(ConsentKind.REFUSAL, TEACH))
        assert "was refused" in why(), "a refusal at one visit counts at all"
        pat.record_consent(here, consent(TEACH))
        assert why() == ""
        pat.record_consent(here, but(consent(TEACH), scope=Scope(body_sites=("40983000",))))
        assert "certain parts of the body" in why()
        pat.record_consent(here, no(ConsentKind.WITHDRAWAL, TEACH, consequence=Consequence.STOP))
        assert "was withdrawn" in why()
        pat.record_consent(here, consent(PUBLISH))
        assert why(PUBLISH) == ""
        pat.record_consent(here, no(ConsentKind.WITHDRAWAL, PUBLISH, scope=Scope(faces=Faces.NEVER)))
        assert why(PUBLISH) == "", "no face was kept in this picture"

        pat.assign(here, (second,))
        with pytest.raises(RemoteError, match="not marked as a consent form"):
            pat.record_consent(here, but(consent(), form=second))
        pat.give_role(second, ImageRole.CONSENT_FORM)
        with pytest.raises(RemoteError, match="does not belong to this patient"):
            pat.record_consent(other, but(consent(), form=second))
        with pytest.raises(RemoteError, match="There is no capture"):
            pat.record_consent(here, but(consent(), form=CaptureId("0" * 32)))
        linked = pat.record_consent(here, but(consent(), form=second))
        assert linked.terms.form == second


MOTHER = {
    "grantor": Grantor("Kind, Mutter", Relationship.PARENT, "custody"),
    "capacity": Capacity.MINOR,
    "assent": Assent.TOO_YOUNG,
}
WRONG: dict[str, tuple[Subject, Callable[[], Terms]]] = {
    "of age": (SUBJECT, lambda: but(consent(), **MOTHER)),
    "not of age": (CHILD, consent),
    "what the child says": (CHILD, lambda: but(consent(), **{**MOTHER, "assent": None})),
    "The child says no": (CHILD, lambda: but(consent(), **{**MOTHER, "assent": Assent.REFUSED})),
    "by what right": (
        CHILD, lambda: but(consent(), **{**MOTHER, "grantor": Grantor("M", Relationship.PARENT)}),
    ),
    "lets nobody agree": (
        SUBJECT,
        lambda: but(consent(), grantor=Grantor("P", Relationship.REPRESENTATIVE, "will")),
    ),
    "needs a witness": (SUBJECT, lambda: but(consent(), method=ConsentMethod.ORAL, recorded="notes")),
    "which publication": (SUBJECT, lambda: but(consent(PUBLISH), use="")),
    "every risk": (SUBJECT, lambda: but(consent(), risks=())),
    "who interpreted": (SUBJECT, lambda: but(consent(), language="tr")),
    "not the one that is known": (SUBJECT, lambda: but(consent(), text_sha256="0" * 64)),
    "Only a withdrawal": (SUBJECT, lambda: but(consent(), consequence=Consequence.STOP)),
}  # fmt: skip


def test_what_does_not_fit_together_is_refused_in_one_sentence_and_what_does_is_kept(
    day: ScratchKiosk,
) -> None:
    with day.session("pat") as pat:
        ids = {subject.mrn: pat.create_encounter(subject, "").encounter_id for subject in (SUBJECT, CHILD)}
        for words, (subject, made) in WRONG.items():
            with pytest.raises(RemoteError, match=words) as refused:
                pat.record_consent(ids[subject.mrn], made())
            assert str(refused.value).count(". ") <= 1, "the sentence, and that nothing was changed"
        pat.record_consent(ids[CHILD.mrn], but(consent(), **MOTHER))
        oral = but(
            consent(PUBLISH),
            method=ConsentMethod.ORAL,
            witness=Witness("Nora Nurse", "ward nurse"),
            recorded="the notes",
            language="tr",
            interpreter="Ines",
            scope=Scope(faces=Faces.MAY_SHOW, recipients=("Journal",)),
        )
        pat.record_consent(ids[SUBJECT.mrn], oral)
        before = pat.list_encounters().encounters
    day.stop()
    day.start()
    with day.session("pat") as pat:
        assert pat.list_encounters().encounters == before
    listing = ("consent", "--user", "pat", "--passphrase-file", "-")
    said = day.ctl(*listing, stdin=PASSPHRASE).stdout
    for words in (
        "capacity: minor", "the child: too_young", "authority: custody", "witness: Nora Nurse, ward nurse",
        "recorded in: the notes", "interpreter: Ines", "faces: may_show", "only for: Journal",
        "publication: Example Journal of Demonstrations", "wording: en-2 b86301e0d39da21b",
    ):  # fmt: skip
        assert words in said
    whole = json.loads(day.ctl(*listing, "--json", stdin=PASSPHRASE).stdout)
    assert {each["encounter_id"] for each in whole["encounters"]} >= set(ids.values())


def test_the_wording_is_printed_without_a_daemon(day: ScratchKiosk) -> None:
    text = day.ctl("consent", "--text").stdout
    assert "May we keep the photographs in your medical record" in text
    assert "Dürfen wir die Fotos in Ihrer Krankenakte aufbewahren" in text
    assert "SHA-256 b86301e0d39da21b" in text
    old = json.loads(day.ctl("consent", "--text", "en-1", "--json").stdout)
    assert old["en-1"]["sha256"].startswith("5c9c56fc4c1e5683")
    assert "There is no wording" in day.ctl("consent", "--text", "xx-1", check=False).stderr
