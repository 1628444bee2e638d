"""What the events make of the recall list: over a failure, a crash, a move and a disposal."""

from __future__ import annotations

import time
from datetime import datetime

import msgspec
import pytest

from medkiosk.catalog.fold import Catalog
from medkiosk.core import exportevents as out
from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.config import ConsentPolicy
from medkiosk.core.consent import ConsentKind, Purpose, Subject
from medkiosk.core.events import AnyEvent
from medkiosk.core.ids import CaptureId, DisposalId, EncounterId, ExportId, ObjectId, RecipientId
from medkiosk.core.lifecycle import Disposed
from medkiosk.daemon.recalling import lines_of
from medkiosk.review.machine import step
from tests.catalog import story as s

NOW: datetime = parse_rfc3339("2026-06-01T09:00:00.000Z")
AGREED = msgspec.structs.replace(s.TERMS, purposes=(Purpose.TEACHING_RESEARCH,))
WITHDRAWN = msgspec.structs.replace(AGREED, kind=ConsentKind.WITHDRAWAL, expires="")


def prepared(export_id: str, *captures: str) -> out.ExportPrepared:
    return out.ExportPrepared(
        at=s.AT,
        actor=s.ANNA,
        export_id=ExportId(export_id),
        recipient_id=RecipientId("r"),
        purpose=Purpose.TEACHING_RESEARCH,
        captures=tuple(map(CaptureId, captures)),
        derivatives=tuple(ObjectId(f"{capture}/d1") for capture in captures),
        images=tuple(f"{export_id}-{capture}" for capture in captures),
        acknowledge="00" * 32,
    )


def failed(export_id: str, code: str, *, cleaned: bool = False) -> out.ExportFailed:
    return out.ExportFailed(at=s.AT, actor=s.ANNA, export_id=ExportId(export_id), code=code, cleaned=cleaned)


CODES = (
    "export.stick_full",
    "export.stick_protected",
    "export.stick_gone",
    "session.ended",
    "kiosk.internal",
)
"""What made an export fail. It says nothing about what is left on the stick."""


def other(encounter_id: str) -> AnyEvent:
    somebody = Subject("99", "2222", "Other Person", "1971-01-01")
    return msgspec.structs.replace(s.encounter(encounter_id), subject=somebody)


BEGIN: tuple[AnyEvent, ...] = (
    s.recipient("r"),
    s.started("i"),
    *(s.sealed("i", capture, f"{capture}.JPG") for capture in "ab"),
    s.encounter("e"),
    s.assigned("e", "a", "b"),
    s.consent("e", "c1", AGREED),
    *(s.redacted(capture) for capture in "ab"),
    prepared("x", "a", "b"),
)
GONE = Disposed(
    at=s.AT,
    actor=s.ANNA,
    disposal_id=DisposalId("d"),
    encounters=(EncounterId("e"),),
    captures=(CaptureId("a"), CaptureId("b")),
    objects=(),
    records=(),
)
KEPT = out.RecallKept(at=s.AT, actor=s.ANNA, export_id=ExportId("x"), images=("x-a", "x-b"), why="withdrawn")
WRITTEN = s.exported("x", "a", "b")
TAKEN_BACK = s.consent("e", "c2", WITHDRAWN)


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ((WRITTEN,), {}),
        ((WRITTEN, TAKEN_BACK), {"x-a": "withdrawn", "x-b": "withdrawn"}),
        ((TAKEN_BACK,), {"x-a": "withdrawn", "x-b": "withdrawn"}),
        *[((failed("x", code, cleaned=True), TAKEN_BACK), {}) for code in CODES],
        *[((failed("x", code), TAKEN_BACK), {"x-a": "withdrawn", "x-b": "withdrawn"}) for code in CODES],
        (
            (WRITTEN, other("f"), s.consent("f", "c3", AGREED), s.assigned("f", "b")),
            {"x-b": "wrong_subject"},
        ),
        ((WRITTEN, s.encounter("g"), s.consent("g", "c4", AGREED), s.assigned("g", "b")), {}),
        ((WRITTEN, GONE), {}),
        ((WRITTEN, TAKEN_BACK, KEPT, GONE), {"x-a": "withdrawn", "x-b": "withdrawn"}),
    ],
)
def test_what_is_on_it(events: tuple[AnyEvent, ...], wanted: dict[str, str]) -> None:
    catalog = Catalog(step)
    for event in (*BEGIN, *events):
        catalog.apply(event)
    assert {each.event for each in catalog.problems} <= {"disposal.destroyed"}, "nobody proposed that one"
    lines = lines_of(catalog, ConsentPolicy(), NOW)
    assert {each.image: str(line.why) for line in lines for each in line.pictures} == wanted


def test_ten_thousand_pictures_outside_take_no_time_that_anybody_notices() -> None:
    catalog = Catalog(step)
    for event in BEGIN:
        catalog.apply(event)
    for number in range(5000):
        catalog.apply(prepared(f"x{number}", "a", "b"))
    catalog.apply(TAKEN_BACK)
    began = time.process_time()
    lines = lines_of(catalog, ConsentPolicy(), NOW)
    took = time.process_time() - began
    assert sum(len(line.pictures) for line in lines) == 10002
    assert took < 10, took
    print(f"{took:.2f} s of CPU for 10,002 pictures")


@pytest.mark.parametrize(
    ("named", "taken_back", "recalled"),
    [
        ("First Journal", "First Journal", ["x-a"]),
        ("First Journal", "Second Journal", []),
        ("FIRST  journal", "First Journal", ["x-a"]),
        ("", "First Journal", []),  # from before it was asked for: the other use will do
        ("", "", ["x-a"]),  # a withdrawal of all publication
    ],
)
def test_a_publication_is_recalled_for_the_use_that_it_was_for(
    named: str, taken_back: str, recalled: list[str]
) -> None:
    for_use = {
        use: msgspec.structs.replace(s.TERMS, purposes=(Purpose.PUBLICATION,), use=use)
        for use in ("First Journal", "Second Journal", "")
    }
    withdrawn = msgspec.structs.replace(for_use[taken_back], kind=ConsentKind.WITHDRAWAL, expires="")
    catalog = Catalog(step)
    for event in (
        *BEGIN[:-1],
        s.consent("e", "c3", for_use["First Journal"]),
        s.consent("e", "c4", for_use["Second Journal"]),
        msgspec.structs.replace(prepared("x", "a"), purpose=Purpose.PUBLICATION, use=named),
        msgspec.structs.replace(s.exported("x", "a"), purpose=Purpose.PUBLICATION),
        s.consent("e", "c5", withdrawn),
    ):
        catalog.apply(event)
    lines = lines_of(catalog, ConsentPolicy(), NOW)
    assert [each.image for line in lines for each in line.pictures] == recalled


def test_a_notice_that_went_alone_is_closed_by_what_its_recipient_said() -> None:
    named = (out.RecalledExport(ExportId("x"), ("x-a", "x-b")),)
    told = out.RecallWritten(
        at=s.AT,
        actor=s.ANNA,
        recall_id="n1",
        recipient_id=RecipientId("r"),
        export_id=None,
        exports=named,
    )
    said = out.RecallConfirmed(
        at=s.AT, actor=s.ANNA, recipient_id=RecipientId("r"), recalls=("n1",), words="Dr. A, telephone"
    )
    catalog = Catalog(step)
    for event in (*BEGIN, WRITTEN, TAKEN_BACK, told):
        catalog.apply(event)
    (line,) = lines_of(catalog, ConsentPolicy(), NOW)
    assert line.open
    catalog.apply(said)
    (line,) = lines_of(catalog, ConsentPolicy(), NOW)
    assert (line.confirmed, line.open) == (s.AT, False)
    assert not catalog.problems
    catalog.apply(msgspec.structs.replace(said, recalls=("n2",)))
    assert len(catalog.problems) == 1, "there is no such notice"
