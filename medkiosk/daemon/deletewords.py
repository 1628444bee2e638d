"""What a person reads about deletion. The words for reading say "not imported", which is never so here."""

from __future__ import annotations

from collections.abc import Mapping

from medkiosk.source.model import SourceCode

CHANGED = (
    "What is on the device is not what was imported, so nothing more was deleted. Plug it in again to have"
    " the rest deleted."
)
DAMAGED = (
    "The sealed copy of a file could not be read back, so the file was not deleted and nothing more was. Keep"
    " the card as it is and call the administrator."
)
DISPOSED = (
    "This file was disposed of in the kiosk and nothing is left of it there, so it was not deleted here: that"
    " is for people to do."
)
NOT_WHOLE = (
    "Nothing was deleted, since not every file on the device is sealed and whole. Keep the card as it is; the"
    " list of files says which, and why."
)
FAILED = (
    "The deletion ended early; everything that was to be deleted is sealed. Plug the device in again to have"
    " the rest deleted."
)
STILL_THERE = (
    "The device said that a file was deleted, and it is still there; it is sealed. Nothing more was deleted."
    " Format the card in the camera."
)
NOT_ASKED = "The deletion ended before it came to this file; it is sealed and stays on the device."
UNCLEAR = (
    "Whether this file is still on the device is not known, since the device could not be looked at again; it"
    " is sealed."
)

REFUSED: Mapping[SourceCode, str] = {
    SourceCode.PROTECTED: "This file is write-protected and stays on the device; it is sealed.",
    SourceCode.READ_ONLY: "The card is write-protected, so this file stays on it; it is sealed.",
    SourceCode.UNSUPPORTED: "The kiosk does not delete this kind of file; it is sealed and stays there.",
    SourceCode.CHANGED: "This file is not the one that was imported any more, so it was not deleted.",
    SourceCode.GONE: "This file was not there any more when it was to be deleted; it is sealed.",
    SourceCode.PROTOCOL: (
        "After this file was to be deleted, others could not be found any more; all of them are sealed."
    ),
}
"""Why one file was not deleted; `FAILED` for every other code."""

ENDED: Mapping[SourceCode, str] = {
    SourceCode.READ_ONLY: (
        "The card is write-protected here: by its lock switch, or because the kiosk's own reader never writes"
        " to a card. All of it is sealed; to free the card, format it in the camera."
    ),
    SourceCode.CHANGED: CHANGED,
    SourceCode.GONE: CHANGED,
    SourceCode.PROTOCOL: (
        "The device did something else than it was asked for, so nothing more was deleted; everything that"
        " was on it is sealed. Do not use it again before the administrator has looked at it."
    ),
}
"""Why nothing more was deleted; `FAILED` for every other code."""


def summary(gone: int, staying: int, unclear: int, why: str) -> str:
    """One import's deletions in a few sentences.

    Args:
        gone: how many files are gone.
        staying: how many the device keeps though everything else may go: protected ones.
        unclear: of how many nobody knows.
        why: why nothing more was deleted; empty where everything was asked for.
    """
    parts = []
    if gone:
        parts.append(f"{_files(gone)} deleted from the device; all that was deleted is sealed.")
    if staying:
        parts.append(
            f"{_files(staying)} not deleted, being write-protected or empty, and sealed as well. Lift the"
            " protection in the camera's menu to have them removed."
        )
    if unclear:
        parts.append(
            f"Whether {unclear} more went is not known; they are sealed. Look at the card in the camera."
        )
    return " ".join((*parts, why)).strip()


def _files(count: int) -> str:
    return "1 file was" if count == 1 else f"{count} files were"
