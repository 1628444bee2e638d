"""The catalogue as bytes and back, for the cache that saves reading every record at each unlock.

MessagePack in frames: how far it goes, then everything that is few, then captures, some thousands a frame,
each as it lies in memory. Only what the same code wrote is read again (`Reach.code`): what the members mean
is the code's own business, and no older form is ever understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from medkiosk.catalog.circle import Circle
from medkiosk.catalog.corrections import Corrections
from medkiosk.catalog.exports import Outside
from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.holdings import Capture, Deletions, Encounter, Files, Import
from medkiosk.catalog.packed import packed
from medkiosk.catalog.people import People
from medkiosk.catalog.retention import Keeping
from medkiosk.catalog.settings import SettingsBook
from medkiosk.catalog.sites import Sites
from medkiosk.catalog.training import Training
from medkiosk.catalog.views import ConsentView, Problem
from medkiosk.core import events as ev
from medkiosk.core.consent import subject_key
from medkiosk.core.ids import CaptureId, ObjectId
from medkiosk.core.photo import ReviewState
from medkiosk.core.slate import ShownSlate

_LENGTH = 4
_ROWS = 2000
_ID_BYTES = 16


class Reach(msgspec.Struct):
    """How far a saved catalogue goes, and what its records were like.

    Attributes:
        code: names the code that wrote it.
        record: ``seq`` of the last record that it holds.
        last: the id of that record; empty where there is none.
        leaf: index of the first ledger entry that it does not.
        unreadable: records and stretches of the ledger that did not open.
        missing: ids of records without an envelope that no entry of the ledger lists as disposed of.
        newest: the latest time in any event, RFC 3339.
    """

    code: str
    record: int = 0
    last: str = ""
    leaf: int = 0
    unreadable: int = 0
    missing: set[str] = msgspec.field(default_factory=set)
    newest: str = ""


class UnusableError(Exception):
    """The bytes are not a saved catalogue of this code; says why, in words for the log."""


class _Import(msgspec.Struct, array_like=True):
    started: ev.ImportStarted
    assigned: int
    failing: list[tuple[str, str, str]]
    finished: ev.ImportFinished | None
    slates: int
    slated: bool
    places: bytes
    others: list[ev.OriginalAgain | ev.FileFailed]
    deletions: Deletions


class _Encounter(msgspec.Struct, array_like=True):
    created: ev.EncounterCreated
    records: tuple[int, ...]


class _Few(msgspec.Struct, array_like=True):
    imports: list[_Import]
    encounters: list[_Encounter]
    said: list[list[ConsentView]]
    people: People
    training: Training
    outside: Outside
    slates: list[ShownSlate]
    problems: list[Problem]
    waiting: list[tuple[CaptureId, ObjectId]]
    objects: bytes
    odd_objects: list[str]
    numbers: int
    keeping: Keeping
    circle: Circle
    corrections: Corrections
    settings: SettingsBook
    sites: Sites
    trail: bytes


class _Row(msgspec.Struct, array_like=True, gc=False):
    """A capture; its import and encounter by their places in `_Few`, -1 for no encounter."""

    capture_id: CaptureId
    number: int
    import_place: int
    encounter_place: int
    state: ReviewState
    packed: bytes


_encode = msgspec.msgpack.Encoder().encode
_reach = msgspec.msgpack.Decoder(Reach).decode
_few = msgspec.msgpack.Decoder(_Few).decode
_rows = msgspec.msgpack.Decoder(list[_Row]).decode


def save(catalog: Catalog, reach: Reach) -> Iterator[bytes]:
    """Yield everything that a catalogue holds, in pieces. It must not change meanwhile."""
    yield _frame(_encode(reach))
    imports = {id_: place for place, id_ in enumerate(catalog.held.imports)}
    encounters = {id_: place for place, id_ in enumerate(catalog.held.encounters)}
    yield _frame(_encode(_few_of(catalog)))
    rows: list[_Row] = []
    for capture in catalog.held.captures.values():
        encounter = -1 if capture.encounter_id is None else encounters[capture.encounter_id]
        place = imports[capture.import_id]
        rows.append(
            _Row(capture.capture_id, capture.number, place, encounter, capture.state, packed(capture))
        )
        if len(rows) == _ROWS:
            yield _frame(_encode(rows))
            rows.clear()
    yield _frame(_encode(rows))


def load(catalog: Catalog, pieces: Iterable[bytes], code: str) -> Reach:
    """Fill an empty catalogue with what `save` yielded, cut up in any way.

    Args:
        catalog: not to be used where this raises.
        pieces: the bytes; where the iterator raises, so does this.
        code: names this code.

    Raises:
        UnusableError: another code wrote them, or they are not whole.
    """
    frames = _frames(pieces)
    try:
        reach = _reach(next(frames))
        if reach.code != code:
            raise UnusableError("another version of the program wrote it")
        _take_few(catalog, _few(next(frames)))
        for frame in frames:
            _take_rows(catalog, _rows(frame))
    except StopIteration as error:
        raise UnusableError("it ends too early") from error
    except (ValueError, LookupError) as error:
        raise UnusableError(f"it does not fit together ({error})") from error
    return reach


def _few_of(catalog: Catalog) -> _Few:
    held = catalog.held
    return _Few(
        imports=[
            _Import(
                each.started,
                each.assigned,
                sorted(each.failing),
                each.finished,
                each.slates,
                each.slated,
                each.files.places,
                each.files.others,
                each.deletions,
            )
            for each in held.imports.values()
        ],
        encounters=[_Encounter(each.created, each.records) for each in held.encounters.values()],
        said=list(held.said.values()),
        people=held.people,
        training=held.training,
        outside=held.outside,
        slates=list(held.slates.all),
        problems=held.problems,
        waiting=list(held.waiting.items()),
        objects=b"".join(id_.to_bytes(_ID_BYTES, "big") for id_ in held.objects if isinstance(id_, int)),
        odd_objects=sorted(id_ for id_ in held.objects if isinstance(id_, str)),
        numbers=len(held.numbered),
        keeping=held.keeping,
        circle=held.circle,
        corrections=held.corrections,
        settings=held.settings,
        sites=held.sites,
        trail=held.trail.save(),
    )


def _take_few(catalog: Catalog, few: _Few) -> None:
    held = catalog.held
    for one in few.imports:
        held.imports[one.started.import_id] = Import(
            one.started,
            assigned=one.assigned,
            failing=set(one.failing),
            finished=one.finished,
            slates=one.slates,
            slated=one.slated,
            files=Files(one.places, one.others),
            deletions=one.deletions,
        )
    for each in few.encounters:
        held.encounters[each.created.encounter_id] = Encounter(each.created, records=each.records)
    for views in few.said:
        held.said[subject_key(held.encounters[views[0].encounter_id].subject)] = views
        for view in views:
            held.encounters[view.encounter_id].consents.append(view)
    held.people = few.people
    held.training = few.training
    held.outside = few.outside
    held.slates.restore(few.slates)
    held.problems = few.problems
    held.waiting = dict(few.waiting)
    ids = few.objects
    held.objects.update(
        int.from_bytes(ids[at : at + _ID_BYTES], "big") for at in range(0, len(ids), _ID_BYTES)
    )
    held.objects.update(few.odd_objects)
    held.numbered = [None] * few.numbers
    held.keeping = few.keeping
    held.circle = few.circle
    held.corrections = few.corrections
    held.settings = few.settings
    held.sites = few.sites
    held.trail.restore(few.trail)


def _take_rows(catalog: Catalog, rows: list[_Row]) -> None:
    held = catalog.held
    imports, encounters = list(held.imports.values()), list(held.encounters.values())
    for row in rows:
        import_ = imports[row.import_place]
        capture = Capture(row.capture_id, row.number, import_.started.import_id, row.state, packed=row.packed)
        import_.captures.append(capture)
        if row.encounter_place >= 0:
            encounter = encounters[row.encounter_place]
            capture.encounter_id = encounter.created.encounter_id
            encounter.captures[row.capture_id] = capture
        held.captures[row.capture_id] = held.numbered[row.number] = capture


def _frame(data: bytes) -> bytes:
    return len(data).to_bytes(_LENGTH, "big") + data


def _frames(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Put frames together again.

    Raises:
        UnusableError: the last one is not whole.
    """
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        at = 0
        while len(waiting) - at >= _LENGTH:
            end = at + _LENGTH + int.from_bytes(waiting[at : at + _LENGTH], "big")
            if end > len(waiting):
                break
            yield bytes(waiting[at + _LENGTH : end])
            at = end
        del waiting[:at]
    if waiting:
        raise UnusableError("it ends in the middle")
