"""The application: one state, the daemon's link, and a stack of screens.

Worker threads talk to the daemon and only post messages; the handlers here and in the screens, on the event
loop, own all state. No screen ever waits. When the daemon goes away, whoever was logged in is not any more:
the login screen says so, and the console keeps trying.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from rich.console import RenderableType
from rich.text import Text
from textual import events, on, work
from textual.app import App
from textual.message import Message
from textual.message_pump import MessagePump
from textual.reactive import reactive
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import Worker, WorkerState

from medkiosk.console import words
from medkiosk.console.accessmessages import AccessLoaded
from medkiosk.console.actions import Where, bindings
from medkiosk.console.link import Link
from medkiosk.console.messages import (
    LinkLost,
    LoggedOut,
    Refused,
    SessionLost,
    SessionOver,
    StatusArrived,
    WorkCounted,
)
from medkiosk.console.scanning import Scanner
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.home import HomeScreen
from medkiosk.console.screens.keys import KeysScreen
from medkiosk.console.screens.login import LoginScreen
from medkiosk.console.securitykeys import Keys, on_usb
from medkiosk.console.terminal import Terminal
from medkiosk.console.theme import OURS, textual_name
from medkiosk.console.typeahead import Answered, Pressed, Ready, TypeAhead
from medkiosk.console.widgets.glass import banner_words
from medkiosk.core.clock import Clock
from medkiosk.core.errors import KioskError
from medkiosk.ipc import types as t
from medkiosk.ipc.client import Client
from medkiosk.ipc.wire import ConnectionLostError

T = TypeVar("T")
_RETRY_S = 1.0
_GLASS_S = 10.0
_COUNT_S = 3.0
"""For how long what happens is gathered before what waits is counted again, seconds."""
CRASHED = (
    "The console stopped because of an error inside it ({kind}, {where}). Nothing in the kiosk is affected:"
    " the daemon goes on. Start medkiosk-console again."
)


def system_clock() -> datetime:
    """The clock of the machine."""
    return datetime.now(UTC)


def crash_words(error: BaseException) -> str:
    """One sentence about an unexpected error: its type and place, never its text or any value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "no place"
    return CRASHED.format(kind=type(error).__name__, where=where)


def _has_new(before: t.Status, now: t.Status) -> bool:
    """Whether there may be more, or less, to do than before."""
    return (before.objects, before.redaction.done) != (now.objects, now.redaction.done)


class KioskApp(App[None]):
    """The console on one kiosk.

    Args:
        socket: the daemon's socket; it need not exist yet.
        terminal: what the terminal can do.
        theme: one of `medkiosk.console.theme.NAMES`.
        clock: what time it is.
        keys: the security keys that are plugged in.
        stays: no key ends it, since nothing is behind it.
    """

    CSS_PATH = "console.tcss"
    TITLE = "medkiosk"
    BINDINGS = bindings(Where.EVERYWHERE)
    ENABLE_COMMAND_PALETTE = False  # it can write a picture of the screen to a file
    ALLOW_SELECT = False  # what is selected can be copied to another program
    NOTIFICATION_TIMEOUT = 0.0
    VERTICAL_BREAKPOINTS = [(0, "-low"), (28, "-tall")]  # noqa: RUF012 - declared so by Textual
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012

    status: reactive[t.Status | None] = reactive(None)
    session: reactive[t.Session | None] = reactive(None)
    to_do: reactive[t.Work | None] = reactive(None)
    """What waits for whoever is logged in, as last counted."""
    glass: reactive[str] = reactive("")
    """What every screen says while this person has another team's patient open; empty otherwise."""

    def __init__(
        self,
        socket: Path,
        *,
        terminal: Terminal,
        theme: str = "calm",
        clock: Clock = system_clock,
        keys: Keys = on_usb,
        stays: bool = False,
    ) -> None:
        super().__init__()
        self.animation_level = "none"  # a text that glides is drawn again and again for one key
        self._stays = stays
        self.terminal = terminal
        self.keys = keys
        self.clock = clock
        self.link = Link(socket)
        self._leaving = False
        self._click_lost = False
        """Whether a button of the mouse is down that went down on what was not seen."""
        self._scanner = Scanner()
        self.typed = TypeAhead(self, self._give, self.when_seen)
        self._counting: Timer | None = None
        self._glasses: tuple[t.OpenGlassInfo, ...] = ()
        self._glass_since = 0.0
        for ours in OURS:
            self.register_theme(ours)
        self.theme = textual_name(theme)

    async def on_event(self, event: events.Event) -> None:
        """Give each key to the screen that the keys before it led to."""
        if isinstance(event, events.Key) and event.is_forwarded:
            if not await self.typed.came_back(event):
                await super().on_event(event)
        elif isinstance(event, Pressed) and not event.is_forwarded:
            await self.typed.pressed(event)
        elif not self._is_vain(event):
            await super().on_event(event)

    def _is_vain(self, event: events.Event) -> bool:
        """Whether a button of the mouse went down on what was not seen, or comes up from there: what was
        pressed before it would make a click of that.
        """
        if event.is_forwarded or not isinstance(event, events.MouseDown | events.MouseUp):
            return False
        lost = self._click_lost
        self._click_lost = isinstance(event, events.MouseDown) and not self.typed.clicked(event)
        return self._click_lost or (lost and isinstance(event, events.MouseUp))

    async def _give(self, event: Pressed) -> None:
        """Take out what a barcode scanner types, before any field or key sees it."""
        new = event is not self.typed.again
        if isinstance(event, events.Key) and new and self._scanner.takes(event, self.screen, self.focused):
            return
        await super().on_event(event)

    @on(Ready)
    async def _next_key(self) -> None:
        await self.typed.ready()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        self.typed.drawn(screen)

    def when_seen(self, screen: Screen[Any]) -> None:
        """Tell when what a screen shows now can be seen: once it was drawn."""
        screen.call_after_refresh(self.typed.painted, screen)

    def once_shown(self, screen: Screen[Any], tell: Callable[[], object]) -> None:
        """Call once what a screen shows now was drawn."""
        screen.call_after_refresh(tell)

    def get_default_screen(self) -> Screen[Any]:
        """Home lies under everything."""
        return HomeScreen()

    def on_mount(self) -> None:
        """Begin to follow the daemon."""
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        self.screen_change_signal.subscribe(self, self.typed.visit, immediate=True)
        self.typed.visit(self.screen)
        self.set_interval(_GLASS_S, self._draw_glass)
        self._follow()

    def on_unmount(self) -> None:
        """Wake the threads that wait on the daemon."""
        self.link.close()

    @work(thread=True, exit_on_error=False, group="follow", description="follow the status")
    def _follow(self) -> None:
        """Post each status; post the loss of the daemon, and try again."""
        while True:
            try:
                for status in self.link.statuses():
                    self.post_message(StatusArrived(status))
            except KioskError:
                self.post_message(LinkLost())
            if not self.link.wait(_RETRY_S):
                return

    def ask(self, request: Callable[[Client], T], answer: Callable[[T], Message], asker: MessagePump) -> None:
        """Make calls in a worker thread; post ``answer`` of the result, or `Refused`, to who asked."""
        self.typed.asked(asker)
        self._ask(request, answer, asker)

    @work(thread=True, exit_on_error=False, group="ask", description="ask the daemon")
    def _ask(
        self, request: Callable[[Client], Any], answer: Callable[[Any], Message], asker: MessagePump
    ) -> None:
        try:
            asker.post_message(answer(self.link.run(request)))
        except ConnectionLostError as error:
            asker.post_message(Refused(error.message))
            self.post_message(SessionLost())
        except KioskError as error:
            asker.post_message(Refused(error.message))
            if getattr(error, "remote_code", "") == "session.ended":
                self.post_message(SessionOver(error.message))
        except Exception:  # noqa: BLE001 - a fault of ours in one request must not leave the asker waiting
            asker.post_message(Refused(words.INTERNAL))
        finally:
            self.post_message(Answered(asker))

    @on(Answered)
    def _answered(self, message: Answered) -> None:
        self.typed.answered(message.asker)

    def count_work(self, after: float = 0.0) -> None:
        """Have what waits counted: now, or once for all that happens within some seconds."""
        if after:
            self._counting = self._counting or self.set_timer(after, self.count_work)
            return
        if self._counting is not None:
            self._counting.stop()
            self._counting = None
        self._count()

    @work(thread=True, exclusive=True, exit_on_error=False, group="count", description="count what waits")
    def _count(self) -> None:
        """Ask behind the screens: nobody waits for it, and what went wrong they say themselves."""
        try:
            self.post_message(WorkCounted(self.link.run(lambda kiosk: kiosk.get_work())))
        except KioskError:
            self.post_message(WorkCounted(None))

    @on(WorkCounted)
    def _work_counted(self, message: WorkCounted) -> None:
        self.to_do = message.work if self.session is not None else None

    @on(StatusArrived)
    async def _status_arrived(self, message: StatusArrived) -> None:
        before, self.status = self.status, message.status
        if self.session is not None and before is not None and _has_new(before, message.status):
            self.count_work(_COUNT_S)
        # Only a change counts: a status from before this login may still be on its way.
        if before is not None and before.unlocked and not message.status.unlocked and not self._leaving:
            await self._session_over(SessionOver(words.LOCKED))

    @on(LinkLost)
    async def _link_lost(self) -> None:
        self.status = None
        await self._session_lost()

    @on(SessionLost)
    async def _session_lost(self) -> None:
        await self._session_over(SessionOver(words.SESSION_LOST))

    @on(SessionOver)
    async def _session_over(self, message: SessionOver) -> None:
        self.link.forget()
        if self.session is not None:
            self.session = None
            self.typed.clear()
            await self._go_home()
            await self.push_screen(LoginScreen(message.words))

    async def _go_home(self) -> None:
        while len(self.screen_stack) > 1:
            await self.pop_screen()

    async def action_quit(self) -> None:
        """Leave it, where one may."""
        if not self._stays:
            await super().action_quit()

    def action_log_out(self) -> None:
        """Log out from any screen."""
        if self.session is not None:
            self._leaving = True
            self.ask(lambda kiosk: kiosk.logout(), lambda _: LoggedOut(), self)

    @on(LoggedOut)
    async def _logged_out(self) -> None:
        self._leaving = False
        self.session = None
        self.typed.clear()
        self.link.forget()
        await self._go_home()
        if isinstance(self.screen, KioskScreen):
            self.screen.say(words.LOGGED_OUT)

    @on(Refused)
    def _refused(self, message: Refused) -> None:
        self._leaving = False
        if isinstance(self.screen, KioskScreen):
            self.screen.say(message.words, wrong=True)

    def glass_opened(self, access: t.AccessInfo) -> None:
        """Show on every screen what is open, and for how long."""
        self._glasses, self._glass_since = access.glasses, time.monotonic()
        self._draw_glass()

    def _draw_glass(self) -> None:
        gone = time.monotonic() - self._glass_since
        self.glass = banner_words(max((each.seconds - gone for each in self._glasses), default=0.0))

    def watch_session(self, session: t.Session | None) -> None:
        """What somebody broke ends with their session; what waits is somebody's."""
        if session is None:
            self.to_do = None
            self._glasses = ()
            self._draw_glass()
        else:
            self.count_work()

    def action_end_glass(self) -> None:
        """Close whatever this person broke."""
        if not (self.session and self._glasses):
            return
        ids = [each.glass_id for each in self._glasses]

        def close(kiosk: Client) -> t.AccessInfo:
            still = {each.glass_id for each in kiosk.get_access().glasses}
            for glass_id in ids:
                if glass_id in still:
                    kiosk.end_glass(glass_id)
            return kiosk.get_access()

        self.ask(close, AccessLoaded, self)

    @on(AccessLoaded)
    async def _glass_closed(self, message: AccessLoaded) -> None:
        self.glass_opened(message.access)
        await self._go_home()
        if isinstance(self.screen, KioskScreen):
            self.screen.say(words.GLASS_CLOSED)

    def action_keys(self) -> None:
        """List the keys."""
        screen = self.screen
        if isinstance(screen, KioskScreen) and not isinstance(screen, KeysScreen):
            self.push_screen(KeysScreen(screen.WHERE))

    @on(Worker.StateChanged)
    def _worker_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self._crash(event.worker.error)

    def _crash(self, error: BaseException) -> None:
        self.panic(Text(crash_words(error)))

    def _handle_exception(self, error: Exception) -> None:
        # Textual's own prints the local variables of every frame: names, passphrases, pixels.
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._crash(error)
