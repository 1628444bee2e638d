"""A store put back to an earlier day, a witness's word and a wrong clock, on the real daemon."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from os import urandom
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medkiosk import configfile
from medkiosk.core.events import Role
from medkiosk.devicesecret import FileSecrets
from medkiosk.ipc.wire import RemoteError
from medkiosk.ledger import checkpoint, entry
from medkiosk.ledger.errors import LedgerSetBackError
from medkiosk.ledger.file import Log
from medkiosk.ledger.note import COSIGNATURE, LogKeys, VerifierKey
from medkiosk.offline.recovery import reset_user
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk

WITNESS = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
WITNESS_KEY = VerifierKey("auditor.example/w1", WITNESS.public_key().public_bytes_raw(), COSIGNATURE)


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[ScratchKiosk]:
    kiosk = ScratchKiosk(tmp_path)
    kiosk.init()
    yield kiosk
    kiosk.close()


def types(kiosk: ScratchKiosk) -> list[str]:
    return [entry.decode(data).type for data in Log.open(kiosk.store / "ledger").entries()]


def some_work(kiosk: ScratchKiosk, times: int = 2) -> None:
    kiosk.start()
    for _ in range(times):
        with kiosk.session(ADMIN):
            pass
    kiosk.stop()


def ctl(kiosk: ScratchKiosk, *arguments: str, check: bool = True) -> str:
    """``kioskctl ledger`` as the administrator; what it said."""
    login = ("--user", ADMIN, "--passphrase-file", "-")
    done = kiosk.ctl("ledger", *login, *arguments, stdin=PASSPHRASE + "\n", check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_rolled_back_store_takes_nothing_until_an_administrator_says_so(kiosk: ScratchKiosk) -> None:
    some_work(kiosk)
    line = ctl(kiosk, "head", str(kiosk.store)).strip()
    shutil.copytree(kiosk.store, kiosk.root / "yesterday")
    before = Log.open(kiosk.store / "ledger").size
    some_work(kiosk, times=5)
    after = Log.open(kiosk.store / "ledger").size
    newer = ctl(kiosk, "head", str(kiosk.store)).strip()
    assert "GOOD" in ctl(kiosk, "compare", str(kiosk.store), line)

    shutil.rmtree(kiosk.store)
    (kiosk.root / "yesterday").rename(kiosk.store)
    assert "ROLLED BACK" in ctl(kiosk, "compare", str(kiosk.store), newer, check=False)
    kiosk.start()
    status = kiosk.status()
    assert status.headline == "STORE ROLLED BACK"
    assert f"rolled back by {after - before} entries" in " ".join(status.problems)
    with pytest.raises(RemoteError, match="rolled back by"), kiosk.session(ADMIN):
        pass
    assert Log.open(kiosk.store / "ledger").size == before  # not even that it was started

    # Not everybody, not without a reason, not with a wrong passphrase; and a restart changes nothing.
    with kiosk.client() as client, pytest.raises(RemoteError, match="say why"):
        client.accept_rollback(ADMIN, PASSPHRASE, " ")
    with kiosk.client() as client, pytest.raises(RemoteError, match="passphrase"):
        client.accept_rollback(ADMIN, "wrong horse battery", "disk died")
    kiosk.stop()
    kiosk.start()
    assert kiosk.status().headline == "STORE ROLLED BACK"
    assert Log.open(kiosk.store / "ledger").size == before

    assert "Accepted" in ctl(kiosk, "accept-rollback", "--reason", "the disk died; this is the backup")
    status = kiosk.status()
    assert status.alarm == ""
    assert not [words for words in status.problems if "rolled back" in words]
    first = entry.decode(Log.open(kiosk.store / "ledger").entry(before))
    assert first.type == "ledger.rollback_accepted"
    assert first.note == f"size={before} remembered={after}"
    with kiosk.session(ADMIN):
        pass
    kiosk.stop()
    some_work(kiosk)  # and it is remembered from now on
    assert types(kiosk)[before : before + 3] == [
        "ledger.rollback_accepted",
        "login.accepted",
        "kiosk.started",
    ]
    assert "REWRITTEN" in ctl(kiosk, "compare", str(kiosk.store), newer, check=False)


def test_a_crash_is_no_rollback(kiosk: ScratchKiosk) -> None:
    some_work(kiosk)
    kiosk.start()
    with kiosk.session(ADMIN):
        pass
    kiosk.kill()
    kiosk.start()
    # The stick that was in is looked at first; an alarm would be in the headline for good.
    status = kiosk.wait(lambda s: s.headline == "PLUG IN A CAMERA OR CARD")
    assert status.alarm == ""


def test_what_is_remembered_is_never_more_than_the_ledger(kiosk: ScratchKiosk) -> None:
    some_work(kiosk)
    own = LogKeys.parse((kiosk.store / "ledger/vkey").read_text())
    kiosk.start()
    for _ in range(3):
        with kiosk.session(ADMIN):
            pass
        remembered = checkpoint.verify((kiosk.keys / "ledger-head").read_bytes(), own).size
        assert remembered <= Log.open(kiosk.store / "ledger").size
    kiosk.stop()
    assert (kiosk.keys / "ledger-head").read_bytes() == (kiosk.store / "ledger/checkpoint").read_bytes()


def test_a_forged_memory_is_named_and_stops_nothing(kiosk: ScratchKiosk) -> None:
    some_work(kiosk)
    (kiosk.keys / "ledger-head").write_bytes(b"nonsense")
    kiosk.start()
    assert "What the kiosk remembers of its ledger" in " ".join(kiosk.status().problems)
    with kiosk.session(ADMIN):
        pass


def test_a_witness_signs_and_is_never_contradicted(kiosk: ScratchKiosk) -> None:
    kiosk.start()
    ctl(kiosk, "witness", "add", str(WITNESS_KEY))
    assert "saw nothing yet" in ctl(kiosk, "witness", "list")
    head = json.loads(ctl(kiosk, "--json", "checkpoint"))
    signed = head["checkpoint"].encode()
    tree = checkpoint.parse(signed)[0]
    line = checkpoint.cosign(tree, WITNESS_KEY.name, WITNESS, 1_790_000_000)
    cosigned = kiosk.root / "cosigned"
    cosigned.write_bytes(signed)
    assert "no witness that is enrolled" in ctl(kiosk, "cosign", str(cosigned), check=False)
    cosigned.write_bytes(signed + f"{line}\n".encode())
    assert f"saw {tree.size} entries at 2026-09-21" in ctl(kiosk, "cosign", str(cosigned))
    proof = ctl(kiosk, "proof", str(kiosk.store), "--from", str(tree.size))
    assert proof.startswith(f"old {tree.size}\n")
    kiosk.stop()
    assert types(kiosk).count("ledger.cosigned") == 1
    assert types(kiosk).count("witness.enrolled") == 1
    assert (kiosk.store / "ledger/cosigned" / str(tree.size)).read_bytes() == cosigned.read_bytes()


def test_the_wrong_role_answers_for_no_rollback(kiosk: ScratchKiosk) -> None:
    kiosk.start()
    with kiosk.session(ADMIN) as client:
        client.create_account("pat", "Pat Photographer", (Role.PHOTOGRAPHER,), PASSPHRASE)
    kiosk.stop()
    shutil.copytree(kiosk.store, kiosk.root / "yesterday")
    some_work(kiosk)
    shutil.rmtree(kiosk.store)
    (kiosk.root / "yesterday").rename(kiosk.store)
    size = Log.open(kiosk.store / "ledger").size
    kiosk.start()
    with kiosk.client() as client, pytest.raises(RemoteError):
        client.accept_rollback("pat", PASSPHRASE, "I want to go on")
    assert kiosk.status().alarm == "STORE ROLLED BACK"
    with pytest.raises(RemoteError, match="rolled back by"), kiosk.session(ADMIN):
        pass
    assert Log.open(kiosk.store / "ledger").size == size


def test_the_tools_for_sheets_refuse_an_older_copy_as_the_daemon_does(kiosk: ScratchKiosk) -> None:
    some_work(kiosk)
    shutil.copytree(kiosk.store, kiosk.root / "yesterday")
    some_work(kiosk)
    shutil.rmtree(kiosk.store)
    (kiosk.root / "yesterday").rename(kiosk.store)
    before = (kiosk.store / "ledger/checkpoint").read_bytes()
    words = "seven purple llamas dancing nightly"
    sheets = "\n".join(kiosk.shares[:2]) + "\n"
    config = configfile.load(kiosk.config)
    now = lambda: datetime.now(UTC)  # noqa: E731 -- for one call
    with pytest.raises(LedgerSetBackError):
        reset_user(config, ADMIN, words, kiosk.shares[:2], random=urandom, clock=now)
    refused = kiosk.ctl("adopt", "--cards", "-", stdin=sheets, check=False)
    assert (refused.returncode, "rolled back by" in refused.stderr) == (3, True)
    assert (kiosk.store / "ledger/checkpoint").read_bytes() == before
    # With the word that the newest copy is lost it is taken; the daemon still waits for an administrator.
    assert "already" in kiosk.ctl("adopt", "--older", "--cards", "-", stdin=sheets).stdout
    assert (kiosk.store / "ledger/checkpoint").read_bytes() == before
    kiosk.start()
    assert kiosk.status().headline == "STORE ROLLED BACK"


def test_leftover_device_secrets_go_once_the_store_is_known_to_be_the_newest(kiosk: ScratchKiosk) -> None:
    secrets = FileSecrets(Path(configfile.load(kiosk.config).store.device_folder))
    secrets.put(2, b"2" * 32)
    some_work(kiosk)  # nothing is remembered yet
    assert secrets.generations() == [1, 2]
    shutil.copytree(kiosk.store, kiosk.root / "yesterday")
    some_work(kiosk)
    assert secrets.generations() == [1]
    secrets.put(2, b"2" * 32)
    shutil.rmtree(kiosk.store)
    (kiosk.root / "yesterday").rename(kiosk.store)
    kiosk.start()
    assert kiosk.status().headline == "STORE ROLLED BACK"
    assert secrets.generations() == [1, 2], "the newest store may need it"
    ctl(kiosk, "accept-rollback", "--reason", "the newest one is lost")
    assert secrets.generations() == [1]
