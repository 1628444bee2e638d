"""What is said to the worker that asks security keys, and what it answers: one request, one answer."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from medkiosk.core import canon

RP_ID = "org.medkiosk.kiosk"
"""Under which name a key makes and answers for our credentials (docs/format.md section 6)."""
OUTPUT_SIZE = 32
SALT_SIZE = 32
MAX_REQUEST = 4096
MAX_ANSWER = 4096
LONGEST_CREDENTIAL = 1023


class ToWorker(IntEnum):
    """Frames to the worker."""

    ADD = 1
    ASK = 2


class FromWorker(IntEnum):
    """Frames from the worker: any number of `TOUCH`, then one of the others."""

    TOUCH = 1
    ADDED = 2
    SAID = 3
    FAILED = 4


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``salt`` and ``credential`` in hexadecimal digits; the latter is empty for `ToWorker.ADD`."""

    salt: str
    pin: str = ""
    credential: str = ""
    verified: bool = False


class Added(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new credential: its id, and what the key said to the salt, in hexadecimal digits."""

    credential: str
    verified: bool
    output: str

    def __post_init__(self) -> None:
        sizes = len(bytes.fromhex(self.credential)), len(bytes.fromhex(self.output))
        if not 1 <= sizes[0] <= LONGEST_CREDENTIAL or sizes[1] != OUTPUT_SIZE:
            raise ValueError("not what a security key answers")


def pack(value: Request | Added) -> bytes:
    """Write a request or an answer."""
    return canon.encode(value)


def unpack_request(payload: bytes) -> Request:
    """Read a request; ValueError where it is none."""
    return canon.decode(payload, Request)


def unpack_added(payload: bytes) -> Added:
    """Read the answer to `ToWorker.ADD`; ValueError where it is none."""
    return canon.decode(payload, Added)
