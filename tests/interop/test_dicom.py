"""What programs that are not ours say about a DICOM object: dicom3tools' checker, and Orthanc, a PACS."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from pydicom import dcmread
from pydicom.encaps import generate_frames

from medkiosk.export.dicom import Visible, photograph
from tests.export.dicompictures import KINDS, PLAIN, jpeg, picture
from tests.interop import orthanc
from tests.interop.dciodvfy import DCIODVFY, problems

MODELS = Path(os.environ.get("MEDKIOSK_MODELS", Path(__file__).parents[2] / ".models")).resolve()
CLOSE = 3
"""Levels of 255 by which two decoders' colours may differ: of rounding, and of how colour is scaled up."""


@pytest.mark.skipif(DCIODVFY is None, reason="no dciodvfy (Debian: dicom3tools)")
@pytest.mark.parametrize("date", ["", "2025-11-30"])
@pytest.mark.parametrize("kind", KINDS)
def test_dciodvfy_finds_no_error(kind: str, date: str, tmp_path: Path) -> None:
    for seen in (False, True):
        made = replace(picture(kind), date=date, visible=Visible(annotations=seen, features=not seen))
        path = tmp_path / "one.dcm"
        path.write_bytes(photograph(made))
        assert problems(path) == []


@pytest.mark.skipif(DCIODVFY is None, reason="no dciodvfy (Debian: dicom3tools)")
def test_dciodvfy_would_find_one(tmp_path: Path) -> None:
    path = tmp_path / "one.dcm"
    path.write_bytes(photograph(PLAIN).replace(b"YBR_FULL_422", b"YBR_FULL_423"))
    assert problems(path)


@pytest.mark.timeout(400)  # starts the worker, with its networks
@pytest.mark.skipif(DCIODVFY is None, reason="no dciodvfy (Debian: dicom3tools)")
def test_what_redaction_makes_can_be_written(tmp_path: Path) -> None:
    if not (MODELS / "centerface.onnx").is_file():
        # `make test` names the folder and fills it: there, a skip would hide that nothing was tested.
        missing = pytest.fail if "MEDKIOSK_MODELS" in os.environ else pytest.skip
        missing("the models are not there")
    turned = Image.Exif()
    turned[0x0112] = 6
    with Image.open(io.BytesIO(jpeg("420"))) as image:
        image.save(tmp_path / "turned.jpg", progressive=True, exif=turned)
    (tmp_path / "grey.jpg").write_bytes(jpeg("grey"))
    names = [str(tmp_path / "grey.jpg"), str(tmp_path / "turned.jpg")]
    command = [
        sys.executable,
        "-m",
        "medkiosk.cli",
        "redact",
        *names,
        "--out",
        str(tmp_path / "out"),
        "--json",
    ]
    said = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MEDKIOSK_MODELS": str(MODELS)},
    )
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert [line["size"] for line in lines] == [[320, 240], [240, 320]], said.stderr
    for line in lines:
        width, height = line["size"]
        made = replace(PLAIN, jpeg=Path(line["output"]).read_bytes(), width=width, height=height)
        path = tmp_path / "one.dcm"
        path.write_bytes(photograph(made))
        assert problems(path) == []


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[orthanc.Orthanc]:
    if orthanc.PROGRAM is None:
        pytest.skip("no Orthanc (Debian: orthanc)")
    with orthanc.running(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


def stored(pacs: orthanc.Orthanc, kind: str) -> str:
    answer = pacs.json("/instances", photograph(picture(kind)))
    assert answer["Status"] in {"Success", "AlreadyStored"}
    return str(answer["ID"])


@pytest.mark.parametrize("kind", KINDS)
def test_orthanc_shows_what_the_jpeg_shows(pacs: orthanc.Orthanc, kind: str) -> None:
    instance = stored(pacs, kind)
    with (
        Image.open(io.BytesIO(pacs.get(f"/instances/{instance}/preview"))) as shown,
        Image.open(io.BytesIO(picture(kind).jpeg)) as expected,
    ):
        assert shown.size == expected.size
        assert shown.mode == expected.mode
        different = ImageChops.difference(shown, expected).tobytes()
    assert max(different) <= CLOSE


@pytest.mark.parametrize("kind", KINDS)
def test_orthanc_gives_back_the_same_jpeg(pacs: orthanc.Orthanc, kind: str) -> None:
    instance = stored(pacs, kind)
    made = picture(kind)
    back = dcmread(io.BytesIO(pacs.get(f"/instances/{instance}/file")))
    [fragment] = generate_frames(back.PixelData, number_of_frames=1)
    assert hashlib.sha256(fragment[: len(made.jpeg)]).digest() == hashlib.sha256(made.jpeg).digest()


def test_orthanc_lists_one_subject_with_one_study(pacs: orthanc.Orthanc) -> None:
    instances = {stored(pacs, kind) for kind in KINDS}
    [patient] = pacs.json("/patients?expand")
    assert patient["MainDicomTags"]["PatientID"] == PLAIN.subject
    [study] = pacs.json("/studies?expand")
    [series] = pacs.json("/series?expand")
    assert series["MainDicomTags"]["Modality"] == "XC"
    assert set(series["Instances"]) == instances
    assert study["PatientMainDicomTags"]["PatientName"] == f"Subject^{PLAIN.subject}"
    found = pacs.json(
        "/tools/find", b'{"Level":"Instance","Query":{"PatientID":"%b"}}' % PLAIN.subject.encode()
    )
    assert set(found) == instances
