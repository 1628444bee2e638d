"""An export for somebody without a key, with all that can go with it; and where its passphrase is not."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pyrage
import pytest

from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.export import record
from medkiosk.export.viewer import chunks
from medkiosk.ipc import types as t
from medkiosk.receiver.medkiosk_verify import check_bundle, read_key
from tests.e2e.gatestore import Filler, Recipe
from tests.kiosk import ScratchKiosk

SOON = rfc3339(datetime.now(UTC) + timedelta(days=30))
TODAY = datetime.now(UTC).date()
SHOWN = Recipe()
TERMS = DataUse(("DUO:0000025", "DUO:0000042"), (TODAY + timedelta(days=20)).isoformat())


def has_page() -> bool:
    try:
        return bool(chunks.page())
    except chunks.NoViewerError:
        return False


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ScratchKiosk, t.ExportResult]]:
    """A kiosk that has exported two pictures for a passphrase. How they came there: test_export.py."""
    settings = '[export]\ndates = "shifted"\n'
    kiosk = ScratchKiosk(tmp_path_factory.mktemp("said") / "kiosk", settings=settings)
    try:
        kiosk.init()
        kiosk.start()
        kiosk.hire()
        kiosk.stop()
        filler = Filler(kiosk)
        captures = filler.capture(SHOWN, 2)
        filler.close()
        kiosk.start()
        with kiosk.session("olga") as olga:
            recipient = olga.enrol_recipient(
                "Dr. C", "Elsewhere", RecipientMethod.PASSPHRASE, "", "", (Purpose.TEACHING_RESEARCH,), SOON
            )
            options = t.ExportOptions(viewer=has_page(), dicom=True)
            result = olga.export(recipient.recipient_id, Purpose.TEACHING_RESEARCH, captures, TERMS, options)
        yield kiosk, result
    finally:
        kiosk.close()


def test_the_passphrase_opens_all_of_it(done: tuple[ScratchKiosk, t.ExportResult]) -> None:
    kiosk, result = done
    folder = kiosk.stick / result.folder
    check_bundle(folder, read_key(kiosk.made["export_public_key"]))
    text = pyrage.passphrase.decrypt((folder / "identity.age").read_bytes(), result.passphrase)
    identity = pyrage.x25519.Identity.from_str(text.decode().strip())
    archive = zipfile.ZipFile(
        io.BytesIO(pyrage.decrypt((folder / "record.zip.age").read_bytes(), [identity]))
    )
    told = record.read(archive.read("record.json"))
    assert told.data_use == TERMS
    assert told.recipient == ""
    assert len(told.images) == 2
    (subject,) = {image.subject for image in told.images}
    assert {f"consent/{subject}-r4.json", f"consent/{subject}-r5.json"} <= set(archive.namelist())
    for image in told.images:
        jpeg = pyrage.decrypt((folder / f"images/{image.id}.jpg.age").read_bytes(), [identity])
        assert record.content(jpeg[: image.jpeg.size]) == image.jpeg
        assert image.dicom is not None
        dicom = pyrage.decrypt((folder / f"dicom/{image.id}.dcm.age").read_bytes(), [identity])
        assert record.content(dicom) == image.dicom
        assert timedelta(days=1) <= TODAY - date.fromisoformat(image.date) <= timedelta(days=365)
        if has_page():
            assert archive.read(f"thumbnails/{image.id}.jpg").startswith(b"\xff\xd8")
    inside = b"".join(archive.read(name) for name in archive.namelist())
    for secret in ("Erika Mustermann", SHOWN.born):
        assert secret.encode() not in inside, secret


def test_it_is_eight_words_and_said_once(done: tuple[ScratchKiosk, t.ExportResult]) -> None:
    """Not in an event, a log, the status, the store's files, or on the stick; and no core is written."""
    kiosk, result = done
    words = result.passphrase.split(" ")
    assert len(words) == 8
    needles = [" ".join(words[at : at + 2]) for at in range(7)] + ["".join(words), "-".join(words[:2])]
    with kiosk.session("audi") as audi:
        said = [msgspec.json.encode(event) for event in audi.list_events(0, 1000).events]
    assert any(b"export.written" in line for line in said)
    with kiosk.session("olga") as olga:
        said.append(msgspec.json.encode(olga.list_exports()))
        said.append(msgspec.json.encode(olga.list_recipients()))
    said.append(msgspec.json.encode(kiosk.status()))
    for line in said:
        assert not any(needle.encode() in line for needle in needles)
    searched = 0
    for path in kiosk.root.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            searched += 1
            assert not any(needle.encode() in data for needle in needles), path
    assert searched > 20
    assert kiosk.log.stat().st_size > 0
    limits = Path(f"/proc/{kiosk.pid}/limits").read_text()
    (core,) = (line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
