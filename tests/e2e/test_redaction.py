"""Redaction on the real daemon: raw and HIF, advice, parts at full size, a crop, and a name that was kept."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from medkiosk.core.consent import Purpose
from medkiosk.core.photo import REVIEWER, Box, Category, Decision, Finding, MediaKind, ReviewState
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import CaptureDetail, CaptureInfo
from medkiosk.ipc.wire import RemoteError
from tests.e2e.test_department import age_key
from tests.kiosk import SUBJECT, ScratchKiosk, consent, redacted, safe
from tests.outside import enrolled, exported
from tests.redact import containers
from tests.redact.jpegs import encode
from tests.redact.scenes import skin, with_text

Make = Callable[..., ScratchKiosk]
_SIZE = (1600, 1200)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A name on skin, a raw file alone, a raw file with its JPEG, and a HIF."""
    folder = tmp_path / "card/DCIM/100CANON"
    folder.mkdir(parents=True)
    labelled = skin(*_SIZE)
    with_text(labelled, SUBJECT.name.upper(), 60, (150, 200))
    plain = encode(skin(960, 640), subsampling="4:2:2")
    (folder / "IMG_0001.JPG").write_bytes(encode(labelled, subsampling="4:2:2", quality=95))
    (folder / "IMG_0002.CR3").write_bytes(containers.cr3(plain, (960, 640), 6))
    (folder / "IMG_0003.CR3").write_bytes(containers.cr3(plain, (960, 640)))
    (folder / "IMG_0003.JPG").write_bytes(plain)
    (folder / "IMG_0004.HIF").write_bytes(containers.heif(containers.ramp(256, 192)))
    return tmp_path / "card"


def find(kiosk: Client, name: str) -> CaptureInfo:
    return next(capture for capture in kiosk.list_captures().captures if capture.name == name)


def keep_text(detail: CaptureDetail) -> tuple[Finding, ...]:
    """Every line of text kept, as somebody does who takes it for a ruler."""
    return tuple(
        msgspec.structs.replace(f, decision=Decision.KEEP, reason="scale")
        if f.category is Category.TEXT
        else f
        for f in detail.findings
    )


def test_raw_parts_crops_and_a_name_that_was_kept(make_kiosk: Make, card: Path, tmp_path: Path) -> None:
    kiosk = make_kiosk(cards=[card])
    kiosk.start()
    status = kiosk.wait(redacted, timeout_s=120)
    assert safe(status)
    advised = {each.name for each in status.redaction.advice}
    assert "IMG_0001" in advised, "there is no ruler beside the skin, and somebody is told at once"
    kiosk.hire()

    with kiosk.session("rita") as rita:
        media = {c.name: c.media for c in rita.list_captures().captures}
        assert media["IMG_0002"] == (MediaKind.CR3,)
        assert sorted(media["IMG_0003"]) == [MediaKind.CR3, MediaKind.JPEG]
        assert media["IMG_0004"] == (MediaKind.HEIF,)
        assert {c.state for c in rita.list_captures().captures} == {ReviewState.PROPOSED}
        turned = rita.get_capture(find(rita, "IMG_0002").capture_id)
        assert (turned.width, turned.height) == (640, 960)

        # The label is taken for a ruler before anybody has said whose picture it is ...
        named = find(rita, "IMG_0001").capture_id
        kept = rita.change_masks(named, 1, keep_text(rita.get_capture(named)))
        assert kept.info.revision == 2

    with kiosk.session("pat") as pat:
        encounter = pat.create_encounter(SUBJECT, "left forearm")
        pat.record_consent(encounter.encounter_id, consent(Purpose.TEACHING_RESEARCH))
        pat.assign(encounter.encounter_id, tuple(c.capture_id for c in pat.list_captures().captures))

    with kiosk.session("rita") as rita:
        # ... and then it is this patient's name: it is masked, and nothing is approved.
        rita.get_preview(named)
        with pytest.raises(RemoteError) as refused:
            rita.approve(named, 2)
        assert refused.value.remote_code in {"review.named", "access.denied"}
        hidden = rita.get_capture(named)
        assert (hidden.info.revision, hidden.info.state) == (3, ReviewState.PROPOSED)
        certain = [f for f in hidden.findings if f.confidence == 1000 and f.decision is Decision.MASK]
        assert len(certain) == 1

        # A part at full size: black where the name was, and one look is in the ledger, not ten.
        box = certain[0].box
        for _ in range(3):
            picture, pixels = rita.get_part(named, 3, Box(box.x, box.y, 64, 32), 640, 320)
        assert (picture.width, picture.height) == (64, 32)
        assert np.frombuffer(pixels, np.uint8).max() < 16
        with pytest.raises(RemoteError, match="no such part"):
            rita.get_part(named, 3, Box(_SIZE[0] - 10, 0, 64, 32), 64, 32)
        with pytest.raises(RemoteError, match="not the latest"):
            rita.get_part(named, 2, Box(0, 0, 64, 32), 64, 32)

        # Only the lesion leaves.
        lesion = Finding(
            category=Category.LESION,
            box=Box(805, 601, 300, 300),
            detector=REVIEWER,
            model="",
            confidence=1000,
            decision=Decision.CROP,
            reason="lesion of interest",
        )
        cropped = rita.change_masks(named, 3, (*hidden.findings, lesion))
        assert cropped.crop is not None
        picture, _ = rita.get_preview(named)
        assert (picture.width, picture.height) == (cropped.crop.w, cropped.crop.h)
        assert rita.approve(named, 4).info.state is ReviewState.APPROVED

    with kiosk.session("olga") as olga:
        recipient = enrolled(olga, age_key(tmp_path)).recipient_id
        result = exported(olga, recipient, (named,))
    bundle = kiosk.stick / result.folder

    def opened(sealed: Path) -> bytes:
        key = str(tmp_path / "identity.txt")
        return subprocess.run(["age", "-d", "-i", key, str(sealed)], capture_output=True, check=True).stdout

    record = zipfile.ZipFile(io.BytesIO(opened(bundle / "record.zip.age")))
    (listed,) = json.loads(record.read("record.json"))["images"]
    assert (listed["width"], listed["height"]) == (cropped.crop.w, cropped.crop.h)
    told = b"".join([(bundle / "manifest.json").read_bytes(), *map(record.read, record.namelist())]).decode()
    for private in (SUBJECT.mrn, SUBJECT.name, "lesion of interest", "quality", "crop"):
        assert private not in told, private
    jpeg = opened(bundle / "images" / f"{listed['id']}.jpg.age")[: listed["jpeg"]["size"]]
    assert Image.open(io.BytesIO(jpeg)).size == (cropped.crop.w, cropped.crop.h)

    with kiosk.session("audi") as audi:
        events = audi.list_events(0, 1000).events
    looks = [event.summary for event in events if event.type == "viewed" and "derivative" in event.summary]
    assert len(looks) == 1
    assert [event.type for event in events].count("redaction.compared") <= 1
