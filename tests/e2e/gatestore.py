"""Fills a scratch kiosk's store with captures, each of which may leave but for what a test says of it.

The events are recorded as the daemon records them, and the daemon that reads them decides. So a state that
nobody can bring about at the console (an approved picture whose residual check failed) can be asked about.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from medkiosk.core import events as ev
from medkiosk.core import exportevents as out
from medkiosk.core.clock import Clock, rfc3339
from medkiosk.core.consent import Purpose, Subject, Terms
from medkiosk.core.ids import (
    KIOSK,
    AccountId,
    CaptureId,
    ConsentId,
    EncounterId,
    ImportId,
    ObjectId,
    RecipientId,
    new_id,
)
from medkiosk.core.photo import Finding, ImageRole, MediaKind, RedactCode
from medkiosk.core.slate import Slate, SlateKind
from medkiosk.journal import Fact
from medkiosk.vault.writer import PendingObject
from tests.bench.bigstore import Builder
from tests.export.build import jpeg
from tests.kiosk import ScratchKiosk, consent

WIDTH, HEIGHT = 64, 48
NOBODY = AccountId("a" * 32)
"""Who recorded all this: nobody whom the kiosk knows."""


@dataclass(frozen=True)
class Recipe:
    """One capture.

    Attributes:
        answers: what was said about it, in this order.
        findings: of its first revision.
        code: how that went.
        approved: whether it was approved.
        assigned: whether it belongs to an encounter.
        after: what happened to it then, made of its ids.
        born: its subject's birth date.
    """

    answers: Sequence[Terms] = field(default_factory=lambda: (consent(*Purpose),))
    findings: tuple[Finding, ...] = ()
    code: RedactCode = RedactCode.OK
    approved: bool = True
    assigned: bool = True
    after: Callable[[Filler, CaptureId], list[Fact]] = lambda _filler, _capture: []
    born: str = "1984-08-12"


class Filler:
    """Records captures and recipients in a store whose daemon is stopped.

    Args:
        kiosk: whose store.
        clock: what time it is there.
    """

    def __init__(self, kiosk: ScratchKiosk, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._builder = Builder(kiosk)
        self._made = 0
        self.import_id = ImportId(self._id())
        self._say(
            ev.ImportStarted(
                at=self._now(),
                actor=KIOSK,
                import_id=self.import_id,
                device_kind="card",
                model="",
                serial="",
                files=0,
            )
        )

    def close(self) -> None:
        """Let the daemon have the store."""
        self._builder.close()

    def capture(self, recipe: Recipe, number: int = 1) -> tuple[CaptureId, ...]:
        """Record captures of one subject, in one encounter."""
        encounter_id = EncounterId(self._id())
        subject = Subject(
            mrn=f"M{self._made}", issuer="Demo Hospital", name="Erika Mustermann", birth_date=recipe.born
        )
        facts = [
            Fact(
                ev.EncounterCreated(
                    at=self._now(), actor=NOBODY, encounter_id=encounter_id, subject=subject, label=""
                )
            )
        ]
        facts += [
            Fact(
                ev.ConsentRecorded(
                    at=self._now(),
                    actor=NOBODY,
                    consent_id=ConsentId(self._id()),
                    encounter_id=encounter_id,
                    terms=terms,
                )
            )
            for terms in recipe.answers
        ]
        ids = tuple(CaptureId(self._id()) for _ in range(number))
        for capture_id in ids:
            facts += self._picture(recipe, capture_id, encounter_id)
        self._builder.journal.commit(facts)
        return ids

    def revision(
        self,
        capture_id: CaptureId,
        number: int,
        actor: AccountId = KIOSK,
        findings: tuple[Finding, ...] = (),
        code: RedactCode = RedactCode.OK,
    ) -> Fact:
        """A derivative and its preview, really sealed."""
        made = [self._sealed(kind, data) for kind, data in (("derivative", _JPEG), ("preview", _PIXELS))]
        event = ev.Redacted(
            at=self._now(),
            actor=actor,
            capture_id=capture_id,
            original_id=ObjectId(self._id()),
            derivative_id=made[0].id,
            preview_id=made[1].id,
            revision=number,
            width=WIDTH,
            height=HEIGHT,
            preview_width=WIDTH,
            preview_height=HEIGHT,
            code=code,
            findings=findings,
            policy="default-3",
        )
        return Fact(event, tuple(made))

    def rejected(self, capture_id: CaptureId) -> Fact:
        """Somebody said no to it."""
        return Fact(
            ev.Rejected(at=self._now(), actor=NOBODY, capture_id=capture_id, revision=1, reason="blurred")
        )

    def role(self, capture_id: CaptureId, role: ImageRole) -> Fact:
        """Somebody said what the frame is for."""
        return Fact(ev.RoleGiven(at=self._now(), actor=NOBODY, capture_id=capture_id, role=role, reason="so"))

    def slate(self, capture_id: CaptureId) -> Fact:
        """A slate was read in it; said alone, as its role was taken back and approved again."""
        read = (Slate(SlateKind.OPEN, "00" * 16, 1_795_000_000),)
        return Fact(ev.SlateSeen(at=self._now(), actor=KIOSK, capture_id=capture_id, slates=read, foreign=0))

    def recipient(self, key: str, *, purposes: tuple[Purpose, ...] = (), days: int = 30) -> RecipientId:
        """Somebody who may receive pictures until so many days from now."""
        recipient_id = RecipientId(self._id())
        self._say(
            out.RecipientEnrolled(
                at=self._now(),
                actor=NOBODY,
                recipient_id=recipient_id,
                display_name="Dr. C",
                organisation="Elsewhere",
                age_recipient=key,
                expires=ahead(days),
                purposes=purposes or tuple(Purpose),
                heard=True,
            )
        )
        return recipient_id

    def started(self, at: datetime) -> None:
        """A record of that time."""
        self._say(ev.KioskStarted(at=rfc3339(at), actor=KIOSK, version="0", detectors=(), missing=()))

    def _picture(self, recipe: Recipe, capture_id: CaptureId, encounter_id: EncounterId) -> list[Fact]:
        original = self._sealed("original", _JPEG)
        facts = [
            Fact(
                ev.OriginalSealed(
                    at=self._now(),
                    actor=KIOSK,
                    import_id=self.import_id,
                    capture_id=capture_id,
                    object_id=original.id,
                    storage="card",
                    folder="/DCIM/100CANON",
                    file=f"IMG_{self._made:04d}.JPG",
                    size=len(_JPEG),
                    mtime=0,
                    media=MediaKind.JPEG,
                ),
                (original,),
            )
        ]
        made = self.revision(capture_id, 1, findings=recipe.findings, code=recipe.code)
        facts.append(made)
        if recipe.assigned:
            facts.append(
                Fact(
                    ev.Assigned(
                        at=self._now(),
                        actor=NOBODY,
                        encounter_id=encounter_id,
                        captures=(capture_id,),
                        reason="",
                    )
                )
            )
        if recipe.approved:
            assert isinstance(made.event, ev.Redacted)
            facts.append(
                Fact(
                    ev.Approved(
                        at=self._now(),
                        actor=NOBODY,
                        capture_id=capture_id,
                        revision=1,
                        derivative_id=made.event.derivative_id,
                    )
                )
            )
        return facts + recipe.after(self, capture_id)

    def _sealed(self, kind: str, data: bytes) -> PendingObject:
        writer = self._builder.journal.vault.start(kind)
        writer.write(data)
        return writer.finish()

    def _say(self, event: ev.AnyEvent) -> None:
        self._builder.journal.commit([Fact(event)])

    def _id(self) -> str:
        self._made += 1
        return new_id(os.urandom)

    def _now(self) -> str:
        return rfc3339(self._clock())


_JPEG = jpeg(1, (WIDTH, HEIGHT))
_PIXELS = bytes(WIDTH * HEIGHT * 3)


def ahead(days: int) -> str:
    """So many days from now, RFC 3339."""
    return rfc3339(datetime.now(UTC) + timedelta(days=days))
