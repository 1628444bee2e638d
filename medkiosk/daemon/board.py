"""The status board: the one place where the daemon's threads say how far they are.

Nothing personal is ever put on it: it is shown to whoever stands in front of the screen.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import msgspec

from medkiosk import __version__
from medkiosk.core.device import BEING_READ, HEADLINES, DeviceState
from medkiosk.core.drives import DriveState
from medkiosk.core.quality import Advice
from medkiosk.core.sticks import LEAVE_IN, STICK_WORDS, StickState
from medkiosk.device.model import DeviceRef
from medkiosk.ipc.types import (
    BackupStatus,
    DeviceStatus,
    KeptFile,
    PhotoAdvice,
    RedactionStatus,
    Status,
    StickInfo,
)

_KEEPALIVE_S = 10.0
_ADVICE_SHOWN = 8
_NOTHING = "PLUG IN A CAMERA OR CARD"
_READING = BEING_READ - {DeviceState.RETRYING}


def headline(
    devices: tuple[DeviceStatus, ...],
    sticks: tuple[StickInfo, ...] = (),
    backups: tuple[BackupStatus, ...] = (),
) -> str:
    """The big words: the most careful one of everything that is plugged in wins.

    A device that was unplugged when it was safe says nothing; one that was unplugged before goes on warning.
    Where a stick or a backup drive is in, too, SAFE TO UNPLUG says of what.
    """
    states = [device.state for device in devices]
    there = [stick.state for stick in sticks]
    if not _READING.isdisjoint(states):
        return HEADLINES[DeviceState.IMPORTING]
    for busy in (each for each in StickState if each in LEAVE_IN):
        if busy in there:
            return STICK_WORDS[busy]
    for careful in (DeviceState.RETRYING, DeviceState.LOST, DeviceState.INCOMPLETE):
        if careful in states:
            return HEADLINES[careful]
    if StickState.LOOKING in there:
        return STICK_WORDS[StickState.LOOKING]
    if DeviceState.SAFE not in states:
        return STICK_WORDS[StickState.DONE] if StickState.DONE in there else _NOTHING
    if not backups and not sticks:
        return HEADLINES[DeviceState.SAFE]
    kinds = {device.kind for device in devices if device.state is DeviceState.SAFE}
    what = "CARD" if kinds == {"card"} else "CAMERA"
    return f"{what}: {HEADLINES[DeviceState.SAFE]}"


def first_line(device: DeviceRef, model: str, state: DeviceState, detail: str = "") -> DeviceStatus:
    """A device's line while nothing is known of its files."""
    return DeviceStatus(
        key=device.key,
        kind=device.kind,
        model=model,
        serial="",
        state=state,
        files=0,
        sealed=0,
        already=0,
        failed=0,
        bytes_total=0,
        bytes_done=0,
        detail=detail,
    )


class Board:
    """Thread-safe; every change wakes the watchers."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._closed = False
        self._kept: dict[str, tuple[KeptFile, ...]] = {}
        self._problems: dict[str, str] = {}
        self._status = Status(
            serial=0,
            version=__version__,
            headline=_NOTHING,
            devices=(),
            redaction=RedactionStatus(waiting=0, done=0, failed=0, deferred=0, detectors=(), missing=()),
            unlocked=False,
            objects=0,
            ledger_size=0,
            problems=(),
        )

    @property
    def status(self) -> Status:
        """The status now."""
        return self._status

    def set(self, **values: Any) -> None:
        """Replace fields of the status."""
        with self._changed:
            status = msgspec.structs.replace(self._status, **values)
            if status == self._status:
                return
            self._status = msgspec.structs.replace(
                status,
                serial=status.serial + 1,
                headline=status.alarm or headline(status.devices, status.sticks, status.backups),
            )
            self._changed.notify_all()

    def device(self, device: DeviceStatus) -> None:
        """Put one device's line up, replacing the one with its key.

        Lines that have nothing more to say go: of devices that were unplugged when they were safe, and the
        warning about one that was unplugged too early and is now, on another plug, all read.
        """
        with self._changed:
            others = tuple(
                d
                for d in self._status.devices
                if d.key != device.key
                and d.state is not DeviceState.GONE
                and not (
                    d.state is DeviceState.LOST
                    and device.state is DeviceState.SAFE
                    and d.serial == device.serial != ""
                )
            )
            self.set(devices=tuple(sorted((*others, device), key=lambda d: d.key)))

    def keep(self, key: str, files: tuple[KeptFile, ...]) -> None:
        """Remember for which files a device is still needed, until it says otherwise or is gone for good."""
        with self._changed:
            shown = {device.key for device in self._status.devices}
            self._kept = {at: kept for at, kept in self._kept.items() if at in shown} | {key: files}

    def kept(self, key: str) -> tuple[KeptFile, ...]:
        """The files for which a device is still needed."""
        with self._changed:
            return self._kept.get(key, ())

    def redaction(self, **values: Any) -> None:
        """Replace fields of the redaction queue's line; integers prefixed with ``add_`` are added."""
        with self._changed:
            line = self._status.redaction
            fields = {
                (name.removeprefix("add_")): (
                    getattr(line, name[4:]) + value if name.startswith("add_") else value
                )
                for name, value in values.items()
            }
            self.set(redaction=msgspec.structs.replace(line, **fields))

    def advise(self, name: str, advice: tuple[Advice, ...]) -> None:
        """Put advice about a shot first, and let go of the oldest."""
        with self._changed:
            latest = (PhotoAdvice(name=name, advice=advice), *self._status.redaction.advice)
            self.redaction(advice=latest[:_ADVICE_SHOWN])

    def forget(self, key: str) -> None:
        """Take one device's line away."""
        with self._changed:
            self.set(devices=tuple(device for device in self._status.devices if device.key != key))

    def backup(self, line: BackupStatus) -> None:
        """Put up how far the backup drive at one place is."""
        with self._changed:
            others = [one for one in self._status.backups if one.name != line.name]
            self.set(backups=tuple(sorted((*others, line), key=lambda one: one.name)))

    def backup_gone(self, name: str) -> None:
        """The drive at a place was unplugged; a run that was not complete is told of until the next one."""
        kept = (DriveState.FAILED, DriveState.LOST)
        with self._changed:
            self.set(
                backups=tuple(one for one in self._status.backups if one.name != name or one.state in kept)
            )

    def problem(self, sentence: str, key: str = "") -> None:
        """Add a sentence that stays up until the daemon restarts.

        Args:
            sentence: what happened, what is safe and what to do.
            key: names what it is about: the next one of the same key replaces it, and `solved` takes it away.
        """
        with self._changed:
            self._problems[key or sentence] = sentence
            self._show_problems()

    def solved(self, key: str) -> None:
        """Take the problem with this key away; harmless where there is none."""
        with self._changed:
            self._problems.pop(key, None)
            self._show_problems()

    def _show_problems(self) -> None:
        self.set(problems=tuple(dict.fromkeys(self._problems.values())))

    def watch(self) -> Iterator[Status]:
        """The status now, at every change, and every ten seconds so that a dead watcher is noticed."""
        serial = -1
        while True:
            with self._changed:
                if not self._closed and self._status.serial <= serial:
                    self._changed.wait(_KEEPALIVE_S)
                if self._closed:
                    return
                status = self._status
            serial = status.serial
            yield status

    def importing(self) -> bool:
        """Whether a camera or card is being read."""
        return any(device.state in BEING_READ for device in self._status.devices)

    def close(self) -> None:
        """End every watch."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
