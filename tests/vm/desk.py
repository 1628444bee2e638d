"""What a person does at the kiosk: keys that are typed, words that are waited for. Nothing else is used."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tests.kiosk import PASSPHRASE
from tests.vm.machine import KVM, NotSeenError
from tests.vm.ocr import says

SLOW_S = 300.0
"""How long a screen may take: Argon2id alone takes seconds on a real processor."""

NETWORKS_S = SLOW_S if KVM else 3600.0
"""How long what the detectors take part in may take, as each change of masks does. An emulated processor runs
their networks 250 times slower than the one that it runs on: ten minutes for one picture."""


HOME = "Needed"
"""The key that only Home names."""
_TOO_EARLY = "and press it again"
"""The end of what the console says of a key that was pressed before what it acts on was on the screen: on a
machine as slow as this one, lists come seconds after their screen, and this person reads only its words."""
_AGAIN_S, _MOST_AGAIN = 20.0, 5


@dataclass(frozen=True)
class Person:
    """Somebody who has an account."""

    user: str
    name: str
    role_steps: int
    """How often Right is pressed on the list of roles: their order is that of `medkiosk.core.role.Role`."""


ADMIN = "admin"
RITA = Person("rita", "Rita Reviewer", 1)
OLGA = Person("olga", "Olga Officer", 2)


class Screen(Protocol):
    """What a person reads and presses: `tests.vm.machine.Machine`, or a terminal."""

    def words(self) -> str: ...

    def see(self, *texts: str, timeout_s: float = 120) -> str: ...

    def press(self, *names: str) -> None: ...

    def type(self, text: str) -> None: ...


class Desk:
    """A person in front of a machine."""

    def __init__(self, machine: Screen) -> None:
        self.machine = machine

    def press_for(self, key: str, *texts: str, timeout_s: float = SLOW_S) -> str:
        """Press a key and wait for what it brings; press it again where the console asks for that."""
        said_before = says(self.machine.words(), _TOO_EARLY)  # of another key
        self.machine.press(key)
        for _ in range(0 if said_before else _MOST_AGAIN):
            said = self.machine.see(*texts, _TOO_EARLY, timeout_s=timeout_s)
            if said != _TOO_EARLY:
                return said
            self.machine.press(key)
            time.sleep(_AGAIN_S)  # what it said stays until the key has done something
        return self.machine.see(*texts, timeout_s=timeout_s)

    def see(self, *texts: str, timeout_s: float = SLOW_S) -> str:
        """Wait for words on the screen."""
        return self.machine.see(*texts, timeout_s=timeout_s)

    def until(self, is_so: Callable[[], bool], what: str, timeout_s: float = SLOW_S) -> None:
        """Wait until the screen is as wanted."""
        deadline = time.monotonic() + timeout_s
        while not is_so():
            if time.monotonic() > deadline:
                raise NotSeenError(f"never: {what}. It says:\n{self.machine.words()}")
            time.sleep(0.5)

    def until_not(self, text: str, timeout_s: float = SLOW_S) -> None:
        """Wait until words are gone."""
        self.until(lambda: not says(self.machine.words(), text), f"{text!r} is gone", timeout_s)

    def undecided(self) -> int:
        """How many suggestions the review's panel says are left."""
        found = re.search(r"([0-9]+) *undecided", self.machine.words(), re.IGNORECASE)
        return int(found[1]) if found else 0

    def fill(self, *fields: str) -> None:
        """Type into one field after another, each ended by Enter."""
        for text in fields:
            self.machine.type(text)
            self.machine.press("ret")

    def log_in(self, user: str, passphrase: str = PASSPHRASE) -> None:
        """From Home."""
        self.press_for("l", "Passphrase")
        self.fill(user, passphrase)
        self.until_not("nobody is logged in")
        self.see(HOME)

    def log_out(self) -> None:
        """From anywhere."""
        self.press_for("f9", "nobody is logged in")

    def hire(self, person: Person) -> None:
        """From Home, as the administrator: make an account."""
        self.press_for("a", "Accounts, oldest first")
        self.press_for("n", "Make the account")
        self.fill(person.user, person.name)
        self.machine.press("spc", *["right"] * person.role_steps, "spc", "ret")  # not what is chosen at first
        self.fill(PASSPHRASE, PASSPHRASE)
        self.press_for("ret", "can log in now")
        self.press_for("esc", HOME)

    def record_encounter(self) -> None:
        """From Home, logged in: who was photographed, and that they agreed; back at Home."""
        self.press_for("e", "New encounter")
        self.press_for("n", "Record number")
        self.fill("7421093", "Demo Hospital", "Mustermann, Erika", "1984-08-12", "left forearm")
        self.press_for("f2", "Save this answer", "Their view")
        self.machine.press("ret", "ret", "ret", "right", "spc", "f2")
        self.see("Erika agrees")  # what it says below the list; a chosen line is hard to read
        self.press_for("esc", HOME)

    def assign_newest_import(self) -> None:
        """From Home: the newest import belongs to the newest encounter; stays on Imports."""
        self.press_for("i", "in this import")
        self.press_for("a", "Whose")
        self.see("born 1984-08-12")  # Enter chooses nothing whose line was not drawn when it was pressed
        self.press_for("ret", "assigned to Mustermann")

    def approve_first(self) -> None:
        """From Imports: look at the first photo, decide what is only suggested, approve it."""
        self.machine.press("ret")
        time.sleep(2)
        self.press_for("ret", "photo 1 of")
        self.until_not("is not on the screen yet")
        for _ in range(20):
            left = self.undecided()
            if not left:
                if (
                    self.see("READY: A approves", "masks were changed", "MASKS CHANGED", timeout_s=NETWORKS_S)
                    == "READY: A approves"
                ):
                    break
                self.machine.press("s")
                self.see("READY: A approves", timeout_s=NETWORKS_S)
                continue
            self.machine.press("j", "o")
            self.see("The same reason for each of them")
            self.machine.press("1")
            self.see("sure. Reason")
            self.machine.press("y")
            self.see("Next photo")
            self.until_not(f"{left} undecided")
        self.press_for("a", ": approved.", "approved.", timeout_s=NETWORKS_S)

    def enrol_recipient(self, name: str, age_key: str) -> None:
        """From Home, as the privacy officer: somebody who may receive teaching pictures; stays on Export."""
        self.press_for("x", "Recipients")
        self.press_for("f3", "New recipient", "Enrol")
        self.press_for("n", "Public key")
        self.fill(name, "University of Elsewhere")
        self.machine.press("right", "spc", "ret")
        self.fill("2027-01-01")
        self.machine.press("ret")
        self.fill(age_key)
        self.press_for("ret", "Sixteen letters")
        self.machine.type(age_key[-16:])
        self.press_for("ret", "is enrolled")
        self.machine.press("esc")

    def export(self) -> None:
        """On Export: hand over what is approved, for teaching."""
        self.see("may leave. F2 exports")
        self.machine.press("f2")
        if self.see("SAFE TO UNPLUG", "Enter", timeout_s=NETWORKS_S) != "SAFE TO UNPLUG":
            self.machine.press("ret")
            self.see("SAFE TO UNPLUG", timeout_s=NETWORKS_S)
