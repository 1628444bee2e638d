"""The units in a container: systemd 257 and its sandboxes around the real daemon and workers (make nspawn).

What a container has not: udev, USB, a screen; memory limits only where control groups are of version 2.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.systemd.container import MODELS, TREE, Container, container

PHOTOS = Path(os.environ.get("MEDKIOSK_PHOTOS", Path(__file__).resolve().parents[2] / ".cache/photos"))
pytestmark = [
    pytest.mark.skipif(
        "MEDKIOSK_NSPAWN" not in os.environ, reason="make nspawn sets it: takes a tree of Debian 13"
    ),
    pytest.mark.skipif(not TREE.with_suffix(".ready").exists(), reason="make nspawn makes the tree"),
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("systemd-nspawn") is None, reason="root and nspawn"),
    pytest.mark.skipif(not MODELS.is_dir(), reason="make setup gets the models"),
    pytest.mark.timeout(600),
]

CONFIG = """udev = false
[site]
name = "Container"
origin = "container.medkiosk.invalid/ledger"
[store]
path = "/var/lib/medkiosk/store"
keys = "/var/lib/medkiosk-keys"
[models]
path = "/usr/share/medkiosk/models"
[ipc]
users = ["kiosk"]
[workers]
launch = "socket"
[ingest]
poll_s = 0.5
[[card]]
path = "/srv/card"
"""
PASSPHRASE = "correct horse battery"
LISTED = (
    "/var/lib/medkiosk,/var/lib/medkiosk-keys,/var/lib/medkiosk-credentials,/run/credentials,/run/medkiosk"
)
CONNECTED = "/run/medkiosk/kiosk.sock,/run/medkiosk-workers/mount.sock,/run/systemd/private"
NOWHERE = {"EACCES", "ENOENT", "EAFNOSUPPORT"}


@pytest.fixture(scope="module")
def booted() -> Iterator[Container]:
    """A kiosk that was set up, with a card of two photographs, before its daemon is started."""
    with container() as made:
        folder = made.root / "srv/card/DCIM/100CANON"
        folder.mkdir(parents=True)
        for number, name in enumerate(("china.jpg", "flower.jpg"), 1):
            shutil.copy(PHOTOS / name, folder / f"IMG_{number:04}.JPG")
        made.run("tee", "/etc/medkiosk/medkiosk.toml", stdin=CONFIG)
        command = ["kioskctl", "init", "--config", "/etc/medkiosk/medkiosk.toml", "--json", "--no-check"]
        command += ["--admin", "admin", "--passphrase-file", "-"]
        made.run(*command, stdin=f"{PASSPHRASE}\n", user="medkiosk")
        yield made


@pytest.fixture(scope="module")
def kiosk(booted: Container) -> Container:
    """It opened, with its lasting keys sealed to this host instead of files."""
    for name in ("index", "ledger", "export"):
        plain, sealed = f"/var/lib/medkiosk-keys/{name}.key", f"/etc/credstore.encrypted/{name}.key"
        booted.run("systemd-creds", "encrypt", "--with-key=host", f"--name={name}.key", plain, sealed)
        booted.run("rm", plain)
    booted.run("touch", "/etc/medkiosk/ready")
    booted.run("systemctl", "start", "medkiosk.target", "medkioskd.service")
    return booted


def until(said: Callable[[], str], *parts: str, within_s: float = 90) -> str:
    """Wait until what is said has all these parts."""
    deadline = time.monotonic() + within_s
    while not all(part in (now := said()) for part in parts):
        assert time.monotonic() < deadline, now
        time.sleep(0.3)
    return now


def test_nothing_of_the_kiosk_starts_before_the_set_up(booted: Container) -> None:
    assert booted.show("medkioskd.service", "ActiveState") == "inactive"
    assert booted.show("medkioskd.service", "ConditionResult") == "no"


def test_a_card_is_imported_and_redacted_under_the_real_units(kiosk: Container) -> None:
    until(lambda: kiosk.show("medkioskd.service", "StatusText"), "SAFE", "2 sealed, 0 waiting")
    assert "SAFE TO UNPLUG" in kiosk.show("medkioskd.service", "StatusText")
    log = kiosk.journal("medkioskd.service")
    assert "Keys: systemd credentials." in log
    assert "could be swapped out" not in log
    for worker in ("medkiosk-source@*", "medkiosk-redact@*"):
        assert "Started medkiosk-" in kiosk.journal(worker)


def test_the_console_reaches_the_daemon_and_others_do_not(kiosk: Container) -> None:
    command = ["kioskctl", "status", "--config", "/etc/medkiosk/medkiosk.toml", "--json"]
    assert '"headline"' in kiosk.run(*command, user="kiosk")
    with pytest.raises(RuntimeError):
        kiosk.run(*command, user="medkiosk-mount")


def test_the_log_says_nothing_of_patients_or_keys(kiosk: Container) -> None:
    log = kiosk.run("journalctl", "--no-pager")
    assert "IMG_0001" not in log
    assert PASSPHRASE not in log


def test_the_console_runs_in_its_sandbox(kiosk: Container) -> None:
    """cage, foot and our program as the unit starts them; a picture in memory stands for the screen."""
    drop_in = "/run/systemd/system/medkiosk-console.service.d"
    kiosk.run("mkdir", "-p", drop_in)
    environment = "[Service]\nEnvironment=WLR_BACKENDS=headless WLR_LIBINPUT_NO_DEVICES=1\n"
    kiosk.run("tee", f"{drop_in}/headless.conf", stdin=environment)
    kiosk.run("systemctl", "daemon-reload")
    # Without a screen it gives up, and so does the bare terminal (there is no tty1).
    kiosk.run(
        "systemctl", "stop", "medkiosk-console.service", "medkiosk-console-text.service", "medkiosk-failed@*"
    )
    kiosk.run("systemctl", "reset-failed", "medkiosk-console.service")
    kiosk.run("systemctl", "start", "medkiosk-console.service")
    # cage's own command line names the others; what runs says its own name.
    until(lambda: kiosk.run("sh", "-c", "cat /proc/[0-9]*/comm"), "\nfoot\n", "\nmedkiosk-consol\n")
    first = kiosk.show("medkiosk-console.service", "MainPID")
    time.sleep(3)
    assert kiosk.show("medkiosk-console.service", "ActiveState") == "active"
    assert kiosk.show("medkiosk-console.service", "MainPID") == first
    assert "err:" not in kiosk.journal("medkiosk-console.service")
    kiosk.run("env", "LANG=C.UTF-8", "foot", "--check-config", "--config=/usr/share/medkiosk/foot.ini")
    kiosk.run("systemctl", "stop", "medkiosk-console.service")


# What every process is refused, whatever it runs as.
REFUSED = (
    "mknod", "user namespace", "network namespace", "mount namespace", "ptrace", "bpf", "setuid", "chroot",
    "clock", "host name", "modules", "kexec", "io_uring", "personality", "real time", "suid", "writable code",
)  # fmt: skip
PROBED: dict[str, tuple[set[str], set[str]]] = {
    # unit: families of sockets it may have, folders it sees
    "medkioskd.service": ({"unix"}, {"/var/lib/medkiosk", "/var/lib/medkiosk-keys", "/run/medkiosk"}),
    "medkiosk-redact@.service": (set(), set()),
    "medkiosk-source@.service": ({"unix", "netlink"}, set()),
    "medkiosk-console.service": ({"unix", "netlink"}, {"/run/medkiosk"}),
    "medkiosk-console-text.service": ({"unix"}, {"/run/medkiosk"}),
    "medkiosk-lock.service": ({"unix"}, {"/run/medkiosk"}),
    "medkiosk-failed@.service": ({"unix"}, set()),
    "medkiosk-booted.service": ({"unix"}, set()),
    "medkiosk-power@.service": (set(), set()),
}


@pytest.fixture(scope="module")
def found(kiosk: Container) -> dict[str, dict[str, Any]]:
    return {unit: kiosk.probe(unit, LISTED, CONNECTED) for unit in PROBED}


@pytest.mark.parametrize("unit", PROBED)
def test_from_inside_nothing_else_can_be_reached(unit: str, found: dict[str, dict[str, Any]]) -> None:
    families, folders = PROBED[unit]
    probed = found[unit]
    assert {name for name, answer in probed["sockets"].items() if answer == "ok"} == families
    assert set(probed["interfaces"]) <= {"lo"}
    seen = {path for path, answer in probed["lists"].items() if answer == "ok"}
    assert seen - {"/run/credentials"} == folders
    assert {name: probed[name] for name in REFUSED if probed[name] not in ("EPERM", "EACCES")} == {}
    assert probed["mount"] == "EPERM"
    # Nothing but memory of its own, and the daemon's folders (the probe does not try those).
    assert set(probed["writable"]) <= {"/tmp", "/var/tmp", "/dev/shm"}
    assert probed["capabilities"] == ["0" * 16, "0" * 16]
    assert probed["no new privileges"] == ["1"]
    assert probed["core"] == "0"


@pytest.mark.parametrize("unit", ["medkiosk-redact@.service", "medkiosk-source@.service"])
def test_a_worker_sees_no_process_no_device_and_nobody_to_talk_to(
    unit: str, found: dict[str, dict[str, Any]]
) -> None:
    probed = found[unit]
    assert probed["uid"] >= 61184  # a user of its own (systemd.exec(5), DynamicUser=)
    assert probed["processes"] == []
    assert set(probed["connects"].values()) <= NOWHERE
    assert not {"mem", "kmsg", "sda", "bus", "input", "dri"} & set(probed["devices"])


def test_only_the_mount_helper_mounts_and_it_is_nobody(kiosk: Container) -> None:
    probed = kiosk.probe("medkiosk-mount@.service", LISTED, CONNECTED)
    assert probed["uid"] != 0
    assert probed["mount"] == "ok"
    assert probed["capabilities"] == ["0000000000200000"] * 2  # CAP_SYS_ADMIN
    assert set(probed["sockets"].values()) == {"EAFNOSUPPORT"}
    assert {path for path, answer in probed["lists"].items() if answer == "ok"} <= {"/run/credentials"}
    assert {name: probed[name] for name in REFUSED if probed[name] not in ("EPERM", "EACCES")} == {}
    assert set(probed["writable"]) <= {"/tmp", "/var/tmp", "/dev/shm"}


def test_a_daemon_that_is_killed_comes_back(kiosk: Container) -> None:
    before = kiosk.show("medkioskd.service", "MainPID")
    kiosk.run("systemctl", "kill", "--signal=KILL", "medkioskd.service")
    until(
        lambda: kiosk.show("medkioskd.service", "MainPID") + kiosk.show("medkioskd.service", "SubState"),
        "running",
    )
    assert kiosk.show("medkioskd.service", "MainPID") != before
    until(lambda: kiosk.show("medkioskd.service", "StatusText"), "SAFE TO UNPLUG")


def test_a_good_boot_is_one_with_a_daemon(kiosk: Container) -> None:
    kiosk.run("systemctl", "start", "medkiosk-booted.service")
    assert kiosk.show("medkiosk-booted.service", "Result") == "success"


def test_a_daemon_that_cannot_start_ends_in_words(kiosk: Container) -> None:
    drop_in = "/run/systemd/system/medkioskd.service.d"
    kiosk.run("mkdir", "-p", drop_in)
    kiosk.run("tee", f"{drop_in}/fast.conf", stdin="[Service]\nRestartSec=50ms\nRestartMaxDelaySec=100ms\n")
    kiosk.run("systemctl", "daemon-reload")
    kiosk.run("systemctl", "stop", "medkioskd.service")
    kiosk.run("systemctl", "reset-failed", "medkioskd.service")
    kiosk.run("tee", "/etc/medkiosk/medkiosk.toml", stdin=CONFIG.replace("[site]", "[sight]"))
    kiosk.run("systemctl", "start", "--no-block", "medkioskd.service")
    until(lambda: kiosk.show("medkioskd.service", "ActiveState"), "failed")
    assert kiosk.show("medkioskd.service", "NRestarts") == "6"
    assert "cannot be used" in kiosk.show("medkioskd.service", "StatusText")
    # Given up once, and told once: not at each failure.
    assert kiosk.journal("medkioskd.service").count("Triggering OnFailure=") == 1
    # There is no tty1 in a container; what the unit would have shown there is asked for here.
    assert "medkiosk-notice" in kiosk.journal("medkiosk-failed@*")
    shown = kiosk.run("timeout", "5", "medkiosk-notice", "medkioskd.service", check=False)
    assert "THE KIOSK HAS STOPPED" in shown
    assert "cannot be used" in shown
    assert "SAFE" in shown
    kiosk.run("systemctl", "start", "medkiosk-booted.service", check=False)
