"""What crosses the socket about recipients, exports, recall and sticks.

Clients use them through `medkiosk.ipc.types`.
"""

from __future__ import annotations

from enum import StrEnum

from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.core.ids import CaptureId, ExportId, RecipientId
from medkiosk.core.sticks import ReadBack, StickState
from medkiosk.ipc.storetypes import Wire


class RecipientInfo(Wire, frozen=True):
    """Somebody outside who may receive exports.

    Attributes:
        age_recipient: their public key; empty for a passphrase.
        expires: RFC 3339 UTC; from then on nothing leaves for them.
        method: how pictures are encrypted for them.
        purposes: what they may receive pictures for; none: anything, in records from before it was asked.
        heard: the end of the key was compared by voice.
        revoked: why they may receive nothing any more; empty while they may.
        why_not: why nothing may leave for them now, in words; empty if it may.
    """

    recipient_id: RecipientId
    display_name: str
    organisation: str
    age_recipient: str
    expires: str
    method: RecipientMethod = RecipientMethod.AGE
    purposes: tuple[Purpose, ...] = ()
    heard: bool = False
    revoked: str = ""
    why_not: str = ""


class Recipients(Wire, frozen=True):
    """All recipients."""

    recipients: tuple[RecipientInfo, ...]


class RecipientSheet(Wire, frozen=True):
    """What a recipient gets apart from the stick, on paper or by another way that they trust.

    Attributes:
        site: name of the department.
        allowed_signers: the line for their file of that name (``ssh-keygen -Y verify``).
        signer: OpenSSH fingerprint of the key in it, to be compared aloud.
        log: verifier key of the ledger (C2SP signed note).
        page_sha256: of the viewer's ``index.html``; empty where this kiosk has no viewer.
    """

    site: str
    allowed_signers: str
    signer: str
    log: str
    page_sha256: str


class Denial(Wire, frozen=True):
    """Why one capture may not leave now."""

    capture_id: CaptureId
    reason: str


class ExportOptions(Wire, frozen=True):
    """What goes with the pictures.

    ``viewer``: a page that opens by double click. ``dicom``: the same pictures as DICOM objects.
    """

    viewer: bool = False
    dicom: bool = False


class StickInfo(Wire, frozen=True):
    """The stick at one place.

    Attributes:
        name: of the place, as the configuration has it.
        state: what it is doing.
        words: the big words for that; empty where there is nothing to say.
        detail: one sentence when there is something to say.
        free: bytes; 0 where it is not known.
    """

    name: str
    state: StickState
    words: str
    detail: str
    free: int


class ExportResult(Wire, frozen=True):
    """A bundle that was written, read back and verified.

    Attributes:
        folder: its name on the stick.
        signer: OpenSSH fingerprint, to be compared aloud.
        page_sha256: of the viewer's page in it; empty without the viewer.
        passphrase: what opens it, said now and never again; empty for a recipient with a key.
        recalled: pictures that a recall notice in it names.
        read_back: how, the weakest way of all its files; None from a kiosk that does not say.
        stick: what it is since then: whether it may be pulled out. None from a kiosk that does not say.
    """

    export_id: ExportId
    folder: str
    images: int
    bytes: int
    manifest_sha256: str
    signer: str
    page_sha256: str = ""
    passphrase: str = ""
    recalled: int = 0
    read_back: ReadBack | None = None
    stick: StickInfo | None = None


class ExportCheck(Wire, frozen=True):
    """What would happen: an export goes ahead only when both ``problems`` and ``denials`` are empty.

    Attributes:
        problems: what concerns the export as a whole: the recipient, the terms, the use, the kiosk.
        uses: for publication: what the consents of these captures name, to choose from.
    """

    allowed: tuple[CaptureId, ...]
    denials: tuple[Denial, ...]
    problems: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


class ExportState(StrEnum):
    """How far an export got."""

    PREPARED = "prepared"  # perhaps on a stick: what was to be said of it later never was
    FAILED = "failed"  # part of it may be on a stick, encrypted
    WRITTEN = "written"
    ACKNOWLEDGED = "acknowledged"


class ExportInfo(Wire, frozen=True):
    """One export.

    Attributes:
        at: when it was decided, RFC 3339 UTC.
        recipient: what they are called.
        images: how many.
        state: how far it got.
        code: of what made it fail; empty.
        by: what the one calls themselves who acknowledged it: their words.
        acknowledged_at: when that was read; empty.
        manifest_sha256: of the bundle; empty where it was not written.
        perhaps: nobody knows whether it is outside.
        words: all that in a sentence.
    """

    export_id: ExportId
    recipient_id: RecipientId
    recipient: str
    at: str
    purpose: Purpose
    images: int
    state: ExportState
    data_use: DataUse
    code: str = ""
    by: str = ""
    acknowledged_at: str = ""
    manifest_sha256: str = ""
    perhaps: bool = False
    words: str = ""


class Exports(Wire, frozen=True):
    """A page of exports, newest first; ``total`` counts all."""

    exports: tuple[ExportInfo, ...]
    total: int


class RecallInfo(Wire, frozen=True):
    """Pictures of one export that its recipient must destroy, for one reason.

    Attributes:
        at: when the export was decided.
        why: ``withdrawn``, ``scope`` or ``wrong_subject``.
        words: the same in a sentence.
        images: their ids in that bundle.
        captures: the same pictures by the kiosk's own ids.
        perhaps: it is not known whether the bundle was written.
        told: when a notice was last written that names all of them; empty while there is none.
        confirmed: when the recipient acknowledged a bundle that held such a notice; empty.
    """

    export_id: ExportId
    recipient_id: RecipientId
    recipient: str
    at: str
    purpose: Purpose
    why: str
    words: str
    images: tuple[str, ...]
    captures: tuple[CaptureId, ...]
    perhaps: bool
    told: str = ""
    confirmed: str = ""


class RecallList(Wire, frozen=True):
    """All of it, oldest export first."""

    lines: tuple[RecallInfo, ...]


class RecallResult(Wire, frozen=True):
    """A recall notice that was written, read back and verified; ``images`` in ``exports`` bundles.

    ``stick`` as in `ExportResult`.
    """

    recall_id: str
    folder: str
    exports: int
    images: int
    signer: str
    read_back: ReadBack | None = None
    stick: StickInfo | None = None


class Acknowledgements(Wire, frozen=True):
    """What came back on a stick.

    Attributes:
        taken: exports that were acknowledged now, or had been before.
        refused: why each other file was not believed, a sentence each.
        strangers: keys that signed and that nobody enrolled as a witness, as they call themselves.
        witnessed: how many signatures by enrolled witnesses are held.
    """

    taken: tuple[ExportInfo, ...]
    refused: tuple[str, ...]
    strangers: tuple[str, ...]
    witnessed: int


class Sticks(Wire, frozen=True):
    """All places for sticks."""

    sticks: tuple[StickInfo, ...]
