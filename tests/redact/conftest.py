"""Shared fixtures: the models, the evaluation photographs, one running worker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medkiosk.redact.client import RedactSession
from medkiosk.redact.detectors import ALL_ABILITIES
from medkiosk.redact.kit import Kit, load_kit
from medkiosk.redact.policy import default_text, parse_policy
from medkiosk.workers import ProcessChannel, python_worker

_CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def models() -> Path:
    """The models' folder; without it, what needs detectors is skipped, but where set-up has named one."""
    folder = Path(os.environ.get("MEDKIOSK_MODELS", _CHECKOUT / ".models"))
    if not (folder / "centerface.onnx").exists():
        # `make test` names the folder and fills it: there, a skip would hide that nothing was tested.
        missing = pytest.fail if "MEDKIOSK_MODELS" in os.environ else pytest.skip
        missing("the models are not there")
    return folder.resolve()


@pytest.fixture(scope="session")
def faces_folder() -> Path:
    """Real photographs with face boxes, which are not part of this repository."""
    shared = Path(os.environ.get("MEDKIOSK_SHARED", _CHECKOUT / "../shared"))
    folder = shared / "eval/faces"
    if not folder.exists():
        pytest.skip("the evaluation photographs are not there")
    return folder.resolve()


@pytest.fixture(scope="session")
def kit(models: Path) -> Kit:
    """The detectors, in this process and without a sandbox."""
    loaded = load_kit(models, parse_policy(default_text()))
    assert loaded.abilities == ALL_ABILITIES
    return loaded


@pytest.fixture(scope="session")
def spawn(models: Path) -> Callable[[], ProcessChannel]:
    """Starts a worker process."""
    return lambda: ProcessChannel(python_worker("medkiosk.redact.worker", "--models", str(models)))


@pytest.fixture(scope="session")
def session(spawn: Callable[[], ProcessChannel]) -> Iterator[RedactSession]:
    """One worker for all tests that do not break it: that it goes on is part of each of them."""
    with RedactSession(spawn()) as running:
        yield running
        assert not running.broken
