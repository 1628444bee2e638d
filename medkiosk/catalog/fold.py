"""The catalogue: what the events, in their order, add up to. In memory only; made anew at each unlock.

Nothing here does I/O, and no event makes it fail, since a damaged record must not hide the others: one that
does not fit what came before is noted in `Catalog.problems` and, where nothing can be made of it, left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from medkiosk.catalog.holdings import (
    Capture,
    Encounter,
    Import,
    best_of,
    encounter_view,
    import_view,
    row_of,
)
from medkiosk.catalog.people import People
from medkiosk.catalog.slates import Slates
from medkiosk.catalog.views import (
    CapturePage,
    CaptureView,
    ConsentView,
    EncounterView,
    ImportView,
    Problem,
    ReceiptPage,
    Series,
)
from medkiosk.core import events as ev
from medkiosk.core import lifecycle as life
from medkiosk.core.consent import ConsentKind, Terms
from medkiosk.core.ids import AccountId, CaptureId, EncounterId, ImportId, ObjectId, RecipientId
from medkiosk.core.photo import ImageRole, RedactCode, ReviewState

Reviewed = ev.Redacted | ev.RedactionFailed | ev.Approved | ev.Rejected | ev.RoleGiven
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


class Catalog:
    """The index over all events.

    Args:
        review: the review state machine; handed in, because stages do not import each other.
    """

    def __init__(self, review: Review) -> None:
        self._review = review
        self._imports: dict[ImportId, Import] = {}
        self._captures: dict[CaptureId, Capture] = {}
        self._objects: set[ObjectId] = set()
        self._waiting: dict[CaptureId, ev.OriginalSealed] = {}
        self._encounters: dict[EncounterId, Encounter] = {}
        self.slates = Slates()
        self._said: dict[tuple[str, str], list[ConsentView]] = {}  # by issuer and number
        self.people = People()
        self._recipients: dict[RecipientId, ev.RecipientEnrolled] = {}
        self._exports: dict[CaptureId, list[ev.Exported]] = {}
        self._problems: list[Problem] = []

    # Building

    def apply(self, event: ev.AnyEvent) -> None:
        """Take the next event. Never raises on one that does not fit; see `problems`."""
        words = self._apply(event)
        if words:
            self._problems.append(Problem(event.at, event.name, words))

    def _apply(self, event: ev.AnyEvent) -> str:
        """Take an event; return why it does not fit, or nothing."""
        match event:
            case ev.OriginalSealed():
                return self._sealed(event)
            case ev.Redacted():
                return self._redacted(event)
            case ev.Approved() | ev.Rejected():
                return self._judged(event)
            case ev.RedactionFailed():
                return self._failed(event)
            case ev.RoleGiven():
                return self._role_given(event)
            case ev.SlateShown():
                return self._slate_shown(event)
            case ev.SlateSeen() | ev.SlateClock():
                return self._slate_seen(event)
            case ev.Compared():
                if (capture := self._captures.get(event.capture_id)) is None:
                    return "unknown capture"
                capture.compared = (event.revision, event.subject)
            case ev.Assigned():
                return self._assigned(event)
            case ev.ImportStarted():
                return self._started(event)
            case ev.FileFailed():
                if (import_ := self._imports.get(event.import_id)) is None:
                    return "unknown import"
                import_.failing.add((event.storage, event.folder, event.file))
                import_.files.append(event)
            case ev.OriginalAgain():
                return self._again(event)
            case ev.ImportFinished():
                if (import_ := self._imports.get(event.import_id)) is None:
                    return "unknown import"
                import_.finished = event
                import_.slates = self.slates.count
            case ev.EncounterCreated():
                if event.encounter_id in self._encounters:
                    return "the encounter exists"
                self._encounters[event.encounter_id] = Encounter(event)
            case ev.ConsentRecorded():
                if (encounter := self._encounters.get(event.encounter_id)) is None:
                    return "unknown encounter"
                view = ConsentView(event.consent_id, event.encounter_id, event.at, event.actor, event.terms)
                encounter.consents.append(view)
                subject = encounter.created.subject
                self._said.setdefault((subject.issuer, subject.mrn), []).append(view)
            case ev.AccountCreated() | life.AccountClosed() | life.SlotChanged():
                return self.people.take(event)
            case ev.RecipientEnrolled():
                if event.recipient_id in self._recipients:
                    return "the recipient exists"
                self._recipients[event.recipient_id] = event
            case ev.Exported():
                for capture_id in event.captures:
                    self._exports.setdefault(capture_id, []).append(event)
            case (
                ev.KioskStarted()
                | ev.CameraClock()
                | ev.FileDeleted()
                | ev.FileDeleting()
                | ev.FileKept()
                | ev.FileUnclear()
                | ev.ExportPrepared()
                | ev.ExportFailed()
                | ev.LoggedIn()
                | ev.LoginFailed()
                | ev.LoggedOut()
                | ev.Viewed()
                | ev.ExportRefused()
            ):
                pass  # of interest to an auditor, who reads the events themselves
            case _:
                pass  # `AnyLifecycle`: what is kept, for how long and where else
        return ""

    def _started(self, event: ev.ImportStarted) -> str:
        if event.import_id in self._imports:
            return "the import has started before"
        self._imports[event.import_id] = Import(event)
        return ""

    def _sealed(self, event: ev.OriginalSealed) -> str:
        if event.object_id in self._objects:
            return "the object was sealed before"
        self._objects.add(event.object_id)
        words = ""
        if event.import_id not in self._imports:
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
            self._imports[event.import_id] = Import(start)
        import_ = self._imports[event.import_id]
        if import_.failing:
            import_.failing.discard((event.storage, event.folder, event.file))
        import_.files.append(event)
        self._add_file(import_, event)
        return words

    def _again(self, event: ev.OriginalAgain) -> str:
        if (import_ := self._imports.get(event.import_id)) is None:
            return "unknown import"
        import_.failing.discard((event.storage, event.folder, event.file))
        import_.files.append(event)
        return "" if event.object_id in self._objects else "unknown object"

    def _add_file(self, import_: Import, event: ev.OriginalSealed) -> None:
        capture = self._captures.get(event.capture_id)
        if capture is None:
            capture = Capture(len(self._captures), (event,))
            self._captures[event.capture_id] = capture
            import_.captures.append(capture)
            self._waiting[event.capture_id] = event
            return
        before = capture.to_redact
        capture.originals += (event,)
        # The JPEG may come after its raw file, even after that was found to give no derivative.
        if capture.to_redact is not before and not capture.revisions:
            self._waiting[event.capture_id] = event

    def why_not(self, event: ev.AnyEvent) -> str:
        """Return why an event about a review would not fit now; empty if it would or is about another thing.

        Asked before such an event is recorded: what does not fit can never be taken back.
        """
        if not isinstance(event, Reviewed):
            return ""
        if (capture := self._captures.get(event.capture_id)) is None:
            return "unknown capture"
        if self._review(capture.state, event) is None:
            return f"not possible while {capture.state}"
        if isinstance(event, ev.Approved) and capture.role is not ImageRole.CLINICAL:
            return f"a frame of the role {capture.role} is never approved"
        latest = capture.revision
        wanted = latest + 1 if isinstance(event, ev.Redacted) else latest
        if not isinstance(event, ev.RedactionFailed | ev.RoleGiven) and event.revision != wanted:
            return f"revision {latest} is the latest one"
        return ""

    def _redacted(self, event: ev.Redacted) -> str:
        if (capture := self._captures.get(event.capture_id)) is None:
            return "unknown capture"
        before = capture.revision
        if words := self._move(capture, event):
            return words
        if event.revision <= before:
            # The move above took an approval away: with two pictures of one number, which was approved?
            return f"revision {event.revision} follows revision {before}"
        capture.revisions += (event,)
        capture.code = event.code
        self._waiting.pop(event.capture_id, None)
        return "" if event.revision == before + 1 else f"revision {event.revision} follows revision {before}"

    def _failed(self, event: ev.RedactionFailed) -> str:
        if (capture := self._captures.get(event.capture_id)) is None:
            return "unknown capture"
        if capture.revisions and capture.revisions[-1].original_id != event.original_id:
            return ""  # another file of a shot that has its derivative
        if words := self._move(capture, event):
            return words
        capture.code = event.code
        capture.tried[event.original_id] = capture.tried.get(event.original_id, 0) + 1
        if event.code in _WORTH_ANOTHER_TRY and capture.tried[event.original_id] < _TRIES:
            return ""  # at the next login
        self._waiting.pop(event.capture_id, None)
        rest = [file for file in capture.originals if file.object_id not in capture.tried]
        if not capture.revisions and (best := best_of(rest)) is not None:
            self._waiting[event.capture_id] = best
        return ""

    def _judged(self, event: ev.Approved | ev.Rejected) -> str:
        if (capture := self._captures.get(event.capture_id)) is None:
            return "unknown capture"
        if not capture.revisions or event.revision != capture.revision:
            return f"revision {event.revision} is not the latest, {capture.revision}"
        if isinstance(event, ev.Rejected):
            return self._move(capture, event)
        if capture.role is not ImageRole.CLINICAL:
            return f"a frame of the role {capture.role} is never approved"
        if event.derivative_id != capture.revisions[-1].derivative_id:
            return "another derivative was approved than this revision's"
        if words := self._move(capture, event):
            return words
        capture.approved = event
        return ""

    def _role_given(self, event: ev.RoleGiven) -> str:
        if (capture := self._captures.get(event.capture_id)) is None:
            return "unknown capture"
        if words := self._move(capture, event):
            return words
        capture.said = event
        return ""

    def _slate_shown(self, event: ev.SlateShown) -> str:
        if event.encounter_id not in self._encounters:
            return "unknown encounter"
        return self.slates.shown(event)

    def _slate_seen(self, event: ev.SlateSeen | ev.SlateClock) -> str:
        if (capture := self._captures.get(event.capture_id)) is None:
            return "unknown capture"
        if isinstance(event, ev.SlateClock):
            capture.clocked = True
        else:
            capture.seen = event
            self._imports[capture.originals[0].import_id].slated = True
        return ""

    def _move(self, capture: Capture, event: Reviewed) -> str:
        after = self._review(capture.state, event)
        if after is None:
            return f"not possible while {capture.state}"
        capture.state = after
        capture.approved = None
        return ""

    def _assigned(self, event: ev.Assigned) -> str:
        if (encounter := self._encounters.get(event.encounter_id)) is None:
            return "unknown encounter"
        unknown = 0
        for capture_id in event.captures:
            if (capture := self._captures.get(capture_id)) is None:
                unknown += 1
                continue
            if capture.encounter_id is None:
                self._imports[capture.originals[0].import_id].assigned += 1
            else:
                del self._encounters[capture.encounter_id].captures[capture_id]
                # Whoever approved it looked at it as another patient's.
                if capture.encounter_id != event.encounter_id and capture.state is ReviewState.APPROVED:
                    capture.state = ReviewState.PROPOSED
                    capture.approved = None
            capture.encounter_id = event.encounter_id
            capture.assigned_by = event.actor
            encounter.captures[capture_id] = capture
        return f"{unknown} unknown captures" if unknown else ""

    # Asking

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The events that did not fit, in order."""
        return tuple(self._problems)

    def accounts(self) -> tuple[ev.AccountCreated, ...]:
        """All accounts, oldest first."""
        return tuple(self.people.accounts.values())

    def account(self, account_id: AccountId) -> ev.AccountCreated | None:
        """The account with this id."""
        return self.people.accounts.get(account_id)

    def account_of(self, user: str) -> ev.AccountCreated | None:
        """The account with this user name."""
        return self.people.of(user)

    def imports(self) -> tuple[ImportView, ...]:
        """All imports, newest first."""
        return tuple(import_view(import_) for import_ in reversed(self._imports.values()))

    def receipt(self, import_id: ImportId, offset: int = 0, limit: int = 500) -> ReceiptPage | None:
        """What became of each file that one import had to read, in the order in which it was known.

        Files that were acknowledged by an earlier import are in that one's receipt, and counted here.
        """
        if (import_ := self._imports.get(import_id)) is None:
            return None
        start = max(offset, 0)
        return ReceiptPage(
            import_view(import_),
            import_.started.files,
            tuple(import_.files[start : start + max(limit, 0)]),
            sum(isinstance(file, ev.OriginalSealed) for file in import_.files),
            sum(isinstance(file, ev.OriginalAgain) for file in import_.files),
            len(import_.files),
            import_.finished,
        )

    def captures(
        self,
        import_id: ImportId | None = None,
        encounter_id: EncounterId | None = None,
        state: ReviewState | None = None,
        offset: int = 0,
        limit: int = 500,
    ) -> CapturePage:
        """Captures that match every filter given, in import order.

        An import or encounter that does not exist has none.
        """
        pool: Collection[Capture] = self._captures.values()
        if encounter_id is not None:
            encounter = self._encounters.get(encounter_id)
            pool = sorted(encounter.captures.values(), key=lambda c: c.number) if encounter else ()
        elif import_id is not None:
            import_ = self._imports.get(import_id)
            pool = import_.captures if import_ else ()
        matching = [
            capture
            for capture in pool
            if (state is None or capture.state is state)
            and (import_id is None or capture.originals[0].import_id == import_id)
        ]
        offset, limit = max(offset, 0), max(limit, 0)
        return CapturePage(tuple(map(row_of, matching[offset : offset + limit])), len(matching))

    def capture(self, capture_id: CaptureId) -> CaptureView | None:
        """One capture with its files and revisions."""
        if (capture := self._captures.get(capture_id)) is None:
            return None
        revision, subject = capture.compared
        return CaptureView(
            row_of(capture),
            capture.originals,
            capture.revisions,
            capture.approved,
            capture.assigned_by,
            compared=subject if revision == capture.revision else "",
            said=capture.said,
        )

    def waiting(self) -> tuple[ev.OriginalSealed, ...]:
        """The originals that redaction has not been tried on yet, one a capture, oldest first.

        It is the capture's best file: the JPEG, else the HEIF, else the RAW, else the first, of which no
        derivative can be made: trying it gives the reason.
        """
        return tuple(self._waiting.values())

    def series(self, import_id: ImportId) -> Series:
        """The frames of an import, to say whose they are; none of an import that does not exist."""
        if (import_ := self._imports.get(import_id)) is None:
            return Series((), 0, whole=False)
        return Series(
            tuple(map(self.slates.frame, import_.captures)), import_.slates, whole=self._whole(import_)
        )

    def _whole(self, import_: Import) -> bool:
        """Whether it ended and every capture was looked at; the last ones are looked at last."""
        waiting = (each.originals[0].capture_id in self._waiting for each in reversed(import_.captures))
        return import_.finished is not None and not any(waiting)

    def import_of(self, capture_id: CaptureId) -> ImportId | None:
        """The import that a capture's first file came with."""
        capture = self._captures.get(capture_id)
        return capture.originals[0].import_id if capture else None

    def imports_to_file(self, among: Iterable[ImportId] | None = None) -> tuple[ImportId, ...]:
        """Imports of which slates can say whose their frames are.

        They ended, all of them was looked at, one frame shows a slate, and some belong to no encounter.

        Args:
            among: those to look at; else all, oldest first.
        """
        return tuple(
            id_
            for id_ in (self._imports if among is None else among)
            if (each := self._imports.get(id_)) is not None
            and each.slated
            and each.assigned < len(each.captures)
            and self._whole(each)
        )

    def encounters(self) -> tuple[EncounterView, ...]:
        """All encounters, newest first."""
        return tuple(encounter_view(encounter) for encounter in reversed(self._encounters.values()))

    def encounter(self, encounter_id: EncounterId) -> EncounterView | None:
        """One encounter."""
        encounter = self._encounters.get(encounter_id)
        return encounter_view(encounter) if encounter else None

    def answers(self, encounter_id: EncounterId) -> tuple[Terms, ...]:
        """Everything that counts when consent for an encounter's pictures is decided, in recorded order.

        That is the encounter's own answers, and every refusal and withdrawal of the same subject in any
        other encounter: whoever says no once must not have to say it again at each visit.
        """
        if (encounter := self._encounters.get(encounter_id)) is None:
            return ()
        subject = encounter.created.subject
        said = self._said.get((subject.issuer, subject.mrn), [])
        return tuple(
            view.terms
            for view in said
            if view.encounter_id == encounter_id or view.terms.kind is not ConsentKind.GRANT
        )

    def recipients(self) -> tuple[ev.RecipientEnrolled, ...]:
        """All recipients, oldest first."""
        return tuple(self._recipients.values())

    def recipient(self, recipient_id: RecipientId) -> ev.RecipientEnrolled | None:
        """The recipient with this id."""
        return self._recipients.get(recipient_id)

    def exports(self, capture_id: CaptureId) -> tuple[ev.Exported, ...]:
        """Every export that this capture left in, oldest first."""
        return tuple(self._exports.get(capture_id, ()))


def fold(review: Review, events: Iterable[ev.AnyEvent]) -> Catalog:
    """Build a catalogue from events in their order."""
    catalog = Catalog(review)
    for event in events:
        catalog.apply(event)
    return catalog
