"""Files that are no good photographs: one clear sentence each, sealed as they are, nothing else disturbed."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk.core.consent import Purpose
from medkiosk.core.photo import RedactCode, ReviewState
from medkiosk.ipc.wire import RemoteError
from tests.e2e.conftest import FEW
from tests.e2e.proof import assert_clean, on_card, restored
from tests.kiosk import SUBJECT, ScratchKiosk, consent, redacted, safe
from tests.virtual.camera import RunningCamera
from tests.virtual.photos import Photo

Make = Callable[..., ScratchKiosk]

EXPECTED = {
    "truncated": (RedactCode.TRUNCATED, "ends early"),
    "png": (RedactCode.UNSUPPORTED, "cannot be redacted"),
    "noise": (RedactCode.NOT_A_PHOTO, "not a photograph"),
    "video": (RedactCode.VIDEO, "video"),
}


@pytest.mark.parametrize("source", ["camera", "card"])
def test_bad_files(make_kiosk: Make, bad_card: tuple[Path, list[Photo]], tmp_path: Path, source: str) -> None:
    root, photos = bad_card
    # An empty one is not imported at all (tests/daemon/test_import_doubtful).
    root = shutil.copytree(root, tmp_path / "without-empty")
    next(root.rglob("IMG_9002.JPG")).unlink()
    camera = RunningCamera(root)
    try:
        devices = {"cameras": [camera.gphoto_port]} if source == "camera" else {"cards": [root]}
        kiosk = make_kiosk(**devices)
        kiosk.start()
        status = kiosk.wait(redacted, timeout_s=120)
    finally:
        camera.stop()
    assert safe(status)
    kiosk.hire()
    with kiosk.session("pat") as pat:
        captures = pat.list_captures().captures
        encounter = pat.create_encounter(SUBJECT, "x")
        pat.record_consent(encounter.encounter_id, consent(Purpose.CLINICAL_RECORD))
        pat.assign(encounter.encounter_id, tuple(c.capture_id for c in captures))
    by_code = {c.code: c for c in captures if c.state is ReviewState.UNUSABLE}
    with kiosk.session("rita") as rita:
        for code, words in EXPECTED.values():
            detail = rita.get_capture(by_code[code].capture_id)
            assert words in detail.words
            assert "cannot be exported" in detail.words or "nothing can be exported" in detail.words
            with pytest.raises(RemoteError):
                rita.approve(by_code[code].capture_id, 1)
        # The good photographs among them are not disturbed.
        good = [c for c in captures if c.state is ReviewState.PROPOSED]
        assert len(good) >= 2
    kiosk.stop()
    assert_clean(kiosk)
    wanted = set(on_card(root))
    if source == "card":
        wanted.add((root / "names.json").read_bytes())  # one more file that somebody put there
    # Two of the bad kinds have the bytes of a good one under a bad name: a second place, not a second object.
    assert status.devices[0].copies == 1
    assert restored(kiosk, tmp_path / "proof") == Counter(wanted), "sealed as they are, each once"
    assert len(photos) >= 8


def test_without_models_it_starts_says_what_is_missing_and_nothing_can_be_approved(
    make_kiosk: Make, small_camera: RunningCamera, tmp_path: Path
) -> None:
    empty = tmp_path / "no-models"
    empty.mkdir()
    kiosk = make_kiosk(cameras=[small_camera.gphoto_port], models=empty)
    kiosk.start()
    status = kiosk.wait(safe)
    assert status.redaction.missing
    assert any("detector is missing" in problem for problem in status.problems)
    kiosk.hire()
    with kiosk.session("rita") as rita:
        capture = rita.list_captures().captures[0]
        assert capture.state is ReviewState.WAITING
        with pytest.raises(RemoteError):
            rita.approve(capture.capture_id, 1)
    kiosk.stop()

    # The installer sets the models up: what was waiting is redacted at the next login.
    kiosk.write_config([small_camera.gphoto_port], [])
    kiosk.start()
    with kiosk.session("rita") as rita:
        kiosk.wait(lambda s: s.redaction.done == FEW, timeout_s=120)
        assert {c.state for c in rita.list_captures().captures} == {ReviewState.PROPOSED}
