"""Recovery cards at the command line: typed back at the set-up, tried, replaced, and a person's last help."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medkiosk.ipc.wire import RemoteError
from tests.kiosk import ADMIN, CHECKOUT, PASSPHRASE, ScratchKiosk

NEW = "seventeen anvil plumbers"
Answer = Callable[[str], str]


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    made = ScratchKiosk(tmp_path_factory.mktemp("recovery") / "k")
    made.init()
    yield made
    made.close()


class Person:
    """Reads the cards off the screen and types at the prompts, as somebody with a pencil does."""

    def __init__(self, kiosk: ScratchKiosk, *arguments: str, first: str = "") -> None:
        command, *rest = arguments
        self._process = subprocess.Popen(
            [sys.executable, "-m", "medkiosk.cli", command, "--config", str(kiosk.config), *rest],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=CHECKOUT,
        )
        self.type(first)
        self.seen = ""

    def type(self, words: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(words)
        self._process.stdin.flush()

    def wait_for(self, words: str) -> None:
        assert self._process.stdout is not None
        seen = ""
        while words not in seen:
            char = self._process.stdout.read(1)
            assert char, f"it ended: {self.seen + seen}"
            seen += char
        self.seen += seen

    def cards(self) -> list[str]:
        """What stands on the three cards."""
        found: list[list[str]] = []
        for line in self.seen.splitlines():
            if line.startswith("Sheet ") and " of 3" in line:
                found.append([])
            elif found and line.startswith("  "):
                found[-1] += [word for word in line.split() if not word.isdigit()]
        return [" ".join(words) for words in found]

    def end(self) -> int:
        rest, _ = self._process.communicate(timeout=120)
        self.seen += rest
        return self._process.returncode


def set_up(tmp_path: Path) -> tuple[ScratchKiosk, Person]:
    scratch = ScratchKiosk(tmp_path / "k")
    person = Person(scratch, "init", "--admin", ADMIN, "--passphrase-file", "-", first=PASSPHRASE + "\n")
    person.wait_for("Sheet 1: ")
    return scratch, person


def test_cards_are_typed_back_before_anything_is_kept(tmp_path: Path) -> None:
    scratch, person = set_up(tmp_path)
    one, two, _ = person.cards()
    person.type(one.replace(one.split()[4], "xylofone", 1) + "\n")
    person.wait_for("Not yet: word 5 is no word of the list")
    person.type(two + "\n")
    person.wait_for("is not the one on the sheet")
    person.type(one.upper() + "\n")
    person.wait_for("Sheet 2: ")
    person.type(" ".join(word[:4] for word in two.split()) + "\n")
    person.wait_for("Sheet 3 (or nothing")
    person.type("\n")
    assert person.end() == 0
    assert "Nobody typed" not in person.seen
    done = scratch.ctl("recovery", "check", "--cards", "-", stdin=f"{one}\n{two}\n")
    assert "open this store" in done.stdout


def test_who_cannot_type_them_back_has_no_kiosk(tmp_path: Path) -> None:
    scratch, person = set_up(tmp_path)
    assert person.end() == 2
    assert "nobody answered" in person.seen
    assert not scratch.store.exists()
    assert not scratch.keys.exists()
    scratch.init()


def test_a_set_up_without_the_check_says_so_in_words(tmp_path: Path) -> None:
    scratch = ScratchKiosk(tmp_path / "k")
    login = ("--admin", ADMIN, "--passphrase-file", "-")
    refused = scratch.ctl("init", "--json", *login, stdin=PASSPHRASE + "\n", check=False)
    assert (refused.returncode, scratch.store.exists()) == (2, False)
    assert "--no-check" in refused.stdout
    done = scratch.ctl("init", "--no-check", *login, stdin=PASSPHRASE + "\n")
    assert "Nobody typed these sheets back" in done.stdout
    assert "Sheet 3 of 3" in done.stdout


def test_cards_of_another_kiosk_open_nothing(kiosk: ScratchKiosk) -> None:
    typed = "\n".join(kiosk.shares[1:]) + "\n"
    assert kiosk.ctl("recovery", "check", "--cards", "-", stdin=typed).returncode == 0
    wrong = typed.replace(typed.split()[-1], "academic")
    done = kiosk.ctl("recovery", "check", "--cards", "-", stdin=wrong, check=False)
    assert done.returncode == 5
    assert "do not open this store" in done.stderr


def test_two_cards_give_a_person_a_key_when_nobody_else_can(kiosk: ScratchKiosk, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.write_text(NEW + "\n")
    cards = "\n".join(kiosk.shares[:2]) + "\n"
    reset = ("recovery", "reset-user", ADMIN, "--new-passphrase-file", str(new), "--cards", "-")
    kiosk.start()
    running = kiosk.ctl(*reset, stdin=cards, check=False)
    assert running.returncode != 0
    kiosk.stop()
    for changed, words in ((ADMIN, "too easy"), ("nobody", "no account")):
        weak = tmp_path / "weak"
        weak.write_text("admin1234\n" if changed == ADMIN else NEW)
        bad = ("recovery", "reset-user", changed, "--new-passphrase-file", str(weak), "--cards", "-")
        refused = kiosk.ctl(*bad, stdin=cards, check=False)
        assert refused.returncode == 2
        assert words in refused.stderr
    kiosk.ctl(*reset, stdin=cards)
    kiosk.start()
    with kiosk.client() as client:
        with pytest.raises(RemoteError, match="is wrong"):
            client.login(ADMIN, PASSPHRASE)
        assert client.login(ADMIN, NEW).must_change
        client.change_passphrase(NEW, PASSPHRASE)
        assert client.list_accounts().accounts


def test_new_cards_are_made_by_two_people_and_typed_back(kiosk: ScratchKiosk, tmp_path: Path) -> None:
    kiosk.stop_if_running()
    kiosk.start()
    kiosk.hire()
    own, second = tmp_path / "own", tmp_path / "second"
    own.write_text(PASSPHRASE)
    second.write_text("granite ladders beneath tulips")
    with kiosk.client() as olga:  # only who has a passphrase of their own can agree
        olga.login("olga", PASSPHRASE)
        olga.change_passphrase(PASSPHRASE, "granite ladders beneath tulips")
    person = Person(
        kiosk, "recovery", "replace", "--user", ADMIN, "--passphrase-file", str(own), "--second", "olga",
        "--second-passphrase-file", str(second),
    )  # fmt: skip
    person.wait_for("Sheet 1: ")
    fresh = person.cards()
    old = kiosk.ctl("recovery", "check", "--cards", "-", stdin="\n".join(kiosk.shares[:2]))
    assert old.returncode == 0, "the old cards work until the new ones were typed back"
    person.type("\n".join([*fresh[:2], ""]) + "\n")
    assert person.end() == 0
    assert "still open older copies of the store" in person.seen
    for cards, code in ((kiosk.shares[:2], 5), (fresh[1:], 0)):
        tried = kiosk.ctl("recovery", "check", "--cards", "-", stdin="\n".join(cards), check=False)
        assert tried.returncode == code


def test_the_command_line_manages_accounts(kiosk: ScratchKiosk, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.write_text(NEW)
    login = ("--user", ADMIN, "--passphrase-file", "-")

    def accounts(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return kiosk.ctl("accounts", *login, *arguments, stdin=PASSPHRASE, check=check)

    accounts("--reset", "pat", "--new-passphrase-file", str(new))
    assert "must change the passphrase" in accounts().stdout
    accounts("--close", "rita", "--reason", "left")
    assert "Rita Reviewer\treviewer\tclosed" in accounts().stdout
    other = ("--user", "pat", "--passphrase-file", "-")
    early = kiosk.ctl("accounts", *other, stdin=NEW, check=False)
    assert early.returncode == 2
    assert "--change" in early.stderr
    new.write_text("tulips beneath granite ladders")
    kiosk.ctl("accounts", *other, "--change", "--new-passphrase-file", str(new), stdin=NEW)
    with kiosk.client() as pat:
        assert not pat.login("pat", "tulips beneath granite ladders").must_change
        assert "locked" in kiosk.ctl("lock").stdout
        with pytest.raises(RemoteError, match="the kiosk was locked"):
            pat.list_imports()
