"""The files for which cards and cameras are still needed: asked for by the page, and put into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from medkiosk.console.language import tr
from medkiosk.console.words import clean, count
from medkiosk.core.device import HEADLINES, KEEP_CARD, REUSE, DeviceState
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import DeviceStatus, KeptFile

SAFE_TO_REUSE = "SAFE TO REUSE"
_BIG = {REUSE: SAFE_TO_REUSE, KEEP_CARD: KEEP_CARD}
"""A passport in letters that fit into one line of eighty columns."""
_KEEP_ONE = "KEEP A CARD"
PAGE = 50
"""Files on one page."""
_UNKNOWN = frozenset({DeviceState.RETRYING, DeviceState.LOST, DeviceState.INCOMPLETE})
"""States in which a device without such files may only not have been read to its end."""
_UNNAMED = "no camera name"


@dataclass(frozen=True)
class Kept:
    """One page, over all devices one after the other.

    Attributes:
        offset: of the first file that is shown.
        parts: for each device its line, this page's files of it, and how many it has in all.
    """

    offset: int
    parts: tuple[tuple[DeviceStatus, tuple[KeptFile, ...], int], ...]

    @property
    def total(self) -> int:
        """How many files there are on all pages."""
        return sum(total for _, _, total in self.parts)


def load_kept(kiosk: Client, devices: Sequence[DeviceStatus], offset: int, limit: int = PAGE) -> Kept:
    """Ask for a page."""
    parts: list[tuple[DeviceStatus, tuple[KeptFile, ...], int]] = []
    passed, room = 0, limit
    for device in devices:
        answer = kiosk.list_kept(device.key, max(offset - passed, 0), max(room, 1))
        files = answer.files[:room]
        parts.append((device, files, answer.total))
        passed, room = passed + answer.total, room - len(files)
    return Kept(offset, tuple(parts))


def _device_words(device: DeviceStatus, total: int) -> str:
    name = f"{clean(device.model, 24) or clean(device.kind, 24)} {clean(device.serial, 16)}".strip()
    if total:
        return tr("{name}: still needed for {files}", name=name, files=count(total, "file"))
    if device.state in _UNKNOWN:
        return tr(
            "{name}: {headlines}. Which files are missing is known once it is read to its end.",
            name=name,
            headlines=HEADLINES[device.state],
        )
    if device.state in {DeviceState.SAFE, DeviceState.GONE}:
        return tr("{name}: needed for no file", name=name)
    return tr("{name}: is being read; wait until it is done", name=name)


def kept_table(kept: Kept) -> Table:
    """A line a device, and below it a line a file."""
    rows = Table.grid(expand=True)
    for device, files, total in kept.parts:
        rows.add_row(Text(_device_words(device, total), style="bold"))
        if files:
            part = Table.grid(padding=(0, 2, 0, 0), expand=True)
            part.add_column(width=14)
            part.add_column(ratio=1)
            for file in files:
                part.add_row(Text(clean(file.name, 14) or _UNNAMED), Text(clean(tr(file.words), 400)))
            rows.add_row(part)
    return rows


def page_words(kept: Kept) -> str:
    """Which page this is."""
    if not kept.parts:
        return tr("Nothing is plugged in.")
    shown = sum(len(files) for _, files, _ in kept.parts)
    if not kept.total:
        return tr("No card or camera is known to be needed any more")
    first = kept.offset + 1 if shown else kept.offset
    last = kept.offset + shown
    more = tr("; N for the next ones") if last < kept.total else ""
    return tr(
        "Files {first} to {last} of {total} for which a card or camera is still needed{more}",
        first=first,
        last=last,
        total=kept.total,
        more=more,
    )


def big_passport(devices: Sequence[DeviceStatus]) -> str:
    """The passport in big letters: that of all cards that are plugged in; empty where none has one yet.

    A camera has one where its card is still needed. Where one of several is, the words below say which.
    """
    passports = [d.passport for d in devices if d.passport and d.state is not DeviceState.GONE]
    if KEEP_CARD in passports and len(passports) > 1:
        return _KEEP_ONE
    known = sorted({_BIG.get(passport, "") for passport in passports})
    plugged = [d for d in devices if (d.kind == "card" or d.passport) and d.state is not DeviceState.GONE]
    return known[0] if known and len(passports) == len(plugged) else ""
