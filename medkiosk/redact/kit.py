"""All detectors of one worker, loaded once and forked with it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from medkiosk.core.identifiers import Identifier
from medkiosk.core.photo import Box, Decision, Finding
from medkiosk.core.quality import Quality
from medkiosk.redact.container import ycbcr
from medkiosk.redact.container.hevc import Hevc
from medkiosk.redact.detect.close_faces import CloseFaceDetector
from medkiosk.redact.detect.codes import CodeDetector
from medkiosk.redact.detect.faces import FaceDetector
from medkiosk.redact.detect.hit import Hit
from medkiosk.redact.detect.line import Line
from medkiosk.redact.detect.marks import MarkDetector
from medkiosk.redact.detect.reading import Reader
from medkiosk.redact.detect.slates import find_slates
from medkiosk.redact.detect.text import TextDetector
from medkiosk.redact.detectors import ABILITY_OF, DETECTORS, Ability, DetectorId
from medkiosk.redact.jpeg.crafted import BlockTest
from medkiosk.redact.jpeg.turbojpeg import Subsampling, TurboJpeg
from medkiosk.redact.jpeg.upright import Op
from medkiosk.redact.pixels import View
from medkiosk.redact.policy import Policy
from medkiosk.redact.quality.assess import assess
from medkiosk.redact.region import Size, clip, pad, share_covered
from medkiosk.redact.sight import Sight

_Library = TypeVar("_Library")


@dataclass(frozen=True)
class Kit:
    """What a worker redacts with; a detector that could not be loaded is None."""

    policy: Policy
    faces: FaceDetector | None
    close_faces: CloseFaceDetector | None
    text: TextDetector | None
    reader: Reader | None
    codes: CodeDetector
    marks: MarkDetector
    turbo: TurboJpeg | None
    hevc: Hevc | None

    @property
    def abilities(self) -> Ability:
        """What is present."""
        present = ABILITY_OF[DetectorId.CODES]
        if self.faces:
            present |= Ability.FACES
        if self.text:
            present |= Ability.TEXT
        if self.reader:
            present |= Ability.READING
        if self.turbo:
            present |= Ability.BURN
        if self.hevc:
            present |= Ability.HEVC
        return present

    def certain(self, sight: Sight) -> list[Hit]:
        """Everything above its threshold, by every detector whose hits are masked without asking."""
        hits = self.faces.find(sight.view) if self.faces else []
        hits += self.codes.find(sight.grey)
        if self.text:
            hits += self.text.find(sight.view)
        return hits

    def named(self, sight: Sight, identifiers: Sequence[Identifier], hidden: Sequence[Box]) -> list[Hit]:
        """Text that was read and says one of the identifiers; also where it is not sure that it is text.

        Args:
            sight: the picture.
            identifiers: what is known of the person.
            hidden: what nobody will see: lines wholly inside are not read.

        Raises:
            RefusedError: CROWDED, there is more text than can be read.
        """
        if not (self.text and self.reader):
            return []
        lines = []
        for line in self.text.lines(sight.view):
            box = line.box(sight.full)
            if box is not None and share_covered(box, hidden) < 1:
                lines.append(line)
        return self.reader.find_identifiers(sight.grey, lines, identifiers)

    def suggestions(self, sight: Sight, masks: Sequence[Box]) -> list[Hit]:
        """What a reviewer should look at: parts of faces, marks on the skin.

        Args:
            sight: the picture.
            masks: what is masked anyway.
        """
        parts = self.close_faces.find(sight.view, masks) if self.close_faces else []
        return parts + self.marks.find(sight.view, (), [*masks, *(part.box for part in parts)])

    def slates(self, sight: Sight) -> tuple[str, ...]:
        """What the slates in the picture say."""
        return find_slates(sight.grey)

    def quality(self, sight: Sight) -> Quality:
        """What there is to say to the photographer."""
        return assess(sight.view.pixels, self.policy.quality)

    def again(self, sight: Sight) -> list[Hit]:
        """The second look, at a written derivative: faces, and codes at half size.

        The first look saw the same pixels outside the masks, at full size and for text too (black rectangles
        are letters to the text detector); this one is for what a mask uncovers (a face that stood beside a
        surer one) and for what another decoder shows.
        """
        hits = self.faces.find(sight.view, quick=True) if self.faces else []
        return hits + self.codes.find(sight.grey, quick=True)

    def finding(self, hit: Hit, image: Size, decision: Decision | None = None) -> Finding:
        """A hit as a finding: its box padded by the policy and cut to the image.

        Args:
            hit: what was found.
            image: size of the picture.
            decision: what happens to it; None for what its detector may decide.
        """
        detector = DETECTORS[hit.detector]
        padding = {
            DetectorId.FACES: self.policy.faces.padding,
            DetectorId.CODES: self.policy.codes.padding,
        }.get(hit.detector, 0)  # the others pad themselves
        box = clip(pad(hit.box, padding), image) or hit.box
        return Finding(
            detector.category,
            box,
            detector.name,
            detector.model_sha256,
            hit.confidence,
            decision or detector.decision,
        )


def load_kit(models: Path, policy: Policy) -> Kit:
    """Load what is there; a model that is absent, or is not the pinned file, is a missing detector."""
    cv2.setNumThreads(1)
    cv2.ocl.setUseOpenCL(False)
    centerface, text = pinned_model(models, DetectorId.FACES), pinned_model(models, DetectorId.TEXT)
    reader = pinned_model(models, DetectorId.IDENTIFIERS)
    faces = FaceDetector(centerface, policy.faces) if centerface else None
    return Kit(
        policy=policy,
        faces=faces,
        close_faces=CloseFaceDetector(faces.network, policy.close_faces) if faces else None,
        text=TextDetector(text, policy.text) if text else None,
        reader=Reader(reader, policy.reading) if reader else None,
        codes=CodeDetector(policy.codes),
        marks=MarkDetector(policy.marks),
        turbo=_library(TurboJpeg),
        hevc=_library(Hevc),
    )


def _library(load: Callable[[], _Library]) -> _Library | None:
    try:
        return load()
    except OSError:
        return None


def pinned_model(models: Path, detector: DetectorId) -> bytes | None:
    """A model's bytes when the file is exactly the pinned one, else None."""
    try:
        content = (models / DETECTORS[detector].model_file).read_bytes()
    except OSError:
        return None
    digest = hashlib.sha256(content).hexdigest()
    return content if hmac.compare_digest(digest, DETECTORS[detector].model_sha256) else None


def warm_up(kit: Kit) -> None:
    """Go once through every library, so that each has loaded and mapped what it needs before the sandbox.

    (ctypes, for one, maps its callback trampolines from a file the first time.)
    """
    grey = np.full((64, 64, 3), 128, np.uint8)
    encoded = cv2.imencode(".jpg", grey)[1].tobytes()
    cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    ycbcr.warm_up()
    kit.codes.find(grey)
    find_slates(grey[:, :, 0])
    kit.quality(Sight(View.whole(grey), grey[:, :, 0]))
    skin = np.full((96, 96, 3), (120, 150, 200), np.uint8)
    skin[40:60, 40:60] = (60, 60, 60)
    kit.marks.find(View.whole(skin), (), ())
    if kit.text:
        kit.text.find(View.whole(grey))
    if kit.reader:
        kit.reader.read(grey, Line(np.array([[4, 4], [60, 4], [60, 20], [4, 20]], np.float32), 1000))
    BlockTest((1,) * 64).crafted(np.full((8, 64), 1000, np.int16))
    if kit.turbo:
        kit.turbo.decode(encoded, 64, 64)
        kit.turbo.decode_grey(encoded, 64, 64)
        kit.turbo.decode_scaled(encoded, 64, 64, 4)
        kit.turbo.encode(grey, 90, Subsampling.S422)
        kit.turbo.transform(encoded, Op.ROT90, lambda _blocks, _component, _row: None)
