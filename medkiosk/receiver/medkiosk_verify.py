#!/usr/bin/env python3
"""medkiosk-verify: check and open a bundle of pictures that a medkiosk wrote to a stick, and acknowledge it.

One file. It needs Python 3.9 or newer and the package `cryptography` (docs/receiver.md says which), imports
nothing else that is not Python's own, and never uses a network. The formats are docs/export-format.md,
docs/acknowledgement.md and docs/recall.md of medkiosk.

Everything in the folder is hostile until the signature over its manifest was checked with a key that came
another way, and stays bounded by the manifest from then on.

Exit codes: 0 good; 1 could not be done (nothing was found wrong); 2 wrong usage; 3 REFUSED: not what the
kiosk signed, or not what it says; 5 this identity or passphrase does not open it.
"""

# One file on purpose, though long: its user carries it on a stick and may read all of it before running it.

from __future__ import annotations

import argparse
import base64
import contextlib
import errno
import getpass
import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import signal
import stat
import struct
import sys
import time
import zlib
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO, Callable, Iterable, Iterator, NamedTuple, Optional, Protocol, Sequence

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MANIFEST, SIGNATURE, CHECKPOINT, RECORD = "manifest.json", "manifest.json.sig", "checkpoint", "record.zip.age"
IDENTITY, PAGE = "identity.age", "index.html"
NEEDED = frozenset({CHECKPOINT, "README.html", "VERIFY.txt", RECORD})
RECALL = ("RECALL.txt", "recall.json", "recall.json.sig")
VIEW_MANIFEST, VIEW_SIGNATURE = "view/manifest.css", "view/signature.css"

LONGEST_MANIFEST = 16 << 20
LONGEST_SMALL = 1 << 20
"""Bytes of a signature, a checkpoint, an entry, a proof, a key file."""
LONGEST_RECORD = 512 << 20
"""Bytes of a record, which is held in memory: 10,000 pictures with thumbnails are 370 MiB."""
MOST_IMAGES = 10_000
MOST_PROBLEMS = 50
"""Problems that are named; a folder full of rubbish is not listed to its end."""

_ID = re.compile(r"[0-9a-f]{32}")
_HEX = re.compile(r"[0-9a-f]{64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_IN_FOLDER = re.compile(
    r"images/(?P<images>[0-9a-f]{32})\.jpg\.age|dicom/(?P<dicom>[0-9a-f]{32})\.dcm\.age"
    r"|view/(?P<view>[0-9a-f]{32}|checkpoint|identity|recall|record)\.css"
)
_BLOCK = 1 << 20


class Problem(NamedTuple):
    """What is wrong, and with which file of the bundle."""

    where: str
    what: str


class RefusedError(Exception):
    """The bundle is not what the kiosk signed, or not what it says of itself."""

    code, exit_code = "refused", 3

    def __init__(self, where: str, what: str, *more: Problem) -> None:
        self.problems = [Problem(where, what), *more]
        super().__init__(f"{where}: {what}")


class CannotOpenError(Exception):
    """The bundle may well be good, but not with this identity or passphrase."""

    code, exit_code = "cannot_open", 5


class UsageError(Exception):
    """The command was not given what it needs."""

    code, exit_code = "usage", 2


class FailedError(Exception):
    """This computer, or the stick, did not do what it was asked to."""

    code, exit_code = "failed", 1


def plain(text: object) -> str:
    """Return text that can do nothing to a terminal: what is not printable is spelled out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))


# --- Canonical JSON (docs/format.md section 1) ------------------------------------------------------------


def read_json(data: bytes) -> Any:  # noqa: ANN401  # JSON is anything until its members were looked at
    """Read JSON in its one form: ASCII keys in order, no white space, integers within +-(2^53 - 1).

    Raises:
        ValueError: it is not that.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            parse_int=_integer,
            parse_float=_no_number,
            parse_constant=_no_number,
            object_pairs_hook=_object,
        )
        if write_json(value) != data:
            raise ValueError("it is not in its one form")
    except (UnicodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError("it is not JSON, or is nested too deeply") from error
    return value


def write_json(value: object) -> bytes:
    """Return plain data as canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _integer(text: str) -> int:
    value = int(text) if len(text) <= 17 else 1 << 53
    if abs(value) >= 1 << 53:
        raise ValueError("a number in it is too large")
    return value


def _no_number(text: str) -> object:
    raise ValueError(f"it has a number that is not a whole one: {text[:20]}")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if not all(key.isascii() for key, _ in pairs):
        raise ValueError("it has a name that is not ASCII")
    return dict(pairs)  # one that stands twice does not come out as it went in


def _shape(value: object, members: dict[str, type]) -> dict[str, Any]:
    """Return an object that has exactly these members, of exactly these types."""
    if type(value) is not dict or set(value) != set(members):
        raise ValueError("it has not exactly the members that it must have")
    for name, kind in members.items():
        if type(value[name]) is not kind:
            raise ValueError(f"its member {name} is of the wrong kind")
    return value


def _match(pattern: re.Pattern[str], text: str, what: str) -> str:
    if pattern.fullmatch(text) is None:
        raise ValueError(f"{what} is not one")
    return text


def _day(text: str, what: str) -> str:
    _match(_DAY, text, what)
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{what} is not one") from error
    return text


# --- Files that are hostile -------------------------------------------------------------------------------


def open_plain(path: Path, name: str) -> BinaryIO:
    """Open a plain file, and nothing that only looks like one: no link, no pipe, no device.

    Raises:
        RefusedError: it is not there, or not a plain file.
        FailedError: it cannot be read.
    """
    # Opening a named pipe would wait for ever without O_NONBLOCK; Windows has no such flag, and no such pipe.
    flags = os.O_RDONLY
    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):
        flags |= getattr(os, flag, 0)
    try:
        before = os.lstat(path)
        if not _is_plain(before):
            raise RefusedError(name, "it is not a plain file")
        fd = os.open(path, flags)
    except FileNotFoundError as error:
        raise RefusedError(name, "it is missing") from error
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise RefusedError(name, "it is not a plain file") from error
        raise _unreadable(name, error) from error
    after = os.fstat(fd)
    swapped = not hasattr(os, "O_NOFOLLOW") and (before.st_dev, before.st_ino) != (after.st_dev, after.st_ino)
    if not _is_plain(after) or swapped:
        os.close(fd)
        raise RefusedError(name, "it is not a plain file")
    return open(fd, "rb")  # a descriptor, not a path


def _is_plain(facts: os.stat_result) -> bool:
    reparse = getattr(facts, "st_file_attributes", 0) & getattr(stat, "FILE_ATTRIBUTE_REPARSE_POINT", 0)
    return stat.S_ISREG(facts.st_mode) and not reparse


def _unreadable(name: str, error: OSError) -> FailedError:
    words = os.strerror(error.errno) if error.errno else type(error).__name__
    return FailedError(
        f"{name} cannot be read ({words}). Nothing was changed. Plug the stick in again; if that does not "
        "help, ask the department for another one."
    )


def read_plain(path: Path, name: str, limit: int) -> bytes:
    """Return a plain file's bytes.

    Raises:
        RefusedError: it is not there, not a plain file, or longer than ``limit``.
        FailedError: it cannot be read.
    """
    with open_plain(path, name) as file:
        try:
            data = file.read(limit + 1)
        except OSError as error:
            raise _unreadable(name, error) from error
    if len(data) > limit:
        raise RefusedError(name, "it is longer than it can be")
    return data


_BY_ITSELF = re.compile(r"\.DS_Store|\._.*|Thumbs\.db|desktop\.ini|\.directory", re.IGNORECASE)
_MAY_GO = "; this computer puts such files into folders that somebody looked into: delete it and check again"


def strangers(folder: Path, expected: set[str]) -> Iterator[Problem]:
    """Name what lies in a bundle's folder and does not belong there."""
    inside = {name.split("/")[0] for name in expected if "/" in name}
    for where in ("", *sorted(inside)):
        try:
            with os.scandir(folder / where) as entries:
                for entry in entries:
                    name = f"{where}/{entry.name}" if where else entry.name
                    if not where and name in inside and _is_folder(entry):
                        continue
                    if name not in expected:
                        by_itself = _BY_ITSELF.fullmatch(entry.name)
                        yield Problem(name, "it is not in the manifest" + (_MAY_GO if by_itself else ""))
        except FileNotFoundError:
            continue  # its files are missing, and named
        except OSError as error:
            if error.errno == errno.ENOTDIR:
                continue  # likewise
            raise _unreadable(where or "the folder", error) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    facts = entry.stat(follow_symlinks=False)
    reparse = getattr(facts, "st_file_attributes", 0) & getattr(stat, "FILE_ATTRIBUTE_REPARSE_POINT", 0)
    return stat.S_ISDIR(facts.st_mode) and not reparse


class Source(Protocol):
    """A file that is read from its beginning to its end."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes, fewer only at the end."""

    def readline(self, size: int, /) -> bytes:
        """Return a line with its end, or so many bytes of it."""


class Hashed:
    """Reads a file and hashes what it reads, so that what is used is what was hashed."""

    def __init__(self, file: BinaryIO, name: str, most: int) -> None:
        self._file, self._name, self._rest = file, name, most
        self.digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int, /) -> bytes:
        """Return so many bytes, fewer only at the end."""
        return self._took(self._file.read, size)

    def readline(self, size: int, /) -> bytes:
        """Return a line with its end, or so many bytes of it."""
        return self._took(self._file.readline, size)

    def _took(self, get: Callable[[int], bytes], size: int) -> bytes:
        try:
            data = get(min(size, self._rest - self.size))
        except OSError as error:
            raise _unreadable(self._name, error) from error
        self.digest.update(data)
        self.size += len(data)
        return data


# --- SSHSIG (OpenSSH PROTOCOL.sshsig) ---------------------------------------------------------------------

_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"


def read_key(text: str) -> list[bytes]:
    """Return the Ed25519 public keys (32 bytes each) of OpenSSH lines: bare ones, or of ``allowed_signers``.

    Raises:
        UsageError: there is none, or one is damaged.
    """
    found = re.findall(r"(?:^|\s)ssh-ed25519 ([A-Za-z0-9+/]+={0,2})(?=\s|$)", text)
    start = _ssh(b"ssh-ed25519") + struct.pack(">I", 32)
    keys = []
    for blob in found:
        try:
            raw = base64.b64decode(blob, validate=True)
        except ValueError:
            raw = b""
        if len(raw) != len(start) + 32 or not raw.startswith(start):
            raise UsageError(_BAD_KEY)
        keys.append(raw[len(start) :])
    if not keys:
        raise UsageError(_BAD_KEY)
    return keys


_BAD_KEY = (
    "The kiosk's key cannot be read. Nothing was checked. Give the line that begins with ssh-ed25519, or a "
    "file that holds it, as you got it from the department; not one from the stick."
)


def fingerprint(key: bytes) -> str:
    """Return what ``ssh-keygen -l`` shows of a public key, to be compared aloud."""
    digest = hashlib.sha256(_ssh(b"ssh-ed25519") + _ssh(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def check_signature(message: bytes, untrusted: bytes, keys: Iterable[bytes], namespace: str) -> bytes:
    """Return which of the keys made this very signature file for this message.

    Only the bytes that ``ssh-keygen -Y sign`` writes are accepted: a message has one such file and no other.

    Raises:
        ValueError: none did; the words say what can be said.
    """
    try:
        body = untrusted[len(_BEGIN) : -len(_END)].replace(b"\n", b"")
        raw = base64.b64decode(body, validate=True)[-64:]
    except ValueError as error:
        raise ValueError("the signature file is damaged") from error
    signed = b"SSHSIG" + _ssh(namespace.encode()) + _ssh(b"") + _ssh(b"sha512")
    signed += _ssh(hashlib.sha512(message).digest())
    for key in keys:
        if untrusted == _armoured(raw, key, namespace):
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(raw, signed)
            except (InvalidSignature, ValueError) as error:
                raise ValueError("it is not what was signed") from error
            return key
    raise ValueError("it was signed with another key or for another use, or the signature is damaged")


def _armoured(raw: bytes, key: bytes, namespace: str) -> bytes:
    blob = (
        b"SSHSIG" + struct.pack(">I", 1) + _ssh(_ssh(b"ssh-ed25519") + _ssh(key)) + _ssh(namespace.encode())
    )
    blob += _ssh(b"") + _ssh(b"sha512") + _ssh(_ssh(b"ssh-ed25519") + _ssh(raw))
    text = base64.b64encode(blob)
    return _BEGIN + b"".join(text[at : at + 70] + b"\n" for at in range(0, len(text), 70)) + _END


def _ssh(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


# --- age (C2SP age.md) ------------------------------------------------------------------------------------

_CHUNK, _TAG = 64 << 10, 16
_MOST_STANZAS = 32
_LONGEST_LINE = 4096
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


class AgeError(ValueError):
    """An age file cannot be opened. ``kind``: header, hmac, no match, payload."""

    def __init__(self, kind: str, what: str) -> None:
        self.kind = kind
        super().__init__(what)


class Stanza(NamedTuple):
    """One way to the file key."""

    args: tuple[str, ...]
    body: bytes


Unwrap = Callable[[Sequence[Stanza]], Optional[bytes]]
"""Given the stanzas of a header, return the file key, or None if none of them is for us."""


class Identity(NamedTuple):
    """An age X25519 identity."""

    secret: bytes

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return _raw(X25519PrivateKey.from_private_bytes(self.secret).public_key())

    def recipient(self) -> str:
        """Return the public key as text, ``age1...``."""
        return _bech32("age", self.public)

    @classmethod
    def parse(cls, line: str) -> Identity:
        """Read ``AGE-SECRET-KEY-1...``.

        Raises:
            ValueError: it is not one.
        """
        text = line.lower()
        if line != line.upper() or not re.fullmatch(rf"age-secret-key-1[{_BECH32}]{{58}}", text):
            raise ValueError("not an age identity")
        bits = 0
        for letter in text[16:68]:
            bits = bits << 5 | _BECH32.index(letter)
        secret = (bits >> 4).to_bytes(32, "big")
        if _bech32("age-secret-key-", secret) != text:
            raise ValueError("a letter in it is wrong")
        return cls(secret)


def with_identities(identities: Sequence[Identity]) -> Unwrap:
    """Return what opens X25519 stanzas."""

    def unwrap(stanzas: Sequence[Stanza]) -> bytes | None:
        found = None
        for args, body in stanzas:
            if args[0] == "scrypt" and len(stanzas) > 1:
                raise AgeError("header", "it has a passphrase and other ways to open it")
            if args[0] != "X25519":
                continue
            share = _unpadded(args[1]) if len(args) == 2 else b""
            if len(share) != 32 or len(body) != 32:
                raise AgeError("header", "its way to open it is damaged")
            for identity in identities if found is None else ():
                found = _x25519(identity, share, body)
                if found is not None:
                    break
        return found

    return unwrap


def _x25519(identity: Identity, share: bytes, body: bytes) -> bytes | None:
    try:
        secret = X25519PrivateKey.from_private_bytes(identity.secret)
        shared = secret.exchange(X25519PublicKey.from_public_bytes(share))
    except ValueError as error:
        raise AgeError("header", "its way to open it is damaged") from error
    if shared == bytes(32):
        raise AgeError("header", "its way to open it is damaged")
    key = _hkdf(shared, share + identity.public, b"age-encryption.org/v1/X25519")
    with contextlib.suppress(InvalidTag):
        return ChaCha20Poly1305(key).decrypt(bytes(12), body, None)
    return None


def with_passphrase(passphrase: str, most_work: int = 16) -> Unwrap:
    """Return what opens a scrypt stanza.

    Args:
        passphrase: as it was encrypted with.
        most_work: log2 of the largest N that is computed; 16 needs 64 MiB, each more doubles it.
    """

    def unwrap(stanzas: Sequence[Stanza]) -> bytes | None:
        for args, body in stanzas:
            if args[0] != "scrypt":
                continue
            salt = _unpadded(args[1]) if len(args) == 3 else b""
            if (
                len(stanzas) != 1
                or len(salt) != 16
                or not re.fullmatch("[1-9][0-9]?", args[2])
                or len(body) != 32
            ):
                raise AgeError("header", "its way to open it is damaged")
            if int(args[2]) > most_work:
                raise AgeError("header", "its passphrase would take too long to try")
            salt = b"age-encryption.org/v1/scrypt" + salt
            key = Scrypt(salt=salt, length=32, n=1 << int(args[2]), r=8, p=1).derive(passphrase.encode())
            with contextlib.suppress(InvalidTag):
                return ChaCha20Poly1305(key).decrypt(bytes(12), body, None)
        return None

    return unwrap


def decrypt(source: Source, unwrap: Unwrap, *, one_stanza: bool = True) -> Iterator[bytes]:
    """Yield the content of an age file, each piece after it was authenticated, the last one as the last.

    Args:
        source: the file.
        unwrap: `with_identities` or `with_passphrase`.
        one_stanza: refuse a file that others can open, too; no bundle has one.

    Raises:
        AgeError: it cannot be opened.
    """
    stanzas, header, mac = _header(source)
    if one_stanza and len(stanzas) != 1:
        raise AgeError("header", "it is encrypted for others, too")
    file_key = unwrap(stanzas)
    if file_key is None:
        raise AgeError("no match", "it is not encrypted for this identity or passphrase")
    if not hmac.compare_digest(
        hmac.new(_hkdf(file_key, b"", b"header"), header, hashlib.sha256).digest(), mac
    ):
        raise AgeError("hmac", "its header was changed")
    nonce = source.read(16)
    if len(nonce) != 16:
        raise AgeError("header", "it is cut off")
    cipher = ChaCha20Poly1305(_hkdf(file_key, nonce, b"payload"))
    chunk, number = source.read(_CHUNK + _TAG), 0
    while True:
        following = source.read(_CHUNK + _TAG) if len(chunk) == _CHUNK + _TAG else b""
        if number and len(chunk) == _TAG:
            raise AgeError("payload", "it ends in an empty piece")
        try:
            content = cipher.decrypt(number.to_bytes(11, "big") + bytes([not following]), chunk, None)
        except (InvalidTag, ValueError) as error:
            raise AgeError("payload", "it was changed, cut off or lengthened") from error
        yield content
        if not following:
            return
        chunk, number = following, number + 1


def _header(source: Source) -> tuple[list[Stanza], bytes, bytes]:
    """Return the stanzas, what the MAC is over, and the MAC."""
    lines = [_line(source)]
    if lines[0] != "age-encryption.org/v1":
        raise AgeError("header", "it is not an age file")
    stanzas: list[Stanza] = []
    while (line := _line(source)).startswith("-> "):
        lines.append(line)
        args = tuple(line[3:].split(" "))
        if not all(re.fullmatch("[!-~]+", arg) for arg in args) or len(stanzas) == _MOST_STANZAS:
            raise AgeError("header", "its header is damaged")
        body = b""
        while True:
            lines.append(_line(source))
            piece = _unpadded(lines[-1])
            body += piece
            if len(lines[-1]) < 64:
                break
            if len(lines[-1]) > 64 or len(body) > _LONGEST_LINE:
                raise AgeError("header", "its header is damaged")
        stanzas.append(Stanza(args, body))
    mac = _unpadded(line[4:]) if line.startswith("--- ") else b""
    if not stanzas or len(mac) != 32:
        raise AgeError("header", "its header is damaged")
    return stanzas, "\n".join([*lines, "---"]).encode(), mac


def _line(source: Source) -> str:
    line = source.readline(_LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise AgeError("header", "its header is damaged")
    try:
        return line[:-1].decode("ascii")
    except UnicodeDecodeError as error:
        raise AgeError("header", "its header is damaged") from error


def _unpadded(text: str) -> bytes:
    """Decode base64 without its padding, one spelling a value."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise AgeError("header", "its header is damaged") from error
    if base64.b64encode(raw).decode().rstrip("=") != text:
        raise AgeError("header", "its header is damaged")
    return raw


def _hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt or None, info=info).derive(secret)


def _raw(key: X25519PublicKey | Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _bech32(prefix: str, data: bytes) -> str:
    """Encode 32 bytes (BIP 173)."""
    bits = int.from_bytes(data, "big") << 4
    values = [bits >> shift & 31 for shift in range(255, -1, -5)]
    check = 1
    for value in [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *values, *bytes(6)]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    check ^= 1
    return f"{prefix}1" + "".join(
        _BECH32[v] for v in [*values, *(check >> 5 * (5 - i) & 31 for i in range(6))]
    )


# --- The ZIP of section 5 ---------------------------------------------------------------------------------

_LOCAL, _CENTRAL, _LAST = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_DATE = 0x0021
"""1980-01-01."""
_MEMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z./_-]*")


def read_zip(data: bytes) -> dict[str, memoryview]:
    """Return the members of a ZIP, in order, if every byte of it has one meaning: stored members one behind
    the other, a directory that says the same again, nothing before, between or behind.

    Raises:
        ValueError: it is not that.
    """
    members: dict[str, memoryview] = {}
    directory: list[tuple[int, int, int, bytes, int]] = []
    view, at = memoryview(data), 0
    while data[at : at + 4] == _LOCAL:
        if len(data) < at + 30:
            raise ValueError("it is cut off")
        _, needed, *fixed, crc, packed, size, length, extra = struct.unpack_from("<4s5H3L2H", data, at)
        if (*fixed, extra, packed) != (0, 0, 0, _DATE, 0, size) or needed > 20:
            raise ValueError("a member is not stored in the one way")
        start = at + 30 + length
        name, content = data[at + 30 : start], view[start : start + size]
        if len(content) != size or zlib.crc32(content) != crc:
            raise ValueError("a member is damaged")
        text = name.decode("ascii")  # an error of this is a ValueError
        if not _MEMBER.fullmatch(text) or text in members or len(members) > 5 * MOST_IMAGES:
            raise ValueError("it has too many members, one twice, or one with a strange name")
        members[text] = content
        directory.append((needed, crc, size, name, at))
        at = start + size
    start = at
    for needed, crc, size, name, where in directory:
        if len(data) < at + 46:
            raise ValueError("it is cut off")
        # What made it and the attributes outside say nothing here.
        kind, _, *said, _, _, offset = struct.unpack_from("<4s6H3L5H2L", data, at)
        expected = [needed, 0, 0, 0, _DATE, crc, size, size, len(name), 0, 0, 0]
        if (kind, said, offset) != (_CENTRAL, expected, where) or data[at + 46 : at + 46 + len(name)] != name:
            raise ValueError("its directory says something else than its members")
        at += 46 + len(name)
    count = len(directory)
    if not count or data[at:] != _LAST + struct.pack("<4H2LH", 0, 0, count, count, at - start, start, 0):
        raise ValueError("it does not end as it must")
    return members


# --- The log (C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof; RFC 9162) ------------------

_ED25519, _COSIGNATURE, _ML_DSA_44 = 1, 4, 6
_SIZES = {_ED25519: 32, _COSIGNATURE: 32, _ML_DSA_44: 1312}
_NAME = re.compile(r"[^\s+\x00-\x1f]{1,255}")
_MOST_LINES = 64
_DASH = "\N{EM DASH}"


def _is_name(name: str) -> bool:
    """Whether a key may be called so: names are shown, and nothing in one may steer a terminal."""
    return bool(_NAME.fullmatch(name)) and name.isprintable() and len(name.encode()) <= 255


class LogKey(NamedTuple):
    """A key that signs checkpoints: ``name+KEYID+base64(kind || public key)``."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand for the key in a line."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return (
            f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"
        )

    @classmethod
    def parse(cls, text: str) -> LogKey:
        """Read the text form.

        Raises:
            UsageError: it is not one.
        """
        name, _, rest = text.partition("+")
        key_id, _, data = rest.partition("+")
        try:
            raw = _padded(data)
        except ValueError:
            raw = b""
        key = cls(name, raw[0] if raw else 0, raw[1:])
        if _SIZES.get(key.kind) != len(key.public) or not _is_name(name) or key.key_id.hex() != key_id:
            raise UsageError(
                "The log's key cannot be read. Nothing was checked. Give the line NAME+XXXXXXXX+... as the "
                "department gave it to you, or a file that holds it; not one from the stick."
            )
        return key


class Line(NamedTuple):
    """One signature below a checkpoint."""

    name: str
    key_id: bytes
    signature: bytes


class Head(NamedTuple):
    """A tree head and what is signed below it."""

    origin: str
    size: int
    root: bytes
    lines: tuple[Line, ...] = ()

    def text(self) -> str:
        """Return what is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def read_checkpoint(data: bytes) -> Head:
    """Read a checkpoint without believing it.

    Raises:
        ValueError: it is not one.
    """
    try:
        text, separator, below = data.decode("utf-8").rpartition("\n\n")
    except UnicodeDecodeError as error:
        raise ValueError("it is not text") from error
    lines = text.split("\n")
    if (
        not separator
        or not below.endswith("\n")
        or len(lines) != 3
        or re.search("[\x00-\x09\x0b-\x1f]", text + below)
    ):
        raise ValueError("it is not a checkpoint")
    if not lines[0] or not re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]) or int(lines[1]) >= 1 << 63:
        raise ValueError("it is not a checkpoint")
    root = _padded(lines[2])
    signatures = []
    for line in below[:-1].split("\n"):
        dash, name, raw = [*line.split(" "), "", ""][:3]
        raw_ = _padded(raw)
        if dash != _DASH or not _is_name(name) or len(raw_) <= 4 or line.count(" ") != 2:
            raise ValueError("it has a line that is not a signature")
        signatures.append(Line(name, raw_[:4], raw_[4:]))
    if len(root) != 32 or len(signatures) > _MOST_LINES:
        raise ValueError("it is not a checkpoint")
    return Head(lines[0], int(lines[1]), root, tuple(signatures))


def check_head(head: Head, keys: Sequence[LogKey]) -> list[str]:
    """Check that the log signed a head with each of its keys that was given; return what was not checked.

    Raises:
        ValueError: it did not.
    """
    unchecked = []
    for key in keys:
        if key.name != head.origin:
            raise ValueError(f"it is of the log {head.origin}, not {key.name}")
        lines = [line.signature for line in head.lines if (line.name, line.key_id) == (key.name, key.key_id)]
        if not lines:
            raise ValueError(f"it was not signed with the log's {_KIND[key.kind]} key")
        for signature in lines:
            try:
                if not _signed(head, key, signature):
                    unchecked.append(
                        "the ML-DSA-44 signature of the log: the package cryptography here is too old for it"
                    )
            except (InvalidSignature, ValueError) as error:
                raise ValueError(f"the log's {_KIND[key.kind]} signature is wrong") from error
    return unchecked


_KIND = {_ED25519: "Ed25519", _COSIGNATURE: "cosigning", _ML_DSA_44: "ML-DSA-44"}


def _signed(head: Head, key: LogKey, signature: bytes) -> bool:
    if key.kind == _ED25519:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, head.text().encode())
        return True
    stamp, signature = signature[:8], signature[8:]
    if key.kind == _COSIGNATURE:
        message = cosigned_text(head, int.from_bytes(stamp, "big"))
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
        return True
    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
    except ImportError:
        return False
    name, origin = key.name.encode(), head.origin.encode()
    message = b"subtree/v1\n\x00" + bytes([len(name)]) + name + stamp + bytes([len(origin)]) + origin
    message += bytes(8) + head.size.to_bytes(8, "big") + head.root
    MLDSA44PublicKey.from_public_bytes(key.public).verify(signature, message)
    return True


def cosigned_text(head: Head, timestamp: int) -> bytes:
    """Return what an Ed25519 cosignature is over (C2SP tlog-cosignature, cosignature/v1)."""
    return f"cosignature/v1\ntime {timestamp}\n{head.text()}".encode()


def check_proof(proof: bytes, entry: bytes, index: int, checkpoint: bytes, head: Head) -> None:
    """Check that a tlog-proof shows that an entry has this place in the log with this head.

    Raises:
        ValueError: it does not.
    """
    above, separator, below = proof.partition(b"\n\n")
    lines = above.decode("ascii").split("\n")
    if lines.pop(0) != "c2sp.org/tlog-proof@v1" or not separator:
        raise ValueError("it is not a proof")
    if lines and lines[0].startswith("extra ") and _padded(lines.pop(0)[6:]) != entry:
        raise ValueError("it is the proof of another entry")
    if not lines or lines.pop(0) != f"index {index}":
        raise ValueError("it is the proof of another place in the log")
    if below != checkpoint:
        raise ValueError("it leads to another head of the log than the bundle's")
    path = [_padded(line) for line in lines]
    # RFC 9162 section 2.1.3.2.
    fn, sn, hash_ = index, head.size - 1, hashlib.sha256(b"\x00" + entry).digest()
    if not 0 <= index < head.size or len(path) > 64:
        raise ValueError("it is of an entry that the log does not have")
    for sibling in path:
        if sn == 0 or len(sibling) != 32:
            raise ValueError("its path is wrong")
        if fn & 1 or fn == sn:
            hash_ = hashlib.sha256(b"\x01" + sibling + hash_).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            hash_ = hashlib.sha256(b"\x01" + hash_ + sibling).digest()
        fn, sn = fn >> 1, sn >> 1
    if sn != 0 or hash_ != head.root:
        raise ValueError("it does not show that the entry is in the log")


def _padded(text: str) -> bytes:
    """Decode standard base64, one spelling a value."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError("it has something in it that is not base64") from error
    if base64.b64encode(raw).decode() != text:
        raise ValueError("it has base64 in it that is not in its one form")
    return raw


# --- The manifest (docs/export-format.md section 2) -------------------------------------------------------


class Part(NamedTuple):
    """A file of the bundle."""

    sha256: str
    size: int


class Manifest(NamedTuple):
    """What is signed. ``images``: ids in order."""

    export_id: str
    created: str
    files: dict[str, Part]
    images: tuple[str, ...]

    @property
    def expected(self) -> set[str]:
        """The names of all files that the folder must have, and no other."""
        unlisted = {MANIFEST, SIGNATURE, *({VIEW_MANIFEST, VIEW_SIGNATURE} if PAGE in self.files else ())}
        return unlisted | set(self.files)


def read_manifest(data: bytes) -> Manifest:
    """Read a manifest, and check all that needs no other file.

    Raises:
        ValueError: it is not one of this version.
    """
    value = read_json(data)
    if type(value) is dict and value.get("version") != "medkiosk-export/2":
        raise ValueError(
            f"it is of version {str(value.get('version'))[:40]}, and this tool knows medkiosk-export/2"
        )
    _shape(value, {"version": str, "export_id": str, "created": str, "files": list})
    files: dict[str, Part] = {}
    last = ""
    for item in value["files"]:
        _shape(item, {"file": str, "sha256": str, "size": int})
        if item["file"] <= last:
            raise ValueError("its files are not in order")
        last = item["file"]
        if item["size"] < 0:
            raise ValueError("a size in it is not one")
        files[last] = Part(_match(_HEX, item["sha256"], "a hash in it"), item["size"])
    images = _check_names(set(files))
    export_id = _match(_ID, value["export_id"], "the id of the export")
    return Manifest(export_id, _day(value["created"], "its date"), files, images)


def _check_names(names: set[str]) -> tuple[str, ...]:
    found: dict[str, set[str]] = {"images": set(), "dicom": set(), "view": set()}
    for name in names - NEEDED - {IDENTITY, PAGE, *RECALL}:
        match = _IN_FOLDER.fullmatch(name)
        if match is None or match.lastgroup is None:
            raise ValueError(f"it lists what no bundle has: {name[:60]}")
        found[match.lastgroup].add(match[match.lastgroup])
    if NEEDED - names or not 1 <= len(found["images"]) <= MOST_IMAGES:
        raise ValueError("it does not list what a bundle must have")
    if found["dicom"] and found["dicom"] != found["images"]:
        raise ValueError("its DICOM objects are not those of its images")
    if names & set(RECALL) and not names >= set(RECALL):
        raise ValueError("its recall notice is not complete")
    page = {"checkpoint", "record", *found["images"]}
    page |= {name for name, file in (("identity", IDENTITY), ("recall", RECALL[1])) if file in names}
    if found["view"] != (page if PAGE in names else set()):
        raise ValueError("its viewer does not show what is in it")
    return tuple(sorted(found["images"]))


# --- The record (section 5) -------------------------------------------------------------------------------


class Image(NamedTuple):
    """A picture, as the record describes it."""

    id: str
    subject: str
    jpeg: Part
    dicom: Part | None
    commitment_key: bytes
    leaf_index: int


class Record(NamedTuple):
    """What only the receiver may know; ``text`` is record.json as it is."""

    text: bytes
    purpose: str
    codes: tuple[str, ...]
    until: str
    acknowledge: bytes
    images: tuple[Image, ...]
    members: dict[str, memoryview]


_PURPOSES = {
    "clinical_record": "the clinical record",
    "publication": "publication",
    "teaching_research": "teaching and research",
}
_IMAGE = {
    "id": str, "subject": str, "statement": str, "width": int, "height": int, "jpeg": dict, "dicom": object,
    "date": str, "commitment_key": str, "leaf_index": int,
}  # fmt: skip


def read_record(data: bytes, manifest: Manifest, recipient: str) -> Record:
    """Read the decrypted record of a bundle.

    Args:
        data: the ZIP.
        manifest: of the same bundle.
        recipient: SHA-256 of the recipient's public key as text, in hex; empty for a passphrase.

    Raises:
        ValueError: it is not the record of this bundle.
    """
    if len(data) != padded_size(len(data)):
        raise ValueError("it is not padded as it must be")
    members = read_zip(data)
    text = bytes(members.get("record.json", b""))
    value = _shape(
        read_json(text),
        {
            "version": str, "export_id": str, "recipient": str, "purpose": str, "data_use": dict,
            "acknowledge": str, "images": list,
        },
    )  # fmt: skip
    use = _shape(value["data_use"], {"codes": list, "until": str})
    codes = [str(code) for code in use["codes"]]
    if value["version"] != "medkiosk-record/1" or value["purpose"] not in _PURPOSES:
        raise ValueError("it is of a version or a purpose that this tool does not know")
    if (
        codes != sorted(set(codes))
        or codes != use["codes"]
        or not all(re.fullmatch("DUO:[0-9]{7}", c) for c in codes)
    ):
        raise ValueError("its terms of use are not in their one form")
    if value["export_id"] != manifest.export_id:
        raise ValueError("it belongs to another export")
    if value["recipient"] != recipient:
        raise ValueError("it was made for another recipient")
    images = tuple(_image(item) for item in value["images"])
    if tuple(image.id for image in images) != manifest.images:
        raise ValueError("its images are not those of the bundle")
    if any((image.dicom is not None) != (f"dicom/{image.id}.dcm.age" in manifest.files) for image in images):
        raise ValueError("its DICOM objects are not those of the bundle")
    _check_members(members, images, viewer=PAGE in manifest.files)
    return Record(
        text,
        value["purpose"],
        tuple(codes),
        use["until"] and _day(use["until"], "the last day of use"),
        bytes.fromhex(_match(_HEX, value["acknowledge"], "a key in it")),
        images,
        members,
    )


def _image(value: object) -> Image:
    kind = dict if type(value) is dict and type(value.get("dicom")) is dict else type(None)
    item = _shape(value, {**_IMAGE, "dicom": kind})
    if not re.fullmatch("redacted under policy [ -~]{1,200}", item["statement"]):
        raise ValueError("it says something else about a picture than that it was redacted under a policy")
    if item["date"]:
        _day(item["date"], "the date of a picture")
    if item["leaf_index"] < 0 or min(item["width"], item["height"]) < 1:
        raise ValueError("a number in it is not one")
    return Image(
        _match(_ID, item["id"], "an id in it"),
        _match(_ID, item["subject"], "an id in it"),
        _content(item["jpeg"]),
        None if item["dicom"] is None else _content(item["dicom"]),
        bytes.fromhex(_match(_HEX, item["commitment_key"], "a key in it")),
        item["leaf_index"],
    )


def _content(value: object) -> Part:
    item = _shape(value, {"sha256": str, "size": int})
    if item["size"] < 0:
        raise ValueError("a size in it is not one")
    return Part(_match(_HEX, item["sha256"], "a hash in it"), item["size"])


def _check_members(members: dict[str, memoryview], images: Sequence[Image], *, viewer: bool) -> None:
    expected = ["record.json"]
    for image in images:
        expected += [f"leaves/{image.id}.leaf", f"proofs/{image.id}.tlog-proof"]
    subjects = sorted({image.subject for image in images})
    expected += [f"consent/{subject}-{release}.json" for subject in subjects for release in ("r4", "r5")]
    if viewer:
        expected += [f"thumbnails/{image.id}.jpg" for image in images]
    if list(members) != [*expected, "padding"]:
        raise ValueError("it has not exactly the members that it must have, in their order")
    if any(members["padding"]):
        raise ValueError("its padding is not zero")
    if any(len(data) > 32 << 10 for name, data in members.items() if name.startswith("thumbnails/")):
        raise ValueError("a thumbnail in it is too large")


def padded_size(size: int) -> int:
    """Return the length to which so many bytes are padded (Padme; at least 4096)."""
    size = max(size, 4096)
    exponent = size.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return -(-size // step) * step


def mark(export_id: str, image_id: str) -> bytes:
    """Return the line that the padding of a picture repeats (section 4.1)."""
    words = "Redacted, not anonymous. For the purpose and the recipient of that export only."
    return f"\nmedkiosk export {export_id} {image_id}. {words}".encode()


def check_entry(entry: bytes, image: Image) -> None:
    """Check that a ledger entry is about this picture (section 5.2).

    Raises:
        ValueError: it is not.
    """
    value = read_json(entry)
    objects = value.get("objects") if type(value) is dict and value.get("v") == 1 else None
    if type(objects) is not list or not all(type(item) is dict for item in objects):
        raise ValueError("it is not an entry that this tool knows")
    found = [item for item in objects if item.get("kind") == "derivative"]
    expected = hmac.new(image.commitment_key, bytes.fromhex(image.jpeg.sha256), hashlib.sha256).hexdigest()
    if len(found) != 1 or (found[0].get("size"), found[0].get("commitment")) != (image.jpeg.size, expected):
        raise ValueError("it is not the entry of this picture")


# --- What can be checked without opening anything ---------------------------------------------------------

EXPORT_NAMESPACE, RECALL_NAMESPACE = "medkiosk-export@v1", "medkiosk-recall@v1"
_VIEW = {"checkpoint": CHECKPOINT, "identity": IDENTITY, "recall": RECALL[1], "record": RECORD}
_PIECE = 3 << 18
"""Bytes of a file in one property of a style sheet of the page: 1 MiB of base64."""


class Checked(NamedTuple):
    """A bundle whose signature and files are good.

    Attributes:
        folder: where it is.
        manifest: what is in it.
        manifest_sha256: of manifest.json, hex.
        signer: fingerprint of the key that signed it.
        checkpoint: the file.
        head: what it says.
        recalled: ids of pictures to destroy, by export.
        notes: what could not be checked.
    """

    folder: Path
    manifest: Manifest
    manifest_sha256: str
    signer: str
    checkpoint: bytes
    head: Head
    recalled: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]


def check_bundle(folder: Path, keys: Sequence[bytes], log_keys: Sequence[LogKey] = ()) -> Checked:
    """Check a bundle as far as it goes without a secret: signature, manifest, files, the log's signature.

    Args:
        folder: of the bundle.
        keys: Ed25519 public keys, one of which must have signed it.
        log_keys: keys of the log, each of which must have signed the checkpoint; not checked without any.

    Raises:
        RefusedError: it is not what was signed.
        FailedError: something cannot be read.
    """
    contents = read_plain(folder / MANIFEST, MANIFEST, LONGEST_MANIFEST)
    signature = read_plain(folder / SIGNATURE, SIGNATURE, LONGEST_SMALL)
    try:
        signer = check_signature(contents, signature, keys, EXPORT_NAMESPACE)
    except ValueError as error:
        raise RefusedError(MANIFEST, str(error)) from error
    try:
        manifest = read_manifest(contents)
    except ValueError as error:
        raise RefusedError(MANIFEST, f"it is signed, but cannot be understood: {error}") from error
    problems = list(_files(folder, manifest, contents, signature))
    if problems:
        raise RefusedError(*problems[0], *problems[1:])
    checkpoint = read_plain(folder / CHECKPOINT, CHECKPOINT, LONGEST_SMALL)
    try:
        head = read_checkpoint(checkpoint)
        notes = check_head(head, log_keys)
    except ValueError as error:
        raise RefusedError(CHECKPOINT, str(error)) from error
    recalled = read_recall(folder, keys) if RECALL[1] in manifest.files else {}
    sha256 = hashlib.sha256(contents).hexdigest()
    return Checked(folder, manifest, sha256, fingerprint(signer), checkpoint, head, recalled, tuple(notes))


def _files(folder: Path, manifest: Manifest, contents: bytes, signature: bytes) -> Iterator[Problem]:
    """Every listed file is as it was signed, the page's copies say the same, and nothing else is there."""
    for number, problem in enumerate(strangers(folder, manifest.expected)):
        if number == MOST_PROBLEMS:
            break
        yield problem
    copies = {f"view/{name}.css": file for name, file in _VIEW.items()}
    copies.update((f"view/{image}.css", f"images/{image}.jpg.age") for image in manifest.images)
    sheets: dict[str, Part] = {}
    for name, part in manifest.files.items():
        try:
            with open_plain(folder / name, name) as file:
                source = Hashed(file, name, part.size + 1)
                sheets[name] = _sheet(source)
        except RefusedError as error:
            yield from error.problems
            continue
        if (source.digest.hexdigest(), source.size) != part:
            yield Problem(name, "it was changed after it was signed")
    if PAGE not in manifest.files:
        return
    for name, file_name in copies.items():
        if name in manifest.files and file_name in sheets and sheets[file_name] != manifest.files[name]:
            yield Problem(name, f"it is not what follows from {file_name}")
    for name, data in ((VIEW_MANIFEST, contents), (VIEW_SIGNATURE, signature)):
        try:
            if read_plain(folder / name, name, 2 * LONGEST_MANIFEST) != sheet(data):
                yield Problem(name, "it is not what follows from the signed file")
        except RefusedError as error:
            yield from error.problems


def _sheet(source: Source) -> Part:
    """Read a file to its end; return what a style sheet of it would be."""
    digest, size, number = hashlib.sha256(b":host{"), 8, 0
    while block := source.read(_PIECE):
        text = b'%s--%d:"%s"' % (b";" if number else b"", number, base64.b64encode(block))
        digest.update(text)
        size, number = size + len(text), number + 1
    digest.update(b"}\n")
    return Part(digest.hexdigest(), size)


def sheet(data: bytes) -> bytes:
    """Return a file of the bundle as the style sheet that the page loads (section 6)."""
    pieces = (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))
    texts = (b'--%d:"%s"' % (number, base64.b64encode(piece)) for number, piece in enumerate(pieces))
    return b":host{" + b";".join(texts) + b"}\n"


def read_recall(folder: Path, keys: Sequence[bytes]) -> dict[str, tuple[str, ...]]:
    """Return the pictures that must be destroyed, by export, as a recall notice says (docs/recall.md).

    Raises:
        RefusedError: the notice is not signed by one of the keys, or not in its one form.
        FailedError: it cannot be read.
    """
    name = RECALL[1]
    notice = read_plain(folder / name, name, LONGEST_MANIFEST)
    signature = read_plain(folder / RECALL[2], RECALL[2], LONGEST_SMALL)
    try:
        check_signature(notice, signature, keys, RECALL_NAMESPACE)
        value = _shape(
            read_json(notice),
            {"version": str, "recall_id": str, "created": str, "recipient": str, "exports": list},
        )
        if value["version"] != "medkiosk-recall/1":
            raise ValueError("it is of a version that this tool does not know")
        found: dict[str, tuple[str, ...]] = {}
        for item in value["exports"]:
            _shape(item, {"export_id": str, "manifest_sha256": str, "images": list})
            images = [_match(_ID, str(image), "an id in it") for image in item["images"]]
            if images != sorted(set(images)) or item["export_id"] in found:
                raise ValueError("its ids are not in order")
            found[_match(_ID, item["export_id"], "an id in it")] = tuple(images)
        if not found or list(found) != sorted(found):
            raise ValueError("its exports are not in order")
    except ValueError as error:
        raise RefusedError(name, str(error)) from error
    return found


# --- Opening (sections 4 and 5) ---------------------------------------------------------------------------

_WRONG_KEY = (
    "This bundle does not open with this {what}. Its signature and files are good; nothing was opened. "
    "{advice}"
)


def read_identities(text: str) -> list[Identity]:
    """Return the identities of a file that ``age-keygen`` wrote.

    Raises:
        UsageError: there is none, or one is damaged.
    """
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    try:
        found = [Identity.parse(line) for line in lines]
    except ValueError:
        found = []
    if not found:
        raise UsageError(
            "The identity file cannot be read: it must hold a line that begins with AGE-SECRET-KEY-1. "
            "Nothing was opened. Give the file that age-keygen wrote, decrypted if a passphrase protects it."
        )
    return found


def identity_from_passphrase(checked: Checked, typed: str) -> Identity:
    """Return the identity of a bundle that was made for a passphrase.

    Raises:
        CannotOpenError: it is another passphrase, or the bundle is for a key.
        RefusedError: ``identity.age`` is not one.
    """
    if IDENTITY not in checked.manifest.files:
        advice = "It was made for your key: give --identity FILE."
        raise CannotOpenError(_WRONG_KEY.format(what="passphrase", advice=advice))
    words = " ".join(typed.lower().split())
    try:
        text = b"".join(_contents(checked, IDENTITY, with_passphrase(words), LONGEST_SMALL))
        return Identity.parse(text.decode("ascii").removesuffix("\n") if text.endswith(b"\n") else "")
    except AgeError as error:
        if error.kind == "no match":
            advice = "Type its eight words again; one wrong letter is enough."
            raise CannotOpenError(_WRONG_KEY.format(what="passphrase", advice=advice)) from error
        raise RefusedError(IDENTITY, str(error)) from error
    except ValueError as error:
        raise RefusedError(IDENTITY, "it does not hold an identity") from error


def open_record(checked: Checked, identities: Sequence[Identity]) -> tuple[Record, Identity]:
    """Open the record and check all in it; return it with the identity that opens the bundle.

    Raises:
        CannotOpenError: none of the identities does.
        RefusedError: it is not the record of this bundle, or does not hold what it must.
    """
    for identity in identities:
        try:
            data = b"".join(_contents(checked, RECORD, with_identities([identity]), LONGEST_RECORD))
        except AgeError as error:
            if error.kind == "no match":
                continue
            raise RefusedError(RECORD, str(error)) from error
        passphrase = IDENTITY in checked.manifest.files
        recipient = "" if passphrase else hashlib.sha256(identity.recipient().encode()).hexdigest()
        try:
            record = read_record(data, checked.manifest, recipient)
        except ValueError as error:
            raise RefusedError(RECORD, f"it is signed, but wrong inside: {error}") from error
        _check_images(checked, record)
        return record, identity
    advice = (
        "It was made for a passphrase: use --passphrase-prompt."
        if IDENTITY in checked.manifest.files
        else "Take the identity whose public key you gave to the department."
    )
    raise CannotOpenError(_WRONG_KEY.format(what="identity", advice=advice))


def _check_images(checked: Checked, record: Record) -> None:
    for image in record.images:
        entry, proof = f"leaves/{image.id}.leaf", f"proofs/{image.id}.tlog-proof"
        leaf = bytes(record.members[entry])
        try:
            where = entry
            check_entry(leaf, image)
            where = proof
            check_proof(
                bytes(record.members[proof]), leaf, image.leaf_index, checked.checkpoint, checked.head
            )
        except ValueError as error:
            raise RefusedError(f"{RECORD}: {where}", str(error)) from error


def _contents(checked: Checked, name: str, unwrap: Unwrap, most: int) -> Iterator[bytes]:
    """Yield the content of an encrypted file, while looking that it still is the one that was signed."""
    part = checked.manifest.files[name]
    if part.size > most:
        raise RefusedError(name, "it is longer than it can be")
    with open_plain(checked.folder / name, name) as file:
        source = Hashed(file, name, part.size + 1)
        yield from decrypt(source, unwrap)
    if (source.digest.hexdigest(), source.size) != part:
        raise RefusedError(name, "it was changed while it was read")


def pictures(checked: Checked, record: Record, identity: Identity, sink: Sink) -> None:
    """Decrypt every picture and DICOM object, check it, and hand it on.

    Args:
        checked: the bundle.
        record: of it.
        identity: that opened the record.
        sink: gets what was opened; it must keep nothing if this raises.

    Raises:
        RefusedError: one is not what the record says.
    """
    unwrap = with_identities([identity])
    for image in record.images:
        name = f"images/{image.id}.jpg.age"
        line = mark(checked.manifest.export_id, image.id)
        with sink.file(f"images/{image.id}.jpg") as write, _refusing(name):
            _picture(_contents(checked, name, unwrap, 1 << 62), image.jpeg, line, write)
        if image.dicom is not None:
            name = f"dicom/{image.id}.dcm.age"
            with sink.file(f"dicom/{image.id}.dcm") as write, _refusing(name):
                _dicom(_contents(checked, name, unwrap, 1 << 62), image.dicom, write)


@contextlib.contextmanager
def _refusing(name: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise RefusedError(name, f"it is signed, but {error}") from error


def _picture(content: Iterable[bytes], jpeg: Part, line: bytes, write: Callable[[bytes], object]) -> None:
    digest, at = hashlib.sha256(), 0
    for piece in content:
        inside = max(0, min(len(piece), jpeg.size - at))
        digest.update(piece[:inside])
        start, padding = max(0, at - jpeg.size) % len(line), piece[inside:]
        if (line * (len(padding) // len(line) + 2))[start : start + len(padding)] != padding:
            raise ValueError("the line behind the picture does not name this bundle and picture")
        write(piece)
        at += len(piece)
    if at != padded_size(jpeg.size + 128):
        raise ValueError("it is not padded as it must be")
    if digest.hexdigest() != jpeg.sha256:
        raise ValueError("it is another picture than the record says")


def _dicom(content: Iterable[bytes], dicom: Part, write: Callable[[bytes], object]) -> None:
    digest, at = hashlib.sha256(), 0
    for piece in content:
        digest.update(piece)
        write(piece)
        at += len(piece)
    if (digest.hexdigest(), at) != dicom or at != padded_size(at):
        raise ValueError("it is another object than the record says")


class Sink(Protocol):
    """Where opened files go."""

    def file(self, name: str) -> contextlib.AbstractContextManager[Callable[[bytes], object]]:
        """Begin a file; gives what writes to it."""


class Nowhere:
    """Checks only."""

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[Callable[[bytes], object]]:  # noqa: ARG002  # as `Sink`
        """Begin a file that is not kept."""
        yield len


class NewFolder:
    """A folder that is there whole, with its name, or not at all."""

    def __init__(self, final: Path) -> None:
        self._final = final
        self._partial = final.with_name(f".{final.name}.partial-{secrets.token_hex(4)}")

    def __enter__(self) -> NewFolder:
        if os.path.lexists(self._final):
            raise FailedError(
                f"{self._final} is there already. Nothing was opened. Give a folder that is not there yet."
            )
        self._partial.mkdir(mode=0o700)
        return self

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[Callable[[bytes], object]]:
        """Begin a file that only its owner may read."""
        path = self._partial / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with create(path) as file:
            yield file.write

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if error is None:
                if os.path.lexists(self._final):
                    raise FailedError(
                        f"{self._final} has appeared meanwhile. Nothing was opened. Give another folder."
                    )
                for folder in (*(path for path in self._partial.iterdir() if path.is_dir()), self._partial):
                    sync_folder(folder)
                os.rename(self._partial, self._final)  # one word for what makes it appear
                sync_folder(self._final.parent)
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)


@contextlib.contextmanager
def create(path: Path) -> Iterator[BinaryIO]:
    """Make a file that is not there yet, for its owner only, and see that it is on the disk."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    for flag in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):
        flags |= getattr(os, flag, 0)
    with open(os.open(path, flags, 0o600), "wb") as file:  # a descriptor, not a path
        yield file
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """See that a name is on the disk, where the system knows how (Windows does it by itself)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # A stick's file system may not know how: then nothing is lost but the promise.
        with contextlib.suppress(OSError):
            os.fsync(fd)
    finally:
        os.close(fd)


# --- The acknowledgement (docs/acknowledgement.md) --------------------------------------------------------

ACKNOWLEDGEMENT = "medkiosk-acknowledgement/1"
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that nobody sees (Unicode's Default_Ignorable_Code_Point, and the empty Braille cell)."""
_SEEN = re.compile(r"(\S+) (0|[1-9][0-9]{0,18}) ([A-Za-z0-9+/]{43}=)")
_WITNESS = re.compile(r"PRIVATE\+KEY\+([^\s+]{1,255})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})\s*")


class WitnessKey(NamedTuple):
    """An Ed25519 key of the receiver's own that cosigns checkpoints: its name and its seed."""

    name: str
    seed: bytes

    @property
    def public(self) -> LogKey:
        """What the kiosk's administrator enrols."""
        key = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return LogKey(self.name, _COSIGNATURE, _raw(key))

    def text(self) -> str:
        """Return it as its file holds it."""
        data = base64.b64encode(bytes([_COSIGNATURE]) + self.seed).decode()
        return f"PRIVATE+KEY+{self.name}+{self.public.key_id.hex()}+{data}\n"

    @classmethod
    def parse(cls, text: str) -> WitnessKey:
        """Read the file.

        Raises:
            UsageError: it is not one.
        """
        found = _WITNESS.fullmatch(text)
        try:
            raw = _padded(found[3]) if found else b""
        except ValueError:
            raw = b""
        if found and _is_name(found[1]) and len(raw) == 33 and raw[0] == _COSIGNATURE:
            key = cls(found[1], raw[1:])
            if key.public.key_id.hex() == found[2]:
                return key
        raise UsageError(
            "The witness key cannot be read. Nothing was signed. Give a file of --make-witness-key."
        )


def cosignature(head: Head, key: WitnessKey, timestamp: int) -> str:
    """Return the line, with its end, that says that this head was seen at this time (POSIX seconds)."""
    signature = Ed25519PrivateKey.from_private_bytes(key.seed).sign(cosigned_text(head, timestamp))
    data = base64.b64encode(key.public.key_id + timestamp.to_bytes(8, "big") + signature).decode()
    return f"{_DASH} {key.name} {data}\n"


def acknowledgement(
    export_id: str,
    manifest_sha256: str,
    checkpoint: bytes,
    seed: bytes,
    by: str,
    timestamp: int,
    witness: WitnessKey | None = None,
) -> bytes:
    """Return the file that tells the kiosk that a bundle was opened.

    Args:
        export_id: of the bundle.
        manifest_sha256: of its manifest.json, hex.
        checkpoint: the file.
        seed: ``acknowledge`` of its record.
        by: who says so, at most 200 characters.
        timestamp: POSIX seconds, for the cosignatures.
        witness: a key of the receiver's own, to cosign as well.
    """
    own = WitnessKey(f"medkiosk-export/{export_id}", seed)
    head = read_checkpoint(checkpoint)
    lines = [cosignature(head, key, timestamp) for key in (own, witness) if key is not None]
    body = {
        "version": ACKNOWLEDGEMENT,
        "export_id": export_id,
        "manifest_sha256": manifest_sha256,
        "by": by,
        "cosigned": checkpoint.decode() + "".join(lines),
    }
    message = ACKNOWLEDGEMENT.encode() + b"\n" + write_json(body)
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(message)
    return write_json({**body, "signature": signature.hex()})


def _seen(path: Path) -> dict[str, tuple[int, str]]:
    """Return what a witness key has signed: for each log the size and the root of its newest head."""
    if not os.path.lexists(path):
        return {}
    try:
        text = read_plain(path, path.name, LONGEST_SMALL).decode("utf-8")
        lines = [_SEEN.fullmatch(line) for line in text.splitlines()]
        seen = {line[1]: (int(line[2]), line[3]) for line in lines if line}
        if len(seen) < len(lines) or text[-1:] != "\n":
            raise ValueError("a line is damaged, or of a log that has one already")
    except (ValueError, RefusedError) as error:
        raise FailedError(
            f"Not acknowledged: {path} is damaged, so nobody knows what this key has signed before. Nothing "
            "was opened or written. Put the file back from a copy, or make another key with "
            "--make-witness-key, or acknowledge without --witness-key."
        ) from error
    return seen


def remember(key_path: Path, head: Head) -> None:
    """Keep what a witness key signs beside it, and refuse what contradicts it.

    Raises:
        RefusedError: the log showed another history before.
        FailedError: a longer log was signed already, or what was signed cannot be read any more.
    """
    path = key_path.with_name(f"{key_path.name}.seen")
    seen = _seen(path)
    largest, root = seen.get(head.origin, (0, ""))
    now = base64.b64encode(head.root).decode()
    if head.size < largest:
        raise FailedError(
            f"Not acknowledged: this key has signed a head of {largest} entries of this log, and this "
            f"bundle's is older ({head.size}). Nothing was found wrong, and nothing was opened or written. "
            "Acknowledge it without --witness-key."
        )
    if head.size == largest and root and root != now:
        raise RefusedError(
            CHECKPOINT,
            f"the log of {largest} entries that this key signed before was another one. Somebody may have "
            "changed what the kiosk's log says: keep both sticks and ask the department",
        )
    seen[head.origin] = (head.size, now)
    text = "".join(f"{origin} {head_[0]} {head_[1]}\n" for origin, head_ in sorted(seen.items()))
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with create(new) as file:
        file.write(text.encode())
    os.replace(new, path)  # likewise
    sync_folder(path.parent)


def write_new(folder: Path, name: str, data: bytes) -> None:
    """Put a file into a folder, whole or not at all; never instead of another.

    Raises:
        FailedError: there is one of that name.
    """
    if os.path.lexists(folder / name):
        raise FailedError(
            f"{folder / name} is there already. Nothing was written. Move it away or use another folder."
        )
    partial = folder / f".{name}.{secrets.token_hex(4)}"
    try:
        with create(partial) as file:
            file.write(data)
        os.rename(partial, folder / name)  # likewise
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(folder)


# --- The command line -------------------------------------------------------------------------------------

_REFUSED = (
    "Nothing was opened or written. Do not use these files. Keep the stick as it is, and ask the department "
    "that gave it to you for another one."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this program understands."""
    add = parser.add_argument
    add("bundle", nargs="?", type=Path, metavar="BUNDLE", help="the folder medkiosk-YYYY-MM-DD-XXXXXXXX")
    # The second names are those that `kioskctl verify-export` had before.
    add(
        "--key",
        "--signer",
        metavar="FILE|LINE",
        help="the kiosk's key, 'ssh-ed25519 AAAA...'",
    )
    add(
        "--log-key", "--ledger-key", action="append", default=[], metavar="FILE|VKEY",
        help="the key of the kiosk's log, 'NAME+XXXXXXXX+...'; once for each that you have",
    )  # fmt: skip
    add(
        "--page",
        metavar="HEX",
        help="SHA-256 that index.html must have, from the sheet that came another way",
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--identity", type=Path, metavar="FILE", help="your age identity, as age-keygen wrote it"
    )
    way.add_argument("--passphrase-prompt", action="store_true", help="ask for the bundle's passphrase")
    add("--open", type=Path, metavar="DIR", help="put the opened pictures into this new folder")
    add(
        "--acknowledge",
        type=Path,
        metavar="DIR",
        help="write the acknowledgement there: the stick's top folder",
    )
    add("--by", default="", metavar="WORDS", help="who acknowledges, in your own words; the kiosk shows them")
    add("--witness-key", type=Path, metavar="FILE", help="cosign the log's head with your own key as well")
    add(
        "--make-witness-key",
        type=Path,
        metavar="FILE",
        help="make such a key, print what the kiosk enrols, stop",
    )
    add(
        "--name", default="", metavar="NAME", help="of that key: something like radiology.example.org/witness"
    )


def run(args: argparse.Namespace, now: Callable[[], float] = time.time) -> int:
    """Do what was asked, say how it went, and return the exit code."""
    try:
        if args.make_witness_key is not None:
            return _say(args, _make_witness_key(args))
        return _say(args, _work(args, int(now())))
    except RefusedError as error:
        named = error.problems[:MOST_PROBLEMS]
        lines = [f"REFUSED: {where}: {what}." for where, what in named]
        if len(error.problems) > len(named):
            lines.append(f"REFUSED: and {len(error.problems) - len(named)} more.")
        told = [plain(f"{where}: {what}") for where, what in named]
        return _fail(args, error, [*lines, _REFUSED], told)
    except (CannotOpenError, UsageError, FailedError) as error:
        return _fail(args, error, [str(error)], [])
    except OSError as error:
        what = os.strerror(error.errno) if error.errno else type(error).__name__
        words = f"It stopped: {error.filename or 'a file'}: {what}. Nothing was left behind. Try again."
        return _fail(args, FailedError(words), [words], [])
    except KeyboardInterrupt:
        words = "Stopped. Nothing was opened or written."
        return _fail(args, FailedError(words), [words], [])
    except MemoryError:
        words = (
            "This computer has not enough free memory for it. Nothing was left behind. Close other programs."
        )
        return _fail(args, FailedError(words), [words], [])
    except Exception as error:  # noqa: BLE001 -- the program's boundary: it ends in words
        words = (
            f"It stopped inside ({type(error).__name__}), which must not happen. Nothing was left behind. Do "
            "not use these files; tell the department that gave them to you."
        )
        return _fail(args, FailedError(words), [words], [])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program by its own name."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(
                getattr(signal, name), signal.default_int_handler
            )  # or it would leave opened pictures
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a console that lacks a letter is no reason to stop
    parser = argparse.ArgumentParser(
        prog="medkiosk-verify",
        description="Check a bundle from a medkiosk, open it, and acknowledge it. Keys must come another way "
        "than the stick: printed, or read aloud.",
        epilog="Exit codes: 0 good; 1 could not be done; 2 wrong usage; 3 REFUSED; 5 another key is needed.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON line on standard output")
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def _say(args: argparse.Namespace, result: dict[str, Any]) -> int:
    lines = result.pop("lines")
    if args.json:
        print(json.dumps(result))
    else:
        for line in lines:
            print(plain(line))
    return 0


def _fail(
    args: argparse.Namespace,
    error: RefusedError | CannotOpenError | UsageError | FailedError,
    lines: list[str],
    problems: list[str],
) -> int:
    if args.json:
        message = " ".join(plain(line) for line in lines)
        print(
            json.dumps(
                {"error": error.code, "message": message, "problems": problems, "exit_code": error.exit_code}
            )
        )
    else:
        for line in lines:
            print(plain(line), file=sys.stderr)
    return error.exit_code


def _make_witness_key(args: argparse.Namespace) -> dict[str, Any]:
    name = args.name or f"receiver-{secrets.token_hex(4)}"
    if not _is_name(name) or name.startswith("medkiosk-export/"):
        raise UsageError(
            "The name of a key has no blanks, no plus signs and nothing that cannot be shown. Nothing was "
            "made. Give another --name."
        )
    key = WitnessKey(name, secrets.token_bytes(32))
    write_new(args.make_witness_key.parent, args.make_witness_key.name, key.text().encode())
    lines = [
        f"Made {args.make_witness_key}. Keep it to yourself; who has it can sign as you.",
        "Give this line to the department, so that the kiosk knows your signature:",
        str(key.public),
    ]
    return {"witness_key": str(key.public), "lines": lines}


def _text(value: str, what: str) -> str:
    """Return the text of an option that is a file or the text itself."""
    try:
        is_file = len(value) < 4096 and Path(value).is_file()
    except (OSError, ValueError):  # a key's text may be longer than a file's name can be
        is_file = False
    try:
        data = Path(value).read_bytes() if is_file else value.encode()
        if len(data) > LONGEST_SMALL:
            raise ValueError("too long")
        return data.decode("utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The file with {what} cannot be read. Nothing was checked. Give another."
        ) from error


def _work(args: argparse.Namespace, now: int) -> dict[str, Any]:
    _check_usage(args)
    keys = read_key(_text(args.key, "the kiosk's key"))
    log_keys = [
        LogKey.parse(line.strip())
        for value in args.log_key
        for line in _text(value, "the log's key").splitlines()
        if line.strip()
    ]
    witness = WitnessKey.parse(_text(str(args.witness_key), "the witness key")) if args.witness_key else None
    if any(key.kind == _COSIGNATURE for key in log_keys):
        raise UsageError(
            "One of the log's keys is that of a witness. Nothing was checked. Give the log's own."
        )
    if witness and not any(key.kind == _ED25519 for key in log_keys):
        raise UsageError("A witness signs only what the log signed: give --log-key, too. Nothing was signed.")
    if not os.path.lexists(args.bundle / MANIFEST) and os.path.lexists(args.bundle / RECALL[1]):
        return _only_recalled(args, keys)
    checked = check_bundle(args.bundle, keys, log_keys)
    page = checked.manifest.files[PAGE].sha256 if PAGE in checked.manifest.files else ""
    if args.page and args.page.lower() != page:
        raise RefusedError(PAGE, "it is not the page of the sheet: do not type a passphrase into it")
    result = _told(checked, log_keys, page)
    if args.identity is not None or args.passphrase_prompt:
        today = datetime.fromtimestamp(now, timezone.utc).date().isoformat()

        def finish(record: Record) -> None:
            _tell_record(result, checked, record, today)
            if args.acknowledge is not None:
                _acknowledge(args, checked, record, now, witness, result)

        _open(args, checked, finish)
        if args.open is not None:
            result["opened"] = str(args.open)
            result["lines"].append(f"OPENED        into {args.open}")
    else:
        result["lines"].append(
            "NOTE          the pictures were not opened: give --identity or --passphrase-prompt"
        )
    return result


def _only_recalled(args: argparse.Namespace, keys: Sequence[bytes]) -> dict[str, Any]:
    """A notice that came alone, in a folder of its own (docs/recall.md)."""
    recalled = read_recall(args.bundle, keys)
    extra = list(strangers(args.bundle, set(RECALL)))
    if extra:
        raise RefusedError(*extra[0], *extra[1:])
    lines = [
        "GOOD          a recall notice, signed by the key that you gave; there are no pictures in this folder"
    ]
    lines += _recall_lines(recalled)
    return {
        "problems": [],
        "recall": {name: list(images) for name, images in recalled.items()},
        "lines": lines,
    }


def _recall_lines(recalled: dict[str, tuple[str, ...]]) -> list[str]:
    return [
        f"RECALL        destroy from export {export_id}: {', '.join(images) or 'everything'}"
        for export_id, images in recalled.items()
    ]


def _check_usage(args: argparse.Namespace) -> None:
    opening = args.identity is not None or args.passphrase_prompt
    problem = ""
    if args.bundle is None or args.key is None:
        problem = (
            "Give the bundle's folder, and --key with the kiosk's key that came another way than the stick"
        )
    elif not args.bundle.is_dir():
        problem = f"{args.bundle} is not a folder"
    elif (args.open is not None or args.acknowledge is not None) and not opening:
        problem = "--open and --acknowledge need --identity or --passphrase-prompt"
    elif args.witness_key is not None and args.acknowledge is None:
        problem = "--witness-key is for --acknowledge"
    elif len(args.by) > 200 or not args.by.isprintable() or _BLANK.search(args.by):
        problem = "--by takes at most 200 characters, and none that nobody sees or that steers a terminal"
    elif any(_inside(path, args.bundle) for path in (args.open, args.acknowledge) if path is not None):
        problem = "Nothing may be written into the bundle's own folder, or it would not be what was signed"
    if problem:
        raise UsageError(f"{problem}. Nothing was done. --help says more.")


def _inside(path: Path, folder: Path) -> bool:
    path, folder = path.resolve(), folder.resolve()
    return folder == path or folder in path.parents


def _open(args: argparse.Namespace, checked: Checked, finish: Callable[[Record], None]) -> None:
    """Open all of a bundle; the folder appears only when ``finish`` is done, too."""
    if args.identity is not None:
        identities = read_identities(_text(str(args.identity), "the identity"))
    else:
        identities = [identity_from_passphrase(checked, _passphrase())]
    record, identity = open_record(checked, identities)
    if args.open is None:
        pictures(checked, record, identity, Nowhere())
        finish(record)
        return
    with NewFolder(args.open) as folder:
        pictures(checked, record, identity, folder)
        for name, data in record.members.items():
            if not name.startswith(("thumbnails/", "padding")):
                with folder.file(name) as write:
                    write(bytes(data))
        finish(record)


_ASK = "Passphrase of this bundle: "


def _passphrase() -> str:
    if sys.stdin.isatty():
        return getpass.getpass(_ASK)
    print(_ASK, file=sys.stderr, flush=True)
    return sys.stdin.readline()


def _told(checked: Checked, log_keys: Sequence[LogKey], page: str) -> dict[str, Any]:
    manifest, head = checked.manifest, checked.head
    log_checked = len(log_keys) > len(checked.notes)
    lines = [
        f"GOOD          signed by {checked.signer}, the key that you gave",
        f"GOOD          {len(manifest.files)} files as they were signed, and nothing else in the folder",
        f"              export {manifest.export_id} of {manifest.created}, {len(manifest.images)} pictures",
    ]
    if log_checked:
        lines.append(f"GOOD          log {head.origin}, {head.size} entries, signed by the log")
    else:
        lines.append(
            f"NOT CHECKED   who signed the head of log {head.origin}, {head.size} entries: give --log-key"
        )
    lines += [f"NOT CHECKED   {note}" for note in checked.notes]
    if page:
        lines.append(
            f"COMPARE       index.html has the SHA-256 {page}; the sheet that you got must say the same"
        )
    lines += _recall_lines(checked.recalled)
    return {
        "problems": [],
        "export_id": manifest.export_id,
        "created": manifest.created,
        "manifest_sha256": checked.manifest_sha256,
        "signer": checked.signer,
        "images": list(manifest.images),
        "log": {"origin": head.origin, "size": head.size, "root": head.root.hex(), "checked": log_checked},
        "not_checked": list(checked.notes),
        "page_sha256": page,
        "recall": {export_id: list(images) for export_id, images in checked.recalled.items()},
        "lines": lines,
    }


def _tell_record(result: dict[str, Any], checked: Checked, record: Record, today: str) -> None:
    expired = bool(record.until) and record.until < today
    use = f"{_PURPOSES[record.purpose]} ({', '.join(record.codes) or 'no codes'})"
    result["lines"] += [
        f"GOOD          {len(record.images)} pictures opened and compared: content, mark, entry, proof",
        f"              for {use}, {'until ' + record.until if record.until else 'without an end'}",
    ]
    if expired:
        result["lines"].append(
            f"EXPIRED       use ended on {record.until}: destroy these pictures and all copies"
        )
    if checked.manifest.export_id in checked.recalled:
        result["lines"].append("RECALL        this very bundle is recalled")
    result.update(
        purpose=record.purpose, data_use={"codes": list(record.codes), "until": record.until}, expired=expired
    )


def _acknowledge(
    args: argparse.Namespace,
    checked: Checked,
    record: Record,
    now: int,
    witness: WitnessKey | None,
    result: dict[str, Any],
) -> None:
    export_id = checked.manifest.export_id
    data = acknowledgement(
        export_id, checked.manifest_sha256, checked.checkpoint, record.acknowledge, args.by, now, witness
    )
    name = f"medkiosk-acknowledgement-{export_id[:8]}.json"
    if len(data) > 64 << 10:
        raise FailedError(
            "The log's head has too many signatures for an acknowledgement. Nothing was written."
        )
    if witness is not None:
        remember(args.witness_key, checked.head)
        result["witness_key"] = str(witness.public)
    write_new(args.acknowledge, name, data)
    result["acknowledged"] = str(args.acknowledge / name)
    result["lines"].append(f"WRITTEN       {args.acknowledge / name}; bring the stick back to the department")


if __name__ == "__main__":
    sys.exit(main())
