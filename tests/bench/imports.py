"""Our import against what a person would use instead, in turns on one disk.

Both sides start with the source out of the page cache and end with everything on the device: ours with SAFE
TO UNPLUG, which comes after hashing, sealing, reading back, ledger and a second look at the device; the
peer with ``sync -f``. The clock starts when the camera answers, or the card lies in its place.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.bench.report import MIB, Peaks, cpu_s, figure, left_out, median
from tests.kiosk import ScratchKiosk, redacted, safe
from tests.virtual.camera import RunningCamera

CAMERA_MOST, CARD_MOST = 1.3, 1.5
"""How many times as long as the peer an import may take."""

_GPHOTO2 = ["gphoto2", "--quiet", "--camera", RunningCamera.model]
_AIM_BYTES = 300 * MIB
"""The most memory that a process of the import may have."""


class Took(NamedTuple):
    """What one run cost: seconds on the clock, and of the processors."""

    wall: float
    cpu: float


def camera_import(card: Path, work: Path, rounds: int) -> None:
    """The virtual R6: ours to SAFE TO UNPLUG against ``gphoto2 --get-all-files`` and sync."""
    size = sum(path.stat().st_size for path in files_of(card))
    if shutil.which("gphoto2") is None:
        left_out("camera import / gphoto2", "there is no gphoto2: apt-get install gphoto2")
        for number in range(rounds):
            show("camera import to SAFE TO UNPLUG", ours_from_camera(card, work), size, number)
        return
    ratios, cpu = [], []
    for number in range(rounds):
        ceiling = peer_from_camera(card, work, keep=False)
        peer = peer_from_camera(card, work)
        ours = ours_from_camera(card, work)
        show("virtual R6 through gphoto2, nothing written (the ceiling)", ceiling, size, number)
        show("gphoto2 --get-all-files + sync", peer, size, number)
        show("camera import to SAFE TO UNPLUG", ours, size, number)
        ratios.append(ours.wall / peer.wall)
        cpu.append(ours.cpu / peer.cpu)
    median("camera import / gphoto2, time", ratios, CAMERA_MOST, redaction="off", cpu_ratios=rounded(cpu))


def camera_import_with_redaction(card: Path, work: Path, *, to_the_end: bool) -> None:
    """The same with redaction behind it at idle priority; ``to_the_end`` waits for the last derivative."""
    frames = files_of(card)
    size = sum(path.stat().st_size for path in frames)
    peer = peer_from_camera(card, work) if shutil.which("gphoto2") else None
    ours = ours_from_camera(card, work, redact=True, to_the_end=to_the_end)
    show("camera import to SAFE TO UNPLUG", ours, size, 0, redaction="behind it")
    if peer is not None:
        show("gphoto2 --get-all-files + sync", peer, size, 0)
        median("camera import / gphoto2, time", [ours.wall / peer.wall], CAMERA_MOST, redaction="behind it")


def card_import(card: Path, work: Path, rounds: int) -> None:
    """A card in the reader: ours to SAFE TO UNPLUG against ``cp -r`` and sync."""
    size = sum(path.stat().st_size for path in files_of(card))
    ratios, cpu = [], []
    for number in range(rounds):
        peer = peer_from_card(card, work)
        ours = ours_from_card(card, work)
        show("cp -r + sync", peer, size, number)
        show("card import to SAFE TO UNPLUG", ours, size, number)
        ratios.append(ours.wall / peer.wall)
        cpu.append(ours.cpu / peer.cpu)
    median("card import / cp -r + sync, time", ratios, CARD_MOST, redaction="off", cpu_ratios=rounded(cpu))


def film_import(film: Path, work: Path) -> None:
    """One film of 5 GiB from a card: what it costs in memory."""
    took = ours_from_card(film, work, what="film of 5 GiB")
    show("film of 5 GiB from a card to SAFE TO UNPLUG", took, 5 << 30, 0)


def ours_from_camera(card: Path, work: Path, *, redact: bool = False, to_the_end: bool = False) -> Took:
    """One import by the real daemon from the virtual camera."""
    camera = RunningCamera(card)
    camera.stop()
    with kiosk_in(work, cameras=[camera.gphoto_port], redact=redact) as kiosk:
        forget(card)
        try:
            return run(
                kiosk, camera.restart, f"{len(files_of(card))} frames", len(files_of(card)), to_the_end
            )
        finally:
            camera.stop()


def ours_from_card(card: Path, work: Path, what: str = "") -> Took:
    """One import by the real daemon from a folder that stands for a card."""
    at = work / "reader"
    with kiosk_in(work, cards=[at]) as kiosk:
        forget(card)
        try:
            number = len(files_of(card))
            return run(kiosk, lambda: at.symlink_to(card), what or f"{number} frames, card", number, False)
        finally:
            at.unlink(missing_ok=True)


def run(kiosk: ScratchKiosk, plug_in: Callable[[], object], what: str, files: int, to_the_end: bool) -> Took:
    """From plugging in to SAFE TO UNPLUG; the memory of every process goes to the figures."""
    peaks = Peaks(kiosk.pid)
    cpu_before = cpu_s(kiosk.pid)
    plug_in()
    began = time.monotonic()
    status = kiosk.wait(safe, timeout_s=1800)
    took = Took(time.monotonic() - began, cpu_s(kiosk.pid) - cpu_before)
    if sum(device.sealed for device in status.devices) != files:
        raise AssertionError(f"not every file was sealed: {status}")
    if to_the_end:
        kiosk.wait(redacted, timeout_s=36_000)
        figure("import and redaction of a frame", (time.monotonic() - began) / files, "s", files=files)
    for role, peak in sorted(peaks.stop().items()):
        more = {} if role == "redact worker" else {"most": _AIM_BYTES / MIB, "met": peak <= _AIM_BYTES}
        figure(f"peak memory, {role}", peak / MIB, "MiB", run=what, **more)
    return took


@contextmanager
def kiosk_in(
    work: Path, *, cameras: list[str] | None = None, cards: list[Path] | None = None, redact: bool = False
) -> Iterator[ScratchKiosk]:
    """A fresh kiosk that runs; without models it cannot redact, so it does not try."""
    root, none = work / "kiosk", work / "no-models"
    none.mkdir(exist_ok=True)
    kiosk = ScratchKiosk(
        root, cameras=cameras or (), cards=cards or (), models=None if redact else none, cheap=False
    )
    try:
        kiosk.init()
        kiosk.start()
        yield kiosk
    finally:
        kiosk.close()
        shutil.rmtree(root)


def peer_from_camera(card: Path, work: Path, *, keep: bool = True) -> Took:
    """``gphoto2 --get-all-files`` from the virtual camera; with ``keep``, onto the disk and synced."""
    camera = RunningCamera(card)
    into = work / "gphoto2"
    into.mkdir()
    command = [*_GPHOTO2, "--port", camera.gphoto_port, "--get-all-files"]
    if not keep:
        command.append("--stdout")
    try:
        forget(card)
        took = timed(command, into)
        return added(took, timed(["sync", "-f", str(into)], into)) if keep else took
    finally:
        camera.stop()
        found = sorted((path.name, path.stat().st_size) for path in into.iterdir())
        shutil.rmtree(into)
        if keep and found != sorted((path.name, path.stat().st_size) for path in files_of(card)):
            raise AssertionError("gphoto2 did not bring what is on the card")


def peer_from_card(card: Path, work: Path) -> Took:
    """``cp -r`` and sync."""
    into = work / "copy"
    forget(card)
    try:
        took = timed(["cp", "-r", "--", str(card), str(into)], work)
        return added(took, timed(["sync", "-f", str(into)], work))
    finally:
        shutil.rmtree(into)


def timed(command: list[str], folder: Path) -> Took:
    """Run a command in a folder; its output goes nowhere."""
    before = os.times()
    began = time.monotonic()
    subprocess.run(command, cwd=folder, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wall, after = time.monotonic() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Took(wall, cpu)


def added(one: Took, other: Took) -> Took:
    """Both, one after the other."""
    return Took(one.wall + other.wall, one.cpu + other.cpu)


def forget(card: Path) -> None:
    """Put the source's files out of the page cache, so that both sides read them from the device."""
    for path in files_of(card):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def files_of(card: Path) -> list[Path]:
    """Every file of a card."""
    return sorted(path for path in card.rglob("*") if path.is_file())


def show(name: str, took: Took, size: int, number: int, **more: object) -> None:
    """Print what one run took."""
    figure(
        name,
        size / MIB / took.wall,
        "MiB/s",
        round=number,
        s=round(took.wall, 2),
        cpu_s=round(took.cpu, 2),
        **more,
    )


def rounded(values: list[float]) -> list[float]:
    """Two places."""
    return [round(value, 2) for value in values]
