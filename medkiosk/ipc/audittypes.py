"""What crosses the socket about the audit (docs/audit.md)."""

from __future__ import annotations

from medkiosk.core.sticks import ReadBack
from medkiosk.ipc.exporttypes import StickInfo
from medkiosk.ipc.storetypes import Wire


class AuditQuery(Wire, frozen=True, omit_defaults=True):
    """What an auditor asks; every part that is given must hold.

    Attributes:
        mrn, issuer: a patient's number and who gave it, both or neither; their name is never needed.
        user: whose doings, by user name.
        capture_id: one picture.
        categories: `medkiosk.audit.categories.Category` values, one of which it must be.
        since: RFC 3339 UTC with milliseconds, inclusive.
        until: likewise, exclusive.
        text: part of the words, in whatever case.
    """

    mrn: str = ""
    issuer: str = ""
    user: str = ""
    capture_id: str = ""
    categories: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    text: str = ""


class AuditLine(Wire, frozen=True):
    """One event that answers, as `medkiosk.audit.report.Row` has it."""

    index: int
    at: str
    account: str
    user: str
    type: str
    category: str
    words: str
    leaf: str


class AuditPage(Wire, frozen=True):
    """Some of the answer, oldest first; an answer comes in several, each of which takes little time.

    Attributes:
        lines: what was found, perhaps none.
        next: where to go on; ``size`` where all was looked at.
        size: entries of the ledger that the whole answer is about: hand it in again as ``upto``.
        destroyed: entries in this part that may answer, and whose records were destroyed.
        unreadable: likewise, whose records do not open.
    """

    lines: tuple[AuditLine, ...]
    next: int
    size: int
    destroyed: int
    unreadable: int


class AuditMember(Wire, frozen=True):
    """One thing that an event says; what somebody typed is not shown."""

    name: str
    value: str


class AuditEvent(Wire, frozen=True):
    """One event with all that an auditor is shown of it; ``proof`` is a C2SP tlog-proof with the entry."""

    line: AuditLine
    members: tuple[AuditMember, ...]
    proof: str


class AuditReport(Wire, frozen=True):
    """Some of a report; ``attachment`` bytes of it follow.

    Attributes:
        rows: events in it so far.
        done: how many ledger entries were looked at.
        size: of so many.
        signature: armoured SSHSIG over all pieces together, with the last piece; empty before.
        sha256: likewise, over all pieces, hexadecimal.
        checkpoint: signed note of the ledger of that size.
        signer: fingerprint of the key that signs, to be compared with what was printed.
        allowed_signers: the line for ``ssh-keygen -Y verify``.
    """

    attachment: int
    rows: int
    done: int
    size: int
    signature: str
    sha256: str
    checkpoint: str
    signer: str
    allowed_signers: str


class AuditWritten(Wire, frozen=True):
    """A report was written to a stick, and read back.

    Attributes:
        folder: its name on the stick.
        rows: events in it.
        signer: fingerprint of the key that signed.
        read_back: how it was read back.
        stick: what the stick is now.
    """

    folder: str
    rows: int
    signer: str
    read_back: ReadBack | None
    stick: StickInfo | None
