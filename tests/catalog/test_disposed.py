"""A catalogue after disposals is the one that a kiosk reads whose records are gone (docs/retention.md)."""

from __future__ import annotations

import random
from typing import Any

import pytest

from medkiosk.catalog.fold import Catalog, fold
from medkiosk.core import correctionevents as cor
from medkiosk.core import events as ev
from medkiosk.core import lifecycle as life
from medkiosk.core.bodysite import FACE, NECK
from medkiosk.core.consent import Subject
from medkiosk.core.ids import (
    KIOSK,
    CaptureId,
    ConsentId,
    CorrectionId,
    DisposalId,
    EncounterId,
    HoldId,
    ImportId,
    RecordId,
)
from medkiosk.core.photo import ImageRole, ReviewState
from medkiosk.core.siteevents import CaptureSites, EncounterSites, Reopened
from medkiosk.core.slate import Slate, SlateKind
from medkiosk.retention.scope import goes
from medkiosk.review.machine import step
from tests.catalog import story
from tests.catalog.story import ANNA, AT, TERMS

ENCOUNTERS = [EncounterId(f"e{number}") for number in range(4)]


class Department:
    """A few imports of a few encounters, and what happens to them, drawn at random."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.events: list[ev.AnyEvent] = []
        self.captures: list[CaptureId] = []
        self.gone: set[str] = set()
        self.live = Catalog(step)

    def say(self, event: ev.AnyEvent) -> None:
        self.events.append(event)
        self.live.apply(event, seq=len(self.events))

    def begin(self) -> None:
        for encounter_id in ENCOUNTERS:
            subject = Subject(mrn=encounter_id, issuer="H", name="N " + encounter_id, birth_date="")
            self.say(
                ev.EncounterCreated(at=AT, actor=ANNA, encounter_id=encounter_id, subject=subject, label="")
            )
            self.say(
                ev.SlateShown(
                    at=AT,
                    actor=ANNA,
                    encounter_id=encounter_id,
                    token="t" + encounter_id,
                    kind=SlateKind.OPEN,
                )
            )
        for number in range(3):
            self.importing(number)

    def importing(self, number: int) -> None:
        import_id = f"i{number}"
        self.say(story.started(import_id))
        for shot in range(6):
            capture_id = CaptureId(f"c{number}{shot}")
            self.captures.append(capture_id)
            self.say(story.sealed(import_id, capture_id, f"IMG_{shot:04d}.JPG"))
            if self.random.random() < 0.3:
                self.again(import_id, capture_id)
        self.say(story.finished(import_id))

    def again(self, import_id: str, capture_id: CaptureId) -> None:
        object_id = self.live.capture(capture_id).originals[0].object_id  # type: ignore[union-attr]
        self.say(
            ev.OriginalAgain(
                at=AT, actor=KIOSK, import_id=ImportId(import_id), capture_id=capture_id, object_id=object_id,
                storage="s2", folder="DCIM", file="COPY.JPG", size=1, mtime=0,
            )
        )  # fmt: skip

    def happen(self) -> None:
        """One thing that the kiosk would accept now."""
        capture_id = self.random.choice([c for c in self.captures if c not in self.gone] or [CaptureId("")])
        view = self.live.capture(capture_id)
        if view is None:
            return
        revision = view.row.revision
        common: Any = {"at": AT, "actor": ANNA, "capture_id": capture_id}
        events: list[ev.AnyEvent] = [
            story.redacted(capture_id, revision + 1),
            ev.RoleGiven(**common, role=self.random.choice(list(ImageRole)), reason="r"),
            ev.Viewed(**common, what=ev.What.PREVIEW, revision=revision, reason="r"),
            ev.SlateSeen(**common, slates=(Slate(SlateKind.OPEN, "te0", 1),), foreign=0),
            ev.Compared(**common, revision=revision, subject="00"),
            self.assigned(),
            self.assigned(),
            self.consented(),
            self.sited(capture_id),
            self.exported(),
        ]
        if self.random.random() < 0.3:
            for each in self.corrected():
                self.say(each)
            return
        if view.latest is not None and view.row.role is ImageRole.CLINICAL:
            approved = ev.Approved(**common, revision=revision, derivative_id=view.latest.derivative_id)
            events += [approved, approved, approved, Reopened(**common)]
        event = self.random.choice(events)
        if not self.live.why_not(event):
            self.say(event)

    def some(self) -> tuple[CaptureId, ...]:
        there = [capture_id for capture_id in self.captures if capture_id not in self.gone]
        return tuple(self.random.sample(there, min(len(there), self.random.randint(1, 4))))

    def here(self) -> EncounterId:
        return self.random.choice([e for e in ENCOUNTERS if e not in self.gone])

    def assigned(self) -> ev.Assigned:
        return ev.Assigned(at=AT, actor=ANNA, encounter_id=self.here(), captures=self.some(), reason="r")

    def sited(self, capture_id: CaptureId) -> ev.AnyEvent:
        sites = self.random.choice([(), (FACE,), (FACE, NECK), (NECK,)])
        if self.random.random() < 0.5:
            return EncounterSites(at=AT, actor=ANNA, encounter_id=self.here(), sites=sites)
        return CaptureSites(at=AT, actor=ANNA, capture_id=capture_id, sites=sites or None)

    def consented(self) -> ev.AnyEvent:
        if self.random.random() < 0.5:
            return life.RetentionSet(
                at=AT, actor=ANNA, encounter_id=self.here(), retention=life.RetentionClass.ADULT, until="",
                reason="r",
            )  # fmt: skip
        consent_id = ConsentId(self.random.randbytes(4).hex())
        return ev.ConsentRecorded(
            at=AT, actor=ANNA, consent_id=consent_id, encounter_id=self.here(), terms=TERMS
        )

    def corrected(self) -> list[ev.AnyEvent]:
        """A correction of pictures or of an identity, decided or not."""
        id_ = CorrectionId(self.random.randbytes(4).hex())
        encounter_id = self.here()
        common: Any = {"at": AT, "actor": ANNA, "correction_id": id_, "encounter_id": encounter_id}
        outcome = self.random.choice(list(cor.Outcome))
        done = outcome is cor.Outcome.APPROVED
        if self.random.random() < 0.5:
            captures = self.some()
            events: list[ev.AnyEvent] = [
                cor.CorrectionProposed(**common, reason="r", captures=captures),
                cor.CorrectionDecided(**common, outcome=outcome, captures=captures),
            ]
            moved = ev.Assigned(at=AT, actor=ANNA, encounter_id=encounter_id, captures=captures, reason="r")
            return [*events, moved] if done else events[: self.random.randint(1, 2)]
        view = self.live.encounter(encounter_id)
        assert view is not None
        subject = Subject(mrn=self.random.choice("xyz"), issuer="H", name="N", birth_date="")
        mine = self.live.captures(encounter_id=encounter_id).captures if done else ()
        events = [
            cor.CorrectionProposed(**common, reason="r", before=view.subject, subject=subject),
            cor.CorrectionDecided(
                **common, outcome=outcome, captures=tuple(row.capture_id for row in mine), identity=True
            ),
        ]
        right = cor.SubjectCorrected(**common, subject=subject)
        return [*events, right] if done else events[: self.random.randint(1, 2)]

    def exported(self) -> ev.AnyEvent:
        return story.exported(self.random.randbytes(4).hex(), *self.some())

    def dispose(self) -> None:
        """Of an encounter with all its captures, or of a few captures alone."""
        encounters: tuple[EncounterId, ...] = ()
        captures = self.some() if self.captures else ()
        if self.random.random() < 0.6 and len(set(ENCOUNTERS) - self.gone) > 1:
            encounters = (self.here(),)
            captures = tuple(c.capture_id for c in self.live.captures(encounter_id=encounters[0]).captures)
        disposal_id = DisposalId(self.random.randbytes(4).hex())
        objects = self.live.objects_of(captures)
        records = [
            seq
            for seq in self.live.records_of(captures, encounters)
            if goes(self.events[seq - 1], frozenset({*captures, *self.gone}), frozenset(encounters))  # type: ignore[arg-type]
        ]
        self.say(
            life.DisposalProposed(
                at=AT, actor=ANNA, disposal_id=disposal_id, encounters=encounters, captures=captures,
                reason="r", authority="a", early=True,
            )
        )  # fmt: skip
        self.say(life.DisposalApproved(at=AT, actor=KIOSK, disposal_id=disposal_id))
        self.say(
            life.Disposed(
                at=AT, actor=KIOSK, disposal_id=disposal_id, encounters=encounters, captures=captures,
                objects=objects, records=tuple(RecordId(str(seq)) for seq in records),
            )
        )  # fmt: skip
        self.say(life.DisposalFinished(at=AT, actor=KIOSK, disposal_id=disposal_id, blobs=1, trimmed=False))
        self.gone.update(captures, encounters)

    def left(self) -> list[ev.AnyEvent]:
        """The events whose records still open."""
        gone = {
            int(record)
            for event in self.events
            if isinstance(event, life.Disposed)
            for record in event.records
        }
        return [event for number, event in enumerate(self.events, 1) if number not in gone]


def answers(catalog: Catalog) -> dict[str, object]:
    """Everything that anybody can ask."""
    return {
        "problems": catalog.problems,
        "imports": [
            (view, catalog.receipt(view.import_id), catalog.series(view.import_id), to_file)
            for view in catalog.imports()
            for to_file in [catalog.imports_to_file([view.import_id])]
        ],
        "captures": [catalog.capture(row.capture_id) for row in catalog.captures().captures],
        "encounters": [
            (view, catalog.answers(view.encounter_id), catalog.captures(encounter_id=view.encounter_id))
            for view in catalog.encounters()
        ],
        "waiting": catalog.waiting(),
        "exports": [catalog.exports(CaptureId(f"c{i}{shot}")) for i in range(3) for shot in range(6)],
        "classes": catalog.keeping.classes,
        "corrections": catalog.corrections.all,
        "sites": (catalog.sites.encounters, catalog.sites.captures),
        "then": [export.then for export in catalog.outside.exports.values()],
        "disposals": catalog.keeping.disposals,
        "gone": catalog.keeping.gone,
    }


@pytest.mark.parametrize("seed", range(60))
def test_reading_what_is_left_gives_the_catalogue_that_is_live(seed: int) -> None:
    department = Department(seed)
    department.begin()
    for _ in range(4):
        for _ in range(department.random.randint(5, 40)):
            department.happen()
        department.dispose()
    again = fold(step, department.left())
    assert answers(again) == answers(department.live)
    assert not again.problems
    for capture_id in department.gone:
        assert department.live.capture(CaptureId(capture_id)) is None
        assert department.live.encounter(EncounterId(capture_id)) is None


def test_an_approval_does_not_come_back_because_the_other_patient_was_disposed_of() -> None:
    department = Department(0)
    department.begin()
    capture_id = department.captures[0]

    def assigned(encounter_id: str, *captures: CaptureId) -> ev.Assigned:
        return ev.Assigned(
            at=AT, actor=ANNA, encounter_id=EncounterId(encounter_id), captures=captures, reason=""
        )

    department.say(assigned("e0", capture_id, department.captures[1]))
    department.say(story.redacted(capture_id, 1))
    view = department.live.capture(capture_id)
    assert view is not None
    assert view.latest is not None
    department.say(
        ev.Approved(
            at=AT, actor=ANNA, capture_id=capture_id, revision=1, derivative_id=view.latest.derivative_id
        )
    )
    department.say(assigned("e1", capture_id))
    department.say(
        life.Disposed(
            at=AT, actor=KIOSK, disposal_id=DisposalId("d"), encounters=(EncounterId("e0"),),
            captures=(department.captures[1],), objects=(), records=(RecordId("1"),),
        )
    )  # fmt: skip
    for catalog in (department.live, fold(step, department.left())):
        after = catalog.capture(capture_id)
        assert after is not None
        assert after.row.state is ReviewState.PROPOSED
        assert after.approved is None


def test_holds_come_and_go() -> None:
    keeping = Catalog(step).keeping
    hold = life.HoldPlaced(
        at=AT, actor=ANNA, hold_id=HoldId("h"), encounters=(EncounterId("e"),), captures=(CaptureId("c"),),
        reason="r", authority="a",
    )  # fmt: skip
    assert keeping.take(hold) == ""
    assert keeping.take(hold) == "the hold exists"
    assert keeping.holds == {HoldId("h"): hold}
    assert keeping.bound == {HoldId("h"): {CaptureId("c")}}
    lifted = life.HoldLifted(at=AT, actor=ANNA, hold_id=HoldId("h"), reason="r")
    assert keeping.take(lifted) == ""
    assert keeping.take(lifted) == "unknown hold"
    assert not keeping.holds
    assert not keeping.bound
