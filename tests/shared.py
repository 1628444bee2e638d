"""Where conformance vectors and evaluation data are, if they are here."""

from __future__ import annotations

import os
from pathlib import Path


def shared(part: str) -> Path | None:
    """Return the path of a part of the shared folder, or None where it is absent."""
    folder = Path(os.environ.get("MEDKIOSK_SHARED", Path(__file__).resolve().parents[1] / "../shared"))
    return folder / part if (folder / part).exists() else None
