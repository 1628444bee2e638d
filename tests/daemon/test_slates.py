"""What a worker's word about a slate is worth, and what filing records."""

from __future__ import annotations

from medkiosk.catalog.views import Series, SeriesFrame
from medkiosk.core.events import Assigned, OriginalSealed, RoleGiven, SlateClock, SlateSeen
from medkiosk.core.ids import KIOSK, CaptureId, EncounterId, ImportId, ObjectId
from medkiosk.core.photo import ImageRole, MediaKind
from medkiosk.core.slate import ShownSlate, Slate, SlateKind, write_slate
from medkiosk.daemon.slates import _MOST, _events, _file, seen, slate_key

AT = "2026-05-01T09:00:00.000Z"
KEY = slate_key(bytes(32))
CAPTURE = CaptureId("c" * 32)
SLATE = Slate(SlateKind.OPEN, "aa" * 16, 1_795_000_000)
SHOWN = ShownSlate(1, EncounterId("e"), SlateKind.OPEN, SLATE.token, SLATE.shown)


def test_nothing_read_is_nothing_said() -> None:
    assert seen(CAPTURE, AT, (), KEY) == []


def test_a_slate_of_this_kiosk_is_recorded_and_gives_its_role() -> None:
    said, role = seen(CAPTURE, AT, [write_slate(SLATE, KEY)], KEY)
    assert said == SlateSeen(at=AT, actor=KIOSK, capture_id=CAPTURE, slates=(SLATE,), foreign=0)
    assert role == RoleGiven(at=AT, actor=KIOSK, capture_id=CAPTURE, role=ImageRole.SLATE)


def test_a_made_up_slate_is_recorded_as_foreign_and_never_leaves_either() -> None:
    texts = [write_slate(SLATE, slate_key(bytes([1] * 32))), "MKS1:nonsense", write_slate(SLATE, KEY)]
    said, role = seen(CAPTURE, AT, texts, KEY)
    assert isinstance(said, SlateSeen)
    assert (said.slates, said.foreign) == ((SLATE,), 2)
    assert isinstance(role, RoleGiven)
    assert role.role is ImageRole.SLATE


def frame(number: int, *slates: ShownSlate, owner: str = "", mtime: int = 1_795_003_605) -> SeriesFrame:
    original = OriginalSealed(
        at=AT,
        actor=KIOSK,
        import_id=ImportId("i"),
        capture_id=CaptureId(str(number)),
        object_id=ObjectId(str(number)),
        storage="store_00010001",
        folder="DCIM/100CANON",
        file=f"IMG_{number:04}.JPG",
        size=1,
        mtime=mtime,
        media=MediaKind.JPEG,
    )
    marks = (SLATE,) if slates else ()
    return SeriesFrame(
        original, EncounterId(owner) if owner else None, frozenset(slates), False, marks, clocked=False
    )


def events(*frames: SeriesFrame) -> list[object]:
    series = Series(frames, 1, whole=True)
    return list(_events(series, _file(series), frozenset(), AT))


def test_filing_assigns_what_nobody_has_assigned_and_records_the_clock() -> None:
    clock, assigned = events(frame(1, SHOWN), frame(2), frame(3, owner="somebody"))
    assert clock == SlateClock(
        at=AT,
        actor=KIOSK,
        capture_id=CaptureId("1"),
        shown="2026-11-18T11:06:40.000Z",
        mtime=1_795_003_605,
        offset_s=3605,
    )
    assert isinstance(assigned, Assigned)
    assert (assigned.actor, assigned.encounter_id, assigned.captures) == (KIOSK, "e", ("1", "2"))


def test_a_device_that_gives_no_time_has_no_offset() -> None:
    assert not any(isinstance(event, SlateClock) for event in events(frame(1, SHOWN, mtime=0)))


def test_a_long_series_is_recorded_in_parts() -> None:
    frames = [frame(number) for number in range(2, _MOST + 3)]
    parts = [event for event in events(frame(1, SHOWN), *frames) if isinstance(event, Assigned)]
    assert [len(part.captures) for part in parts] == [_MOST, 2]
    assert len({capture for part in parts for capture in part.captures}) == _MOST + 2
