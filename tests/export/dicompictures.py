"""Pictures of every kind that redaction makes, and what a DICOM object of ours has."""

from __future__ import annotations

import functools
import hashlib
import io
import warnings

import pydicom
from PIL import Image
from pydicom.dataset import FileDataset

from medkiosk.core.ids import ExportId
from medkiosk.export.dicom import Photograph, Visible, photograph

KINDS = {"grey": -1, "444": 0, "422": 1, "420": 2}
"""Kinds of JPEG, with Pillow's number for each subsampling."""
_NAMES = """
    ImageType SOPClassUID SOPInstanceUID StudyDate StudyTime AccessionNumber Modality Manufacturer
    ReferringPhysicianName DerivationDescription PatientName PatientID PatientBirthDate PatientSex
    PatientIdentityRemoved DeidentificationMethod DeidentificationMethodCodeSequence CodeValue
    CodingSchemeDesignator CodeMeaning ContributingEquipmentSequence SoftwareVersions
    PurposeOfReferenceCodeSequence StudyInstanceUID SeriesInstanceUID StudyID SeriesNumber InstanceNumber
    PatientOrientation Laterality SamplesPerPixel PhotometricInterpretation PlanarConfiguration Rows Columns
    BitsAllocated BitsStored HighBit PixelRepresentation BurnedInAnnotation RecognizableVisualFeatures
    LongitudinalTemporalInformationModified LossyImageCompression LossyImageCompressionRatio
    LossyImageCompressionMethod AcquisitionContextSequence PixelData DataSetTrailingPadding
"""
ATTRIBUTES = frozenset(_NAMES.split())
"""Every attribute in a colour picture's object, at any depth: a new one is to be thought about."""


@functools.cache
def jpeg(kind: str, size: tuple[int, int] = (320, 240)) -> bytes:
    """A picture with colours, in one of `KINDS`."""
    bands = [Image.effect_mandelbrot(size, (-2, -1.2, 1, top), 60) for top in (1.2, 0.9, 0.4)]
    image = bands[0] if kind == "grey" else Image.merge("RGB", bands)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90, **({} if kind == "grey" else {"subsampling": KINDS[kind]}))
    return out.getvalue()


def picture(kind: str) -> Photograph:
    """An export's picture of one kind; another kind is another image of the same subject."""
    return Photograph(
        export_id=ExportId("a" * 32),
        image_id=hashlib.sha256(kind.encode()).hexdigest()[:32],
        subject="c" * 32,
        number=1 + list(KINDS).index(kind),
        jpeg=jpeg(kind),
        width=320,
        height=240,
        policy="2026-1",
        visible=Visible(annotations=False, features=False),
    )


PLAIN = picture("422")


def read(made: Photograph) -> FileDataset:
    """The object as pydicom reads it, every value of it, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = pydicom.dcmread(io.BytesIO(photograph(made)))
        list(data.iterall())
    return data
