"""What the verifier says: every kind of damage, with what was lost and what is safe.

The table below is the whole vocabulary; the docs of `kioskctl verify` are made from it.
"""

from __future__ import annotations

import msgspec

_REPAIR = " Put it back from a backup drive: kioskctl verify STORE --repair-from DRIVE."
_REBUILD = (
    " Move this store aside and make it anew from a backup drive, with two recovery sheets:"
    " kioskctl backup restore --from DRIVE/store."
)
_AGAIN = " No entry is lost: kioskctl verify --repair makes it again from them."
_NEWEST = (
    " Move it aside and make it anew from the newest backup drive, with two recovery sheets: kioskctl backup"
    " restore --from DRIVE/store."
)
_CALL = (
    " Keep every card. Call whoever looks after this kiosk: with a backup drive and two recovery sheets the"
    " store is made anew."
)
_AT_CONSOLE = {
    _REPAIR: " Plug a backup drive in; Maintenance (M), R puts back what the drive can prove.",
    _AGAIN: " No entry is lost: Maintenance (M), R makes it again from them.",
    _REBUILD: _CALL,
    _NEWEST: _CALL,
}
"""What is said where nobody has a shell."""

SENTENCES: dict[str, str] = {
    "store.unreadable": (
        "The store's database cannot be used: {detail} Without it no sealed file can be opened; the"
        " sealed files themselves are checked against the ledger below." + _REBUILD
    ),
    "store.corrupt": (
        "The store's database is corrupt: {detail}. What is named below is lost, the rest can be"
        " opened." + _REBUILD
    ),
    "store.rolled_back": (
        "The ledger has {detail} entries that the store does not know of: vault.db was replaced by an"
        " older copy. What was imported since cannot be opened."
    ),
    "row.damaged": (
        "The row {subject} was changed or damaged. What it describes may not open; other rows are not"
        " affected." + _REPAIR
    ),
    "slot.no_recovery": (
        "The recovery slot is missing: the recovery words open nothing. Log in and make new ones now;"
        " the photos are safe as long as one user can log in."
    ),
    "slot.two_ways": (
        "A user whose slot takes a security key has another for the passphrase alone: a row of an older"
        " vault.db was put back. The kiosk goes on asking for the key; an administrator who resets that"
        " user's passphrase removes both."
    ),
    "store.state": (
        "What the store says about its newest keys is wrong: {detail}. Nothing is lost; the kiosk may"
        " refuse to start." + _REBUILD
    ),
    "escrow.missing": (
        "The sealed copy of the device's secret {subject} is missing: with the recovery sheets the"
        " photos can be opened, but no new machine can go on with this ledger. Log in and make new"
        " recovery sheets."
    ),
    "disposal.envelope_left": (
        "{subject} was disposed of, and its key envelope is in the store again: rows of an older"
        " vault.db were put back. Whoever has an old device secret or two recovery sheets may open it."
        " Destroy this copy."
    ),
    "disposal.blob_left": (
        "The sealed file of {subject} is still there although its disposal is finished. Nobody has its"
        " key. Remove the file."
    ),
    "disposal.moved_changed": (
        "The moved key envelopes of epoch {subject} are not those that the ledger vouches for:"
        " {detail}. Some of what is sealed there cannot be opened; rows named above say which." + _REPAIR
    ),
    "disposal.moved_unvouched": (
        "Epoch {subject} holds {detail} moved key envelopes that no ledger entry vouches for. They may"
        " have been put there from outside." + _REBUILD
    ),
    "ledger.vkey": (
        "The ledger's key file cannot be used: {detail} Nothing is lost: write the ledger key from"
        " paper into it."
    ),
    "ledger.no_checkpoint": (
        "The ledger's checkpoint cannot be used: {detail} Nothing can be proved before there is one;"
        " the photos are safe." + _REBUILD
    ),
    "ledger.signature": (
        "The ledger's checkpoint is not signed by the expected key: {detail} Do not trust what this"
        " store says about itself."
    ),
    "ledger.rolled_back": (
        "The store counts {detail} ledger entries more than the ledger has: entries were cut off, or"
        " the ledger was replaced by an older copy. The photos are safe; the history is not complete."
    ),
    "ledger.disagree": (
        "Ledger entry {subject} is not the one that the store promised there. One of the two was replaced."
    ),
    "ledger.unreadable": (
        "Ledger entries {subject} cannot be read. What they recorded is not proved; the photos are"
        " safe." + _REPAIR
    ),
    "ledger.entry_changed": (
        "Ledger entry {subject} is not the one that was signed. What it recorded is lost; every other"
        " entry and the photos are safe." + _REPAIR
    ),
    "ledger.removed": (
        "Ledger entry {subject} is missing from its file. What it recorded is lost; every other entry"
        " and the photos are safe." + _REPAIR
    ),
    "ledger.truncated": (
        "The file of ledger entries {subject} was cut off: they are lost here. The entries before and"
        " the photos are safe." + _REPAIR
    ),
    "ledger.reordered": (
        "Ledger entries {subject} stand in another order than they were signed in. No entry is lost."
        + _REPAIR
    ),
    "ledger.entry_added": (
        "Something was added to the file of ledger entries {subject} that was never signed. Every"
        " signed entry is there." + _REPAIR
    ),
    "ledger.tile_damaged": ("The ledger's hash file {subject} is damaged." + _AGAIN),
    "ledger.tree": (
        "The ledger's entries do not lead to its signed head: entries were changed, removed or"
        " reordered {detail}. The photos are safe; the history is not proved."
    ),
    "ledger.contradicted": (
        "A witness signed that this ledger had {subject} entries, and the one here is {detail}. The"
        " store was replaced by an older copy, or its history was." + _NEWEST
    ),
    "ledger.cosigned_damaged": (
        "The checkpoint of {subject} entries that witnesses signed is damaged. No entry is lost: ask"
        " the witnesses for it again."
    ),
    "ledger.malformed": (
        "Ledger entry {subject} is signed, but this program cannot interpret it: {detail}. Nothing is lost."
    ),
    "object.row_missing": (
        "The store has forgotten object {subject} ({detail}): it cannot be opened. Its sealed file is"
        " {blob}." + _REPAIR
    ),
    "object.facts": (
        "What the store says about object {subject} differs from its ledger entry in: {detail}. The"
        " entry is right."
    ),
    "object.envelope_missing": (
        "The key of object {subject} ({detail}) is gone and no entry says that it was disposed of: it"
        " cannot be opened." + _REPAIR
    ),
    "object.envelope_changed": (
        "The key envelope of object {subject} ({detail}) was changed: it cannot be opened." + _REPAIR
    ),
    "object.blob_missing": (
        "The sealed file of object {subject} ({detail}) is missing: that picture is lost here. All"
        " others are checked one by one." + _REPAIR
    ),
    "object.blob_size": ("The sealed file of object {subject} has {detail}: it cannot be opened." + _REPAIR),
    "object.blob_changed": (
        "The sealed file of object {subject} ({detail}) was changed: it cannot be opened." + _REPAIR
    ),
    "object.blob_swapped": (
        "The sealed file of object {subject} is that of object {detail}. If both are only swapped"
        " nothing is lost: give each its own name."
    ),
    "object.blob_unreadable": (
        "The sealed file of object {subject} cannot be read: {detail}. The disk may be failing: make a"
        " backup of the rest now." + _REPAIR
    ),
    "object.unlogged": (
        "Object {subject} is in the store, but no ledger entry names it. It may have been put there"
        " from outside, or its entry was lost."
    ),
    "blob.unlogged": (
        "The file {subject} is among the sealed files, but neither the store nor the ledger knows it."
    ),
    "record.row_missing": (
        "The store has lost the record {subject}: what happened then is known only in outline." + _REPAIR
    ),
    "record.facts": (
        "What the store says about record {subject} differs from its ledger entry in: {detail}. The"
        " entry is right."
    ),
    "record.changed": ("The record {subject} was changed: it cannot be opened." + _REPAIR),
    "record.envelope_missing": ("The key of record {subject} is gone: it cannot be opened." + _REPAIR),
    "record.envelope_changed": (
        "The key envelope of record {subject} was changed: it cannot be opened." + _REPAIR
    ),
    "record.unlogged": ("Record {subject} is in the store, but no ledger entry names it."),
}


class Problem(msgspec.Struct, frozen=True):
    """One kind of damage in one place.

    Attributes:
        code: a key of `SENTENCES`; stable.
        subject: id, entry number or path; empty where there is only one.
        sentence: for the operator.
    """

    code: str
    subject: str
    sentence: str


class Report(msgspec.Struct, frozen=True):
    """The result of a verification.

    Attributes:
        store_id: 32 hexadecimal digits; empty if unreadable.
        origin: the log's name.
        ledger_size: entries under the checkpoint.
        ledger_root: base16 root hash.
        signature: ``verified`` against the key that was given; ``own key only`` against the one in the
            store, which proves nothing against a forger; ``not verified``.
        objects: sealed objects checked.
        records: sealed records checked.
        bytes: sealed bytes read.
        pending: entries promised and not yet in the ledger.
        problems: damage; empty if all is well.
        notes: what is worth knowing and no damage.
    """

    store_id: str
    origin: str
    ledger_size: int
    ledger_root: str
    signature: str
    objects: int
    records: int
    bytes: int
    pending: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Tell whether nothing is damaged."""
        return not self.problems


def problem(code: str, subject: object = "", **values: object) -> Problem:
    """Make a problem with its sentence."""
    return Problem(code, str(subject), SENTENCES[code].format(subject=subject, **values))


def at_console(found: Problem) -> str:
    """Return its sentence for the screen of a kiosk, where nobody can type a command."""
    for command, words in _AT_CONSOLE.items():
        if found.sentence.endswith(command):
            return found.sentence.removesuffix(command) + words
    return found.sentence


class Finder:
    """Takes down what a verification finds, in the order in which it is found."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.notes: list[str] = []

    def found(self, code: str, subject: object = "", **values: object) -> None:
        """Take down damage."""
        self.problems.append(problem(code, subject, **values))

    def note(self, sentence: str) -> None:
        """Take down what is no damage."""
        self.notes.append(sentence)
