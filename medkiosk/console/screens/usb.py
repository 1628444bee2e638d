"""USB: which keyboards and scanners are used, and what was refused; enrol one, forget one (docs/usb.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import UsbLoaded
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import Confirm
from medkiosk.console.widgets.frame import facts
from medkiosk.console.words import clean
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import KeyboardInfo, RefusedDevice, Status, Usb

_NONE = "No keyboard or scanner is on the list, and none that is plugged in could be."


def called(one: KeyboardInfo | RefusedDevice) -> str:
    """Its numbers, and what it says it is called."""
    return f"{clean(one.vendor, 4)}:{clean(one.product, 4)} {clean(one.name, 40)}".rstrip()


def refused_rows(refused: Sequence[RefusedDevice]) -> list[tuple[str, Text | str]]:
    """One row for each device that is not used: what it claims to be, and what to do about it."""
    rows: list[tuple[str, Text | str]] = []
    for one in refused:
        words = Text(tr("not used: {one}", one=called(one)), style="bold")
        words.append("\n" + clean(tr(one.words), 400), style="not bold")
        rows.append(("REFUSED", words))
    return rows


def keyboard_text(one: KeyboardInfo, listed: bool) -> Text:
    """A keyboard or scanner: whether it is on the list, and where it is plugged in."""
    words = Text(called(one), style="bold")
    state = (
        (tr("on the list") if one.there else tr("on the list, NOT plugged in"))
        if listed
        else tr("NOT on the list")
    )
    serial = tr(", serial number {serial}", serial=clean(one.serial, 64)) if one.serial else ""
    words.append(
        tr("   {state}\n  port {port}{serial}", state=state, port=clean(one.port, 120), serial=serial),
        style="not bold",
    )
    return words


class UsbScreen(KioskScreen):
    """The list, what could be on it, and what was refused."""

    WHERE = Where.USB
    BINDINGS = bindings(Where.USB)

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[tuple[KeyboardInfo, bool]] = []
        self._told: tuple[RefusedDevice, ...] = ()

    def body(self) -> ComposeResult:
        """The list; what was refused."""
        yield Static(tr("Keyboards and scanners"), classes="caption", markup=False)
        yield OptionList(id="keyboards", markup=False)
        yield Static(id="usb-refused", markup=False)

    def on_mount(self) -> None:
        """Ask for them, and again whenever something else is refused."""
        self.watch(self.kiosk, "status", self._show_refused)
        self._load()

    def _load(self, words: str = "") -> None:
        self._ask(lambda kiosk: kiosk.list_usb(), words)

    def _ask(self, request: Callable[[Client], Usb], words: str = "") -> None:
        self.ask(request, lambda usb: UsbLoaded(usb, words))

    def _show_refused(self, status: Status | None) -> None:
        now = status.refused if status else ()
        place = self.query_one("#usb-refused", Static)
        place.display = bool(now)
        place.update(facts(refused_rows(now)))
        if now != self._told:
            self._told = now
            self._load()

    @on(UsbLoaded)
    def _loaded(self, message: UsbLoaded) -> None:
        self._shown = [(one, True) for one in message.usb.keyboards]
        self._shown += [(one, False) for one in message.usb.strangers]
        listed = self.query_one("#keyboards", OptionList)
        row = listed.highlighted or 0
        listed.clear_options()
        listed.add_options(Option(keyboard_text(one, known)) for one, known in self._shown)
        if self._shown:
            listed.highlighted = min(row, len(self._shown) - 1)
        if message.words or not self._shown:  # else what was said last still holds
            self.say(message.words or _NONE)

    def _chosen(self, listed: bool) -> KeyboardInfo | None:
        row = self.query_one("#keyboards", OptionList).highlighted
        if row is None or row >= len(self._shown) or self._shown[row][1] is not listed:
            return None
        return self._shown[row][0]

    def action_enrol(self) -> None:
        """Ask, then put the chosen one on the list."""
        if (one := self._chosen(listed=False)) is None:
            self.say("Choose one that is not on the list. Plug it in where it is to stay.", wrong=True)
            return

        def enrol(yes: bool | None) -> None:
            if yes:
                self._ask(lambda kiosk: kiosk.enrol_keyboard(one.port), "It works from now on, in this port.")

        self.app.push_screen(
            Confirm(
                tr("Let {one} type on this kiosk?", one=called(one)),
                "Say yes only to a keyboard or scanner that you took out of its box yourself, or know:"
                " whatever is on the list can type while somebody is logged in. It works in this port and in"
                " no other.",
            ),
            enrol,
        )

    def action_forget(self) -> None:
        """Ask, then take the chosen one off the list."""
        if (one := self._chosen(listed=True)) is None:
            self.say("Choose one that is on the list.", wrong=True)
            return

        def forget(yes: bool | None) -> None:
            if yes:
                self._ask(lambda kiosk: kiosk.forget_keyboard(one.port), "It is not used any more.")

        self.app.push_screen(
            Confirm(
                tr("Take {one} off the list?", one=called(one)),
                "It types nothing more, at once. If it is the one that you type on, only a restart with it,"
                " or"
                " another one in its port, lets somebody type again.",
            ),
            forget,
        )
