"""The varlink wire format, pure: NUL-terminated JSON objects, derived from `medkiosk.ipc.api.Api`.

Call: ``{"method": "org.medkiosk.Kiosk.Name", "parameters": {...}, "more": true}``. Reply:
``{"parameters": {...}, "continues": true}`` or ``{"error": "org.medkiosk.Kiosk.Error", "parameters":
{...}}``. One addition to varlink (https://varlink.org): when the parameters of a reply have an
``attachment`` field, that many raw bytes follow the NUL.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args, get_origin, get_type_hints

import msgspec

from medkiosk.core.capability import Capability
from medkiosk.core.errors import BadRequestError, KioskError
from medkiosk.ipc.api import INTERFACE, Api
from medkiosk.ipc.spoken import Spoken, wipe

MAX_REPLY = 16 << 20
"""Longest reply, bytes before the NUL: lists grow with the catalogue, requests (`MAX_MESSAGE`) do not."""

# The path at the end of msgspec's messages: our own field names and positions, nothing of the sender's.
_PATH = re.compile(r"- at (?:`key` in )?`\$((?:\.[A-Za-z_]\w*|\[\d+\]|\[\.\.\.\])+)`\Z")


class RemoteError(KioskError):
    """{message}"""  # noqa: D415 - the daemon's own sentence, whole

    def __init__(self, *, code: str, message: str, exit_code: int) -> None:
        super().__init__(message=message)
        self.remote_code = code
        self.remote_exit_code = exit_code


class ConnectionLostError(KioskError):
    """The kiosk's daemon is not answering. What was acknowledged is safe; try again in a moment, and if
    it lasts ask the administrator to look at the service medkioskd.
    """

    code = "ipc.lost"
    exit_code = 4


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request as it stands on the wire, its parameters not yet read."""

    method: str
    parameters: msgspec.Raw = msgspec.Raw(b"{}")
    more: bool = False


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One reply as it stands on the wire, its parameters not yet read."""

    parameters: msgspec.Raw = msgspec.Raw(b"{}")
    error: str = ""
    continues: bool = False


class ErrorParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every error says: a stable code, the person's sentence, the exit code for command lines."""

    code: str
    message: str
    exit_code: int


@dataclass(frozen=True)
class Method:
    """One method of the interface, read from `Api`.

    Attributes:
        name: as in Python; on the wire it is CamelCase behind the interface's name.
        parameters: struct type made from the signature.
        result: struct type of one reply.
        stream: replies may continue.
        attached: raw bytes follow the reply.
        needs: capability, or None.
        secret: parameters that are never logged.
    """

    name: str
    wire_name: str
    parameters: type[msgspec.Struct]
    result: type[msgspec.Struct]
    stream: bool
    attached: bool
    needs: Capability | None
    secret: frozenset[str]


def _read_method(name: str, function: Any) -> Method:
    needs, secret = function.__ipc__
    hints = get_type_hints(function)
    signature = inspect.signature(function)
    fields: list[Any] = []
    for parameter in list(signature.parameters.values())[1:]:
        if parameter.default is inspect.Parameter.empty:
            fields.append((parameter.name, hints[parameter.name]))
        else:
            fields.append((parameter.name, hints[parameter.name], parameter.default))
    wire_name = "".join(part.capitalize() for part in name.split("_"))
    parameters = msgspec.defstruct(f"{wire_name}Parameters", fields, frozen=True, forbid_unknown_fields=True)
    result = hints["return"]
    stream = get_origin(result) is Iterator
    attached = get_origin(result) is tuple
    if stream or attached:
        result = get_args(result)[0]
    return Method(name, f"{INTERFACE}.{wire_name}", parameters, result, stream, attached, needs, secret)


METHODS: Mapping[str, Method] = {
    name: _read_method(name, function)
    for each in reversed(Api.__mro__)
    for name, function in vars(each).items()
    if hasattr(function, "__ipc__")
}
BY_WIRE_NAME: Mapping[str, Method] = {method.wire_name: method for method in METHODS.values()}


def encode_call(method: Method, arguments: Mapping[str, object]) -> bytes:
    """Encode a request, with its NUL."""
    parameters = msgspec.json.encode(method.parameters(**arguments))
    return (
        msgspec.json.encode(
            Call(method=method.wire_name, parameters=msgspec.Raw(parameters), more=method.stream)
        )
        + b"\0"
    )


def decode_call(untrusted_message: bytes) -> tuple[Method, dict[str, Any]]:
    """Read a request (without its NUL): the method and its arguments by name.

    Raises:
        BadRequestError: not JSON, unknown method, wrong or unknown parameters.
    """
    try:
        call = msgspec.json.decode(untrusted_message, type=Call)
    except msgspec.DecodeError as error:
        raise BadRequestError(detail="it is not a varlink call") from error
    method = BY_WIRE_NAME.get(call.method)
    if method is None:
        raise BadRequestError(detail="there is no such method in " + INTERFACE)
    if method.stream and not call.more:
        raise BadRequestError(detail=f"{method.wire_name} is a stream: call it with more")
    try:
        parameters = msgspec.json.decode(call.parameters, type=method.parameters)
    except msgspec.ValidationError as error:
        # Its text may quote the value ("Invalid enum value 'x'"), which may be a secret: only the place.
        # A field that we do not know could be named like a path, so then not even that.
        unknown = str(error).startswith("Object contains unknown field")
        place = None if unknown else _PATH.search(str(error))
        where = f"`$.parameters{place[1] if place else ''}`"
        raise BadRequestError(detail=f"{where} is not what {method.wire_name} takes") from error
    except msgspec.DecodeError as error:
        raise BadRequestError(detail="its parameters are not JSON") from error
    return method, {name: getattr(parameters, name) for name in parameters.__struct_fields__}


def _say(value: object) -> object:
    if isinstance(value, Spoken):
        return value.raw()
    raise NotImplementedError(type(value).__name__)


_ENCODER = msgspec.json.Encoder(enc_hook=_say)
_ROOM = 16 << 10
"""Bytes; a reply with a `Spoken` is shorter. A buffer that grows leaves a copy behind."""
_BEFORE, _AFTER, _AFTER_ONE_OF_MANY = b'{"parameters":', b"}\0", b',"continues":true}\0'


def encode_reply(result: msgspec.Struct, *, continues: bool = False) -> bytearray:
    """Encode one reply, with its NUL. No other copy of it is left; who sends it wipes it.

    Args:
        result: what is said. Each `Spoken` in it is wiped.
        continues: whether more follow.

    Raises:
        ValueError: it is longer than any client reads.
    """
    parameters = bytearray(_ROOM)
    after = _AFTER_ONE_OF_MANY if continues else _AFTER
    try:
        _ENCODER.encode_into(result, parameters)
        size = len(_BEFORE) + len(parameters) + len(after)
        if size - 1 > MAX_REPLY:
            raise ValueError("the reply is too long")
        reply = bytearray(size)
        reply[: len(_BEFORE)] = _BEFORE
        reply[len(_BEFORE) : -len(after)] = parameters
        reply[-len(after) :] = after
    finally:
        wipe(parameters)
        for name in result.__struct_fields__:
            if isinstance(said := getattr(result, name), Spoken):
                said.wipe()
    return reply


def encode_error(error: KioskError) -> bytes:
    """Encode an error reply, with its NUL."""
    parameters = ErrorParameters(error.code, error.message, error.exit_code)
    if isinstance(error, RemoteError):
        parameters = ErrorParameters(error.remote_code, error.message, error.remote_exit_code)
    raw = msgspec.Raw(msgspec.json.encode(parameters))
    return msgspec.json.encode(Reply(parameters=raw, error=f"{INTERFACE}.Error")) + b"\0"


def decode_reply(message: bytes, method: Method) -> tuple[msgspec.Struct, bool]:
    """Read one reply (without its NUL): the result, and whether more follow.

    Raises:
        RemoteError: the daemon refused or failed.
        ConnectionLostError: what came is no reply of this interface.
    """
    try:
        reply = msgspec.json.decode(message, type=Reply)
        if reply.error:
            said = msgspec.json.decode(reply.parameters, type=ErrorParameters)
            raise RemoteError(code=said.code, message=said.message, exit_code=said.exit_code)
        return msgspec.json.decode(reply.parameters, type=method.result), reply.continues
    except msgspec.DecodeError as error:
        raise ConnectionLostError from error


def attachment_size(result: msgspec.Struct) -> int:
    """How many raw bytes follow this reply."""
    return cast("int", getattr(result, "attachment", 0))
