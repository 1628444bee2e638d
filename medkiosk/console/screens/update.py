"""The version that runs, the update on a stick, how far it is; install it, restart."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import UpdateBegun, UpdateLooked
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import Confirm
from medkiosk.console.widgets.frame import facts
from medkiosk.console.words import clean, moment, size
from medkiosk.core.updates import UpdateState
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import Status, UpdateFound, UpdateStatus

_LOOK = "C looks at the update on the stick: a folder medkiosk-update-VERSION, on a stick labelled MEDKIOSK."
_INSTALL = (
    "It is written beside the version that runs, which goes on. Nothing that was imported is touched. Leave"
    " the stick in until the screen says that it is ready."
)
_RESTART = (
    "The kiosk is away for a few minutes and everybody is logged out. If the new version does not work, the"
    " one that runs now comes back by itself."
)
_FAILED = "This version was installed here before, and did not work."


def update_rows(update: UpdateStatus) -> list[tuple[str, Text | str]]:
    """One row where there is something to say."""
    if update.state is UpdateState.NONE:
        return []
    words = Text(clean(tr(update.words), 60), style="bold")
    if update.version:
        words.append(f"  {clean(update.version, 20)}", style="not bold")
    if update.state is UpdateState.COPYING and update.bytes_total:
        words.append(
            tr(
                "  {bytes_done} of {bytes_total}",
                bytes_done=size(update.bytes_done),
                bytes_total=size(update.bytes_total),
            ),
            style="not bold",
        )
    if update.detail:
        words.append("\n" + clean(tr(update.detail), 400), style="not bold")
    return [("Update", words)]


def found_text(found: UpdateFound) -> Text:
    """What is on the stick."""
    words = Text(f"Version {clean(found.version, 20)}", style="bold")
    words.append(
        tr("  {size}, on {stick}\n", size=size(found.size), stick=clean(found.stick, 30)), style="not bold"
    )
    words.append(
        tr("made {created} from {commit}\n", created=moment(found.created), commit=clean(found.commit, 12)),
        style="not bold",
    )
    words.append(f"manifest {clean(found.manifest_sha256, 64)}\n", style="not bold")
    words.append(tr("The signature is valid."), style="not bold")
    if found.failed:
        words.append(f"\n{tr(_FAILED)}", style="bold")
    return words


class UpdateScreen(KioskScreen):
    """What runs, what is on the stick, how far it is."""

    WHERE = Where.UPDATE
    BINDINGS = bindings(Where.UPDATE)

    def __init__(self) -> None:
        super().__init__()
        self._found: UpdateFound | None = None

    def body(self) -> ComposeResult:
        """What runs and how far it is; what is on the stick."""
        yield Static(id="update-state", markup=False)
        yield Static(tr("On the stick"), classes="caption", markup=False)
        yield Static(tr(_LOOK), id="update-found", markup=False)

    def on_mount(self) -> None:
        """Follow the status."""
        self.watch(self.kiosk, "status", self._show_state)

    def _show_state(self, status: Status | None) -> None:
        update = status.update if status else UpdateStatus()
        runs = clean(update.running, 20) or tr("not installed from an image: there are no updates")
        self.query_one("#update-state", Static).update(facts([("Runs", runs), *update_rows(update)]))

    def _begin(self, request: Callable[[Client], UpdateStatus], words: str) -> None:
        self.ask(request, lambda _: UpdateBegun(words))

    @on(UpdateBegun)
    def _begun(self, message: UpdateBegun) -> None:
        self.say(message.words)

    @on(UpdateLooked)
    def _looked(self, message: UpdateLooked) -> None:
        self._found = message.found
        self.query_one("#update-found", Static).update(found_text(message.found))
        self.say("I installs it.")

    def action_check(self) -> None:
        """Look at what is on the stick."""
        self._found = None
        self.query_one("#update-found", Static).update(tr(_LOOK))
        self.ask(lambda kiosk: kiosk.check_update(), UpdateLooked)

    def action_install(self) -> None:
        """Ask, then install what was looked at."""
        if (found := self._found) is None:
            self.say("C looks at the stick first.", wrong=True)
            return

        def install(yes: bool | None) -> None:
            if yes:
                self._begin(
                    lambda kiosk: kiosk.apply_update(found.manifest_sha256, found.stick),
                    "Leave the stick in until this says READY.",
                )

        warning = f" {_FAILED}" if found.failed else ""
        question = tr(
            "Install version {version} over {running}?",
            version=clean(found.version, 20),
            running=clean(found.running, 20),
        )
        self.app.push_screen(Confirm(question, _INSTALL + warning), install)

    def action_restart(self) -> None:
        """Ask, then start the machine again."""

        def restart(yes: bool | None) -> None:
            if yes:
                self._begin(lambda kiosk: kiosk.restart_for_update(), "The kiosk starts again.")

        self.app.push_screen(Confirm("Restart now, and take the update?", _RESTART), restart)
