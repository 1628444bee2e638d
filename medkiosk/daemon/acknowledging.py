"""Takes what receivers send back: who opened a bundle, and what head they saw (docs/acknowledgement.md)."""

from __future__ import annotations

from dataclasses import dataclass

from medkiosk.core.events import AccountCreated
from medkiosk.core.exportevents import ExportAcknowledged
from medkiosk.core.ids import ExportId
from medkiosk.core.lifecycle import CosignatureTaken
from medkiosk.daemon import outside
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.export import acknowledgement
from medkiosk.export.acknowledgement import Acknowledgement
from medkiosk.ipc import types as t
from medkiosk.journal import Fact
from medkiosk.ledger import checkpoint, held
from medkiosk.ledger.errors import CheckpointError, LedgerForkError
from medkiosk.ledger.note import COSIGNATURE, Signature, VerifierKey


class _NotBelievedError(Exception):
    """One file is not believed; says why, in a sentence for people."""


@dataclass
class _Taken:
    """What the files on a stick came to."""

    exports: list[ExportId]
    refused: list[str]
    strangers: list[str]
    witnessed: int = 0


def take(kiosk: Kiosk, who: AccountCreated, stick: str) -> t.Acknowledgements:
    """Read the acknowledgements on a stick, and record those that are true.

    Raises:
        LedgerForkError: the log signed something else than it has here; the console says so.
        KioskError: the stick cannot be read.
    """
    return take_files(kiosk, who, kiosk.sticks.read_acknowledgements(stick))


def take_files(kiosk: Kiosk, who: AccountCreated, untrusted: list[bytes]) -> t.Acknowledgements:
    """Do the same with the content of the files; see `take`."""
    taken = _Taken([], [], [])
    fork: LedgerForkError | None = None
    for number, each in enumerate(untrusted, 1):
        try:
            _take_one(kiosk, who, each, taken)
        except _NotBelievedError as error:
            taken.refused.append(f"File {number} of {len(untrusted)}: {error}")
        except LedgerForkError as error:
            fork = error  # the other files are read all the same
    if fork is not None:
        raise fork
    with kiosk.reading() as catalog:
        exports = catalog.outside.exports
        return t.Acknowledgements(
            taken=tuple(outside.view(catalog.outside, exports[id_]) for id_ in dict.fromkeys(taken.exports)),
            refused=tuple(taken.refused),
            strangers=tuple(dict.fromkeys(taken.strangers)),
            witnessed=taken.witnessed,
        )


def _take_one(kiosk: Kiosk, who: AccountCreated, untrusted: bytes, taken: _Taken) -> None:
    try:
        found = acknowledgement.read(untrusted)
    except ValueError as error:
        raise _NotBelievedError("it is not an acknowledgement.") from error
    with kiosk.journal.lock:
        own_key = _own_key(kiosk, found)
        head, signatures = _head(kiosk, found, own_key)
        log, own = kiosk.journal.log, kiosk.memory.key
        witnesses = held.read_witnesses(log.folder)
        seen = held.Held(head, signatures)
        try:
            signed = seen.times(witnesses)
        except CheckpointError as error:
            raise _NotBelievedError(f"{error.values['detail']}.") from error
        if words := log.why_not(head):
            # Our own key signed it, as `_head` saw: this is no forgery by whoever held the stick.
            names = ", ".join(key.name for key in signed) or f"the receiver of {found.export_id[:8]}"
            fork = LedgerForkError(
                detail=f"{names} was shown a ledger of {head.size} entries, and the one here is {words}"
            )
            kiosk.board.problem(fork.message, key="ledger-witness")
            raise fork
        with kiosk.reading() as catalog:
            again = catalog.outside.exports[found.export_id].acknowledged is not None
        facts = []
        if signed:
            # The same file, read once more, adds no entry: its lines are held already.
            before = held.of(log.folder, head, own).times(witnesses) if again else {}
            held.hold(log.folder, held.examine(found.cosigned.encode(), own, witnesses), own)
            facts = [
                Fact(
                    CosignatureTaken(
                        at=kiosk.journal.now(), actor=who.account_id, witness=key.name, size=head.size
                    )
                )
                for key in signed
                if key not in before
            ]
        if not again:
            facts.append(
                Fact(
                    ExportAcknowledged(
                        at=kiosk.journal.now(), actor=who.account_id, export_id=found.export_id, by=found.by
                    )
                )
            )
        if facts:
            kiosk.journal.commit(facts)
    known = {(key.name, key.key_id) for key in (*filter(None, own), own_key, *witnesses)}
    taken.exports.append(found.export_id)
    taken.witnessed += len(signed)
    taken.strangers += [one.name for one in signatures if (one.name, one.key_id) not in known]


def _own_key(kiosk: Kiosk, found: Acknowledgement) -> VerifierKey:
    """Return the export's own key, if it is one of ours and its signature is good."""
    with kiosk.reading() as catalog:
        export = catalog.outside.exports.get(found.export_id)
    if export is None or export.written is None:
        raise _NotBelievedError("it is about no bundle that this kiosk wrote.")
    if found.manifest_sha256 != export.written.manifest_sha256:
        raise _NotBelievedError(
            f"it is about another bundle than the one that was written as {found.export_id[:8]}."
        )
    public = bytes.fromhex(export.prepared.acknowledge)
    if not public or not acknowledgement.is_signed(found, public):
        raise _NotBelievedError(f"whoever wrote it did not open the bundle {found.export_id[:8]}.")
    return VerifierKey(f"{acknowledgement.KEY_NAME}{found.export_id}", public, COSIGNATURE)


def _head(
    kiosk: Kiosk, found: Acknowledgement, own_key: VerifierKey
) -> tuple[checkpoint.Checkpoint, list[Signature]]:
    """Return the head that it is about, which this log and the export's own key signed."""
    untrusted = found.cosigned.encode()
    try:
        head = checkpoint.verify(untrusted, kiosk.memory.key)
        signatures = checkpoint.parse(untrusted)[1]
        good = len(own_key.lines_of(signatures)) == 1
        good = good and checkpoint.verify_signatures(head, signatures, own_key) is not None
    except CheckpointError as error:
        raise _NotBelievedError(f"its checkpoint cannot be used: {error.values['detail']}.") from error
    if not good:
        raise _NotBelievedError("its checkpoint was not signed with the bundle's own key.")
    return head, signatures
