"""USB devices that are not used: said on the screen and in the ledger; and the list of those that may type.

The rules of udev decide (docs/usb.md). Nothing here changes what the screen says of a camera.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from medkiosk.core.errors import BadRequestError, KioskError, NotFoundError
from medkiosk.core.ids import KIOSK, AccountId
from medkiosk.core.usbevents import KeyboardEnrolled, KeyboardForgotten, UsbRefused
from medkiosk.daemon.board import Board
from medkiosk.device import usbpolicy
from medkiosk.device.usbkeyboards import MOST, Keyboard, keyboard_of, lets_in
from medkiosk.device.usbwatch import SHOWN, WHAT_TO_DO, Entry, EntryBudget, Refused, refused
from medkiosk.ipc.usbtypes import KeyboardInfo, RefusedDevice, Usb
from medkiosk.journal import Fact, Journal

_log = logging.getLogger(__name__)
_LINGER_S = 20.0
_TICK_S = 1.0
_LISTED = "listed"  # no action of udev's: the list changed
_NOT_IN_FORCE = (
    "This computer uses every USB device that is plugged in, keyboards that were hidden in sticks, too: its"
    " kernel was not started with usbcore.authorized_default=0. Nothing that was imported is affected. Plug"
    " in nothing that is not yours, and have the kiosk's own image installed."
)
_NOT_CLOSED = (
    "Cameras, cards and sticks are not read, and any keyboard works: medkiosk-usb.service did not run."
    " Nothing that was imported is affected. Restart the kiosk; if this stays, tell whoever looks after it."
)
_STAND_IN = (
    "{name} is used until the next restart, in the place of a keyboard or scanner that is missing. If it is"
    " the new one, an administrator enrols it: Home, then USB (U). If nobody knows it, pull it out and"
    " restart the kiosk."
)


class NoKeyboardListError(KioskError):
    """This computer keeps no list of keyboards: it has no [usb] keyboards in its configuration, so every
    keyboard works. Nothing was changed.
    """

    code: ClassVar[str] = "usb.no_list"


class LastKeyboardError(KioskError):
    """This is the only keyboard of the list, and without it nobody could log in. Nothing was changed. Enrol
    the other one first.
    """

    code: ClassVar[str] = "usb.last_keyboard"


class UsbDesk:
    """Hears of every USB device from udev's thread, and says what was refused, on a thread of its own.

    Args:
        keyboards: the list of keyboards; None where none is kept.
        journal: for the entries.
        board: for the screen.
        monotonic: a clock that only goes forward, seconds.
        connected: what is plugged in and can type.
    """

    def __init__(
        self,
        keyboards: Path | None,
        journal: Journal,
        board: Board,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        connected: Callable[[], tuple[Keyboard, ...]] = usbpolicy.connected,
    ) -> None:
        self._list = keyboards
        self._journal = journal
        self._board = board
        self._monotonic = monotonic
        self._connected = connected
        self._budget = EntryBudget()
        self._there: dict[str, tuple[Refused, float]] = {}
        self._went: set[str] = set()
        self._typing: dict[str, Keyboard] = {}
        self._queue: queue.SimpleQueue[tuple[str, Mapping[str, str]] | None] = queue.SimpleQueue()
        self._changing = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to say."""
        if self._list is not None:
            self._say_whether_in_force()
            self._queue.put((_LISTED, {}))
        self._thread = threading.Thread(target=self._run, name="usb", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; harmless when it never began."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()

    def happened(self, action: str, properties: Mapping[str, str]) -> None:
        """Take what udev says of a USB device; returns at once."""
        if self._thread is not None:
            self._queue.put((action, properties))

    # What people ask

    def usb(self) -> Usb:
        """The list, what was refused, and what could be enrolled.

        Raises:
            NoKeyboardListError: none is kept.
            KeyboardsDamagedError: it is not what the kiosk wrote.
        """
        listed, there = usbpolicy.load(self._path), self._connected()
        return Usb(
            keyboards=tuple(_info(one, any(lets_in(one, each) for each in there)) for one in listed),
            refused=self._board.status.refused,
            strangers=tuple(
                _info(each, True) for each in there if not any(lets_in(one, each) for one in listed)
            ),
        )

    def enrol(self, port: str, actor: AccountId) -> Usb:
        """Put what is plugged in at a port on the list, in the place of what was listed there.

        Raises:
            NotFoundError: nothing that can type is there.
            BadRequestError: the list is full.
            KioskError: as `usb`; or the event cannot be recorded.
        """
        with self._changing:
            kept = [one for one in usbpolicy.load(self._path) if one.port != port]
            found = next((one for one in self._connected() if one.port == port), None)
            if found is None:
                raise NotFoundError(what="keyboard or scanner", id=port)
            if len(kept) >= MOST:
                raise BadRequestError(detail=f"the list holds at most {MOST}; forget one first")
            event = KeyboardEnrolled(at=self._journal.now(), actor=actor, **_fields(found))
            self._journal.commit([Fact(event)])  # first: what is let in is never unlogged
            self._write([*kept, found])
        return self.usb()

    def forget(self, port: str, actor: AccountId) -> Usb:
        """Take what is listed at a port off the list.

        Raises:
            NotFoundError: nothing is listed there.
            LastKeyboardError: it is the only one.
            KioskError: as `usb`; or the event cannot be recorded.
        """
        with self._changing:
            listed = usbpolicy.load(self._path)
            kept = [one for one in listed if one.port != port]
            if len(kept) == len(listed):
                raise NotFoundError(what="keyboard or scanner", id=port)
            if not kept:
                raise LastKeyboardError
            gone = [one for one in listed if one.port == port]
            at = self._journal.now()
            self._write(kept)
            self._journal.commit(
                [Fact(KeyboardForgotten(at=at, actor=actor, **_fields(one))) for one in gone]
            )
        return self.usb()

    @property
    def _path(self) -> Path:
        if self._list is None:
            raise NoKeyboardListError
        return self._list

    def _write(self, keyboards: list[Keyboard]) -> None:
        try:
            usbpolicy.save(keyboards, self._path)  # medkiosk-usb.path sees it
        except OSError as error:
            raise BadRequestError(
                detail=f"the list of keyboards cannot be written ({error.strerror})"
            ) from error
        self._queue.put((_LISTED, {}))

    # The thread

    def _run(self) -> None:
        while True:
            try:
                step = self._queue.get(timeout=_TICK_S)
            except queue.Empty:
                self._passed()
                continue
            if step is None:
                return
            try:
                self._take(*step)
            except Exception:  # noqa: BLE001 -- logged whole; the next device must be told of, too
                _log.exception("usb")
            if self._queue.empty():
                self._passed()

    def _take(self, action: str, properties: Mapping[str, str]) -> None:
        key, now = properties.get("DEVPATH", ""), self._monotonic()
        if action == _LISTED:
            self._say_stand_ins()
            return
        self._type(key, action, properties)
        device = refused(properties) if action != "remove" else None
        if device is None:
            if key in self._there:
                self._went.add(key)
            return
        known = self._there.get(key)
        if known is None or key in self._went or known[0] != device:
            self._went.discard(key)
            self._there[key] = (device, now)
            _log.warning("usb: refused %s:%s: %s", device.vendor, device.product, device.poses)
            self._enter(self._budget.refused(device, now))

    def _passed(self) -> None:
        """Time passed, or everything that udev said was heard."""
        now = self._monotonic()
        for key in list(self._went):
            # Somebody who plugged it in and out again must still be able to read what it was.
            if now - self._there[key][1] >= _LINGER_S:
                self._went.discard(key)
                del self._there[key]
        newest = sorted(self._there.values(), key=lambda one: -one[1])
        self._board.set(refused=tuple(_line(device) for device, _ in newest[:SHOWN]))
        self._enter(self._budget.tick(now))

    def _enter(self, entry: Entry | None) -> None:
        if entry is None:
            return
        device = entry.device
        event = UsbRefused(
            at=self._journal.now(),
            actor=KIOSK,
            vendor=device.vendor,
            product=device.product,
            called=device.name,
            reason=device.reason,
            poses=device.poses,
            port=device.port,
            uncounted=entry.uncounted,
        )
        try:
            self._journal.commit([Fact(event)])
        except KioskError as error:  # a full disk, say: the board has its own words for that
            _log.error("usb: not recorded: %s", error.code)

    def _type(self, key: str, action: str, properties: Mapping[str, str]) -> None:
        """Know what may type, and say what does so without being in the list."""
        used = action != "remove" and properties.get("MEDKIOSK_USB") == "keyboard"
        keyboard = keyboard_of(properties, properties.get("ID_SERIAL_SHORT", "")) if used else None
        if keyboard is not None:
            self._typing[key] = keyboard
        elif self._typing.pop(key, None) is None:
            return
        self._say_stand_ins()

    def _say_stand_ins(self) -> None:
        if self._list is None:
            return
        try:
            listed = usbpolicy.load(self._list)
        except (KioskError, OSError) as error:
            words = error.message if isinstance(error, KioskError) else str(error)
            self._board.problem(words, key="usb.list")
            listed = ()
        else:
            self._board.solved("usb.list")
        strange = [one for one in self._typing.values() if not any(lets_in(each, one) for each in listed)]
        if not strange:
            self._board.solved("usb.stand_in")
            return
        one = strange[0]
        name = f"{one.name or 'A keyboard or scanner'} ({one.vendor}:{one.product})"
        self._board.problem(_STAND_IN.format(name=name), key="usb.stand_in")

    def _say_whether_in_force(self) -> None:
        if not usbpolicy.in_force():
            self._board.problem(_NOT_IN_FORCE, key="usb.policy")
        elif not usbpolicy.CLOSED.exists():
            self._board.problem(_NOT_CLOSED, key="usb.policy")


def _line(device: Refused) -> RefusedDevice:
    return RefusedDevice(
        vendor=device.vendor,
        product=device.product,
        name=device.name,
        reason=device.reason,
        words=f"It says it is {device.poses}. {WHAT_TO_DO[device.reason]}",
        port=device.port,
    )


def _info(one: Keyboard, there: bool) -> KeyboardInfo:
    return KeyboardInfo(
        vendor=one.vendor, product=one.product, name=one.name, port=one.port, serial=one.serial, there=there
    )


def _fields(one: Keyboard) -> dict[str, str]:
    return {
        "vendor": one.vendor,
        "product": one.product,
        "port": one.port,
        "serial": one.serial,
        "called": one.name,
    }
