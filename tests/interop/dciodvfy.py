"""The checker of dicom3tools: does an object keep to what DICOM says of its kind?"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

DCIODVFY = shutil.which("dciodvfy")


def problems(path: Path) -> list[str]:
    """What it says is wrong with a VL Photographic Image; warnings are not."""
    said = subprocess.run([DCIODVFY or "", str(path)], capture_output=True, text=True, check=False)
    lines = (said.stdout + said.stderr).splitlines()
    assert "VLPhotographicImage" in lines
    return [line for line in lines if line.startswith("Error")]
