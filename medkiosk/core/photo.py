"""Words about photographs: media kinds, findings, image roles, why a file cannot be redacted."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final, Protocol

import msgspec

from medkiosk.core.ids import AccountId


class MediaKind(StrEnum):
    """What a file is, told from its first bytes (never from its name)."""

    JPEG = "jpeg"
    CR3 = "cr3"
    HEIF = "heif"
    VIDEO = "video"
    OTHER = "other"
    EMPTY = "empty"


class Category(StrEnum):
    """What kind of identifying mark a finding is."""

    FACE = "face"
    TEXT = "text"
    CODE = "code"
    MARK = "mark"  # tattoo, birthmark, scar, jewellery
    OTHER = "other"
    LESION = "lesion"  # the lesion of interest: what the picture is about, never masked


class Decision(StrEnum):
    """What happens to a finding. Suggestions are for the reviewer and burn nothing by themselves."""

    MASK = "mask"
    KEEP = "keep"
    SUGGEST = "suggest"
    CROP = "crop"  # to this box: the strongest redaction


MOST_FINDINGS = 500
"""Of one picture: more than this nobody decides one by one, and a record of them would be too long."""
REVIEWER = "reviewer"
"""The detector of what a person drew."""


class ImageRole(StrEnum):
    """What a frame is for. Only `CLINICAL` can ever be exported."""

    CLINICAL = "clinical"
    SLATE = "slate"
    CONSENT_FORM = "consent_form"
    REFERENCE = "reference"
    CLOCK = "clock"
    REJECT = "reject"


NOT_CLINICAL: dict[ImageRole, str] = {
    ImageRole.SLATE: "This frame is a slate: it says which patient the pictures around it show.",
    ImageRole.CONSENT_FORM: "This frame is a consent form: it shows names, dates and signatures.",
    ImageRole.REFERENCE: "This frame is a reference (a colour chart, a scale, the room), not a patient.",
    ImageRole.CLOCK: "This frame shows a clock, to set the camera's time right.",
    ImageRole.REJECT: "This frame was put aside as a mistake.",
}
"""Why a frame of each role is never approved or exported, in one sentence; `CLINICAL` alone has none."""
SHOWS_SLATE = "A slate of this kiosk was read in this frame, so it never leaves, whatever it is said to be."
"""Why a frame with one is never approved or exported, also where its role says otherwise."""


class ReviewState(StrEnum):
    """Where a capture stands on its way to leaving; the transitions are in `medkiosk.review.machine`."""

    WAITING = "waiting"  # for redaction
    PROPOSED = "proposed"
    NEEDS_SECOND = "needs_second"  # somebody else must look, too: two must approve, or one asked for it
    APPROVED = "approved"
    REJECTED = "rejected"
    UNUSABLE = "unusable"  # no derivative can be made


REVIEWABLE = frozenset({ReviewState.PROPOSED, ReviewState.NEEDS_SECOND})
"""Where somebody must still look."""
NOT_DECIDED = REVIEWABLE | {ReviewState.WAITING}
"""Where nobody has decided yet; some have no derivative to look at so far."""


class Reviewed(Protocol):
    """What is known of a photo that says who may still review it."""

    @property
    def state(self) -> ReviewState:
        """Where it stands."""
        ...

    @property
    def role(self) -> ImageRole:
        """What the frame is for."""
        ...

    @property
    def approvers(self) -> tuple[AccountId, ...]:
        """Who approved the latest revision."""
        ...

    @property
    def asked_by(self) -> AccountId | None:
        """Who wants somebody else's opinion."""
        ...


def is_open(photo: Reviewed, me: AccountId) -> bool:
    """Whether a photo is still to be reviewed, by this account."""
    mine = me in photo.approvers or (me == photo.asked_by and not photo.approvers)
    return photo.state in NOT_DECIDED and photo.role is ImageRole.CLINICAL and not mine


class SecondFor(StrEnum):
    """What a hospital may demand two different approvers for (``[review] second_for``)."""

    PUBLICATION = "publication"  # leaving for everybody to see
    FACE_SHOWN = "face_shown"  # something found to be a face is kept visible
    RESTRICTED = "restricted"  # intimate pictures, and others that few may see


SECOND_WORDS: dict[SecondFor, str] = {
    SecondFor.PUBLICATION: "it leaves for publication",
    SecondFor.FACE_SHOWN: "what may be a face stays visible in it",
    SecondFor.RESTRICTED: "it is restricted",
}
"""Why two people must approve a picture, to follow "because"."""


class Box(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A rectangle in pixels of the upright (orientation applied) full-size image.

    ``x, y`` is the top left corner; ``w, h`` are at least 1. Not necessarily on MCU borders: burning
    grows it outwards to whole MCUs.
    """

    x: int
    y: int
    w: int
    h: int


class Finding(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One identifying mark, found by a detector or drawn by a person.

    Attributes:
        category: what it is.
        box: where it is; the burned area is this box grown to whole MCUs.
        detector: name and version, e.g. ``centerface/1`` or ``reviewer``.
        model: SHA-256 of the model file, hex, or empty where there is none.
        confidence: 0 to 1000 (per mille).
        decision: mask, keep or suggest.
        reviewer: account id of who decided, empty while nobody has.
        reason: why it was kept, or what a drawn mask hides; empty for a detector's own.
    """

    category: Category
    box: Box
    detector: str
    model: str
    confidence: int
    decision: Decision
    reviewer: str = ""
    reason: str = ""


class RedactCode(IntEnum):
    """Why the redact worker gave no derivative. Only the number crosses the process boundary."""

    OK = 0
    NOT_A_PHOTO = 1
    TRUNCATED = 2
    EMPTY = 3
    UNSUPPORTED = 4
    TOO_LARGE = 5
    RESIDUAL = 6
    NO_DETECTOR = 7
    OUT_OF_MEMORY = 8
    TIMEOUT = 9
    CRASHED = 10
    PROTOCOL = 11
    VIDEO = 12
    MISMATCH = 13
    INTERNAL = 14
    COLOUR_SPACE = 15
    CMYK = 16
    CODING = 17  # arithmetic, lossless, hierarchical, 12 bit, several frames
    CRAFTED = 18  # coefficients that no encoder makes
    CROWDED = 19


NO_WORKER: Final = "worker"
"""In place of detectors' names while no redact worker has started: nobody knows yet which are missing."""

REDACT_WORDS: dict[RedactCode, str] = {
    RedactCode.OK: "redacted",
    RedactCode.NOT_A_PHOTO: (
        "This file is not a photograph, whatever its name says; it is sealed and cannot be exported."
    ),
    RedactCode.TRUNCATED: (
        "This photograph ends early or is damaged inside; what the camera gave is sealed and cannot be"
        " exported. Take the picture again if the patient is still here."
    ),
    RedactCode.EMPTY: (
        "This file has no bytes; that fact is sealed, nothing can be exported. Check the camera's card."
    ),
    RedactCode.UNSUPPORTED: (
        "This kind of picture cannot be redacted yet; it is sealed and cannot be exported."
    ),
    RedactCode.TOO_LARGE: (
        "This picture is larger than the kiosk will decode; it is sealed and cannot be exported."
    ),
    RedactCode.RESIDUAL: (
        "After redaction something identifying was still found; the original is sealed, nothing can be"
        " exported until a person has reviewed it."
    ),
    RedactCode.NO_DETECTOR: (
        "A detector is missing on this kiosk, so nothing can be approved for export; the original is"
        " sealed. Ask the installer to run the set-up of the models."
    ),
    RedactCode.OUT_OF_MEMORY: (
        "Redacting this picture needed more memory than it may use; the original is sealed and cannot be"
        " exported."
    ),
    RedactCode.TIMEOUT: (
        "Redacting this picture took too long and was stopped; the original is sealed and cannot be exported."
    ),
    RedactCode.CRASHED: (
        "The redaction of this picture crashed and was stopped; the original is sealed and cannot be"
        " exported."
    ),
    RedactCode.PROTOCOL: (
        "The redaction of this picture answered nonsense and was stopped; the original is sealed and cannot"
        " be exported."
    ),
    RedactCode.VIDEO: "This is a video; it is sealed and cannot be exported.",
    RedactCode.MISMATCH: (
        "The check of the redacted picture against its original failed; the original is sealed and cannot be"
        " exported."
    ),
    RedactCode.CROWDED: (
        "More was found in this picture than a person can decide one by one; the original is sealed and"
        " cannot be exported. Take the picture again without the screen, page or crowd in it."
    ),
    RedactCode.INTERNAL: (
        "The redaction of this picture failed inside the kiosk; the original is sealed and cannot be"
        " exported."
    ),
    RedactCode.COLOUR_SPACE: (
        "This picture's colours are described in a way that the kiosk cannot carry over; it is sealed and"
        " cannot be exported. Set the camera to sRGB or Adobe RGB."
    ),
    RedactCode.CMYK: (
        "This picture is stored in printing colours (CMYK), which the kiosk does not redact; it is sealed and"
        " cannot be exported. Use the camera's own file."
    ),
    RedactCode.CODING: (
        "This picture uses a rare kind of JPEG that the kiosk does not redact; it is sealed and cannot be"
        " exported. Use the camera's own file."
    ),
    RedactCode.CRAFTED: (
        "Something that cannot be seen is hidden in this picture, as no camera writes it; it is sealed and"
        " cannot be exported. Tell the person responsible for privacy."
    ),
}
"""The one sentence a person reads for each code."""
