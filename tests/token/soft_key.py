"""A security key in software: CTAP 2.1 with hmac-secret and a PIN, behind real CTAPHID packets.

Like many real keys it keeps nothing: a credential's id is a nonce and a tag, and its secrets are derived from
that and the key's seed. The far side of PIN protocols 1 and 2 is written from the specification (sections
6.5.6 and 6.5.7), not with the library's.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fido2 import cbor
from fido2.hid import CtapHidDevice
from fido2.hid.base import CtapHidConnection, HidDescriptor

PACKET = 64
INIT, CBOR, KEEPALIVE, CANCEL = 0x86, 0x90, 0xBB, 0x91
UP, UV, AT, ED = 0x01, 0x04, 0x40, 0x80
CURVE = ec.SECP256R1()


class StatusError(Exception):
    def __init__(self, code: int) -> None:
        self.code = code


class SoftKey:
    """What is behind the USB plug.

    Args:
        seed: all that this key is.
        pin: its PIN, if it was given one.
        always: it wants its PIN for everything (``alwaysUv``).
        protocol: the PIN protocol that it speaks, 1 or 2.
        extension: it has hmac-secret.
        touched: somebody touches it when it blinks.
        lies: makes it answer with other bytes than it should: what to say instead of the secret.
    """

    def __init__(
        self,
        seed: str,
        *,
        pin: str = "",
        always: bool = False,
        protocol: int = 2,
        extension: bool = True,
        touched: bool = True,
        lies: bytes | None = None,
    ) -> None:
        self.seed = hashlib.sha256(seed.encode()).digest()
        self.pin = pin
        self.always = always
        self.protocol = protocol
        self.extension = extension
        self.touched = touched
        self.lies = lies
        self.touches = 0
        self.tries = 3
        self._agreement = ec.generate_private_key(CURVE)
        self._token = os.urandom(32)
        self._permissions = 0

    def answer(self, message: bytes) -> bytes:
        """One CTAP 2 command and its answer."""
        request: Any = cbor.decode(message[1:]) if len(message) > 1 else {}
        command = {1: self._make, 2: self._assert, 4: self._info, 6: self._client_pin}.get(message[0])
        if command is None:
            return b"\x01"
        try:
            return b"\0" + cbor.encode(command(request))
        except StatusError as status:
            return bytes([status.code])

    def _info(self, _: Mapping[int, Any]) -> dict[int, Any]:
        options = {"rk": False, "up": True, "clientPin": bool(self.pin), "pinUvAuthToken": True}
        if self.always:
            options["alwaysUv"] = True
        extensions = ["hmac-secret"] if self.extension else ["credProtect"]
        return {
            1: ["FIDO_2_0", "FIDO_2_1"], 2: extensions, 3: bytes(16), 4: options, 5: 1200, 6: [self.protocol]
        }  # fmt: skip

    # PIN protocols, the authenticator's side

    def _shared(self, peer: Mapping[int, Any]) -> bytes:
        x, y = (int.from_bytes(peer[label], "big") for label in (-2, -3))
        z = self._agreement.exchange(ec.ECDH(), ec.EllipticCurvePublicNumbers(x, y, CURVE).public_key())
        if self.protocol == 1:
            return hashlib.sha256(z).digest()
        return b"".join(
            HKDF(hashes.SHA256(), 32, bytes(32), info).derive(z)
            for info in (b"CTAP2 HMAC key", b"CTAP2 AES key")
        )

    def _aes(self, shared: bytes, iv: bytes) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(shared[-32:]), modes.CBC(iv))

    def _seal(self, shared: bytes, data: bytes) -> bytes:
        iv = os.urandom(16) if self.protocol == 2 else bytes(16)
        sealer = self._aes(shared, iv).encryptor()
        return (iv if self.protocol == 2 else b"") + sealer.update(data) + sealer.finalize()

    def _open(self, shared: bytes, data: bytes) -> bytes:
        iv, data = (data[:16], data[16:]) if self.protocol == 2 else (bytes(16), data)
        opener = self._aes(shared, iv).decryptor()
        return opener.update(data) + opener.finalize()

    def _check(self, key: bytes, message: bytes, tag: bytes) -> None:
        full = hmac.digest(key[:32], message, "sha256")
        if not hmac.compare_digest(tag, full[:16] if self.protocol == 1 else full):
            raise StatusError(0x33)

    def _client_pin(self, request: Mapping[int, Any]) -> dict[int, Any]:
        if request[1] != self.protocol:
            raise StatusError(0x02)
        match request[2]:
            case 2:
                numbers = self._agreement.public_key().public_numbers()
                x, y = (each.to_bytes(32, "big") for each in (numbers.x, numbers.y))
                return {1: {1: 2, 3: -25, -1: 1, -2: x, -3: y}}
            case 9:
                return self._pin_token(request)
        raise StatusError(0x3E)

    def _pin_token(self, request: Mapping[int, Any]) -> dict[int, Any]:
        if not self.pin:
            raise StatusError(0x35)
        if not self.tries:
            raise StatusError(0x34)
        shared = self._shared(request[3])
        if self._open(shared, request[6]) != hashlib.sha256(self.pin.encode()).digest()[:16]:
            self.tries -= 1
            raise StatusError(0x31 if self.tries else 0x34)
        assert request[10] == "org.medkiosk.kiosk"
        self._token, self._permissions = os.urandom(32), request[9]
        return {2: self._seal(shared, self._token)}

    def _verified(self, request: Mapping[int, Any], tag: int, permission: int) -> bool:
        """Whether the command proves that somebody gave the PIN, which one command uses up."""
        if tag not in request:
            return False
        self._check(self._token, request[1 if permission == 1 else 2], request[tag])
        if not self._permissions & permission or request[tag + 1] != self.protocol:
            raise StatusError(0x33)
        self._permissions = 0
        return True

    # Credentials

    def _touch(self) -> None:
        if not self.touched:
            raise StatusError(0x2F)
        self.touches += 1

    def _id(self, nonce: bytes, rp_id: str) -> bytes:
        return nonce + hmac.digest(self.seed, b"id" + nonce + rp_id.encode(), "sha256")

    def _key(self, credential: bytes) -> ec.EllipticCurvePrivateKey:
        number = int.from_bytes(hmac.digest(self.seed, b"key" + credential, "sha256"), "big")
        return ec.derive_private_key(number >> 1 or 1, CURVE)

    def _make(self, request: Mapping[int, Any]) -> dict[int, Any]:
        verified = self._verified(request, 8, 1)
        if (self.pin or self.always) and not verified:
            raise StatusError(0x36)
        if not any(each["alg"] == -7 for each in request[4]):
            raise StatusError(0x26)
        self._touch()
        rp_id = request[2]["id"]
        credential = self._id(os.urandom(32), rp_id)
        numbers = self._key(credential).public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        extensions = {}
        if self.extension and request.get(6, {}).get("hmac-secret"):
            extensions["hmac-secret"] = True
        data = hashlib.sha256(rp_id.encode()).digest()
        data += bytes([UP | AT | (UV if verified else 0) | (ED if extensions else 0)]) + bytes(4)
        data += bytes(16) + len(credential).to_bytes(2, "big") + credential + cbor.encode(public)
        if extensions:
            data += cbor.encode(extensions)
        return {1: "none", 2: data, 3: {}}

    def _assert(self, request: Mapping[int, Any]) -> dict[int, Any]:
        rp_id, up = request[1], request.get(5, {}).get("up", True)
        verified = self._verified(request, 6, 2)
        if self.always and up and not verified:
            raise StatusError(0x36)
        for allowed in request[3]:
            credential = allowed["id"]
            if credential == self._id(credential[:32], rp_id):
                break
        else:
            raise StatusError(0x2E)
        if up:
            self._touch()
        said = b""
        if question := request.get(4, {}).get("hmac-secret"):
            assert up, "the specification wants a touch for the secret"
            shared = self._shared(question[1])
            self._check(shared, question[2], question[3])
            salt = self._open(shared, question[2])
            assert len(salt) == 32
            kind = b"with" if verified else b"without"
            secret = hmac.digest(self.seed, kind + b"-uv" + credential, "sha256")
            output = hmac.digest(secret, salt, "sha256") if self.lies is None else self.lies
            said = cbor.encode({"hmac-secret": self._seal(shared, output)})
        data = hashlib.sha256(rp_id.encode()).digest()
        flags = (UP if up else 0) | (UV if verified else 0) | (ED if said else 0)
        data += bytes([flags]) + bytes(4) + said
        signature = self._key(credential).sign(data + request[2], ec.ECDSA(hashes.SHA256()))
        return {1: {"type": "public-key", "id": credential}, 2: data, 3: signature}


class Plug(CtapHidConnection):
    """USB packets in and out (CTAPHID, section 11.2)."""

    def __init__(self, key: SoftKey) -> None:
        self._key = key
        self._out: list[bytes] = []
        self._message = b""
        self._size = 0

    def write_packet(self, data: bytes) -> None:
        channel, head, body = data[:4], data[4], data[5:]
        if head & 0x80:
            self._command, self._size = head, int.from_bytes(body[:2], "big")
            self._message, self._expected = body[2:], 0
        else:
            assert head == self._expected
            self._message, self._expected = self._message + body, self._expected + 1
        if len(self._message) < self._size:
            return
        message = self._message[: self._size]
        if self._command == INIT:
            self._send(channel, INIT, message + b"\0\0\0\x01" + bytes([2, 1, 0, 0, 0x0C]))
        elif self._command == CBOR:
            before = self._key.touches
            answer = self._key.answer(message)
            if self._key.touches > before:
                self._send(channel, KEEPALIVE, b"\x01")
                self._send(channel, KEEPALIVE, b"\x02")
            self._send(channel, CBOR, answer)

    def _send(self, channel: bytes, command: int, message: bytes) -> None:
        packet = channel + bytes([command]) + len(message).to_bytes(2, "big") + message[: PACKET - 7]
        self._out.append(packet.ljust(PACKET, b"\0"))
        for number, start in enumerate(range(PACKET - 7, len(message), PACKET - 5)):
            packet = channel + bytes([number]) + message[start : start + PACKET - 5]
            self._out.append(packet.ljust(PACKET, b"\0"))

    def read_packet(self) -> bytes:
        return self._out.pop(0)

    def close(self) -> None:
        self._out.clear()


def plugged(key: SoftKey) -> CtapHidDevice:
    """The library's own device, with a software key at the other end."""
    descriptor = HidDescriptor("/dev/soft", 0, 0, PACKET, PACKET, "soft key", None)
    return CtapHidDevice(descriptor, Plug(key))
