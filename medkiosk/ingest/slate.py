"""Whose are the frames of an import: slates, and the rules between two of them (docs/slate.md). Pure.

A run of frames lies between the slate before it and the slate after it. `RULES` says whose it is, by what
these two are. Nothing is guessed: where the rules give no owner, the run goes to quarantine with the reason.

The kiosk numbers the slates that it shows, and knows when it showed each for the first time. Numbers that do
not follow each other tell that a slate was shown and is not among the pictures; a frame that is younger than
the next slate may be that one's. Either may be of a patient of whom nothing is known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto

from medkiosk.core.dcf import LAST, MOST_MISSING, DcfPlace, in_order
from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.core.slate import ShownSlate, SlateKind

_STEP_S = 2
"""FAT writes times in steps of two seconds."""
_REFRESH_S = 3
"""A slate on the screen tells a time that is up to two seconds old, and is a moment in the drawing."""
_CLOCKS_S = 60
"""Clocks drift by a second or so a day: two slates of one import that differ by more are not believed."""


class Doubt(StrEnum):
    """Why a frame goes to quarantine."""

    NO_SLATE = "no_slate"
    BEFORE_FIRST = "before_first"
    AFTER_CLOSE = "after_close"
    NOT_CLOSED = "not_closed"
    CONTRADICTION = "contradiction"
    MISSING = "missing"
    OUT_OF_ORDER = "out_of_order"
    FOREIGN = "foreign"
    NO_PLACE = "no_place"
    NO_ORDER = "no_order"
    CLOCK = "clock"
    NEXT_SHOWN = "next_shown"


DOUBT_WORDS: dict[Doubt, str] = {
    Doubt.NO_SLATE: "No slate was photographed in this import.",
    Doubt.BEFORE_FIRST: "No slate comes before this photo that says whose it is.",
    Doubt.AFTER_CLOSE: "The patient's series was closed before this photo, and no other was opened.",
    Doubt.NOT_CLOSED: "No closing slate comes after this photo: it may be of a patient who had no slate.",
    Doubt.CONTRADICTION: "The slates before and after this photo contradict each other.",
    Doubt.MISSING: "A slate that the kiosk showed is not among the photos around this one.",
    Doubt.OUT_OF_ORDER: "The slates around this photo are not in the order in which the kiosk showed them.",
    Doubt.FOREIGN: "The slate before or after this photo is not of this kiosk, or two are in one photo.",
    Doubt.NO_PLACE: "This file is not where a camera puts its photos, so its place among them is unknown.",
    Doubt.NO_ORDER: "The numbers and times of these photos do not tell in which order they were taken.",
    Doubt.CLOCK: "The camera's clock was changed between the slates before and after this photo.",
    Doubt.NEXT_SHOWN: "The next slate was already on the screen when this photo was taken.",
}
"""The one sentence for each; what to do is always the same: look, and assign by hand."""


@dataclass(frozen=True)
class Frame:
    """One capture of an import.

    Attributes:
        capture_id: which one.
        storage, folder, file: where its first file was, in the device's words.
        taken: the time that the device gives for it, seconds since 1970; not above 0 where it gives none.
        slates: those that it shows.
        foreign: whether it shows one that this kiosk's records do not know.
        shown: the kiosk's time that its slate says, seconds since 1970.
    """

    capture_id: CaptureId
    storage: str
    folder: str
    file: str
    taken: int
    slates: frozenset[ShownSlate] = frozenset()
    foreign: bool = False
    shown: int = 0


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

    BEFORE = auto()  # the patient of the slate before it, where an opening slate alone is enough
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
    # A picture that was forgotten and taken after the closing slate looks the same as the next patient's.
    (_E.CLOSE, _E.CLOSE): _D.AFTER_CLOSE,
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
    """An end of a run.

    Attributes:
        edge: what it is.
        number, encounter_id: those of the slate.
        first: kiosk time at which it was on the screen for the first time.
        offset: device time minus kiosk time, seconds; at most a few too many.
    """

    edge: Edge
    number: int = 0
    encounter_id: EncounterId | None = None
    first: int = 0
    offset: int = 0


def file_import(frames: Iterable[Frame], *, last: int, unclosed: bool = False) -> Filed:
    """Say whose each frame of one import is.

    Args:
        frames: all of the import, in any order.
        last: the highest number that the kiosk had given when the import ended.
        unclosed: an opening slate is enough: what follows is that patient's, also where no closing one does.
    """
    filed = Filed()
    series: dict[tuple[str, str], list[tuple[DcfPlace, Frame]]] = {}
    letters: dict[tuple[str, int], set[str]] = {}
    for frame in frames:
        place = DcfPlace.of(frame.folder, frame.file)
        if place is None:
            filed.quarantine[frame.capture_id] = Doubt.NO_PLACE
        else:
            series.setdefault((frame.storage, place.letters), []).append((place, frame))
            letters.setdefault((frame.storage, place.folder), set()).add(frame.folder)
    # DCF: two folders with one number are none.
    twice = {at for at, names in letters.items() if len(names) > 1}
    ends = _Mark(Edge.START), _Mark(Edge.END, last)
    for (storage, _), placed in series.items():
        ordered = _ordered(placed)
        if ordered is None or any((storage, place.folder) in twice for place, _ in placed):
            filed.quarantine.update((frame.capture_id, Doubt.NO_ORDER) for _, frame in placed)
        else:
            _file_series(ordered, *ends, filed, unclosed=unclosed)
    return filed


def _ordered(placed: Sequence[tuple[DcfPlace, Frame]]) -> list[Frame] | None:
    """One series in the order in which it was taken; None where numbers and times leave a doubt.

    Who selects an earlier folder in the camera's menu writes young pictures among old ones.
    """
    folders: dict[int, dict[int, Frame]] = {}
    for place, frame in placed:
        if folders.setdefault(place.folder, {}).setdefault(place.number, frame) is not frame:
            return None
    ordered: list[Frame] = []
    before: int | None = None
    for _, files in sorted(folders.items()):
        anew = True
        for number in in_order(sorted(files)):
            if before is not None and not _follows(before, number, anew=anew):
                return None
            ordered.append(files[number])
            before, anew = number, False
    latest = 0
    for frame in ordered:
        if frame.taken <= 0 or frame.taken < latest - _STEP_S:
            return None
        latest = max(latest, frame.taken)
    return ordered


def _follows(before: int, number: int, *, anew: bool) -> bool:
    """Whether a camera gives this number after that one; in a new folder it may begin anew."""
    return 0 < number - before <= MOST_MISSING + 1 or (number == 1 and (anew or before == LAST))


def _file_series(frames: Sequence[Frame], start: _Mark, end: _Mark, filed: Filed, *, unclosed: bool) -> None:
    before, run = start, list[Frame]()
    for frame in frames:
        mark = _mark(frame)
        if mark is None:
            run.append(frame)
            continue
        _file_run(run, before, mark, filed, unclosed=unclosed)
        if mark.encounter_id is None:
            filed.quarantine[frame.capture_id] = Doubt.FOREIGN
        else:
            filed.owners[frame.capture_id] = mark.encounter_id
        before, run = mark, []
    _file_run(run, before, end, filed, unclosed=unclosed)


def _mark(frame: Frame) -> _Mark | None:
    """The slate that a frame shows; two different ones say nothing, like one of another kiosk."""
    if not frame.slates and not frame.foreign:
        return None
    if frame.foreign or len(frame.slates) > 1:
        return _Mark(Edge.FOREIGN)
    (slate,) = frame.slates
    edge = Edge.OPEN if slate.kind is SlateKind.OPEN else Edge.CLOSE
    return _Mark(edge, slate.number, slate.encounter_id, slate.first, frame.taken - frame.shown)


def _file_run(run: Sequence[Frame], before: _Mark, after: _Mark, filed: Filed, *, unclosed: bool) -> None:
    verdict = _verdict(before, after, unclosed=unclosed)
    for frame in run:
        if isinstance(verdict, Doubt):
            filed.quarantine[frame.capture_id] = verdict
        elif _is_next(frame, before, after):
            filed.quarantine[frame.capture_id] = Doubt.NEXT_SHOWN
        else:
            filed.owners[frame.capture_id] = verdict


def _is_next(frame: Frame, before: _Mark, after: _Mark) -> bool:
    """Whether the slate after the frame may have been photographed before it, too, and not been read."""
    if after.number == before.number:
        return False
    earliest = after.first + min(before.offset, after.offset) - _REFRESH_S - _STEP_S
    return frame.taken >= earliest


def _verdict(before: _Mark, after: _Mark, *, unclosed: bool) -> EncounterId | Doubt:
    rule = RULES[before.edge, after.edge]
    if isinstance(rule, Doubt):
        return rule
    if after.number < before.number:
        return Doubt.OUT_OF_ORDER
    # The end of an import is no slate: the last one shown must be the one before it.
    if after.number - before.number > (0 if after.edge is Edge.END else 1):
        return Doubt.MISSING
    if rule is Owner.SAME and before.encounter_id != after.encounter_id:
        return Doubt.CONTRADICTION
    if after.edge is not Edge.END and abs(after.offset - before.offset) > _CLOCKS_S:
        return Doubt.CLOCK
    # The same slate photographed again: what lies between the two is between two of one patient.
    if rule is Owner.BEFORE and not unclosed and before.encounter_id != after.encounter_id:
        return Doubt.NOT_CLOSED
    return before.encounter_id or Doubt.FOREIGN
