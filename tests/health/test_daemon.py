"""The real daemon reads what the root process wrote, believes none of it, and adds what it knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from medkiosk.core import canon
from medkiosk.core.clock import rfc3339
from medkiosk.daemon import healthdesk
from medkiosk.health.gather import gather
from medkiosk.ipc.types import Status
from tests.kiosk import ScratchKiosk

STABLE = {
    "headline",
    "alarm",
    "problems",
    "devices",
    "sticks",
    "backups",
    "refused",
    "redaction",
    "scrub",
    "health",
}
"""Names that docs/operations.md promises to scripts."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "health.json"


@pytest.fixture(scope="module")
def kiosk(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    root = tmp_path_factory.mktemp("health")
    models = root / "models"
    models.mkdir()
    made = ScratchKiosk(root / "kiosk", models=models, settings=f'[health]\npath = "{file}"')
    try:
        made.init()
        yield made
    finally:
        made.close()


def codes(status: Status) -> set[str]:
    return {each.code.value for each in status.health.findings}


def looked(kiosk: ScratchKiosk) -> set[str]:
    """What is found at a start; it then looks every `healthdesk._LOOK_S` seconds."""
    kiosk.stop_if_running()
    kiosk.start()
    return codes(kiosk.wait(lambda status: bool(status.health.findings)))


def test_what_is_missing_forged_or_old_is_itself_a_finding(kiosk: ScratchKiosk, file: Path) -> None:
    assert looked(kiosk) >= {"health.missing", "backup.none"}
    file.write_bytes(b'{"at":"now"}' * 100_000)
    assert "health.broken" in looked(kiosk)
    file.unlink()
    file.mkdir()
    assert "health.missing" in looked(kiosk)
    file.rmdir()
    reading = gather(Path("/"), lambda: datetime(2020, 1, 1, tzinfo=UTC), run=lambda _: "")
    file.write_bytes(canon.encode(reading))
    assert "health.stale" in looked(kiosk)


def test_a_reading_of_this_machine_is_shown_and_checked_by_scripts(kiosk: ScratchKiosk, file: Path) -> None:
    reading = gather(Path("/"), lambda: datetime.now(UTC), run=lambda _: "")
    file.write_bytes(canon.encode(msgspec.structs.replace(reading, swap=True)))
    assert looked(kiosk) >= {"memory.swap", "backup.none"}
    done = kiosk.ctl("status", "--check", check=False)
    assert done.returncode == 3
    assert "ALARM memory.swap: " in done.stdout
    everything = json.loads(kiosk.ctl("status", "--json").stdout)
    assert everything.keys() >= STABLE
    said = everything["health"]
    assert set(said) == {"at", "days_left", "backed_up", "scrubbed", "witnessed", "findings"}
    assert set(said["findings"][0]) == {"code", "level", "words", "todo"}
    assert said["at"] == reading.at
    assert said["findings"][0]["code"] == "memory.swap"
    assert (said["days_left"], said["backed_up"]) == (None, "")
    file.write_bytes(
        canon.encode(msgspec.structs.replace(reading, swap=False, at=rfc3339(datetime.now(UTC))))
    )
    assert "memory.swap" not in looked(kiosk)
    assert kiosk.ctl("status", "--check", check=False).returncode == 1, "there is no place for a backup"


def test_what_is_remembered_survives_a_restart_and_damage(kiosk: ScratchKiosk) -> None:
    path = kiosk.store.parent / "health"
    state = msgspec.json.decode(path.read_bytes(), type=healthdesk.HealthState)
    assert len(state.used) == 1
    looked(kiosk)
    assert msgspec.json.decode(path.read_bytes(), type=healthdesk.HealthState) == state, "one sample a day"
    path.write_bytes(b"{")
    looked(kiosk)
    assert msgspec.json.decode(path.read_bytes(), type=healthdesk.HealthState).since > state.since
