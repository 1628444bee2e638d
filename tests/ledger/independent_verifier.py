"""A second verifier of what the ledger signs, written from the C2SP texts alone: no import from medkiosk.

c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof, tlog-tiles; RFC 6962 section 2.1; for
subtrees draft-ietf-plants-merkle-tree-certs sections 4.1 to 4.4.

    python -m tests.ledger.independent_verifier LOG-FOLDER VKEY...        the whole log
    python -m tests.ledger.independent_verifier FILE.tlog-proof VKEY...   a proof, its entry in the extra line

The first key is the log's. Every key that is given must have signed.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey


class Wrong(Exception):  # noqa: N818 - it is what it says
    """What was looked at is not what it claims to be."""


# signed-note: keys and notes


def read_vkey(text: str) -> tuple[str, bytes, int, bytes]:
    """(name, key id, type, public key) of ``name+id+base64``."""
    name, id_, data = text.strip().split("+", 2)
    raw = base64.b64decode(data, validate=True)
    expected = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if bytes.fromhex(id_) != expected:
        raise Wrong("the key id is not the key's")
    return name, expected, raw[0], raw[1:]


def split_note(note: bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The text, with its newline, and (name, key id, signature) of each line below."""
    content = note.decode("utf-8")
    if any(ord(c) < 0x20 and c != "\n" for c in content):
        raise Wrong("control characters")
    at = content.rfind("\n\n")
    if at < 0 or not content.endswith("\n"):
        raise Wrong("no signatures")
    lines = []
    for line in content[at + 2 : -1].split("\n"):
        mark, name, data = line.split(" ")
        raw = base64.b64decode(data, validate=True)
        if mark != "\u2014" or not name or len(raw) < 5:
            raise Wrong("not a signature line")
        lines.append((name, raw[:4], raw[4:]))
    return content[: at + 1], lines


# tlog-checkpoint and tlog-cosignature


def verify_checkpoint(note: bytes, vkeys: list[str]) -> tuple[str, int, bytes, dict[str, int]]:
    """(origin, size, root, time of each cosignature) after every key was found to have signed."""
    text, lines = split_note(note)
    origin, size_text, root_text, *extensions = text[:-1].split("\n")
    size = int(size_text)
    root = base64.b64decode(root_text, validate=True)
    if str(size) != size_text or len(root) != 32 or not all(extensions) or not origin:
        raise Wrong("not a checkpoint")
    if read_vkey(vkeys[0])[0] != origin:
        raise Wrong("another log's")
    times = {}
    for vkey in vkeys:
        name, id_, kind, public = read_vkey(vkey)
        mine = [signature for n, i, signature in lines if (n, i) == (name, id_)]
        if not mine:
            raise Wrong(f"{name} (type {kind}) did not sign")
        for signature in mine:
            try:
                if kind == 0x01:
                    Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
                elif kind == 0x04:
                    times[vkey] = time = int.from_bytes(signature[:8], "big")
                    message = b"cosignature/v1\ntime %d\n" % time + text.encode()
                    Ed25519PublicKey.from_public_bytes(public).verify(signature[8:], message)
                elif kind == 0x06:
                    times[vkey] = int.from_bytes(signature[:8], "big")
                    message = b"subtree/v1\n\x00"
                    message += len(name.encode()).to_bytes(1, "big") + name.encode() + signature[:8]
                    message += len(origin.encode()).to_bytes(1, "big") + origin.encode()
                    message += (0).to_bytes(8, "big") + size.to_bytes(8, "big") + root
                    MLDSA44PublicKey.from_public_bytes(public).verify(signature[8:], message)
                else:
                    raise Wrong(f"type {kind} is not known")
            except InvalidSignature as error:
                raise Wrong(f"the signature of {name} (type {kind}) is wrong") from error
    return origin, size, root, times


# RFC 6962 section 2.1; the way up is computed from the definition of MTH, by recursion


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def pair(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def below(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def tree_hash(leaves: list[bytes]) -> bytes:
    """MTH over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = below(len(leaves))
    return pair(tree_hash(leaves[:k]), tree_hash(leaves[k:]))


def root_by_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that an audit path leads to."""
    if size == 1:
        if path:
            raise Wrong("the path is too long")
        return leaf
    if not path:
        raise Wrong("the path is too short")
    k = below(size)
    if index < k:
        return pair(root_by_path(leaf, index, k, path[:-1]), path[-1])
    return pair(path[-1], root_by_path(leaf, index - k, size - k, path[:-1]))


def verify_inclusion(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> None:
    if not 0 <= index < size or any(len(hash_) != 32 for hash_ in (leaf, root, *path)):
        raise Wrong("no such leaf")
    if root_by_path(leaf, index, size, path) != root:
        raise Wrong("the path leads to another root")


def verify_subtree_inclusion(
    leaf: bytes, index: int, start: int, end: int, path: list[bytes], root: bytes
) -> None:
    """A leaf of the log in the subtree [start, end): the same, counted from its start."""
    check_subtree(start, end)
    verify_inclusion(leaf, index - start, end - start, path, root)


def check_subtree(start: int, end: int) -> None:
    width = 1
    while width < end - start:
        width *= 2
    if not 0 <= start < end or start % width:
        raise Wrong("not a subtree")


def verify_subtree_consistency(
    start: int, end: int, size: int, part: bytes, root: bytes, path: list[bytes]
) -> None:
    """The subtree [start, end) is a part of the tree; with start 0, RFC 6962's consistency."""
    check_subtree(start, end)
    if end > size or any(len(hash_) != 32 for hash_ in (part, root, *path)):
        raise Wrong("no such subtree")
    rest = list(path)

    def hashes(low: int, high: int, whole: bool) -> tuple[bytes, bytes]:
        """(the part's share of [low, high), all of it), consuming the path from its end.

        ``whole``: what lies in here of the subtree, from its first leaf on, is all of it.
        """
        if (low, high) == (start, end) and whole:
            return part, part
        if low >= start and high == end:
            if not rest:
                raise Wrong("the path is too short")
            both = rest.pop()
            return both, both
        middle = low + below(high - low)
        if end <= middle:
            sibling = take()
            mine, left = hashes(low, middle, whole)
            return mine, pair(left, sibling)
        if start >= middle:
            sibling = take()
            mine, right = hashes(middle, high, whole)
            return mine, pair(sibling, right)
        # The subtree goes over the middle: its left share is complete here, the rest goes on at the right.
        sibling = take()
        mine, right = hashes(middle, high, False)
        return pair(sibling, mine), pair(sibling, right)

    def take() -> bytes:
        if not rest:
            raise Wrong("the path is too short")
        return rest.pop()

    mine, all_ = hashes(0, size, True)
    if rest:
        raise Wrong("the path is too long")
    if mine != part or all_ != root:
        raise Wrong("the path leads elsewhere")


# tlog-proof


def verify_proof(file: bytes, vkeys: list[str], entry: bytes | None = None) -> tuple[int, bytes]:
    """(index, entry) after the proof was verified; the entry is the extra line's where none is given."""
    head, _, note = file.partition(b"\n\n")
    lines = head.decode("ascii").split("\n")
    if lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Wrong("not a proof")
    extra = None
    if lines[0].startswith("extra "):
        extra = base64.b64decode(lines.pop(0)[6:], validate=True)
    word, index = lines.pop(0).split(" ")
    if word != "index" or str(int(index)) != index:
        raise Wrong("no index")
    path = [base64.b64decode(line, validate=True) for line in lines]
    entry = extra if entry is None else entry
    if entry is None:
        raise Wrong("no entry")
    _, size, root, _ = verify_checkpoint(note, vkeys)
    verify_inclusion(leaf_hash(entry), int(index), size, path, root)
    return int(index), entry


# tlog-tiles


def tile_name(kind: str, number: int, width: int) -> str:
    parts = []
    while number >= 1000:
        number, last = divmod(number, 1000)
        parts.append(f"{last:03d}")
    parts.append(f"{number:03d}")
    parts.reverse()
    name = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
    return f"tile/{kind}/{name}" + (f".p/{width}" if width < 256 else "")


def verify_log(folder: Path, vkeys: list[str]) -> list[bytes]:
    """Every entry, after entries, hash tiles and the checkpoint were found to agree."""
    _, size, root, _ = verify_checkpoint((folder / "checkpoint").read_bytes(), vkeys)
    entries: list[bytes] = []
    for number in range(-(-size // 256)):
        width = min(256, size - number * 256)
        data = (folder / tile_name("entries", number, width)).read_bytes()
        while data:
            length = int.from_bytes(data[:2], "big")
            entries.append(data[2 : 2 + length])
            data = data[2 + length :]
    row = [leaf_hash(entry) for entry in entries]
    if len(entries) != size or tree_hash(row) != root:
        raise Wrong("the entries do not lead to the checkpoint")
    level = 0
    while row:
        for number in range(-(-len(row) // 256)):
            part = row[number * 256 : number * 256 + 256]
            if (folder / tile_name(str(level), number, len(part))).read_bytes() != b"".join(part):
                raise Wrong(f"tile {level}/{number} is not what the entries give")
        row = [tree_hash(row[at : at + 256]) for at in range(0, len(row) // 256 * 256, 256)]
        level += 1
    return entries


def main() -> int:
    path, vkeys = Path(sys.argv[1]), sys.argv[2:]
    try:
        if path.is_dir():
            print(f"{len(verify_log(path, vkeys))} entries, all as signed")
        else:
            index, entry = verify_proof(path.read_bytes(), vkeys)
            print(f"entry {index}: {entry.decode()}")
    except (Wrong, ValueError, OSError) as error:
        print(f"WRONG: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
