"""Make ``docs/img/missed.jpg``: what redaction does not find, shown and not hidden in an average.

``python -m tests.pictures.missed`` draws scenes (the astronaut is public domain, NASA; everything else is
drawn), looks at each with the real detectors, and puts those on the sheet where something was missed. Red:
missed. White: masked. Yellow: suggested. A scene that is found by now is left out, with a word.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

from medkiosk.core.photo import Box, Category, Decision
from medkiosk.redact.client import RedactResult, RedactSession
from medkiosk.redact.region import share_covered
from medkiosk.workers import ProcessChannel, python_worker
from tests.redact.jpegs import encode
from tests.redact.scenes import skin, with_text

_SHEET = Path(__file__).parents[2] / "docs/img/missed.jpg"
_PHOTOS = Path(os.environ.get("MEDKIOSK_PHOTOS", ".cache/photos"))
_TILE = (400, 300)
_COLUMNS = 3
_HIDDEN = 0.7
Scene = tuple[Image.Image, Box]


def _astronaut() -> Image.Image:
    return Image.open(_PHOTOS / "astronaut.png").convert("RGB")


def lips() -> Scene:
    """The mouth alone, so near that nothing else of the face is seen."""
    part = _astronaut().crop((204, 158, 244, 188)).resize((1600, 1200), Image.Resampling.BICUBIC)
    return part, Box(0, 0, *part.size)


def one_eye() -> Scene:
    """One eye and its brow."""
    part = _astronaut().crop((186, 92, 234, 128)).resize((1600, 1200), Image.Resampling.BICUBIC)
    return part, Box(0, 0, *part.size)


def at_the_border() -> Scene:
    """A third of a face, cut by the border of the picture."""
    wide = skin(1600, 1200)
    wide.paste(
        _astronaut().crop((158, 40, 208, 240)).resize((250, 1000), Image.Resampling.BICUBIC), (1350, 100)
    )
    return wide, Box(1350, 350, 250, 600)


def far_and_lying() -> Scene:
    """Somebody lying in the background of a 20 megapixel picture."""
    wide = skin(5472, 3648)
    wide.paste(_astronaut().rotate(90).resize((330, 330)), (4200, 2500))
    return wide, Box(4247, 2683, 72, 54)


def small_print() -> Scene:
    """Letters of 8 pixels on a 20 megapixel picture."""
    wide = skin(5472, 3648)
    return wide, with_text(wide, "J. SMITH 12 MAR 1980", 8, (2600, 1800))


def pen_on_skin() -> Scene:
    """A name in thin, pale strokes on the skin itself."""
    wide = skin(2400, 1800)
    font = ImageFont.load_default(60)
    ImageDraw.Draw(wide).text((900, 850), "j smith", fill=(190, 149, 127), font=font)
    return wide, Box(900, 850, 210, 70)


def smeared_code() -> Scene:
    """An Aztec code, smeared in its middle."""
    wide = skin(2400, 1800)
    code = zxingcpp.create_barcode("MRN 00471193", zxingcpp.BarcodeFormat.Aztec)
    drawn = Image.fromarray(np.asarray(zxingcpp.write_barcode_to_image(code, scale=8))).convert("RGB")
    third = drawn.width // 3
    ImageDraw.Draw(drawn).rectangle((third, third, 2 * third, 2 * third), fill=(150, 140, 130))
    wide.paste(drawn, (1000, 700))
    return wide, Box(1000, 700, *drawn.size)


def old_scar() -> Scene:
    """A thin pale scar, drawn."""
    wide = skin(2400, 1800)
    points = [(700 + 12 * i, 900 + round(40 * np.sin(i / 9))) for i in range(70)]
    ImageDraw.Draw(wide).line(points, fill=(209, 168, 146), width=12, joint="curve")
    return wide, Box(700, 850, 830, 100)


SCENES: tuple[Callable[[], Scene], ...] = (
    lips, one_eye, at_the_border, far_and_lying, small_print, pen_on_skin, smeared_code, old_scar,
)  # fmt: skip


def tile(scene: Callable[[], Scene], session: RedactSession) -> Image.Image | None:
    """One scene with what was found in it; None when the thing is masked or suggested."""
    picture, truth = scene()
    data = encode(picture, quality=95, subsampling="4:2:2")
    result = session.detect(lambda: [data], len(data))
    # A hint at a mark says "look here", not "this is a face".
    found = [f for f in result.findings if f.category is not Category.MARK or scene is old_scar]
    if share_covered(truth, [finding.box for finding in found]) >= _HIDDEN:
        print(f"{scene.__name__}: found by now")
        return None
    return _drawn(picture, truth, result, (scene.__doc__ or "").rstrip("."))


def _drawn(picture: Image.Image, truth: Box, result: RedactResult, words: str) -> Image.Image:
    view = _around(truth, picture.size)
    scale = _TILE[0] / view.w
    shown = picture.crop((view.x, view.y, view.x + view.w, view.y + view.h)).resize(_TILE)
    draw = ImageDraw.Draw(shown)
    boxes = [(truth, (220, 0, 0))]
    colours = {Decision.MASK: (255, 255, 255), Decision.SUGGEST: (240, 200, 0)}
    boxes += [(finding.box, colours[finding.decision]) for finding in result.findings]
    for box, colour in boxes:
        left, top = (box.x - view.x) * scale, (box.y - view.y) * scale
        draw.rectangle((left, top, left + box.w * scale, top + box.h * scale), outline=colour, width=3)
    draw.rectangle((0, _TILE[1] - 22, _TILE[0], _TILE[1]), fill=(255, 255, 255))
    draw.text((6, _TILE[1] - 19), words, fill=(0, 0, 0), font=ImageFont.load_default(13))
    return shown


def _around(box: Box, size: tuple[int, int]) -> Box:
    """What to show: the box with room around it, in the tile's proportions, inside the picture."""
    width = min(size[0], max(round(box.w * 1.6), round(box.h * 1.6 * _TILE[0] / _TILE[1])))
    height = min(size[1], width * _TILE[1] // _TILE[0])
    width = height * _TILE[0] // _TILE[1]
    x = min(max(box.x + box.w // 2 - width // 2, 0), size[0] - width)
    y = min(max(box.y + box.h // 2 - height // 2, 0), size[1] - height)
    return Box(x, y, width, height)


def main() -> None:
    """Make the sheet."""
    models = str(Path(os.environ.get("MEDKIOSK_MODELS", ".models")).resolve())
    command = python_worker("medkiosk.redact.worker", "--models", models)
    with RedactSession(ProcessChannel(command)) as session:
        tiles = [made for scene in SCENES if (made := tile(scene, session)) is not None]
    rows = -(-len(tiles) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * _TILE[0], rows * _TILE[1]), (255, 255, 255))
    for number, shown in enumerate(tiles):
        sheet.paste(shown, (number % _COLUMNS * _TILE[0], number // _COLUMNS * _TILE[1]))
    held = io.BytesIO()
    sheet.save(held, "JPEG", quality=85)
    _SHEET.write_bytes(held.getvalue())
    print(f"{_SHEET}: {len(tiles)} of {len(SCENES)}")


if __name__ == "__main__":
    main()
