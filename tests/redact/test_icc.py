"""Colour spaces: recognised from anybody's profile or from EXIF, named again by a profile of our own."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from medkiosk.core.photo import Box, RedactCode
from medkiosk.redact.errors import JpegError
from medkiosk.redact.icc import ColourSpace, icc_segment, join_chunks, profile_of, recognise
from medkiosk.redact.jpeg import header as jpeg
from medkiosk.redact.jpeg.burn import burn
from medkiosk.redact.jpeg.crop import crop
from medkiosk.redact.jpeg.structure import JFIF, flaw
from medkiosk.redact.jpeg.turbojpeg import TurboJpeg
from medkiosk.redact.jpeg.upright import upright
from tests.redact.jpegs import SECRETS, camera_jpeg, encode, icc_profile, icc_segments, photo, segment

TURBO = TurboJpeg()
WIDE = [ColourSpace.ADOBE_RGB, ColourSpace.DISPLAY_P3]
PLAIN = b"\xff\xd8" + JFIF + encode(photo(48, 32), subsampling="4:2:2")[20:]
"""With our own header, as a derivative has it."""
GREY = encode(photo(48, 32, grey=True))

# x, y of red, green, blue; white is D65 but for ProPhoto (D50). Curves as ICC `curv` or `para` tags.
PRIMARIES = {
    "srgb": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    "adobe": ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)),
    "p3": ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
    "prophoto": ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)),
}
D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256)) + b"\0\0"


def para(*numbers: float) -> bytes:
    kind = {1: 0, 5: 3}[len(numbers)]
    return (
        b"para\0\0\0\0"
        + struct.pack(">HH", kind, 0)
        + struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))
    )


def table(size: int) -> bytes:
    x = np.arange(size) / (size - 1)
    y = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return (
        b"curv\0\0\0\0"
        + struct.pack(f">I{size}H", size, *np.round(y * 65535).astype(int))
        + bytes(size % 2 * 2)
    )


SRGB_PARA = para(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def colorants(name: str) -> np.ndarray:
    """Columns red, green, blue: XYZ adapted to D50 by Bradford, worked out from the chromaticities."""
    white = D50 if name == "prophoto" else np.array([0.3127 / 0.3290, 1.0, (1 - 0.3127 - 0.3290) / 0.3290])
    xyz = np.array([[x / y, 1, (1 - x - y) / y] for x, y in PRIMARIES[name]]).T
    matrix = xyz * np.linalg.solve(xyz, white)
    adapt = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ D50) / (BRADFORD @ white)) @ BRADFORD
    return np.asarray(adapt @ matrix)


def somebodys_profile(name: str, curve: bytes, *, more: dict[bytes, bytes] | None = None) -> bytes:
    """A matrix profile by somebody else, with their name in it."""
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", 12) + b"PATIENT-KLM\0" + bytes(78)}
    for letter, colour in zip(b"rgb", colorants(name).T, strict=True):
        xyz = np.round(colour * 65536).astype(int)
        tags[bytes([letter]) + b"XYZ"] = b"XYZ \0\0\0\0" + struct.pack(">3i", *xyz)
        tags[bytes([letter]) + b"TRC"] = curve
    return assembled(b"RGB ", {**tags, **(more or {})})


def assembled(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    at, head, body = 132 + 12 * len(tags), b"", b""
    for tag, content in tags.items():
        head += struct.pack(">4sII", tag, at + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = bytearray(128)
    header[0:4] = struct.pack(">I", at + len(body))
    header[8:24] = b"\x04\x20\0\0mntr" + space + b"XYZ "
    header[36:40] = b"acsp"
    return bytes(header) + struct.pack(">I", len(tags)) + head + body


@pytest.mark.parametrize(
    ("profile", "space"),
    [
        (somebodys_profile("srgb", SRGB_PARA), ColourSpace.SRGB),
        (somebodys_profile("srgb", table(1024)), ColourSpace.SRGB),
        (somebodys_profile("srgb", table(97)), ColourSpace.SRGB),
        (somebodys_profile("srgb", gamma(2.2)), ColourSpace.SRGB),
        (somebodys_profile("adobe", gamma(2.19921875)), ColourSpace.ADOBE_RGB),
        (somebodys_profile("adobe", para(2.2)), ColourSpace.ADOBE_RGB),
        (somebodys_profile("p3", SRGB_PARA), ColourSpace.DISPLAY_P3),
        (somebodys_profile("p3", gamma(2.6)), None),  # cinema
        (somebodys_profile("adobe", gamma(1.8)), None),
        (somebodys_profile("srgb", gamma(1.0)), None),
        (somebodys_profile("srgb", b"curv\0\0\0\0\0\0\0\0"), None),  # linear
        (somebodys_profile("prophoto", gamma(1.8)), None),
        (
            somebodys_profile("srgb", SRGB_PARA, more={b"A2B0": b"mft2" + bytes(60)}),
            None,
        ),  # a table counts more
        (somebodys_profile("srgb", SRGB_PARA, more={b"bTRC": gamma(1.5)}), None),
        (somebodys_profile("srgb", b"sf32" + bytes(12)), None),
        (somebodys_profile("srgb", para(2.4, -1, 0, 0, 0)), None),
        (somebodys_profile("srgb", b"curv\0\0\0\0\x00\x10\0\0" + bytes(8)), None),  # a table cut off
        (somebodys_profile("srgb", SRGB_PARA)[:-40], None),
        (assembled(b"GRAY", {b"kTRC": gamma(2.2)}), None),  # not for three components
        (assembled(b"CMYK", {b"A2B0": bytes(60)}), None),
        (icc_profile(), ColourSpace.SRGB),
        (icc_profile("XYZ"), None),
        (b"", None),
    ],
)
def test_a_profile_is_known_by_its_numbers(profile: bytes, space: ColourSpace | None) -> None:
    assert recognise(profile, grey=False) is space
    data = PLAIN[:2] + icc_segments(profile or b"\0") + PLAIN[2:]
    if space is None:
        with pytest.raises(JpegError) as caught:
            jpeg.parse(data)
        assert caught.value.code is RedactCode.COLOUR_SPACE
    else:
        assert jpeg.parse(data).colour is space


@pytest.mark.parametrize(
    ("profile", "space"),
    [
        (assembled(b"GRAY", {b"kTRC": gamma(2.2)}), ColourSpace.SRGB),
        (assembled(b"GRAY", {b"kTRC": table(256)}), ColourSpace.SRGB),
        (assembled(b"GRAY", {b"kTRC": gamma(1.75)}), None),  # dot gain
        (assembled(b"GRAY", {}), None),
        (somebodys_profile("adobe", gamma(2.2)), ColourSpace.SRGB),  # for three components: viewers ignore it
        (somebodys_profile("prophoto", gamma(1.8)), None),
    ],
)
def test_grey_pictures(profile: bytes, space: ColourSpace | None) -> None:
    assert recognise(profile, grey=True) is space
    if space:
        assert jpeg.parse(GREY[:2] + icc_segments(profile) + GREY[2:]).colour is ColourSpace.SRGB


@settings(max_examples=300)
@given(st.data())
def test_a_mutated_profile_is_read_or_not_but_nothing_else(data: st.DataObject) -> None:
    profile = bytearray(
        somebodys_profile("p3", data.draw(st.sampled_from([SRGB_PARA, table(33), gamma(2.2)])))
    )
    for _ in range(data.draw(st.integers(1, 6))):
        profile[data.draw(st.integers(0, len(profile) - 1))] = data.draw(st.integers(0, 255))
    assert recognise(bytes(profile), grey=data.draw(st.booleans())) in {None, *ColourSpace}


@given(st.binary(max_size=400))
def test_noise_is_no_profile(noise: bytes) -> None:
    assert recognise(noise, grey=False) is None


@pytest.mark.parametrize("size", [100, 333, 65519])
def test_a_profile_in_parts(size: int) -> None:
    profile = somebodys_profile("adobe", gamma(2.2))
    assert jpeg.parse(PLAIN[:2] + icc_segments(profile, size) + PLAIN[2:]).colour is ColourSpace.ADOBE_RGB


def test_parts_that_do_not_fit_are_no_profile() -> None:
    name = b"ICC_PROFILE\0"
    good = [name + b"\1\2ab", name + b"\2\2cd"]
    assert join_chunks(good) == b"abcd"
    for bad in (
        good[:1],
        good[::-1],
        [*good, good[1]],
        [name + b"\1\2ab", name + b"\2\3cd"],
        [name + b"\0\1ab"],
        [name],
        [name + bytes([n, 3]) + bytes(30_000) for n in (1, 2, 3)],
    ):
        assert join_chunks(bad) is None


def exif_colour(space: int, index: bytes | None, order: str) -> bytes:
    """An EXIF segment with a colour space, as DCF cameras write it."""
    tiff = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    tiff += struct.pack(order + "HHHIII", 1, 0x8769, 4, 1, 26, 0)
    tiff += struct.pack(order + "HHHIHH", 2, 0xA001, 3, 1, space, 0)
    tiff += struct.pack(order + "HHIII", 0xA005, 4, 1, 56, 0)
    tiff += struct.pack(order + "HHHI", 1, 1, 2, 4) + (index or b"R98\0") + bytes(4)
    return segment(0xE1, b"Exif\0\0" + tiff)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("space", "index", "colour"),
    [
        (1, b"R98\0", ColourSpace.SRGB),
        (1, b"R03\0", ColourSpace.SRGB),
        (65535, b"R98\0", ColourSpace.SRGB),
        (65535, b"R03\0", ColourSpace.ADOBE_RGB),
    ],
)
def test_colour_space_from_exif(space: int, index: bytes, colour: ColourSpace, order: str) -> None:
    exif = exif_colour(space, index, order)
    assert jpeg.parse(PLAIN[:2] + exif + PLAIN[2:]).colour is colour
    assert jpeg.parse(GREY[:2] + exif + GREY[2:]).colour is ColourSpace.SRGB
    with_profile = PLAIN[:2] + exif + icc_segments(icc_profile()) + PLAIN[2:]
    assert jpeg.parse(with_profile).colour is ColourSpace.SRGB
    for length in range(4, len(exif) - 4):
        cut = segment(0xE1, exif[4:length])
        assert jpeg.parse(PLAIN[:2] + cut + PLAIN[2:]).colour in {ColourSpace.SRGB, colour}


@pytest.mark.parametrize("space", WIDE)
def test_our_own_profile(space: ColourSpace) -> None:
    profile = profile_of(space)
    assert len(profile) < 700
    assert recognise(profile, grey=False) is space
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    assert opened.profile.device_class == "mntr"
    assert opened.profile.version == 2.1
    # The same colours as by arithmetic that starts from the published chromaticities.
    patches = np.random.default_rng(3).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    to_srgb = ImageCms.buildTransform(
        opened, ImageCms.createProfile("sRGB"), "RGB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    got = np.asarray(ImageCms.applyTransform(Image.fromarray(patches), to_srgb), int)
    x = patches / 255
    linear = x ** (2 + 51 / 256)
    if space is ColourSpace.DISPLAY_P3:
        linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    name = "adobe" if space is ColourSpace.ADOBE_RGB else "p3"
    y = (linear @ colorants(name).T @ np.linalg.inv(colorants("srgb")).T).clip(0, 1)
    want = np.where(y <= 0.0031308, y * 12.92, 1.055 * y ** (1 / 2.4) - 0.055) * 255
    assert np.abs(got - want).max() <= 2


@pytest.mark.parametrize("space", ColourSpace)
def test_a_derivative_says_its_colour_space_in_our_words_only(space: ColourSpace) -> None:
    foreign = {
        ColourSpace.SRGB: icc_profile(),
        ColourSpace.ADOBE_RGB: somebodys_profile("adobe", gamma(2.2)),
        ColourSpace.DISPLAY_P3: somebodys_profile("p3", SRGB_PARA),
    }[space]
    data = camera_jpeg(PLAIN).replace(icc_segments(icc_profile()), icc_segments(foreign))
    header = jpeg.parse(data)
    derivative = burn(data[: header.end], upright(header), [], TURBO)
    for result in (derivative, crop(derivative, Box(16, 8, 16, 16), TURBO)):
        assert flaw(result) == ""
        assert not any(secret in result for secret in SECRETS)
        assert result.count(b"ICC_PROFILE") == (space is not ColourSpace.SRGB)
        assert jpeg.parse(result).colour is space
        assert Image.open(io.BytesIO(result)).info.get("icc_profile", b"") == profile_of(space)


@pytest.mark.parametrize("space", WIDE)
def test_only_our_own_profile_may_leave(space: ColourSpace) -> None:
    app0 = PLAIN[:20]
    ours = icc_segment(space)
    assert flaw(app0 + ours + PLAIN[20:]) == ""
    foreign = icc_segments(somebodys_profile("adobe", gamma(2.2)))
    for bad in (
        app0 + foreign + PLAIN[20:],
        app0 + ours + ours + PLAIN[20:],
        PLAIN[:2] + ours + PLAIN[2:],
        app0 + ours[:-1] + b"\1" + PLAIN[20:],
        app0 + icc_segments(profile_of(space), 300) + PLAIN[20:],
        app0 + segment(0xE2, b"MPF\0" + bytes(30)) + PLAIN[20:],
    ):
        assert flaw(bad)
