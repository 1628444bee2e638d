"""What pictures show, through the real daemon: a consent for the forearm lets only the forearm leave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pyrage
import pytest

from medkiosk.core.bodysite import FACE, Side, write
from medkiosk.core.consent import ConsentKind, Purpose, Scope
from medkiosk.core.ids import CaptureId
from medkiosk.core.photo import ReviewState
from medkiosk.ipc.wire import RemoteError
from tests.e2e.test_department import age_key
from tests.e2e.test_roles import approved
from tests.kiosk import PASSPHRASE, SUBJECT, ScratchKiosk, consent
from tests.outside import enrolled, exported, terms

TEACH = Purpose.TEACHING_RESEARCH
FOREARM = "14975008"
LEFT, RIGHT = write(FOREARM, Side.LEFT), write(FOREARM, Side.RIGHT)
ONLY = msgspec.structs.replace(consent(TEACH), scope=Scope(body_sites=(FOREARM,)))
LISTING = ("consent", "--user", "pat", "--passphrase-file", "-")


def test_only_what_the_consent_names_leaves(day: ScratchKiosk, tmp_path: Path) -> None:
    with day.session("pat") as pat, day.session("rita") as rita, day.session("olga") as olga:
        arm, face = (each.capture_id for each in pat.list_captures().captures[:2])
        here = pat.create_encounter(SUBJECT, "arm", sites=(LEFT,)).encounter_id
        pat.assign(here, (arm, face))
        pat.record_consent(here, ONLY)
        for each in (arm, face):
            approved(rita, rita.get_capture(each))
        recipient = enrolled(olga, age_key(tmp_path)).recipient_id

        def why(capture_id: CaptureId) -> str:
            found = olga.check_export(recipient, TEACH, (capture_id,), terms(TEACH)).denials
            return " ".join(each.reason for each in found)

        assert why(arm) == why(face) == "", "of both the encounter says that they show the forearm"
        with pytest.raises(RemoteError, match="say why that was wrong"):
            pat.say_capture_sites(face, (FACE,))
        said = pat.say_capture_sites(face, (FACE,), "it is the face")
        assert (said.sites, [each.sites for each in said.otherwise]) == ((LEFT,), [(FACE,)])
        assert rita.get_capture(face).info.state is ReviewState.PROPOSED
        assert rita.get_capture(arm).info.state is ReviewState.APPROVED
        approved(rita, rita.get_capture(face))
        assert "this picture shows another one" in why(face)
        with pytest.raises(RemoteError, match="certain parts of the body only"):
            exported(olga, recipient, (arm, face))
        assert not list(day.stick.iterdir())
        bundle = exported(olga, recipient, (arm,))
        assert bundle.images == 1
        assert_in_no_file(day.stick / bundle.folder, tmp_path / "identity.txt")
        assert_in_no_store(day)

        # Stricter at once, without a reason; what left under the other word is recalled.
        assert olga.list_recall().lines == ()
        pat.say_sites(here, (LEFT, RIGHT))
        assert why(arm) == ""
        pat.say_sites(here, (LEFT, RIGHT, FACE))
        assert "this picture shows another one" in why(arm)
        [line] = olga.list_recall().lines
        assert (line.why, line.captures) == ("scope", (arm,))
        assert rita.get_capture(arm).info.state is ReviewState.APPROVED

        # And not looser but with a reason, and a reviewer who looks again.
        with pytest.raises(RemoteError, match="say why that was wrong"):
            pat.say_sites(here, (RIGHT,))
        pat.say_sites(here, (RIGHT,), "the face was a slip")
        detail = rita.get_capture(arm)
        assert detail.info.state is ReviewState.PROPOSED
        with pytest.raises(RemoteError, match="have not looked"):
            rita.approve(arm, detail.info.revision)  # what she saw said something else
        approved(rita, detail)
        assert why(arm) == ""
        assert olga.list_recall().lines == ()
        with pytest.raises(RemoteError, match="recorded already"):
            pat.say_sites(here, (RIGHT,))

        # Not known is the closed side, and says what to do.
        pat.say_capture_sites(arm, (), "one cannot tell")
        approved(rita, rita.get_capture(arm))
        assert "Record it: B in Review" in why(arm)

        # Nor does the first word open what nobody looked at with that word in mind.
        looked = rita.get_capture(arm)
        pat.say_capture_sites(arm, None)
        assert rita.get_capture(arm).info.state is ReviewState.PROPOSED
        with pytest.raises(RemoteError, match="have not looked"):
            rita.approve(arm, looked.info.revision)
        with pytest.raises(RemoteError):
            exported(olga, recipient, (arm,))
        approved(rita, rita.get_capture(arm))
        assert why(arm) == ""

        # A refusal of the face stops a picture of the face, and no other.
        pat.record_consent(here, consent(TEACH))
        assert why(face) == ""
        no = msgspec.structs.replace(
            consent(TEACH), kind=ConsentKind.REFUSAL, expires="", risks=(), scope=Scope(body_sites=(FACE,))
        )
        pat.record_consent(here, no)
        assert "was refused" in why(face)
        assert why(arm) == ""

        # That an answer is limited to parts is told of each encounter for which it counts.
        grown, other = (
            pat.create_encounter(subject, "x").encounter_id
            for subject in (SUBJECT, msgspec.structs.replace(SUBJECT, mrn="300", name="Zoe Quite-Other"))
        )
        limited = {each.encounter_id: each.limited for each in pat.list_encounters().encounters}
        assert (limited[here], limited[grown], limited[other]) == (True, True, False)

        # Who says whose it is in truth reads what consent says of this picture, not of the encounter.
        right = msgspec.structs.replace(SUBJECT, mrn="200", name="Right Patient")
        theirs = pat.create_encounter(right, "arm", sites=(LEFT,)).encounter_id
        pat.record_consent(theirs, ONLY)
        proposed = pat.propose_correction(theirs, (face,), "typed the wrong one")
        told = [each for each in proposed.needs if "teaching research" in each]
        assert len(told) == 1, proposed.needs
        assert "this picture shows another one" in told[0]
        pat.take_back_correction(proposed.correction_id)

        loose = pat.list_captures().captures[2].capture_id
        refused: list[tuple[Callable[[], object], str]] = [
            (lambda: pat.say_sites(here, ("14975009",)), "check its digits"),
            (lambda: pat.say_sites(here, (FACE, FACE)), "none twice"),
            (lambda: pat.say_capture_sites(loose, (FACE,)), "assign it first"),
            (lambda: olga.say_sites(here, (FACE,)), "does not record"),
            (lambda: pat.create_encounter(SUBJECT, "x", sites=("face",)), "check its digits"),
        ]
        for wrong, words in refused:
            with pytest.raises(RemoteError, match=words):
                wrong()
        before = pat.list_encounters().encounters
    listed = day.ctl(*LISTING, stdin=PASSPHRASE).stdout
    assert f"shows: right forearm ({RIGHT})" in listed
    assert f"capture {face} shows: face ({FACE})" in listed
    assert f"only body sites: forearm ({FOREARM})" in listed
    with day.session("audi") as audi:
        lines = [
            e.summary for e in audi.list_events(0, 1000).events if e.type.endswith((".sites", ".reopened"))
        ]
    assert f"capture {face}: 1 parts of the body" in lines
    assert f"capture {face}" in lines
    assert not any(FACE in line or FOREARM in line for line in lines)
    day.stop()
    day.start()
    with day.session("pat") as pat:
        assert pat.list_encounters().encounters == before


def assert_in_no_file(folder: Path, identity: Path) -> None:
    """No code and no word of a site in a bundle, opened or not."""
    [key] = [line for line in identity.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-")]
    opened = 0
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if path.suffix == ".age":
            data += pyrage.decrypt(data, [pyrage.x25519.Identity.from_str(key)])
            opened += 1
        assert FOREARM.encode() not in data, path
        assert b"forearm" not in data, path
    assert opened


def assert_in_no_store(day: ScratchKiosk) -> None:
    """What was said is sealed: neither the ledger nor the database has it."""
    for path in day.store.rglob("*"):
        if path.is_file():
            assert FOREARM.encode() not in path.read_bytes(), path
