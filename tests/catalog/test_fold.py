from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.catalog.fold import Catalog, fold
from medkiosk.core import events as ev
from medkiosk.core.consent import (
    ConsentKind,
    ConsentMethod,
    Grantor,
    Purpose,
    Relationship,
    Subject,
    Terms,
)
from medkiosk.core.events import AnyEvent
from medkiosk.core.ids import (
    KIOSK,
    AccountId,
    CaptureId,
    ConsentId,
    EncounterId,
    ImportId,
    ObjectId,
    RecipientId,
)
from medkiosk.core.photo import MediaKind, RedactCode, ReviewState
from medkiosk.review.machine import step
from tests.catalog import story as s


def catalog(*events: AnyEvent) -> Catalog:
    """Fold events that must all fit."""
    made = fold(step, events)
    assert made.problems == ()
    return made


def state_of(made: Catalog, capture: str) -> ReviewState:
    view = made.capture(CaptureId(capture))
    assert view is not None
    return view.row.state


def names(made: Catalog, **filters: object) -> list[str]:
    return [row.name for row in made.captures(**filters).captures]  # type: ignore[arg-type]


def test_an_empty_kiosk() -> None:
    made = catalog()
    lists = [made.imports(), made.encounters(), made.accounts(), made.recipients(), made.waiting()]
    assert not any(lists)
    assert made.captures().captures == ()
    assert (
        made.captures(import_id=ImportId("i")).total
        == made.captures(encounter_id=EncounterId("e")).total
        == 0
    )
    assert made.capture(CaptureId("c")) is None
    assert made.encounter(EncounterId("e")) is None
    assert made.exports(CaptureId("c")) == ()


def test_raw_and_jpeg_of_a_shot_are_one_capture() -> None:
    raw, jpeg = s.sealed("i", "c", "IMG_0001.CR3", MediaKind.CR3), s.sealed("i", "c", "IMG_0001.JPG")
    view = catalog(s.started("i"), raw, jpeg).capture(CaptureId("c"))
    assert view is not None
    assert view.originals == (raw, jpeg)
    assert view.row.name == "IMG_0001"
    assert view.row.media == (MediaKind.CR3, MediaKind.JPEG)
    assert (view.row.state, view.row.revision, view.row.code) == (ReviewState.WAITING, 0, None)
    assert view.latest is None


@pytest.mark.parametrize(
    ("file", "name"),
    [("IMG_0001.JPG", "IMG_0001"), ("a.b.jpg", "a.b"), ("README", "README"), (".JPG", ".JPG"), ("", "")],
)
def test_a_capture_is_called_after_its_file(file: str, name: str) -> None:
    assert names(catalog(s.started("i"), s.sealed("i", "c", file))) == [name]


def test_what_waits_for_redaction() -> None:
    raw, jpeg = s.sealed("i", "c", "IMG_1.CR3", MediaKind.CR3), s.sealed("i", "c", "IMG_1.JPG")
    other = s.sealed("i", "x", "IMG_2.CR3", MediaKind.CR3)
    made = catalog(s.started("i"), raw, jpeg, other)
    assert made.waiting() == (jpeg, other)
    made.apply(s.redacted("c"))
    made.apply(s.not_redacted("x", "IMG_2.CR3"))
    assert made.waiting() == ()
    assert (state_of(made, "c"), state_of(made, "x")) == (ReviewState.PROPOSED, ReviewState.UNUSABLE)


def test_a_jpeg_that_comes_late_is_tried_although_its_raw_file_failed() -> None:
    jpeg = s.sealed("j", "c", "IMG_1.JPG")
    made = catalog(
        s.started("i"),
        s.sealed("i", "c", "IMG_1.CR3", MediaKind.CR3),
        s.not_redacted("c", "IMG_1.CR3"),
        s.started("j"),
        jpeg,
    )
    assert made.waiting() == (jpeg,)
    made.apply(s.redacted("c"))
    assert made.waiting() == ()
    assert state_of(made, "c") is ReviewState.PROPOSED


def test_a_second_file_does_not_ask_for_redaction_again() -> None:
    made = catalog(
        s.started("i"),
        s.sealed("i", "c", "IMG_1.JPG"),
        s.redacted("c"),
        s.sealed("i", "c", "IMG_1.CR3", MediaKind.CR3),
    )
    assert made.waiting() == ()


def test_review_from_proposal_to_approval_and_back() -> None:
    made = catalog(s.started("i"), s.sealed("i", "c", "IMG_1.JPG"), s.redacted("c"), s.approved("c"))
    view = made.capture(CaptureId("c"))
    assert view is not None
    assert view.approved == s.approved("c")
    made.apply(s.redacted("c", 2, s.ANNA, ()))
    view = made.capture(CaptureId("c"))
    assert view is not None
    assert view.approved is None
    assert view.latest == s.redacted("c", 2, s.ANNA, ())
    assert len(view.revisions) == 2
    assert (view.row.state, view.row.revision, view.row.findings) == (ReviewState.PROPOSED, 2, 0)
    made.apply(s.rejected("c", 2))
    assert state_of(made, "c") is ReviewState.REJECTED
    assert made.problems == ()


def test_filters_and_pages() -> None:
    events: list[AnyEvent] = [s.encounter("e"), s.encounter("f")]
    for n in range(6):
        if n % 3 == 0:
            events.append(s.started(f"i{n // 3}"))
        events.append(s.sealed(f"i{n // 3}", f"c{n}", f"IMG_{n}.JPG"))
    events += [s.redacted("c1"), s.redacted("c4"), s.approved("c4"), s.assigned("e", "c4", "c1", "c2")]
    made = catalog(*events)
    assert names(made) == [f"IMG_{n}" for n in range(6)]
    assert names(made, import_id="i1") == ["IMG_3", "IMG_4", "IMG_5"]
    assert names(made, encounter_id="e") == ["IMG_1", "IMG_2", "IMG_4"]
    assert names(made, encounter_id="e", import_id="i0") == ["IMG_1", "IMG_2"]
    assert names(made, state=ReviewState.WAITING) == ["IMG_0", "IMG_2", "IMG_3", "IMG_5"]
    assert names(made, state=ReviewState.APPROVED, encounter_id="e") == ["IMG_4"]
    assert names(made, encounter_id="f") == []
    page = made.captures(offset=4, limit=1)
    assert ([row.name for row in page.captures], page.total) == (["IMG_4"], 6)
    assert made.captures(offset=-5, limit=-5).captures == made.captures(offset=99).captures == ()


def test_imports_newest_first_with_their_counts() -> None:
    made = catalog(
        s.started("i"),
        s.sealed("i", "a", "IMG_1.JPG"),
        s.sealed("i", "a", "IMG_1.CR3", MediaKind.CR3),
        s.sealed("i", "b", "IMG_2.JPG"),
        s.finished("i", failed=3),
        s.started("j"),
        s.failed_file("j", "IMG_8.JPG"),
        s.failed_file("j", "IMG_9.JPG"),
        s.failed_file("j", "IMG_9.JPG"),
        s.sealed("j", "c", "IMG_8.JPG"),
        s.encounter("e"),
        s.assigned("e", "b"),
    )
    newer, older = made.imports()
    assert (older.import_id, older.captures, older.assigned, older.finished, older.failed) == (
        "i",
        2,
        1,
        True,
        3,
    )
    assert (newer.import_id, newer.captures, newer.assigned, newer.finished, newer.failed) == (
        "j",
        1,
        0,
        False,
        1,
    )


def test_a_plug_that_brought_nothing_new_is_not_among_the_imports_that_people_leaf_through() -> None:
    made = catalog(
        s.started("i"),
        s.sealed("i", "a", "IMG_1.JPG"),
        s.finished("i"),
        s.started("j"),
        s.finished("j"),
        s.started("k"),
        s.failed_file("k", "IMG_2.JPG"),
        s.finished("k", failed=1),
        s.started("l"),
    )
    page = made.import_page()
    assert ([each.import_id for each in page.imports], page.total) == (["l", "k", "i"], 3)
    assert made.receipt(ImportId("j")) is not None
    assert [each.import_id for each in made.import_page(1, 1).imports] == ["k"]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([ev.FileDeleting], (0, 0, 1)),
        ([ev.FileDeleting, ev.FileDeleted], (1, 0, 0)),
        ([ev.FileDeleting, ev.FileKept], (0, 1, 0)),
        ([ev.FileDeleting, ev.FileUnclear], (0, 0, 1)),
        ([ev.FileDeleting, ev.FileKept, ev.FileDeleting, ev.FileDeleted], (1, 0, 0)),
        ([ev.FileDeleting, ev.FileUnclear, ev.FileDeleting, ev.FileKept], (0, 1, 0)),
        ([ev.FileDeleting, ev.FileDeleting, ev.FileDeleted], (1, 0, 0)),
    ],
)
def test_a_receipt_counts_what_was_deleted_afterwards_and_the_plug_is_listed(
    ends: list[type[ev.FileDeleting | ev.FileDeleted | ev.FileKept | ev.FileUnclear]],
    expected: tuple[int, int, int],
) -> None:
    made = catalog(
        s.started("i"),
        s.finished("i"),
        *(s.deletion("i", kind, "IMG_1.JPG") for kind in ends),
        s.deletion("i", ev.FileDeleting, "IMG_2.JPG"),
        s.deletion("i", ev.FileDeleted, "IMG_2.JPG"),
    )
    page = made.receipt(ImportId("i"))
    assert page is not None
    deleted, kept, unclear = expected
    assert (page.deleted, page.kept, page.unclear) == (deleted + 1, kept, unclear)
    assert [each.import_id for each in made.import_page().imports] == ["i"]
    assert [problem.words for problem in made.problems] == []


def test_a_deletion_of_no_import_is_named() -> None:
    made = fold(step, [s.deletion("i", ev.FileDeleted, "IMG_1.JPG")])
    assert [problem.words for problem in made.problems] == ["unknown import"]


def test_a_later_assignment_supersedes() -> None:
    made = catalog(
        s.started("i"),
        s.sealed("i", "a", "IMG_1.JPG"),
        s.sealed("i", "b", "IMG_2.JPG"),
        s.encounter("e"),
        s.encounter("f"),
        s.assigned("e", "a", "b"),
        s.assigned("f", "a"),
        s.assigned("f", "a"),
    )
    assert names(made, encounter_id="e") == ["IMG_2"]
    assert names(made, encounter_id="f") == ["IMG_1"]
    assert [(view.encounter_id, view.captures) for view in made.encounters()] == [("f", 1), ("e", 1)]
    assert made.imports()[0].assigned == 2


def test_encounters_have_their_answers_in_order() -> None:
    later = msgspec.structs.replace(s.TERMS, kind=ConsentKind.WITHDRAWAL, expires="")
    made = catalog(s.encounter("e"), s.consent("e", "k1"), s.encounter("f"), s.consent("e", "k2", later))
    view = made.encounter(EncounterId("e"))
    assert view is not None
    assert [(consent.consent_id, consent.terms) for consent in view.consents] == [
        ("k1", s.TERMS),
        ("k2", later),
    ]
    assert view.subject.mrn == "123"
    assert [encounter.encounter_id for encounter in made.encounters()] == ["f", "e"]


def test_accounts_and_recipients() -> None:
    anna, bert = s.account("a", "anna"), s.account("b", "bert")
    made = catalog(anna, bert, s.recipient("r"))
    assert made.accounts() == (anna, bert)
    assert made.account(AccountId("b")) == made.account_of("bert") == bert
    assert made.account(AccountId("c")) is made.account_of("Anna") is None
    assert made.recipients() == (s.recipient("r"),)
    assert made.recipient(RecipientId("r")) == s.recipient("r")
    assert made.recipient(RecipientId("q")) is None


def test_what_left_is_found_by_capture() -> None:
    made = catalog(s.exported("x1", "a", "b"), s.exported("x2", "b"))
    assert made.exports(CaptureId("a")) == (s.exported("x1", "a", "b"),)
    assert made.exports(CaptureId("b")) == (s.exported("x1", "a", "b"), s.exported("x2", "b"))


ONE = (s.started("i"), s.sealed("i", "c", "IMG_1.JPG"))
PROPOSED = (*ONE, s.redacted("c"))


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([s.redacted("c")], "unknown capture"),
        ([s.not_redacted("c", "x")], "unknown capture"),
        ([s.approved("c")], "unknown capture"),
        ([s.rejected("c")], "unknown capture"),
        ([*ONE, s.started("i")], "started before"),
        ([*ONE, s.sealed("i", "c", "IMG_1.JPG")], "sealed before"),
        ([s.failed_file("i", "x")], "unknown import"),
        ([s.finished("i")], "unknown import"),
        ([s.sealed("i", "c", "IMG_1.JPG")], "without its device"),
        ([s.consent("e", "k")], "unknown encounter"),
        ([*ONE, s.assigned("e", "c")], "unknown encounter"),
        ([s.encounter("e"), s.encounter("e")], "exists"),
        ([s.encounter("e"), s.assigned("e", "x", "y")], "2 unknown captures"),
        ([s.account("a", "anna"), s.account("b", "anna")], "exists"),
        ([s.account("a", "anna"), s.account("a", "bert")], "exists"),
        ([s.recipient("r"), s.recipient("r")], "exists"),
        ([*ONE, s.approved("c", 0)], "not the latest"),
        ([*ONE, s.rejected("c", 0)], "not the latest"),
        ([*ONE, s.redacted("c", 1, s.ANNA)], "not possible while waiting"),
        ([*ONE, s.redacted("c", 2)], "revision 2 follows revision 0"),
        ([*PROPOSED, s.redacted("c", 1)], "revision 1 follows revision 1"),
        ([*PROPOSED, s.approved("c", 2)], "not the latest"),
        ([*PROPOSED, s.approved("c", 1, "another")], "another derivative"),
        ([*PROPOSED, s.approved("c"), s.approved("c")], "the same person approved it before"),
        ([*PROPOSED, s.approved("c", first=True), s.approved("c")], "the same person approved it before"),
        ([*PROPOSED, s.second_asked("c", 2)], "not the latest"),
        ([*PROPOSED, s.rejected("c"), s.second_asked("c")], "not possible while rejected"),
        ([*PROPOSED, s.rejected("c"), s.approved("c")], "not possible while rejected"),
    ],
)
def test_what_does_not_fit_is_noted(events: list[AnyEvent], words: str) -> None:
    (problem,) = fold(step, events).problems
    assert words in problem.words
    assert problem.event in {event.name for event in events}


def test_an_approval_of_something_else_approves_nothing() -> None:
    for wrong in (s.approved("c", 2), s.approved("c", 1, "another")):
        assert state_of(fold(step, [*PROPOSED, wrong]), "c") is ReviewState.PROPOSED


def test_a_second_picture_of_the_same_number_takes_the_approval_away() -> None:
    made = fold(step, [*PROPOSED, s.approved("c"), s.redacted("c", 1)])
    assert state_of(made, "c") is ReviewState.PROPOSED


def test_a_lost_record_hides_no_other() -> None:
    made = fold(step, [s.sealed("i", "a", "IMG_1.JPG"), s.sealed("i", "b", "IMG_2.JPG"), s.redacted("b", 2)])
    assert names(made, import_id="i") == ["IMG_1", "IMG_2"]
    assert state_of(made, "b") is ReviewState.PROPOSED
    assert made.imports()[0].model == ""


EVENTS = st.sampled_from(
    [
        *(s.started(i) for i in "ij"),
        *(s.finished(i) for i in "ij"),
        *(s.failed_file(i, "IMG_1.JPG") for i in "ij"),
        *(s.sealed(i, c, f"IMG_{m}.JPG", m) for i in "ij" for c in "cd" for m in MediaKind),
        *(s.redacted(c, r, a) for c in "cd" for r in (1, 2, 3) for a in (s.ANNA, KIOSK)),
        *(s.not_redacted(c, "IMG_jpeg.JPG", RedactCode.TRUNCATED) for c in "cd"),
        *(
            s.approved(c, r, actor=a, first=f)
            for c in "cd"
            for r in (1, 2, 3)
            for a in (s.ANNA, s.BERT)
            for f in (False, True)
        ),
        *(s.second_asked(c, r, a) for c in "cd" for r in (1, 2) for a in (s.ANNA, s.BERT)),
        *(s.rejected(c, r) for c in "cd" for r in (1, 2)),
        *(s.encounter(e) for e in "ef"),
        *(s.assigned(e, "c", "d") for e in "ef"),
        *(s.consent(e, "k") for e in "ef"),
        s.account("a", "anna"),
        s.recipient("r"),
        s.exported("x", "c"),
    ]
)


@given(st.lists(EVENTS, max_size=40))
def test_any_order_of_events_gives_a_catalogue_that_agrees_with_itself(events: list[AnyEvent]) -> None:
    made = fold(step, events)
    rows = made.captures().captures
    assert sum(view.captures for view in made.imports()) == len(rows)
    assert sum(view.assigned for view in made.imports()) == sum(row.encounter_id is not None for row in rows)
    for encounter in made.encounters():
        assert made.captures(encounter_id=encounter.encounter_id).total == encounter.captures
    for row in rows:
        view = made.capture(row.capture_id)
        assert view is not None
        assert view.row == row
        assert (view.approved is not None) == (row.state is ReviewState.APPROVED)
        if view.approved is not None:
            assert view.latest is not None
            assert view.approved.derivative_id == view.latest.derivative_id
            assert view.approved.revision == view.latest.revision == row.revision
        assert len(set(row.approvers)) == len(row.approvers), "somebody counts twice"
        if row.approvers:
            assert row.state in {ReviewState.APPROVED, ReviewState.NEEDS_SECOND}
    waiting = {original.capture_id for original in made.waiting()}
    assert waiting >= {row.capture_id for row in rows if row.state is ReviewState.WAITING}
    assert not waiting & {row.capture_id for row in rows if row.revision}


def test_a_no_in_one_encounter_counts_in_every_encounter_of_the_subject_and_a_yes_does_not() -> None:
    subject = Subject(mrn="1", issuer="H", name="", birth_date="")
    other = Subject(mrn="1", issuer="another hospital", name="", birth_date="")

    def answer(kind: ConsentKind) -> Terms:
        return Terms(
            kind=kind,
            purposes=(Purpose.PUBLICATION,),
            grantor=Grantor("x", Relationship.SELF),
            method=ConsentMethod.ORAL,
            language="en",
            starts="2026-01-01T00:00:00.000Z",
            expires="",
            text_version="en-1",
        )

    at, who = "2026-01-01T00:00:00.000Z", KIOSK
    said = [
        ("e1", ConsentKind.GRANT),
        ("e2", ConsentKind.WITHDRAWAL),
        ("e3", ConsentKind.REFUSAL),
        ("e2", ConsentKind.GRANT),
    ]
    catalog = fold(step, [])
    for name, of in (("e1", subject), ("e2", subject), ("e3", other)):
        catalog.apply(
            ev.EncounterCreated(at=at, actor=who, encounter_id=EncounterId(name), subject=of, label="")
        )
    for number, (name, kind) in enumerate(said):
        catalog.apply(
            ev.ConsentRecorded(
                at=at,
                actor=who,
                consent_id=ConsentId(str(number)),
                encounter_id=EncounterId(name),
                terms=answer(kind),
            )
        )

    def kinds(name: str) -> list[ConsentKind]:
        return [terms.kind for terms in catalog.answers(EncounterId(name))]

    assert kinds("e1") == [ConsentKind.GRANT, ConsentKind.WITHDRAWAL]
    assert kinds("e2") == [ConsentKind.WITHDRAWAL, ConsentKind.GRANT]
    assert kinds("e3") == [ConsentKind.REFUSAL]


def test_a_bad_jpeg_that_comes_later_does_not_undo_its_raw_file() -> None:
    raw = s.sealed("i", "c", "IMG_1.CR3", MediaKind.CR3, "o")
    jpeg = s.sealed("i", "c", "IMG_1.JPG", object_id="j")
    failed = msgspec.structs.replace(
        s.not_redacted("c", "x", RedactCode.TRUNCATED), original_id=ObjectId("j")
    )
    made = catalog(s.started("i"), raw, s.redacted("c"), s.approved("c"), jpeg, failed)
    assert state_of(made, "c") is ReviewState.APPROVED
    assert made.waiting() == ()


def test_the_raw_file_is_tried_when_its_jpeg_gives_nothing() -> None:
    raw = s.sealed("i", "c", "IMG_1.CR3", MediaKind.CR3, "r")
    jpeg = s.sealed("i", "c", "IMG_1.JPG", object_id="j")
    failed = msgspec.structs.replace(
        s.not_redacted("c", "x", RedactCode.TRUNCATED), original_id=ObjectId("j")
    )
    made = catalog(s.started("i"), raw, jpeg, failed)
    assert [original.object_id for original in made.waiting()] == ["r"]


def test_what_may_be_the_kiosks_fault_is_tried_again_three_times() -> None:
    jpeg = s.sealed("i", "c", "IMG_1.JPG", object_id="j")
    failed = msgspec.structs.replace(s.not_redacted("c", "x", RedactCode.TIMEOUT), original_id=ObjectId("j"))
    for times, left in ((1, 1), (2, 1), (3, 0)):
        made = catalog(s.started("i"), jpeg, *[failed] * times)
        assert len(made.waiting()) == left
        assert state_of(made, "c") is ReviewState.UNUSABLE
