"""What must be true, whatever was done: kept beside the daemon, from what it acknowledged alone. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass
class Answer:
    """What was said last about an encounter, and when it was recorded, counted in jumps of the clock."""

    grant: bool
    until: datetime
    jumps: int


@dataclass
class Model:
    """What was acknowledged.

    Attributes:
        acknowledged: SHA-256 of files that the screen said SAFE about.
        shown: of all that were ever plugged in.
        states: by capture, the state that a call that ended well gave it.
        unsure: captures about which a call was under way when the power went.
        encounter_of: by capture.
        answers: by encounter, the last one.
        exports: ids of bundles that were said to be written.
        jumps: how often the clock was set.
        latest: the latest time that the kiosk can have on record.
    """

    acknowledged: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    states: dict[str, str] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    encounter_of: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    exports: set[str] = field(default_factory=set)
    jumps: int = 0
    latest: datetime | None = None

    def saw(self, paths: Iterable[Path]) -> None:
        """These files were plugged in."""
        self.shown.update(map(digest, paths))

    def safe(self, paths: Iterable[Path]) -> None:
        """The kiosk said of a device with these files that it is safe to unplug."""
        self.acknowledged.update(map(digest, paths))

    def at(self, now: datetime) -> None:
        """The kiosk recorded something at this time of its clock."""
        self.latest = max(self.latest or now, now)

    def wrong_with_store(self, restored: Mapping[str, int]) -> list[str]:
        """Compare with what came out of the store with two recovery sheets: digest -> how often."""
        lost = self.acknowledged - restored.keys()
        twice = [digest for digest, times in restored.items() if times > 1]
        strange = restored.keys() - self.shown
        return [
            f"{len(found)} files {what}: {sorted(found)[:3]}"
            for what, found in (
                ("were acknowledged and are not in the store", lost),
                ("are in the store twice", twice),
                ("are in the store and were never plugged in", strange),
            )
            if found
        ]

    def wrong_with_states(self, said: Mapping[str, tuple[str, str]]) -> list[str]:
        """Compare with the catalogue: capture -> state and encounter."""
        wrong = []
        for capture, state in self.states.items():
            found, _ = said.get(capture, ("", ""))
            if found != state and capture not in self.unsure:
                wrong.append(f"capture {capture} was {state} and is {found or 'not there'}")
        for capture, encounter in self.encounter_of.items():
            _, found = said.get(capture, ("", ""))
            if found != encounter and capture not in self.unsure:
                wrong.append(f"capture {capture} was of encounter {encounter} and is of {found or 'none'}")
        if len(said) < len(self.acknowledged):
            wrong.append(f"{len(self.acknowledged)} files were acknowledged; the catalogue has {len(said)}")
        return wrong

    def adopt(self, said: Mapping[str, tuple[str, str]]) -> None:
        """What nobody knows after a power cut is what the kiosk says now, and stays so."""
        for capture in self.unsure:
            if capture in said:
                state, encounter = said[capture]
                self.states[capture] = state
                if encounter:
                    self.encounter_of[capture] = encounter
        self.unsure.clear()

    def may_leave(self, capture: str, now: datetime) -> bool | None:
        """Whether it may be exported for teaching: no, yes, or None where the model does not know.

        After the clock was set, an answer may count from a time that is still to come: the kiosk may say
        either there. It may never say yes to what was taken back, is over, or is not approved.
        """
        answer = self.answers.get(self.encounter_of.get(capture, ""))
        if capture in self.unsure or answer is None:
            return None if capture in self.unsure else False
        if (
            self.states.get(capture) != "approved"
            or not answer.grant
            or max(now, self.latest or now) >= answer.until
        ):
            return False
        return True if answer.jumps == self.jumps else None


def counted(paths: Iterable[Path]) -> Counter[str]:
    """How often each content is there."""
    return Counter(digest(path) for path in paths if path.is_file())
