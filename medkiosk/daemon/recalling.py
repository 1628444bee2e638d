"""Recall for people: what is outside and must be destroyed, and the notices about it (docs/recall.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from medkiosk import sshsig
from medkiosk.catalog.exports import Export
from medkiosk.catalog.fold import Catalog
from medkiosk.core.config import ConsentPolicy
from medkiosk.core.consent import Recall, subject_key
from medkiosk.core.errors import BadRequestError, NotFoundError
from medkiosk.core.events import AccountCreated
from medkiosk.core.exportevents import RecallConfirmed, RecallKept, RecallWritten, RecipientEnrolled
from medkiosk.core.ids import CaptureId, EncounterId, ExportId, RecipientId, new_id
from medkiosk.daemon import consenting
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.export import recall
from medkiosk.export.recall import Left, Line, Sent, Told, Why
from medkiosk.ipc import types as t
from medkiosk.journal import Fact

_MOST_WORDS = 200


@dataclass(frozen=True)
class Notice:
    """A notice that is to go to one recipient.

    Attributes:
        recall_id: fresh.
        recipient_id: for whom.
        lines: what it is about.
        members: its three files, by name.
    """

    recall_id: str
    recipient_id: RecipientId
    lines: tuple[Line, ...]
    members: dict[str, bytes] = field(repr=False)

    @property
    def images(self) -> int:
        """How many pictures it names."""
        return sum(len(line.pictures) for line in self.lines)

    def event(self, kiosk: Kiosk, who: AccountCreated, export_id: ExportId | None) -> RecallWritten:
        """Say that it was written: with a bundle, or alone."""
        return RecallWritten(
            at=kiosk.journal.now(),
            actor=who.account_id,
            recall_id=self.recall_id,
            recipient_id=self.recipient_id,
            export_id=export_id,
            exports=recall.named(self.lines),
        )


def lines(kiosk: Kiosk) -> list[Line]:
    """Everything that is outside and must be destroyed, oldest export first."""
    now = consenting.not_before(kiosk.clock(), kiosk.keyring.opened.newest)
    with kiosk.reading() as catalog:
        return lines_of(catalog, kiosk.config.consent, now)


def lines_of(catalog: Catalog, policy: ConsentPolicy, now: datetime) -> list[Line]:
    """Return the recall list of a catalogue that is held still; see `lines`."""
    outside = catalog.outside
    told = [Told(each.at, each.exports, _confirmed(catalog, each)) for each in outside.recalls]
    sent = (_sent(catalog, each, policy, now) for each in outside.exports.values() if each.outside)
    return recall.recall_list(sent, told)


def _confirmed(catalog: Catalog, notice: RecallWritten) -> str:
    export = catalog.outside.exports.get(notice.export_id) if notice.export_id is not None else None
    said = catalog.outside.confirmed.get(notice.recall_id, "")
    if export is None or export.acknowledged is None:
        return said
    return min(filter(None, (export.acknowledged.at, said)))


def _sent(catalog: Catalog, export: Export, policy: ConsentPolicy, now: datetime) -> Sent:
    prepared = export.prepared
    recipient = catalog.outside.recipients.get(prepared.recipient_id)
    images = prepared.images or ("",) * len(prepared.captures)
    kept = catalog.outside.kept.get(prepared.export_id, {})
    pictures = []
    whose = export.whose or (EncounterId(""),) * len(prepared.captures)
    for capture_id, derivative_id, image, then in zip(
        prepared.captures, prepared.derivatives, images, whose, strict=True
    ):
        said, moved = _today(catalog, export, capture_id, derivative_id, then, recipient, policy, now)
        old = Why(kept[image]) if image in kept else None
        pictures.append(Left(capture_id, image, moved, said, old))
    return Sent(
        export_id=prepared.export_id,
        recipient_id=prepared.recipient_id,
        at=prepared.at,
        manifest_sha256=export.written.manifest_sha256 if export.written else "",
        pictures=tuple(pictures),
    )


def _today(
    catalog: Catalog,
    export: Export,
    capture_id: CaptureId,
    derivative_id: str,
    then: EncounterId,
    recipient: RecipientEnrolled | None,
    policy: ConsentPolicy,
    now: datetime,
) -> tuple[Recall | None, bool]:
    """Ask about one picture as if it left today; and whether it is of somebody else now."""
    view = catalog.capture(capture_id)
    if view is None:
        return None, False  # it was disposed of: what was to be said of it is kept
    encounter_id = view.row.encounter_id
    before, after = (catalog.encounter(each) if each else None for each in (then, encounter_id))
    was = export.then.get(then) or (before.subject if before is not None else None)
    moved = was is not None and after is not None and subject_key(was) != subject_key(after.subject)
    findings = next((r.findings for r in view.revisions if r.derivative_id == derivative_id), ())
    prepared = export.prepared
    decision, _ = consenting.ask(
        catalog, capture_id, encounter_id, findings, prepared.purpose, recipient, policy, now, prepared.use
    )
    return decision.recall, moved


def recall_list(kiosk: Kiosk) -> t.RecallList:
    """What is outside and must be destroyed, for people."""
    found = lines(kiosk)
    with kiosk.reading() as catalog:
        return t.RecallList(lines=tuple(_info(catalog, line) for line in found))


def _info(catalog: Catalog, line: Line) -> t.RecallInfo:
    sent = line.sent
    export = catalog.outside.exports[sent.export_id]
    recipient = catalog.outside.recipients.get(sent.recipient_id)
    return t.RecallInfo(
        export_id=sent.export_id,
        recipient_id=sent.recipient_id,
        recipient=recipient.display_name if recipient else "",
        at=sent.at,
        purpose=export.prepared.purpose,
        why=line.why,
        words=recall.WHY_WORDS[line.why],
        images=tuple(each.image for each in line.pictures),
        captures=tuple(each.capture_id for each in line.pictures),
        perhaps=export.written is None,
        told=line.told,
        confirmed=line.confirmed,
    )


def notice(kiosk: Kiosk, recipient: RecipientEnrolled) -> Notice | None:
    """Make the notice that a recipient is to get now; None where they know of everything."""
    mine = tuple(
        line
        for line in lines(kiosk)
        if line.sent.recipient_id == recipient.recipient_id
        and line.open
        and all(p.image for p in line.pictures)
    )
    if not mine:
        return None
    recall_id = new_id(kiosk.random)
    members = recall.members(mine, recall_id, kiosk.clock().date(), kiosk.keys.export_key)
    return Notice(recall_id, recipient.recipient_id, mine, members)


def write(kiosk: Kiosk, who: AccountCreated, recipient_id: RecipientId, stick: str) -> t.RecallResult:
    """Write a notice for one recipient to a stick, alone.

    Raises:
        NotFoundError: no such recipient.
        BadRequestError: there is nothing that they are to be told.
        KioskError: the stick did not take it.
    """
    with kiosk.reading() as catalog:
        recipient = catalog.recipient(recipient_id)
    if recipient is None:
        raise NotFoundError(what="recipient", id=recipient_id)
    made = notice(kiosk, recipient)
    if made is None:
        raise BadRequestError(detail="nothing that this recipient has is recalled, or they know of all of it")
    with kiosk.sticks.writing(stick) as taken:
        folder = recall.write_notice(
            taken.path, made.recall_id, kiosk.clock().date(), made.members, taken.files
        )
    event = made.event(kiosk, who, None)
    kiosk.journal.commit([Fact(event)])
    return t.RecallResult(
        recall_id=made.recall_id,
        folder=folder,
        exports=len(event.exports),
        images=made.images,
        signer=sshsig.fingerprint(kiosk.keys.export_key.public_key()),
        read_back=taken.files.past,
        stick=taken.after,
    )


def confirm(kiosk: Kiosk, who: AccountCreated, recipient_id: RecipientId, words: str) -> t.RecallList:
    """Record that a recipient said that they know of every notice written for them until now.

    Raises:
        NotFoundError: no such recipient.
        BadRequestError: no notice is open, or it is not said who told.
    """
    words = words.strip()
    if not 0 < len(words) <= _MOST_WORDS or not words.isprintable():
        raise BadRequestError(detail=f"say in 1 to {_MOST_WORDS} characters who told you, and how")
    with kiosk.reading() as catalog:
        if catalog.recipient(recipient_id) is None:
            raise NotFoundError(what="recipient", id=recipient_id)
        open_ = tuple(
            each.recall_id
            for each in catalog.outside.recalls
            if each.recipient_id == recipient_id and not _confirmed(catalog, each)
        )
    if not open_:
        raise BadRequestError(detail="no notice was written for this recipient that they are yet to confirm")
    event = RecallConfirmed(
        at=kiosk.journal.now(), actor=who.account_id, recipient_id=recipient_id, recalls=open_, words=words
    )
    kiosk.journal.commit([Fact(event)])
    return recall_list(kiosk)


def before_disposal(
    kiosk: Kiosk, who: AccountCreated, captures: Iterable[CaptureId], encounters: Iterable[EncounterId]
) -> Iterator[RecallKept]:
    """Say what is recalled of pictures that are about to be destroyed here; later nobody can find out."""
    going, whose = set(captures), set(encounters)
    found = lines(kiosk)
    with kiosk.reading() as catalog:
        for line in found:
            images = tuple(
                each.image
                for each in line.pictures
                if (view := catalog.capture(each.capture_id)) is not None
                and (each.capture_id in going or view.row.encounter_id in whose)
            )
            if images:
                yield RecallKept(
                    at=kiosk.journal.now(),
                    actor=who.account_id,
                    export_id=line.sent.export_id,
                    images=images,
                    why=line.why,
                )
