"""Slates in pictures: read from a photographed screen, and handed out as nothing but bounded text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from medkiosk.console.widgets.qr import drawn, modules
from medkiosk.core.frames import HEADER
from medkiosk.core.photo import RedactCode
from medkiosk.core.slate import LONGEST, MOST, PREFIX, Slate, SlateKind, write_slate
from medkiosk.redact.client import RedactSession
from medkiosk.redact.detect.slates import find_slates
from medkiosk.redact.protocol import F, ProtocolError, unpack_slate
from tests.eval.slates import Shot, photograph
from tests.redact.jpegs import encode
from tests.redact.scenes import skin, with_qr
from tests.redact.test_client import CLEAN, JPEG, READY, HostileWorker, done
from tests.redact.test_worker import detect

TEXT = write_slate(Slate(SlateKind.OPEN, "7f" * 16, 1_795_000_000), bytes(32))


def on_screen(text: Text, cell: tuple[int, int]) -> np.ndarray:
    """Character cells as a terminal paints them, on a dark screen: shape (height, width), grey."""
    width, height = cell
    lines = text.split("\n")
    picture = np.full(((len(lines) + 6) * height, (len(lines[0].plain) + 20) * width), 30, np.uint8)
    for row, line in enumerate(lines, 3):
        column = 10
        for part in line.render(Console(), end=""):
            style = part.style
            assert style is not None
            assert style.bgcolor is not None
            ground = 255 if style.bgcolor.triplet == (255, 255, 255) else 0
            for letter in part.text:
                at = picture[row * height : (row + 1) * height, column * width : (column + 1) * width]
                at[:] = ground
                if letter != " ":
                    assert style.color is not None
                    at[: height // 2] = 255 if style.color.triplet == (255, 255, 255) else 0
                column += 1
    return picture


@pytest.mark.parametrize(
    ("columns", "rows", "halves"), [(80, 20, True), (80, 38, False), (192, 50, False), (190, 200, False)]
)
def test_what_the_console_draws_is_read_by_the_redact_worker(columns: int, rows: int, halves: bool) -> None:
    text = drawn(TEXT, columns, rows, halves=halves)
    assert text is not None
    assert find_slates(np.kron(on_screen(text, (10, 20)), np.ones((2, 2), np.uint8))) == (TEXT,)


def test_a_code_that_does_not_fit_is_not_drawn_by_half() -> None:
    side = len(modules(TEXT))
    assert drawn(TEXT, side, side // 2 + 1, halves=True) is not None
    assert drawn(TEXT, side - 1, 99, halves=True) is None
    assert drawn(TEXT, 99, side // 2, halves=True) is None
    assert drawn(TEXT, 2 * side - 1, 99, halves=False) is None


@pytest.mark.parametrize(
    "shot",
    [
        Shot(0.5, 0, 0, 2, 4, 2, 0, 1),
        Shot(0.3, 30, 190, 4, 12, 3, 0, 2),
        Shot(0.8, 25, 80, 8, 8, 1.5, 150, 3),
    ],
)
def test_a_photographed_screen_is_read(shot: Shot) -> None:
    assert find_slates(photograph(shot, TEXT)) == (TEXT,)


def test_other_codes_are_not_handed_out() -> None:
    scene = skin(1600, 1200)
    with_qr(scene, "https://example.invalid/MKS1:", 8, (300, 300))
    with_qr(scene, PREFIX + "A" * LONGEST, 6, (900, 300))
    assert find_slates(np.asarray(scene.convert("L"))) == ()


def test_the_worker_hands_the_text_out_and_masks_the_code(session: RedactSession) -> None:
    scene = skin(1600, 1200)
    with_qr(scene, TEXT, 10, (600, 300))
    result = detect(session, encode(scene, subsampling="4:2:2", quality=92))
    assert (result.code, result.untrusted_slates) == (RedactCode.OK, (TEXT,))
    assert any(f.category == "code" for f in result.findings)
    again = detect(session, encode(skin(800, 600), subsampling="4:2:2", quality=92))
    assert again.untrusted_slates == ()


@pytest.fixture
def answer() -> Iterator[list[HostileWorker]]:
    channels: list[HostileWorker] = []
    yield channels
    for channel in channels:
        channel.close()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([TEXT], RedactCode.OK),
        ([PREFIX + "nonsense"] * MOST, RedactCode.OK),
        ([TEXT] * (MOST + 1), RedactCode.PROTOCOL),
        ([PREFIX + "A" * LONGEST], RedactCode.PROTOCOL),
        (["MRN 00471193"], RedactCode.PROTOCOL),
        ([PREFIX + "\x1b[2J"], RedactCode.PROTOCOL),
        ([PREFIX + "\u00e9"], RedactCode.PROTOCOL),
        ([""], RedactCode.PROTOCOL),
    ],
)
def test_a_hostile_worker_says_little_this_way(
    answer: list[HostileWorker], said: list[str], code: RedactCode
) -> None:
    frames = b"".join(HEADER.pack(F.SLATE, len(text.encode())) + text.encode() for text in said)
    answer.append(HostileWorker(READY, frames + JPEG + done(), CLEAN))
    result = RedactSession(answer[0], timeout_s=5).detect(lambda: [b"image"], 5)
    assert result.code is code
    assert result.untrusted_slates == (tuple(said) if code is RedactCode.OK else ())


def test_only_detection_reads_slates(answer: list[HostileWorker]) -> None:
    slate = HEADER.pack(F.SLATE, len(TEXT)) + TEXT.encode()
    answer.append(HostileWorker(READY, JPEG + done(), slate + CLEAN))
    assert RedactSession(answer[0], timeout_s=5).detect(lambda: [b"image"], 5).code is RedactCode.PROTOCOL


def test_bytes_that_are_no_ascii_are_refused() -> None:
    with pytest.raises(ProtocolError):
        unpack_slate(PREFIX.encode() + b"\xff")
