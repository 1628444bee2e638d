"""A slate, a consent form, a reference, a clock or a mistake never leaves, whoever tries."""

from __future__ import annotations

from pathlib import Path

import pytest

from medkiosk.core.consent import Purpose
from medkiosk.core.photo import NOT_CLINICAL, ImageRole, ReviewState
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import CaptureDetail
from medkiosk.ipc.wire import RemoteError
from tests.e2e.test_department import age_key
from tests.kiosk import SUBJECT, ScratchKiosk, consent, decided
from tests.outside import enrolled, exported, terms

TEACHING = Purpose.TEACHING_RESEARCH


def approved(rita: Client, found: CaptureDetail) -> CaptureDetail:
    capture_id = found.info.capture_id
    if (plan := decided(found.findings)) != found.findings:
        found = rita.change_masks(capture_id, found.info.revision, plan)
    rita.get_preview(capture_id)
    return rita.approve(capture_id, found.info.revision)


def test_no_frame_leaves_that_is_not_clinical(day: ScratchKiosk, tmp_path: Path) -> None:
    with day.session("pat") as pat, day.session("rita") as rita, day.session("olga") as olga:
        capture_id = pat.list_captures().captures[0].capture_id
        encounter = pat.create_encounter(SUBJECT, "hand").encounter_id
        pat.record_consent(encounter, consent())
        pat.assign(encounter, (capture_id,))
        recipient = enrolled(olga, age_key(tmp_path)).recipient_id
        for role in [role for role in ImageRole if role is not ImageRole.CLINICAL]:
            detail = approved(rita, rita.get_capture(capture_id))
            assert olga.check_export(recipient, TEACHING, (capture_id,), terms(TEACHING)).denials == ()

            detail = pat.give_role(capture_id, role)
            assert (detail.info.role, detail.info.state) == (role, ReviewState.PROPOSED)
            assert detail.problems[0].startswith(NOT_CLINICAL[role])
            assert pat.list_captures().captures[0].role is role
            with pytest.raises(RemoteError, match="Only clinical pictures are approved"):
                rita.approve(capture_id, detail.info.revision)
            reasons = [
                each.reason
                for each in olga.check_export(recipient, TEACHING, (capture_id,), terms(TEACHING)).denials
            ]
            assert f"{NOT_CLINICAL[role]} Only clinical pictures leave." in reasons
            with pytest.raises(RemoteError, match="Only clinical pictures leave"):
                exported(olga, recipient, (capture_id,))
            assert not list(day.stick.iterdir())

            with pytest.raises(RemoteError, match="already"):
                pat.give_role(capture_id, role)
            with pytest.raises(RemoteError, match="needs a reason"):
                rita.give_role(capture_id, ImageRole.CLINICAL, " ")
            with pytest.raises(RemoteError, match="does not record"):
                olga.give_role(capture_id, ImageRole.CLINICAL, "it shows the hand")
            back = rita.give_role(capture_id, ImageRole.CLINICAL, "it shows the hand")
            assert (back.info.role, back.info.state) == (ImageRole.CLINICAL, ReviewState.PROPOSED)
            assert olga.check_export(recipient, TEACHING, (capture_id,), terms(TEACHING)).denials
        approved(rita, rita.get_capture(capture_id))
        assert exported(olga, recipient, (capture_id,)).images == 1
    with day.session("audi") as audi:
        said = [e.summary for e in audi.list_events(0, 1000).events if e.type == "capture.role_given"]
    assert len(said) == 2 * len(NOT_CLINICAL)
    assert f"capture {capture_id}: slate" in said
