"""The real importer and store, whatever happens in a row: after a clean plug the store holds what is on the
card or camera, whole, and nothing else.

The faults are those of tests/source/test_sequences.py, drawn for each time that the card is plugged in; and
each fault is met in every run. How many sequences are drawn besides: ``MEDKIOSK_EXAMPLES`` (default 3 of each
kind; ``make sequences`` draws many).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from medkiosk.core.device import DeviceState
from medkiosk.source.whole import Form, form_of
from tests.daemon.importing import ImportRig
from tests.source.conftest import MIB
from tests.source.test_sequences import camera_faults, card_faults, many, sequences, write_card
from tests.virtual import card as virtual_card
from tests.virtual import fuse
from tests.virtual.camera import RunningCamera
from tests.virtual.card import RunningCard
from tests.virtual.faults import FAULTS

Versions = dict[tuple[str, str], set[bytes]]
"""Folder and name; all that ever lay there."""
Test = Callable[..., None]

_NO_LIMIT = pytest.mark.timeout(0)  # a hang is found by what waits in it, and each sequence takes seconds
few = settings(
    many,
    max_examples=int(os.environ.get("MEDKIOSK_EXAMPLES", "3")),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # each is seconds: what failed is short enough
)

CAMERA = [
    [[f"again-with-new-handles={MIB}"]],
    [["busy=5", "denied=1"]],
    [["denied"]],
    [["flip=IMG_0001.JPG:2"]],
    [["grow=IMG_0001.JPG"]],
    [["half-object=IMG_0001.JPG"], ["half-object"]],
    [["list-busy"]],
    [["long-read=IMG_0001.CR3:3000000"]],
    [[f"vanish-at={MIB}"], ["new-handles"], ["vanish=IMG_0002.CTG:5"]],
    [["new-photo=IMG_0077.JPG"]],
    [["same-names"]],
    [["short-listing"]],
    [["short-read=IMG_0001.CR3", "short-read=IMG_0003.JPG:0"]],
    [
        [f"size=IMG_0001.JPG:{size}", f"size=IMG_0002.CTG:{min(size, 60_000)}"]
        for size in (0, 65_536, 3 * MIB)
    ],
    [["stale", "new-photo=IMG_0078.JPG", "grow=IMG_0003.JPG"]],
    [[f"stall={2 * MIB}"]],
    [["flip=IMG_0002.CTG:4", "again-with-new-handles=2437499"]],  # within the second reading of a file
]
"""Sequences in which each fault of a camera does something."""
CARD = [
    [["bad-sector=IMG_0001.CR3", "short=IMG_0001.JPG", "bad-folder=100CANON"]],
    [["long=IMG_0001.CR3", "gone=IMG_0001.JPG", "short=IMG_0002.CTG:0"]],
    [["flip-once=IMG_0001.JPG", "grow=IMG_0001.CR3"]],
    [[f"vanish-at={MIB}"]],
    [["vanish-at=3637978"]],  # within the second reading of a file
    [["stall=1000000"]],
]
"""Sequences in which each fault of a card does something."""
ELSEWHERE = {
    *("delete-all", "keep-deleted", "write-protect"),  # nothing is deleted here: test_import_delete.py
    *("asleep", "clock-hangs", "slow"),  # they take time and nothing else: tests/source/test_camera_faults.py
    *("film", "many"),  # so does what there is much of: tests/source/test_large.py
}


def each_of(sequences: Iterable[list[list[str]]]) -> Callable[[Test], Test]:
    """Meet each of these sequences, besides those that are drawn."""

    def decorate(test: Test) -> Test:
        for plugs in sequences:
            test = example(plugs=plugs)(test)
        return test

    return decorate


@contextmanager
def fresh() -> Iterator[Path]:
    """A folder for one sequence."""
    root = Path(tempfile.mkdtemp(prefix="mk-"))
    try:
        yield root
    finally:
        shutil.rmtree(root)


def remember(root: Path, versions: Versions) -> set[bytes]:
    """Note what lies on the card now, and give its files' bytes."""
    found = set()
    for path in root.rglob("*.*"):
        # A listing's folders are those of its slot.
        folder = path.parent.relative_to(root).as_posix().removeprefix("slot1/").removeprefix("slot2/")
        found.add(path.read_bytes())
        versions[folder, path.name].add(path.read_bytes())
    return found


def pretended(faults: Iterable[str], versions: Versions) -> Versions:
    """What a device with these faults gives out as whole files though it does not lie there: a beginning of a
    file, or a file with zeros behind it.
    """
    found: Versions = defaultdict(set)
    for fault in faults:
        switch, _, argument = fault.partition("=")
        name, _, number = argument.partition(":")
        if switch != "size" or int(number) == 0xFFFFFFFF:  # all ones mean that it does not know
            continue
        size = int(number)
        if size or form_of(name) is Form.ANY:  # an empty picture is none
            for place, was in versions.items():
                if place[1] == name:
                    found[place] |= {data[:size].ljust(size, b"\0") for data in was}
    return found


def survive(device: RunningCard | RunningCamera, root: Path, store: Path, plugs: list[list[str]]) -> None:
    """Plug in with each set of faults, then once without; then look at all that was sealed."""
    imports = ImportRig(store)
    versions: Versions = defaultdict(set)
    lies: Versions = defaultdict(set)
    grown: set[str] = set()
    remember(root, versions)
    try:
        for faults in [*plugs, []]:
            device.restart(faults)
            # A busy machine is silent for seconds, too, and nobody may take that for a fault.
            imports.stall_s = 5 if any(fault.startswith("stall") for fault in faults) else 60
            twice = any(fault.startswith("flip") for fault in faults)
            plugged = device.root if isinstance(device, RunningCard) else device
            status = imports.plug(plugged, verify="twice" if twice else "once")
            there = remember(root, versions)  # a picture may have been taken, or a file have grown
            for place, given_out in pretended(faults, versions).items():
                lies[place] |= given_out
            grown |= {fault.partition("=")[2] for fault in faults if fault.startswith("grow=")}
        assert status.state is DeviceState.SAFE, status.detail
        sealed = imports.originals()
        for event, data in sealed:
            place, lay = (event.folder, event.file), versions[event.folder, event.file]
            assert len(data) == event.size
            assert data in lay | lies[place], f"{place} never lay there and was never given out"
            if data not in lay and any(len(data) < len(whole) for whole in lay):
                # Of what is no picture nothing but the device says how large it is.
                assert event.damaged or form_of(event.file) is Form.ANY, f"a part of {place} is called whole"
        held = Counter(data for _, data in sealed)
        before = {data for (_, name), lay in versions.items() if name in grown for data in lay}
        besides = before.union(*lies.values())
        assert set(held) >= there, "the store holds the device's bytes"
        assert set(held) <= there | besides, "and no others, but what it was given as a file"
        assert set(held.values()) == {1}, "and each once"
        imports.assert_clean()
    finally:
        imports.close()


@pytest.mark.skipif(bool(fuse.why_not()), reason=fuse.why_not() or "FUSE")
@_NO_LIMIT
@few
@each_of(CARD)
@given(plugs=sequences(card_faults))
def test_a_card_is_imported_whole_whatever_happens_in_a_row(plugs: list[list[str]]) -> None:
    with fresh() as folder:
        write_card(folder / "card")
        card = RunningCard(folder / "card", folder / "mounted")
        try:
            survive(card, folder / "card", folder / "store", plugs)
        finally:
            card.stop()


@_NO_LIMIT
@few
@each_of(CAMERA)
@given(plugs=sequences(camera_faults | st.just("same-names")))
def test_a_camera_is_imported_whole_whatever_happens_in_a_row(plugs: list[list[str]]) -> None:
    with fresh() as folder:
        write_card(folder / "card")
        camera = RunningCamera(folder / "card")
        try:
            survive(camera, folder / "card", folder / "store", plugs)
        finally:
            camera.stop()


def _switches(sequences: list[list[list[str]]]) -> set[str]:
    return {fault.partition("=")[0] for plugs in sequences for faults in plugs for fault in faults}


def test_every_fault_is_met_in_every_run() -> None:
    assert set(FAULTS) - ELSEWHERE == _switches(CAMERA)
    # A bit that is wrong whenever it is read is what the card holds.
    assert set(virtual_card.FAULTS) - {"flip"} == _switches(CARD)
