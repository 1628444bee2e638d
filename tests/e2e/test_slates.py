"""A day with slates: photographed, imported while nobody is there, and the photos find their encounters."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from medkiosk.core.consent import Subject
from medkiosk.core.photo import ImageRole
from medkiosk.core.slate import Slate, SlateKind, write_slate
from medkiosk.ipc.client import Client
from medkiosk.ipc.wire import RemoteError
from tests.corrections import moved
from tests.eval.slates import Shot, photograph
from tests.kiosk import SUBJECT, ScratchKiosk, redacted

OTHER = Subject(mrn="99", issuer="Demo Hospital", name="Somebody Else", birth_date="")


def shoot(folder: Path, number: int, text: str) -> None:
    """Photograph a slate."""
    pixels = photograph(Shot(0.6, 15, 4, 3, 6, 2.5, 0, number), text)
    path = folder / f"IMG_{number:04}.JPG"
    Image.fromarray(pixels).resize((2736, 1824)).convert("RGB").save(path, quality=92)


def until(told: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not told():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def whose(client: Client) -> dict[str, str | None]:
    return {c.name: c.encounter_id for c in client.list_captures().captures}


def test_a_day_with_slates(make_kiosk: Callable[..., ScratchKiosk], small_card: Path, tmp_path: Path) -> None:
    card = tmp_path / "card"
    kiosk = make_kiosk(cards=[card])
    kiosk.start()
    kiosk.hire()
    photos = iter(sorted(small_card.rglob("*.JPG")))
    folder = tmp_path / "made" / "DCIM" / "100CANON"
    folder.mkdir(parents=True)

    def frame(number: int) -> None:
        shutil.copy(next(photos), folder / f"IMG_{number:04}.JPG")

    with kiosk.session("pat") as pat:
        first = pat.create_encounter(SUBJECT, "hand").encounter_id
        second = pat.create_encounter(OTHER, "foot").encounter_id
        shown = pat.show_slate(first, SlateKind.OPEN)
        again = pat.show_slate(first, SlateKind.OPEN)
        assert shown.text[:32] == again.text[:32], "the same slate, at another time"
        frame(1)
        shoot(folder, 2, shown.text)
        frame(3)
        time.sleep(7)  # what was taken as the next slate was already shown would be nobody's
        shoot(folder, 4, pat.show_slate(first, SlateKind.CLOSE).text)
        shoot(folder, 5, pat.show_slate(second, SlateKind.OPEN).text)
        frame(6)
        shoot(folder, 7, write_slate(Slate(SlateKind.OPEN, "00" * 16, 1_795_000_000), bytes(32)))
    with kiosk.session("olga") as olga, pytest.raises(RemoteError, match="does not record"):
        olga.show_slate(first, SlateKind.OPEN)
    (tmp_path / "made").rename(card)
    kiosk.wait(redacted, timeout_s=120)

    with kiosk.session("pat") as pat:
        until(lambda: whose(pat)["IMG_0005"] is not None)
        assert whose(pat) == {
            "IMG_0001": None,
            "IMG_0002": first,
            "IMG_0003": first,
            "IMG_0004": first,
            "IMG_0005": second,
            "IMG_0006": None,
            "IMG_0007": None,
        }
        captures = {c.name: c for c in pat.list_captures().captures}
        slates = {name for name, c in captures.items() if c.role is ImageRole.SLATE}
        assert slates == {"IMG_0002", "IMG_0004", "IMG_0005", "IMG_0007"}
        left = pat.list_quarantine(captures["IMG_0001"].import_id)
        names = {c.capture_id: name for name, c in captures.items()}
        reasons = {names[each.capture_id]: each.reason for each in left.frames}
        assert left.whole
        assert set(reasons) == {"IMG_0001", "IMG_0006", "IMG_0007"}
        assert "before this photo" in reasons["IMG_0001"]
        assert "not of this kiosk" in reasons["IMG_0006"]
        assert "not of this kiosk" in reasons["IMG_0007"]

        pat.assign(second, (captures["IMG_0006"].capture_id,))
        with kiosk.session("rita") as rita:
            moved(pat, rita, second, (captures["IMG_0003"].capture_id,), "the wrong slate was shown")
            for name in ("IMG_0002", "IMG_0004", "IMG_0005"):
                for role in (ImageRole.CLINICAL, ImageRole.REJECT, ImageRole.CLINICAL):
                    if role is ImageRole.CLINICAL:
                        with pytest.raises(RemoteError, match="never becomes a clinical picture"):
                            rita.give_role(captures[name].capture_id, role, "it shows the hand")
                    else:
                        rita.give_role(captures[name].capture_id, role)
            foreign = captures["IMG_0007"].capture_id
            assert rita.give_role(foreign, ImageRole.CLINICAL, "a poster").info.role is ImageRole.CLINICAL
        assert whose(pat)["IMG_0003"] == whose(pat)["IMG_0006"] == second
    with kiosk.session("pat") as pat:  # nothing is taken back at the next login
        assert whose(pat)["IMG_0003"] == whose(pat)["IMG_0006"] == second
    with kiosk.session("audi") as audi:
        told = [f"{e.type} {e.actor}" for e in audi.list_events(0, 1000).events]
    assert told.count("slate.seen kiosk") == told.count("capture.role_given kiosk") == 4
    assert told.count("slate.clock kiosk") == 3
    assert told.count("capture.assigned kiosk") == 2
    assert sum(line.startswith("slate.shown") for line in told) == 3
