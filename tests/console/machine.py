"""The machine under the console's kiosk: its ledger's head, checks, drives, keyboards, updates."""

from __future__ import annotations

import msgspec

from medkiosk.core.drives import DriveState
from medkiosk.core.errors import NotFoundError
from medkiosk.core.ids import (
    DriveId,
)
from medkiosk.core.updates import UPDATE_WORDS, UpdateState
from medkiosk.ipc import types as t
from medkiosk.ipc.maintenancetypes import CheckReport, HeadWritten, WitnessesRead
from tests.console.state import Kiosk, drive

LEDGER_HEAD = t.LedgerHead(
    origin="scratch.medkiosk.invalid/ledger",
    size=20852163,
    root="0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62",
    at="2026-11-22T09:00:00.000Z",
    text="scratch.medkiosk.invalid/ledger 20852163 CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    checkpoint="",
    witnesses=(
        t.WitnessInfo(
            name="auditor.example/w1",
            key_id="8d66cf3f",
            post_quantum=False,
            size=20000000,
            at="2026-11-21T09:00:00.000Z",
        ),
        t.WitnessInfo(name="notary.example", key_id="00000000", post_quantum=True, size=0, at=""),
    ),
)


class Machine:
    """A part of `tests.console.kiosk.Service`."""

    _kiosk: Kiosk

    def check_now(self) -> t.Done:
        self._kiosk.calls.append("check_now")
        return t.Done()

    def get_check(self) -> CheckReport:
        return self._kiosk.report

    def ask_setup(self) -> t.Done:
        self._kiosk.calls.append("ask_setup")
        return t.Done()

    def repair_now(self, without_drive: bool = False) -> t.Done:
        self._kiosk.calls.append("repair_now: without a drive" if without_drive else "repair_now")
        return t.Done()

    def write_head(self, stick: str = "") -> HeadWritten:
        return HeadWritten(folder="medkiosk-head-2026-11-23-00000000", size=40)

    def read_witnesses(self, stick: str = "") -> WitnessesRead:
        return self._kiosk.witnesses

    def get_ledger_head(self) -> t.LedgerHead:
        return LEDGER_HEAD

    def enrol_witness(self, vkey: str) -> t.LedgerHead:
        self._kiosk.calls.append(f"enrol_witness: {vkey}")
        return LEDGER_HEAD

    def take_cosigned(self, checkpoint: str) -> t.LedgerHead:
        return LEDGER_HEAD

    def scrub_now(self) -> t.Done:
        return t.Done()

    def list_drives(self) -> t.Drives:
        return self._kiosk.drives

    def enrol_drive(self, label: str, name: str = "") -> t.Drives:
        self._kiosk.drives = t.Drives(
            drives=(*self._kiosk.drives.drives, drive(label)), places=self._kiosk.drives.places
        )
        return self._kiosk.drives

    def forget_drive(self, drive_id: DriveId, reason: str) -> t.Drives:
        self._kiosk.drives = t.Drives(
            drives=tuple(
                msgspec.structs.replace(one, forgotten=reason) if one.drive_id == drive_id else one
                for one in self._kiosk.drives.drives
            ),
            places=self._kiosk.drives.places,
        )
        return self._kiosk.drives

    def decommission(
        self, site: str, second_user: str, second_passphrase: str, second_output: str = ""
    ) -> t.Ended:
        self._kiosk.ended = (site, second_user, second_passphrase)
        return t.Ended(head=LEDGER_HEAD, header=True, keys=5, discarded=True, tpm=False)

    def list_usb(self) -> t.Usb:
        return self._kiosk.usb

    def enrol_keyboard(self, port: str) -> t.Usb:
        usb = self._kiosk.usb
        (found,) = (one for one in usb.strangers if one.port == port)
        strangers = tuple(one for one in usb.strangers if one is not found)
        self._kiosk.usb = t.Usb(keyboards=(*usb.keyboards, found), refused=(), strangers=strangers)
        self._kiosk.touch()
        return self._kiosk.usb

    def forget_keyboard(self, port: str) -> t.Usb:
        usb = self._kiosk.usb
        keyboards = tuple(one for one in usb.keyboards if one.port != port)
        self._kiosk.usb = t.Usb(keyboards=keyboards, refused=usb.refused, strangers=usb.strangers)
        return self._kiosk.usb

    def back_up_now(self, name: str = "") -> t.Done:
        self._kiosk.backups = tuple(
            msgspec.structs.replace(one, state=DriveState.COPYING) for one in self._kiosk.backups
        )
        self._kiosk.touch()
        return t.Done()

    def list_events(self, offset: int = 0, limit: int = 200) -> t.Events:
        return t.Events(events=(), total=0)

    def check_update(self, stick: str = "") -> t.UpdateFound:
        if self._kiosk.found is None:
            raise NotFoundError(what="update", id=stick)
        return self._kiosk.found

    def apply_update(self, manifest_sha256: str, stick: str = "") -> t.UpdateStatus:
        self._kiosk.calls.append(f"apply_update: {manifest_sha256[:8]} {stick}")
        return self._show_update(UpdateState.READY)

    def restart_for_update(self) -> t.UpdateStatus:
        self._kiosk.calls.append("restart_for_update")
        return self._show_update(UpdateState.READY)

    def _show_update(self, state: UpdateState) -> t.UpdateStatus:
        self._kiosk.update = t.UpdateStatus(
            running="0.0.1", state=state, version="0.0.2", words=UPDATE_WORDS[state]
        )
        self._kiosk.touch()
        return self._kiosk.update
