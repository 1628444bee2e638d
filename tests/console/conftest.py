"""A kiosk with a reviewer and twelve photos, on a socket of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from medkiosk.core.events import Role
from tests.console.kiosk import RunningKiosk
from tests.console.state import Kiosk


@pytest.fixture
def socket_folder() -> Iterator[Path]:
    """A folder whose name is short: a socket's path has at most 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="mk-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def running(socket_folder: Path) -> Iterator[RunningKiosk]:
    running = RunningKiosk(socket_folder / "s", Kiosk())
    running.kiosk.hire("rita", "Rita Reviewer", Role.REVIEWER, Role.PRIVACY_OFFICER)
    running.kiosk.plug_in(3)
    running.start()
    yield running
    running.stop()
