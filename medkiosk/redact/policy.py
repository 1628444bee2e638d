"""The redaction policy: thresholds and limits, read from a TOML file that states the reason for each."""

from __future__ import annotations

import hashlib
import tomllib
from importlib import resources
from typing import Annotated

import msgspec

PerMille = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Side = Annotated[int, msgspec.Meta(ge=64, le=8192)]
Padding = Annotated[int, msgspec.Meta(ge=0, le=1000)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Angle = Annotated[int, msgspec.Meta(ge=-180, le=180)]
Share = Annotated[int, msgspec.Meta(ge=0, le=1000)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1000)]


class PolicyError(Exception):
    """The policy file cannot be used."""


class FacePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How faces are looked for; the reasons stand in ``policy.toml``."""

    long_sides: Annotated[tuple[Side, ...], msgspec.Meta(min_length=1, max_length=4)]
    tilted_long_sides: Annotated[tuple[Side, ...], msgspec.Meta(max_length=4)]
    upright_long_side: Side
    tile: Side
    tile_overlap: Annotated[int, msgspec.Meta(ge=0, le=512)]
    threshold: PerMille
    support: PerMille
    padding: Padding

    def __post_init__(self) -> None:
        if self.support > self.threshold:
            raise ValueError("support above the threshold")
        if self.tile_overlap >= self.tile // 2:
            raise ValueError("tiles overlap by half or more")


class Framing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plain ground around the picture: its long side, and the room in it, per mille of the picture's."""

    long_side: Side
    above: Annotated[int, msgspec.Meta(ge=0, le=5000)]
    below: Annotated[int, msgspec.Meta(ge=0, le=5000)]
    beside: Annotated[int, msgspec.Meta(ge=0, le=5000)]


class CloseFacePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How parts of faces are looked for; the reasons stand in ``policy.toml``."""

    framings: Annotated[tuple[Framing, ...], msgspec.Meta(min_length=1, max_length=8)]
    threshold: PerMille
    floor: PerMille
    weak_long_side: Side
    weak_threshold: PerMille
    padding: Padding

    def __post_init__(self) -> None:
        if self.floor > self.threshold:
            raise ValueError("floor above the threshold")


class TextPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How text is looked for; the reasons stand in ``policy.toml``."""

    long_side: Side
    tiled_long_side: Side
    tile: Side
    tile_overlap: Annotated[int, msgspec.Meta(ge=0, le=512)]
    pixel_threshold: PerMille
    line_threshold: PerMille
    short_line: PerMille
    weak_line: PerMille
    sure_line: PerMille
    unclip: Annotated[int, msgspec.Meta(ge=0, le=5000)]
    largest_blob: Positive
    padding: Padding

    def __post_init__(self) -> None:
        if self.tile_overlap >= self.tile // 2:
            raise ValueError("tiles overlap by half or more")
        if not self.weak_line <= self.line_threshold <= self.short_line:
            raise ValueError("weak_line, line_threshold and short_line must rise")


class ReadingPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How lines are read; the reasons stand in ``policy.toml``."""

    most_lines: Annotated[int, msgspec.Meta(ge=1, le=200)]
    seconds: Annotated[float, msgspec.Meta(gt=0, le=60)]
    longest: Annotated[int, msgspec.Meta(ge=160, le=3200)]
    square: Annotated[int, msgspec.Meta(ge=1000, le=10_000)]
    enough: PerMille
    thickness: Annotated[tuple[PerMille, ...], msgspec.Meta(min_length=1, max_length=3)]


class TexturePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a patch of edges looks like (`medkiosk.redact.detect.matrix.Texture`)."""

    contrast: Annotated[int, msgspec.Meta(ge=1, le=255)]
    separation: PerMille
    dark: tuple[Share, Share]
    palest: Share
    unevenness: PerMille
    length: Positive
    changes: tuple[Count, Count]
    crossing: tuple[Share, Share]
    one_way: tuple[Share, Share]


class CodePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How codes are looked for; the reasons stand in ``policy.toml``."""

    sure_unread: tuple[str, ...]
    padding: Padding
    bar_coherence: PerMille
    bar_energy: Positive
    bar_filled: PerMille
    bar_consistency: PerMille
    bar_edges: Annotated[int, msgspec.Meta(ge=8, le=1000)]
    bar_contrast: Annotated[int, msgspec.Meta(ge=1, le=127)]
    bar_variety: PerMille
    bar_likeness: tuple[Positive, Positive]
    bar_changes: Positive
    matrix_energies: Annotated[tuple[Positive, ...], msgspec.Meta(min_length=1, max_length=8)]
    matrix_coherence: PerMille
    matrix_filled: PerMille
    suspect: TexturePolicy
    unread: Annotated[tuple[TexturePolicy, ...], msgspec.Meta(max_length=8)]


class MarkPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How marks on skin are looked for; the reasons stand in ``policy.toml``."""

    long_side: Annotated[int, msgspec.Meta(ge=128, le=1024)]
    threshold: PerMille
    most: Annotated[int, msgspec.Meta(ge=1, le=32)]
    hue: tuple[Angle, Angle]
    heap: PerMille
    least_skin: PerMille
    least_patch: PerMille
    closing: PerMille
    around: PerMille
    joining: PerMille
    least: Positive
    largest: PerMille
    steepness: Positive
    doubt: Positive
    taken: PerMille


class ResidualPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What closes the gate after burning; the reasons stand in ``policy.toml``."""

    covered: PerMille


class QualityPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the photographer is advised; the reasons stand in ``policy.toml``."""

    blur: Positive
    motion: Annotated[int, msgspec.Meta(ge=1000, le=10_000)]
    highlights: PerMille
    exposure: PerMille
    exposure_of_skin: PerMille
    skin_fills: PerMille
    glare: PerMille
    cast: PerMille
    scale: PerMille
    ask_for_scale: bool


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is refused, and how large a preview is."""

    max_pixels: Positive
    max_side: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    memory_mib: Positive
    preview_width: Annotated[int, msgspec.Meta(ge=16, le=2048)]
    preview_height: Annotated[int, msgspec.Meta(ge=16, le=2048)]


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One redaction policy."""

    name: str
    version: Positive
    faces: FacePolicy
    close_faces: CloseFacePolicy
    text: TextPolicy
    reading: ReadingPolicy
    codes: CodePolicy
    marks: MarkPolicy
    residual: ResidualPolicy
    quality: QualityPolicy
    limits: Limits


def default_text() -> bytes:
    """The policy file that is shipped with the package."""
    return resources.files("medkiosk.redact").joinpath("policy.toml").read_bytes()


def parse_policy(text: bytes) -> Policy:
    """Read a policy.

    Raises:
        PolicyError: not TOML, an unknown or missing key, or a value out of range.
    """
    try:
        return msgspec.convert(tomllib.loads(text.decode()), Policy)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise PolicyError(str(error)) from error


def policy_digest(text: bytes) -> bytes:
    """SHA-256 of the file, the identity of a policy in records."""
    return hashlib.sha256(text).digest()
