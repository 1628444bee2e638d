"""What each detector finds and what it must leave alone, on pictures with known content."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from medkiosk.core.photo import Box, Decision
from medkiosk.redact.detect.hit import Hit, merge
from medkiosk.redact.detect.kit import Kit
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.pixels import Pixels
from medkiosk.redact.region import Size, share_covered
from tests.redact.scenes import skin, with_qr


def bgr(image: Image.Image) -> Pixels:
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


@pytest.mark.parametrize("module", [3, 8])
def test_codes_are_found_at_full_size_and_padded(kit: Kit, module: int) -> None:
    ground = skin(4000, 3000)
    code = with_qr(ground, "encounter 7f3a9c", module, (2500, 1500))
    findings = [kit.finding(hit, Decision.MASK, Size(4000, 3000)) for hit in kit.codes.find(bgr(ground))]
    assert len(findings) == 1
    assert share_covered(code, [findings[0].box]) == 1


def test_an_unreadable_code_is_found_too(kit: Kit) -> None:
    ground = skin(800, 600)
    code = with_qr(ground, "encounter 7f3a9c and some more to fill it", 6, (200, 150))
    # Data modules painted over: the finder patterns are there, the content cannot be read.
    middle = (code.x + code.w // 3, code.y + code.h // 3)
    ground.paste((250, 250, 250), (*middle, code.x + code.w - 8, code.y + code.h - 8))
    hits = kit.codes.find(bgr(ground))
    assert [hit.confidence for hit in hits] == [500]
    assert share_covered(code, [kit.finding(hits[0], Decision.MASK, Size(800, 600)).box]) > 0.95


def test_merging_keeps_the_surest_and_covers_all() -> None:
    whole = Hit(DetectorId.TEXT, Box(0, 0, 100, 10), 700)
    part = Hit(DetectorId.TEXT, Box(5, 1, 40, 8), 900)
    other = Hit(DetectorId.TEXT, Box(0, 50, 20, 10), 800)
    assert merge([whole, part, other], 0.5) == [
        Hit(DetectorId.TEXT, Box(0, 0, 100, 10), 900),
        other,
    ]


def test_merging_goes_on_until_halves_are_one() -> None:
    line = [
        Hit(DetectorId.TEXT, Box(40, 0, 60, 10), 950),
        Hit(DetectorId.TEXT, Box(0, 0, 60, 10), 900),
        Hit(DetectorId.TEXT, Box(0, 0, 100, 10), 800),
    ]
    assert merge(line, 0.5) == [Hit(DetectorId.TEXT, Box(0, 0, 100, 10), 950)]
