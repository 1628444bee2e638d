"""The text of a slate: what the QR code says that stands between two patients' pictures (docs/slate.md).

Pure. It names nobody: a random token, the time at which it was shown, and a check that only this kiosk makes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from medkiosk.core.ids import EncounterId

PREFIX = "MKS1:"
"""What every slate's text begins with; the digit is the version."""
LENGTH = 54
"""Characters of a slate's text, all of them from QR's alphanumeric set."""
LONGEST = 64
"""Most characters of a text that begins like a slate and is handed out by a redact worker."""
MOST = 4
"""Most such texts of one picture."""
TOKEN_BYTES = 16
_TIME_BYTES = 5
_CHECK_BYTES = 9


class SlateKind(StrEnum):
    """Whether a slate begins a patient's series or ends it."""

    OPEN = "open"
    CLOSE = "close"


_LETTERS = {SlateKind.OPEN: "O", SlateKind.CLOSE: "C"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}


class Slate(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What a slate says.

    Attributes:
        kind: whether it begins or ends a series.
        token: 32 hexadecimal digits, random; whose it is, only the kiosk's sealed records tell.
        shown: the kiosk's time when it was on the screen, whole seconds since 1970 UTC.
    """

    kind: SlateKind
    token: str
    shown: int

    @property
    def moment(self) -> datetime:
        """When it was shown."""
        return datetime.fromtimestamp(self.shown, UTC)


class ShownSlate(msgspec.Struct, frozen=True, gc=False):
    """A slate as the kiosk's records know it.

    Attributes:
        number: its place among all that the kiosk showed, from 1.
        encounter_id: whose it is.
        kind: whether it opens or closes a series.
        token: what its pictures say.
        first: the kiosk's time at which it was on the screen first, whole seconds since 1970 UTC.
    """

    number: int
    encounter_id: EncounterId
    kind: SlateKind
    token: str
    first: int


def write_slate(slate: Slate, key: bytes) -> str:
    """Return the text of a slate.

    Args:
        slate: what it says.
        key: 32 bytes that only this kiosk has.

    Raises:
        ValueError: a token or time that does not fit.
    """
    token = bytes.fromhex(slate.token)
    if len(token) != TOKEN_BYTES or not 0 <= slate.shown < 1 << 8 * _TIME_BYTES:
        raise ValueError("a token of 16 bytes and a time of 5 bytes make a slate")
    body = token + slate.shown.to_bytes(_TIME_BYTES, "big")
    head = PREFIX + _LETTERS[slate.kind]
    return head + base64.b32encode(body + _check(head, body, key)).decode()


def read_slate(untrusted_text: str, key: bytes) -> Slate | None:
    """Read a text that may be a slate's; None for one that this kiosk did not make.

    Args:
        untrusted_text: what a QR code says.
        key: as for `write_slate`.
    """
    if len(untrusted_text) != LENGTH or not untrusted_text.isascii():
        return None
    head, rest = untrusted_text[: len(PREFIX) + 1], untrusted_text[len(PREFIX) + 1 :]
    kind = _KINDS.get(head[-1])
    if kind is None or not head.startswith(PREFIX):
        return None
    try:
        packed = base64.b32decode(rest)
    except binascii.Error:
        return None
    body, check = packed[:-_CHECK_BYTES], packed[-_CHECK_BYTES:]
    if not hmac.compare_digest(check, _check(head, body, key)):
        return None
    return Slate(kind, body[:TOKEN_BYTES].hex(), int.from_bytes(body[TOKEN_BYTES:], "big"))


def is_like_slate(text: str) -> bool:
    """Tell whether a text begins like a slate and is short and plain enough to be handed on."""
    return text.startswith(PREFIX) and len(text) <= LONGEST and text.isascii() and text.isprintable()


def _check(head: str, body: bytes, key: bytes) -> bytes:
    return hmac.new(key, head.encode() + body, hashlib.sha256).digest()[:_CHECK_BYTES]
