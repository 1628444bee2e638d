"""``kioskctl archive`` as it is typed, and that a kiosk never gets at it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medkiosk.cli import archive_cmd
from medkiosk.cli.__main__ import main
from tests.offline.conftest import Store


def words(action: str, drive: Store, endpoint: str, bucket: str, *more: str) -> list[str]:
    return ["archive", action, str(drive.root), "--endpoint", endpoint, "--bucket", bucket, *more]


PUSH = ("--until", "2999-12-31", "--mode", "governance")


def test_push_status_verify(
    drive: Store, endpoint: str, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words("status", drive, endpoint, bucket)) == 0
    assert "things are not there yet" in capsys.readouterr().out
    assert main(words("push", drive, endpoint, bucket, *PUSH)) == 0
    out = capsys.readouterr().out
    assert "ARCHIVE COMPLETE" in out
    assert "vault.db as of" in out
    assert main(words("verify", drive, endpoint, bucket, "--read")) == 0
    assert "SAME" in capsys.readouterr().out
    drive.blob(next(iter(drive.originals))).unlink()
    assert main(["archive", "--json", *words("push", drive, endpoint, bucket, *PUSH)[1:]]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (said["sent"], said["problems"]) == (0, [])


def test_damage_has_its_own_exit_code(
    drive: Store, endpoint: str, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    drive.blob(next(iter(drive.originals))).write_bytes(b"other")
    assert main(words("push", drive, endpoint, bucket, *PUSH)) == 3
    out = capsys.readouterr().out
    assert "drive.damaged" in out
    assert "ARCHIVE COMPLETE" not in out


def test_a_kiosk_refuses(
    drive: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(archive_cmd, "_KIOSK_SIGNS", (tmp_path,))
    assert main(words("push", drive, "http://127.0.0.1:1", "bucket", *PUSH)) == 5
    assert "never has a network" in capsys.readouterr().err


@pytest.mark.parametrize("more", [("--until", "2001-01-01"), (*PUSH[:2], "--keys-days", "0")])
def test_a_lock_in_the_past_and_none_at_all_are_refused(
    drive: Store, more: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = words("push", drive, "http://127.0.0.1:1", "bucket", *more, "--mode", "compliance")
    assert main(arguments) == 2
    assert "Nothing was changed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "module", ["medkiosk.daemon.__main__", "medkiosk.cli.__main__", "medkiosk.console.__main__"]
)
def test_nothing_of_the_kiosk_loads_a_network_client(module: str) -> None:
    # The command line loads the command's options, and the client only when the command runs.
    code = f"import sys, {module} as m; vars(m).get('build_parser', str)(); print('botocore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
