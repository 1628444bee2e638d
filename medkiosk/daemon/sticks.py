"""Sticks for exports: noticed, looked at, lent to one writer at a time, let go of (docs/stick.md).

A stick that the mount helper mounts is mounted only while it is looked at or written to, so that it can be
pulled out at any other time. One that the configuration names is somebody else's mount, or a plain directory.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from medkiosk import durable
from medkiosk.core import config
from medkiosk.core.errors import BadRequestError, KioskError, NotFoundError
from medkiosk.core.exportevents import StickEnrolled
from medkiosk.core.ids import AccountId, Random, new_id
from medkiosk.core.sticks import STICK_WORDS, StickState
from medkiosk.daemon import stickreading
from medkiosk.daemon.board import Board
from medkiosk.daemon.stickplace import Lent, Place, identity_in, info, is_there
from medkiosk.device import stickmark
from medkiosk.device.cards import CardRefusedError, MountHelper
from medkiosk.device.model import DeviceRef
from medkiosk.device.stick import Happening, after, is_busy, may_take
from medkiosk.device.stickfiles import MARK, Found, Look
from medkiosk.device.stickmark import StickId
from medkiosk.device.volume import WORDS, MountCode, Request
from medkiosk.export.errors import (
    LeftBehindError,
    StickError,
    StickFullError,
    StickGoneError,
    StickLiesError,
    StickProtectedError,
    on_stick,
)
from medkiosk.export.volume import (
    Need,
    NoStickError,
    StickBusyError,
    StickFiles,
    StickForeignError,
    StickRefusedError,
    StickTooSmallError,
    check_room,
    room_on,
)
from medkiosk.ipc.exporttypes import StickInfo, Sticks
from medkiosk.journal import Fact, Journal

_log = logging.getLogger(__name__)
_SHOWN_FOREIGN = (
    "Something on it is neither the kiosk's nor put there by a computer itself. Take a blank one, or"
    " call the administrator."
)
_HAPPENED: tuple[tuple[type[KioskError], Happening], ...] = (
    (StickLiesError, Happening.LIED),
    (StickTooSmallError, Happening.TOO_SMALL),
    (StickFullError, Happening.TOO_SMALL),
    (StickProtectedError, Happening.LOCKED),
    (StickGoneError, Happening.PULLED),
    (StickError, Happening.BROKE),
    (LeftBehindError, Happening.BROKE),
    (StickForeignError, Happening.NOT_OURS),
    (StickRefusedError, Happening.REFUSED),
)


class Taken:
    """A stick that is lent to one writer.

    Attributes:
        path: its top folder.
        files: the durable operations to write with.
        after: what the stick is once it was let go of, which may fail; None before.
    """

    def __init__(self, path: Path, files: StickFiles, said: Callable[[str], None]) -> None:
        self.path = path
        self.files = files
        self.progress = said
        """Is told in words how far it is."""
        self.after: StickInfo | None = None

    def check_room(self, need: Need) -> None:
        """Raise unless so much fits.

        Raises:
            StickTooSmallError, StickError: it does not.
        """
        check_room(need, room_on(self.path))


class StickDesk:
    """All places for sticks; thread-safe, with a thread of its own that notices what is plugged in.

    Args:
        places: from the configuration.
        policy: what may be written to.
        journal: takes the event of an enrolment.
        key: of the marks (`stickmark.KEY_LABEL`).
        board: shows each stick.
        random: source of randomness.
        helper: mounts volumes; None where only places of the configuration are used.
        poll_s: between two looks at those, seconds.
        start: starts a worker that looks at a stick.
    """

    def __init__(
        self,
        places: tuple[config.Stick, ...],
        policy: Literal["any", "blank_or_enrolled"],
        journal: Journal,
        key: bytes,
        board: Board,
        random: Random,
        *,
        helper: MountHelper | None = None,
        poll_s: float = 1.0,
        start: stickreading.Spawn = stickreading.spawn,
    ) -> None:
        self._policy = policy
        self._journal = journal
        self._key = key
        self._board = board
        self._random = random
        self._helper = helper
        self._poll_s = poll_s
        self._start = start
        self._places = {one.name: Place(one.name, Path(one.path), one.mounted) for one in places}
        self._changing = threading.Lock()
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to notice."""
        self._thread = threading.Thread(target=self._watch, name="sticks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; harmless when it never began. Who writes, writes to the end."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()

    # What udev tells; on its thread, so it only puts into the queue

    def came(self, device: DeviceRef) -> None:
        """A stick was plugged in."""
        self._queue.put(lambda: self._came(device))

    def went(self, device: DeviceRef) -> None:
        """It was pulled out."""
        self._queue.put(lambda: self._went(device))

    # What people ask

    def sticks(self) -> Sticks:
        """Every place, and what is there."""
        with self._changing:
            return Sticks(sticks=tuple(info(place) for place in self._places.values()))

    @contextlib.contextmanager
    def writing(self, name: str = "") -> Iterator[Taken]:
        """Lend a stick to one writer; when the block ends without an error, all of it is on the stick.

        Args:
            name: of the place; empty for the first where something is.

        Raises:
            NotFoundError: there is no such place.
            NoStickError: nothing is plugged in there.
            StickBusyError: somebody else writes to it.
            StickForeignError, StickProtectedError, StickRefusedError: it is not fit.
        """
        with self._lent(name) as place:
            try:
                with self._mounted(place, writable=True) as path:
                    self._check(place, path)
                    self._happened(place, Happening.TAKEN)
                    files = StickFiles(lambda: self._happened(place, Happening.WRITTEN))
                    taken = Taken(path, files, lambda words: self._say(place, words))
                    yield taken
            except BaseException as error:
                self._failed(place, error)
                raise
            self._release(place)
            with self._changing:
                taken.after = info(place)

    @contextlib.contextmanager
    def reading(self, name: str = "") -> Iterator[Lent]:
        """Lend a stick to one reader, mounted read-only; pulling it out harms nothing but the reading.

        Raises:
            NotFoundError, NoStickError, StickBusyError, StickRefusedError: as `writing`.
        """
        with self._lent(name) as place, self._mounted(place, writable=False) as path:
            yield Lent(place.name, path)

    def read_acknowledgements(self, name: str = "") -> list[bytes]:
        """Return what receivers sent back on a stick: untrusted, at most 64 files of at most 64 KiB.

        Raises:
            NotFoundError, NoStickError, StickBusyError, StickRefusedError: as `writing`.
            StickError: it cannot be read.
        """
        with self.reading(name) as lent:
            return list(stickreading.look(lent.path, self._start).untrusted_acknowledgements)

    def enrol(self, name: str, label: str, actor: AccountId) -> StickId:
        """Make a stick one of this kiosk's own, whatever else is on it.

        Raises:
            BadRequestError: it is one already, or the label cannot be used.
            KioskError: as `writing`; or the event cannot be recorded.
        """
        if not label.strip() or len(label) > 60 or not label.isprintable():
            raise BadRequestError(detail="a stick's label has 1 to 60 characters")
        with self._lent(name) as place:
            with self._mounted(place, writable=True) as path:
                seen = stickreading.look(path, self._start)
                if self._is_enrolled(seen):
                    raise BadRequestError(detail="this stick is one of this kiosk's own already")
                stick_id = StickId(new_id(self._random))
                with on_stick():
                    durable.write_atomic(path / MARK, stickmark.write(self._key, stick_id))
                event = StickEnrolled(
                    at=self._journal.now(), actor=actor, stick_id=stick_id, label=label.strip()
                )
                self._journal.commit([Fact(event)])
            self._let_go(place)
            self._look(place)
        return stick_id

    # One stick

    @contextlib.contextmanager
    def _lent(self, name: str) -> Iterator[Place]:
        place = self._named(name)
        # Who only looks at it holds it for a moment.
        if is_busy(place.state) or not place.lock.acquire(timeout=stickreading.LOOK_S):
            raise StickBusyError(name=place.name)
        try:
            self._notice(place)
            if not is_there(place):
                raise NoStickError(name=place.name)
            yield place
        finally:
            place.lock.release()

    def _named(self, name: str) -> Place:
        with self._changing:
            places = list(self._places.values())
        if name:
            found = next((place for place in places if place.name == name), None)
        else:
            found = next((place for place in places if is_there(place)), places[0] if places else None)
        if found is None:
            raise NotFoundError(what="stick", id=name or "(none is plugged in)")
        return found

    @contextlib.contextmanager
    def _mounted(self, place: Place, *, writable: bool) -> Iterator[Path]:
        if not place.volume:
            yield place.path
            return
        try:
            self._ask(Request.MOUNT_STICK if writable else Request.LOOK_STICK, place)
        except CardRefusedError as error:
            raise _refusal(place, error) from error
        try:
            yield place.path
        except BaseException:
            with contextlib.suppress(CardRefusedError):
                self._ask(Request.UNMOUNT_STICK, place)
            raise
        if not writable:
            with contextlib.suppress(CardRefusedError):
                self._ask(Request.UNMOUNT_STICK, place)

    def _let_go(self, place: Place) -> None:
        """Unmount what the helper mounted, and wait until nothing of it is left in memory."""
        if place.volume:
            self._ask(Request.RELEASE_STICK, place)

    def _release(self, place: Place) -> None:
        try:
            self._let_go(place)
        except CardRefusedError as error:
            _log.warning("stick: %s: mount code %d", place.volume, error.reason)
            detail = (
                "What was written is complete and on the stick, but the kiosk could not let go of it."
                " Wait a minute, then pull it out; if the next stick is not noticed, restart the kiosk."
            )
            self._happened(place, Happening.HELD, detail)
            return
        self._happened(place, Happening.COMPLETE)

    def _check(self, place: Place, path: Path) -> None:
        """Raise unless a stick may be written to, as the policy says; what it was found to be is shown."""
        if place.state is StickState.LIES:
            detail = "it gave back other bytes than were written to it; destroy it"
            raise StickRefusedError(name=place.name, detail=detail)
        self._happened(place, Happening.PLUGGED)
        self._happened(place, *self._seen(place, path))
        if place.state is StickState.FOREIGN:
            raise StickForeignError(name=place.name)
        if place.state is StickState.PROTECTED:
            raise StickProtectedError(detail="the stick is write-protected")
        if not may_take(place.state):
            raise StickRefusedError(name=place.name, detail=place.detail or STICK_WORDS[place.state].lower())
        room_on(path)

    def _is_enrolled(self, seen: Look) -> bool:
        return stickmark.read(self._key, seen.untrusted_mark) is not None

    def _is_fit(self, seen: Look) -> bool:
        foreign_mark = bool(seen.found & Found.MARKED) and not self._is_enrolled(seen)
        return self._policy == "any" or self._is_enrolled(seen) or (seen.is_blank and not foreign_mark)

    def _look(self, place: Place) -> None:
        """Look at what is plugged in, and say what it is when it is let go; the place's lock is held."""
        self._happened(place, Happening.PLUGGED)
        try:
            with self._mounted(place, writable=False) as path:
                happening, detail = self._seen(place, path)
        except KioskError as error:
            happening, detail = _happening(error, Happening.REFUSED), error.message
        self._happened(place, happening, detail)

    def _seen(self, place: Place, path: Path) -> tuple[Happening, str]:
        try:
            if not place.volume:  # that is mounted read-only, to be looked at
                place.free = room_on(path).free
            fit = self._is_fit(stickreading.look(path, self._start))
        except StickProtectedError:
            return Happening.LOCKED, WORDS[MountCode.LOCKED]
        except stickreading.NotLookedAtError as error:
            place.again = True
            return Happening.REFUSED, error.message
        except StickError as error:
            return Happening.REFUSED, str(error.values.get("detail", ""))
        return (Happening.FIT, "") if fit else (Happening.NOT_OURS, _SHOWN_FOREIGN)

    def _failed(self, place: Place, error: BaseException) -> None:
        # What the daemon itself did not foresee can have left anything.
        happening = _happening(error, Happening.LEFT if isinstance(error, KioskError) else Happening.BROKE)
        detail = error.message if isinstance(error, KioskError) and happening is not Happening.LEFT else ""
        if isinstance(error, StickError) and not is_there(place):
            happening = Happening.PULLED  # whatever the kernel said first
        self._happened(place, happening, detail)

    # The thread

    def _watch(self) -> None:
        while True:
            self._poll()
            try:
                step = self._queue.get(timeout=self._poll_s)
            except queue.Empty:
                continue
            if step is None:
                return
            try:
                step()
            except Exception:  # noqa: BLE001 -- logged whole; the next stick must not wait for a restart
                _log.exception("stick")

    def _poll(self) -> None:
        for place in list(self._places.values()):
            if (place.again or not place.volume) and place.lock.acquire(blocking=False):  # else in use
                try:
                    self._notice(place)
                except Exception:  # noqa: BLE001 -- logged whole, said, tried again; the thread must go on
                    _log.exception("stick")
                    place.again = True
                    self._happened(place, Happening.REFUSED, stickreading.NOT_LOOKED_AT)
                finally:
                    place.lock.release()

    def _notice(self, place: Place) -> None:
        """See whether another stick is in a place of the configuration, or one is to be looked at again.

        The place's lock is held.
        """
        again, place.again = place.again, False
        if not place.volume and (identity := identity_in(place)) != place.identity:
            place.identity, place.free = identity, 0
            self._happened(place, Happening.PULLED)
            again = bool(identity)
        if again and (place.plugged or place.identity) and place.state is not StickState.LIES:
            self._look(place)

    def _came(self, device: DeviceRef) -> None:
        volume = Path(device.port).name
        name = f"usb-{volume}"
        with self._changing:
            place = self._places.setdefault(name, Place(name, Path(device.port), volume=volume))
        with place.lock:
            place.plugged, place.free, place.again = True, 0, False
            try:
                self._look(place)
            except Exception:
                place.again = True
                self._happened(place, Happening.REFUSED, stickreading.NOT_LOOKED_AT)
                raise

    def _went(self, device: DeviceRef) -> None:
        with self._changing:
            place = self._places.get(f"usb-{Path(device.port).name}")
        if place is None:
            return
        place.plugged = False  # who is writing to it sees that when the stick fails
        if is_busy(place.state):
            self._happened(place, Happening.PULLED, STICK_WORDS[StickState.LOST])
        with place.lock:
            with contextlib.suppress(CardRefusedError):
                self._ask(Request.UNMOUNT_STICK, place)
            self._happened(place, Happening.PULLED)

    # The board

    def _happened(self, place: Place, happening: Happening, detail: str = "") -> None:
        with self._changing:
            before = place.state
            place.state, place.detail = after(before, happening), detail
            self._show(place)
        if place.state is not before:
            named = place.volume or hashlib.sha256(place.name.encode()).hexdigest()[:8]
            _log.info("stick %s: %s", named, place.state)

    def _say(self, place: Place, words: str) -> None:
        with self._changing:
            place.detail = words
            self._show(place)

    def _show(self, place: Place) -> None:
        shown = place.state is not StickState.ABSENT
        others = [one for one in self._board.status.sticks if one.name != place.name]
        lines = [*others, info(place)] if shown else others
        self._board.set(sticks=tuple(sorted(lines, key=lambda one: one.name)))

    def _ask(self, request: Request, place: Place) -> None:
        if self._helper is None:
            raise CardRefusedError(MountCode.HELPER)
        self._helper.ask(request, place.volume)


def _happening(error: BaseException, otherwise: Happening) -> Happening:
    return next((happening for kind, happening in _HAPPENED if isinstance(error, kind)), otherwise)


def _refusal(place: Place, error: CardRefusedError) -> KioskError:
    if error.reason is MountCode.LOCKED:
        return StickProtectedError(detail="the stick is write-protected")
    if error.reason in (MountCode.GONE, MountCode.NO_MEDIUM):
        return NoStickError(name=place.name)
    return StickRefusedError(name=place.name, detail=WORDS[error.reason])
