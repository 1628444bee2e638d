"""A text in a reply that must not stay in the daemon's memory: said once, then overwritten."""

from __future__ import annotations

import msgspec

_PLAIN = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\')


def wipe(buffer: bytearray) -> None:
    """Overwrite in place."""
    buffer[:] = bytes(len(buffer))


class Spoken:
    """A text as JSON, in one buffer of its own. Python's own texts cannot be overwritten.

    `medkiosk.ipc.wire.encode_reply` encodes it as a text, and wipes it.

    Args:
        text: ASCII that JSON does not escape; copied.

    Raises:
        ValueError: it has another character.
    """

    __slots__ = ("_json",)

    def __init__(self, text: bytes | bytearray) -> None:
        if not _PLAIN.issuperset(text):
            raise ValueError("a spoken text is ASCII that needs no escape")
        self._json = bytearray(len(text) + 2)  # at its final size: one that grows leaves copies behind
        self._json[0] = self._json[-1] = ord('"')
        self._json[1:-1] = text

    def raw(self) -> msgspec.Raw:
        """Return its JSON, which is this buffer and no copy."""
        return msgspec.Raw(self._json)

    def wipe(self) -> None:
        """Overwrite it; harmless when repeated."""
        wipe(self._json)
