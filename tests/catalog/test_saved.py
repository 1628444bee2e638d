"""Saving and loading a catalogue changes nothing that can be asked, then or later."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.catalog import packed
from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.saved import Reach, UnusableError, load, save
from medkiosk.core import correctionevents as cor
from medkiosk.core import events as ev
from medkiosk.core.consent import ConsentKind, Subject
from medkiosk.core.events import AnyEvent
from medkiosk.core.ids import (
    KIOSK,
    CaptureId,
    CorrectionId,
    DisposalId,
    EncounterId,
    ImportId,
    ObjectId,
    RecordId,
)
from medkiosk.core.lifecycle import AccountClosed, Disposed
from medkiosk.core.photo import ImageRole, MediaKind, RedactCode, ReviewState
from medkiosk.core.siteevents import CaptureSites, EncounterSites
from medkiosk.core.slate import Slate, SlateKind
from medkiosk.retention.scope import goes
from medkiosk.review.machine import step
from tests.catalog import story as s

IMPORTS = ("i", "j")
CAPTURES = ("a" * 32, "b", "c")
ENCOUNTERS = ("e", "f")
FILES = ("IMG_1.JPG", "IMG_1.CR3", "IMG_2.JPG")
TOKENS = ("0" * 32, "1" * 32)
CODE = "this code"


def again(import_id: str, capture: str, file: str) -> AnyEvent:
    return ev.OriginalAgain(
        at=s.AT,
        actor=KIOSK,
        import_id=ImportId(import_id),
        capture_id=CaptureId(capture),
        object_id=ObjectId(f"{capture}/{file}"),
        storage="store_00010001",
        folder="/DCIM/100CANON",
        file=file,
        size=9,
        mtime=0,
    )


def sealed(import_id: str, capture: str, file: str) -> AnyEvent:
    media = MediaKind.CR3 if file.endswith("CR3") else MediaKind.JPEG
    digits = "" if capture == "b" else hashlib.md5(f"{capture}/{file}".encode()).hexdigest()
    return s.sealed(import_id, capture, file, media, digits)


def seen(capture: str, token: str) -> AnyEvent:
    slates = (Slate(SlateKind.OPEN, token, 9),)
    return ev.SlateSeen(at=s.AT, actor=KIOSK, capture_id=CaptureId(capture), slates=slates, foreign=0)


def shown(encounter: str, token: str) -> AnyEvent:
    kind = SlateKind.OPEN
    return ev.SlateShown(at=s.AT, actor=s.ANNA, encounter_id=EncounterId(encounter), token=token, kind=kind)


def compared(capture: str, revision: int) -> AnyEvent:
    return ev.Compared(at=s.AT, actor=KIOSK, capture_id=CaptureId(capture), revision=revision, subject="x")


def viewed(capture: str, reason: str) -> AnyEvent:
    what = ev.What.ORIGINAL
    return ev.Viewed(at=s.AT, actor=s.ANNA, what=what, capture_id=CaptureId(capture), reason=reason)


def corrected(encounter: str, mrn: str) -> AnyEvent:
    subject = Subject(mrn=mrn, issuer="H", name=mrn, birth_date="")
    return cor.SubjectCorrected(
        at=s.AT,
        actor=s.ANNA,
        encounter_id=EncounterId(encounter),
        subject=subject,
        correction_id=CorrectionId("p"),
    )


def proposed(encounter: str, some: Sequence[str], which: str) -> AnyEvent:
    return cor.CorrectionProposed(
        at=s.AT,
        actor=s.ANNA,
        correction_id=CorrectionId(which),
        encounter_id=EncounterId(encounter),
        reason="r",
        captures=tuple(map(CaptureId, some)),
    )


def settled(encounter: str, some: Sequence[str], which: str, outcome: cor.Outcome) -> AnyEvent:
    return cor.CorrectionDecided(
        at=s.AT,
        actor=s.ANNA,
        correction_id=CorrectionId(which),
        encounter_id=EncounterId(encounter),
        outcome=outcome,
        captures=tuple(map(CaptureId, some)),
    )


def consent(encounter: str, kind: ConsentKind) -> AnyEvent:
    return s.consent(encounter, f"{encounter}{kind}", msgspec.structs.replace(s.TERMS, kind=kind))


def sites(encounter: str, capture: str, shown: tuple[str, ...] | None) -> AnyEvent:
    if shown is None or capture in "bc":
        return CaptureSites(at=s.AT, actor=s.ANNA, capture_id=CaptureId(capture), sites=shown)
    return EncounterSites(at=s.AT, actor=s.ANNA, encounter_id=EncounterId(encounter), sites=shown)


def disposed(captures: Sequence[str], encounters: Sequence[str]) -> AnyEvent:
    return Disposed(
        at=s.AT,
        actor=s.ANNA,
        disposal_id=DisposalId("d"),
        encounters=tuple(map(EncounterId, encounters)),
        captures=tuple(map(CaptureId, captures)),
        objects=(),
        records=(RecordId("r"),),
    )


imports, captures = st.sampled_from(IMPORTS), st.sampled_from(CAPTURES)
encounters, files, revisions = st.sampled_from(ENCOUNTERS), st.sampled_from(FILES), st.integers(1, 3)
codes = st.sampled_from([RedactCode.UNSUPPORTED, RedactCode.TIMEOUT])
some = st.lists(captures, min_size=1, unique=True)
EVENTS = st.one_of(
    st.builds(s.started, imports),
    st.builds(s.finished, imports, st.integers(0, 1)),
    st.builds(sealed, imports, captures, files),
    st.builds(sealed, imports, captures, files),
    st.builds(again, imports, captures, files),
    st.builds(s.failed_file, imports, files),
    st.builds(
        s.deletion,
        imports,
        st.sampled_from([ev.FileDeleting, ev.FileDeleted, ev.FileKept, ev.FileUnclear]),
        files,
    ),
    st.builds(s.redacted, captures, revisions),
    st.builds(s.redacted, captures),
    st.builds(s.not_redacted, captures, files, codes),
    st.builds(s.approved, captures),
    st.builds(s.rejected, captures),
    st.builds(s.role, captures, st.sampled_from(ImageRole)),
    st.builds(s.encounter, encounters),
    st.builds(consent, encounters, st.sampled_from(ConsentKind)),
    st.builds(lambda e, some: s.assigned(e, *some), encounters, some),
    st.builds(corrected, encounters, st.sampled_from("xy")),
    st.builds(proposed, encounters, some, st.sampled_from("pq")),
    st.builds(settled, encounters, some, st.sampled_from("pq"), st.sampled_from(cor.Outcome)),
    st.builds(sites, encounters, captures, st.sampled_from([None, (), ("89545001",), ("14975008",)])),
    st.builds(seen, captures, st.sampled_from(TOKENS)),
    st.builds(shown, encounters, st.sampled_from(TOKENS)),
    st.builds(compared, captures, revisions),
    st.builds(viewed, captures, st.sampled_from(["", "a reason"])),
    st.builds(s.account, st.sampled_from("xy"), st.sampled_from("xy")),
    st.builds(s.recipient, st.sampled_from("rq")),
    st.builds(lambda some: s.exported("x", *some), some),
    st.builds(lambda a: AccountClosed(at=s.AT, actor=s.ANNA, account_id=a, reason=""), st.sampled_from("xy")),
    st.builds(disposed, st.lists(captures, max_size=1), st.lists(encounters, max_size=1)),
)


def everything(catalog: Catalog) -> dict[str, Any]:
    """The answer to every question that there is."""
    whom = [CaptureId(c) for c in CAPTURES]
    return {
        "problems": catalog.problems,
        "accounts": catalog.accounts(),
        "users": [catalog.account_of(user) for user in "xyz"],
        "people": catalog.people,
        "imports": catalog.imports(),
        "import page": catalog.import_page(),
        "receipts": [
            catalog.receipt(ImportId(i), offset, 2) for i in (*IMPORTS, "z") for offset in (0, 1, 4)
        ],
        "captures": [
            catalog.captures(i, e, state, offset, 2)
            for i in (None, *map(ImportId, IMPORTS))
            for e in (None, *map(EncounterId, ENCOUNTERS))
            for state in (None, *ReviewState)
            for offset in (0, 1)
        ],
        "capture": [catalog.capture(c) for c in whom],
        "waiting": catalog.waiting(),
        "series": [catalog.series(ImportId(i)) for i in IMPORTS],
        "import of": [catalog.import_of(c) for c in whom],
        "to file": catalog.imports_to_file(),
        "encounters": catalog.encounters(),
        "encounter": [catalog.encounter(EncounterId(e)) for e in ENCOUNTERS],
        "answers": [catalog.answers(EncounterId(e)) for e in ENCOUNTERS],
        "recipients": catalog.recipients(),
        "exports": [catalog.exports(c) for c in whom],
        "then": [each.then for each in catalog.outside.exports.values()],
        "corrections": catalog.corrections.all,
        "sites": (catalog.sites.encounters, catalog.sites.captures),
        "slates": (catalog.slates.count, catalog.slates.last, catalog.slates.all),
        "objects": [catalog.objects_of([c]) for c in whom],
        "records": [catalog.records_of([c]) for c in whom]
        + [catalog.records_of([], [EncounterId(e)]) for e in ENCOUNTERS],
        "why not": [
            catalog.why_not(event)
            for c in CAPTURES
            for event in (s.redacted(c, 2), s.approved(c), s.rejected(c), s.role(c, ImageRole.REJECT))
        ],
    }


def told(events: Sequence[AnyEvent], catalog: Catalog | None = None, first: int = 1) -> Catalog:
    catalog = catalog or Catalog(step)
    for seq, event in enumerate(events, first):
        catalog.apply(event, seq, seq + 100)
    return catalog


def round_trip(catalog: Catalog, piece: int = 1 << 20) -> Catalog:
    data = b"".join(save(catalog, Reach(CODE, record=7, unreadable=2, missing={"m"}, newest=s.AT)))
    loaded = Catalog(step)
    reach = load(loaded, (data[at : at + piece] for at in range(0, len(data), piece)), CODE)
    assert reach == Reach(CODE, record=7, unreadable=2, missing={"m"}, newest=s.AT)
    return loaded


BEGIN = [
    s.started("i"),
    s.encounter("e"),
    *(sealed("i", capture, "IMG_1.JPG") for capture in CAPTURES),
    *(s.redacted(capture) for capture in CAPTURES),
]


@given(st.booleans(), st.lists(EVENTS, max_size=40), st.lists(EVENTS, max_size=20))
def test_what_is_loaded_answers_and_goes_on_like_what_was_saved(
    began: bool, before: list[AnyEvent], after: list[AnyEvent]
) -> None:
    prefix = [*(BEGIN if began else []), *before]
    loaded = round_trip(told(prefix))
    assert everything(loaded) == everything(told(prefix))
    first = len(prefix) + 1
    assert everything(told(after, loaded, first)) == everything(told([*prefix, *after]))


@given(st.lists(EVENTS, max_size=40))
def test_captures_that_were_packed_are_what_they_were(events: list[AnyEvent]) -> None:
    whole = [*BEGIN, *events]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "_OPEN", 1)
        assert everything(told(whole)) == everything_at_rest(whole)


def everything_at_rest(events: list[AnyEvent]) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "_OPEN", 1 << 30)
        return everything(told(events))


@pytest.mark.parametrize("piece", [1, 3, 100])
def test_pieces_may_be_of_any_size(piece: int) -> None:
    assert everything(round_trip(told(BEGIN), piece)) == everything(told(BEGIN))


def test_another_code_and_a_cut_are_said() -> None:
    data = b"".join(save(told(BEGIN), Reach(CODE)))
    with pytest.raises(UnusableError, match="another version"):
        load(Catalog(step), [data], "other code")
    with pytest.raises(UnusableError, match="too early"):
        load(Catalog(step), [], CODE)
    borders, at = set(), 0
    while at < len(data):
        at += 4 + int.from_bytes(data[at : at + 4], "big")
        borders.add(at)
    for cut in set(range(1, len(data))) - borders:
        with pytest.raises(UnusableError, match="ends"):
            load(Catalog(step), [data[:cut]], CODE)


def test_what_speaks_of_a_capture_and_of_an_encounter_is_found() -> None:
    events = [
        *BEGIN,
        s.approved(CAPTURES[0]),
        viewed(CAPTURES[0], ""),
        viewed(CAPTURES[0], "the court asked for it"),
        s.assigned("e", CAPTURES[0], "b"),
        consent("e", ConsentKind.GRANT),
    ]
    catalog = told(events)
    assert catalog.records_of([CaptureId(CAPTURES[0])]) == (3, 6, 9, 11)
    assert catalog.records_of([], [EncounterId("e")]) == (2, 12, 13)
    assert catalog.records_of([CaptureId("b")], [EncounterId("e")]) == (2, 4, 7, 12, 13)
    assert catalog.objects_of([CaptureId("b")]) == ("b/IMG_1.JPG", "b/d1", "b/p1")
    view = catalog.capture(CaptureId("b"))
    assert view is not None
    assert view.leaf == 107


@given(st.lists(EVENTS, max_size=30), st.lists(captures, unique=True), st.booleans())
def test_reading_again_without_what_was_disposed_of_gives_the_same(
    events: list[AnyEvent], gone: list[str], encounter: bool
) -> None:
    """The kiosk that saw the disposal and the one that reads its records again know the same."""
    whole = [*BEGIN, *(event for event in events if not isinstance(event, Disposed))]
    lived = told(whole)
    which = (EncounterId("e"),) if encounter else ()
    of_it = lived.captures(encounter_id=EncounterId("e")).captures if encounter else ()
    whom = tuple({*map(CaptureId, gone), *(row.capture_id for row in of_it)})
    records = {
        seq
        for seq in lived.records_of(whom, which)
        if goes(whole[seq - 1], frozenset(whom), frozenset(which))
    }
    end = Disposed(
        at=s.AT,
        actor=s.ANNA,
        disposal_id=DisposalId("d"),
        encounters=which,
        captures=whom,
        objects=lived.objects_of(whom),
        records=(),
    )
    lived.apply(end, len(whole) + 1)
    read = Catalog(step)
    for seq, event in enumerate(whole, 1):
        if seq not in records:
            read.apply(event, seq, seq + 100)
    read.apply(end, len(whole) + 1)
    for question in (
        "capture",
        "captures",
        "encounters",
        "answers",
        "objects",
        "records",
        "waiting",
        "exports",
    ):
        assert everything(read)[question] == everything(lived)[question], question
