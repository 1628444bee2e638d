"""The ledger for people: its head to keep, witnesses, what they signed, and the word after a rollback."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from medkiosk.access.roles import capabilities
from medkiosk.core.capability import Capability
from medkiosk.core.clock import rfc3339
from medkiosk.core.errors import BadRequestError, NotAllowedError
from medkiosk.core.events import AccountCreated
from medkiosk.core.lifecycle import CosignatureTaken, RollbackAccepted, WitnessEnrolled
from medkiosk.daemon.keyring import Entered
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.ipc import types as t
from medkiosk.journal import Fact
from medkiosk.ledger import checkpoint, held
from medkiosk.ledger.errors import CosignatureError, LedgerForkError, LedgerSetBackError
from medkiosk.ledger.note import ML_DSA_44

_LONGEST = 500


def view(kiosk: Kiosk) -> t.LedgerHead:
    """The newest head, and what each witness last saw."""
    log = kiosk.journal.log
    signed = log.checkpoint
    head = checkpoint.parse(signed)[0]
    witnesses = held.read_witnesses(log.folder)
    seen = held.last_seen(log.folder, kiosk.memory.key, witnesses)
    return t.LedgerHead(
        origin=head.origin,
        size=head.size,
        root=head.root.hex(),
        at=kiosk.journal.now(),
        text=head.line(),
        checkpoint=signed.decode(),
        witnesses=tuple(
            t.WitnessInfo(
                name=key.name,
                key_id=key.key_id.hex(),
                post_quantum=key.kind == ML_DSA_44,
                size=seen.get(key, (0, 0))[0],
                at=_time(seen[key][1]) if key in seen else "",
            )
            for key in witnesses
        ),
        refusal=log.refusal.message if log.refusal else "",
    )


def enrol(kiosk: Kiosk, who: AccountCreated, vkey: str) -> t.LedgerHead:
    """Let somebody else sign that they saw this ledger.

    Raises:
        CosignatureError: the key cannot be a witness's.
    """
    log, own = kiosk.journal.log, kiosk.memory.key
    with kiosk.journal.lock:
        key = held.check_witness(log.folder, vkey, own)
        if key not in held.read_witnesses(log.folder):
            event = WitnessEnrolled(
                at=kiosk.journal.now(), actor=who.account_id, witness=key.name, key=str(key)
            )
            kiosk.journal.commit([Fact(event)])
            held.enrol(log.folder, str(key), own)
    return view(kiosk)


def take(kiosk: Kiosk, who: AccountCreated, untrusted: str) -> t.LedgerHead:
    """Take a checkpoint of this ledger that witnesses signed, and hold it for good.

    Raises:
        CosignatureError: it is not one.
        LedgerForkError: the ledger here is not the one that they saw; nothing is held, the console says so.
    """
    log, own = kiosk.journal.log, kiosk.memory.key
    if len(untrusted) > checkpoint.MAX_BYTES:
        raise CosignatureError(detail="it is larger than a checkpoint can be")
    with kiosk.journal.lock:
        kiosk.journal.check()
        witnesses = held.read_witnesses(log.folder)
        found = held.examine(untrusted.encode(), own, witnesses)
        if words := log.why_not(found.head):
            names = ", ".join(key.name for key in found.times(witnesses))
            error = LedgerForkError(
                detail=f"{names} signed a ledger of {found.head.size} entries, and the one here is {words}"
            )
            kiosk.board.problem(error.message, key="ledger-witness")
            raise error
        # Held first: from here on it binds, whether or not the entry below is written.
        held.hold(log.folder, found, own)
        kiosk.journal.commit(
            [
                Fact(
                    CosignatureTaken(
                        at=kiosk.journal.now(),
                        actor=who.account_id,
                        witness=key.name,
                        size=found.head.size,
                    )
                )
                for key in found.times(witnesses)
            ]
        )
    return view(kiosk)


def accept_rollback(kiosk: Kiosk, user: str, passphrase: str, output: bytes, reason: str) -> Entered:
    """Log in and let an older copy of the store go on; the first entry says so.

    Raises:
        BadRequestError: no reason, or the store was not rolled back.
        KioskError: a witness's word stands against it: the ledger stays refused.
        NotAllowedError, WrongPassphraseError, LockedOutError: as at a login.
    """
    log, memory = kiosk.journal.log, kiosk.memory
    if not reason.strip() or len(reason) > _LONGEST:
        raise BadRequestError(detail=f"say why, in at most {_LONGEST} characters")

    def first(account: AccountCreated) -> Sequence[Fact]:
        if Capability.MANAGE_STORE not in capabilities(account.roles):
            raise NotAllowedError(reason="your role does not look after backups and the ledger")
        remembered = memory.remembered.size if memory.remembered else 0
        log.readmit()
        note = f"size={log.size} remembered={remembered}"
        event = RollbackAccepted(
            at=kiosk.journal.now(),
            actor=account.account_id,
            size=log.size,
            remembered=remembered,
            reason=reason,
        )
        return [Fact(event, note=note)]

    refused = log.refusal
    if refused is None:
        raise BadRequestError(detail="the store was not rolled back; there is nothing to accept")
    if not isinstance(refused, LedgerSetBackError):
        raise refused
    try:
        # Not under the journal's lock: a login takes it after its own.
        entered = kiosk.keyring.login(user, passphrase, output, first)
    except BaseException:
        log.refuse(refused)
        raise
    memory.readmit()
    return entered


def _time(seconds: int) -> str:
    try:
        return rfc3339(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, ValueError, OSError):
        return ""  # a witness may claim any time
