"""Every answer is one clear sentence and an exit code that means something."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from medkiosk.cli.__main__ import COMMANDS, build_parser
from medkiosk.offline.selftest import TESTS
from tests.kiosk import PASSPHRASE, ScratchKiosk


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    """A kiosk that is set up and not running."""
    kiosk = ScratchKiosk(tmp_path_factory.mktemp("cli") / "kiosk")
    kiosk.init()
    yield kiosk
    kiosk.close()


def one_sentence(text: str) -> bool:
    return len(text.strip().splitlines()) == 1 and "Traceback" not in text


def test_every_command_has_help() -> None:
    text = build_parser().format_help()
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", text)


def test_init_gives_three_cards_and_the_keys_for_those_outside(kiosk: ScratchKiosk) -> None:
    assert len(kiosk.shares) == 3
    assert all(len(share.split()) == 33 for share in kiosk.shares)
    assert kiosk.made["allowed_signers"].startswith(
        'medkiosk namespaces="medkiosk-export@v1,medkiosk-recall@v1" ssh-ed25519 '
    )
    assert all(path.stat().st_mode & 0o077 == 0 for path in kiosk.keys.iterdir())


def test_init_twice_is_refused_and_changes_nothing(kiosk: ScratchKiosk) -> None:
    before = {path: path.read_bytes() for path in kiosk.keys.iterdir()}
    again = kiosk.ctl("init", "--admin", "x", "--passphrase-file", "-", stdin=PASSPHRASE + "\n", check=False)
    assert (again.returncode, again.stdout) == (2, "")
    assert one_sentence(again.stderr)
    assert "nothing was changed" in again.stderr
    assert {path: path.read_bytes() for path in kiosk.keys.iterdir()} == before


def test_a_short_passphrase_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    kiosk = ScratchKiosk(tmp_path / "k")
    done = kiosk.ctl("init", "--admin", "x", "--passphrase-file", "-", stdin="short\n", check=False)
    assert done.returncode == 2
    assert not kiosk.store.exists()
    assert not kiosk.keys.exists()


def test_without_a_daemon_status_says_so(kiosk: ScratchKiosk) -> None:
    done = kiosk.ctl("status", check=False)
    assert done.returncode == 4
    assert one_sentence(done.stderr)
    assert "daemon is not answering" in done.stderr
    as_json = kiosk.ctl("status", "--json", check=False)
    assert as_json.returncode == 4
    assert json.loads(as_json.stdout)["error"] == "ipc.lost"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("not toml", "line 1"),
        ("[site]\nname = 'x'", "origin"),
        ("[site]\nname = 'x'\norigin = 'o'\ncolour = 1", "colour"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, text: str, names: str) -> None:
    kiosk = ScratchKiosk(tmp_path / "k")
    kiosk.config.write_text(text)
    done = kiosk.ctl("status", check=False)
    assert done.returncode == 2
    assert one_sentence(done.stderr)
    assert names in done.stderr


def test_verify_and_restore_on_an_empty_store(kiosk: ScratchKiosk, tmp_path: Path) -> None:
    good = kiosk.ctl("verify", str(kiosk.store), "--ledger-key", kiosk.made["ledger_vkey"])
    assert good.stdout.startswith("GOOD")
    (tmp_path / "cards").write_text("\n".join(kiosk.shares[:2]))
    kiosk.ctl("restore", str(kiosk.store), "--cards", str(tmp_path / "cards"), "--out", str(tmp_path / "out"))


def test_one_card_restores_nothing(kiosk: ScratchKiosk, tmp_path: Path) -> None:
    (tmp_path / "cards").write_text(kiosk.shares[0])
    done = kiosk.ctl(
        "restore",
        str(kiosk.store),
        "--cards",
        str(tmp_path / "cards"),
        "--out",
        str(tmp_path / "out"),
        check=False,
    )
    assert done.returncode == 5
    assert one_sentence(done.stderr)
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_verify_names_damage_with_exit_code_3(kiosk: ScratchKiosk, tmp_path: Path) -> None:
    copy = tmp_path / "store"
    shutil.copytree(kiosk.store, copy)
    bundle = next((copy / "ledger" / "tile" / "entries").rglob("*[0-9]"))
    target = bundle if bundle.is_file() else next(path for path in bundle.rglob("*") if path.is_file())
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)
    done = kiosk.ctl("verify", str(copy), "--ledger-key", kiosk.made["ledger_vkey"], check=False)
    assert done.returncode == 3
    assert "DAMAGED" in done.stdout


def test_a_folder_that_is_no_store_is_named(tmp_path: Path, kiosk: ScratchKiosk) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        done = kiosk.ctl("verify", str(folder), check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert one_sentence(done.stderr)
        assert "is not a store" in done.stderr


def test_a_store_that_lost_its_format_file_is_damaged_not_unknown(
    kiosk: ScratchKiosk, tmp_path: Path
) -> None:
    shutil.copytree(kiosk.store, tmp_path / "store")
    (tmp_path / "store" / "format").unlink()
    done = kiosk.ctl("verify", str(tmp_path / "store"), check=False)
    assert done.returncode == 3
    assert "DAMAGED" in done.stdout


def test_nobody_to_answer_is_one_sentence(kiosk: ScratchKiosk, tmp_path: Path) -> None:
    done = kiosk.ctl("restore", str(kiosk.store), "--out", str(tmp_path / "out"), check=False)
    assert done.returncode == 2
    assert one_sentence(done.stderr)
    assert "nobody answered" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_passphrase_is_never_read_where_it_would_be_echoed(tmp_path: Path) -> None:
    kiosk = ScratchKiosk(tmp_path / "k")
    done = subprocess.run(
        [sys.executable, "-m", "medkiosk.cli", "init", "--config", str(kiosk.config), "--admin", "a"],
        input=PASSPHRASE + "\n",
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # no terminal to ask at
    )
    assert done.returncode == 2
    assert one_sentence(done.stderr)
    assert not kiosk.keys.exists()


def test_an_output_that_cannot_be_written_is_one_sentence(kiosk: ScratchKiosk, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out"
    arguments = ("redact", "--models", str(tmp_path), "--out", str(out), str(tmp_path / "file"))
    done = kiosk.ctl(*arguments, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert one_sentence(done.stderr)
    assert str(out) in done.stderr
    as_json = kiosk.ctl(*arguments, "--json", check=False)
    assert json.loads(as_json.stdout)["error"] == "cli.system"


def test_a_reader_that_goes_away_is_no_traceback(kiosk: ScratchKiosk) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "medkiosk.cli", "verify", str(kiosk.store)],
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (1, "")


def test_selftest_passes_and_none_of_its_tests_has_vanished(kiosk: ScratchKiosk) -> None:
    assert len(TESTS) == 6
    done = kiosk.ctl("selftest", "--json")
    results = json.loads(done.stdout)
    assert [result["ok"] for result in results] == [True] * len(results)
    assert len(results) >= len(TESTS)


def test_the_daemon_refuses_keys_that_others_can_read(kiosk: ScratchKiosk) -> None:
    key = kiosk.keys / "ledger.key"
    key.chmod(0o644)
    try:
        with pytest.raises(RuntimeError, match="can be read by other users"):
            kiosk.start()
    finally:
        key.chmod(0o600)
