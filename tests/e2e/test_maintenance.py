"""What an appliance has no shell for, on the real daemon: check, repair, witnesses by stick."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from medkiosk.core.drives import DriveState
from medkiosk.ipc.maintenancetypes import CheckReport
from medkiosk.ipc.types import Status
from medkiosk.ipc.wire import RemoteError
from medkiosk.ledger.note import LogKeys
from medkiosk.offline import witnessing
from medkiosk.offline.report import SENTENCES, Problem, at_console
from medkiosk.offline.verify import verify
from tests.daemon.importing import picture, write
from tests.kiosk import ADMIN, ScratchKiosk, safe


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    """A kiosk with two pictures and a complete backup; the drive stays in ``drawer``."""
    root = tmp_path_factory.mktemp("kiosk")
    card = write(root / "card", {f"DCIM/100CANON/IMG_{n:04d}.JPG": picture(n) for n in (1, 2)})
    models, plug = root / "models", root / "plug"
    models.mkdir()
    plug.mkdir()
    settings = f'[[backup]]\nname = "left"\npath = "{plug}"\n'
    made = ScratchKiosk(root / "kiosk", cards=[card], models=models, settings=settings)
    made.init()
    made.start()
    made.wait(safe)
    with made.session(ADMIN) as client:
        client.enrol_drive("Blue disk")
    made.wait(lambda status: any(one.state is DriveState.COMPLETE for one in status.backups))
    yield made
    made.close()


def checked(kiosk: ScratchKiosk) -> CheckReport:
    """Have it checked, and wait for the end."""
    before = kiosk.status().check.finished
    with kiosk.session(ADMIN) as client:
        client.check_now()
        client.check_now()  # one at work goes on
        status = kiosk.wait(lambda status: status.check.finished > before or bool(status.check.failed))
        assert status.check.failed == ""
        report = client.get_check()
    assert status.check.problems == len(report.problems) + report.more
    return report


def ended(kiosk: ScratchKiosk) -> int:
    """Wait for the daemon's own end, as a service manager does."""
    assert kiosk._process is not None
    kiosk._process.wait(60)
    return kiosk.stop()


def lose_an_envelope(kiosk: ScratchKiosk) -> None:
    """Take the key of one sealed picture out of the database, as a faulty disk or hand may."""
    with contextlib.closing(sqlite3.connect(kiosk.store / "vault.db")) as database, database:
        database.execute("DELETE FROM envelopes WHERE id = (SELECT id FROM objects ORDER BY seq LIMIT 1)")


def test_a_good_store_is_good(kiosk: ScratchKiosk) -> None:
    report = checked(kiosk)
    assert (report.problems, report.objects, report.more) == ((), 2, 0)
    assert report.bytes > 0
    assert not [words for words in kiosk.status().problems if "was checked" in words]


def after(before: str, status: Status) -> bool:
    """Whether a check ended later than another."""
    return status.check.finished > before


def test_a_check_that_is_asked_for_as_the_one_before_ends_is_begun(kiosk: ScratchKiosk) -> None:
    with kiosk.session(ADMIN) as client:
        for _ in range(4):
            wait_for_next = partial(after, kiosk.status().check.finished)
            client.check_now()
            kiosk.wait(wait_for_next)


def test_only_who_looks_after_the_store_may(kiosk: ScratchKiosk) -> None:
    with kiosk.client() as client:
        for ask in (client.check_now, client.get_check, client.repair_now, client.write_head):
            with pytest.raises(RemoteError, match="log in first"):
                ask()


def test_damage_is_named_kept_over_a_restart_and_repaired_from_the_drive(kiosk: ScratchKiosk) -> None:
    lose_an_envelope(kiosk)
    report = checked(kiosk)
    assert [each.code for each in report.problems] == ["object.envelope_missing"]
    assert all("kioskctl" not in each.sentence for each in report.problems)
    assert any("Maintenance (M)" in words for words in kiosk.status().problems)
    kiosk.wait(lambda status: not any(one.state is DriveState.COPYING for one in status.backups))
    with kiosk.session(ADMIN) as client:
        client.repair_now()
    assert ended(kiosk) == 0
    kiosk.start()
    assert any(line.startswith("EXTEND_TIMEOUT_USEC=") for line in kiosk.notified)
    assert any("repaired from the backup drive: 1 put back, 0" in words for words in kiosk.status().problems)
    # What was found before is said until a check finds it good again.
    assert kiosk.status().check.problems == len(report.problems)
    assert checked(kiosk).problems == ()
    assert kiosk.status().check.problems == 0


def test_a_daemon_that_damage_keeps_from_starting_is_mended_by_the_next_start(kiosk: ScratchKiosk) -> None:
    kiosk.stop_if_running()
    for tile in (kiosk.store / "ledger" / "tile" / "0").rglob("*"):
        if tile.is_file():
            tile.write_bytes(bytes(len(tile.read_bytes())))
    with pytest.raises(RuntimeError, match="damaged"):
        kiosk.start()
    assert ended(kiosk) == 3
    kiosk.start()
    assert any("repaired from the backup drive" in words for words in kiosk.status().problems)
    kiosk.stop()
    assert verify(kiosk.store, kiosk.made["ledger_vkey"]).problems == ()
    kiosk.start()


def test_a_witness_is_asked_and_answers_by_stick(kiosk: ScratchKiosk, tmp_path: Path) -> None:
    with kiosk.session(ADMIN) as client:
        written = client.write_head()
    folder = kiosk.stick / written.folder
    assert sorted(path.name for path in folder.iterdir()) == [
        "READ-ME.txt",
        "checkpoint",
        "from-0.request",
        "ledger-keys.vkey",
    ]
    # The witness, at home.
    key = tmp_path / "key"
    vkey = witnessing.create(key, "auditor.example/w1", os.urandom)
    log = LogKeys.parse((folder / "ledger-keys.vkey").read_text())
    assert log.ml_dsa_44 is not None

    def sign(request: str, folder: Path) -> bytes:
        return witnessing.sign(key, log, (folder / request).read_bytes(), lambda: datetime.now(UTC))

    (kiosk.stick / "medkiosk-cosigned-w1").write_bytes(sign("from-0.request", folder))
    (kiosk.stick / "medkiosk-witness-w1").write_text(vkey + "\n")
    with kiosk.session(ADMIN) as client:
        found = client.read_witnesses()
        assert found.held == ()
        assert "no witness that is enrolled here" in found.refused[0]
        [offered] = found.keys
        assert (offered.name, offered.vkey) == ("auditor.example/w1", vkey)
        client.enrol_witness(offered.vkey)
        found = client.read_witnesses()
        assert (found.held, found.refused, found.keys) == (("auditor.example/w1",), (), ())
        assert client.read_witnesses().held == ()  # the same once more
        head = client.get_ledger_head()
        assert head.witnesses[0].size == written.size
        # The next time the witness is asked from where they were.
        again = client.write_head()
        later = kiosk.stick / again.folder
        assert (later / f"from-{written.size}.request").exists()
        (kiosk.stick / "medkiosk-cosigned-w1").write_bytes(sign(f"from-{written.size}.request", later))
        assert client.read_witnesses().held == ("auditor.example/w1",)
    shutil.rmtree(later)


def test_the_set_up_is_asked_by_who_looks_after_the_store_or_where_nobody_can_log_in(
    kiosk: ScratchKiosk,
) -> None:
    asked = kiosk.store.parent / "set-up"
    with kiosk.client() as client, pytest.raises(RemoteError, match="log in first"):
        client.ask_setup()
    assert not asked.exists()
    with kiosk.session(ADMIN) as client:
        client.ask_setup()
    assert asked.exists()
    kiosk.stop()
    asked.unlink()
    secrets = {path: path.read_bytes() for path in kiosk.keys.glob("device-*.key")}
    for path in secrets:
        path.unlink()
    kiosk.start()
    with kiosk.client() as client:
        assert any("F4" in words for words in client.get_status().problems)
        client.ask_setup()
    assert asked.exists()
    kiosk.stop()
    for path, secret in secrets.items():
        path.write_bytes(secret)
        path.chmod(0o600)
    kiosk.start()


def test_what_is_no_checkpoint_is_said_and_nothing_is_held(kiosk: ScratchKiosk) -> None:
    for name, content in (
        ("medkiosk-cosigned-evil", b"\xff\x1b[2J"),
        ("medkiosk-witness-evil", b"not a key"),
        ("medkiosk-witness-own", kiosk.made["ledger_vkey"].encode()),
    ):
        (kiosk.stick / name).write_bytes(content)
    with kiosk.session(ADMIN) as client:
        found = client.read_witnesses()
    assert len(found.refused) == 3
    assert found.keys == ()
    assert all("\x1b" not in words for words in found.refused)


def test_no_advice_on_the_screen_asks_for_a_command() -> None:
    for code, sentence in SENTENCES.items():
        assert "kioskctl" not in at_console(Problem(code, "1", sentence)), code
