"""A virtual Canon EOS R6 on USB: a device that QEMU plugs into its guest's controller.

    python -m tests.virtual.usb --socket S (--photos N | --root DIR) [--fault NAME[=ARG]] [--wire NAME[=ARG]]

It listens at the socket, prints its path, and is plugged. What it obeys, line by line: ``unplug``, ``plug``,
``fault NAME=ARG`` and ``wire NAME=ARG`` (from the next plug on; one without a name clears them), ``quit``. It
ends with its input. QEMU's side of it is in `tests.virtual.usbredir`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tests.virtual.faults import Faults
from tests.virtual.photos import make_card
from tests.virtual.responder import SERIAL, Camera, add_options, chosen_settings, chosen_trace
from tests.virtual.settings import Settings
from tests.virtual.usbptp import WIRE_FAULTS, PtpFunction, Wire, r6_descriptors
from tests.virtual.usbredir import RedirDevice

_UNPLUGGED_S = 1.0


class VirtualR6Usb(RedirDevice):
    """An R6 (04a9:32f5, high speed) with a cable to a Unix socket. It starts plugged in.

    Args:
        socket_path: where QEMU's ``usb-redir`` finds it.
        root: its cards, see `tests.virtual.objects.Cards`; read again at each session.
        faults: of the camera, see `tests.virtual.faults`.
        wire: faults of the wire, see `tests.virtual.usbptp.WIRE_FAULTS`.
        trace: gets each operation, one line each.
    """

    def __init__(
        self,
        socket_path: Path,
        root: Path,
        *,
        serial: str = SERIAL,
        settings: Settings | None = None,
        faults: Sequence[str] = (),
        wire: Sequence[str] = (),
        trace: IO[str] | None = None,
    ) -> None:
        self.camera = Camera(
            root, serial=serial, settings=settings or Settings(), faults=Faults(faults), trace=trace
        )
        super().__init__(socket_path, r6_descriptors(serial), PtpFunction(self.camera, Wire(wire)))
        self.plug()

    def replug(
        self, faults: Sequence[str] = (), wire: Sequence[str] = (), pause_s: float = _UNPLUGGED_S
    ) -> None:
        """Pull it out, and after a pause push it in again with these faults and no others."""
        chosen, handler = Faults(faults), PtpFunction(self.camera, Wire(wire))
        self.unplug()
        time.sleep(pause_s)
        self.camera.faults, self.handler = chosen, handler
        self.plug()


def main() -> None:
    parser = argparse.ArgumentParser(description="A virtual Canon EOS R6 on USB.")
    parser.add_argument("--socket", type=Path, required=True, help="where to listen for QEMU")
    cards = parser.add_mutually_exclusive_group(required=True)
    cards.add_argument("--root", type=Path, help="holds slot1/DCIM, slot2/DCIM or DCIM")
    cards.add_argument("--photos", type=int, help="make so many photographs for it")
    add_options(parser)
    parser.add_argument("--wire", action="append", default=[], help="; ".join(WIRE_FAULTS.values()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="medkiosk-r6-") as made:
        root = options.root or Path(made)
        if options.photos:
            make_card(root, options.photos, fast=True)
        try:
            device = VirtualR6Usb(
                options.socket,
                root,
                serial=options.serial,
                settings=chosen_settings(options),
                faults=options.fault,
                wire=options.wire,
                trace=chosen_trace(options),
            )
        except (KeyError, ValueError) as error:
            parser.error(f"no such fault: {error}")
        print(options.socket, flush=True)
        _obey(device, options.fault, options.wire)
        device.close()


def _obey(device: VirtualR6Usb, faults: list[str], wire: list[str]) -> None:
    for line in sys.stdin:
        word, _, argument = line.strip().partition(" ")
        try:
            match word:
                case "fault":
                    faults = [*faults, argument] if argument else []
                case "wire":
                    wire = [*wire, argument] if argument else []
                case "unplug":
                    device.unplug()
                case "plug":
                    device.replug(faults, wire)
                case "quit":
                    return
                case _:
                    print(f"not understood: {word}", file=sys.stderr, flush=True)
                    continue
        except (KeyError, ValueError) as error:
            print(f"no such fault: {error}", file=sys.stderr, flush=True)
            continue
        print("done", flush=True)


if __name__ == "__main__":
    main()
