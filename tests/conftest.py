"""For all tests."""

from __future__ import annotations

import hypothesis
import pytest

# How long an example takes says how busy the machine is; what may take how long is measured elsewhere.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")


@pytest.fixture
def cheap_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process makes costs next to nothing to try; see `tests.cheap`."""
    from medkiosk.vault import slots
    from tests.cheap import CHEAP

    monkeypatch.setattr(slots, "COST", CHEAP)
    monkeypatch.setattr(slots, "FLOOR", CHEAP)
