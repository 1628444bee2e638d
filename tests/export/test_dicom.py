"""The DICOM object, attribute by attribute, as pydicom reads it; tests/interop asks other programs."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from medkiosk import __version__
from medkiosk.core.photo import Box, Category, Decision, Finding
from medkiosk.export.dicom import DicomError, Visible, photograph, visible
from medkiosk.export.padding import padded_size
from tests.export import dicompictures
from tests.export.dicompictures import KINDS, PLAIN, jpeg, picture, read

TABLE = Path(__file__).parents[1] / "interop/confidentiality.txt"
"""PS3.15 table E.1-1, the Basic Profile's column."""
WHOLE, SOMEWHERE = Box(0, 0, 320, 240), Box(10, 10, 20, 20)


def actions() -> dict[int, str]:
    found, action = {}, ""
    for line in TABLE.read_text().splitlines()[1:]:
        if line.startswith(" "):
            found.update({int(tag, 16): action for tag in line.split()})
        else:
            action = line
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_jpeg_comes_out_as_it_went_in(kind: str) -> None:
    made = picture(kind)
    data = read(made)
    [fragment] = generate_frames(data.PixelData, number_of_frames=1)
    assert len(fragment) - len(made.jpeg) in {0, 1}
    assert hashlib.sha256(fragment[: len(made.jpeg)]).digest() == hashlib.sha256(made.jpeg).digest()
    assert data.file_meta.TransferSyntaxUID == pydicom.uid.JPEGBaseline8Bit
    assert (
        data.SOPClassUID == data.file_meta.MediaStorageSOPClassUID == pydicom.uid.VLPhotographicImageStorage
    )
    assert data.SOPInstanceUID == data.file_meta.MediaStorageSOPInstanceUID


@pytest.mark.parametrize("length", [0, 1])
def test_an_odd_jpeg_is_made_even_behind_its_end(length: int) -> None:
    made = picture("422")
    made = replace(made, jpeg=made.jpeg + bytes(len(made.jpeg) % 2) + bytes(length))
    [fragment] = generate_frames(read(made).PixelData, number_of_frames=1)
    assert len(fragment) == len(made.jpeg) + length


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_are_described_as_the_jpeg_has_them(kind: str) -> None:
    data = read(picture(kind))
    grey = kind == "grey"
    assert data.PhotometricInterpretation == ("MONOCHROME2" if grey else "YBR_FULL_422")
    assert data.SamplesPerPixel == (1 if grey else 3)
    assert ("PlanarConfiguration" in data) is not grey
    assert (data.Columns, data.Rows) == (320, 240)
    assert (data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation) == (8, 8, 7, 0)
    assert data.Modality == "XC"
    assert data.ImageType == ["DERIVED", "PRIMARY"]
    assert len(data.AcquisitionContextSequence) == 0


def test_says_that_it_is_lossy_and_by_how_much() -> None:
    made = picture("444")
    data = read(made)
    assert data.LossyImageCompression == "01"
    assert data.LossyImageCompressionMethod == "ISO_10918_1"
    assert data.LossyImageCompressionRatio == pytest.approx(320 * 240 * 3 / len(made.jpeg), abs=0.01)


def test_the_subject_is_the_pseudonym_and_nothing_else() -> None:
    data = read(PLAIN)
    assert data.PatientID == PLAIN.subject
    assert str(data.PatientName) == f"Subject^{PLAIN.subject}"
    assert data.PatientIdentityRemoved == "YES"
    for name in ("PatientBirthDate", "PatientSex", "AccessionNumber", "ReferringPhysicianName", "StudyTime"):
        assert not data[name].value


def test_says_how_the_identity_was_taken_away() -> None:
    data = read(PLAIN)
    assert list(data.DeidentificationMethod) == [
        "redacted under policy 2026-1",
        "not anonymous",
        f"medkiosk export {PLAIN.export_id}",
    ]
    [equipment] = data.ContributingEquipmentSequence
    assert (equipment.Manufacturer, equipment.SoftwareVersions) == ("medkiosk", __version__)
    assert concepts(equipment.PurposeOfReferenceCodeSequence) == [codes.DCM.DeIdentifyingEquipment]


def test_a_policy_cannot_write_another_value() -> None:
    data = read(replace(PLAIN, policy="a\\b" + "x" * 80))
    assert len(data.DeidentificationMethod) == 3
    assert data.DeidentificationMethod[0] == ("redacted under policy a/b" + "x" * 80)[:64]


def test_names_the_policy_with_its_digest() -> None:
    policy = "default/3 sha256:" + "5" * 64
    data = read(replace(PLAIN, policy=policy))
    assert data.DeidentificationMethod[0] == "redacted under policy default/3"
    assert data.DerivationDescription.startswith(f"redacted under policy {policy}; ")


@pytest.mark.parametrize("annotations", [False, True])
@pytest.mark.parametrize("features", [False, True])
@pytest.mark.parametrize("date", ["", "2025-11-30"])
def test_claims_only_what_is_true(annotations: bool, features: bool, date: str) -> None:
    data = read(replace(PLAIN, visible=Visible(annotations, features), date=date))
    assert data.BurnedInAnnotation == ("YES" if annotations else "NO")
    assert data.RecognizableVisualFeatures == ("YES" if features else "NO")
    assert data.LongitudinalTemporalInformationModified == ("MODIFIED" if date else "REMOVED")
    assert data.StudyDate == date.replace("-", "")
    dcm = codes.DCM
    expected = [dcm.BasicApplicationConfidentialityProfile]
    expected += [] if annotations else [dcm.CleanPixelDataOption]
    expected += [] if features else [dcm.CleanRecognizableVisualFeaturesOption]
    expected += [dcm.RetainLongitudinalTemporalInformationModifiedDatesOption] if date else []
    assert concepts(data.DeidentificationMethodCodeSequence) == expected


def concepts(sequence: list[Dataset]) -> list[object]:
    return [Code(item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning) for item in sequence]


def finding(category: Category, decision: Decision, box: Box = SOMEWHERE) -> Finding:
    return Finding(category, box, "test/1", "", 900, decision)


@pytest.mark.parametrize("decision", list(Decision))
@pytest.mark.parametrize("category", list(Category))
def test_what_is_left_to_see(category: Category, decision: Decision) -> None:
    left = decision in {Decision.KEEP, Decision.SUGGEST}
    found = visible([finding(category, decision), finding(Category.FACE, Decision.MASK)], WHOLE)
    assert found.annotations is (left and category in {Category.TEXT, Category.CODE, Category.OTHER})
    assert found.features is (left and category in {Category.FACE, Category.MARK, Category.OTHER})


def test_what_was_cut_off_is_gone_and_what_reaches_in_is_not() -> None:
    kept = finding(Category.TEXT, Decision.KEEP, Box(10, 10, 20, 20))
    assert visible([], WHOLE) == Visible(annotations=False, features=False)
    for shown, left in (
        (Box(30, 0, 9, 99), False),
        (Box(29, 0, 9, 99), True),
        (Box(0, 30, 99, 9), False),
        (Box(0, 0, 10, 99), False),
        (Box(0, 0, 11, 11), True),
        (Box(0, 0, 99, 10), False),
    ):
        assert visible([kept], shown).annotations is left


@pytest.mark.parametrize("date", ["", "2025-11-30"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_there_that_the_basic_profile_takes_away(kind: str, date: str) -> None:
    table = actions()
    assert len(table) > 600
    ours = {
        "ContributingEquipmentSequence": "describes us, not who had it before ",
        "DerivationDescription": "the policy's name, and the same words in every object",
        "SoftwareVersions": "ours",
    }
    pseudonyms = {"PatientName", "PatientID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"}
    for element in read(replace(picture(kind), date=date)).iterall():
        action, name = table.get(int(element.tag)), element.keyword
        if action is None or name in pseudonyms | {"MediaStorageSOPInstanceUID"}:
            continue
        if name == "StudyDate":
            assert element.value == date.replace("-", "")
        elif name == "PatientIdentityRemoved":
            assert element.value == "YES"
        elif name == "StudyID":
            assert element.value == "1"  # the same in every object
        elif name == "AcquisitionContextSequence":
            assert len(element.value) == 0
        elif name == "DataSetTrailingPadding":
            assert not any(element.value)
        elif name not in ours:
            assert not element.value, f"{name}: {action}"


def test_no_private_attribute_and_no_list_that_grows_unnoticed() -> None:
    names = {element.keyword for element in read(replace(PLAIN, date="2025-11-30")).iterall()}
    assert names == dicompictures.ATTRIBUTES


@pytest.mark.parametrize("other", [{"export_id": "e" * 32}, {"subject": "9" * 32}])
def test_uids_mean_nothing_elsewhere(other: dict[str, str]) -> None:
    one, two = read(PLAIN), read(replace(PLAIN, image_id="7" * 32, **other))  # type: ignore[arg-type]
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        assert re.fullmatch(r"2\.25\.[1-9][0-9]{0,38}", one[name].value)
        assert one[name].value != two[name].value
    assert len({one.StudyInstanceUID, one.SeriesInstanceUID, one.SOPInstanceUID}) == 3


def test_pictures_of_one_subject_are_one_study() -> None:
    one, two = read(PLAIN), read(replace(PLAIN, image_id="7" * 32, number=2))
    assert one.StudyInstanceUID == two.StudyInstanceUID
    assert one.SeriesInstanceUID == two.SeriesInstanceUID
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert (one.InstanceNumber, two.InstanceNumber) == (PLAIN.number, 2)


@given(st.integers(0, 70_000))
def test_is_of_a_length_that_says_little(extra: int) -> None:
    data = photograph(replace(PLAIN, jpeg=PLAIN.jpeg + bytes(extra)))
    assert len(data) == padded_size(len(data))
    assert len(data) <= padded_size(len(PLAIN.jpeg) + extra + 2048)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pydicom.dcmread(io.BytesIO(data))


def bad_jpegs() -> dict[str, bytes]:
    good = PLAIN.jpeg
    frame = good.index(b"\xff\xc0")
    progressive = io.BytesIO()
    Image.new("RGB", (320, 240)).save(progressive, "JPEG", progressive=True)
    cmyk = io.BytesIO()
    Image.new("CMYK", (320, 240)).save(cmyk, "JPEG")
    return {
        "empty": b"",
        "no JPEG": b"GIF89a" + bytes(99),
        "ends": good[: frame + 3],
        "ends inside": good[: frame + 9],
        "no frame": good[:2] + b"\xff\xe0\x00\x02" * 100 + good[2:],
        "a segment of no length": good[:2] + b"\xff\xe0\x00\x00" + good[2:],
        "no components": good[: frame + 9] + b"\x00" + good[frame + 10 :],
        "twelve bits": good[: frame + 4] + b"\x0c" + good[frame + 5 :],
        "progressive": progressive.getvalue(),
        "for printing": cmyk.getvalue(),
        "another size": jpeg("444", (320, 241)),
    }


@pytest.mark.parametrize("name", list(bad_jpegs()))
def test_what_it_cannot_describe_it_does_not_write(name: str) -> None:
    with pytest.raises(DicomError) as refused:
        photograph(replace(PLAIN, jpeg=bad_jpegs()[name]))
    assert "Nothing was recorded" in str(refused.value)


@given(st.binary(max_size=400))
def test_hostile_headers_are_refused_and_nothing_else_happens(tail: bytes) -> None:
    with pytest.raises(DicomError):
        photograph(replace(PLAIN, jpeg=b"\xff\xd8" + tail, width=65_535, height=65_535))


def test_who_holds_keys_loads_nothing_that_computes_on_pixels() -> None:
    program = (
        "import sys, medkiosk.export.dicom, medkiosk.export.fhir, medkiosk.export.dates;"
        "print(sorted({'numpy', 'cv2', 'PIL', 'pydicom', 'fhir', 'pydantic'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
