"""Measure the hints at marks on skin: ``python -m tests.eval.marks [--count N]``, one JSON line a figure.

No photographs of tattoos, scars or jewellery with a clean licence were at hand. What is measured instead:

* drawn: drawn marks on drawn skin (`tests.eval.mark_scenes`), by kind and tone;
* on_photos: drawn marks on the skin of real faces, as pictured and with their skin moved to other tones;
* without_marks: hints on real photographs, each of them wrong (but for the odd ear-ring).

A mark is found when a hint has an intersection over union of at least .2 with it. A hint is false when it has
less than .1 with each mark and lies to less than half in one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from medkiosk.core.photo import Box
from medkiosk.redact.detect.hit import Hit
from medkiosk.redact.detect.marks import MarkDetector
from medkiosk.redact.pixels import Pixels, View, as_pixels
from medkiosk.redact.policy import default_text, parse_policy
from medkiosk.redact.region import Size, iou, share_covered
from tests.eval.faces import photos
from tests.eval.mark_scenes import MARKS, TONES, Mark, Plane, put, scene
from tests.eval.tone import TONES as ANGLES
from tests.eval.tone import with_tone

FIRST_HELD_OUT = 100_000
"""Seeds from here on were never used to choose a threshold or to train."""
_SMALLEST_FACE = 130
_CROP = 900
_FOUND, _FALSE = 0.2, 0.1


class Tally:
    """Recall by group, and false hints."""

    def __init__(self) -> None:
        self.recall: dict[str, list[bool]] = defaultdict(list)
        self.false: list[int] = []

    def add(self, hits: Sequence[Hit], marks: Sequence[Mark], groups: Sequence[str]) -> None:
        """One picture."""
        for mark in marks:
            found = any(iou(mark.box, hit.box) >= _FOUND for hit in hits)
            for group in (mark.kind, *groups, "all"):
                self.recall[group].append(found)
        self.false.append(sum(is_false(hit, marks) for hit in hits))

    def figures(self) -> dict[str, object]:
        """For printing."""
        recall = {group: [sum(found), len(found)] for group, found in sorted(self.recall.items())}
        pictures = len(self.false)
        return {
            "recall": recall,
            "false_per_picture": round(sum(self.false) / max(1, pictures), 2),
            "pictures_without_false": round(self.false.count(0) / max(1, pictures), 2),
            "pictures": pictures,
        }


def is_false(hit: Hit, marks: Sequence[Mark]) -> bool:
    """Tell whether a hint points at nothing that was drawn."""
    return not any(
        iou(mark.box, hit.box) >= _FALSE or share_covered(hit.box, [mark.box]) >= 0.5 for mark in marks
    )


def drawn(count: int, detector: MarkDetector) -> Tally:
    """Drawn marks, and none, on drawn skin of each tone."""
    tally = Tally()
    kinds = [None, *MARKS]
    for number in range(count):
        kind, tone = kinds[number % 5], list(TONES)[number // 5 % len(TONES)]
        picture = scene(FIRST_HELD_OUT + number, kind, tone)
        tally.add(detector.find(View.whole(picture.pixels), (), ()), picture.marks, [f"tone: {tone}"])
    return tally


def on_photos(every: int, detector: MarkDetector) -> Iterator[tuple[str, Tally]]:
    """Drawn marks on the skin of real faces: each crop with no mark, and with one of each kind."""
    crops = list(_crops())[::every]
    for tone in (None, *ANGLES):
        tally = Tally()
        for index, (pixels, skin) in enumerate(crops):
            whole = (0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0]))
            toned = pixels if tone is None else with_tone(pixels, [whole], tone)
            for number, kind in enumerate((None, *MARKS)):
                picture = np.asarray(toned, np.float32) / np.float32(255)
                marks = []
                if kind:
                    rng = np.random.default_rng([FIRST_HELD_OUT, index, number])
                    box, _ = put(picture, skin, kind, rng)
                    marks = [Mark(kind, box)] if box else []
                shown = (np.clip(picture, 0, 1) * 255).astype(np.uint8)
                tally.add(detector.find(View.whole(shown), (), ()), marks, [])
        yield ("as pictured" if tone is None else f"moved to ITA {tone}"), tally


def _crops() -> Iterator[tuple[Pixels, Plane]]:
    """Faces, enlarged, with a map of their smooth skin by a fixed rule that is not the detector's."""
    for photo in photos():
        for x0, y0, x1, y1 in photo.labels:
            if x1 - x0 < _SMALLEST_FACE:
                continue
            cut = photo.pixels[max(0, int(y0)) : int(y1), max(0, int(x0)) : int(x1)]
            scale = _CROP / max(cut.shape[:2])
            crop = as_pixels(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))
            ycc = cv2.cvtColor(crop, cv2.COLOR_BGR2YCrCb)
            reddish = cv2.inRange(ycc, (30, 134, 76), (255, 179, 129)) > 0
            grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY).astype(np.float32)
            slope = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
            skin = (reddish & (cv2.GaussianBlur(slope, (0, 0), 6) < 40)).astype(np.float32)
            if skin.mean() > 0.1:
                yield crop, skin


def without_marks(detector: MarkDetector) -> Iterator[tuple[str, Tally]]:
    """Real photographs: people with their labelled faces masked, and the project's sample pictures."""
    people = Tally()
    for photo in photos():
        faces = [Box(int(x0), int(y0), int(x1 - x0), int(y1 - y0)) for x0, y0, x1, y1 in photo.labels]
        people.add(detector.find(View.whole(photo.pixels), (), faces), [], [])
    yield "people, faces masked", people
    samples = Tally()
    for path in sorted(Path(os.environ.get("MEDKIOSK_PHOTOS", ".cache/photos")).glob("*.*")):
        pixels = cv2.imread(str(path))
        if pixels is not None:
            samples.add(detector.find(View.whole(as_pixels(pixels)), (), ()), [], [])
    yield "sample pictures", samples


def seconds(detector: MarkDetector) -> float:
    """CPU time for a 20 megapixel picture that was decoded at half size."""
    half = as_pixels(cv2.resize(scene(FIRST_HELD_OUT, "tattoo", "tan").pixels, (2736, 1824)))
    view = View(half, Size(5472, 3648))
    detector.find(view, (), ())
    start = time.process_time()
    for _ in range(5):
        detector.find(view, (), ())
    return round((time.process_time() - start) / 5, 3)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=300, help="drawn scenes")
    parser.add_argument("--every", type=int, default=1, help="use each n-th crop of a face")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    detector = MarkDetector(parse_policy(default_text()).marks)
    _print({"set": "drawn", **drawn(arguments.count, detector).figures()})
    for name, tally in on_photos(arguments.every, detector):
        _print({"set": "on_photos", "tone": name, **tally.figures()})
    for name, tally in without_marks(detector):
        _print({"set": "without_marks", "pictures_of": name, **tally.figures()})
    _print({"set": "time", "cpu_seconds_at_20_megapixels": seconds(detector)})


def _print(row: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
