"""How the machine is, and when it was last cared for; everything that ``kioskctl status`` says of it."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.widgets.frame import facts
from medkiosk.console.words import clean, count, moment
from medkiosk.core.health import Level
from medkiosk.ipc.types import Health, Status

LEVELS: dict[int, str] = {Level.ALARM: "ALARM", Level.WARNING: "WARNING", Level.NOTE: "note"}
_SHOWN = 3
_NO_RATE = "not known yet"
_LONG = 9999


def health_rows(health: Health) -> list[tuple[str, Text | str]]:
    """The worst of what somebody must read at Home: what is so, and what to do."""
    serious = [each for each in health.findings if each.level > Level.NOTE]
    rows: list[tuple[str, Text | str]] = []
    for each in serious[:_SHOWN]:
        words = Text(clean(tr(each.words), 240), style="bold")
        words.append(" " + clean(tr(each.todo), 200), style="not bold")
        rows.append(("MACHINE" if each.level == Level.ALARM else "Machine", words))
    if len(serious) > _SHOWN:
        rows.append(
            ("", tr("and {more_things}: Health (H)", more_things=count(len(serious) - _SHOWN, "more thing")))
        )
    return rows


def health_table(health: Health) -> Table:
    """Every finding, worst first."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=9, no_wrap=True)
    table.add_column(ratio=1)
    for each in health.findings:
        words = Text(clean(tr(each.words), 240), style="bold")
        words.append(f"  {each.code}\n", style="not bold dim")
        words.append(clean(tr(each.todo), 200), style="not bold")
        table.add_row(tr(LEVELS.get(each.level, "?")), words)
    return table


def care(health: Health) -> Table:
    """When what was done last."""
    days = health.days_left
    left = tr(_NO_RATE) if days is None else tr("years") if days >= _LONG else count(days, "day")
    return facts(
        [
            ("Looked at", moment(health.at) if health.at else tr("never")),
            ("Backup", moment(health.backed_up) if health.backed_up else tr("never")),
            ("Read again", moment(health.scrubbed) if health.scrubbed else tr("never")),
            ("Witness", moment(health.witnessed) if health.witnessed else tr("never")),
            (
                "Space",
                tr("for {left}, at the rate of the last weeks", left=left) if days is not None else left,
            ),
        ]
    )


class HealthScreen(KioskScreen):
    """Findings and figures, in a list that scrolls."""

    WHERE = Where.HEALTH
    BINDINGS = bindings(Where.HEALTH)

    def body(self) -> ComposeResult:
        """When what was done last, and what is not as it should be."""
        yield Static(id="care", markup=False)
        with VerticalScroll():
            yield Static(id="findings", markup=False)

    def on_mount(self) -> None:
        """Follow the daemon."""
        self.watch(self.kiosk, "status", self._show)

    def _show(self, status: Status | None) -> None:
        health = status.health if status else Health()
        self.query_one("#care", Static).update(care(health))
        findings = self.query_one("#findings", Static)
        findings.update(
            health_table(health) if health.findings else tr("Nothing is wrong with this machine.")
        )
