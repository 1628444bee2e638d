"""Years of events, the same ones for the same seed: imports, redaction, encounters, review."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from medkiosk.core import events as ev
from medkiosk.core import exportevents as out
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import (
    ConsentKind,
    ConsentMethod,
    Grantor,
    Purpose,
    Relationship,
    Subject,
    Terms,
    subject_digest,
)
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
from medkiosk.core.photo import Box, Category, Decision, Finding, ImageRole, MediaKind, RedactCode
from medkiosk.core.quality import Advice, Quality
from medkiosk.core.slate import Slate, SlateKind

PER_IMPORT, PER_ENCOUNTER, FINDINGS = 500, 10, 4
_MODELS = [(Category.FACE, "centerface/1"), (Category.TEXT, "pp-ocr/4"), (Category.CODE, "zxing/2")]


class Years:
    """Makes the events of some years, the same ones for the same seed.

    Args:
        captures: how many.
        actor: whose account id the people's events have.
    """

    def __init__(self, captures: int, actor: str = "a" * 32, seed: int = 1) -> None:
        self._captures = captures
        self._random = random.Random(seed)
        self._actor = AccountId(actor)
        self._clock = 1_750_000_000_000
        self._models = [(*each, self._random.randbytes(32).hex()) for each in _MODELS]

    def __iter__(self) -> Iterator[ev.AnyEvent]:
        yield out.RecipientEnrolled(
            **self._kiosk(),
            recipient_id=RecipientId(self._id()),
            display_name="Dr Far",
            organisation="Elsewhere",
            age_recipient="age1" + "q" * 58,
            expires="2036-05-01T09:00:00.000Z",
        )
        for first in range(0, self._captures, PER_IMPORT):
            yield from self._import(first, min(PER_IMPORT, self._captures - first))

    def _id(self) -> str:
        return self._random.randbytes(16).hex()

    def _at(self) -> str:
        self._clock += self._random.randrange(10, 4000)
        return rfc3339(datetime.fromtimestamp(self._clock / 1000, UTC))

    def _kiosk(self) -> dict[str, Any]:
        return {"at": self._at(), "actor": KIOSK}

    def _person(self) -> dict[str, Any]:
        return {"at": self._at(), "actor": self._actor}

    def _import(self, first: int, count: int) -> Iterator[ev.AnyEvent]:
        yield ev.LoggedIn(**self._person())
        import_id = ImportId(self._id())
        yield ev.ImportStarted(
            **self._kiosk(),
            import_id=import_id,
            device_kind="camera",
            model="Canon EOS R6",
            serial="012345678901",
            files=count + count // 3,
        )
        captures = []
        for number in range(first, first + count):
            capture_id = CaptureId(self._id())
            original = ObjectId(self._id())
            captures.append((capture_id, original))
            yield self._sealed(import_id, capture_id, original, number, MediaKind.JPEG)
            if number % 3 == 0:
                yield self._sealed(import_id, capture_id, ObjectId(self._id()), number, MediaKind.CR3)
        yield ev.ImportFinished(
            **self._kiosk(),
            import_id=import_id,
            files=count + count // 3,
            bytes=count * 8_000_000,
            already=0,
            failed=0,
            safe=True,
            expendable=True,
        )
        derivatives = []
        for capture_id, original in captures:
            derivatives.append(ObjectId(self._id()))
            yield self._redacted(capture_id, original, derivatives[-1])
        for start in range(0, count, PER_ENCOUNTER):
            group = list(zip(captures, derivatives, strict=True))[start : start + PER_ENCOUNTER]
            yield from self._encounter([(c, d) for (c, _), d in group])
        yield ev.LoggedOut(**self._person(), reason="logout")

    def _sealed(
        self, import_id: ImportId, capture_id: CaptureId, object_id: ObjectId, number: int, media: MediaKind
    ) -> ev.OriginalSealed:
        suffix = "JPG" if media is MediaKind.JPEG else "CR3"
        return ev.OriginalSealed(
            **self._kiosk(),
            import_id=import_id,
            capture_id=capture_id,
            object_id=object_id,
            storage="store_00010001",
            folder=f"/store_00010001/DCIM/{100 + number // 1000 % 900}CANON",
            file=f"IMG_{number % 10000:04}.{suffix}",
            size=self._random.randrange(6_000_000, 12_000_000),
            mtime=self._clock // 1000,
            media=media,
        )

    def _redacted(self, capture_id: CaptureId, original: ObjectId, derivative: ObjectId) -> ev.Redacted:
        draw = self._random.randrange
        findings = []
        for number in range(FINDINGS):
            category, detector, model = self._models[number % len(self._models)]
            box = Box(draw(5000), draw(3400), draw(20, 400), draw(20, 400))
            findings.append(Finding(category, box, detector, model, draw(400, 1000), Decision.MASK))
        advice = (Advice.NOT_SHARP,) if draw(20) == 0 else ()
        scores = [draw(1000) for _ in range(7)]
        quality = msgspec.convert(
            dict(zip(Quality.__struct_fields__, [*scores, advice], strict=True)), Quality
        )
        return ev.Redacted(
            **self._kiosk(),
            capture_id=capture_id,
            original_id=original,
            derivative_id=derivative,
            preview_id=ObjectId(self._id()),
            revision=1,
            width=5472,
            height=3648,
            preview_width=1368,
            preview_height=912,
            code=RedactCode.OK,
            findings=tuple(findings),
            policy="default-3",
            quality=quality,
        )

    def _encounter(self, group: list[tuple[CaptureId, ObjectId]]) -> Iterator[ev.AnyEvent]:
        encounter_id = EncounterId(self._id())
        number = self._random.randrange(10**8)
        subject = Subject(
            mrn=f"{number:08}",
            issuer="urn:oid:1.2.3",
            name=f"Example{number % 977} Ada",
            birth_date="1990-01-01",
        )
        yield ev.EncounterCreated(
            **self._person(), encounter_id=encounter_id, subject=subject, label="left hand, first visit"
        )
        token = self._id()
        yield ev.SlateShown(**self._person(), encounter_id=encounter_id, token=token, kind=SlateKind.OPEN)
        terms = Terms(
            kind=ConsentKind.GRANT,
            purposes=(Purpose.CLINICAL_RECORD, Purpose.TEACHING_RESEARCH),
            grantor=Grantor(name=subject.name, relationship=Relationship.SELF),
            method=ConsentMethod.SIGNED_FORM,
            language="en",
            starts="2026-01-01T00:00:00.000Z",
            expires="2030-01-01T00:00:00.000Z",
            text_version="en-1",
        )
        yield ev.ConsentRecorded(
            **self._person(), consent_id=ConsentId(self._id()), encounter_id=encounter_id, terms=terms
        )
        slate = group[0][0]
        seen = Slate(SlateKind.OPEN, token, self._clock // 1000)
        yield ev.SlateSeen(**self._kiosk(), capture_id=slate, slates=(seen,), foreign=0)
        yield ev.RoleGiven(**self._kiosk(), capture_id=slate, role=ImageRole.SLATE)
        yield ev.Assigned(**self._person(), encounter_id=encounter_id, captures=tuple(c for c, _ in group))
        for capture_id, derivative in group[1:]:
            who = subject_digest(subject)
            yield ev.Viewed(**self._person(), what=ev.What.PREVIEW, capture_id=capture_id, revision=1)
            yield ev.Compared(**self._kiosk(), capture_id=capture_id, revision=1, subject=who)
            yield ev.Approved(**self._person(), capture_id=capture_id, revision=1, derivative_id=derivative)
