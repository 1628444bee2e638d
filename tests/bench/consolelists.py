"""What fills the kiosk's other lists with years of work, and how somebody gets to each of them by keys.

Part of ``make console-bench``: `tests.bench.consolekeys` times a key on every one. What is added is sealed
for real, so that the audit can open it, on top of a store of `tests.bench.scale`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from medkiosk.core import accessevents as acc
from medkiosk.core import correctionevents as cor
from medkiosk.core import events as ev
from medkiosk.core import exportevents as out
from medkiosk.core import lifecycle as life
from medkiosk.core import trainingevents as tra
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import ConsentKind, ConsentMethod, Grantor, Purpose, Relationship, Subject, Terms
from medkiosk.core.ids import (
    AccountId,
    CaptureId,
    ConsentId,
    CorrectionId,
    DisposalId,
    EncounterId,
    ExportId,
    GlassId,
    HoldId,
    ObjectId,
    RecipientId,
)
from medkiosk.device.usbkeyboards import MOST as MOST_KEYBOARDS
from medkiosk.device.usbkeyboards import Keyboard, rules
from tests.bench.bigstore import Builder
from tests.bench.years import Years
from tests.kiosk import ADMIN, ScratchKiosk

PEOPLE, RECIPIENTS, EXPORTS, WITHDRAWN = 150, 120, 1000, 200
GLASSES, CORRECTIONS, HOLDS, DUE, DISPOSALS = 400, 600, 200, 400, 200
_VISITS = EXPORTS
"""Encounters that all of it is about: the oldest ones."""
_SINCE = datetime(2026, 9, 1, tzinfo=UTC).timestamp() * 1000
"""From when all of it is, after `Years`."""
SINCE = "2026-09-01"
_CHECKS = ("consent", "privacy", "review", "identity", "infection")
_WAITING = 12
"""Corrections and disposals that nobody has decided."""


@dataclass
class Visit:
    """An encounter of `Years`, as far as it is needed here."""

    encounter_id: EncounterId
    subject: Subject
    photos: list[tuple[CaptureId, ObjectId]]


def visits(captures: int) -> list[Visit]:
    """The oldest encounters of a store of this size, with those of their photos that were approved."""
    found: dict[EncounterId, Visit] = {}
    newest: Visit | None = None
    for event in Years(captures):
        if isinstance(event, ev.EncounterCreated):
            if len(found) == _VISITS:
                break
            newest = Visit(event.encounter_id, event.subject, [])
            found[event.encounter_id] = newest
        elif isinstance(event, ev.Approved) and newest is not None:
            newest.photos.append((event.capture_id, event.derivative_id))
    return list(found.values())


class Crowd:
    """Makes what many people did besides photographing, the same for the same seed.

    Args:
        captures: how many the store has that it is added to.
    """

    def __init__(self, captures: int) -> None:
        self._captures = captures
        self._random = random.Random(4)
        self._clock = _SINCE
        self._visits = visits(captures)
        self._people = [AccountId(self._id()) for _ in range(PEOPLE)]
        self._recipients = [RecipientId(self._id()) for _ in range(RECIPIENTS)]

    def __iter__(self) -> Iterator[ev.AnyEvent]:
        yield from self._accounts()
        yield from self._exports()
        yield from self._mistakes()
        yield from self._keeping()
        yield from self._nobodys()

    def _id(self) -> str:
        return self._random.randbytes(16).hex()

    def _by(self, number: int) -> dict[str, Any]:
        self._clock += self._random.randrange(1000, 300_000)
        at = rfc3339(datetime.fromtimestamp(self._clock / 1000, UTC))
        return {"at": at, "actor": self._people[number % PEOPLE]}

    def _visit(self, number: int) -> Visit:
        return self._visits[number % len(self._visits)]

    def _accounts(self) -> Iterator[ev.AnyEvent]:
        roles = tuple(ev.Role)
        for number, account_id in enumerate(self._people):
            yield ev.AccountCreated(
                **self._by(0),
                account_id=account_id,
                user=f"person{number}",
                display_name=f"Person Number {number}",
                roles=(roles[number % len(roles)],),
            )
            for module in _CHECKS[: number % (len(_CHECKS) + 1)]:
                yield tra.TrainingPassed(
                    **self._by(number), module=module, version="1.0", digest="0" * 64, right=5, asked=5
                )

    def _exports(self) -> Iterator[ev.AnyEvent]:
        for number, recipient_id in enumerate(self._recipients):
            yield out.RecipientEnrolled(
                **self._by(number),
                recipient_id=recipient_id,
                display_name=f"Dr. Far Number {number}",
                organisation="University Hospital of Elsewhere",
                age_recipient="age1" + "q" * 58,
                expires="2036-05-01T09:00:00.000Z",
                purposes=(Purpose.TEACHING_RESEARCH,),
                heard=True,
            )
        for number in range(EXPORTS):
            yield from self._export(number)
        for number in range(0, EXPORTS, EXPORTS // WITHDRAWN):
            yield self._withdrawn(number, self._visit(number))

    def _export(self, number: int) -> Iterator[ev.AnyEvent]:
        photos = self._visit(number).photos
        common: dict[str, Any] = {
            "export_id": ExportId(self._id()),
            "recipient_id": self._recipients[number % RECIPIENTS],
            "purpose": Purpose.TEACHING_RESEARCH,
            "captures": tuple(capture for capture, _ in photos),
            "derivatives": tuple(derivative for _, derivative in photos),
        }
        yield out.ExportPrepared(**self._by(number), **common, images=tuple(self._id() for _ in photos))
        if number % 50:  # else the stick was pulled
            yield out.Exported(**self._by(number), **common, manifest_sha256="0" * 64)
        if number % 3 == 0:
            yield out.ExportAcknowledged(**self._by(number), export_id=common["export_id"], by="Dr. Far")

    def _withdrawn(self, number: int, visit: Visit) -> ev.AnyEvent:
        terms = Terms(
            kind=ConsentKind.WITHDRAWAL,
            purposes=(Purpose.TEACHING_RESEARCH,),
            grantor=Grantor(name=visit.subject.name, relationship=Relationship.SELF),
            method=ConsentMethod.SIGNED_FORM,
            language="en",
            starts="2026-09-01T00:00:00.000Z",
            expires="",
            text_version="en-1",
        )
        return ev.ConsentRecorded(
            **self._by(number), consent_id=ConsentId(self._id()), encounter_id=visit.encounter_id, terms=terms
        )

    def _mistakes(self) -> Iterator[ev.AnyEvent]:
        """Broken glasses, half of them looked into; corrections, nearly all of them refused."""
        for number in range(GLASSES):
            visit, glass_id = self._visit(number), GlassId(self._id())
            about: dict[str, Any] = {"glass_id": glass_id, "encounter_id": visit.encounter_id}
            yield acc.GlassBroken(
                **self._by(number),
                **about,
                reason="Emergency: bleeding after surgery, the team is not here",
                until="2026-09-02T00:00:00.000Z",
            )
            if number % 2:
                yield acc.GlassReviewed(
                    **self._by(number + 1), **about, justified=number % 5 != 0, words="Looked at the rota"
                )
        for number in range(CORRECTIONS):
            visit, other = self._visit(number), self._visit(number + 1)
            correction: dict[str, Any] = {
                "correction_id": CorrectionId(self._id()),
                "encounter_id": other.encounter_id,
                "captures": (visit.photos[0][0],),
            }
            yield cor.CorrectionProposed(
                **self._by(number), **correction, whose=(visit.encounter_id,), reason="The other twin's hand"
            )
            if number >= _WAITING:
                yield cor.CorrectionDecided(
                    **self._by(number + 1), **correction, outcome=cor.Outcome.REFUSED, reason="It is hers"
                )

    def _keeping(self) -> Iterator[ev.AnyEvent]:
        for number in range(DUE):
            yield life.RetentionSet(
                **self._by(number),
                encounter_id=self._visit(number).encounter_id,
                retention=life.RetentionClass.RESEARCH,
                until="2026-08-01",
                reason="The study has ended",
            )
        for number in range(HOLDS):
            yield life.HoldPlaced(
                **self._by(number),
                hold_id=HoldId(self._id()),
                encounters=(self._visit(number).encounter_id,),
                captures=(),
                reason="A claim was announced",
                authority="Legal department",
            )
        for number in range(DISPOSALS):
            visit, disposal_id = self._visit(number + HOLDS), DisposalId(self._id())
            yield life.DisposalProposed(
                **self._by(number),
                disposal_id=disposal_id,
                encounters=(visit.encounter_id,),
                captures=tuple(capture for capture, _ in visit.photos),
                reason="The study has ended",
                authority="Protocol 12",
                early=False,
            )
            if number >= _WAITING:
                yield life.DisposalRefused(
                    **self._by(number + 1), disposal_id=disposal_id, reason="A paper is still written"
                )

    def _nobodys(self) -> Iterator[ev.AnyEvent]:
        """A day's import of which no photo has a slate or an encounter."""
        mine = ev.ImportStarted | ev.OriginalSealed | ev.Redacted | ev.ImportFinished
        for event in Years(500, seed=5):
            if isinstance(event, mine):
                yield msgspec.structs.replace(event, at=self._by(0)["at"])


def crowded(kiosk: ScratchKiosk, captures: int) -> None:
    """Have a stopped kiosk of `tests.bench.scale` hold a `Crowd`, too, and a list of keyboards."""
    keyboards = kiosk.root / "keyboards"
    kiosk.write_config((), (), kiosk.root, f'[usb]\nkeyboards = "{keyboards}"\n')
    keyboards.write_text(rules(_keyboards()))
    mark = kiosk.root / "crowd"
    if mark.exists():
        return
    builder = Builder(kiosk)
    try:
        builder.fill(Crowd(captures))
    finally:
        builder.close()
    mark.touch()


def _keyboards() -> Iterable[Keyboard]:
    for number in range(MOST_KEYBOARDS):
        yield Keyboard("046d", f"{number:04x}", f"pci-0000:00:14.0-usb-0:{number}:1.0", name="USB Keyboard")


@dataclass(frozen=True)
class Look:
    """A list, and how to get to it.

    Attributes:
        name: of the figure.
        user: who has the role for it.
        steps: from Home, or from the look before: a key; after ``~`` what the screen must say before it goes
            on; after ``'`` what is typed. How long the last key took to its words is measured, too.
        press: "far" for a list of many pages; "near" for one that may be short; "scroll" for a text; "end"
            for the last entry again and again; "enter" to open an entry of the audit, and come back; else
            words that are typed, those of several searches between bars.
        here: begin where the look before ended.
    """

    name: str
    user: str
    steps: tuple[str, ...]
    press: str = "far"
    here: bool = False


_NEWEST = ("i", "~in this import")
_NAMES = "example1|00 exam|ada left"

LOOKS = (
    Look("imports: a search for whose photos are", "rita", (*_NEWEST, "a", "~Whose "), _NAMES),
    Look("imports: a key on the encounters to assign to", "rita", (), here=True),
    Look("imports: a key on the quarantine", "rita", (*_NEWEST, "w", "~in quarantine"), "scroll"),
    Look("imports: a key on the receipt", "rita", (*_NEWEST, "t", "~Import of"), "scroll"),
    Look("guide: a key on its pages", "rita", ("o", "~A session"), "near"),
    Look("guide: a letter of a search", "rita", ("f", "~Find in the guide"), "glare pol|light", here=True),
    Look("guide: a key on what was found", "rita", (), "near", here=True),
    Look("corrections: a key on the list", "olga", ("c", "~WAITS")),
    Look("export: to another recipient", "olga", ("x", "~Dr. Far", "~[x] IMG"), "near"),
    Look("export: a key on the photos", "olga", ("\x1b[Z",), here=True),
    Look("recipients: a key on the list", "olga", ("x", "~Dr. Far", "f3", "~Dr. Far")),
    Look("recall: a key on the list", "olga", ("x", "~Dr. Far", "f4", "~must be destroyed", "~Dr. Far")),
    Look("what left: a key on the list", "olga", ("x", "~Dr. Far", "f6", "~newest first")),
    Look("retention: a key on the list", "olga", ("t", "~PROPOSED")),
    Look("broken glasses: a key on the list", "olga", ("y", "~newest first")),
    Look("settings: a key on the list", "olga", ("s", "~In force:"), "near"),
    Look(
        "training of everybody: a key on the list", "olga", ("o", "~A session", "w", "~Person Number"), "near"
    ),
    Look(
        "audit: a key on the list",
        "audi",
        ("j", "~Part of what", "enter", "enter", "enter", "enter", f"'{SINCE}", "f2", "~events", "~Again"),
    ),
    Look("audit: to the last event read so far, and on", "audi", (), "end", here=True),
    Look("audit: to all that an event says", "audi", (), "enter", here=True),
    Look("accounts: a key on the list", ADMIN, ("a", "~Person Number")),
    Look("keyboards: a key on the list", ADMIN, ("u", "~USB Keyboard"), "near"),
)
