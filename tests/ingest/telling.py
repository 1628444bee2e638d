"""Imports told in words, one a frame.

``f`` is a picture, ``?`` a slate of another kiosk, ``O5A`` the slate that opens, number 5, encounter A (``C``
closes).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.core.slate import ShownSlate, SlateKind
from medkiosk.ingest.slate import Frame, file_import

STORE = "store_00010001"
NOON = 1_795_000_000
EVERY_S = 100
"""Between two frames."""
EARLY_S = 10
"""A slate is on the screen so long before it is photographed."""


def told(words: Sequence[str], folder: str = "DCIM/100CANON", begin: int = 1, offset: int = 0) -> list[Frame]:
    """The frames of a story; each slate was first shown a moment before its first frame.

    Args:
        words: one a frame.
        folder: where they lie.
        begin: the first frame's file number.
        offset: device time minus kiosk time, seconds.
    """
    first: dict[str, int] = {}
    frames: list[Frame] = []
    for at, word in enumerate(words):
        now = NOON + at * EVERY_S
        slates = word.split("+") if word not in {"f", "?"} else []
        for each in slates:
            first.setdefault(each, now - EARLY_S)
        name = f"IMG_{begin + at:04}.JPG"
        frames.append(
            Frame(
                CaptureId(f"{folder}/{name}"),
                STORE,
                folder,
                name,
                now + offset,
                frozenset(_slate(each, first[each]) for each in slates),
                foreign=word == "?",
                shown=now if slates else 0,
            )
        )
    return frames


def _slate(word: str, first: int) -> ShownSlate:
    kind = SlateKind.OPEN if word[0] == "O" else SlateKind.CLOSE
    return ShownSlate(int(word[1:-1]), EncounterId(word[-1]), kind, word, first)


def put(frame: Frame, folder: str, number: int) -> Frame:
    """The same frame at another place."""
    return replace(frame, folder=folder, file=f"IMG_{number:04}.JPG")


def whose(frames: Iterable[Frame], last: int, *, unclosed: bool = True) -> str:
    """File them, and say for each whose it is, or the doubt."""
    frames = list(frames)
    filed = file_import(frames, last=last, unclosed=unclosed)
    return " ".join(filed.owners.get(f.capture_id) or filed.quarantine[f.capture_id] for f in frames)
