"""Setting up is all or nothing: whatever step fails, a second try finds what the first one found."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from medkiosk.core.config import Config, parse
from medkiosk.core.errors import BadRequestError, KioskError
from medkiosk.offline.init import SetUpBusyError, SetUpError, initialise
from tests.kiosk import PASSPHRASE, ScratchKiosk

pytestmark = pytest.mark.usefixtures("cheap_passphrases")


def config(kiosk: ScratchKiosk) -> Config:
    return parse(kiosk.config.read_text(), name="scratch")


def set_up(kiosk: ScratchKiosk, *, user: str = "admin", steps: int | None = None) -> int:
    """Set up with randomness that fails for good after some steps; give the steps it took."""
    taken = 0

    def random(size: int) -> bytes:
        nonlocal taken
        if taken == steps:
            raise OSError(errno.EIO, "Input/output error")
        taken += 1
        return os.urandom(size)

    initialise(
        config(kiosk),
        user=user,
        display_name=user,
        passphrase=PASSPHRASE,
        random=random,
        clock=lambda: datetime.now(UTC),
    )
    return taken


def tree(kiosk: ScratchKiosk) -> set[str]:
    return {str(path.relative_to(kiosk.root)) for path in kiosk.root.rglob("*")}


def test_whatever_step_fails_nothing_stays_and_the_second_try_succeeds(tmp_path: Path) -> None:
    steps = set_up(ScratchKiosk(tmp_path / "good"))
    assert steps > 6
    kiosk = ScratchKiosk(tmp_path / "k")
    before = tree(kiosk)
    for step in range(steps):
        with pytest.raises(SetUpError, match="Nothing of it was left behind"):
            set_up(kiosk, steps=step)
        assert tree(kiosk) == before
    set_up(kiosk)


def test_a_missing_parent_folder_is_made_private(tmp_path: Path) -> None:
    kiosk = ScratchKiosk(tmp_path / "k")
    kiosk.store = kiosk.root / "a" / "b" / "store"
    kiosk.keys = kiosk.root / "c" / "keys"
    kiosk.write_config((), ())
    kiosk.init()
    folders = [kiosk.store.parent.parent, kiosk.store.parent, kiosk.store, kiosk.keys.parent, kiosk.keys]
    assert [path.stat().st_mode & 0o777 for path in folders] == [0o700] * len(folders)


def test_a_store_that_cannot_be_made_is_one_sentence_and_leaves_no_key(tmp_path: Path) -> None:
    kiosk = ScratchKiosk(tmp_path / "k")
    (kiosk.root / "file").touch()
    kiosk.store = kiosk.root / "file" / "store"
    kiosk.write_config((), ())
    done = kiosk.ctl("init", "--admin", "a", "--passphrase-file", "-", stdin=PASSPHRASE + "\n", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "The kiosk was not set up" in done.stderr
    assert not kiosk.keys.exists()


def test_keys_that_were_there_stay_and_fresh_ones_go(tmp_path: Path) -> None:
    kiosk = ScratchKiosk(tmp_path / "k")
    kiosk.keys.mkdir(mode=0o700)
    (kiosk.keys / "export.key").write_bytes(b"x" * 32)
    before = tree(kiosk)
    with pytest.raises(KioskError, match=r"export\.key exists already"):
        set_up(kiosk)
    assert tree(kiosk) == before
    assert (kiosk.keys / "export.key").read_bytes() == b"x" * 32


def test_an_empty_folder_that_was_there_stays(tmp_path: Path) -> None:
    kiosk = ScratchKiosk(tmp_path / "k")
    kiosk.store.mkdir()
    before = tree(kiosk)
    with pytest.raises(SetUpError):
        set_up(kiosk, steps=6)
    assert tree(kiosk) == before


def test_what_cannot_be_removed_is_named(tmp_path: Path) -> None:
    kiosk = ScratchKiosk(tmp_path / "k")
    taken = 0

    def random(size: int) -> bytes:
        nonlocal taken
        taken += 1
        if taken > 3:  # the keys are there: put a folder in the way that is no file to remove
            (kiosk.keys / "odd.key").mkdir()
            raise OSError(errno.EIO, "Input/output error")
        return os.urandom(size)

    with pytest.raises(SetUpError, match="by hand") as caught:
        initialise(
            config(kiosk),
            user="a",
            display_name="a",
            passphrase=PASSPHRASE,
            random=random,
            clock=lambda: datetime.now(UTC),
        )
    assert str(kiosk.keys) in caught.value.message


def test_two_set_ups_at_once_do_not_undo_each_other(tmp_path: Path) -> None:
    kiosk = ScratchKiosk(tmp_path / "k")
    refused: list[bool] = []

    def random(size: int) -> bytes:
        if not refused:
            refused.append(True)
            with pytest.raises(SetUpBusyError):
                set_up(kiosk)
        return os.urandom(size)

    initialise(
        config(kiosk),
        user="a",
        display_name="a",
        passphrase=PASSPHRASE,
        random=random,
        clock=lambda: datetime.now(UTC),
    )
    assert (kiosk.store / "format").exists()
    names = sorted(path.name for path in kiosk.keys.glob("*.key"))
    assert names == ["device-1.key", "export.key", "index.key", "ledger.key"]


@pytest.mark.parametrize("name", [" \n ", "", "a\x1b[2J"])
def test_a_name_that_cannot_be_shown_is_refused_before_anything_is_made(tmp_path: Path, name: str) -> None:
    kiosk = ScratchKiosk(tmp_path / "k")
    before = tree(kiosk)
    with pytest.raises(BadRequestError):
        set_up(kiosk, user=name)
    assert tree(kiosk) == before
