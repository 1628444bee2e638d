"""Ask security keys over CTAP 2.1: the only module that loads ``fido2``, and only the worker loads this one.

What comes from a key is untrusted. ``hmac-secret`` is section 12.5 of the specification.
"""

from __future__ import annotations

import contextlib
import os
import struct
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fido2.ctap import STATUS, CtapDevice, CtapError
from fido2.ctap2.base import Ctap2
from fido2.ctap2.pin import ClientPin
from fido2.hid import ConnectionFailure, CtapHidDevice, list_descriptors, open_connection
from fido2.webauthn import AuthenticatorData

from medkiosk.token import usbkey
from medkiosk.token.errors import Code
from medkiosk.token.protocol import OUTPUT_SIZE, RP_ID, Added

Touch = Callable[[], None]
_EXTENSION = "hmac-secret"
_ES256, _EDDSA = -7, -8
# The hash of client data that nobody looks at: what is wanted is the secret, not the signature.
_HASH = bytes(32)

_BAD = (ConnectionFailure, ValueError, TypeError, LookupError, OSError, struct.error, RecursionError)
"""What the library raises about a key that breaks the specification (nested CBOR, too), or is pulled out."""
_CODES = {
    CtapError.ERR.PIN_INVALID: Code.PIN_WRONG,
    CtapError.ERR.PIN_AUTH_INVALID: Code.PIN_WRONG,
    CtapError.ERR.PIN_BLOCKED: Code.PIN_BLOCKED,
    CtapError.ERR.PIN_AUTH_BLOCKED: Code.PIN_BLOCKED,
    CtapError.ERR.PUAT_REQUIRED: Code.PIN_NEEDED,
    CtapError.ERR.PIN_NOT_SET: Code.UNSUPPORTED,
    CtapError.ERR.USER_ACTION_TIMEOUT: Code.TIMEOUT,
    CtapError.ERR.ACTION_TIMEOUT: Code.TIMEOUT,
    CtapError.ERR.KEEPALIVE_CANCEL: Code.TIMEOUT,
    CtapError.ERR.OPERATION_DENIED: Code.REFUSED,
}


class RefusedError(Exception):
    """A security key has no answer, for the reason in ``code``."""

    def __init__(self, code: Code) -> None:
        self.code = code
        super().__init__(code.name)


def plugged_in() -> Iterator[CtapDevice]:
    """Open every security key that this process may open; they stay open until its end, which is near."""
    for descriptor in list_descriptors():  # type: ignore[no-untyped-call]
        try:
            yield CtapHidDevice(descriptor, open_connection(descriptor))  # type: ignore[no-untyped-call]
        except (CtapError, *_BAD):
            continue  # somebody else has it, or it is none after all
    for found in usbkey.found():
        try:
            connection = usbkey.UsbConnection(found)
            yield CtapHidDevice(connection.descriptor, connection)
        except (CtapError, *_BAD):
            continue


def add(devices: Iterable[CtapDevice], salt: bytes, pin: str, touch: Touch) -> Added:
    """Make a credential on the one key that is plugged in, and ask it; it is touched twice.

    Raises:
        RefusedError: no key, several, or what it said.
    """
    usable = list(_usable(devices))
    if len(usable) != 1:
        raise RefusedError(Code.SEVERAL if usable else Code.NO_KEY)
    [ctap] = usable
    if _EXTENSION not in ctap.info.extensions:
        raise RefusedError(Code.UNSUPPORTED)
    options = ctap.info.options
    always = bool(options.get("alwaysUv"))
    needed = always or bool(options.get("clientPin") and not options.get("makeCredUvNotRqd"))
    if needed and not options.get("clientPin"):
        raise RefusedError(Code.UNSUPPORTED)
    with _codes():
        made = ctap.make_credential(
            _HASH,
            {"id": RP_ID, "name": "medkiosk"},
            {"id": os.urandom(32), "name": "medkiosk"},  # a key's own list must not say whose it is
            [{"type": "public-key", "alg": alg} for alg in (_ES256, _EDDSA)],
            extensions={_EXTENSION: True},
            **_proof(ctap, pin, ClientPin.PERMISSION.MAKE_CREDENTIAL) if needed else {},
            on_keepalive=_telling(touch),
        )
        data = made.auth_data.credential_data
        if data is None or (made.auth_data.extensions or {}).get(_EXTENSION) is not True:
            raise RefusedError(Code.UNSUPPORTED)
        output, verified = _secret(ctap, data.credential_id, salt, pin if always else None, touch)
    return Added(credential=data.credential_id.hex(), verified=verified, output=output.hex())


def ask(
    devices: Iterable[CtapDevice], credential: bytes, salt: bytes, verified: bool, pin: str, touch: Touch
) -> bytes:
    """Find the key that made a credential and ask it: 32 bytes. Only that one is touched.

    Raises:
        RefusedError: no key, none that knows the credential, or what it said.
    """
    code = Code.NO_KEY
    for ctap in _usable(devices):
        code = Code.UNKNOWN
        if _EXTENSION in ctap.info.extensions and _knows(ctap, credential):
            with _codes():
                output, was = _secret(ctap, credential, salt, pin if verified else None, touch)
            if was != verified:
                # It has another secret for that: what it said would look like a wrong passphrase.
                raise RefusedError(Code.FAILED)
            return output
    raise RefusedError(code)


def _usable(devices: Iterable[CtapDevice]) -> Iterator[Ctap2]:
    for device in devices:
        try:
            yield Ctap2(device)
        except (CtapError, *_BAD):
            continue  # an older one (U2F), or one that does not keep to the specification


def _knows(ctap: Ctap2, credential: bytes) -> bool:
    """Whether a key made this credential; asked without a touch, which the specification allows."""
    try:
        ctap.get_assertion(RP_ID, _HASH, allow_list=_allowed(credential), options={"up": False})
    except (CtapError, *_BAD):
        return False
    return True


def _secret(ctap: Ctap2, credential: bytes, salt: bytes, pin: str | None, touch: Touch) -> tuple[bytes, bool]:
    """Return what the key says to the salt, and whether it verified the user for that."""
    protocol = ClientPin(ctap).protocol
    agreed = ctap.client_pin(protocol.VERSION, ClientPin.CMD.GET_KEY_AGREEMENT)
    key_agreement, shared = protocol.encapsulate(agreed[ClientPin.RESULT.KEY_AGREEMENT])
    sealed = protocol.encrypt(shared, salt)
    question = {1: key_agreement, 2: sealed, 3: protocol.authenticate(shared, sealed), 4: protocol.VERSION}
    proof = {} if pin is None else _proof(ctap, pin, ClientPin.PERMISSION.GET_ASSERTION)
    answer = ctap.get_assertion(
        RP_ID,
        _HASH,
        allow_list=_allowed(credential),
        extensions={_EXTENSION: question},
        **proof,
        on_keepalive=_telling(touch),
    )
    untrusted = (answer.auth_data.extensions or {}).get(_EXTENSION)
    if not isinstance(untrusted, bytes):
        raise RefusedError(Code.UNSUPPORTED)
    output = protocol.decrypt(shared, untrusted)
    if len(output) != OUTPUT_SIZE:
        raise RefusedError(Code.FAILED)
    return output, bool(answer.auth_data.flags & AuthenticatorData.FLAG.UV)


def _proof(ctap: Ctap2, pin: str, permission: ClientPin.PERMISSION) -> dict[str, Any]:
    """Prove to the key that somebody knows its PIN, for one command."""
    if not pin:
        raise RefusedError(Code.PIN_NEEDED)
    client = ClientPin(ctap)
    token = client.get_pin_token(unicodedata.normalize("NFC", pin), permission, RP_ID)
    return {
        "pin_uv_param": client.protocol.authenticate(token, _HASH),
        "pin_uv_protocol": client.protocol.VERSION,
    }


def _allowed(credential: bytes) -> list[Mapping[str, Any]]:
    return [{"type": "public-key", "id": credential}]


def _telling(touch: Touch) -> Callable[[int], None]:
    def told(status: int) -> None:
        if status == STATUS.UPNEEDED:
            touch()

    return told


@contextlib.contextmanager
def _codes() -> Iterator[None]:
    """Turn what a key, or the parsing of what it said, raises into a code."""
    try:
        yield
    except CtapError as error:
        raise RefusedError(_CODES.get(error.code, Code.FAILED)) from error
    except _BAD as error:
        raise RefusedError(Code.FAILED) from error
