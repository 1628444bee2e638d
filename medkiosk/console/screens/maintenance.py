"""What a kiosk without a shell needs now and then: check the store, repair it, witnesses, sticks."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import AskReason, Confirm
from medkiosk.console.widgets.bigwords import BigWords
from medkiosk.console.widgets.frame import facts
from medkiosk.console.words import clean, count, moment, size
from medkiosk.core.drives import DriveState
from medkiosk.ipc.maintenancetypes import CheckReport, CheckStatus, HeadWritten, WitnessesRead, WitnessKey
from medkiosk.ipc.types import LedgerHead, ScrubStatus, Status, Sticks

_GOOD, _DAMAGED, _NEVER, _CHECKING = "STORE IS GOOD", "STORE IS DAMAGED", "NOT CHECKED YET", "CHECKING"
_REPAIR = (
    "The kiosk's program ends and starts again, and everybody is logged out. Before it opens the store, what"
    " is damaged is put back from the backup drive that is plugged in, as far as the drive can prove it:"
    " records and the ledger now, sealed files when they are read again. A few minutes."
)
_REPAIR_ALONE = (
    "Only what the store itself proves can be put back so, which is little: plug a backup drive in, wait"
    " until Home shows it, and press R again. Else: the kiosk's program ends and starts again, and everybody"
    " is logged out. A few minutes."
)
_DRIVE_IS_IN = (DriveState.COPYING, DriveState.WAITING, DriveState.COMPLETE)
_SETUP = (
    "At the next start of the machine the set-up asks what to repair: keys that come out of the store, for"
    " another board or a lost device secret, or the store from a backup drive. Two of the three recovery"
    " sheets are needed. Until somebody is through with it, or chooses Nothing there, the kiosk does not"
    " import."
)
_ASKED = "Press the power button once, wait until the machine is off, and switch it on: the set-up asks."
_STICK = "The stick is written to from now on, whatever else is on it. What do people call it?"
_ENROL = (
    "Its signature will count as that of somebody who saw this ledger. Compare the digits with what the"
    " witness tells you, by telephone or in person, not with what is on the stick: {key_id}"
)


class CheckLoaded(Message):
    """What the last check found."""

    def __init__(self, report: CheckReport) -> None:
        self.report = report
        super().__init__()


class Begun(Message):
    """Something was begun or done; in words."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__()


class WitnessesLoaded(Message):
    """What witnesses sent back."""

    def __init__(self, found: WitnessesRead) -> None:
        self.found = found
        super().__init__()


def verdict(check: CheckStatus) -> tuple[str, str]:
    """The big words, and the class that colours them."""
    if check.running:
        share = tr(" {done} PER CENT", done=check.done * 100 // check.total) if check.total else ""
        return _CHECKING + share, "-busy"
    if not check.finished:
        return _NEVER, "-quiet"
    return (_DAMAGED, "-alarm") if check.problems else (_GOOD, "-safe")


def check_words(check: CheckStatus, report: CheckReport) -> Text:
    """When it was checked, and how much there was."""
    if check.failed:
        return Text(clean(check.failed, 400), style="bold")
    if not check.finished:
        return Text(tr("never: C compares every record, entry and sealed file"))
    whole = (
        f"{count(report.objects, 'sealed file')} ({size(report.bytes)}), {count(report.records, 'record')},"
    )
    words = Text(
        tr(
            "{finished}: {whole} {ledger_size} ledger entries",
            finished=moment(check.finished),
            whole=whole,
            ledger_size=report.ledger_size,
        )
    )
    if check.problems:
        words.append(tr("; {problems} damaged", problems=check.problems), style="bold")
    return words


def scrub_words(scrub: ScrubStatus) -> Text:
    """How far the reading of all files is, or when it last ended."""
    if scrub.running:
        waits = tr(", waits for a camera or card") if scrub.waiting else ""
        words = Text(tr("{done} of {total} files{waits}", done=scrub.done, total=scrub.total, waits=waits))
    else:
        words = Text(moment(scrub.finished) if scrub.finished else tr("never to the end"))
    if scrub.damaged:
        words.append(tr("; {damaged} damaged", damaged=scrub.damaged), style="bold")
    if scrub.repaired:
        words.append(tr("; {repaired} put back from a drive", repaired=scrub.repaired))
    return words


def problem_table(report: CheckReport) -> Table:
    """Each thing that is damaged: what it is, and what to do."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=24, no_wrap=True)
    table.add_column(ratio=1)
    for each in report.problems:
        table.add_row(Text(clean(each.code, 24), style="bold"), Text(clean(each.sentence, 600)))
    if report.more:
        table.add_row("", tr("and {more_things}", more_things=count(report.more, "more thing")))
    for note in report.notes:
        table.add_row("note", Text(clean(note, 400)))
    return table


def witness_words(found: WitnessesRead) -> str:
    """What came of what witnesses sent back."""
    words = []
    if found.held:
        names = ", ".join(clean(name, 60) for name in found.held)
        words.append(tr("Held: {names}. No ledger that contradicts it is ever signed here.", names=names))
    words += [clean(each, 300) for each in found.refused]
    return " ".join(words) or "Nothing new from a witness is on the stick."


def ask_for_setup(screen: KioskScreen) -> None:
    """Ask, then have the set-up repair the kiosk when the machine starts again."""

    def repair(yes: bool | None) -> None:
        if yes:
            screen.ask(lambda kiosk: kiosk.ask_setup(), lambda _: Begun(_ASKED))

    screen.app.push_screen(Confirm("Have the set-up repair this kiosk?", _SETUP), repair)


class MaintenanceScreen(KioskScreen):
    """The verdict of the last check in large words; what can be done below it."""

    WHERE = Where.MAINTENANCE
    BINDINGS = bindings(Where.MAINTENANCE)

    def __init__(self) -> None:
        super().__init__()
        self._report = CheckReport()
        self._asked = ""

    def body(self) -> ComposeResult:
        """Verdict, figures, what is damaged."""
        yield BigWords(id="verdict")
        yield Static(id="upkeep", markup=False)
        with VerticalScroll():
            yield Static(id="damage", markup=False)

    def on_mount(self) -> None:
        """Follow the daemon."""
        self.watch(self.kiosk, "status", self._show)
        self._load()

    def _load(self) -> None:
        self.ask(lambda kiosk: kiosk.get_check(), CheckLoaded)

    def _show(self, status: Status | None) -> None:
        check = status.check if status else CheckStatus()
        big = self.query_one("#verdict", BigWords)
        big.words, colour = verdict(check)
        big.set_classes(colour)
        scrub = status.scrub if status else ScrubStatus()
        rows: list[tuple[str, Text | str]] = [
            ("Checked", check_words(check, self._report)),
            ("Files read", scrub_words(scrub)),
        ]
        self.query_one("#upkeep", Static).update(facts(rows))
        if check.finished != self._asked:
            self._asked = check.finished
            self._load()

    @on(CheckLoaded)
    def _loaded(self, message: CheckLoaded) -> None:
        self._report = message.report
        self.query_one("#damage", Static).update(problem_table(message.report))
        self._show(self.kiosk.status)

    @on(Begun)
    def _begun(self, message: Begun) -> None:
        self.say(message.words)

    def action_setup(self) -> None:
        """Ask, then have the set-up repair it."""
        ask_for_setup(self)

    def action_check(self) -> None:
        """Check everything, without any key."""
        self.ask(
            lambda kiosk: kiosk.check_now(), lambda _: Begun("It is checked; the kiosk works meanwhile.")
        )

    def action_read(self) -> None:
        """Read every sealed file again; what is damaged is put back from a drive that is plugged in."""
        words = "All sealed files are read again, whenever nothing else is to be done."
        self.ask(lambda kiosk: kiosk.scrub_now(), lambda _: Begun(words))

    def action_repair(self) -> None:
        """Ask, then start the daemon again, and repair before it opens the store."""

        def repair(yes: bool | None) -> None:
            if yes:
                words = "The kiosk starts again, and repairs the store before."
                self.ask(lambda kiosk: kiosk.repair_now(without_drive), lambda _: Begun(words))

        status = self.kiosk.status
        without_drive = not any(one.state in _DRIVE_IS_IN for one in (status.backups if status else ()))
        question = (
            Confirm("No backup drive is ready: repair from the store itself?", _REPAIR_ALONE)
            if without_drive
            else Confirm("Repair from the backup drive that is plugged in?", _REPAIR)
        )
        self.app.push_screen(question, repair)

    def action_write(self) -> None:
        """Write the ledger's head to the stick, for witnesses and for the safe."""

        def written(head: HeadWritten) -> Begun:
            return Begun(
                tr(
                    "{folder}: the head of {size} entries is on the stick.",
                    folder=clean(head.folder, 60),
                    size=head.size,
                )
            )

        self.say("Writing to the stick: leave it in.")
        self.ask(lambda kiosk: kiosk.write_head(), written)

    def action_take(self) -> None:
        """Read what witnesses sent back."""
        self.ask(lambda kiosk: kiosk.read_witnesses(), WitnessesLoaded)

    @on(WitnessesLoaded)
    def _witnesses(self, message: WitnessesLoaded) -> None:
        self.say(witness_words(message.found), wrong=bool(message.found.refused))
        for key in message.found.keys:
            self._offer(key)

    def _offer(self, key: WitnessKey) -> None:
        name = clean(key.name, 60)

        def enrolled(_: LedgerHead) -> Begun:
            return Begun(
                tr("{name} is a witness now. W writes what they are asked with; T takes it back.", name=name)
            )

        def enrol(yes: bool | None) -> None:
            if yes:
                self.ask(lambda kiosk: kiosk.enrol_witness(key.vkey), enrolled)

        self.app.push_screen(
            Confirm(
                tr("Let {name} be a witness of this ledger?", name=name),
                tr(_ENROL, key_id=clean(key.key_id, 8)),
            ),
            enrol,
        )

    def action_stick(self) -> None:
        """Ask what it is called, then make the stick that is plugged in one of the kiosk's own."""

        def enrolled(_: Sticks) -> Begun:
            return Begun("The stick is one of this kiosk's own now.")

        def enrol(label: str | None) -> None:
            if label:
                self.ask(lambda kiosk: kiosk.enrol_stick("", label), enrolled)

        self.app.push_screen(
            AskReason("Make this stick one of the kiosk's own?", _STICK, asked="Name"), enrol
        )
