"""Step 2 of the job at the console, on the real daemon: Textual's Pilot, a terminal with pictures, tmux."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from medkiosk.core.photo import Decision, ReviewState
from tests.console import flows, terminals
from tests.kiosk import PASSPHRASE, ScratchKiosk, redacted
from tests.virtual.camera import RunningCamera

Make = Callable[..., ScratchKiosk]

pytestmark = pytest.mark.timeout(300)  # a whole day's work, with a worker that redacts beside it


@pytest.fixture
def staffed(make_kiosk: Make, small_camera: RunningCamera) -> Iterator[ScratchKiosk]:
    """A kiosk with a few redacted photographs, and staff."""
    kiosk = make_kiosk(cameras=[small_camera.gphoto_port], cheap=False)  # as it is in a hospital
    kiosk.start()
    kiosk.wait(redacted, timeout_s=120)
    kiosk.hire()
    yield kiosk
    assert "Traceback" not in kiosk.log.read_text()


async def test_the_whole_flow_with_pilot(staffed: ScratchKiosk) -> None:
    await flows.whole_flow(staffed.socket, "rita", PASSPHRASE)
    with staffed.session("rita") as rita:
        first, second, *_ = rita.list_captures().captures
        assert (first.state, first.revision) == (ReviewState.APPROVED, 3)
        assert second.state is ReviewState.REJECTED
        findings = rita.get_capture(first.capture_id).findings
        assert any(f.detector == "reviewer" and f.decision is Decision.MASK for f in findings)
        assert any(f.decision is Decision.KEEP and f.reason == "a poster" for f in findings)
        [encounter] = rita.list_encounters().encounters
        assert encounter.captures == len(rita.list_captures().captures)


def test_the_whole_flow_in_a_terminal_with_pictures(staffed: ScratchKiosk) -> None:
    pictures = terminals.sixel_flow(staffed.socket, "rita", PASSPHRASE)
    assert pictures, "the photo was drawn"
    with staffed.session("rita") as rita:
        states = [capture.state for capture in rita.list_captures().captures]
    assert ReviewState.APPROVED in states


def test_in_tmux_nothing_can_be_approved_unseen(staffed: ScratchKiosk) -> None:
    screen = terminals.plain_flow(staffed.socket, "rita", PASSPHRASE)
    assert "cannot show" in screen
    with staffed.session("rita") as rita:
        states = {capture.state for capture in rita.list_captures().captures}
    assert ReviewState.APPROVED not in states
