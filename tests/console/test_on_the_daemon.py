"""The same keys on the real daemon: real card, real workers, real vault."""

from __future__ import annotations

from pathlib import Path

import pytest

from medkiosk.core.photo import ReviewState
from tests.console.terminals import sixel_flow
from tests.kiosk import MODELS, ScratchKiosk, redacted
from tests.virtual.photos import make_card


@pytest.mark.skipif(not any(MODELS.glob("*.onnx")), reason="the models are not fetched")
def test_a_photo_of_a_card_is_approved_on_a_real_kiosk(tmp_path: Path) -> None:
    card = tmp_path / "card"
    make_card(card, 1, camera=False, fast=True, size=(1216, 816))
    kiosk = ScratchKiosk(tmp_path / "kiosk", cards=[card])
    try:
        kiosk.init()
        kiosk.start()
        kiosk.hire()
        kiosk.wait(redacted)
        assert sixel_flow(kiosk.socket)
        with kiosk.session("rita") as client:
            (capture,) = client.list_captures().captures
            detail = client.get_capture(capture.capture_id)
        assert capture.state is ReviewState.APPROVED
        assert capture.revision == 2
        assert detail.findings[-1].detector == "reviewer"
        assert "Mustermann" not in kiosk.log.read_text()
    finally:
        kiosk.close()
