"""Names by DCF (JEITA CP-3461, "Design rule for Camera File system"): which files are one shot."""

from __future__ import annotations

import re

STILLS = frozenset({"JPG", "CR3", "HIF", "CR2", "TIF"})
VIDEOS = frozenset({"MP4", "MOV", "CRM", "AVI"})
_ATTACHED = frozenset({"WAV", "THM", "XMP"})

_FOLDER = re.compile(r"(^|/)DCIM/[1-9][0-9]{2}[0-9A-Z_]{5}$")
_STEM = re.compile(r"[0-9A-Z_]{4}(?!0000)[0-9]{4}")


def media_extension(name: str) -> str | None:
    """The extension in capitals, without the dot, where it is one a camera gives to what it records."""
    extension = name.rpartition(".")[2].upper() if "." in name else ""
    return extension if extension in STILLS | VIDEOS | _ATTACHED else None


def is_video(name: str) -> bool:
    """Tell whether the extension is that of a film."""
    return media_extension(name) in VIDEOS


def shot_name(folder: str, name: str) -> str:
    """The eight characters by which camera and photographer know a shot; empty for any other file.

    Only these are shown where everybody can see them, and only of files where a camera writes them: one that
    was named by hand may name a patient.
    """
    if _FOLDER.search(folder.upper()) is None:
        return ""
    stem = name.rpartition(".")[0].upper()
    return stem if media_extension(name) is not None and _STEM.fullmatch(stem) is not None else ""


def capture_key(folder: str, name: str) -> str:
    """Name the capture that a file belongs to: equal for RAW, JPEG, HIF and sound memo of one shot.

    Files with DCF names in the same folder and with the same eight characters before the dot are one
    capture. Any other file is a capture of its own. Keys compare within one storage.

    Args:
        folder: the entry's folder, e.g. ``DCIM/100CANON``.
        name: the entry's name, e.g. ``IMG_0001.CR3``.
    """
    stem = name.rpartition(".")[0].upper()
    if media_extension(name) is None or _STEM.fullmatch(stem) is None:
        return f"{folder}/{name}"
    return f"{folder.upper()}/{stem}"
