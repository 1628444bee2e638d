"""Figures: one JSON line each on stdout, a table for people, missed cases as pictures."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from medkiosk.redact.pixels import Pixels
from tests.eval.methods import Answer
from tests.eval.picture import Picture, Rendered
from tests.eval.score import COVERED, Bounds, Found, Score, Tally, Truth, judge

AUTO, ALL, PEER = "automatic", "automatic+suggested", "deface"
_HEADINGS = (
    *("recall IoU .3: auto", "+suggested", "deface", "covered .9: auto", "+suggested", "deface"),
    *("by own category: auto", "+suggested", "deface"),
    *("label covered .9: auto", "+suggested", "deface", "touched: auto", "+suggested", "deface"),
    *("false/image: auto", "+suggested", "deface", "any box: auto", "+suggested", "deface"),
    *("s: ours", "deface"),
)
_MOST_MISSED = 60
_SHOWN = 900
_WORDS_OF = {
    "recall": "recall at IoU .3",
    "covered": "covered >= .9",
    "own covered": "covered >= .9 by masks of its own category",
    "label covered": "label (with hair) covered >= .9",
    "touched": "covered >= .3",
    "false": "false boxes an image",
    "any": "images with any box",
    "seconds": "CPU seconds an image",
}


def figure(name: str, value: float, unit: str, **more: object) -> None:
    """Print one figure."""
    print(json.dumps({"figure": name, "value": round(value, 4), "unit": unit, **more}), flush=True)


@dataclass
class Report:
    """Collects scores, by set, group and method."""

    out: Path
    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    codes: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _missed: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, picture: Picture, rendered: Rendered, ours: Answer, peer: Answer | None) -> None:
        """Score every method on one picture."""
        self.codes[ours.code] += 1
        self._count(picture, rendered, AUTO, ours.masked, ours.seconds)
        score = self._count(picture, rendered, ALL, ours.all, ours.seconds)
        if peer is not None:
            self._count(picture, rendered, PEER, peer.masked, peer.seconds)
        missed = [v.truth for v in score.verdicts if v.truth.tags and v.covered < COVERED]
        wrong = list(score.false) if not rendered.truths else []
        if missed or wrong:
            self._show(picture, rendered.pixels, missed, ours)

    def _count(
        self, picture: Picture, rendered: Rendered, method: str, found: Iterable[Found], seconds: float
    ) -> Score:
        found = tuple(found)
        score = judge(rendered.truths, found)
        category = {truth.category for truth in rendered.truths}
        false = sum(item.category in category or not category for item in score.false)
        groups = set()
        for verdict in score.verdicts:
            if not verdict.truth.tags:
                continue
            self.tallies[picture.set, "", method].add_verdict(verdict)
            for key, value in verdict.truth.tags.items():
                groups.add(f"{key}: {value}")
                self.tallies[picture.set, f"{key}: {value}", method].add_verdict(verdict)
        groups |= {f"{key}: {value}" for key, value in picture.tags.items()} | {""}
        for group in groups:
            self.tallies[picture.set, group, method].add_picture(
                false=false, any_found=bool(found), seconds=seconds
            )
        return score

    def print_figures(self) -> None:
        """One JSON line a figure."""
        for (set_, group, method), tally in sorted(self.tallies.items()):
            for key, value in values(tally).items():
                n = (
                    tally.truths
                    if key in {"recall", "covered", "own covered", "label covered", "touched"}
                    else tally.pictures
                )
                figure(_WORDS_OF[key], value, _unit(key), set=set_, group=group, method=method, n=n)
        for code, count in sorted(self.codes.items()):
            figure("pictures that ended with this code", count, "pictures", code=code, method="ours")

    def table(self) -> str:
        """The same as a table."""
        lines = []
        for set_ in dict.fromkeys(key[0] for key in self.tallies):
            lines += ["", f"## {set_}", ""]
            lines.append("| group | n | " + " | ".join(_HEADINGS) + " |")
            lines.append("|" + " --- |" * (2 + len(_HEADINGS)))
            groups = sorted({key[1] for key in self.tallies if key[0] == set_}, key=_natural)
            lines += [self._row(set_, group) for group in groups]
        return "\n".join(lines)

    def _row(self, set_: str, group: str) -> str:
        tallies = [self.tallies.get((set_, group, method)) for method in (AUTO, ALL, PEER)]
        by = [values(tally) if tally else {} for tally in tallies]
        first = tallies[0] or Tally()
        cells = [group or "all", str(first.truths or first.pictures)]
        for key in ("recall", "covered", "own covered", "label covered", "touched", "false", "any"):
            cells += [f"{value[key]:.3f}" if key in value else "" for value in by]
        cells += [f"{value['seconds']:.2f}" if value else "" for value in (by[0], by[2])]
        return "| " + " | ".join(cells) + " |"

    def _show(self, picture: Picture, pixels: Pixels, missed: list[Truth], ours: Answer) -> None:
        """Write a picture with what was missed (red), masks (green) and suggestions (blue)."""
        if self._missed[picture.set] >= _MOST_MISSED:
            return
        self._missed[picture.set] += 1
        folder = self.out / picture.set.replace(" ", "-").replace(",", "")
        folder.mkdir(parents=True, exist_ok=True)
        drawn = pixels.copy()
        thick = max(2, max(pixels.shape[:2]) // 400)
        for found, colour in [(f, (255, 80, 0)) for f in ours.suggested] + [
            (f, (0, 200, 0)) for f in ours.masked
        ]:
            _outline(drawn, found.mask.bounds(), colour, thick)
        for truth in missed:
            _outline(drawn, truth.shape.bounds(), (0, 0, 255), thick)
        views = [("", drawn)] if len(missed) != 1 else [("", _around(drawn, missed[0].shape.bounds()))]
        if len(missed) > 1 and max(pixels.shape[:2]) > 2 * _SHOWN:
            views = [(f"-{n}", _around(drawn, truth.shape.bounds())) for n, truth in enumerate(missed[:6])]
        for end, view in views:
            scale = min(1.0, _SHOWN / max(view.shape[:2]))
            small = cv2.resize(view, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(folder / f"{picture.name}{end}.jpg"), small)


def values(tally: Tally) -> dict[str, float]:
    """The figures of a tally, those that it has."""
    result: dict[str, float] = {}
    if tally.truths:
        result |= {
            "recall": tally.recalled / tally.truths,
            "covered": tally.covered / tally.truths,
            "own covered": tally.own_covered / tally.truths,
            "label covered": tally.label_covered / tally.truths,
            "touched": tally.touched / tally.truths,
        }
    if tally.pictures:
        result |= {
            "false": tally.false / tally.pictures,
            "any": tally.pictures_with_any / tally.pictures,
            "seconds": tally.seconds / tally.pictures,
        }
    return result


def _unit(key: str) -> str:
    return {"false": "boxes", "seconds": "s"}.get(key, "share")


def _natural(group: str) -> tuple[str, float, str]:
    key, _, value = group.partition(": ")
    number = value.split(" ")[0].rstrip("%")
    try:
        return key, float(number), value
    except ValueError:
        return key, 0.0, value


def _outline(pixels: Pixels, box: Bounds, colour: tuple[int, int, int], thick: int) -> None:
    x0, y0, x1, y1 = (round(value) for value in box)
    cv2.rectangle(pixels, (x0, y0), (x1, y1), colour, thick)


def _around(pixels: Pixels, box: Bounds) -> Pixels:
    x0, y0, x1, y1 = (round(value) for value in box)
    margin = max(60, x1 - x0, y1 - y0)
    part = pixels[max(y0 - margin, 0) : y1 + margin, max(x0 - margin, 0) : x1 + margin]
    return np.ascontiguousarray(part)
