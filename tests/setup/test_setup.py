"""The whole set-up, with its real programs: what is there afterwards, and what an interruption leaves."""

from __future__ import annotations

import json
import os
import stat
import subprocess

import pytest

from medkiosk import keyfiles
from medkiosk.core.config import parse
from medkiosk.device.usbpolicy import load
from medkiosk.devicetpm import TpmSecrets
from medkiosk.offline.recovery import try_sheets
from medkiosk.offline.verify import verify
from tests.setup.scratch import CHECKOUT, KEYBOARDS, Scratch, prefix, tools_are_here
from tests.virtual import inject
from tests.virtual.inject import Injector
from tests.virtual.tpm import AVAILABLE, NEEDED, SoftTpm

SWEEP = os.environ.get("MEDKIOSK_SWEEP", "")
SPREAD = (0.03, 0.5, 0.95)
"""Where the power is cut, as shares of all durable operations."""

needs_tools = pytest.mark.skipif(
    not tools_are_here(), reason="no systemd 257 here (image-build/image.sh tools), or no swtpm, or not root"
)
needs_swtpm = pytest.mark.skipif(not AVAILABLE, reason=NEEDED)
needs_injection = pytest.mark.skipif(
    not inject.works(), reason="this kernel does not tell others about system calls (seccomp notification)"
)


def files(scratch: Scratch) -> set[str]:
    kept = ("site", "store", "keys", "credentials", "usb")
    return {
        str(path.relative_to(scratch.root))
        for name in kept
        for path in (scratch.root / name).rglob("*")
        if not path.is_relative_to(scratch.store)
    }


def assert_whole(scratch: Scratch, shares: list[str]) -> None:
    """A kiosk that a daemon can start on, and that its sheets open."""
    config = parse((scratch.root / "site" / "medkiosk.toml").read_text(), name="made")
    try_sheets(config, shares[:2])
    assert verify(scratch.store).problems == ()
    assert files(scratch) == {
        *("site/medkiosk.toml", "site/keyboard.env", "site/localtime", "site/ready", "usb/keyboards.rules"),
        *("keys/device-1.key", "keys/index.key", "keys/ledger.key", "keys/export.key"),
    }


def test_it_makes_everything_and_says_the_words_once_to_a_pipe(scratch: Scratch) -> None:
    scratch.answer(time="2026-11-23 02:00")
    done = scratch.set_up()
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert_whole(scratch, said["shares"])
    assert (scratch.root / "clock").read_text() == "2026-11-23T01:00:00+00:00"
    assert load(scratch.places.keyboards) == KEYBOARDS
    assert (scratch.root / "site" / "localtime").readlink().name == "Zurich"
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (scratch.root / "site").iterdir()
        if not path.is_symlink()
    }
    assert modes == {"medkiosk.toml": 0o644, "keyboard.env": 0o644, "ready": 0o600}
    secrets = [*said["shares"], "correct horse battery"]
    for path in scratch.root.rglob("*"):
        if path.is_file() and path.name != "answers.json":
            content = path.read_bytes()
            assert not any(secret.encode() in content for secret in secrets), path
    # Once: another run changes nothing.
    again = scratch.set_up()
    assert (again.returncode, again.stdout) == (0, "This kiosk is set up already. Nothing was changed.\n")


def test_without_secure_boot_the_answers_must_say_so(scratch: Scratch) -> None:
    scratch.secure_boot.write_bytes(b"\x06\0\0\0\0")
    before = files(scratch)
    done = scratch.set_up()
    assert done.returncode == 2
    assert "Secure Boot is off" in " ".join(done.stdout.split())
    assert files(scratch) == before
    scratch.answer(without_secure_boot=True)
    done = scratch.set_up()
    assert (done.returncode, done.stderr) == (0, "")
    assert_whole(scratch, json.loads(done.stdout)["shares"])


def test_words_go_into_no_file(scratch: Scratch) -> None:
    out = scratch.root / "out"
    with out.open("wb") as file:
        done = subprocess.run(
            [*scratch.command, "--answers", str(scratch.root / "answers.json"), "--words-to-pipe"],
            stdout=file,
            timeout=60,
            check=False,
            cwd=CHECKOUT,
        )
    assert done.returncode == 2
    assert b"belong in no file" in out.read_bytes()
    assert not (scratch.root / "site" / "begun").exists()


def test_a_store_that_no_set_up_began_is_left_alone(scratch: Scratch) -> None:
    assert scratch.set_up().returncode == 0
    (scratch.root / "site" / "ready").unlink()
    before = {path: path.read_bytes() for path in scratch.root.rglob("*") if path.is_file()}
    done = scratch.set_up()
    assert done.returncode == 2
    assert "did not begin" in " ".join(done.stdout.split())
    assert {path: path.read_bytes() for path in scratch.root.rglob("*") if path.is_file()} == before


@needs_injection
def test_a_power_cut_leaves_nothing_that_looks_whole_and_the_next_set_up_is_clean(scratch: Scratch) -> None:
    with Injector(scratch.root) as counter:
        assert scratch.set_up(*counter.prefix).returncode == 0
    total = len(counter.made)
    assert total > 40
    if SWEEP:
        points = list(range(1, total + 1, 1 if SWEEP == "all" else int(SWEEP)))
    else:
        points = sorted({max(1, round(total * share)) for share in SPREAD})
    for at in points:
        for name in ("site", "store", "keys", "credentials", "usb"):
            subprocess.run(["rm", "-rf", str(scratch.root / name)], check=True)
        for path in scratch.root.iterdir():
            path.unlink()
        scratch.make()
        with Injector(scratch.root, at=at) as injector:
            cut = scratch.set_up(*injector.prefix)
        context = f"cut at {at} of {total}: {injector.made[at - 1] if injector.struck else 'never'}"
        assert injector.struck, context
        if (scratch.root / "site" / "ready").exists():
            assert at > 0.9 * total, context  # the rename is done, and is made durable
            continue
        assert cut.returncode != 0, context
        done = scratch.set_up()
        assert done.returncode == 0, f"{context}: {done.stdout}"
        assert_whole(scratch, json.loads(done.stdout)["shares"])


@needs_tools
def test_keys_are_sealed_to_the_tpm_and_the_disk_gets_a_recovery_key(scratch: Scratch) -> None:
    with scratch.with_tpm_and_disk():
        done = scratch.set_up()
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        said = json.loads(done.stdout)
        key = said["disk_recovery_key"]
        assert said["tpm"]
        assert scratch.opens_disk(key)
        assert not scratch.opens_disk("first")
        assert list(scratch.keys.iterdir()) == []
        assert TpmSecrets(scratch.places.tpm).generations() == [1]
        opened = {}
        for name in ("index", "ledger", "export"):
            sealed = str(scratch.root / "credentials" / f"{name}.key")
            opened[name] = subprocess.run(
                [
                    *(*prefix(), "/usr/bin/systemd-creds", f"--tpm2-device={scratch.tpm}"),
                    *("decrypt", f"--name={name}.key", sealed, "-"),
                ],
                capture_output=True,
                check=True,
                timeout=60,
            ).stdout
        # They are those of the ledger that was made.
        for name, secret in opened.items():
            (scratch.keys / f"{name}.key").write_bytes(secret)
            (scratch.keys / f"{name}.key").chmod(0o600)
        assert keyfiles.load(scratch.keys).ledger == opened["ledger"]
        config = parse((scratch.root / "site" / "medkiosk.toml").read_text(), name="made")
        try_sheets(config, said["shares"][1:])
        # A second key takes the place of the first, as after an interrupted set-up.
        other = scratch.sealing().recovery_key()
        assert scratch.opens_disk(other)
        assert not scratch.opens_disk(key)


@needs_tools
def test_a_tpm_that_refuses_leaves_the_plain_keys_and_no_ready(scratch: Scratch) -> None:
    with SoftTpm(scratch.root / "state") as tpm:
        # Its memory works; systemd's programs are told of another one.
        (scratch.root / "tpm").symlink_to(tpm.path)
        (scratch.root / "mute").touch()
        done = scratch.set_up()
        assert done.returncode == 1
        assert "sealing the lasting keys" in " ".join(done.stdout.split())
        assert not (scratch.root / "site" / "ready").exists()
        assert len(list(scratch.keys.glob("*.key"))) == 3


def test_a_tpm_that_keeps_nothing_ends_the_set_up_before_anything_counts(scratch: Scratch) -> None:
    (scratch.root / "tpm").touch()  # a device that answers nothing
    done = scratch.set_up()
    assert done.returncode == 1
    assert "asking the TPM" in " ".join(done.stdout.split())
    assert files(scratch) == set()


@needs_swtpm
def test_what_a_set_up_put_into_the_tpm_goes_with_it_and_another_kiosks_is_left_alone(
    scratch: Scratch,
) -> None:
    with SoftTpm(scratch.root / "state") as tpm:
        (scratch.root / "tpm").symlink_to(tpm.path)
        secrets = TpmSecrets(scratch.places.tpm)
        secrets.put(7, bytes(32))
        done = scratch.set_up()
        assert done.returncode == 2
        assert "forget_tpm is not true" in " ".join(done.stdout.split())
        assert (secrets.generations(), files(scratch)) == ([7], set())
        scratch.answer(forget_tpm=True)
        (scratch.keys / "index.key").write_bytes(bytes(32))  # a kiosk that is in use: nothing of it goes
        assert scratch.set_up().returncode == 2
        assert secrets.generations() == [7]
        (scratch.keys / "index.key").unlink()
        scratch.set_up()
        assert 7 not in secrets.generations()
        secrets.keep_only()
        secrets.put(8, bytes(32))
        scratch.answer()
        (scratch.root / "site" / "begun").touch()  # the power was cut here
        scratch.set_up()
        assert 8 not in secrets.generations()
