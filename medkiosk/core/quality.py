"""What a photograph is worth as a picture: scores, and advice for the photographer. Pure."""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import Annotated

import msgspec

UNKNOWN = 0xFFFF
"""On the wire: the picture does not tell."""
_WIRE = struct.Struct(">7HB")


class Advice(StrEnum):
    """What can be said, in the order of importance."""

    MOVED = "moved"
    NOT_SHARP = "not_sharp"
    OVEREXPOSED = "overexposed"
    UNDEREXPOSED = "underexposed"
    GLARE = "glare"
    CAST = "cast"
    NO_SCALE = "no_scale"


ADVICE_WORDS: dict[Advice, str] = {
    Advice.MOVED: "The picture is smeared by movement: steady the camera and the patient and take it again.",
    Advice.NOT_SHARP: "The picture is not sharp: focus on the lesion and take it again.",
    Advice.OVEREXPOSED: "Bright parts have lost their detail: expose one stop less and take it again.",
    Advice.UNDEREXPOSED: "The picture is very dark: add light or expose two stops more.",
    Advice.GLARE: "Glare on the skin: move the light to 45 degrees, or diffuse it.",
    Advice.CAST: "The colours have a tint: set the white balance for this light, or turn mixed lamps off.",
    Advice.NO_SCALE: "No scale was recognised: if size matters, lay a ruler beside the lesion.",
}
"""The one sentence a photographer reads for each advice, while the patient is still there."""

Score = Annotated[int, msgspec.Meta(ge=0, le=1000)]


class Quality(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Scores of one picture, per mille, and what follows from them.

    Attributes:
        sharpness: 1000 / (1 + s^2), s the blur of the best-focused parts in pixels (Gaussian sigma, at half
            the size of a 20 megapixel picture) in the direction where it is worst; None where nothing in the
            picture has an edge to judge by.
        exposure: the brightest 1 % of the middle, as a share of full white (room in the histogram, not mean
            lightness: dark skin is not underexposed).
        shadows: share of the middle that is black without detail, a dark backdrop not counted.
        highlights: share of the middle where a channel is clipped, a white backdrop not counted.
        glare: share of small bright reflections among the skin.
        cast: distance of the most neutral tenth of the picture from grey, tenths of a CIELAB unit (at most
            1000); None where nothing need be neutral (skin fills the frame).
        scale: how sure it is that a ruler or colour chart is in the picture.
        advice: what to say, most important first.
    """

    sharpness: Score | None
    exposure: Score
    shadows: Score
    highlights: Score
    glare: Score
    cast: Score | None
    scale: Score
    advice: tuple[Advice, ...] = ()


def pack(quality: Quality) -> bytes:
    """A fixed binary form: seven scores, then one bit for each advice."""
    bits = sum(1 << number for number, advice in enumerate(Advice) if advice in quality.advice)
    return _WIRE.pack(
        UNKNOWN if quality.sharpness is None else quality.sharpness,
        quality.exposure,
        quality.shadows,
        quality.highlights,
        quality.glare,
        UNKNOWN if quality.cast is None else quality.cast,
        quality.scale,
        bits,
    )


def unpack(untrusted: bytes) -> Quality:
    """Read what `pack` wrote; the advice comes back in its own order.

    Raises:
        ValueError: another length, a score above 1000, or an advice that does not exist.
    """
    if len(untrusted) != _WIRE.size:
        raise ValueError(f"{len(untrusted)} bytes instead of {_WIRE.size}")
    sharpness, exposure, shadows, highlights, glare, cast, scale, bits = _WIRE.unpack(untrusted)
    if max(exposure, shadows, highlights, glare, scale) > 1000 or bits >> len(Advice):
        raise ValueError("score or advice out of range")
    advice = tuple(advice for number, advice in enumerate(Advice) if bits >> number & 1)
    return Quality(_maybe(sharpness), exposure, shadows, highlights, glare, _maybe(cast), scale, advice)


def _maybe(untrusted_score: int) -> int | None:
    if untrusted_score == UNKNOWN:
        return None
    if untrusted_score > 1000:
        raise ValueError("score out of range")
    return untrusted_score
