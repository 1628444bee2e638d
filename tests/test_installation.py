"""The files that install and start a kiosk: units, Makefile, scripts, the configuration's example."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from medkiosk import configfile
from medkiosk.cli.__main__ import build_parser
from medkiosk.core import config

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "image-build"


def unit(name: str) -> list[str]:
    return (ROOT / "systemd" / name).read_text().splitlines()


def executable(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def run(*command: str | Path, path: Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run with the programs in ``path`` before the system's own."""
    environment = {"PATH": f"{path}:/usr/bin:/bin", "HOME": str(path)}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_the_daemon_comes_after_the_sockets_of_its_workers() -> None:
    lines = unit("medkioskd.service")
    sockets = {f"medkiosk-{name}.socket" for name in ("source", "redact", "mount", "update")}
    for setting in ("Wants=", "After="):
        assert sockets <= {name for line in lines if line.startswith(setting) for name in line[6:].split()}


def test_what_the_mount_helper_mounts_is_seen_by_others() -> None:
    settings = {
        line.partition("=")[0] for line in unit("medkiosk-mount@.service") if not line.startswith("#")
    }
    own_namespace = {
        "PrivateTmp",
        "PrivateDevices",
        "PrivateNetwork",
        "PrivateMounts",
        "PrivateIPC",
        "PrivatePIDs",
    }
    own_namespace |= {
        "InaccessiblePaths",
        "ReadWritePaths",
        "ReadOnlyPaths",
        "BindPaths",
        "BindReadOnlyPaths",
    }
    own_namespace |= {"RootDirectory", "TemporaryFileSystem", "DynamicUser", "MountFlags", "ProcSubset"}
    assert settings & own_namespace == set()
    # These two make no mount namespace (systemd.exec(5)).
    assert {one for one in settings if one.startswith("Protect")} == {"ProtectClock", "ProtectHostname"}
    assert {"NoNewPrivileges", "CapabilityBoundingSet", "SystemCallFilter", "DevicePolicy"} <= settings
    assert "SocketMode=0600" in unit("medkiosk-mount.socket")


@pytest.mark.parametrize(
    ("name", "limit"), [("medkiosk-source@.service", "6h"), ("medkiosk-redact@.service", "24h")]
)
def test_a_worker_that_hangs_has_an_end(name: str, limit: str) -> None:
    lines = unit(name)
    assert f"RuntimeMaxSec={limit}" in lines[lines.index("[Service]") :]


def test_the_example_configuration_can_be_loaded() -> None:
    (stick,) = configfile.load(ROOT / "config" / "medkiosk.toml").stick
    assert stick.mounted


def explained(text: str) -> dict[str, dict[str, str]]:
    """Return what is said about each setting, by table; a setting that is commented out counts."""
    said: dict[str, dict[str, str]] = {"": {}}
    table = ""
    for line in text.splitlines():
        if head := re.fullmatch(r"(?:# )?\[\[?([a-z]+)\]\]?( .*)?", line):
            table = head[1]
        elif inner := re.fullmatch(r"(?:# )?\[([a-z]+)\.([a-z]+)\] *(#.*)?", line):
            said[inner[1]][inner[2]] = inner[3] or ""
            table = "inside"
        elif table == "inside":
            continue
        elif setting := re.fullmatch(r"(?:# )?([a-z0-9_]+) = ([^#]+)(#.*)?", line):
            said.setdefault(table, {})[setting[1]] = setting[3] or ""
    return said


def settings() -> list[tuple[str, str]]:
    """Return every setting of the configuration as (table, name)."""
    found = []
    for field in msgspec.structs.fields(config.Config):
        kind = field.type.__args__[0] if hasattr(field.type, "__args__") else field.type
        if isinstance(kind, type) and issubclass(kind, config.Section):
            found += [(field.name, one.name) for one in msgspec.structs.fields(kind)]
        else:
            found.append(("", field.name))
    return found


def test_every_setting_is_explained_in_the_example() -> None:
    said = explained((ROOT / "config" / "medkiosk.toml").read_text())
    assert len(settings()) > 30
    missing = [(table, name) for table, name in settings() if name not in said.get(table, {})]
    assert missing == []
    known = set(settings())
    assert [
        (table, name) for table, names in said.items() for name in names if (table, name) not in known
    ] == []
    obvious = {("models", "path"), ("ipc", "socket")}  # said by the line itself, or beside it
    silent = {(table, name) for table, names in said.items() for name, words in names.items() if not words}
    assert silent - obvious <= {("camera", "port"), ("camera", "model"), ("card", "path")}


def test_defaults_that_are_commented_out_are_the_defaults() -> None:
    text = (ROOT / "config" / "medkiosk.toml").read_text()
    table, shown = "", {}
    for line in text.splitlines():
        if head := re.match(r"\[([a-z]+)\]", line):
            table = head[1]
        elif setting := re.fullmatch(r"# ([a-z_]+) = ([^#]+?) *(#.*)?", line):
            shown[table, setting[1]] = setting[2]
    of = {
        ("workers", "sockets"): config.Workers().sockets,
        ("workers", "source_stall_s"): config.Workers().source_stall_s,
        ("ingest", "group_bytes"): config.Ingest().group_bytes,
        ("ingest", "retry_s"): config.Ingest().retry_s,
        ("ingest", "poll_s"): config.Ingest().poll_s,
    }
    for key, value in of.items():
        assert shown[key] == (f'"{value}"' if isinstance(value, str) else str(value))


def test_the_daemon_may_write_to_backup_drives_and_to_the_device_secret() -> None:
    loaded = configfile.load(ROOT / "config" / "medkiosk.toml")
    lines = unit("medkioskd.service")
    [writable] = [
        line.removeprefix("ReadWritePaths=").replace("-/", "/").split()
        for line in lines
        if line.startswith("ReadWritePaths=")
    ]
    (drive,) = loaded.backup
    assert drive.mounted
    assert drive.path in writable
    device = explained((ROOT / "config" / "medkiosk.toml").read_text())["store"]
    assert "device" in device
    assert "/mnt/keys" in writable  # where the example puts the device secret
    [hidden] = [line for line in unit("medkiosk-source@.service") if line.startswith("InaccessiblePaths=")]
    assert {f"-{path}" for path in writable} <= set(hidden.removeprefix("InaccessiblePaths=").split())
    redact = unit("medkiosk-redact@.service")
    assert "TemporaryFileSystem=/var:ro /run:ro" in redact
    assert any(line.startswith("InaccessiblePaths=") and "-/mnt" in line.split() for line in redact)
    page = (ROOT / "docs" / "backup.md").read_text()
    [line] = [line.split() for line in page.splitlines() if line.strip().startswith("LABEL=")]
    assert line[1] == drive.path
    assert {"nodev", "nosuid", "noexec"} <= set(line[3].split(","))
    escaped = "run-medkiosk" + chr(92) + "x2dbackup.mount"
    rule = (ROOT / "systemd" / "71-medkiosk-backup.rules").read_text()
    assert escaped in rule
    assert line[0].replace("LABEL=", '"') in rule


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_an_empty_folder_of_models_is_filled_wherever_it_is(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "MEDKIOSK_MODELS": str(tmp_path / "models"),
        "MEDKIOSK_PHOTOS": str(tmp_path / "photos"),
    }
    planned = subprocess.run(
        ["make", "-n", "setup"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    for what in ("models", "photos"):
        assert f"--into {tmp_path / what} --only {what}" in planned.stdout
        assert f"touch {tmp_path / what}/.ready" in planned.stdout


def test_an_environment_that_could_not_be_finished_is_removed(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    executable(
        programs / "uv",
        'case "$1" in venv) mkdir -p "$4/bin" ;; *) echo no packages; exit 1 ;; esac',
    )
    done = run(BUILD / "environment.sh", tmp_path / "venv", path=programs)
    assert done.returncode == 1
    assert "no packages" in done.stderr
    assert not (tmp_path / "venv").exists()
    executable(programs / "uv", '[ "$1" = venv ] && mkdir -p "$4/bin"; true')
    assert run(BUILD / "environment.sh", tmp_path / "venv", path=programs).returncode == 0
    assert (tmp_path / "venv" / "bin").exists()


def test_libraries_are_looked_for_by_the_python_that_loads_them(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("age", "ssh-keygen"):
        executable(programs / name, "true")
    executable(programs / "id", "echo 1000")  # never installs anything
    executable(programs / "python3", "exit 1")
    executable(tmp_path / "finds", "exit 0")
    executable(tmp_path / "lacks", "exit 1")
    assert run(BUILD / "prepare.sh", "demo", tmp_path / "finds", path=programs).returncode == 0
    lacking = run(BUILD / "prepare.sh", "demo", tmp_path / "lacks", path=programs)
    assert lacking.returncode == 1
    assert "libturbojpeg0" in lacking.stderr
    absent = run(BUILD / "prepare.sh", "demo", tmp_path / "nothing", path=programs)
    assert absent.returncode == 1
    assert "make the environment first" in absent.stderr


def test_the_vault_is_locked_before_the_machine_sleeps() -> None:
    lines = unit("medkiosk-lock.service")
    assert {"Before=sleep.target", "WantedBy=sleep.target", "Type=oneshot"} <= set(lines)
    [start] = [line for line in lines if line.startswith("ExecStart=")]
    command = start.removeprefix("ExecStart=/usr/bin/kioskctl ").split()
    args = build_parser().parse_args(command)
    assert (args.command, str(args.config)) == ("lock", "/etc/medkiosk/medkiosk.toml")


def test_on_a_machine_of_somebodys_own_no_unit_takes_the_machine() -> None:
    """What the README has copied: all that the daemon needs, and nothing that is for an appliance alone."""
    text = (ROOT / "README.md").read_text()
    patterns = " ".join(
        re.findall(r"(?<= )systemd/\S+", text.partition("```\nmake setup")[2].partition("```")[0])
    )
    done = subprocess.run(
        ["bash", "-c", f"echo {patterns}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    named = [Path(word) for word in done.stdout.split()]
    assert [path for path in named if not (ROOT / path).is_file()] == []
    copied = {path.name for path in named}
    wanted = {
        name
        for line in unit("medkioskd.service")
        if line.startswith(("Wants=", "Sockets="))
        for name in line.partition("=")[2].split()
    } - {"medkiosk-update.socket", "medkiosk-repair.path"}  # an appliance's alone
    wanted |= {name.replace(".socket", "@.service") for name in wanted if name != "medkiosk-udev.socket"}
    files = {"medkiosk.sysusers", "medkiosk.tmpfiles", "70-medkiosk-camera.rules", "71-medkiosk-backup.rules"}
    assert copied == wanted | files | {"medkiosk.target", "medkioskd.service", "medkiosk-lock.service"}
    conditions = {line for name in copied for line in unit(name) if line.startswith("ConditionPathExists=")}
    assert all(f"touch {line.partition('=')[2]} " in text for line in conditions)
