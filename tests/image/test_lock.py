"""What runs on a kiosk is what was tested: the same versions, the same bytes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.kiosk import CHECKOUT


def _pins(lock: Path) -> dict[str, set[str]]:
    """``name==version`` and the hashes that are allowed for it."""
    pins: dict[str, set[str]] = {}
    for block in re.split(r"\n(?=\S)", lock.read_text()):
        if match := re.match(r"([a-z0-9-]+==[^\s;]+)", block):
            pins.setdefault(match[1], set()).update(re.findall(r"--hash=(sha256:[0-9a-f]{64})", block))
    return pins


KIOSK = _pins(CHECKOUT / "image-build" / "kiosk.lock")
TESTED = _pins(CHECKOUT / "requirements.lock")


def test_each_package_of_the_image_is_one_that_is_tested() -> None:
    assert len(KIOSK) > 20
    assert set(KIOSK) <= set(TESTED)


@pytest.mark.parametrize("pin", sorted(KIOSK))
def test_its_files_are_those_that_are_tested(pin: str) -> None:
    assert KIOSK[pin]
    assert KIOSK[pin] <= TESTED[pin]


@pytest.mark.parametrize("name", ["botocore", "pillow", "pytest", "pydicom", "urllib3", "mypy"])
def test_nothing_that_only_other_machines_need_is_in_it(name: str) -> None:
    assert name not in {pin.partition("==")[0] for pin in KIOSK}
