"""The questions, one screen each, and the words that are shown once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from medkiosk.access import sheets
from medkiosk.core.errors import KioskError
from medkiosk.setup.answers import ENOUGH, QUESTIONS, Answers, Facts, Question, local_text, questions, wrong
from medkiosk.setup.layouts import KERNELS_OWN, LAYOUTS, PROOF
from medkiosk.setup.terminal import Terminal

_YES = "yes"
_SOME = 5


@dataclass
class Dialog:
    """Asks one person at one terminal.

    Attributes:
        terminal: where.
        facts: what the machine knows now; its clock goes on while somebody thinks.
        load: gives the terminal a keymap; None where that cannot be had, on another terminal than a console.
        pick: chooses so many different numbers below another one, at random, ascending.
    """

    terminal: Terminal
    facts: Callable[[], Facts]
    load: Callable[[str], None] | None
    pick: Callable[[int, int], Sequence[int]]

    def answers(self, *, restore: bool = False) -> Answers:
        """Ask everything; return when somebody said yes to all of it.

        Args:
            restore: this machine becomes a kiosk that was: its sheets are asked for, too.
        """
        asked = questions(restore=restore)
        said: dict[str, str] = {}
        for number, question in enumerate(asked, 1):
            said[question.key] = self._ask(number, question, said, len(asked))
        while number := self._again(asked, said):
            question = asked[number - 1]
            said[question.key] = self._ask(number, question, said, len(asked))
        answers = msgspec.convert(said, Answers)
        return msgspec.structs.replace(answers, sheets=self.two_sheets()) if restore else answers

    def _ask(self, number: int, question: Question, said: dict[str, str], of: int = len(QUESTIONS)) -> str:
        self.terminal.clear()
        self.terminal.say(f"{number} of {of}: {question.title}", "", question.text, "")
        with self.terminal.silent() if question.secret else contextlib.nullcontext():
            return self._until_right(question, said)

    def _until_right(self, question: Question, said: dict[str, str]) -> str:
        while True:
            if question.key == "time":
                now = local_text(self.facts().now, said["zone"])
                self.terminal.say(f"The clock says {now} ({said['zone']}).")
            value = self._value(question, said)
            words = wrong(question, value, said, self.facts())
            if not words:
                words = self._other(question, value)
            if not words:
                return value
            self.terminal.say(f"Not yet: {words}.")

    def _value(self, question: Question, said: dict[str, str]) -> str:
        if question.secret:
            return self.terminal.ask_secret("> ")
        proposed = question.propose(said, self.facts())
        return self.terminal.ask(f"[{proposed}] > " if proposed else "> ") or proposed

    def _other(self, question: Question, value: str) -> str:
        """What only a second look tells."""
        if question.secret and self.terminal.ask_secret("Once more: ") != value:
            return "the two differ"
        if question.key == "layout" and self.load is not None:
            try:
                self.load(LAYOUTS[value].keymap)
            except KioskError as error:
                if value != KERNELS_OWN:
                    return f"the keyboard's layout could not be loaded: {error.values.get('detail', '')}"
            if (
                self.terminal.ask(
                    f"Type these five characters, to see whether it is the right one:  {PROOF}  > "
                )
                != PROOF
            ):
                return "other characters came; choose the keyboard again"
        return ""

    def _again(self, asked: Sequence[Question], said: dict[str, str]) -> int:
        """Show all answers; return the number of the one to be asked again, or 0."""
        self.terminal.clear()
        self.terminal.say("Is all of this right?", "")
        for number, question in enumerate(asked, 1):
            shown = "(not shown)" if question.secret else said[question.key] or "(as the clock says)"
            self.terminal.lines([f"{number}  {question.title + ':':28}{shown}"])
        for number, question in enumerate(asked, 1):
            if words := wrong(question, said[question.key], said, self.facts()):
                self.terminal.say("", f"{number} will not do any more: {words}.")
                self.terminal.ask("Enter, to answer it again > ")
                return number
        self.terminal.say("", "Type yes and Enter to go on, or a number to answer that question again.")
        while True:
            typed = self.terminal.ask("> ")
            if typed == _YES:
                return 0
            if typed.isdecimal() and 1 <= int(typed) <= len(asked):
                return int(typed)
            self.terminal.say("Type yes, or a number.")

    # Words that come from paper

    def two_sheets(self) -> tuple[str, ...]:
        """Ask for two recovery sheets; a word that no sheet has is named by its place."""
        self.terminal.clear()
        self.terminal.say(
            "Two of the three recovery sheets are needed. Type the words of each in one line; the first four"
            " letters of a word are enough. They are kept nowhere, and cleared from the screen.",
            "",
        )
        found = tuple(self._typed_sheet(number) for number in range(1, ENOUGH + 1))
        self.terminal.clear()
        return found

    def _typed_sheet(self, number: int) -> str:
        while True:
            typed = self.terminal.ask(f"Sheet {number} of {ENOUGH} > ")
            wrong = sheets.unknown(typed)
            words = sheets.complete(typed)
            if words and not wrong:
                return words
            places = ", ".join(map(str, wrong[:_SOME]))
            self.terminal.say(
                f"Not yet: word {places} is on no sheet." if wrong else "Not yet: nothing came."
            )

    def account(self) -> tuple[str, str]:
        """Ask for an administrator of the kiosk, and their new passphrase, twice."""
        said = {"site": ""}
        for question in QUESTIONS:
            if question.key in ("user", "passphrase"):
                said[question.key] = self._ask(1 if question.key == "user" else 2, question, said, 2)
        return said["user"], said["passphrase"]

    def drive(self, there: Callable[[], bool]) -> None:
        """Ask for the backup drive until it is there."""
        self.terminal.clear()
        self.terminal.say(
            "Plug the backup drive in now, into a port of the machine itself, and wait ten seconds. It is"
            " only read.",
            "",
        )
        while True:
            self.terminal.ask("Enter, when it is in > ")
            if there():
                return
            self.terminal.say(
                "No backup of a kiosk is there. Wait a little, pull the drive out and plug it in again, or"
                " take the other one; then Enter."
            )

    def choose(self, choices: Sequence[str]) -> int:
        """Show choices with their numbers; return the number of one."""
        for number, words in enumerate(choices, 1):
            self.terminal.say(f"{number}  {words}", "")
        while True:
            typed = self.terminal.ask("A number and Enter > ")
            if typed.isdecimal() and 1 <= int(typed) <= len(choices):
                return int(typed)
            self.terminal.say(f"Type a number from 1 to {len(choices)}.")

    # Words that are shown once

    def sheets(self, shares: list[str]) -> bool:
        """Show the recovery sheets one at a time and ask for two words of each; whether two were typed
        whole."""
        for number, share in enumerate(shares, 1):
            self._sheet(number, len(shares), share)
        self.terminal.clear()
        self.terminal.say(
            "A sheet with one wrong word opens nothing. Type two sheets back whole now, from the paper, and"
            " the"
            " ledger records that they were right. The first four letters of each word are enough. Enter"
            " alone:"
            " not now; then the ledger records that nobody did, and it is to be done in the first drill.",
            "",
        )
        return all(self._whole(number, share) for number, share in list(enumerate(shares, 1))[:2])

    def _sheet(self, number: int, of: int, share: str) -> None:
        words = share.split()
        while True:
            self.terminal.clear()
            self.terminal.say(
                f"RECOVERY SHEET {number} OF {of}. It is shown once. Write it on paper, never on a"
                f" computer, and give"
                " each sheet to another person. Any two of them open everything for ever, also without this"
                " machine.",
                "",
            )
            rows = [words[start : start + 5] for start in range(0, len(words), 5)]
            self.terminal.lines(
                "  "
                + " ".join(f"{5 * row + place:2d} {word:<11}" for place, word in enumerate(part, 1)).rstrip()
                for row, part in enumerate(rows)
            )
            self.terminal.ask("\nEnter, when it is written down > ")
            self.terminal.clear()
            self.terminal.say(f"From the paper of sheet {number}; Enter alone shows it again.")
            if all(self._word(words, place) for place in self.pick(2, len(words))):
                return

    def _word(self, words: Sequence[str], place: int) -> bool:
        while typed := self.terminal.ask(f"Word {place + 1}: "):
            if sheets.complete(typed) == words[place]:
                return True
            self.terminal.say(
                "Not the one that was shown. Look at the paper; Enter alone shows the sheet again."
            )
        return False

    def _whole(self, number: int, share: str) -> bool:
        while typed := self.terminal.ask(f"Sheet {number} > "):
            differences = sheets.differences(share, typed)
            if not differences:
                return True
            self.terminal.say(f"Not yet: {'; '.join(differences)}. Correct the paper or what you typed.")
        return False

    def disk_key(self, key: str) -> None:
        """Show the disk's recovery key, and ask for its last group."""
        groups = key.split("-")
        while True:
            self.terminal.clear()
            self.terminal.say(
                "RECOVERY KEY OF THE DISK. It is shown once. Write it down and keep it where the machine is"
                " not. The"
                " machine asks for it when its firmware or its Secure Boot keys were changed, or when the"
                " disk is in"
                " another machine. It opens the disk, not the pictures on it.",
                "",
            )
            half = (len(groups) + 1) // 2
            self.terminal.lines(["    " + "-".join(groups[:half]) + "-", "    " + "-".join(groups[half:])])
            self.terminal.ask("\nEnter, when it is written down > ")
            self.terminal.clear()
            while typed := self.terminal.ask(
                f"Its last {len(groups[-1])} letters (Enter alone shows it again): "
            ):
                if typed.lower() == groups[-1]:
                    self.terminal.clear()
                    return
                self.terminal.say("Not those. Look at the paper; Enter alone shows the key again.")
