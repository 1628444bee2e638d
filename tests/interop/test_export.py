"""What a real kiosk exports, read by programs that are not ours: its DICOM objects, consent and dates."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pydicom
import pyrage
import pytest

from medkiosk.core.ids import ExportId
from medkiosk.export import record
from medkiosk.export.fhircodes import problems as wrong_codes
from medkiosk.ipc.types import ExportOptions
from tests.e2e.gatestore import Filler, Recipe
from tests.interop import orthanc
from tests.interop.dciodvfy import DCIODVFY, problems
from tests.interop.test_fhir import read
from tests.kiosk import ScratchKiosk
from tests.outside import exported, terms

IDENTITY = pyrage.x25519.Identity.generate()
EACH = 2
"""Pictures of each subject."""


@dataclass(frozen=True)
class Opened:
    """A bundle, decrypted."""

    export_id: ExportId
    told: record.Record
    archive: zipfile.ZipFile
    objects: dict[str, bytes]

    def consent(self, subject: str, version: str) -> dict[str, object]:
        made: dict[str, object] = json.loads(self.archive.read(f"consent/{subject}-{version}.json"))
        return made


def opened(folder: Path, export_id: ExportId) -> Opened:
    def decrypt(name: str) -> bytes:
        data: bytes = pyrage.decrypt((folder / name).read_bytes(), [IDENTITY])
        return data

    archive = zipfile.ZipFile(io.BytesIO(decrypt("record.zip.age")))
    told = record.read(archive.read("record.json"))
    objects = {image.id: decrypt(f"dicom/{image.id}.dcm.age") for image in told.images}
    return Opened(export_id, told, archive, objects)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Opened, ...]]:
    """Of two subjects: twice for one recipient, once for another."""
    kiosk = ScratchKiosk(
        tmp_path_factory.mktemp("interop") / "kiosk", settings='[export]\ndates = "shifted"\n'
    )
    try:
        kiosk.init()
        kiosk.start()
        kiosk.hire()
        kiosk.stop()
        filler = Filler(kiosk)
        one, other = (filler.recipient(str(IDENTITY.to_public())) for _ in range(2))
        captures = (*filler.capture(Recipe(), EACH), *filler.capture(Recipe(), EACH))
        filler.close()
        kiosk.start()
        with kiosk.session("olga") as olga:
            made = [
                exported(olga, who, captures, options=ExportOptions(dicom=True)) for who in (one, one, other)
            ]
        yield tuple(opened(kiosk.stick / each.folder, ExportId(each.export_id)) for each in made)
    finally:
        kiosk.close()


def shifts(bundle: Opened) -> list[int]:
    """By how many days each subject's pictures were moved back, ascending."""
    today = datetime.now(UTC).date()
    by_subject = {
        image.subject: (today - date.fromisoformat(image.date)).days for image in bundle.told.images
    }
    assert len(bundle.told.images) == 2 * EACH
    assert len(by_subject) == 2
    for image in bundle.told.images:
        assert (today - date.fromisoformat(image.date)).days == by_subject[image.subject]
    return sorted(by_subject.values())


def test_dates_are_moved_by_the_same_for_the_same_recipient_only(bundles: tuple[Opened, ...]) -> None:
    first, again, other = (shifts(bundle) for bundle in bundles)
    assert first == again != other
    assert all(1 <= days <= 365 for days in first + other)  # 364, and midnight may have passed


def test_nothing_links_two_bundles_of_the_same_pictures(bundles: tuple[Opened, ...]) -> None:
    seen: set[str] = set()
    for bundle in bundles:
        here: set[str] = {bundle.export_id}
        for image in bundle.told.images:
            data = pydicom.dcmread(io.BytesIO(bundle.objects[image.id]))
            here |= {image.id, image.subject, data.PatientID, str(data.PatientName)}
            here |= {data.SOPInstanceUID, data.StudyInstanceUID, data.SeriesInstanceUID}
        assert not here & seen
        seen |= here


def test_objects_say_what_the_record_says(bundles: tuple[Opened, ...]) -> None:
    for image in bundles[0].told.images:
        data = pydicom.dcmread(io.BytesIO(bundles[0].objects[image.id]))
        assert data.PatientID == image.subject
        assert data.StudyDate == image.date.replace("-", "")
        assert (data.Columns, data.Rows) == (image.width, image.height)
        assert data.DerivationDescription.startswith(f"{image.statement};")
        assert bundles[0].export_id in data.DeidentificationMethod[2]


@pytest.mark.skipif(DCIODVFY is None, reason="no dciodvfy (Debian: dicom3tools)")
def test_dciodvfy_finds_no_error(bundles: tuple[Opened, ...], tmp_path: Path) -> None:
    for data in bundles[0].objects.values():
        path = tmp_path / "one.dcm"
        path.write_bytes(data)
        assert problems(path) == []


@pytest.mark.skipif(orthanc.PROGRAM is None, reason="no Orthanc (Debian: orthanc)")
def test_orthanc_takes_a_whole_export(bundles: tuple[Opened, ...], tmp_path: Path) -> None:
    with orthanc.running(tmp_path) as pacs:
        for data in bundles[0].objects.values():
            assert pacs.json("/instances", data)["Status"] == "Success"
        patients = {each["MainDicomTags"]["PatientID"] for each in pacs.json("/patients?expand")}
        studies = pacs.json("/studies?expand")
    assert patients == {image.subject for image in bundles[0].told.images}
    assert len(studies) == 2


def test_each_subject_has_a_consent_that_covers_just_its_pictures(bundles: tuple[Opened, ...]) -> None:
    bundle = bundles[0]
    for subject in {image.subject for image in bundle.told.images}:
        images = sorted(image.id for image in bundle.told.images if image.subject == subject)
        for version in ("r4", "r5"):
            made = bundle.consent(subject, version)
            assert wrong_codes(made, version) == ()
            text = json.dumps(made)
            assert json.loads(read(made, version).model_dump_json()) == made
            assert sorted(each for each in bundle.objects if each in text) == images
            assert bundle.export_id in text
            assert bundle.told.recipient in text
            assert terms().until in text
            for private in (
                "Erika",
                "Mustermann",
                "1984",
                "Demo Hospital",
                datetime.now(UTC).date().isoformat(),
            ):
                assert private not in text
