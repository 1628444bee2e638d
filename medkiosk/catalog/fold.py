"""The catalogue: what the events, in their order, add up to. In memory only; made anew at each unlock.

Nothing here does I/O, and no event makes it fail, since a damaged record must not hide the others: one that
does not fit what came before is noted in `Catalog.problems` and, where nothing can be made of it, left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from medkiosk.catalog.circle import CircleEvent
from medkiosk.catalog.disposed import forget, unassign
from medkiosk.catalog.holdings import Capture, Detail, Encounter, Import, best_of
from medkiosk.catalog.identities import correct_subject, decided
from medkiosk.catalog.index import Index, short
from medkiosk.catalog.packed import detail_of
from medkiosk.catalog.problems import subject_of
from medkiosk.catalog.views import ConsentView, Problem
from medkiosk.core import accessevents as acc
from medkiosk.core import correctionevents as cor
from medkiosk.core import events as ev
from medkiosk.core import exportevents as out
from medkiosk.core import lifecycle as life
from medkiosk.core import settingsevents as stg
from medkiosk.core import siteevents as site
from medkiosk.core import trainingevents as train
from medkiosk.core.consent import subject_key
from medkiosk.core.ids import EncounterId
from medkiosk.core.photo import ImageRole, RedactCode, ReviewState

Judged = ev.Approved | ev.SecondAsked | ev.Rejected
Unnumbered = ev.RedactionFailed | ev.RoleGiven | site.Reopened
Reviewed = ev.Redacted | Judged | Unnumbered
Review = Callable[[ReviewState, Reviewed], ReviewState | None]
"""The review state machine (`medkiosk.review.machine.step`): the next state, or None if it is not allowed."""


_WORTH_ANOTHER_TRY = frozenset(
    {
        RedactCode.TIMEOUT, RedactCode.CRASHED, RedactCode.OUT_OF_MEMORY, RedactCode.PROTOCOL,
        RedactCode.INTERNAL, RedactCode.NO_DETECTOR,
    }
)  # fmt: skip
"""What may be the kiosk's fault and not the file's."""
_TRIES = 3


_OF_A_CAPTURE = (
    ev.OriginalSealed, ev.Redacted, ev.Viewed, ev.Approved, ev.Compared, ev.RoleGiven, ev.SlateSeen,
    ev.SlateClock, ev.OriginalAgain, ev.RedactionFailed, ev.SecondAsked, ev.Rejected, site.CaptureSites,
    site.Reopened,
)  # fmt: skip
_OF_AN_ENCOUNTER = (
    ev.EncounterCreated, ev.ConsentRecorded, ev.Assigned, life.RetentionSet, cor.SubjectCorrected,
    acc.TeamChanged, acc.EncounterRestricted, acc.RestrictionLifted, acc.GlassBroken, acc.GlassEnded,
    acc.GlassReviewed, site.EncounterSites,
)  # fmt: skip
"""Whose records speak of one capture, or of one encounter; the most frequent first."""


class Catalog(Index):
    """The index over all events.

    Args:
        review: the review state machine; handed in, because stages do not import each other.
    """

    def __init__(self, review: Review) -> None:
        super().__init__()
        self._review = review

    def apply(self, event: ev.AnyEvent, seq: int = 0, leaf: int = -1) -> None:
        """Take the next event. Never raises on one that does not fit; see `problems`.

        Args:
            event: what happened.
            seq: of its record, to find it again (`records_of`); 0 where there is none.
            leaf: ledger index of its entry; -1 where it is not known.
        """
        words = self._apply(event, leaf)
        if words:
            self.held.problems.append(
                Problem(event.at, event.name, words, subject_of(event), self._missing(event))
            )
        if seq:
            self._link(event, seq)
            self.held.trail.take(event, seq)

    def _missing(self, event: ev.AnyEvent) -> tuple[str, ...]:
        """The captures, encounters and objects that an event names and that are not there."""
        objects = (event.object_id,) if isinstance(event, ev.OriginalAgain) else ()
        captures = event.captures if isinstance(event, ev.Assigned) else ()
        return (
            *(id_ for id_ in objects if short(id_) not in self.held.objects),
            *(id_ for id_ in captures if id_ not in self.held.captures),
            *(
                id_
                for id_ in subject_of(event)
                if id_ not in self.held.captures and id_ not in self.held.encounters
            ),
        )

    def _link(self, event: ev.AnyEvent, seq: int) -> None:
        """Remember that a record speaks of a capture or an encounter."""
        if isinstance(event, _OF_A_CAPTURE):
            if isinstance(event, ev.Viewed) and not event.reason:
                return  # nothing but ids
            if event.capture_id and (capture := self.held.captures.get(event.capture_id)) is not None:
                self.held.shelf.change(capture).records += (seq,)
        elif isinstance(event, cor.CorrectionProposed | cor.CorrectionDecided):
            for capture_id in event.captures:
                if (capture := self.held.captures.get(capture_id)) is not None:
                    self.held.shelf.change(capture).records += (seq,)
            # What goes with its captures is found by them (`retention.scope`).
            of_captures = event.captures and not (isinstance(event, cor.CorrectionDecided) and event.identity)
            encounter = self.held.encounters.get(event.encounter_id)
            if encounter is not None and not of_captures:
                encounter.records += (seq,)
        elif isinstance(event, acc.PatientsListed):
            for encounter_id in event.encounters:
                if (encounter := self.held.encounters.get(encounter_id)) is not None:
                    encounter.records += (seq,)
        elif (
            isinstance(event, _OF_AN_ENCOUNTER)
            and (found := self.held.encounters.get(event.encounter_id)) is not None
        ):
            found.records += (seq,)

    def _apply(self, event: ev.AnyEvent, leaf: int) -> str:
        """Take an event; return why it does not fit, or nothing."""
        match event:
            case ev.OriginalSealed():
                return self._sealed(event)
            case ev.Redacted():
                return self._redacted(event, leaf)
            case ev.Viewed():
                self.held.circle.looked(event)
            case ev.Approved() | ev.SecondAsked() | ev.Rejected():
                return self._judged(event)
            case ev.RedactionFailed():
                return self._failed(event)
            case ev.RoleGiven() | site.Reopened():
                return self._role_given(event)
            case ev.SlateShown():
                return self._slate_shown(event)
            case ev.SlateSeen() | ev.SlateClock():
                return self._slate_seen(event)
            case ev.Compared():
                if (capture := self.held.captures.get(event.capture_id)) is None:
                    return "unknown capture"
                self.held.shelf.change(capture).compared = (event.revision, event.subject)
            case ev.Assigned():
                return self._assigned(event)
            case ev.ImportStarted():
                return self._started(event)
            case ev.FileFailed():
                if (import_ := self.held.imports.get(event.import_id)) is None:
                    return "unknown import"
                import_.failing.add((event.storage, event.folder, event.file))
                import_.files.add(event)
            case ev.OriginalAgain():
                return self._again(event)
            case ev.FileDeleting() | ev.FileDeleted() | ev.FileKept() | ev.FileUnclear():
                if (import_ := self.held.imports.get(event.import_id)) is None:
                    return "unknown import"
                import_.deletions.take(event)
            case ev.ImportFinished():
                if (import_ := self.held.imports.get(event.import_id)) is None:
                    return "unknown import"
                import_.finished = event
                import_.slates = self.slates.count
            case ev.EncounterCreated():
                if event.encounter_id in self.held.encounters:
                    return "the encounter exists"
                self.held.encounters[event.encounter_id] = Encounter(event)
                self.held.circle.created(event)
            case ev.ConsentRecorded():
                if (encounter := self.held.encounters.get(event.encounter_id)) is None:
                    return "unknown encounter"
                view = ConsentView(event.consent_id, event.encounter_id, event.at, event.actor, event.terms)
                encounter.consents.append(view)
                self.held.circle.joins(event.encounter_id, event.actor)
                self.held.said.setdefault(subject_key(encounter.subject), []).append(view)
            case ev.AccountCreated() | life.AccountClosed() | life.SlotChanged():
                return self.people.take(event)
            case acc.RolesChanged() | acc.DepartmentsSet():
                return self.people.take(event)
            case _ if isinstance(event, CircleEvent):
                return self.held.circle.take(event, self.held.encounters)
            case out.ExportPrepared() | out.Exported():
                captures = map(self.held.captures.get, event.captures)
                whose = tuple(EncounterId((each and each.encounter_id) or "") for each in captures)
                return self.held.outside.take(event, whose)
            case (
                out.RecipientEnrolled()
                | out.RecipientRevoked()
                | out.ExportFailed()
                | out.ExportAcknowledged()
                | out.RecallWritten()
                | out.RecallConfirmed()
                | out.RecallKept()
            ):
                return self.held.outside.take(event)
            case train.TrainingPassed() | train.TrainingFailed() | train.GuideTaken():
                return self.held.training.take(event)
            case stg.SettingsProposed() | stg.SettingsDecided():
                return self.held.settings.take(event)
            case cor.CorrectionProposed():
                return self.held.corrections.take(event)
            case cor.CorrectionDecided():
                return decided(self.held, event)
            case cor.SubjectCorrected():
                return correct_subject(self.held, event)
            case site.EncounterSites() | site.CaptureSites():
                return self.held.sites.take(event, self.held.encounters, self.held.captures)
            case life.HoldPlaced():
                if not (words := self.held.keeping.take(event)):
                    for id_ in event.encounters:
                        if (encounter := self.held.encounters.get(id_)) is not None:
                            self.held.keeping.came(id_, encounter.captures)
                return words
            case life.Disposed():
                forget(self.held, event.captures, event.encounters, event.objects)
                return self.held.keeping.take(event)
            case (
                life.RetentionSet()
                | life.HoldLifted()
                | life.DisposalProposed()
                | life.DisposalRefused()
                | life.DisposalApproved()
                | life.DisposalFinished()
            ):
                return self.held.keeping.take(event)
            case _:
                pass  # for an auditor, who reads the events themselves; or of what is kept, and where else
        return ""

    def _started(self, event: ev.ImportStarted) -> str:
        if event.import_id in self.held.imports:
            return "the import has started before"
        self.held.imports[event.import_id] = Import(event)
        return ""

    def _sealed(self, event: ev.OriginalSealed) -> str:
        if short(event.object_id) in self.held.objects:
            return "the object was sealed before"
        self.held.objects.add(short(event.object_id))
        words = ""
        if event.import_id not in self.held.imports:
            # One lost record must not hide a whole import: show its photos under a device without a name.
            words = "unknown import; it is listed without its device"
            start = ev.ImportStarted(
                at=event.at,
                actor=event.actor,
                import_id=event.import_id,
                device_kind="",
                model="",
                serial="",
                files=0,
            )
            self.held.imports[event.import_id] = Import(start)
        import_ = self.held.imports[event.import_id]
        if import_.failing:
            import_.failing.discard((event.storage, event.folder, event.file))
        self._add_file(import_, event)
        return words

    def _again(self, event: ev.OriginalAgain) -> str:
        if (import_ := self.held.imports.get(event.import_id)) is None:
            return "unknown import"
        import_.failing.discard((event.storage, event.folder, event.file))
        import_.files.add(event)
        return "" if short(event.object_id) in self.held.objects else "unknown object"

    def _add_file(self, import_: Import, event: ev.OriginalSealed) -> None:
        capture = self.held.captures.get(event.capture_id)
        if capture is None:
            capture = Capture(event.capture_id, len(self.held.numbered), import_.started.import_id)
            self.held.shelf.add(capture, Detail((event,)))
            self.held.captures[event.capture_id] = capture
            self.held.numbered.append(capture)
            import_.captures.append(capture)
            import_.files.add_sealed(capture.number, 0)
            self.held.waiting[event.capture_id] = event.object_id
            return
        detail = self.held.shelf.change(capture)
        before = detail.to_redact
        import_.files.add_sealed(capture.number, len(detail.originals))
        detail.originals += (event,)
        # The JPEG may come after its raw file, even after that was found to give no derivative.
        if detail.to_redact is not before and not detail.revisions:
            self.held.waiting[event.capture_id] = event.object_id

    def why_not(self, event: ev.AnyEvent) -> str:
        """Return why an event about a review would not fit now; empty if it would or is about another thing.

        Asked before such an event is recorded: what does not fit can never be taken back.
        """
        if not isinstance(event, Reviewed):
            return ""
        if (capture := self.held.captures.get(event.capture_id)) is None:
            return "unknown capture"
        if self._review(capture.state, event) is None:
            return f"not possible while {capture.state}"
        detail = detail_of(capture)
        if isinstance(event, ev.Approved) and detail.role is not ImageRole.CLINICAL:
            return f"a frame of the role {detail.role} is never approved"
        if isinstance(event, ev.Approved) and any(vote.actor == event.actor for vote in detail.votes):
            return "the same person approved it before"
        latest = detail.revision
        wanted = latest + 1 if isinstance(event, ev.Redacted) else latest
        if not isinstance(event, Unnumbered) and event.revision != wanted:
            return f"revision {latest} is the latest one"
        return ""

    def _redacted(self, event: ev.Redacted, leaf: int) -> str:
        if (capture := self.held.captures.get(event.capture_id)) is None:
            return "unknown capture"
        detail = self.held.shelf.change(capture)
        before = detail.revision
        if words := self._move(capture, detail, event):
            return words
        if event.revision <= before:
            # The move above took an approval away: with two pictures of one number, which was approved?
            return f"revision {event.revision} follows revision {before}"
        detail.revisions += (event,)
        detail.leaves += (leaf,)
        detail.code = event.code
        self.held.waiting.pop(event.capture_id, None)
        return "" if event.revision == before + 1 else f"revision {event.revision} follows revision {before}"

    def _failed(self, event: ev.RedactionFailed) -> str:
        if (capture := self.held.captures.get(event.capture_id)) is None:
            return "unknown capture"
        detail = self.held.shelf.change(capture)
        if detail.revisions and detail.revisions[-1].original_id != event.original_id:
            return ""  # another file of a shot that has its derivative
        if words := self._move(capture, detail, event):
            return words
        detail.code = event.code
        detail.tried[event.original_id] = detail.tried.get(event.original_id, 0) + 1
        if event.code in _WORTH_ANOTHER_TRY and detail.tried[event.original_id] < _TRIES:
            return ""  # at the next login
        self.held.waiting.pop(event.capture_id, None)
        rest = [file for file in detail.originals if file.object_id not in detail.tried]
        if not detail.revisions and (best := best_of(rest)) is not None:
            self.held.waiting[event.capture_id] = best.object_id
        return ""

    def _judged(self, event: Judged) -> str:
        if (capture := self.held.captures.get(event.capture_id)) is None:
            return "unknown capture"
        detail = self.held.shelf.change(capture)
        if not detail.revisions or event.revision != detail.revision:
            return f"revision {event.revision} is not the latest, {detail.revision}"
        if not isinstance(event, ev.Approved):
            if words := self._move(capture, detail, event):
                return words
            detail.asked = event if isinstance(event, ev.SecondAsked) else None
            return ""
        if detail.role is not ImageRole.CLINICAL:
            return f"a frame of the role {detail.role} is never approved"
        if event.derivative_id != detail.revisions[-1].derivative_id:
            return "another derivative was approved than this revision's"
        votes = detail.votes
        if any(vote.actor == event.actor for vote in votes):
            return "the same person approved it before"
        if words := self._move(capture, detail, event):
            return words
        detail.votes = (*votes, event)
        if not event.first:
            detail.approved, detail.asked = event, None
        return ""

    def _role_given(self, event: ev.RoleGiven | site.Reopened) -> str:
        if (capture := self.held.captures.get(event.capture_id)) is None:
            return "unknown capture"
        detail = self.held.shelf.change(capture)
        if words := self._move(capture, detail, event):
            return words
        if isinstance(event, ev.RoleGiven):
            detail.said = event
        return ""

    def _slate_shown(self, event: ev.SlateShown) -> str:
        # It counts all the same: the numbers of slates are places among all that were shown.
        words = self.slates.shown(event)
        return words or ("" if event.encounter_id in self.held.encounters else "unknown encounter")

    def _slate_seen(self, event: ev.SlateSeen | ev.SlateClock) -> str:
        if (capture := self.held.captures.get(event.capture_id)) is None:
            return "unknown capture"
        detail = self.held.shelf.change(capture)
        if isinstance(event, ev.SlateClock):
            detail.clocked = True
        else:
            detail.seen = event
            self.held.imports[capture.import_id].slated = True
        return ""

    def _move(self, capture: Capture, detail: Detail, event: Reviewed) -> str:
        after = self._review(capture.state, event)
        if after is None:
            return f"not possible while {capture.state}"
        capture.state = after
        detail.approved, detail.votes = None, ()
        return ""

    def _assigned(self, event: ev.Assigned) -> str:
        # It may be unknown because it was disposed of, and its records with it. Then its captures are
        # nobody's until they are moved on; those that were not went with it.
        encounter = self.held.encounters.get(event.encounter_id)
        self.held.keeping.came(event.encounter_id, event.captures)
        unknown = 0
        for capture_id in event.captures:
            if (capture := self.held.captures.get(capture_id)) is None:
                unknown += 1
                continue
            detail = self.held.shelf.change(capture)
            # Whoever approved it looked at it as another patient's.
            moves = detail.assigned_by is not None and capture.encounter_id != event.encounter_id
            if moves and capture.state in {ReviewState.APPROVED, ReviewState.NEEDS_SECOND}:
                capture.state = ReviewState.PROPOSED
                detail.approved, detail.votes = None, ()
            unassign(self.held, capture)
            detail.assigned_by = event.actor
            if encounter is not None:
                self.held.imports[capture.import_id].assigned += 1
                capture.encounter_id = event.encounter_id
                encounter.captures[capture_id] = capture
        if encounter is None:
            return "unknown encounter"
        if event.correction_id is msgspec.UNSET:  # a second person's yes is no work with the patient
            self.held.circle.joins(event.encounter_id, event.actor)
        return f"{unknown} unknown captures" if unknown else ""


def fold(review: Review, events: Iterable[ev.AnyEvent]) -> Catalog:
    """Build a catalogue from events in their order."""
    catalog = Catalog(review)
    for event in events:
        catalog.apply(event)
    return catalog
