"""The real importer and store, whatever happens in a row: after a clean plug the store holds what is on the
card or camera, whole.

The faults are those of tests/source/test_sequences.py, drawn for each time that the card is plugged in.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from medkiosk.core.device import DeviceState
from medkiosk.source.model import Shape
from medkiosk.source.whole import Form, form_of
from tests.daemon.importing import ImportRig
from tests.source.test_sequences import (
    Truth,
    assert_was_there,
    camera_faults,
    card_faults,
    many,
    sequences,
    truth,
    write_card,
)
from tests.virtual import fuse
from tests.virtual.camera import RunningCamera
from tests.virtual.card import RunningCard

few = settings(
    many,
    max_examples=int(os.environ.get("MEDKIOSK_EXAMPLES", "4")),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # each is seconds: what failed is short enough
)


@contextmanager
def fresh() -> Iterator[Path]:
    """A folder for one sequence."""
    root = Path(tempfile.mkdtemp(prefix="mk-"))
    try:
        yield root
    finally:
        shutil.rmtree(root)


def survive(device: RunningCard | RunningCamera, root: Path, store: Path, plugs: list[list[str]]) -> None:
    """Plug in with each set of faults, then once without; then look at all that was sealed."""
    imports = ImportRig(store)
    versions: Truth = truth(root)
    try:
        for faults in [*plugs, []]:
            device.restart(faults)
            # A busy machine is silent for seconds, too, and nobody may take that for a fault.
            imports.stall_s = 5 if any(fault.startswith("stall") for fault in faults) else 60
            twice = any(fault.startswith("flip") for fault in faults)
            plugged = device.root if isinstance(device, RunningCard) else device
            status = imports.plug(plugged, verify="twice" if twice else "once")
            versions |= truth(root)  # a picture may have been taken, or a file have grown
        assert status.state is DeviceState.SAFE, status.detail
        sealed = imports.originals()
        for event, data in sealed:
            # Of what is no picture nothing but the device says how large it is.
            known = Shape.UNKNOWN if form_of(event.file) is Form.ANY else Shape.WHOLE
            shape = Shape.CUT if event.damaged else known
            assert_was_there((event.folder, event.file, event.size), data, shape, versions)
        held = Counter(data for _, data in sealed)
        assert set(held) >= set(truth(root).values()), "the store holds the device's bytes"
        assert set(held.values()) == {1}, "and each once"
        imports.assert_clean()
    finally:
        imports.close()


@pytest.mark.skipif(bool(fuse.why_not()), reason=fuse.why_not() or "FUSE")
@few
@given(plugs=sequences(card_faults))
def test_a_card_is_imported_whole_whatever_happens_in_a_row(plugs: list[list[str]]) -> None:
    with fresh() as folder:
        write_card(folder / "card")
        card = RunningCard(folder / "card", folder / "mounted")
        try:
            survive(card, folder / "card", folder / "store", plugs)
        finally:
            card.stop()


@few
@given(plugs=sequences(camera_faults))
def test_a_camera_is_imported_whole_whatever_happens_in_a_row(plugs: list[list[str]]) -> None:
    with fresh() as folder:
        write_card(folder / "card")
        camera = RunningCamera(folder / "card")
        try:
            survive(camera, folder / "card", folder / "store", plugs)
        finally:
            camera.stop()
