"""Who a patient is, over the socket: numbers, similar names, and the wrong patient put right by two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from medkiosk.core.consent import Purpose, Subject
from medkiosk.core.correctionevents import CorrectionState, Outcome
from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.core.photo import ReviewState
from medkiosk.ipc.client import Client
from medkiosk.ipc.wire import RemoteError
from tests.corrections import moved, written
from tests.e2e.proof import assert_clean
from tests.kiosk import ScratchKiosk, consent, decided, redacted
from tests.outside import enrolled, exported, terms
from tests.virtual.photos import make_card

TEACHING = Purpose.TEACHING_RESEARCH
RULES = """
[identity]
issuers = "open"
[[issuer]]
name = "NHS"
also = ["National Health Service"]
shortest = 10
longest = 10
check = "mod11"
"""
ERIKA = Subject(mrn="943 476 5919", issuer="nhs", name="Mustermann, Erika", birth_date="1961-03-09")
ADA = Subject(mrn="4010232137", issuer="NHS", name="Ada Example", birth_date="1985-12-24")


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    """A kiosk with rules for numbers, staff, and redacted photographs."""
    root = tmp_path_factory.mktemp("ward")
    make_card(root / "card", 3, fast=True, size=(1216, 816))
    kiosk = ScratchKiosk(root / "kiosk", cards=[root / "card"], settings=RULES)
    try:
        kiosk.init()
        kiosk.start()
        kiosk.hire()
        kiosk.wait(redacted, timeout_s=180)
        yield kiosk
    finally:
        kiosk.close()


def captures_of(client: Client) -> tuple[CaptureId, ...]:
    return tuple(each.capture_id for each in client.list_captures().captures)


def approve(client: Client, capture_id: CaptureId) -> None:
    found = client.get_capture(capture_id)
    if (plan := decided(found.findings)) != found.findings:
        found = client.change_masks(capture_id, found.info.revision, plan)
    client.get_preview(capture_id)
    client.approve(capture_id, found.info.revision)


def test_a_number_is_kept_in_one_form_and_one_patient_has_one_spelling(ward: ScratchKiosk) -> None:
    with ward.session("pat") as pat:
        with pytest.raises(RemoteError, match="check digit is wrong"):
            pat.create_encounter(msgspec.structs.replace(ERIKA, mrn="9434765918"), "arm")
        assert "check digit" in pat.check_subject(msgspec.structs.replace(ERIKA, mrn="9434765918")).problem
        first = pat.create_encounter(ERIKA, "arm").subject
        assert (first.mrn, first.issuer) == ("9434765919", "NHS")
        again = Subject(
            mrn="943-476-5919", issuer="National health service", name="ERIKA MUSTERMANN", birth_date=""
        )
        assert pat.check_subject(again).known
        assert pat.create_encounter(again, "leg").subject == first

        # Another name under a known number: nothing, until somebody says which is right, and why.
        married = msgspec.structs.replace(ERIKA, name="Erika Beispiel")
        with pytest.raises(RemoteError, match="known with another name") as caught:
            pat.create_encounter(married, "leg")
        assert caught.value.remote_code == "identity.conflict"
        looked = pat.check_subject(married)
        assert looked.conflict == first
        with pytest.raises(RemoteError, match="known with another name"):
            pat.create_encounter(married, "leg", confirmed=looked.token)
        made = pat.create_encounter(married, "leg", confirmed=looked.token, reason="married since")
        assert made.subject.name == "Erika Beispiel"
        assert pat.create_encounter(married, "leg").subject == made.subject


def test_a_similar_patient_is_shown_before_anything_is_saved(ward: ScratchKiosk) -> None:
    typed = Subject(mrn="77", issuer="Elsewhere", name="Ada Exampel", birth_date="1985-12-24")
    with ward.session("pat") as pat:
        written(pat, ADA, "hand")
        before = pat.list_encounters().total
        with pytest.raises(RemoteError, match="similar name") as caught:
            pat.create_encounter(typed, "hand")
        assert caught.value.remote_code == "identity.doubt"
        looked = pat.check_subject(typed)
        [similar] = looked.similar
        assert similar.subject == ADA
        assert similar.words == "Nearly the same name; born on the same day."
        # One more comes meanwhile: what was looked at is not all any more.
        with ward.session("rita") as rita:
            written(rita, msgspec.structs.replace(ADA, mrn="78", issuer="Elsewhere"), "hand")
        with pytest.raises(RemoteError, match="similar name"):
            pat.create_encounter(typed, "hand", confirmed=looked.token)
        assert pat.list_encounters().total == before + 1
        pat.create_encounter(typed, "hand", confirmed=pat.check_subject(typed).token)


def test_a_wristband_brings_that_patient(ward: ScratchKiosk) -> None:
    with ward.session("pat") as pat:
        said = pat.read_scan("]C09434765919")
        assert (said.mrn, said.issuers) == ("9434765919", ("NHS",))
        names = {each.encounter_id: each.subject for each in pat.list_encounters().encounters}
        assert said.encounters
        assert {names[each].mrn for each in said.encounters} == {"9434765919"}
        assert "member of staff" in pat.read_scan("]C18017950110153001083462").words
        assert not pat.read_scan("\x1b[31m").mrn


def test_pictures_of_the_wrong_patient_are_put_right_by_two_people_across_a_crash(
    ward: ScratchKiosk,
) -> None:
    wrong = Subject(mrn="100", issuer="H", name="Wrong Person", birth_date="1950-01-01")
    right = Subject(mrn="200", issuer="H", name="Right Patient", birth_date="1970-06-15")
    with ward.session("pat") as pat, ward.session("rita") as rita, ward.session("olga") as olga:
        one, two, three = captures_of(pat)
        bad, good = (pat.create_encounter(each, "arm").encounter_id for each in (wrong, right))
        pat.record_consent(bad, consent(TEACHING))
        pat.assign(bad, (one, two))
        approve(rita, one)
        anna = enrolled(olga, "", name="Anna", purposes=(TEACHING,)).recipient_id
        exported(olga, anna, (one,))
        approve(rita, two)

        with pytest.raises(RemoteError, match="another patient's"):
            pat.assign(good, (one, two), "typed the wrong one")
        with pytest.raises(RemoteError, match="another patient's"):
            rita.assign(good, (one, two), "typed the wrong one")
        with pytest.raises(RemoteError, match="assigned, not corrected"):
            pat.propose_correction(good, (three,), "belongs there")
        with pytest.raises(RemoteError, match="say why"):
            pat.propose_correction(good, (one, two), " ")
        with pytest.raises(RemoteError, match="does not record"):
            olga.propose_correction(good, (one, two), "typed the wrong one")
        proposed = pat.propose_correction(good, (one, two), "typed the wrong one")
        assert (proposed.before, proposed.after, proposed.approved) == ((wrong,), right, 2)
        assert [(each.recipient, each.pictures) for each in proposed.left] == [("Anna", 1)]
        assert any("recall list" in each for each in proposed.needs)
        assert any("Consent of the right patient, teaching research: no." in each for each in proposed.needs)

        # Doubt: nothing of it leaves, is approved, moved or proposed again.
        denied = olga.check_export(anna, TEACHING, (two,), terms()).denials
        assert any("another patient's" in each.reason for each in denied)
        with pytest.raises(RemoteError, match="another patient's"):
            rita.approve(two, rita.get_capture(two).info.revision)
        with pytest.raises(RemoteError, match="correction that waits"):
            rita.propose_correction(good, (two,), "again")
        # A reviewer may decide, but not about what they proposed themselves.
        pat.assign(bad, (three,))
        own = rita.propose_correction(good, (three,), "typed the wrong one")
        with pytest.raises(RemoteError, match="a second person decides"):
            rita.decide_correction(own.correction_id, Outcome.APPROVED)
        with pytest.raises(RemoteError, match="only whoever proposed"):
            pat.take_back_correction(own.correction_id)
        rita.take_back_correction(own.correction_id)
        with pytest.raises(RemoteError, match="does not decide"):
            pat.decide_correction(proposed.correction_id, Outcome.APPROVED)
    ward.kill()
    ward.start()
    with ward.session("pat") as pat, ward.session("rita") as rita, ward.session("olga") as olga:
        listed = rita.list_corrections()
        assert listed.open == 1
        waits = listed.corrections[0]
        assert (waits.correction_id, waits.state, waits.by) == (
            proposed.correction_id,
            CorrectionState.PROPOSED,
            "Pat Photographer",
        )
        assert rita.get_capture(one).info.encounter_id == bad
        assert not olga.list_recall().lines
        done = rita.decide_correction(waits.correction_id, Outcome.APPROVED)
        assert (done.state, done.decided_by) == (CorrectionState.DONE, "Rita Reviewer")
        assert [each.user for each in rita.get_team(good).members] == ["pat"], "a yes is no work with them"
        for each in (one, two):
            info = rita.get_capture(each).info
            assert (info.encounter_id, info.state) == (good, ReviewState.PROPOSED)
        [line] = olga.list_recall().lines
        assert (line.why, line.captures) == ("wrong_subject", (one,))
        with pytest.raises(RemoteError, match="done already"):
            rita.decide_correction(waits.correction_id, Outcome.APPROVED)
        with pytest.raises(RemoteError, match="done already"):
            pat.take_back_correction(waits.correction_id)
    ward.kill()
    ward.start()
    with ward.session("rita") as rita:
        assert rita.get_capture(one).info.encounter_id == good
        assert rita.list_corrections().open == 0


def test_another_identity_for_an_encounter_takes_two_people_and_recalls_what_left(ward: ScratchKiosk) -> None:
    typo = Subject(mrn="300", issuer="H", name="Karl Korrekt", birth_date="1944-04-04")
    meant = msgspec.structs.replace(typo, mrn="301")
    with ward.session("pat") as pat, ward.session("rita") as rita, ward.session("olga") as olga:
        *_, three = captures_of(pat)
        encounter = pat.create_encounter(typo, "knee").encounter_id
        pat.record_consent(encounter, consent(TEACHING))
        moved_or_assigned(pat, rita, encounter, three)
        approve(rita, three)
        before = len(olga.list_recall().lines)
        proposed = pat.propose_identity(
            encounter, meant, "one digit was wrong", pat.check_subject(meant).token
        )
        assert (proposed.before, proposed.after, proposed.approved) == ((typo,), meant, 1)
        with pytest.raises(RemoteError, match="waits names this encounter"):
            rita.propose_identity(encounter, msgspec.structs.replace(typo, name="K"), "again")
        with pytest.raises(RemoteError, match="say why"):
            olga.decide_correction(proposed.correction_id, Outcome.REFUSED)
        refused = olga.decide_correction(proposed.correction_id, Outcome.REFUSED, "ask the ward first")
        assert refused.state is CorrectionState.REFUSED
        again = pat.propose_identity(encounter, meant, "one digit was wrong", pat.check_subject(meant).token)
        assert rita.get_capture(three).info.state is ReviewState.APPROVED
        olga.decide_correction(again.correction_id, Outcome.APPROVED)
        info = rita.get_capture(three).info
        assert (info.encounter_id, info.state) == (encounter, ReviewState.PROPOSED)
        found = next(each for each in pat.list_encounters().encounters if each.encounter_id == encounter)
        assert found.subject == meant
        assert len(found.consents) == 1, "the answer goes with who stood there"
        assert len(olga.list_recall().lines) == before
        assert pat.read_scan("301").encounters == (encounter,)
        assert pat.read_scan("300").encounters == ()
        mine = pat.propose_identity(encounter, msgspec.structs.replace(meant, name="Karl Korekt"), "typo")
        assert "same patient" in mine.needs[0]
        assert pat.take_back_correction(mine.correction_id).state is CorrectionState.TAKEN_BACK


def test_nothing_is_moved_to_an_encounter_while_it_is_not_certain_whose_it_is(ward: ScratchKiosk) -> None:
    """Else the second person reads one patient, and the pictures become another one's."""
    here = Subject(mrn="400", issuer="H", name="Greta Gestern", birth_date="1930-03-03")
    there = Subject(mrn="401", issuer="H", name="Hugo Heute", birth_date="1999-09-09")
    meant = msgspec.structs.replace(there, mrn="402")
    with ward.session("pat") as pat, ward.session("rita") as rita:
        *_, three = captures_of(pat)
        source, target = (written(pat, each, "arm").encounter_id for each in (here, there))
        moved_or_assigned(pat, rita, source, three)
        move = pat.propose_correction(target, (three,), "the other one's")
        token = pat.check_subject(meant).token
        with pytest.raises(RemoteError, match="waits names this encounter"):
            pat.propose_identity(target, meant, "one digit was wrong", token)
        pat.take_back_correction(move.correction_id)
        doubt = pat.propose_identity(target, meant, "one digit was wrong", token)
        with pytest.raises(RemoteError, match="is somebody else's"):
            pat.propose_correction(target, (three,), "the other one's")
        pat.take_back_correction(doubt.correction_id)


def moved_or_assigned(pat: Client, rita: Client, to: EncounterId, capture: CaptureId) -> None:
    if rita.get_capture(capture).info.encounter_id is None:
        pat.assign(to, (capture,))
    else:
        moved(pat, rita, to, (capture,), "belongs there")


def test_nothing_personal_is_in_the_open(ward: ScratchKiosk) -> None:
    with ward.session("audi") as audi:
        said = [
            line
            for line in audi.list_events(0, 1000).events
            if line.type.startswith(("correction", "subject"))
        ]
    assert said
    assert not any(name in line.summary for line in said for name in ("Karl", "Right", "Wrong"))
    ward.stop()
    log = Path(ward.log).read_text()
    assert "Mustermann" not in log
    assert "Korrekt" not in log
    assert_clean(ward)
