"""Commands that listen to the daemon, against a daemon's socket that says what each test needs."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
import segno
import zxingcpp
from PIL import Image

from medkiosk.core.capability import Capability
from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.device import DeviceState
from medkiosk.core.ids import AccountId, CaptureId, EncounterId, ExportId, ImportId, RecipientId
from medkiosk.core.photo import RedactCode, ReviewState
from medkiosk.core.slate import Slate, SlateKind, write_slate
from medkiosk.ipc import types as t
from medkiosk.ipc.server import Server
from tests.kiosk import ScratchKiosk

NOTHING = t.Status(
    serial=1,
    version="0",
    headline="",
    devices=(),
    redaction=t.RedactionStatus(waiting=0, done=0, failed=0, deferred=0, detectors=(), missing=()),
    unlocked=False,
    objects=0,
    ledger_size=0,
    problems=(),
)


def board(*states: str, waiting: int = 0) -> t.Status:
    """A status with one device in each state; a state of "" is an empty plug."""
    devices = tuple(
        t.DeviceStatus(
            key=str(plug),
            kind="camera",
            model="Canon EOS R6",
            serial="1",
            state=DeviceState(state),
            files=0,
            sealed=0,
            already=0,
            failed=0,
            bytes_total=0,
            bytes_done=0,
            detail="",
        )
        for plug, state in enumerate(states)
        if state
    )
    return msgspec.structs.replace(
        NOTHING, devices=devices, redaction=msgspec.structs.replace(NOTHING.redaction, waiting=waiting)
    )


IMPORT = t.ImportInfo(
    import_id=ImportId("1" * 32),
    at="2026-05-01T09:00:00.000Z",
    device_kind="card",
    model="memory card",
    serial="",
    captures=0,
    assigned=0,
    finished=True,
    failed=0,
)


class Service:
    """Plays boards to a watcher and holds an encounter's approved captures."""

    def __init__(self, boards: Sequence[t.Status] = (), captures: int = 0, files: int = 0) -> None:
        self._boards = boards
        self._lines = tuple(
            t.ReceiptLine(place=f"card/DCIM/100CANON/{n}", size=1, outcome="sealed", commitment="c" * 64)
            for n in range(files)
        )
        self._ids = tuple(CaptureId(f"{number:032x}") for number in range(captures))

    def check(self, needs: Capability | None) -> None:
        pass

    def close(self) -> None:
        pass

    def watch_status(self) -> Iterator[t.Status]:
        for status in self._boards:
            yield status
            time.sleep(0.01)

    def list_kept(self, key: str, offset: int, limit: int) -> t.KeptFiles:
        files = tuple(t.KeptFile(name=f"IMG_{n:04d}", words="It was cut off.") for n in range(1, 31))
        return t.KeptFiles(files=files[offset : offset + limit], total=len(files))

    def list_imports(self, offset: int, limit: int) -> t.Imports:
        return t.Imports(imports=(IMPORT,), total=1)

    def get_receipt(self, import_id: ImportId, offset: int, limit: int) -> t.Receipt:
        assert import_id == IMPORT.import_id
        page = self._lines[offset : offset + min(limit, 200)]
        return t.Receipt(
            info=IMPORT,
            on_device=len(self._lines),
            bytes=len(self._lines),
            sealed=len(self._lines),
            already=0,
            copies=0,
            damaged=0,
            failed=0,
            safe=True,
            expendable=True,
            gaps=("card/DCIM/100CANON: 0004",),
            deleted=448,
            kept=2,
            lines=page,
            total=len(self._lines),
        )

    def login(self, user: str, passphrase: str, output: str = "") -> t.Session:
        return t.Session(account_id=AccountId("a" * 32), display_name=user, roles=())

    def logout(self) -> t.Done:
        return t.Done()

    def list_captures(
        self,
        import_id: ImportId | None,
        encounter_id: EncounterId | None,
        state: ReviewState | None,
        offset: int,
        limit: int,
    ) -> t.Captures:
        page = self._ids[offset : offset + min(limit, 1000)]
        return t.Captures(captures=tuple(map(_info, page)), total=len(self._ids))

    def check_export(
        self,
        recipient_id: RecipientId,
        purpose: Purpose,
        captures: tuple[CaptureId, ...],
        data_use: DataUse,
        use: str,
    ) -> t.ExportCheck:
        if purpose is Purpose.PUBLICATION and use != "A Journal":
            return t.ExportCheck(allowed=captures, denials=(), problems=("Say which.",), uses=("A Journal",))
        return t.ExportCheck(allowed=captures, denials=())

    def export(
        self,
        recipient_id: RecipientId,
        purpose: Purpose,
        captures: tuple[CaptureId, ...],
        data_use: DataUse,
        options: t.ExportOptions,
        stick: str,
        use: str,
    ) -> t.ExportResult:
        assert captures == self._ids
        assert use == ("A Journal" if purpose is Purpose.PUBLICATION else "")
        return t.ExportResult(
            export_id=ExportId("e" * 32),
            folder="f",
            images=len(captures),
            bytes=1,
            manifest_sha256="0" * 64,
            signer="SHA256:x",
        )

    def show_slate(self, encounter_id: EncounterId, kind: SlateKind) -> t.SlateShown:
        text = write_slate(Slate(kind, "5a" * 16, 1_795_000_000), bytes(32))
        return t.SlateShown(encounter_id=encounter_id, kind=kind, at="2026-11-18T10:26:40.000Z", text=text)


def _info(capture_id: CaptureId) -> t.CaptureInfo:
    return t.CaptureInfo(
        capture_id=capture_id,
        import_id=ImportId("1" * 32),
        encounter_id=EncounterId("2" * 32),
        name="IMG_0001",
        at="",
        media=(),
        state=ReviewState.APPROVED,
        revision=1,
        code=RedactCode.OK,
        findings=0,
    )


@contextlib.contextmanager
def playing(root: Path, service: Service) -> Iterator[ScratchKiosk]:
    kiosk = ScratchKiosk(root / "k")
    kiosk.socket.parent.mkdir(mode=0o700)
    server = Server(kiosk.socket, lambda: service, allowed={os.geteuid()})
    try:
        yield kiosk
    finally:
        server.close()
        kiosk.close()


@pytest.mark.parametrize(
    ("boards", "code"),
    [
        ([board("importing"), board("safe")], 0),
        ([board("importing"), board("incomplete")], 1),
        ([board("importing"), board("lost")], 1),
        ([board("lost", "safe")], 1),
        ([board("importing"), board("gone")], 1),
        ([board("incomplete", "importing"), board("gone", "importing"), board("gone", "safe")], 1),
        # A line of something that was unplugged before is no answer: it waits for the next device.
        ([board("gone"), board("gone", "importing"), board("gone", "safe")], 0),
        ([board("gone"), board("importing"), board("safe")], 0),
        ([board("safe", "importing"), board("gone", "importing"), board("gone", "safe")], 0),
        ([board("safe", "importing"), board("", "importing"), board("", "safe")], 0),
        # Only gone devices: it waits until the daemon leaves.
        ([board("gone"), board("gone")], 4),
        ([board(), board()], 4),
    ],
)
def test_import_ends_when_what_is_plugged_in_has_ended(
    tmp_path: Path, boards: list[t.Status], code: int
) -> None:
    with playing(tmp_path, Service(boards)) as kiosk:
        assert kiosk.ctl("import", check=False).returncode == code


def test_import_waits_for_the_redaction_of_what_was_unplugged_safely(tmp_path: Path) -> None:
    boards = [board("safe", waiting=2), board("gone", waiting=1), board("gone", waiting=0)]
    with playing(tmp_path, Service(boards)) as kiosk:
        done = kiosk.ctl("import", "--redacted", "--json")
        assert json.loads(done.stdout)["redaction"]["waiting"] == 0


@pytest.mark.parametrize("count", [1, 500, 1201])
def test_an_encounter_is_exported_whole(tmp_path: Path, count: int) -> None:
    arguments = ["--user", "olga", "--passphrase-file", "-", "--recipient", "r" * 32]
    arguments += ["--purpose", "teaching_research", "--encounter", "2" * 32, "--json"]
    with playing(tmp_path, Service(captures=count)) as kiosk:
        done = kiosk.ctl("export", *arguments, stdin="x\n")
        assert json.loads(done.stdout)["images"] == count


def test_an_encounter_with_nothing_to_export_is_said(tmp_path: Path) -> None:
    arguments = ["--user", "olga", "--passphrase-file", "-", "--recipient", "r" * 32]
    arguments += ["--purpose", "teaching_research", "--encounter", "3" * 32]
    with playing(tmp_path, Service(captures=0)) as kiosk:
        done = kiosk.ctl("export", *arguments, stdin="x\n", check=False)
    assert "there is no such encounter, or nothing of it is approved" in done.stderr
    assert done.returncode == 2


def test_a_publication_names_its_use(tmp_path: Path) -> None:
    arguments = ["export", "--user", "olga", "--passphrase-file", "-", "--recipient", "r" * 32]
    arguments += ["--purpose", "publication", "--encounter", "2" * 32]
    with playing(tmp_path, Service(captures=1)) as kiosk:
        asked = kiosk.ctl(*arguments, stdin="x\n", check=False)
        assert asked.returncode == 5
        assert asked.stdout.splitlines() == [
            "Nothing was written.",
            "Say which.",
            "A use that a consent names: A Journal",
        ]
        done = kiosk.ctl(*arguments, "--use", "A Journal", "--json", stdin="x\n")
        assert json.loads(done.stdout)["images"] == 1


def test_import_names_the_files_for_which_the_device_is_still_needed(tmp_path: Path) -> None:
    with playing(tmp_path, Service([board("incomplete")])) as kiosk:
        said = kiosk.ctl("import", check=False).stdout
    assert "IMG_0020: It was cut off." in said
    assert "IMG_0021" not in said
    assert "and 10 more" in said


def test_a_receipt_of_many_pages_is_printed_whole(tmp_path: Path) -> None:
    login = ("--user", "pat", "--passphrase-file", "-")
    with playing(tmp_path, Service(files=450)) as kiosk:
        done = kiosk.ctl("import", "--receipt", *login, "--json", stdin="x\n")
        assert [line["place"] for line in json.loads(done.stdout)["lines"]] == [
            f"card/DCIM/100CANON/{n}" for n in range(450)
        ]
        said = kiosk.ctl("import", "--receipt", IMPORT.import_id, *login, stdin="x\n").stdout
    assert "missing numbers: card/DCIM/100CANON: 0004" in said
    assert "448 deleted from the device afterwards; 2 were to be and are still there, of 0 nobody" in said
    assert said.splitlines()[-1] == "everything on the device was sealed; it was needed for no file any more"


@pytest.mark.parametrize(("options", "kind"), [((), SlateKind.OPEN), (("--close",), SlateKind.CLOSE)])
def test_a_slate_is_printed_and_written_for_a_label_printer(
    tmp_path: Path, options: tuple[str, ...], kind: SlateKind
) -> None:
    text = write_slate(Slate(kind, "5a" * 16, 1_795_000_000), bytes(32))
    arguments = ["slate", "--user", "pat", "--passphrase-file", "-", "--encounter", "2" * 32, *options]
    with playing(tmp_path, Service()) as kiosk:
        for name in ("label.png", "label.svg"):
            said = kiosk.ctl(*arguments, "--output", str(tmp_path / name), stdin="x\n").stdout
            assert text in said.splitlines()
            assert f"written: {tmp_path / name}" in said
        assert json.loads(kiosk.ctl(*arguments, "--json", stdin="x\n").stdout)["text"] == text
        refused = kiosk.ctl(*arguments, "--output", "label.pdf", stdin="x\n", check=False)
        assert (refused.returncode, "NAME.svg or NAME.png" in refused.stderr) == (2, True)
    [read] = zxingcpp.read_barcodes(np.asarray(Image.open(tmp_path / "label.png").convert("L")))
    assert read.text == text
    assert (tmp_path / "label.svg").read_text().startswith("<?xml")
    assert "\u2580" in said or "\u2588" in said, "blocks of the code"
    shown = [line for line in said.splitlines() if set(line) <= set(" \u2580\u2584\u2588") and line]
    side = len(segno.make(text, error="m", micro=False, boost_error=False).matrix) + 8
    assert len(shown) == (side + 1) // 2
