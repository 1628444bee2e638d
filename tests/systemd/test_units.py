"""The units: the appliance's systemd understands them, none is more exposed than its limit, pages agree."""

from __future__ import annotations

import re

import pytest

from tests.systemd import tools
from tests.systemd.limits import LIMITS
from tests.systemd.tools import ROOT, UNITS

SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
needs_systemd = pytest.mark.skipif(tools.find() is None, reason=tools.ABSENT)


def settings(name: str) -> dict[str, list[str]]:
    """What a unit sets; a setting that is there twice has two values."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_every_service_has_a_limit() -> None:
    assert sorted(LIMITS) == SERVICES
    assert LIMITS["medkioskd.service"] <= 1.5
    assert LIMITS["medkiosk-redact@.service"] <= 1.0
    argued = {"medkiosk-mount@.service", "medkiosk-setup.service"}  # docs/hardening.md: why not 2.0
    assert {name for name, limit in LIMITS.items() if limit > 2.0} <= argued


@needs_systemd
def test_systemd_understands_every_setting() -> None:
    found = tools.find()
    assert found is not None
    with found.units() as folder:
        paths = [f"{folder}/{path.name}" for path in tools.files()]
        done = found.run("verify", "--man=no", "--recursive-errors=one", *paths, units=folder)
    # It says what it does not know and ends well all the same, so what it says is what counts.
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_more_exposed_than_its_limit(name: str) -> None:
    found = tools.find()
    assert found is not None
    with found.units() as folder:
        done = found.run("security", "--offline=yes", "--no-pager", f"{folder}/{name}", units=folder)
    score = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert score, done.stderr
    assert float(score[1]) <= LIMITS[name], "\n".join(
        line for line in done.stdout.splitlines() if "✓" not in line
    )


@needs_systemd
def test_a_setting_that_nobody_knows_is_found(tmp_path: object) -> None:
    found = tools.find()
    assert found is not None
    with found.units() as folder:
        wrong = found.root / str(folder).lstrip("/") / "medkioskd.service"
        wrong.write_text(wrong.read_text().replace("ProtectHome=", "ProtectHouse="))
        done = found.run("verify", "--man=no", f"{folder}/medkioskd.service", units=folder)
    assert "ProtectHouse" in done.stderr


def test_the_page_has_the_same_limits() -> None:
    rows = re.findall(
        r"^\| `(\S+\.service)` \| ([\d.]+) \| ([\d.]+) \|",
        (ROOT / "docs/hardening.md").read_text(),
        re.MULTILINE,
    )
    assert {name: float(limit) for name, _, limit in rows} == LIMITS
    assert [name for name, score, limit in rows if float(score) > float(limit)] == []


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_a_core_dump_a_new_privilege_or_a_network(name: str) -> None:
    said = settings(name)
    assert said["LimitCORE"] == ["0"]
    assert said["NoNewPrivileges"] == ["yes"]
    assert said["IPAddressDeny"] == ["any"]
    families = set(said["RestrictAddressFamilies"][0].split())
    assert families <= {"none", "AF_UNIX", "AF_NETLINK", "AF_ALG"}
    # The one mounts for all to see; the other asks udev, whose messages stay in the system's namespace.
    if name not in {"medkiosk-mount@.service", "medkiosk-usb.service"}:
        assert said["PrivateNetwork"] == ["yes"]
    assert "MemoryMax" in said
    assert said["SystemCallArchitectures"] == ["native"]


def test_nobody_but_the_daemon_sees_the_store() -> None:
    # The last one destroys the keys, and sees nothing of the store.
    own = {"medkioskd.service", "medkiosk-setup.service", "medkiosk-mount@.service"}
    own |= {"medkiosk-decommission@.service"}
    for name in SERVICES:
        said = settings(name)
        hidden = " ".join([*said.get("InaccessiblePaths", []), *said.get("TemporaryFileSystem", [])])
        paths = {path.lstrip("-").partition(":")[0] for path in hidden.split()}
        if name not in own:
            assert "/var" in paths or {"/var/lib/medkiosk", "/var/lib/medkiosk-keys"} <= paths, name


def test_what_ends_in_a_start_limit_ends_on_the_screen() -> None:
    for name in ("medkioskd.service", "medkiosk-console-text.service", "medkiosk-setup.service"):
        said = settings(name)
        assert said["OnFailure"] == ["medkiosk-failed@%n.service"], name
        assert {"StartLimitBurst", "StartLimitIntervalSec", "Restart"} <= set(said), name
    assert settings("medkiosk-console.service")["OnFailure"] == ["medkiosk-console-text.service"]
    assert settings("medkiosk-failed@.service")["TTYPath"] == ["/dev/tty1"]


def test_the_daemon_gets_the_keys_under_the_names_that_it_looks_for() -> None:
    assert settings("medkioskd.service")["ImportCredential"] == ["index.key", "ledger.key", "export.key"]


def test_every_unit_of_the_contract_is_there() -> None:
    page = (ROOT / "docs/appliance.md").read_text()
    named = set(re.findall(r"`(medkiosk[\w-]*@?\.(?:service|timer|socket|target))`", page))
    there = {path.name for path in tools.files()}
    assert named - there == set()


def test_the_sysctl_settings_are_well_formed_and_argued() -> None:
    page = (ROOT / "docs/hardening.md").read_text()
    for line in (UNITS / "medkiosk.sysctl").read_text().splitlines():
        if line and not line.startswith("#"):
            found = re.fullmatch(r"-?([a-z0-9_.-]+) = (\S.*)", line)
            assert found, line
            assert f"`{found[1]}`" in page, found[1]
