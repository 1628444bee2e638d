"""One neural network on one thread, by ONNX Runtime (docs/adr/0008).

The files are used as their packages ship them, checked against a hash. Some were exported with fixed sizes,
and with weights listed as inputs, which keeps the runtime from folding constants: `open_sizes` takes both
away, in the bytes, at load time.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Since 1.29 the runtime tells its maker about each session, and keeps what it could not send in a database in
# the user's home; both begin as it is imported. Only this stops it: `disable_telemetry_events` is too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

# Field numbers of onnx.proto3 (ONNX IR version 3 and later).
_MODEL_GRAPH = 7
_GRAPH_INITIALIZER = 5
_GRAPH_INPUT = 11
_GRAPH_OUTPUT = 12
_TENSOR_NAME = 8
_VALUE_NAME = 1
_VALUE_TYPE = 2
_TYPE_TENSOR = 1
_TENSOR_ELEMENT = 1
_LENGTH_DELIMITED = 2


STRIDES = 32
"""Both detectors' networks halve their input five times: its sides must be multiples of this, pixels."""


class Net:
    """A network, loaded once before the worker forks; every run is on the calling thread.

    Args:
        model: the ONNX file's bytes.
        outputs: names of the outputs that are wanted, in this order; all of them when empty.
    """

    def __init__(self, model: bytes, outputs: tuple[str, ...] = ()) -> None:
        options = onnxruntime.SessionOptions()
        # More threads would be started here, and a process with threads cannot fork safely.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Laying out the memory of each new size costs a run and holds more of it; each child sees few sizes.
        options.enable_mem_pattern = False
        options.use_deterministic_compute = True
        _share_memory()
        options.add_session_config_entry("session.use_env_allocators", "1")
        self._session: Any = onnxruntime.InferenceSession(
            open_sizes(model), options, providers=["CPUExecutionProvider"]
        )
        self._input: str = self._session.get_inputs()[0].name
        self._outputs = list(outputs) or [output.name for output in self._session.get_outputs()]

    def metadata(self, name: str) -> str:
        """What the file says about itself under a name; empty when it says nothing."""
        value: str = self._session.get_modelmeta().custom_metadata_map.get(name, "")
        return value

    def run(self, blob: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Run on ``blob``, shape (batch, channels, height, width); one array for each output.

        Raises:
            MemoryError: there is not enough.
        """
        try:
            results: list[NDArray[np.float32]] = self._session.run(self._outputs, {self._input: blob})
        except (Fail, RuntimeException) as error:
            # The runtime has one error for everything that goes wrong in an operator.
            if "allocate" in str(error):
                raise MemoryError from error
            raise
        return results


@functools.cache
def _share_memory() -> None:
    """Let all networks of this process take their memory from one heap, since they run one after another."""
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(memory, None)


def whole_strides(length: int) -> int:
    """The next length from ``length`` on that a network takes."""
    return -(-length // STRIDES) * STRIDES


def tiles(length: int, longest: int, overlap: int) -> list[slice]:
    """Cut a side into equal overlapping pieces of at most ``longest`` pixels, in multiples of 32 pixels.

    Pieces of one size matter: a network's first run at each size is slower than the next ones.
    """
    if length <= longest:
        return [slice(0, length)]
    count = -(-(length - overlap) // (longest - overlap))
    piece = min(whole_strides(-(-(length + (count - 1) * overlap) // count)), longest, length)
    return [
        slice(start, start + piece)
        for start in (round(i * (length - piece) / (count - 1)) for i in range(count))
    ]


def open_sizes(model: bytes) -> bytes:
    """Rewrite an ONNX file so that its sizes are free and its weights are constants.

    Inputs that have an initializer are weights and leave the list of inputs; what remains keeps its name and
    element type and loses its shape, as do the outputs.

    Raises:
        ValueError: not a protobuf message of this kind.
    """
    return _join(
        (number, wire, _open_graph(value) if number == _MODEL_GRAPH else value)
        for number, wire, value in _fields(model)
    )


def _open_graph(graph: bytes) -> bytes:
    fields = list(_fields(graph))
    weights = {
        name
        for number, _, value in fields
        if number == _GRAPH_INITIALIZER
        for key, _, name in _fields(value)
        if key == _TENSOR_NAME
    }
    kept = []
    for number, wire, value in fields:
        if number == _GRAPH_INPUT and _value_name(value) in weights:
            continue
        ends = number in {_GRAPH_INPUT, _GRAPH_OUTPUT}
        kept.append((number, wire, _without_shape(value) if ends else value))
    return _join(kept)


def _value_name(value: bytes) -> bytes:
    return next((name for number, _, name in _fields(value) if number == _VALUE_NAME), b"")


def _without_shape(value: bytes) -> bytes:
    """A ValueInfoProto with its tensor type reduced to the element type."""
    return _join(
        (number, wire, _join((n, w, _element(v) if n == _TYPE_TENSOR else v) for n, w, v in _fields(inner)))
        if number == _VALUE_TYPE
        else (number, wire, inner)
        for number, wire, inner in _fields(value)
    )


def _element(tensor: bytes) -> bytes:
    return _join(field for field in _fields(tensor) if field[0] == _TENSOR_ELEMENT)


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Fields of a protobuf message: number, wire type, and content (varints and fixed ones as encoded)."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire = key & 7
        start = at
        if wire == 0:
            _, at = _varint(message, at)
        elif wire == _LENGTH_DELIMITED:
            length, start = _varint(message, at)
            at = start + length
        elif wire in {1, 5}:
            at += 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at > len(message):
            raise ValueError("field longer than its message")
        yield key >> 3, wire, message[start:at]


def _join(fields: Iterable[tuple[int, int, bytes]]) -> bytes:
    parts = []
    for number, wire, value in fields:
        parts.append(_pack(number << 3 | wire))
        if wire == _LENGTH_DELIMITED:
            parts.append(_pack(len(value)))
        parts.append(value)
    return b"".join(parts)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("broken varint")


def _pack(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])
