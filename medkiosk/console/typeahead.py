"""Keys in the order in which they were pressed, also those that come faster than screens open.

A key waits until the one before it has done all that it does, and until the screen that this opened can take
it. What decides something is never done by a key that was pressed before the screen showed what it decides
about: such a key is thrown away with all that were pressed after it, and the screen says so.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widgets import Input

from medkiosk.console.screens.base import Dialog, KioskScreen
from medkiosk.console.widgets.choice import Choice

Pressed = events.Key | events.Paste
TOO_EARLY = "A key was pressed before this was on the screen, so it did nothing. Look, and press it again."
HOLD_S = 3.0
"""The longest that a key waits for a screen; then only Esc goes through."""
_POLL_S = 0.01
_SETTLE_S = 0.1
_HOP_S = 0.5
"""The longest that one widget may keep a key, so that a broken one does not keep the keyboard."""
_AT_ONCE = frozenset({"f9"})
_BACK = frozenset({"back", "app.keys", "app.end_glass"})
_MOVES = frozenset({"up", "down", "left", "right", "pageup", "pagedown", "home", "end", "tab", "shift+tab"})
_EDITS = frozenset({"left", "right", "home", "end", "backspace", "delete"})


class Ready(Message):
    """A key that waited can be taken."""


class Answered(Message):
    """The daemon answered, and the answer is with who asked."""

    def __init__(self, asker: MessagePump) -> None:
        self.asker = asker
        super().__init__()


class TypeAhead:
    """The keys of one console that wait for a screen.

    Args:
        app: the application.
        give: hands a key to the screen that is on top.
        watch: calls `painted` when what a screen shows now is to be seen.
    """

    def __init__(
        self,
        app: App[Any],
        give: Callable[[Pressed], Awaitable[None]],
        watch: Callable[[Screen[Any]], object],
    ) -> None:
        self._app = app
        self._give = give
        self._watch = watch
        self._keys: deque[Pressed] = deque()
        self._way: list[DOMNode] = []
        """Through whom the last key goes; empty when it has done all that it does."""
        self._settles = 0.0
        """Until then it is asked for whether a key has done all, and not only looked."""
        self._field: Input | None = None
        """The field in which the last letter was typed."""
        self._target: Screen[Any] | None = None
        """The screen that got the last key."""
        self._task: asyncio.Task[None] | None = None
        self._asked: WeakKeyDictionary[Screen[Any], int] = WeakKeyDictionary()
        """How many answers each screen waits for."""
        self._visit: Screen[Any] | None = None
        self._known: WeakSet[Screen[Any]] = WeakSet()
        """Screens that were shown with what they load."""
        self._since: float | None = None
        """When the screen on top was first to be seen with what it loads."""
        self._drawn = 0.0
        """When something of it was last drawn."""
        self._discards = False
        """Whether a key was thrown away, and nobody can know it yet."""
        self.again: Pressed | None = None
        """The key that is given out for the second time; the scanner has heard it before."""
        self._vain = False
        """Whether keys were lost on a screen that waits; so are all that follow, until one does not."""
        self._forced = False
        """Whether the key that waits goes through, whatever the screen waits for."""
        self.key_time = 0.0
        """When the key was pressed that was given out last."""

    # What is on the screen

    @property
    def shown(self) -> bool:
        """Whether the screen on top can be seen, with what it loads."""
        return self._since is not None and self._visit is self._app.screen

    def visit(self, screen: Screen[Any]) -> None:
        """Another screen is on top, or the same one again."""
        self._visit, self._since, self._drawn, self._discards = screen, None, 0.0, False
        self._watch(screen)

    def drawn(self, screen: Screen[Any]) -> None:
        """Something of a screen went to the terminal."""
        if screen is self._visit:
            self._drawn = time.monotonic()

    def painted(self, screen: Screen[Any]) -> None:
        """All that a screen has to show was drawn, or said."""
        if screen is not self._visit or screen is not self._app.screen:
            return
        self._discards = False
        if self._since is None and (screen in self._known or not self._asked.get(screen)):
            self._known.add(screen)
            self._since = self._drawn or time.monotonic()
            if self._vain:
                self._vain = False
                _say_too_early(screen)

    def asked(self, asker: MessagePump) -> None:
        """A screen, or a widget on one, asks the daemon something."""
        if (screen := _screen_of(asker)) is not None:
            self._asked[screen] = self._asked.get(screen, 0) + 1

    def answered(self, asker: MessagePump) -> None:
        """The answer is with who asked: once that was drawn, it counts as seen."""
        screen = _screen_of(asker)
        if screen is None:
            return

        def taken() -> None:
            self._asked[screen] -= 1
            if screen is self._visit and self._since is None and not self._asked[screen]:
                self._drawn = 0.0
                self._watch(screen)

        if not asker.call_later(taken):
            taken()

    # Keys

    def clear(self) -> None:
        """Forget what waits: it was meant for somebody, or something, that is gone."""
        self._keys.clear()
        self._forced = self._vain = False

    async def pressed(self, key: Pressed) -> None:
        """Take a key in, and give out what can be given."""
        if isinstance(key, events.Key) and key.key in _AT_ONCE:
            self.clear()
            await self._give(key)
            return
        if self._vain and not (isinstance(key, events.Key) and key.key == "escape"):
            if not self.shown or _holds(self._app.screen):
                return
            self._vain = False
        self._keys.append(key)
        if self._task is None:
            await self.ready()

    async def came_back(self, key: events.Key) -> bool:
        """Whether a key that no widget took is for another screen by now; then it waits for that one."""
        if key.key in _AT_ONCE or self._target is None or self._app.screen is self._target:
            return False
        again = events.Key(key.key, key.character)
        again.time = key.time
        self.again = again
        self._keys.appendleft(again)
        if self._task is None:
            await self.ready()
        return True

    def clicked(self, event: events.MouseEvent) -> bool:
        """Whether a click is on what was on the screen, with no key before it that still waits."""
        return not self._keys and self._since is not None and event.time >= self._since

    async def ready(self) -> None:
        """Give out keys in order, as far as they can be taken."""
        self._task = None
        while self._keys:
            if not self._can_take(self._keys[0]):
                self._task = asyncio.create_task(self._wait())
                return
            key = self._keys.popleft()
            screen, forced, self._forced = self._app.screen, self._forced, False
            if not forced and (self._discards or self._too_early(key, screen)):
                self.throw_away(screen)
            else:
                await self._hand_out(key, screen)

    async def _hand_out(self, key: Pressed, screen: Screen[Any]) -> None:
        focused = screen.focused
        self._target, self.key_time = screen, key.time
        letter = isinstance(focused, Input) and isinstance(key, events.Key) and key.is_printable
        self._field = focused if letter and isinstance(focused, Input) else None
        self._way = [*(focused or screen).ancestors_with_self] if self._field is None else [self._field]
        moves = isinstance(key, events.Key) and key.key in _MOVES
        await self._give(key)
        self._settles = time.monotonic() + (0.0 if letter or moves else _SETTLE_S)

    def _is_done(self) -> bool:
        """Whether the key before has done all that it does, as far as can be told without asking."""
        way = [*self._way, *self._app.screen_stack] if self._field is None else self._way
        if self._way and (
            time.monotonic() < self._settles
            or any(each.message_queue_size or each._next_callbacks for each in way)  # noqa: SLF001
        ):
            return False
        self._way = []
        return True

    async def _follow(self) -> None:
        """Until a key, what its action sent, and the answers of questions have passed all that they pass."""
        way = self._way
        await _passed(way)
        if self._field is None:
            await _passed(way)
            await _passed([*reversed(self._app.screen_stack), self._app])
            await _passed([*reversed(self._app.screen_stack), self._app])
        if self._way is way:
            self._way = []

    def _can_take(self, key: Pressed) -> bool:
        """Whether the screen on top can take a key, or it is certain that it must not."""
        screen = self._app.screen
        if self._forced:
            return True
        if not self._is_done():
            typed = isinstance(key, events.Key) and key.is_printable
            return typed and self._field is not None and self._field is screen.focused
        if not screen.is_mounted or self._visit is not screen:
            return False
        if _holds(screen):
            return False
        return self.shown or self._discards or not _waits(key, screen)

    def _too_early(self, key: Pressed, screen: Screen[Any]) -> bool:
        early = self._since is None or key.time < self._since
        return (early and not _goes_ahead(key, screen)) or _acts_on_unseen(key, screen)

    def throw_away(self, screen: Screen[Any]) -> None:
        """A key came before what it acts on was seen: it is lost with all after it, and that is said."""
        self.clear()
        if self._discards:
            return
        # What is pressed before somebody can have read it, was pressed for what did not happen.
        self._discards, self._since, self._drawn = True, None, 0.0
        _say_too_early(screen)
        self._watch(screen)

    async def _wait(self) -> None:
        deadline = time.monotonic() + HOLD_S
        await self._follow()
        while self._keys and not self._can_take(self._keys[0]):
            if time.monotonic() >= deadline:
                self._give_up()
                break
            await asyncio.sleep(_POLL_S)
        self._app.post_message(Ready())

    def _give_up(self) -> None:
        """The screen waits for the daemon: Esc leaves it, and everything else was pressed in vain."""
        screen = self._app.screen
        left = [key for key in self._keys if isinstance(key, events.Key) and key.key == "escape"]
        self.clear()
        if left:
            self._keys.append(left[0])
            self._forced = True
            return
        self._vain = True
        if screen.is_mounted and not _holds(screen):
            _say_too_early(screen)  # one that holds keys says itself what it waits for


def _holds(screen: Screen[Any]) -> bool:
    return isinstance(screen, KioskScreen) and screen.holds_keys


def _say_too_early(screen: Screen[Any]) -> None:
    if isinstance(screen, KioskScreen):
        screen.say(TOO_EARLY, wrong=True)
    elif isinstance(screen, Dialog):
        screen.warn(TOO_EARLY)


def _waits(key: Pressed, screen: Screen[Any]) -> bool:
    """Whether a key that goes ahead of what is shown waits for what the screen loads."""
    if _is_text(key, screen) or not isinstance(key, events.Key) or key.key == "escape":
        return False
    return _goes_ahead(key, screen)


def _is_text(key: Pressed, screen: Screen[Any]) -> bool:
    """Whether a key fills in a form, which is seen before it is saved."""
    if isinstance(screen.focused, Choice):
        return isinstance(key, events.Key) and key.key == "space"
    if not isinstance(screen.focused, Input):
        return False
    return isinstance(key, events.Paste) or key.is_printable or key.key in _EDITS


def _goes_ahead(key: Pressed, screen: Screen[Any]) -> bool:
    """Whether a key may be pressed before its screen is seen: it types, moves, goes back, or opens."""
    if _is_text(key, screen):
        return True
    if not isinstance(key, events.Key):
        return False
    if key.key in _MOVES:
        return True
    name = _action(key, screen)
    return name in _BACK or (isinstance(screen, KioskScreen) and bool(name) and screen.goes_ahead(name))


def _acts_on_unseen(key: Pressed, screen: Screen[Any]) -> bool:
    """Whether a key does something to what came on the same screen after it was pressed."""
    if not isinstance(key, events.Key) or not isinstance(screen, KioskScreen):
        return False
    seen_at = screen.seen_at
    if seen_at is not None and key.time >= seen_at:
        return False
    name = _action(key, screen)
    return bool(name) and name not in _BACK and name.partition("(")[0] not in screen.LOOKS


def _action(key: events.Key, screen: Screen[Any]) -> str:
    """What a key is bound to on a screen; empty where it is bound to nothing."""
    bound = screen.active_bindings.get(key.key)
    return bound.binding.action if bound is not None else ""


async def _passed(pumps: Iterable[MessagePump]) -> None:
    """When each in turn has taken in what it was sent before."""
    for pump in pumps:
        reached = asyncio.Event()
        if pump.is_running and pump.call_later(reached.set):
            try:
                await asyncio.wait_for(reached.wait(), _HOP_S)
            except TimeoutError:
                continue


def _screen_of(asker: MessagePump) -> Screen[Any] | None:
    pump: MessagePump | None = asker
    while pump is not None and not isinstance(pump, Screen):
        pump = pump._parent  # noqa: SLF001 - a widget that is not attached any more has no screen to ask for
    return pump
