"""A kiosk comes back from a backup drive, its keys out of its own store; by the set-up, with real files."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from medkiosk import keyfiles
from medkiosk.core.config import parse
from medkiosk.devicesecret import FileSecrets
from medkiosk.offline.verify import verify
from medkiosk.setup.answers import Facts
from medkiosk.setup.answers import parse as parse_answers
from medkiosk.setup.errors import AnswersError
from medkiosk.vault.errors import WrongPassphraseError
from medkiosk.vault.store import Vault
from tests.setup.scratch import ANSWERS, Scratch
from tests.setup.test_dialog import Installer, betrayed
from tests.setup.test_setup import SWEEP, assert_whole, files, needs_injection
from tests.virtual.inject import Injector

NEW = "another stapler horse"
RESTORE = {key: ANSWERS[key] for key in ("layout", "site", "zone", "user")} | {"passphrase": NEW}
LOST = b"\0" * 4096
"""What is left of a database."""
CUTS: Sequence[int] = (6, 45, -26, -2)
"""Where the power is cut, from the first durable operation or, below zero, from the last: the old
store has its new name; the copy has the store's, and is not signed for; it is; the note of it all is gone."""
if SWEEP:
    CUTS = range(1, 500, 1 if SWEEP == "all" else int(SWEEP))
FACTS = Facts(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 5, 28, tzinfo=UTC), "00ff00ff")


@pytest.fixture(scope="module")
def kiosk() -> Iterator[tuple[Scratch, list[str]]]:
    """A kiosk that was set up, once, and its words; beside it a copy of all of it."""
    with tempfile.TemporaryDirectory(prefix="medkiosk-setup-", dir="/tmp") as folder:
        made = Scratch(Path(folder) / "machine")
        made.make()
        done = made.set_up()
        assert done.returncode == 0, done.stdout
        shutil.copytree(made.root, Path(folder) / "kept", symlinks=True)
        yield made, json.loads(done.stdout)["shares"]


@pytest.fixture
def scratch(kiosk: tuple[Scratch, list[str]]) -> Scratch:
    """It, as it was after its set-up."""
    made = kiosk[0]
    shutil.rmtree(made.root)
    shutil.copytree(made.root.with_name("kept"), made.root, symlinks=True)
    return made


@pytest.fixture
def shares(kiosk: tuple[Scratch, list[str]]) -> list[str]:
    """The words of its three sheets."""
    return kiosk[1]


def to_drive(scratch: Scratch) -> None:
    """What a backup drive holds of a kiosk: its store, without what is the machine's own."""
    shutil.copytree(
        scratch.store, scratch.root / "backup" / "store", ignore=shutil.ignore_patterns("catalog")
    )


def new_disk(scratch: Scratch) -> None:
    """Everything that was on the disk is gone."""
    for name in ("site", "store", "keys", "credentials", "usb"):
        shutil.rmtree(scratch.root / name)
        if name != "store":
            (scratch.root / name).mkdir(mode=0o700)


@contextlib.contextmanager
def vault(scratch: Scratch) -> Iterator[Vault]:
    """The store, opened as the daemon opens it."""
    index = keyfiles.load(scratch.keys).index
    opened = Vault.open(
        scratch.store,
        index_key=index,
        device=FileSecrets(scratch.keys),
        random=os.urandom,
        clock=lambda: datetime.now(UTC),
    )
    with contextlib.closing(opened):
        yield opened


def opens(scratch: Scratch, passphrase: str) -> bool:
    """Whether a passphrase of the administrator opens the store on this machine."""
    with vault(scratch) as opened:
        try:
            opened.unlock(ANSWERS["user"], passphrase).close()
        except WrongPassphraseError:
            return False
        return True


def plain(text: str) -> str:
    return " ".join(text.split())


def restore(scratch: Scratch, sheets: list[str]) -> subprocess.CompletedProcess[str]:
    path = scratch.root / "answers.json"
    path.write_text(json.dumps(RESTORE | {"sheets": sheets}))
    return scratch.type(*[""] * 6, arguments=("--answers", str(path)))


def test_a_new_disk_becomes_the_kiosk_that_the_drive_belongs_to(scratch: Scratch, shares: list[str]) -> None:
    keys = {path.name: path.read_bytes() for path in scratch.keys.iterdir()}
    to_drive(scratch)
    new_disk(scratch)
    done = restore(scratch, shares[:2])
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "is the kiosk now that the drive belongs to" in plain(done.stdout)
    assert_whole(scratch, shares)
    now = {path.name: path.read_bytes() for path in scratch.keys.iterdir()}
    lasting = ("index.key", "ledger.key", "export.key")
    assert {name: now[name] for name in lasting} == {name: keys[name] for name in lasting}
    assert now["device-1.key"] != keys["device-1.key"]
    config = parse((scratch.root / "site" / "medkiosk.toml").read_text(), name="made")
    assert config.site.origin == ANSWERS["origin"]  # nobody was asked: the drive says it
    assert (opens(scratch, NEW), opens(scratch, ANSWERS["passphrase"])) == (True, False)
    assert not (scratch.root / "run" / "restoring").exists()
    secrets = [*shares, NEW]
    for path in scratch.root.rglob("*"):
        if path.is_file() and path.name != "answers.json":
            assert not any(secret.encode() in path.read_bytes() for secret in secrets), path


def test_words_that_open_nothing_leave_nothing_and_nobody_is_told_to_destroy_them(
    scratch: Scratch, shares: list[str]
) -> None:
    to_drive(scratch)
    new_disk(scratch)
    wrong = restore(scratch, [shares[0], shares[0]])
    assert wrong.returncode == 1
    assert "keep the sheets" in plain(wrong.stdout)
    assert not (scratch.root / "site" / "ready").exists()
    done = restore(scratch, shares[1:])
    assert done.returncode == 0, done.stdout
    said = plain(wrong.stdout + done.stdout)
    assert "The backup drive and the recovery sheets are good: keep them" in said
    assert "Destroy" not in said
    assert_whole(scratch, shares)


def test_without_a_drive_it_asks_again(scratch: Scratch, shares: list[str]) -> None:
    new_disk(scratch)
    done = restore(scratch, shares[:2])
    assert done.returncode != 0  # nobody types any more
    assert plain(done.stdout).count("No backup of a kiosk is there.") >= 1


@pytest.mark.parametrize("sheets", [["one"], ["a", "b", "c"], "words"])
def test_sheets_are_two(sheets: object) -> None:
    with pytest.raises(AnswersError):
        parse_answers(json.dumps(RESTORE | {"sheets": sheets}).encode(), FACTS)


def test_what_the_backup_says_is_not_asked() -> None:
    with pytest.raises(AnswersError, match="nobody asks"):
        parse_answers(json.dumps(ANSWERS | {"sheets": ["a", "b"]}).encode(), FACTS)


# A kiosk that is set up


def break_down(scratch: Scratch) -> None:
    """The notice's R: from now on the set-up repairs."""
    (scratch.root / "site" / "ready").rename(scratch.root / "site" / "repair")


def test_another_board_gets_the_keys_out_of_the_store(scratch: Scratch, shares: list[str]) -> None:
    lasting = {name: (scratch.keys / f"{name}.key").read_bytes() for name in ("index", "ledger", "export")}
    before = files(scratch)
    for path in scratch.keys.iterdir():
        path.unlink()
    break_down(scratch)
    shortened = " ".join(word[:4] for word in shares[2].split())
    done = scratch.type("9", "1", "notaword " + shares[0], shares[0], shortened, "")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    said = plain(done.stdout)
    assert "word 1 is on no sheet" in said
    assert "Everybody logs in with their own passphrase." in said
    assert files(scratch) == before
    for name, key in lasting.items():
        assert (scratch.keys / f"{name}.key").read_bytes() == key
    assert opens(scratch, ANSWERS["passphrase"])


def test_wrong_sheets_change_nothing_and_the_kiosk_can_start_as_it_was(
    scratch: Scratch, shares: list[str]
) -> None:
    before = {path: path.read_bytes() for path in scratch.keys.iterdir()}
    break_down(scratch)
    done = scratch.type("1", shares[0], shares[0], "")
    assert done.returncode == 1
    assert "keep the sheets" in plain(done.stdout)
    assert (scratch.root / "site" / "repair").exists()
    done = scratch.type("3", "")
    assert done.returncode == 0
    assert {path: path.read_bytes() for path in scratch.keys.iterdir()} == before
    assert (scratch.root / "site" / "ready").exists()


def test_a_store_is_made_anew_and_the_old_one_is_put_aside(scratch: Scratch, shares: list[str]) -> None:
    to_drive(scratch)
    (scratch.store / "vault.db").write_bytes(b"\0" * 4096)
    break_down(scratch)
    installer = Installer(scratch)
    try:
        installer.see("A number and Enter >")
        installer.say("2", "Sheet 1 of 2 >")
        installer.say(shares[0], "Sheet 2 of 2 >")
        installer.say(shares[1], ">")
        assert not betrayed(installer.text, shares[0].split())
        installer.say(ANSWERS["user"], ">")
        installer.say(NEW, "Once more:")
        installer.say(NEW, "Enter, when it is in >")
        installer.say("", "Enter, to start the kiosk >")
        assert installer.end() == (0, b"")
        assert NEW.encode() not in installer.seen
    finally:
        installer.close()
    assert verify(scratch.store).problems == ()
    assert (scratch.root / "store.aside" / "vault.db").read_bytes() == b"\0" * 4096
    assert opens(scratch, NEW)


def replace(
    scratch: Scratch, sheets: list[str], before: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """What *Store* does when everything was asked."""
    asked = json.dumps([sheets, ANSWERS["user"], NEW])
    return scratch.type(asked, arguments=["replace"], before=before)


def lose_the_store(scratch: Scratch) -> None:
    to_drive(scratch)
    (scratch.store / "vault.db").write_bytes(LOST)
    break_down(scratch)


def test_wrong_sheets_put_the_old_store_back_and_right_ones_make_it_anew(
    scratch: Scratch, shares: list[str]
) -> None:
    lose_the_store(scratch)
    wrong = replace(scratch, [shares[0], shares[0]])
    assert wrong.returncode == 1
    assert "keep the sheets" in plain(wrong.stdout)
    assert (scratch.store / "vault.db").read_bytes() == LOST
    assert sorted(path.name for path in scratch.root.glob("store*")) == ["store"]
    assert replace(scratch, shares[:2]).returncode == 0
    assert opens(scratch, NEW)
    # A year later once more: what was put aside then is in nobody's way.
    (scratch.store / "vault.db").write_bytes(LOST[:512])
    break_down(scratch)
    assert replace(scratch, shares[1:]).returncode == 0
    assert (scratch.root / "store.aside" / "vault.db").read_bytes() == LOST
    assert (scratch.root / "store.aside-2" / "vault.db").read_bytes() == LOST[:512]
    assert_whole(scratch, shares)


@pytest.fixture(scope="module")
def operations(kiosk: tuple[Scratch, list[str]]) -> list[str]:
    """What *Store* asks the kernel to make durable, in order."""
    scratch, shares = kiosk
    shutil.rmtree(scratch.root)
    shutil.copytree(scratch.root.with_name("kept"), scratch.root, symlinks=True)
    lose_the_store(scratch)
    with Injector(scratch.root) as counter:
        assert replace(scratch, shares[:2], counter.prefix).returncode == 0
    return counter.made


@needs_injection
@pytest.mark.parametrize("cut", CUTS)
def test_a_power_cut_while_the_store_is_made_anew_keeps_nobody_from_repairing(
    operations: list[str], scratch: Scratch, shares: list[str], cut: int
) -> None:
    lose_the_store(scratch)
    if cut > len(operations):
        pytest.skip("there are not so many")
    at = cut if cut > 0 else len(operations) + cut
    with Injector(scratch.root, at=at) as injector:
        replace(scratch, shares[:2], injector.prefix)
    context = f"cut at {at} of {len(operations)}: {operations[at - 1]}"
    assert injector.struck, context
    if (scratch.root / "site" / "ready").exists():
        assert at > 0.9 * len(operations), context
        return
    if at % 2:
        done = scratch.type("3", "")
        assert done.returncode == 0, f"{context}: {done.stdout}"
        assert (scratch.root / "site" / "ready").exists(), context
        stays = "it stays" in plain(done.stdout)
        # At the very end the note is gone and the new store is the kiosk's: then that is how it was.
        new = not (scratch.root / "site" / "replacing").exists() and at > len(operations) - 5
        assert ((scratch.store / "vault.db").read_bytes() == LOST) != (stays or new), context
        break_down(scratch)
    done = replace(scratch, shares[:2])
    assert done.returncode == 0, f"{context}: {done.stdout}"
    assert_whole(scratch, shares)
    assert opens(scratch, NEW), context
    assert (scratch.root / "store.aside" / "vault.db").read_bytes() == LOST, context


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mkfs.ext4"), reason="needs root and mkfs.ext4")
def test_the_drive_is_only_read(scratch: Scratch, shares: list[str]) -> None:
    disk, place = scratch.root / "drive.img", scratch.root / "backup"
    to_drive(scratch)
    made = scratch.root / "made"
    place.rename(made)
    place.mkdir()
    with disk.open("wb") as stream:
        stream.truncate(24 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-L", "MEDKIOSK-BACKUP", "-d", str(made), str(disk)], check=True)
    mounted = subprocess.run(
        ["mount", "-o", "loop,ro,nodev,nosuid,noexec", str(disk), str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no loop device here: {mounted.stderr.decode().strip()}")
    try:
        new_disk(scratch)
        done = restore(scratch, shares[:2])
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert_whole(scratch, shares)
    finally:
        subprocess.run(["umount", str(place)], check=True)
