"""Make the pictures of the viewer in ``docs/img``: ``python -m tests.pictures.viewer``.

A bundle of public-domain photographs (image-build/assets.lock says which), opened in Chromium, wide and as on
a telephone. Needs what tests/viewer needs; ``--all DIR`` writes each step into a folder, to be looked at.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

from medkiosk.export.viewer import chunks
from tests.export import build
from tests.viewer.browser import READY, browser, missing

CHECKOUT = Path(__file__).resolve().parents[2]
PHOTOS = Path(os.environ.get("MEDKIOSK_PHOTOS", CHECKOUT / ".cache/photos"))
SIZE = (1200, 900)
PARTS = (
    ("retina.jpg", (0, 0, 1, 1)),
    ("retina.jpg", (0.3, 0.3, 0.65, 0.65)),
    ("retina.jpg", (0.5, 0.2, 0.9, 0.6)),
    ("astronaut.png", (0, 0, 1, 0.75)),
    ("retina.jpg", (0.05, 0.3, 0.4, 0.65)),
)
"""Which photograph, and which part of it (left, top, right, bottom as shares)."""
MASKED, MASKS = 3, ((300, 0, 740, 480), (380, 770, 580, 900), (640, 770, 900, 900))
"""In which of them a face and names are masked, and where, pixels of `SIZE`."""


def photo(seed: int, size: tuple[int, int] = SIZE) -> bytes:
    """A photograph for a place in the bundle, in the place of the tests' noise."""
    name, part = PARTS[seed % len(PARTS)]
    with Image.open(PHOTOS / name) as whole:
        box = tuple(round(share * side) for share, side in zip(part, whole.size * 2, strict=True))
        shown = whole.convert("RGB").crop((box[0], box[1], box[2], box[3])).resize(size)
    for mask in MASKS if seed % len(PARTS) == MASKED else ():
        ImageDraw.Draw(shown).rectangle(mask, fill=(0, 0, 0))
    out = io.BytesIO()
    shown.save(out, "JPEG", quality=90)
    return out.getvalue()


def main() -> int:
    """Open the bundle and photograph it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", type=Path, help="folder for a picture of each step")
    options = parser.parse_args()
    if why := missing("chrome"):
        print(f"No pictures of the viewer: {why}.", file=sys.stderr)
        return 1
    build.jpeg = photo
    with tempfile.TemporaryDirectory() as scratch:
        at = Path(scratch)
        folder = build.write(
            at,
            5,
            passphrase=build.PASSPHRASE,
            viewer=True,
            page=chunks.page(),
            size=SIZE,
            recall=bool(options.all),
        )
        with browser("chrome", at / "home") as page:
            for width, height in ((1280, 900), (375, 740)):
                out = options.all or at
                page.open(folder)
                page.do("size", width=width, height=height)
                page.wait(READY)
                page.do("picture", file=str(out / f"locked-{width}.png"), whole=True)
                page.unlock("wrong words")
                page.do("picture", file=str(out / f"refused-{width}.png"))
                page.run("document.getElementById('passphrase').value = ''")
                page.unlock(build.PASSPHRASE)
                page.run("scrollTo(0, 0)")
                page.wait(
                    "[...document.querySelectorAll('.grid img')].slice(0, 3).every((img) => img.naturalWidth)"
                )
                gallery, picture = out / f"gallery-{width}.png", out / f"picture-{width}.png"
                if width == 1280 and not options.all:
                    gallery, picture = (
                        CHECKOUT / f"docs/img/viewer-{name}.png" for name in ("gallery", "picture")
                    )
                page.do("picture", file=str(gallery), whole=bool(options.all))
                page.show(3)
                page.do("picture", file=str(picture))
                for each in (gallery, picture):
                    with Image.open(each) as taken:
                        taken.convert("P", palette=Image.Palette.ADAPTIVE).save(each, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
