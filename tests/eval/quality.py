"""How often each advice is given: ``python -m tests.eval.quality``.

On photographs as they are, and on copies spoiled by known amounts. Prints one line a measurement.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from medkiosk.core.quality import Advice, Quality
from medkiosk.redact.pixels import Pixels, as_pixels
from medkiosk.redact.policy import QualityPolicy, default_text, parse_policy
from medkiosk.redact.quality.assess import assess
from medkiosk.redact.quality.light import skin
from tests.redact import degrade
from tests.shared import shared
from tests.virtual.scenes import photos_dir

ALTERED = frozenset({
    0, 1, 4, 5, 6, 9, 10, 13, 14, 16, 18, 29, 31, 34, 35, 37, 39, 41, 42, 43, 45, 46, 47, 53
})  # fmt: skip
"""Face photographs that were made dark, bright, tinted or noisy by who published them (judged by eye)."""
OTHERS = ("astronaut.png", "coffee.png", "china.jpg", "flower.jpg", "brick.png", "retina.jpg")
SHARP = (Advice.NOT_SHARP, Advice.MOVED)
NOTHING_WRONG = (Advice.OVEREXPOSED, Advice.UNDEREXPOSED, Advice.CAST)
POLICY = parse_policy(default_text()).quality


def photographs(*, altered: bool = False) -> dict[str, Pixels]:
    """The pictures at hand, by name, without (or with) those that were altered before."""
    paths = [photos_dir() / name for name in OTHERS]
    if (faces := shared("eval/faces")) is not None:
        every = sorted(faces.glob("*.jpg"))
        paths += [path for number, path in enumerate(every) if altered or number not in ALTERED]
    return {path.name: read(path) for path in paths if path.exists()}


def close_ups() -> list[Pixels]:
    """Crops from brow to chin of the labelled faces that are large enough, 600 pixels high or wide."""
    folder = shared("eval/faces")
    if folder is None:
        return []
    crops = []
    for number, entry in enumerate(json.loads((folder / "boxes.json").read_text(encoding="utf-8"))):
        for x0, y0, x1, y1 in entry["boxes"] if number not in ALTERED else ():
            w, h = int(x1 - x0), int(y1 - y0)
            if min(w, h) < 110:
                continue
            top, left = max(0, int(y0) + h // 4), max(0, int(x0) + w // 6)
            crop = read(folder / entry["file"])[top : int(y1) - h // 10, left : int(x1) - w // 6]
            scale = 600 / max(crop.shape)
            crops.append(as_pixels(cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)))
    return crops


def read(path: Path) -> Pixels:
    """Decode a picture."""
    return as_pixels(cv2.imread(str(path), cv2.IMREAD_COLOR))


def raised(pictures: Iterable[Pixels], policy: QualityPolicy = POLICY) -> list[Quality]:
    """Judge each of some pictures."""
    return [assess(picture, policy) for picture in pictures]


def share(judged: list[Quality], *advice: Advice) -> str:
    """How many of them got any of these."""
    return f"{sum(any(one in quality.advice for one in advice) for quality in judged)} of {len(judged)}"


def print_false(clean: dict[str, Pixels]) -> None:
    """Advice on pictures as they are."""
    judged = dict(zip(clean, raised(clean.values()), strict=True))
    for advice in Advice:
        names = [name for name, quality in judged.items() if advice in quality.advice]
        print(f"  {advice}: {len(names)} of {len(judged)} {names if advice != Advice.NO_SCALE else ''}")


def print_series(
    clean: list[Pixels], words: str, steps: Iterable[float], spoil: Callable[[Pixels, float], Pixels],
    *advice: Advice,
) -> None:  # fmt: skip
    """One line: how often an advice is given by strength."""
    counts = (f"{step:g}: {share(raised(spoil(one, step) for one in clean), *advice)}" for step in steps)
    print(f"  {words} -> {'/'.join(advice)}:  {',  '.join(counts)}", flush=True)


def print_spoiled(clean: list[Pixels]) -> None:
    """Advice on spoiled copies."""
    print_series(clean, "blur, sigma px", (1, 1.5, 2, 3, 4, 8), degrade.blurred, *SHARP)
    print_series(
        clean, "movement at 30 degrees, px", (4, 8, 16), lambda p, n: degrade.moved(p, n, 30), *SHARP
    )
    print_series(clean, "same", (4, 8, 16), lambda p, n: degrade.moved(p, n, 30), Advice.MOVED)
    print_series(clean, "blur", (2, 4), degrade.blurred, Advice.MOVED)
    print_series(clean, "stops", (1, 2, 3), degrade.exposed, Advice.OVEREXPOSED)
    print_series(clean, "stops", (-1, -2, -3), degrade.exposed, Advice.UNDEREXPOSED)
    for words, red, blue in (("warm", 1, -1), ("blue", -1, 1), ("magenta", 1, 1), ("green", -1, -1)):
        print_series(clean, f"{words}, gain", (1.2, 1.4, 1.7), partial(tint, red=red, blue=blue), Advice.CAST)


def tint(pixels: Pixels, gain: float, red: int, blue: int) -> Pixels:
    """Red and blue multiplied by powers of one gain."""
    return degrade.tinted(pixels, gain**red, gain**blue)


def print_close(close: list[Pixels]) -> None:
    """Advice on pictures that skin fills: crops of faces, as they are, darker, paler and shiny."""
    rng = np.random.default_rng(7)

    def shine(picture: Pixels, size: float) -> Pixels:
        return degrade.reflecting(picture, skin(picture), size, rng)

    def tone(picture: Pixels, factor: float) -> Pixels:
        return degrade.toned(picture, skin(picture), factor)

    for advice in (*NOTHING_WRONG, Advice.GLARE):
        print_series(close, "skin tone x", (0.15, 0.25, 0.5, 1, 1.4), tone, advice)
    print_series(close, "reflections, size", (10, 20, 40, 60), shine, Advice.GLARE)
    print_series(close, "on dark skin", (10, 20, 40, 60), lambda p, n: shine(tone(p, 0.2), n), Advice.GLARE)
    print_series(close, "stops", (-3, -2, 1, 2), degrade.exposed, Advice.OVEREXPOSED)
    print_series(close, "stops", (-3, -2, 1, 2), degrade.exposed, Advice.UNDEREXPOSED)


def print_scales(clean: list[Pixels]) -> None:
    """Rulers and charts on pictures of half the size of 20 megapixels."""
    large = [as_pixels(cv2.resize(one, (2736, 1824), interpolation=cv2.INTER_CUBIC)) for one in clean[::3]]
    for clear in (False, True):
        for pitch in (4, 6, 8, 12, 20, 30, 45):
            rng = np.random.default_rng(3)
            item = degrade.ruler(pitch, max(2, min(8, round(150 / pitch))), clear=clear)
            judged = raised(degrade.laid_on(one, item, rng.uniform(-90, 90), rng) for one in large)
            seen = sum(Advice.NO_SCALE not in quality.advice for quality in judged)
            words = f"{'clear' if clear else 'white'} ruler, {pitch} px a mm"
            wrong = f"glare {share(judged, Advice.GLARE)}, tint {share(judged, Advice.CAST)}"
            print(f"  {words}: seen {seen} of {len(judged)}; {wrong}", flush=True)
    for patch in (30, 60, 120, 200):
        rng = np.random.default_rng(3)
        judged = raised(
            degrade.laid_on(one, degrade.chart(patch), rng.uniform(-90, 90), rng) for one in large
        )
        seen = sum(Advice.NO_SCALE not in quality.advice for quality in judged)
        print(f"  chart, patches of {patch} px: {seen} of {len(judged)}", flush=True)
    rng = np.random.default_rng(3)
    item = degrade.ruler(12, 8, clear=False)
    for gain in (1.0, 1.3, 1.6):
        warm = [degrade.tinted(degrade.laid_on(one, item, 20, rng), gain, 1 / gain) for one in large]
        print(f"  ruler in warm light, gain {gain}: tint {share(raised(warm), Advice.CAST)}", flush=True)


def main() -> int:
    """Print everything."""
    cv2.setNumThreads(1)
    clean, every = photographs(), photographs(altered=True)
    print(f"as they are, {len(clean)} pictures not altered before:")
    print_false(clean)
    print(f"all {len(every)} pictures:")
    print_false(every)
    print("spoiled copies:")
    print_spoiled(list(clean.values()))
    print("close-ups:")
    print_close(close_ups())
    print("scales:")
    print_scales(list(clean.values()))
    picture = as_pixels(cv2.resize(clean["retina.jpg"], (2736, 1824)))
    before = time.process_time()
    for _ in range(5):
        assess(picture, POLICY)
    print(f"CPU seconds a picture of 2736x1824: {(time.process_time() - before) / 5:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
