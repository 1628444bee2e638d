"""Write the viewer's words for terms of use from the kiosk's table: ``python -m tests.viewer.terms``."""

from __future__ import annotations

import json
from pathlib import Path

from medkiosk.core.datause import DUO
from medkiosk.export import viewer

FILE = Path(viewer.__file__).parent / "src/terms.json"


def terms() -> str:
    """The file as it must be: words by code."""
    return json.dumps({code: DUO[code].words for code in sorted(DUO)}, indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(terms())
