"""The backup drives: which are complete, which still hold what was disposed of; enrol one, forget one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import DrivesLoaded
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import AskReason
from medkiosk.console.widgets.frame import facts
from medkiosk.console.words import clean, count, moment, size
from medkiosk.core.drives import BACKUP_WORDS, DriveState
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import BackupStatus, DriveInfo, Drives, Status

_NONE = "There is no backup drive yet. Plug an empty disk in, then press N and give it a name."
_FORGOTTEN = "It is no longer expected. What it held is still on it: two recovery sheets open that."


def backup_rows(backups: Sequence[BackupStatus]) -> list[tuple[str, Text | str]]:
    """One row for each place where a drive is, or was unplugged too early."""
    rows: list[tuple[str, Text | str]] = []
    for one in backups:
        words = Text(BACKUP_WORDS[one.state] or tr("a disk that is not enrolled"), style="bold")
        if one.state is DriveState.COPYING and one.bytes_total:
            words.append(
                tr(
                    "  {bytes_done} of {bytes_total}",
                    bytes_done=size(one.bytes_done),
                    bytes_total=size(one.bytes_total),
                ),
                style="not bold",
            )
        if one.detail:
            words.append("\n" + clean(tr(one.detail), 400), style="not bold")
        rows.append(("Backup", words))
    return rows


def _leave(drive: DriveInfo) -> str:
    """What to do so that a run comes to its end."""
    return tr("press R and leave it in until BACKUP COMPLETE") if drive.plugged_in else tr("plug it in")


def drive_text(drive: DriveInfo) -> Text:
    """A drive: what it is called, up to when it is complete, what it still holds."""
    words = Text(clean(drive.label, 60) or "drive", style="bold")
    words.append(f"   {drive.drive_id[:8]}", style="not bold dim")
    if drive.plugged_in:
        words.append(
            tr("   plugged in: {plugged_in}", plugged_in=clean(drive.plugged_in, 30)), style="not bold"
        )
    if drive.forgotten:
        words.append(f"\n  {clean(drive.forgotten, 100)}", style="not bold")
    elif drive.finished_at:
        # The record of the run itself goes to the drive at the next one.
        later = tr("; {events} since", events=count(drive.behind, "event")) if drive.behind > 1 else ""
        words.append(
            tr("\n  complete on {finished_at}{later}", finished_at=moment(drive.finished_at), later=later),
            style="not bold",
        )
    else:
        words.append(tr("\n  never complete yet: {drive}", drive=_leave(drive)), style="not bold")
    if drive.still_holds:
        oldest = drive.still_holds[0].at[:10]
        words.append(
            tr(
                "\n  STILL HOLDS what was disposed of ({number}, the first on {oldest}): {drive}",
                number=len(drive.still_holds),
                oldest=oldest,
                drive=_leave(drive),
            ),
            style="bold",
        )
    return words


def places(backups: Sequence[BackupStatus]) -> Table:
    """What is plugged in now."""
    return facts(backup_rows(backups) or [("Backup", "No drive is plugged in.")])


class BackupScreen(KioskScreen):
    """What is plugged in, and all drives."""

    WHERE = Where.BACKUP
    BINDINGS = bindings(Where.BACKUP)

    def __init__(self) -> None:
        super().__init__()
        self._drives: tuple[DriveInfo, ...] = ()
        self._shown: tuple[BackupStatus, ...] = ()

    def body(self) -> ComposeResult:
        """What is plugged in; the list."""
        yield Static(id="backup-places", markup=False)
        yield Static(tr("Backup drives"), classes="caption", markup=False)
        yield OptionList(id="drives")

    def on_mount(self) -> None:
        """Ask for them, and again when a run ends."""
        self.watch(self.kiosk, "status", self._show_places)
        self._load()

    def _load(self) -> None:
        self._ask(lambda kiosk: kiosk.list_drives())

    def _ask(self, request: Callable[[Client], Drives], words: str = "") -> None:
        self.ask(request, lambda drives: DrivesLoaded(drives, words))

    def _show_places(self, status: Status | None) -> None:
        now = status.backups if status else ()
        self.query_one("#backup-places", Static).update(places(now))
        if [one.state for one in now] != [one.state for one in self._shown]:
            self._load()
        self._shown = now

    @on(DrivesLoaded)
    def _loaded(self, message: DrivesLoaded) -> None:
        self._drives = message.drives.drives
        listed = self.query_one("#drives", OptionList)
        listed.clear_options()
        listed.add_options([Option(drive_text(drive), id=drive.drive_id) for drive in self._drives])
        self.say(message.words or ("" if self._drives else _NONE))

    def action_enrol(self) -> None:
        """Ask what an empty disk is to be called, and make it a backup drive."""
        self.app.push_screen(
            AskReason(
                "What is the new backup drive called?",
                "Write the same on its label. It must be empty.",
                asked="Name of the drive",
            ),
            self._enrol,
        )

    def _enrol(self, label: str | None) -> None:
        if label:
            self._ask(lambda kiosk: kiosk.enrol_drive(label), "It is a backup drive now. Leave it in.")

    def action_forget(self) -> None:
        """Ask what became of a drive, and expect it no longer."""
        chosen = self.query_one("#drives", OptionList).highlighted
        if chosen is None or self._drives[chosen].forgotten:
            self.say("Choose a drive that is still expected.", wrong=True)
            return
        drive = self._drives[chosen]

        def forget(reason: str | None) -> None:
            if reason:
                self._ask(lambda kiosk: kiosk.forget_drive(drive.drive_id, reason), _FORGOTTEN)

        self.app.push_screen(
            AskReason("What became of it: lost, broken, destroyed?", asked="What became of it"), forget
        )

    def action_run(self) -> None:
        """Begin a run on the drive that is plugged in."""
        self.ask(lambda kiosk: (kiosk.back_up_now(), kiosk.list_drives())[1], _begun)


def _begun(drives: Drives) -> DrivesLoaded:
    return DrivesLoaded(drives, "Leave the drive in until BACKUP COMPLETE.")
