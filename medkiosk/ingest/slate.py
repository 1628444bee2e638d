"""Whose are the frames of an import: slates, and the rules between two of them (docs/slate.md). Pure.

A run of frames lies between the slate before it and the slate after it. `RULES` says whose it is, by what
these two are. Nothing is guessed: where the rules give no owner, the run goes to quarantine with the reason.

The kiosk numbers the slates that it shows. Numbers that do not follow each other tell that a slate was shown
and is not among the pictures; the frames around it may be of a patient of whom nothing is known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto
from itertools import groupby

from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.core.slate import ShownSlate, SlateKind

_FOLDER = re.compile(r"(?:^|/)([1-9][0-9]{2})[0-9A-Z_]{5}$")
_FILE = re.compile(r"[0-9A-Z_]{4}([0-9]{4})(?:\.|$)")


class Doubt(StrEnum):
    """Why a frame goes to quarantine."""

    NO_SLATE = "no_slate"
    BEFORE_FIRST = "before_first"
    AFTER_CLOSE = "after_close"
    CONTRADICTION = "contradiction"
    MISSING = "missing"
    OUT_OF_ORDER = "out_of_order"
    FOREIGN = "foreign"
    NO_PLACE = "no_place"


DOUBT_WORDS: dict[Doubt, str] = {
    Doubt.NO_SLATE: "No slate was photographed in this import.",
    Doubt.BEFORE_FIRST: "No slate comes before this photo that says whose it is.",
    Doubt.AFTER_CLOSE: "The patient's series was closed before this photo, and no other was opened.",
    Doubt.CONTRADICTION: "The slates before and after this photo contradict each other.",
    Doubt.MISSING: "A slate that the kiosk showed is not among the photos around this one.",
    Doubt.OUT_OF_ORDER: "The slates around this photo are not in the order in which the kiosk showed them.",
    Doubt.FOREIGN: "The slate before or after this photo is not of this kiosk, or two are in one photo.",
    Doubt.NO_PLACE: "This file has no number from a camera, so its place among the photos is not known.",
}
"""The one sentence for each; what to do is always the same: look, and assign by hand."""


@dataclass(frozen=True)
class Frame:
    """One capture of an import.

    Attributes:
        capture_id: which one.
        storage, folder, file: where its first file was, in the device's words.
        slates: those that it shows.
        foreign: whether it shows one that this kiosk's records do not know.
    """

    capture_id: CaptureId
    storage: str
    folder: str
    file: str
    slates: frozenset[ShownSlate] = frozenset()
    foreign: bool = False


@dataclass
class Filed:
    """What came of an import; each frame is in exactly one of the two.

    Attributes:
        owners: frames that have an owner, slates among them.
        quarantine: all others, with the reason.
    """

    owners: dict[CaptureId, EncounterId] = field(default_factory=dict)
    quarantine: dict[CaptureId, Doubt] = field(default_factory=dict)


class Edge(StrEnum):
    """What can stand at an end of a run of frames."""

    START = auto()  # of a storage
    END = auto()
    OPEN = auto()
    CLOSE = auto()
    FOREIGN = auto()


class Owner(StrEnum):
    """Whose a run is, as far as its two ends allow."""

    BEFORE = auto()  # the patient of the slate before it
    AFTER = auto()
    SAME = auto()  # both, which must be the same


_E, _O, _D = Edge, Owner, Doubt
RULES: dict[tuple[Edge, Edge], Owner | Doubt] = {
    (_E.START, _E.END): _D.NO_SLATE,
    (_E.START, _E.OPEN): _D.BEFORE_FIRST,
    # What came before may be anybody's, also of a day long ago: a series that is closed must have begun.
    (_E.START, _E.CLOSE): _D.BEFORE_FIRST,
    (_E.OPEN, _E.OPEN): _O.BEFORE,
    (_E.OPEN, _E.CLOSE): _O.SAME,
    (_E.OPEN, _E.END): _O.BEFORE,
    (_E.CLOSE, _E.OPEN): _D.AFTER_CLOSE,
    (_E.CLOSE, _E.CLOSE): _O.AFTER,
    (_E.CLOSE, _E.END): _D.AFTER_CLOSE,
    (_E.START, _E.FOREIGN): _D.FOREIGN,
    (_E.OPEN, _E.FOREIGN): _D.FOREIGN,
    (_E.CLOSE, _E.FOREIGN): _D.FOREIGN,
    (_E.FOREIGN, _E.FOREIGN): _D.FOREIGN,
    (_E.FOREIGN, _E.OPEN): _D.FOREIGN,
    (_E.FOREIGN, _E.CLOSE): _D.FOREIGN,
    (_E.FOREIGN, _E.END): _D.FOREIGN,
}


@dataclass(frozen=True)
class _Mark:
    """An end of a run."""

    edge: Edge
    number: int = 0
    encounter_id: EncounterId | None = None


def file_import(frames: Iterable[Frame], *, last: int) -> Filed:
    """Say whose each frame of one import is.

    Args:
        frames: all of the import, in any order.
        last: the highest number that the kiosk had given when the import ended.
    """
    filed = Filed()
    placed: list[tuple[tuple[str, int, str, int], Frame]] = []
    for frame in frames:
        place = place_of(frame)
        if place is None:
            filed.quarantine[frame.capture_id] = Doubt.NO_PLACE
        else:
            placed.append((place, frame))
    placed.sort(key=lambda each: each[0])
    ends = _Mark(Edge.START), _Mark(Edge.END, last)
    for _, group in groupby(placed, key=lambda each: each[0][0]):
        _file_storage([frame for _, frame in group], *ends, filed)
    return filed


def place_of(frame: Frame) -> tuple[str, int, str, int] | None:
    """Where a frame stands by DCF: storage, folder number, folder, file number; None without a number."""
    folder = _FOLDER.search(frame.folder.upper())
    file = _FILE.match(frame.file.upper())
    if folder is None or file is None:
        return None
    return frame.storage, int(folder[1]), frame.folder.upper(), int(file[1])


def _file_storage(frames: Sequence[Frame], start: _Mark, end: _Mark, filed: Filed) -> None:
    before, run = start, list[Frame]()
    for frame in frames:
        mark = _mark(frame)
        if mark is None:
            run.append(frame)
            continue
        _file_run(run, before, mark, filed)
        if mark.encounter_id is None:
            filed.quarantine[frame.capture_id] = Doubt.FOREIGN
        else:
            filed.owners[frame.capture_id] = mark.encounter_id
        before, run = mark, []
    _file_run(run, before, end, filed)


def _mark(frame: Frame) -> _Mark | None:
    """The slate that a frame shows; two different ones say nothing, like one of another kiosk."""
    if not frame.slates and not frame.foreign:
        return None
    if frame.foreign or len(frame.slates) > 1:
        return _Mark(Edge.FOREIGN)
    (slate,) = frame.slates
    edge = Edge.OPEN if slate.kind is SlateKind.OPEN else Edge.CLOSE
    return _Mark(edge, slate.number, slate.encounter_id)


def _file_run(run: Sequence[Frame], before: _Mark, after: _Mark, filed: Filed) -> None:
    verdict = _verdict(before, after)
    for frame in run:
        if isinstance(verdict, Doubt):
            filed.quarantine[frame.capture_id] = verdict
        else:
            filed.owners[frame.capture_id] = verdict


def _verdict(before: _Mark, after: _Mark) -> EncounterId | Doubt:
    rule = RULES[before.edge, after.edge]
    if isinstance(rule, Doubt):
        return rule
    if after.number < before.number:
        return Doubt.OUT_OF_ORDER
    # The end of an import is no slate: the last one shown must be the one before it.
    if after.number - before.number > (0 if after.edge is Edge.END else 1):
        return Doubt.MISSING
    if rule is Owner.AFTER and after.number == before.number:
        return (
            Doubt.AFTER_CLOSE
        )  # the same closing slate twice: without the second one they would be the next's
    if rule is Owner.SAME and before.encounter_id != after.encounter_id:
        return Doubt.CONTRADICTION
    owner = after.encounter_id if rule is Owner.AFTER else before.encounter_id
    return owner or Doubt.FOREIGN
