"""The payloads of the worker protocol."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.source.model import MAX_ENTRIES, DeviceInfo, Grant
from medkiosk.source.protocol import (
    MAX_FOLDER,
    MAX_NAME,
    CameraTime,
    ProtocolError,
    RawEntry,
    pack_entry,
    pack_hello,
    pack_open,
    pack_time,
    unpack_entry,
    unpack_hello,
    unpack_index,
    unpack_nothing,
    unpack_open,
    unpack_seconds,
    unpack_time,
)
from medkiosk.source.reading import bounded_folder, bounded_name

_names = st.binary(max_size=MAX_NAME)


@given(
    st.integers(0, MAX_ENTRIES - 1),
    _names,
    st.binary(max_size=MAX_FOLDER),
    _names,
    st.integers(0, 2**53 - 1),
    st.integers(-(2**53) + 1, 2**53 - 1),
)
def test_entries_cross_unchanged(
    index: int, storage: bytes, folder: bytes, name: bytes, size: int, mtime: int
) -> None:
    raw = RawEntry(index=index, storage=storage, folder=folder, name=name, size=size, mtime=mtime)
    entry = unpack_entry(pack_entry(raw))
    assert (entry.index, entry.size, entry.mtime) == (index, size, mtime)
    assert meant(entry.name) == name
    assert meant(entry.folder) == folder


def meant(label: str) -> bytes:
    """The bytes that a label stands for: no two have one."""
    first, *rest = label.split("\\")
    assert all(part[0] == "x" for part in rest)
    return first.encode() + b"".join(bytes.fromhex(part[1:3]) + part[3:].encode() for part in rest)


_UNPACKERS: tuple[Callable[[bytes], object], ...] = (
    unpack_hello,
    unpack_open,
    unpack_entry,
    unpack_index,
    unpack_seconds,
    unpack_time,
    unpack_nothing,
)

_seconds = st.integers(0, 253_402_300_799)


@given(st.one_of(st.none(), st.builds(CameraTime, wall=_seconds, utc=st.one_of(st.none(), _seconds))))
def test_a_clock_crosses_unchanged(time: CameraTime | None) -> None:
    assert unpack_time(pack_time(time)) == time


@pytest.mark.parametrize(
    "grants", [Grant.NONE, Grant.DELETE, Grant.SET_CLOCK, Grant.DELETE | Grant.SET_CLOCK]
)
def test_grants_cross_unchanged(grants: Grant) -> None:
    device = DeviceInfo(kind="camera", model="m", serial="", port="p")
    assert unpack_open(pack_open(device, grants)) == (device, grants)


@given(st.binary(max_size=400))
def test_any_payload_is_understood_or_refused(untrusted_payload: bytes) -> None:
    for unpack in _UNPACKERS:
        try:
            unpack(untrusted_payload)
        except ProtocolError:
            continue


@given(st.text(max_size=300))
def test_what_a_device_says_of_itself_is_cut_not_refused(text: str) -> None:
    info = unpack_hello(pack_hello(DeviceInfo(kind="camera", model=text, serial=text, port=text)))
    assert len(info.model.encode("utf-8", "backslashreplace")) <= 4 * MAX_NAME


@given(st.lists(st.binary(min_size=1, max_size=600), max_size=12))
def test_long_names_are_cut_to_their_bounds(components: list[bytes]) -> None:
    assert len(bounded_folder(tuple(components))) <= MAX_FOLDER
    for one in components:
        assert len(bounded_name(one)) <= MAX_NAME
        assert bounded_name(one) != bounded_name(one + b"x")
