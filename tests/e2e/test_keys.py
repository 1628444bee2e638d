"""The kiosk's own keys on the running kiosk: where they are, when they are lost, and epochs that grow old."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from medkiosk.daemon.keysthere import SAME_DISK
from medkiosk.devicesecret import FileSecrets
from medkiosk.ipc.wire import RemoteError
from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from medkiosk.vault.schema import COLUMNS, row_digest
from tests.kiosk import ADMIN, ScratchKiosk


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[ScratchKiosk]:
    kiosk = ScratchKiosk(tmp_path / "kiosk")
    kiosk.init()
    yield kiosk
    kiosk.close()


def logged(kiosk: ScratchKiosk) -> list[str]:
    return [entry.decode(data).type for data in Log.open(kiosk.store / "ledger").entries()]


def test_the_status_says_where_the_keys_are(kiosk: ScratchKiosk) -> None:
    kiosk.start()
    source = FileSecrets(kiosk.keys).source
    said = kiosk.ctl("status").stdout
    assert f"Device secret: {source}." in said
    assert SAME_DISK in said
    assert json.loads(kiosk.ctl("status", "--json").stdout)["keys"][-1] == SAME_DISK


def test_without_its_device_secret_and_with_two_cards_again(kiosk: ScratchKiosk) -> None:
    kiosk.start()
    with kiosk.session(ADMIN):
        pass
    kiosk.stop()
    before = logged(kiosk)
    secrets = FileSecrets(kiosk.keys)
    secrets.keep_only()

    kiosk.start()  # it seals and logs as before
    [problem] = kiosk.status().problems
    assert "two recovery sheets" in problem
    with pytest.raises(RemoteError, match="no passphrase opens anything") as error, kiosk.session(ADMIN):
        pass
    assert error.value.remote_code == "device.lost"
    busy = kiosk.ctl("adopt", "--cards", "-", stdin="\n".join(kiosk.shares[:2]), check=False)
    assert busy.returncode == 4
    kiosk.stop()
    assert len(logged(kiosk)) > len(before)

    wrong = kiosk.ctl("adopt", "--cards", "-", stdin="\n".join(kiosk.shares[:1]), check=False)
    assert (wrong.returncode, secrets.generations()) == (5, [])
    for name in ("index", "ledger", "export"):
        (kiosk.keys / f"{name}.key").unlink()
    done = kiosk.ctl("adopt", "--json", "--cards", "-", stdin="\n".join(kiosk.shares[1:]))
    assert json.loads(done.stdout)["renewed"] is True
    again = kiosk.ctl("adopt", "--cards", "-", stdin="\n".join(kiosk.shares[1:]))
    assert "nothing had to be changed" in again.stdout

    kiosk.start()
    assert kiosk.status().problems == ()
    with kiosk.session(ADMIN):
        pass
    kiosk.stop()
    kiosk.ctl("verify", str(kiosk.store), "--ledger-key", kiosk.made["ledger_vkey"])


def test_an_old_epoch_ends_at_the_next_login(kiosk: ScratchKiosk) -> None:
    columns = COLUMNS["epochs"]
    with sqlite3.connect(kiosk.store / "vault.db") as database:
        row = list(database.execute(f"SELECT {', '.join(columns)} FROM epochs").fetchone())
        row[columns.index("opened_at")] = "2020-01-01T00:00:00.000Z"
        database.execute(
            "UPDATE epochs SET opened_at = ?, digest = ?",
            (row[columns.index("opened_at")], row_digest("epochs", *row)),
        )
    database.close()
    kiosk.start()
    with kiosk.session(ADMIN):
        pass
    with kiosk.session(ADMIN):
        pass
    kiosk.stop()
    assert logged(kiosk).count("epoch.opened") == 1
    database = sqlite3.connect(kiosk.store / "vault.db")
    assert database.execute("SELECT current_epoch FROM state").fetchone() == (2,)
    assert [row[0] for row in database.execute("SELECT epoch FROM epochs")] == [1, 2]
    sealed = dict(database.execute("SELECT epoch, count(*) FROM envelopes GROUP BY epoch"))
    database.close()
    assert sealed[1] > 0
    assert sealed[2] > 0
    kiosk.ctl("verify", str(kiosk.store), "--ledger-key", kiosk.made["ledger_vkey"])
