"""What can happen about recipients and exports (`medkiosk.core.events` has everything else)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.event import Event
from medkiosk.core.ids import CaptureId, ExportId, ObjectId, RecipientId


class RecipientMethod(StrEnum):
    """How pictures are encrypted for a recipient."""

    AGE = "age"
    PASSPHRASE = "passphrase"  # noqa: S105 - a new one for each export, said to them apart from the stick


class RecipientEnrolled(Event, frozen=True, tag="recipient.enrolled", omit_defaults=True):
    """Somebody outside may receive exports.

    Attributes:
        age_recipient: their age X25519 public key; empty for a passphrase.
        method: how pictures are encrypted for them.
        purposes: what they may receive pictures for; empty in records from before it was asked: anything.
        heard: the end of the key was read out by the recipient and typed in by the officer.
    """

    recipient_id: RecipientId
    display_name: str
    organisation: str
    age_recipient: str
    expires: str
    method: RecipientMethod = RecipientMethod.AGE
    purposes: tuple[Purpose, ...] = ()
    heard: bool = False


class RecipientRevoked(Event, frozen=True, tag="recipient.revoked"):
    """Somebody outside may receive nothing any more."""

    recipient_id: RecipientId
    reason: str


class ExportPrepared(Event, frozen=True, tag="export.prepared", omit_defaults=True):
    """A bundle is about to be written: from now on these pictures may be outside.

    Attributes:
        derivatives: as exported, one for each of ``captures``.
        images: their ids in the bundle, likewise; empty in records from before they were kept.
        data_use: what the receiver may do.
        acknowledge: public half of the export's own key (docs/acknowledgement.md), hex.
        use: of publication: the one that it is for; empty in records from before it was asked. It can name
            people.
    """

    export_id: ExportId
    recipient_id: RecipientId
    purpose: Purpose
    captures: tuple[CaptureId, ...]
    derivatives: tuple[ObjectId, ...]
    images: tuple[str, ...] = ()
    data_use: DataUse | None = None
    acknowledge: str = ""
    use: str = ""


class Exported(Event, frozen=True, tag="export.written"):
    """A bundle was written, read back and verified. Everything else about it is in its `ExportPrepared`."""

    export_id: ExportId
    recipient_id: RecipientId
    purpose: Purpose
    captures: tuple[CaptureId, ...]
    derivatives: tuple[ObjectId, ...]
    manifest_sha256: str


class ExportFailed(Event, frozen=True, tag="export.failed", omit_defaults=True):
    """A prepared bundle was not finished.

    Attributes:
        cleaned: it was seen that nothing of it is on the stick any more. Else all of it may be there,
            encrypted to the recipient; records from before this was looked at say nothing, so it may.
    """

    export_id: ExportId
    code: str
    cleaned: bool = False


class ExportAcknowledged(Event, frozen=True, tag="export.acknowledged"):
    """Somebody who could open a bundle said so; ``by`` is what they call themselves, and not believed."""

    export_id: ExportId
    by: str


class RecalledExport(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Pictures of one export that its recipient is told to destroy.

    ``images``: their ids in that bundle.
    """

    export_id: ExportId
    images: tuple[str, ...]


class RecallWritten(Event, frozen=True, tag="recall.written"):
    """A recall notice was written to a stick for a recipient (docs/recall.md).

    Attributes:
        recall_id: of the notice.
        export_id: the bundle that it went with; None where it went alone.
        exports: what they are to destroy, by bundle.
    """

    recall_id: str
    recipient_id: RecipientId
    export_id: ExportId | None
    exports: tuple[RecalledExport, ...]


class RecallConfirmed(Event, frozen=True, tag="recall.confirmed"):
    """A recipient said, not by an acknowledgement, that they know of recall notices.

    Attributes:
        recalls: the notices.
        words: who said so, and how: on the telephone, by letter.
    """

    recipient_id: RecipientId
    recalls: tuple[str, ...]
    words: str


class StickEnrolled(Event, frozen=True, tag="stick.enrolled"):
    """A stick was made one of this kiosk's own (docs/stick.md).

    Attributes:
        stick_id: random, written on it.
        label: what people call it.
    """

    stick_id: str
    label: str


class RecallKept(Event, frozen=True, tag="recall.kept"):
    """Recalled pictures of one export are about to be destroyed here; consent cannot be asked afterwards.

    Attributes:
        export_id: the bundle.
        images: their ids in it.
        why: one of the three words of docs/recall.md.
    """

    export_id: ExportId
    images: tuple[str, ...]
    why: str


class ExportRefused(Event, frozen=True, tag="export.refused"):
    """An export was asked for and stopped by the policy."""

    recipient_id: RecipientId
    purpose: Purpose
    captures: tuple[CaptureId, ...]
    reasons: tuple[str, ...]


AnyExportEvent = (
    RecipientEnrolled
    | RecipientRevoked
    | ExportPrepared
    | Exported
    | ExportFailed
    | ExportAcknowledged
    | RecallWritten
    | RecallConfirmed
    | RecallKept
    | ExportRefused
    | StickEnrolled
)
