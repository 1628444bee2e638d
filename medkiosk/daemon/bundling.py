"""Makes what an export writes: its pictures, decrypted one at a time, and what goes with them.

Everything here was decided before: `choose` is called under the journal's lock, and what it gives needs no
further question while the pictures are written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from medkiosk.catalog.views import CaptureView
from medkiosk.core.consent import Purpose, Snapshot, Subject, subject_key
from medkiosk.core.datause import DataUse
from medkiosk.core.errors import NotAllowedError
from medkiosk.core.events import Redacted
from medkiosk.core.exportevents import RecipientEnrolled
from medkiosk.core.ids import CaptureId, EncounterId, ExportId, ObjectId, new_id
from medkiosk.daemon import consenting
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.export import dates, dicom, fhir
from medkiosk.export.contents import Picture
from medkiosk.export.record import recipient_fingerprint
from medkiosk.ipc import types as t
from medkiosk.ledger import entry
from medkiosk.redact.answer import Preview
from medkiosk.vault.envelope import commitment_key


@dataclass(frozen=True)
class Chosen:
    """One picture of a bundle, decided and proved, and not decrypted yet.

    Attributes:
        capture_id: which.
        whose: its encounter and subject.
        image_id: fresh for this export.
        pseudonym: of its subject, fresh for this export.
        revision: the approved one.
        number: its place among the pictures of its subject here, from 1.
        shift: days by which its subject's dates are moved back; 0 where dates do not leave.
        day: its date, shifted; or empty.
        said: what consent said about it.
        leaf: index of its ledger entry.
        proof: of that entry, to the bundle's checkpoint.
    """

    capture_id: CaptureId
    whose: tuple[EncounterId, Subject]
    image_id: str
    pseudonym: str
    number: int
    revision: Redacted
    shift: int
    day: str
    said: Snapshot
    leaf: int
    proof: bytes


def choose(
    kiosk: Kiosk,
    captures: Sequence[CaptureId],
    recipient: RecipientEnrolled,
    purpose: Purpose,
    use: str,
) -> list[Chosen]:
    """Fix what leaves: ids that mean nothing elsewhere, and proofs to the ledger's head of now.

    Raises:
        NotAllowedError: the approved revision of one is not its latest, or cannot be proved.
    """
    pseudonyms: dict[tuple[str, str], str] = {}
    numbers: Counter[str] = Counter()
    chosen = []
    for capture_id in captures:
        view = kiosk.capture(capture_id)
        revision, leaf = _approved(view)
        encounter_id, subject = _subject(kiosk, view)
        pseudonym = pseudonyms.setdefault(subject_key(subject), new_id(kiosk.random))
        numbers[pseudonym] += 1
        shift = _shift(kiosk, subject, recipient)
        day = date.fromisoformat(view.row.at[:10])
        now = consenting.not_before(kiosk.clock(), kiosk.keyring.opened.newest)
        with kiosk.reading() as catalog:
            _, said = consenting.ask(
                catalog,
                capture_id,
                encounter_id,
                revision.findings,
                purpose,
                recipient,
                kiosk.config.consent,
                now,
                use,
            )
        chosen.append(
            Chosen(
                capture_id=capture_id,
                whose=(encounter_id, subject),
                image_id=new_id(kiosk.random),
                pseudonym=pseudonym,
                number=numbers[pseudonym],
                revision=revision,
                shift=shift,
                day=dates.shifted(day, shift) if shift else "",
                said=said,
                leaf=leaf,
                proof=kiosk.journal.log.proof(leaf),
            )
        )
    return chosen


def changed(
    kiosk: Kiosk, chosen: Sequence[Chosen], recipient: RecipientEnrolled, purpose: Purpose, use: str
) -> list[str]:
    """Say what is not as it was chosen, though all of it may still leave: the bundle would say what was."""
    reasons = []
    for one in chosen:
        view = kiosk.capture(one.capture_id)
        if _approved(view)[0].derivative_id != one.revision.derivative_id:
            reasons.append("Another revision of a picture was approved.")
        if _subject(kiosk, view) != one.whose:
            reasons.append("A picture was given to another encounter or another person.")
        now = consenting.not_before(kiosk.clock(), kiosk.keyring.opened.newest)
        with kiosk.reading() as catalog:
            _, said = consenting.ask(
                catalog,
                one.capture_id,
                one.whose[0],
                one.revision.findings,
                purpose,
                recipient,
                kiosk.config.consent,
                now,
                use,
            )
        if said.answers != one.said.answers:
            reasons.append("Consent was recorded anew.")
    return list(dict.fromkeys(reasons))


def consent_members(
    chosen: Sequence[Chosen], export_id: ExportId, age_recipient: str, data_use: DataUse
) -> dict[str, bytes]:
    """What consent said about each subject, as FHIR resources for the record."""
    members: dict[str, bytes] = {}
    for pseudonym in {one.pseudonym for one in chosen}:
        theirs = [one for one in chosen if one.pseudonym == pseudonym]
        release = fhir.Release(
            export_id=export_id,
            subject=pseudonym,
            images=tuple(sorted(one.image_id for one in theirs)),
            recipient=recipient_fingerprint(age_recipient),
            data_use=data_use,
            shift=theirs[0].shift,
        )
        members |= fhir.members(fhir.merged([one.said for one in theirs]), release)
    return members


def pictures(
    kiosk: Kiosk, chosen: Sequence[Chosen], export_id: ExportId, options: t.ExportOptions
) -> Iterator[Picture]:
    """Decrypt one picture after the other.

    In the order of their random ids, so that the order of files on the stick says nothing.
    """
    for one in sorted(chosen, key=lambda one: one.image_id):
        revision = one.revision
        jpeg, proof_key = _open(kiosk, revision.derivative_id)
        yield Picture(
            id=one.image_id,
            subject=one.pseudonym,
            jpeg=jpeg,
            width=revision.shown.w,
            height=revision.shown.h,
            policy=revision.policy,
            commitment_key=proof_key,
            leaf_index=one.leaf,
            leaf=kiosk.journal.log.entry(one.leaf),
            proof=one.proof,
            date=one.day,
            thumbnail=_thumbnail(kiosk, revision) if options.viewer else b"",
            dicom=_dicom(one, export_id, jpeg) if options.dicom else b"",
        )


def _approved(view: CaptureView) -> tuple[Redacted, int]:
    """The approved revision and the index of its ledger entry."""
    latest = view.latest
    if latest is None or view.approved is None or view.approved.derivative_id != latest.derivative_id:
        raise NotAllowedError(reason="the latest revision is not the one that was approved")
    if view.leaf < 0:
        raise NotAllowedError(reason="the ledger has no entry for this picture, so nothing can prove it")
    return latest, view.leaf


def why_not_to_give(kiosk: Kiosk, index: int) -> str:
    """Return why an entry may not go with its picture; empty if it may, or where there is none."""
    if index < 0:
        return ""  # `choose` refuses it
    try:
        leaf = entry.decode(kiosk.journal.log.entry(index))
    except ValueError:
        return "Its ledger entry is of another version than this kiosk's, so it cannot go with the picture."
    if leaf == entry.blurred(leaf):
        return ""
    return (
        "Its ledger entry is of an older version and says when it was redacted, and it would leave with the"
        " picture. Save its masks anew, which makes a new entry, and approve it again."
    )


def _subject(kiosk: Kiosk, view: CaptureView) -> tuple[EncounterId, Subject]:
    encounter_id = view.row.encounter_id
    if encounter_id is None:
        raise NotAllowedError(reason="it belongs to no encounter, so nobody knows whom it shows")
    return encounter_id, kiosk.encounter(encounter_id).subject


def _shift(kiosk: Kiosk, subject: Subject, recipient: RecipientEnrolled) -> int:
    """Days by which this subject's dates are moved back for this recipient; 0 where dates do not leave."""
    if kiosk.config.export.dates != "shifted":
        return 0
    secret = kiosk.keyring.opened.identity.dates_secret()
    try:
        return dates.shift_days(bytes(secret.reveal()), subject_key(subject), recipient.recipient_id)
    finally:
        secret.wipe()


def _dicom(one: Chosen, export_id: ExportId, jpeg: bytes) -> bytes:
    revision = one.revision
    return dicom.photograph(
        dicom.Photograph(
            export_id=export_id,
            image_id=one.image_id,
            subject=one.pseudonym,
            number=one.number,
            jpeg=jpeg,
            width=revision.shown.w,
            height=revision.shown.h,
            policy=revision.policy,
            visible=dicom.visible(revision.findings, revision.shown),
            date=one.day,
        )
    )


def _thumbnail(kiosk: Kiosk, revision: Redacted) -> bytes:
    pixels, _ = _open(kiosk, revision.preview_id)
    return kiosk.redactor.thumbnail(Preview(revision.preview_width, revision.preview_height, pixels))


def _open(kiosk: Kiosk, object_id: ObjectId) -> tuple[bytes, bytes]:
    """One sealed object, and its commitment key."""
    key = kiosk.keyring.opened.identity.open_key(object_id)
    try:
        return b"".join(kiosk.journal.vault.read_object(object_id, key)), commitment_key(key)
    finally:
        key.wipe()
