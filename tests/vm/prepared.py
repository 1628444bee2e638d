"""A machine that was set up once by keys, written down with its memory, and gone on with in seconds."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from tests.vm.desk import Desk
from tests.vm.machine import Machine
from tests.vm.setup import Installer

READY = "ready"
BOOT_S = 900.0


def set_up(machine: Machine) -> None:
    """From a disk that was just written to the console: what was seen is kept in ``story.json``."""
    began = time.monotonic()
    machine.start()
    story = Installer(machine).answer(BOOT_S)
    desk = Desk(machine)
    desk.see("Next:", timeout_s=BOOT_S)
    story["console_s"] = round(time.monotonic() - began, 1)
    desk.see("locked: no photo can be read here", timeout_s=BOOT_S)
    story["answers_s"] = round(time.monotonic() - began, 1)
    desk.until_not("STARTING", timeout_s=BOOT_S)  # the worker's models are loaded
    desk.until_not("MISSING", timeout_s=BOOT_S)
    machine.picture("console")
    story["console"] = machine.words()
    story["boot"] = machine.shell("systemd-analyze time --no-pager")
    story["failed"] = machine.shell("systemctl --failed --no-legend --no-pager --plain")
    (machine.directory / "story.json").write_text(json.dumps(story, indent=1))
    machine.save(READY)


def prepared(image: Path, directory: Path) -> Machine:
    """The machine, switched off; `Machine.restore` (``READY``) goes on at its console."""
    is_there = (directory / READY / "memory.zst").exists()
    if not is_there:
        shutil.rmtree(directory, ignore_errors=True)  # an earlier run ended in the middle of it
    machine = Machine(image, directory)
    if not is_there:
        try:
            set_up(machine)
        finally:
            machine.power_cut()
    return machine
