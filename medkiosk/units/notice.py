"""``medkiosk-notice UNIT``: a screen that says what failed, what is safe, what to do; never a blank one."""

from __future__ import annotations

import os
import select
import signal
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from medkiosk.units import manager

_VERSION = Path("/usr/lib/medkiosk/version")
_CLEAR = "\x1b[0m\x1b[2J\x1b[H\x1b[?25l"
_LOUD, _PLAIN = "\x1b[1;37;41m", "\x1b[0m"
_WIDTH = 78
_AGAIN_S = 60.0
_REPAIR, _REPAIRED, _REPAIR_UNIT = "repair", "medkioskd.service", "medkiosk-repair.service"
_LONGEST = 300


class Words(NamedTuple):
    """What is said of one unit."""

    head: str
    happened: str
    safe: str
    do: str


_AGAIN = (
    "Press the power button once. Wait until the machine is off. Switch it on. If this screen comes back,"
    " write the lines below down and call whoever looks after the kiosk."
)
_SEALED = "Everything that this screen called SAFE is sealed on the disk, and stays."
_UNITS: Final[dict[str, Words]] = {
    "medkioskd.service": Words(
        "THE KIOSK HAS STOPPED",
        "Its main program ended again and again, and is not started any more.",
        f"{_SEALED} A camera or card that was not called SAFE keeps its pictures: empty none, they are"
        " imported later. Pull them out now.",
        "Plug a backup drive in. Press the power button once, wait until the machine is off, switch it on:"
        " what is damaged is put back from the drive. If this comes back, write the lines below down and call"
        " whoever looks after this kiosk: with two recovery sheets they type repair and Enter, here.",
    ),
    "medkiosk-console-text.service": Words(
        "THE SCREEN HAS STOPPED",
        "The program that draws this screen ended again and again. The kiosk behind it may still import, but"
        " nobody can see how far it is.",
        f"{_SEALED} Empty no card whose SAFE you did not see; it is imported again without harm.",
        _AGAIN,
    ),
    "medkiosk-setup.service": Words(
        "THE SET-UP HAS STOPPED",
        "It ended again and again before it was finished.",
        "The kiosk holds nothing yet, so nothing is lost.",
        f"{_AGAIN} The set-up begins anew.",
    ),
    "emergency.service": Words(
        "THE MACHINE COULD NOT START",
        "Something that is needed at the start is missing; most likely the disk did not open, since the"
        " machine or its settings were changed.",
        "What is on the disk stays as it is, sealed. Cards and cameras keep what was not called SAFE.",
        f"{_AGAIN} They will need the disk's recovery key, which was written down at the set-up.",
    ),
}
_OTHER = Words(
    "A PART OF THE KIOSK HAS STOPPED",
    "It ended again and again, and is not started any more.",
    _SEALED,
    _AGAIN,
)


def lines(unit: str, *, version: str, result: str, status: str, said: str) -> list[str]:
    """Write the screen: at most 78 columns, what a machine says made harmless.

    Args:
        unit: which one failed.
        version: of the image.
        result: systemd's word for how it ended (``MONITOR_SERVICE_RESULT``, systemd.exec(5)).
        status: its exit code or signal.
        said: the last that it said of itself.
    """
    words = _UNITS.get(unit, _OTHER)
    body = [f"{_LOUD} {words.head:<{_WIDTH - 1}}{_PLAIN}", ""]
    for title, text in (
        ("What happened", words.happened),
        ("What is safe", words.safe),
        ("What to do", words.do),
    ):
        body += [
            f"{title}:",
            *textwrap.wrap(text, _WIDTH - 2, initial_indent="  ", subsequent_indent="  "),
            "",
        ]
    facts = f"{unit}; version {version}; {result or 'unknown'} {status}".strip()
    body += textwrap.wrap(_harmless(facts), _WIDTH)
    if said:
        body += textwrap.wrap(f"It said: {_harmless(said)}", _WIDTH)
    return body


def wants_repair(unit: str, typed: str) -> bool:
    """Whether what was typed asks for the repair of the set-up, and this is the unit that it may help."""
    return unit == _REPAIRED and typed.strip().lower() == _REPAIR


def _harmless(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text[:_LONGEST])


def _version() -> str:
    try:
        return _VERSION.read_text("ascii").strip()
    except (OSError, ValueError):
        return "unknown"


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the screen and stay; drawn anew every minute, should something else have written on it."""
    [unit] = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    result = os.environ.get("MONITOR_SERVICE_RESULT", "") or manager.ask(unit, "Result")
    status = os.environ.get("MONITOR_EXIT_STATUS", "") or manager.ask(unit, "ExecMainStatus")
    said = manager.ask(unit, "StatusText")
    screen = lines(unit, version=_version(), result=result, status=status, said=said)
    while True:
        sys.stdout.write(_CLEAR + "\r\n".join(screen) + "\r\n")
        sys.stdout.flush()
        if wants_repair(unit, _typed(_AGAIN_S)) and manager.start(_REPAIR_UNIT):
            manager.reboot()


def _typed(within_s: float) -> str:
    """Return a line that somebody typed; nothing where nobody does in time, or can."""
    deadline = time.monotonic() + within_s
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([0], [], [], left)[0]:
            return ""
        if line := os.read(0, _LONGEST):
            return line.decode("utf-8", "replace")
        time.sleep(min(1.0, left))  # the other end of the terminal is gone for now
    return ""


if __name__ == "__main__":
    sys.exit(main())
