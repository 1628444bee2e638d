"""The built image, at hand: ``make vm``.

The first time the machine boots and is set up by keys; then it goes on from there in seconds. Lines that are
understood: ``type TEXT``, ``press KEY...`` (ret, esc, f9, ctrl-c), ``words``, ``shell COMMAND``, ``plug
camera [N]``, ``plug fat32|exfat|stick``, ``plug usb-kbd``, ``unplug``, ``cut`` (power cut, then a cold boot),
``again`` (from the snapshot), ``quit``.
"""

from __future__ import annotations

import argparse
import select
import sys
from pathlib import Path

from tests.virtual.photos import make_card
from tests.virtual.usb import VirtualR6Usb
from tests.vm import media
from tests.vm.conftest import OUT, PLACE
from tests.vm.machine import Machine, NotSeenError, Plugged
from tests.vm.prepared import READY, prepared
from tests.vm.qmp import QmpError


class Loop:
    """One machine and what is plugged into it."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._plugged: list[Plugged] = []
        self._place = machine.directory

    def keep_picture(self) -> None:
        """The screen as it is now; written beside and renamed, so that a viewer never sees half of it."""
        latest = self._place / "latest.png"
        beside = latest.with_name("writing.png")
        self._machine.screen().save(beside)
        beside.replace(latest)

    def obey(self, line: str) -> bool:
        """Do what a line says; False at the end."""
        word, _, rest = line.strip().partition(" ")
        match word:
            case "":
                pass
            case "type":
                self._machine.type(rest)
            case "press":
                self._machine.press(*rest.split())
            case "words":
                print(self._machine.words())
            case "shell":
                print(self._machine.shell(rest))
            case "plug":
                self._plugged.append(self._plug(*rest.split()))
            case "unplug":
                self._plugged.pop().unplug()
            case "cut":
                self._machine.power_cut()
                self._plugged.clear()
                self._machine.start()
            case "again":
                self._plugged.clear()
                self._machine.restore(READY)
            case "quit":
                return False
            case _:
                print(__doc__)
        return True

    def _plug(self, what: str, count: str = "8") -> Plugged:
        photos = self._place / f"photos-{count}"
        if what in {"camera", "fat32", "exfat"} and not photos.exists():
            make_card(photos, int(count), fast=True)
        files = {p.relative_to(photos).as_posix(): p.read_bytes() for p in photos.rglob("*") if p.is_file()}
        medium = self._place / f"{what}.img"
        match what:
            case "camera":
                path = Path(f"/tmp/medkiosk-loop-{id(self):x}.sock")
                VirtualR6Usb(path, photos)
                return self._machine.plug_redir(path)
            case "fat32":
                return self._machine.plug_stick(media.fat32(medium, files, mib=1024))
            case "exfat":
                return self._machine.plug_stick(media.exfat(medium, files, mib=1024))
            case "stick":
                return self._machine.plug_stick(media.fat32(medium, {}, label="MEDKIOSK", mib=1024))
        return self._machine.plug(what)


def main() -> None:
    parser = argparse.ArgumentParser(prog="vm", description="The built image as a machine, in seconds.")
    parser.add_argument("--image", type=Path, default=OUT / "medkiosk.raw")
    parser.add_argument("--dir", type=Path, default=PLACE / "loop", help="where the machine is kept")
    options = parser.parse_args()
    with prepared(options.image, options.dir) as machine:
        machine.restore(READY)
        loop = Loop(machine)
        print(f"The screen: {options.dir}/latest.png (any picture viewer that reloads). Help: an empty word.")
        while machine.is_running:
            loop.keep_picture()
            if not select.select([sys.stdin], [], [], 1)[0]:
                continue
            line = sys.stdin.readline()
            try:
                if not line or not loop.obey(line):
                    return
            except (NotSeenError, QmpError, IndexError, TypeError, ValueError) as error:
                print(error)


if __name__ == "__main__":
    main()
