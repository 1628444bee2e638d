"""Home: what is plugged in, in words that are read from three metres, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from medkiosk.console.actions import ACTIONS, Where, bindings
from medkiosk.console.kept import SAFE_TO_REUSE, big_passport
from medkiosk.console.language import tr
from medkiosk.console.screens.access import GlassesScreen
from medkiosk.console.screens.accounts import AccountsScreen
from medkiosk.console.screens.audit import AuditQueryScreen
from medkiosk.console.screens.backup import BackupScreen, backup_rows
from medkiosk.console.screens.base import NO_ANSWER, KioskScreen
from medkiosk.console.screens.correction import CorrectionsScreen
from medkiosk.console.screens.encounters import EncountersScreen
from medkiosk.console.screens.export import ExportScreen
from medkiosk.console.screens.guide import GuideScreen
from medkiosk.console.screens.health import HealthScreen, health_rows
from medkiosk.console.screens.imports import ImportsScreen
from medkiosk.console.screens.kept import KeptScreen
from medkiosk.console.screens.ledger import LedgerScreen
from medkiosk.console.screens.login import LoginScreen
from medkiosk.console.screens.maintenance import MaintenanceScreen
from medkiosk.console.screens.passphrase import PassphraseScreen
from medkiosk.console.screens.retention import RetentionScreen
from medkiosk.console.screens.review import ReviewScreen
from medkiosk.console.screens.rollback import RollbackScreen
from medkiosk.console.screens.settings import SettingsScreen
from medkiosk.console.screens.update import UpdateScreen, update_rows
from medkiosk.console.screens.usb import UsbScreen, refused_rows
from medkiosk.console.widgets.bigwords import BigWords
from medkiosk.console.widgets.frame import Legend, facts
from medkiosk.console.words import (
    ALARM,
    NO_DAEMON,
    advice,
    clean,
    count,
    heaviest_first,
    redaction_words,
    size,
)
from medkiosk.core.alarms import ROLLED_BACK
from medkiosk.core.device import BEING_READ, HEADLINES, STATE_WORDS, DeviceState
from medkiosk.core.drives import DriveState, big_words
from medkiosk.core.photo import NO_WORKER
from medkiosk.core.quality import ADVICE_WORDS
from medkiosk.core.sticks import LEAVE_IN, StickState
from medkiosk.ipc.types import DeviceStatus, Session, SettingsStatus, Status, StickInfo

_BAR = 14
_MOST_ADVICE = 3


def mood(status: Status | None) -> str:
    """The class that colours the big words: ``-alarm``, ``-busy``, ``-safe`` or ``-quiet``."""
    states = {device.state for device in status.devices} if status else set()
    sticks = {one.state for one in status.sticks} if status else set()
    if status is not None and not status.alarm and sticks & LEAVE_IN:
        return "-busy"
    if status is None or status.alarm or states & ALARM:
        return "-alarm"
    if states & BEING_READ or StickState.LOOKING in sticks:
        return "-busy"
    return "-safe" if DeviceState.SAFE in states or StickState.DONE in sticks else "-quiet"


def bar(done: int, total: int, width: int = _BAR) -> Text:
    """A bar of character cells with its percentage in words; empty where there is nothing to measure."""
    if total <= 0:
        return Text(" " * width + "      ")
    share = min(max(done / total, 0.0), 1.0)
    filled = int(share * width)
    line = Text(no_wrap=True)
    line.append(" " * filled, style="reverse dim")
    line.append("-" * (width - filled), style="dim")
    line.append(f" {int(share * 100):3d} %")
    return line


def device_table(devices: tuple[DeviceStatus, ...]) -> Table:
    """One line a device, and its sentence below where it has one."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(no_wrap=True, max_width=20)
    table.add_column(no_wrap=True, width=_BAR + 6)
    table.add_column(ratio=1)
    for device in devices:
        known = device.sealed + device.already + device.copies + device.failed
        files = tr("{number} of {files}", number=known, files=count(device.files, "file"))
        figures = [files, size(device.bytes_done)]
        if device.state in BEING_READ and (device.doing or not device.files):
            figures = [clean(device.doing, 100) or tr(STATE_WORDS[device.state])]
        if device.failed:
            figures.append(tr("{number} not read", number=device.failed))
        if device.damaged:
            figures.append(tr("{number} damaged on the card", number=device.damaged))
        words = Text(tr(HEADLINES[device.state]), style="bold")
        words.append("  " + ", ".join(figures), style="not bold")
        if device.passport:
            words.append("\n" + clean(tr(device.passport), 60))
        for sentence in (device.detail, *device.notes):
            if sentence:
                words.append("\n" + clean(tr(sentence)), style="not bold")
        table.add_row(
            Text(clean(device.model, 20) or clean(device.kind, 20)),
            bar(device.bytes_done, device.bytes_total),
            words,
        )
    return table


def advice_rows(status: Status) -> list[tuple[str, Text | str]]:
    """The most important things to say to the photographer about what was just imported."""
    photos = heaviest_first((each.name, each.advice) for each in status.redaction.advice)
    rows: list[tuple[str, Text | str]] = [
        ("Advice", Text.assemble((clean(name, 16), "bold"), " ", tr(ADVICE_WORDS[advice[0]])))
        for name, advice in photos[:_MOST_ADVICE]
    ]
    if len(photos) > _MOST_ADVICE:
        more = count(len(photos) - _MOST_ADVICE, "photo")
        rows.append(("", tr("and {photos} more: Imports (I), then Advice (Q)", photos=more)))
    return rows


def status_facts(status: Status) -> Table:
    """Redaction, what is missing, what is wrong, what to take again."""
    redaction = status.redaction
    rows: list[tuple[str, Text | str]] = [("Redaction", redaction_words(redaction))]
    if redaction.missing == (NO_WORKER,):
        rows.append(
            ("STARTING", Text(tr("redaction: photos wait, nothing can be approved yet"), style="bold"))
        )
    elif redaction.missing:
        names = ", ".join(clean(name, 30) for name in redaction.missing)
        rows.append(
            ("MISSING", Text(tr("detector for {names}: nothing can be approved", names=names), style="bold"))
        )
    if status.disposal:
        rows.append(("Disposal", Text(clean(tr(status.disposal), 100), style="bold")))
    rows += backup_rows(status.backups)
    rows += stick_rows(status.sticks)
    rows += update_rows(status.update)
    rows += refused_rows(status.refused)
    rows += settings_rows(status.settings)
    rows += health_rows(status.health)
    rows += [("PROBLEM", Text(clean(tr(problem)), style="bold")) for problem in status.problems]
    objects = count(status.objects, "object")
    sealed = tr("{objects} sealed, ", objects=objects) if status.objects else ""
    lock = tr("open: somebody is logged in" if status.unlocked else "locked: no photo can be read here")
    rows.append(("Store", f"{sealed}{lock}"))
    rows += advice_rows(status)  # last: where a screen is small, Imports and then Q have it too
    return facts(rows)


def settings_rows(settings: SettingsStatus) -> list[tuple[str, Text | str]]:
    """That the newest settings are not in force."""
    if settings.unused:
        return [("SETTINGS", Text(tr("OLDER SETTINGS ARE IN FORCE: Settings (S) says why"), style="bold"))]
    if settings.restart:
        words = tr(
            "version {version} counts when the program starts again: Settings (S), R", version=settings.newest
        )
        return [("SETTINGS", Text(words, style="bold"))]
    return []


def stick_rows(sticks: Sequence[StickInfo]) -> list[tuple[str, Text | str]]:
    """One row for each stick of which there is something to say; that it is ready, the export says."""
    rows: list[tuple[str, Text | str]] = []
    for one in sticks:
        if one.state in (StickState.ABSENT, StickState.LOOKING, StickState.READY):
            continue
        words = Text(tr(one.words), style="bold")
        words.append(f"  {clean(one.name, 30)}", style="not bold")
        if one.detail:
            words.append("\n" + clean(tr(one.detail), 400), style="not bold")
        rows.append(("Stick", words))
    return rows


def is_quiet(status: Status) -> bool:
    """Whether `status_facts` has nothing that somebody must read now."""
    said = status.problems or status.refused or status.backups or stick_rows(status.sticks)
    said = said or settings_rows(status.settings)
    return not (said or health_rows(status.health) or status.redaction.missing or status.redaction.advice)


class HomeScreen(KioskScreen):
    """The screen that is always underneath."""

    WHERE = Where.HOME
    BINDINGS = bindings(Where.HOME)
    AHEAD = frozenset(each.name for each in ACTIONS if each.where is Where.HOME)
    _waits = False
    """Whether a status came that is not drawn yet."""

    @property
    def heading(self) -> str:
        """The product's name."""
        return "medkiosk"

    def body(self) -> ComposeResult:
        """Big words, devices, figures, advice."""
        with Vertical(id="state"):
            yield BigWords(id="headline")
            yield BigWords(id="passport")
            yield BigWords(id="backup")
            yield Static(id="devices", markup=False)
            yield Static(id="facts", markup=False)
        yield Static(id="advice", markup=False)

    def on_mount(self) -> None:
        """Follow the daemon."""
        self.watch(self.kiosk, "status", self._show)
        self.watch(self.kiosk, "session", self._advise)
        self.watch(self.kiosk, "session", self._greet)
        self.watch(self.kiosk, "to_do", lambda: self._advise(self.kiosk.session), init=False)

    def _greet(self, before: Session | None, session: Session | None) -> None:
        self.query_one(Legend).show_to(session)
        if before is None and session is not None:
            self.say("")  # of the person before: that they are logged out

    def _show_headline(self, status: Status | None) -> None:
        """Home says it in big words, and not twice."""

    def on_screen_resume(self) -> None:
        """Show what came while another screen was on top, and what was done there."""
        if self.kiosk.session is not None:
            self.kiosk.count_work()
        if self._waits:
            self._show(self.kiosk.status)

    def _show(self, status: Status | None) -> None:
        self._waits = not self.is_active  # under another screen nobody sees it, and each key would wait
        if self._waits:
            return
        headline = self.query_one("#headline", BigWords)
        headline.words = clean(status.headline, 60) if status else NO_ANSWER
        headline.set_classes(mood(status))
        passport = self.query_one("#passport", BigWords)
        passport.words = big_passport(status.devices) if status else ""
        passport.display = bool(passport.words)
        passport.set_classes(["-reuse" if passport.words == SAFE_TO_REUSE else "-keep"])
        passport.set_class(mood(status) == "-alarm", "-small")  # the alarm needs the room
        states = tuple(one.state for one in status.backups) if status else ()
        backup = self.query_one("#backup", BigWords)
        backup.words = big_words(states)
        backup.display = bool(backup.words)
        backup.set_classes([f"-{states[0]}" if len(set(states)) == 1 else f"-{DriveState.FAILED}"])
        wrong = mood(status) == "-alarm" or bool(status and health_rows(status.health))
        backup.set_class(bool(passport.words) or wrong, "-small")
        devices = self.query_one("#devices", Static)
        devices.display = bool(status and status.devices)
        devices.update(device_table(status.devices) if status else "")
        facts_ = self.query_one("#facts", Static)
        facts_.update(status_facts(status) if status else Text(tr(NO_DAEMON)))
        # On a small screen the large words need the room, unless something is wrong or there is advice.
        facts_.set_class(bool(status and passport.words and is_quiet(status)), "-spare")
        # Seen on a busy machine: new lines were laid out in the room of those before, and cut off.
        self.call_after_refresh(facts_.refresh, layout=True)
        self._advise(self.kiosk.session)

    def _advise(self, session: Session | None) -> None:
        line = Text(tr("Next: "), style="bold")
        line.append(tr(advice(self.kiosk.status, session, self.kiosk.to_do)), style="not bold")
        self.query_one("#advice", Static).update(line)

    def _go(self, screen: type[KioskScreen]) -> None:
        if self.kiosk.session is None:
            self.app.push_screen(LoginScreen(), lambda _: self._enter(screen))
        else:
            self.app.push_screen(screen())

    def _is_rolled_back(self) -> bool:
        return self.kiosk.status is not None and self.kiosk.status.alarm == ROLLED_BACK

    def _enter(self, screen: type[KioskScreen]) -> None:
        if self.kiosk.session is not None and (screen is not ExportScreen or self.may_export()):
            self.app.push_screen(screen())

    def action_log_in(self) -> None:
        """Ask who it is; after a rollback, who answers for it."""
        if self.kiosk.session is None:
            self.app.push_screen(RollbackScreen() if self._is_rolled_back() else LoginScreen())
        else:
            self.say("You are logged in. F9 logs you out.")

    def action_kept(self) -> None:
        """Show for which files something is still needed."""
        self.app.push_screen(KeptScreen())

    def action_guide(self) -> None:
        """Show the guide; nobody needs to log in."""
        self.app.push_screen(GuideScreen())

    def action_backup(self) -> None:
        """Show the backup drives."""
        self._go(BackupScreen)

    def action_health(self) -> None:
        """Show how the machine is; nobody needs to log in."""
        self.app.push_screen(HealthScreen())

    def action_ledger(self) -> None:
        """Show the ledger's head."""
        self._go(LedgerScreen)

    def action_audit(self) -> None:
        """Ask who did what."""
        self._go(AuditQueryScreen)

    def action_glasses(self) -> None:
        """Broken glasses."""
        self._go(GlassesScreen)

    def action_corrections(self) -> None:
        """Show what is filed under the wrong patient."""
        self._go(CorrectionsScreen)

    def action_retention(self) -> None:
        """Show what is due, held and disposed of."""
        self._go(RetentionScreen)

    def action_settings(self) -> None:
        """Show what the department decided."""
        self._go(SettingsScreen)

    def action_maintenance(self) -> None:
        """Show what can be checked and repaired."""
        self._go(MaintenanceScreen)

    def action_accounts(self) -> None:
        """Show who may log in."""
        self._go(AccountsScreen)

    def action_update(self) -> None:
        """Show what runs, and updates."""
        self._go(UpdateScreen)

    def action_usb(self) -> None:
        """Show which keyboards are used."""
        self._go(UsbScreen)

    def action_passphrase(self) -> None:
        """Change one's own passphrase."""
        self._go(PassphraseScreen)

    def action_imports(self) -> None:
        """Show the imports."""
        self._go(ImportsScreen)

    def action_encounters(self) -> None:
        """Show the encounters."""
        self._go(EncountersScreen)

    def action_review(self) -> None:
        """Review everything that waits for it."""
        self._go(ReviewQueue)

    def action_export(self) -> None:
        """Export what is approved."""
        if self.may_export():
            self._go(ExportScreen)


class ReviewQueue(ReviewScreen):
    """All photos that wait for review."""

    def __init__(self) -> None:
        super().__init__(queue=True)
