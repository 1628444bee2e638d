"""``medkiosk-setup``: ask the installer's questions and make a kiosk of this machine (docs/install.md).

With ``--answers FILE`` the questions are answered by a JSON object (`medkiosk.setup.answers.Answers`); the
words are shown and asked back all the same, unless ``--words-to-pipe``: then standard output must be a pipe,
which gets one JSON line with the words, for whoever sets up many kiosks and prints the sheets.

Exit codes: 0 ``ready`` is there; 1 a step failed; 2 wrong usage, or a disk that is in use.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import random
import signal
import stat
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import sdnotify

from medkiosk.backup.drive import STORE
from medkiosk.core.errors import KioskError
from medkiosk.device import usbpolicy
from medkiosk.setup import leftovers, machine, secureboot
from medkiosk.setup.answers import Answers, Facts, parse
from medkiosk.setup.dialog import Dialog
from medkiosk.setup.errors import AnswersError, NobodyThereError, RepairFailedError, StepFailedError
from medkiosk.setup.machine import Sealing
from medkiosk.setup.places import Places
from medkiosk.setup.steps import Done, Restored, SetUp
from medkiosk.setup.terminal import Terminal

_KDGKBTYPE = 0x4B33  # linux/kd.h: answered by a console of the kernel alone
_WELCOME = (
    "This machine becomes a medkiosk. Eight questions, then three recovery sheets and one key of the disk"
    " to write down: have paper, a pen, and the people who will keep the sheets. Nothing is kept until the"
    " end: switch the machine off whenever you like, and it begins anew."
)


_OR_RESTORE = (
    "To bring a kiosk back that was, from its backup drive and two of its recovery sheets: type restore, then"
    " Enter."
)
_RESTORE = "restore"
_REMEMBERS = (
    "THE TPM HOLDS THE DEVICE SECRET OF ANOTHER KIOSK",
    "",
    (
        "A kiosk was set up on this machine with another disk. If that disk is to be used again, switch the"
        " machine off and put it back: nothing was changed."
    ),
    "",
    (
        "If not, this secret goes now. After that the other disk, and copies of it, open with two of that"
        " kiosk's recovery sheets only; so does a backup drive, as always."
    ),
    "",
)
_DESTROY = (
    "An earlier set-up was interrupted, and what it had made is removed. Destroy every word and key that was"
    " written down for it: they open nothing."
)
_AGAIN = (
    "Bringing a kiosk back was interrupted, and what was copied is removed. The backup drive and the recovery"
    " sheets are good: keep them, and begin again. A key of the disk that was written down opens nothing."
)
_COPYING = "Copying and checking, which may take hours. Leave the drive in and the machine on."
_REPAIR = (
    "This kiosk was set up, and its store is on it. Nothing was changed yet. For all but the last choice two"
    " of the three recovery sheets are needed."
)
_CHOICES = (
    "Keys. The board or the TPM is another one, or keys are missing: they come out of the store.",
    "Store. It is made anew from a backup drive; what is here is put aside and stays on the disk.",
    "Nothing. Start the kiosk as it was.",
)
_STAYS = (
    "The store that an interrupted repair had made was signed for already: it stays, and the kiosk starts"
    " with it. What was there before is whole, and still put aside. If nobody can log in: repair, Store."
)


class _Pipe:
    """Gives the words to a program."""

    def __init__(self) -> None:
        self.shares: list[str] = []
        self.key = ""

    def sheets(self, shares: list[str]) -> bool:
        self.shares = shares
        return False

    def disk_key(self, key: str) -> None:
        self.key = key


def _facts(places: Places, suffix: str) -> Facts:
    return Facts(datetime.now(UTC), machine.built(places), suffix)


def _is_console() -> bool:
    try:
        fcntl.ioctl(0, _KDGKBTYPE, b"\0")
    except OSError:
        return False
    return True


def _found(terminal: Terminal, setup: SetUp, before: str) -> None:
    """Say what the machine is, before anything is asked."""
    keyboards = setup.there()
    terminal.clear()
    terminal.say("SET-UP OF A MEDKIOSK", "", _WELCOME, "")
    if before:
        terminal.say(before, "")
    sealed = (
        "found: the lasting keys are sealed to it"
        if setup.sealing.has_tpm
        else "NONE FOUND: keys stay in files"
    )
    disk = "encrypted, opened by the TPM" if setup.sealing.disk_is_encrypted else "NOT ENCRYPTED"
    names = ", ".join(one.name or f"{one.vendor}:{one.product}" for one in keyboards) or "none on USB"
    checked = "on" if setup.secure_boot() else "OFF"
    terminal.lines(
        [
            f"TPM          {sealed}",
            f"Disk         {disk}",
            f"Secure Boot  {checked}",
            f"Keyboards    {names}",
            "",
        ]
    )
    terminal.say(
        "Keyboards and scanners that are plugged in now are the only ones that may type from now on."
    )


def _without_secure_boot(terminal: Terminal) -> None:
    """Go on when somebody said that they know what it means."""
    terminal.clear()
    terminal.say(*secureboot.OFF)
    while terminal.ask("Type yes and Enter to go on without it > ") != "yes":
        terminal.say("Type yes, or switch the machine off.")


def _forget(terminal: Terminal, setup: SetUp) -> None:
    """Destroy what the TPM remembers, when somebody said that they know what it means."""
    terminal.clear()
    terminal.say(*_REMEMBERS)
    while terminal.ask("Type forget and Enter to destroy it > ") != "forget":
        terminal.say("Type forget, or switch the machine off.")
    setup.forget()


def _finished(terminal: Terminal, done: Done) -> None:
    terminal.clear()
    terminal.say("The kiosk is set up.", "")
    terminal.lines(
        [
            f"Ledger key:  {done.made.ledger_vkey}",
            f"Export key:  {done.made.allowed_signers}",
            f"             {done.made.export_fingerprint}",
            "",
        ]
    )
    terminal.say(
        "Give both keys to those who will check what leaves this kiosk, by another way than the stick; the"
        " console"
        " shows them again.",
        "",
    )
    if done.tpm:
        terminal.say(
            "The lasting keys are sealed to this machine's TPM. Their plain files lay on the encrypted"
            " disk; they were"
            " overwritten and removed. Flash may keep old bytes: then inside the encryption."
        )
    terminal.ask("Enter, to start the kiosk > ")
    terminal.clear()


def _ask(setup: SetUp, places: Places, answers: Answers | None, before: str) -> None:
    terminal = Terminal()
    dialog = _dialog(terminal, places)
    _found(terminal, setup, before)
    terminal.say(_OR_RESTORE, "")
    sdnotify.SystemdNotifier().notify("READY=1")
    restore = terminal.ask("Enter, to begin > ").lower() == _RESTORE or bool(answers and answers.sheets)
    if answers is None and not setup.secure_boot():
        _without_secure_boot(terminal)
    if setup.remembers():
        _forget(terminal, setup)
    if not restore:
        _finished(terminal, setup.run(answers or dialog.answers(), dialog))
        return
    said = answers or dialog.answers(restore=True)
    with _drives(places):
        dialog.drive(lambda: _is_there(places))
        terminal.say("", _COPYING)
        _restored(terminal, setup.restore(said, dialog), said.user)


def _dialog(terminal: Terminal, places: Places) -> Dialog:
    chance = random.SystemRandom()
    suffix = os.urandom(4).hex()
    return Dialog(
        terminal,
        lambda: _facts(places, suffix),
        machine.load_keymap if _is_console() else None,
        lambda count, below: sorted(chance.sample(range(below), count)),
    )


@contextlib.contextmanager
def _drives(places: Places) -> Iterator[None]:
    """Let USB drives in for so long; before the end of a set-up udev lets nothing in but what types."""
    try:
        places.restoring.parent.mkdir(parents=True, exist_ok=True)
        places.restoring.touch()
        yield
    finally:
        places.restoring.unlink(missing_ok=True)


def _is_there(places: Places) -> bool:
    try:
        return (places.backup / STORE / "format").is_file()
    except OSError:  # pulled out while it was looked at
        return False


def _restored(terminal: Terminal, restored: Restored, user: str) -> None:
    done = restored.done
    terminal.clear()
    terminal.say(
        "This machine is the kiosk now that the drive belongs to.",
        "",
        f"{done.objects} sealed files and {done.ledger_size} entries of the ledger were copied and checked.",
        f"{user} logs in with the new passphrase, must change it then, and gives the others new ones.",
        "Keep the recovery sheets: they are still good. Import every card again that was imported since the"
        " drive was last complete. Never start the old kiosk again.",
        "",
    )
    if done.damaged:
        terminal.say(f"{done.damaged} files were damaged on the drive: Maintenance names them.", "")
    terminal.ask("Enter, to start the kiosk > ")
    terminal.clear()


def _repair(setup: SetUp, places: Places) -> None:
    """Ask what is to be repaired on a kiosk that is set up, and do it."""
    terminal = Terminal()
    dialog = _dialog(terminal, places)
    terminal.clear()
    terminal.say("REPAIR OF A MEDKIOSK", "", _REPAIR, "")
    sdnotify.SystemdNotifier().notify("READY=1")
    match dialog.choose(_CHOICES):
        case 1:
            sheets = dialog.two_sheets()
            terminal.say("Opening the store, which takes a minute.")
            setup.adopt(sheets)
            words = (
                "The keys are back, and made for this machine. Everybody logs in with their own passphrase."
            )
        case 2:
            sheets = dialog.two_sheets()
            user, passphrase = dialog.account()
            with _drives(places):
                dialog.drive(lambda: _is_there(places))
                terminal.say("", _COPYING)
                _restored(terminal, setup.replace(sheets, user, passphrase), user)
            return
        case _:
            words = "The kiosk starts as it was." if setup.leave() else _STAYS
    terminal.clear()
    terminal.say(words, "")
    terminal.ask("Enter, to start the kiosk > ")
    terminal.clear()


def _pipe(setup: SetUp, answers: Answers) -> None:
    shown = _Pipe()
    done = setup.run(answers, shown)
    print(
        json.dumps(
            {
                "shares": shown.shares,
                "disk_recovery_key": shown.key,
                "ledger_vkey": done.made.ledger_vkey,
                "allowed_signers": done.made.allowed_signers,
                "tpm": done.tpm,
                "keyboards": len(done.keyboards),
            }
        )
    )


def _answers(path: Path | None, places: Places) -> Answers | None:
    if path is None:
        return None
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise AnswersError(detail=f"{path}: {error.strerror}") from error
    return parse(raw, _facts(places, os.urandom(4).hex()))


def go(arguments: Sequence[str] | None, places: Places, setup: SetUp) -> int:
    """Run with places and a machine; `main` has those of an appliance."""
    parser = argparse.ArgumentParser(prog="medkiosk-setup", description="Make a kiosk of this machine.")
    parser.add_argument("--answers", type=Path, metavar="FILE", help="JSON with the answers")
    parser.add_argument(
        "--words-to-pipe", action="store_true", help="with --answers: the words as JSON, to a pipe"
    )
    args = parser.parse_args(arguments)
    if places.ready.exists():
        print("This kiosk is set up already. Nothing was changed.")
        return 0
    try:
        if places.repair.exists():
            _repair(setup, places)
            return 0
        answers = _answers(args.answers, places)
        if args.words_to_pipe and not (answers and stat.S_ISFIFO(os.fstat(1).st_mode)):
            raise AnswersError(detail="--words-to-pipe needs --answers, and a pipe: words belong in no file")
        if answers and not answers.without_secure_boot and not setup.secure_boot():
            raise AnswersError(detail="Secure Boot is off, and without_secure_boot is not true")
        restoring = leftovers.was_restoring(places)
        before = (_AGAIN if restoring else _DESTROY) if setup.clean() else ""
        if answers and setup.remembers():  # of a kiosk whose store is not here: `clean` has looked
            if not answers.forget_tpm:
                raise AnswersError(
                    detail="the TPM holds the device secret of a kiosk, and forget_tpm is not true"
                )
            setup.forget()
        if args.words_to_pipe and answers and not answers.sheets:
            _pipe(setup, answers)
        else:
            _ask(setup, places, answers, before)
    except StepFailedError as error:
        if leftovers.was_restoring(places) or places.repair.exists():  # its words would have sheets destroyed
            return _stopped(RepairFailedError(**error.values).message, error.exit_code)
        return _stopped(error.message, error.exit_code)
    except KioskError as error:
        return _stopped(error.message, error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _stopped(f"The set-up stopped: {where}{error.strerror}. Nothing that it made counts.", 1)
    return 0


def _stopped(message: str, code: int) -> int:
    plain = "".join(c if c.isprintable() else " " for c in message)
    terminal = Terminal()
    terminal.clear()
    terminal.say(plain)
    sdnotify.SystemdNotifier().notify(f"STATUS={plain}")
    if os.isatty(0):
        with contextlib.suppress(NobodyThereError):
            terminal.ask("\nEnter, to begin again > ")
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Set this machine up."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)  # nobody gets behind the questions
    os.umask(0o077)
    places = Places()
    return go(arguments, places, SetUp(places, Sealing(places), usbpolicy.connected, usbpolicy.save))


if __name__ == "__main__":
    sys.exit(main())
