"""The ledger's head to witnesses and back, on a stick (docs/ledger.md, section 3)."""

from __future__ import annotations

import base64

from medkiosk.core.errors import KioskError
from medkiosk.core.events import AccountCreated
from medkiosk.core.ids import new_id
from medkiosk.daemon import stickreading, witness
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.export.plainfolder import write_folder
from medkiosk.export.volume import Need
from medkiosk.ipc.maintenancetypes import HeadWritten, WitnessesRead, WitnessKey
from medkiosk.ledger import checkpoint, held
from medkiosk.ledger.errors import CosignatureError
from medkiosk.ledger.file import Log
from medkiosk.ledger.note import VerifierKey

FOLDER = "medkiosk-head-"
CHECKPOINT, KEYS, READ = "checkpoint", "ledger-keys.vkey", "READ-ME.txt"
_READ = """\
The head of the ledger {origin}: {size} entries.

checkpoint             what the kiosk signed. Keep it where the kiosk is not.
ledger-keys.vkey       the ledger's keys. Compare them with what you got by another way.
from-N.request         what a witness is asked with who saw N entries last (C2SP tlog-witness).

A witness signs on their own computer:
    kioskctl ledger witness sign KEYFILE ledger-keys.vkey from-N.request > medkiosk-cosigned-NAME
and puts the file medkiosk-cosigned-NAME beside this folder, not into it. A witness whom the kiosk does not
know puts a file medkiosk-witness-NAME beside it, too: the line that "kioskctl ledger witness key" printed.
On the kiosk an administrator or auditor then opens Maintenance (M) and presses T.
"""


def members(log: Log, keys: str, seen: set[int]) -> dict[str, bytes]:
    """Return the files, by name.

    Args:
        log: the ledger; its checkpoint and proofs must be of one instant: the journal's lock is held.
        keys: the log's verifier keys, a line each.
        seen: sizes that witnesses saw last.
    """
    signed = log.checkpoint
    head = checkpoint.parse(signed)[0]
    files = {CHECKPOINT: signed, KEYS: keys.encode() + b"\n"}
    for old in sorted({0, *(size for size in seen if size <= head.size)}):
        path = log.consistency(old) if old else []
        lines = [f"old {old}", *(base64.b64encode(each).decode() for each in path), "", ""]
        files[f"from-{old}.request"] = "\n".join(lines).encode() + signed
    files[READ] = _READ.format(origin=head.origin, size=head.size).encode()
    return files


def write(kiosk: Kiosk, stick: str) -> HeadWritten:
    """Write the newest head to a stick.

    Raises:
        KioskError: the stick did not take it.
    """
    log, own = kiosk.journal.log, kiosk.memory.key
    with kiosk.journal.lock:
        known = held.last_seen(log.folder, own, held.read_witnesses(log.folder))
        files = members(log, str(own), {size for size, _ in known.values() if size})
        size = log.size
    sizes = [len(data) for data in files.values()]
    with kiosk.sticks.writing(stick) as taken:
        taken.check_room(Need(len(sizes), sum(sizes), max(sizes)))
        folder = write_folder(
            taken.path, FOLDER, new_id(kiosk.random), kiosk.clock().date(), files, taken.files
        )
    return HeadWritten(folder=folder, size=size, stick=taken.after)


def read(kiosk: Kiosk, who: AccountCreated, stick: str) -> WitnessesRead:
    """Hold what witnesses signed, and say which keys on the stick are not enrolled.

    Raises:
        LedgerForkError: a witness saw another ledger; nothing of that file is held, the console says so.
        KioskError: the stick cannot be read.
    """
    with kiosk.sticks.reading(stick) as lent:
        look = stickreading.look(lent.path)
    before = _sizes(kiosk)
    refused: list[str] = []
    fork: KioskError | None = None
    for number, untrusted in enumerate(look.untrusted_cosigned, 1):
        try:
            witness.take(kiosk, who, untrusted.decode("utf-8", "replace"))
        except CosignatureError as error:
            refused.append(f"Checkpoint {number} of {len(look.untrusted_cosigned)}: {error.message}")
        except KioskError as error:
            fork = error  # the others are read all the same
    if fork is not None:
        raise fork
    keys: dict[str, WitnessKey] = {}
    for number, untrusted in enumerate(look.untrusted_keys, 1):
        try:
            key = _key(kiosk, untrusted)
        except CosignatureError as error:
            refused.append(f"Key {number} of {len(look.untrusted_keys)}: {error.message}")
            continue
        if key not in held.read_witnesses(kiosk.journal.log.folder):
            keys[str(key)] = WitnessKey(name=key.name, key_id=key.key_id.hex(), vkey=str(key))
    after = _sizes(kiosk)
    names = tuple(sorted({key.name for key, seen in after.items() if seen != before.get(key)}))
    return WitnessesRead(held=names, refused=tuple(refused), keys=tuple(keys.values()))


def _sizes(kiosk: Kiosk) -> dict[VerifierKey, tuple[int, int]]:
    folder = kiosk.journal.log.folder
    return held.last_seen(folder, kiosk.memory.key, held.read_witnesses(folder))


def _key(kiosk: Kiosk, untrusted: bytes) -> VerifierKey:
    return held.check_witness(
        kiosk.journal.log.folder, untrusted.decode("utf-8", "replace").strip(), kiosk.memory.key
    )
