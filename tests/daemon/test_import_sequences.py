"""The real importer and store, whatever happens in a row: after a clean plug the store holds the card whole.

The faults are those of tests/source/test_sequences.py, drawn for each time that the card is plugged in.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given

from medkiosk.core.device import DeviceState
from medkiosk.source.model import Shape
from tests.daemon.importing import ImportRig
from tests.source.test_sequences import (
    Truth,
    assert_was_there,
    card_faults,
    many,
    sequences,
    truth,
    write_card,
)
from tests.virtual import fuse
from tests.virtual.card import RunningCard


@contextmanager
def fresh() -> Iterator[Path]:
    """A folder for one sequence."""
    root = Path(tempfile.mkdtemp(prefix="mk-"))
    try:
        yield root
    finally:
        shutil.rmtree(root)


def survive(device: RunningCard, root: Path, store: Path, plugs: list[list[str]]) -> None:
    """Plug in with each set of faults, then once without; then look at all that was sealed."""
    imports = ImportRig(store)
    imports.stall_s = 5
    versions: Truth = truth(root)
    try:
        for faults in [*plugs, []]:
            device.restart(faults)
            twice = any(fault.startswith("flip") for fault in faults)
            status = imports.plug(device.root, verify="twice" if twice else "once")
            versions |= truth(root)  # a picture may have been taken, or a file have grown
        assert status.state is DeviceState.SAFE, status.detail
        sealed = imports.originals()
        for event, data in sealed:
            shape = Shape.CUT if event.damaged else Shape.WHOLE if event.file.endswith("G") else Shape.UNKNOWN
            assert_was_there((event.folder, event.file, event.size), data, shape, versions)
        held = Counter(data for _, data in sealed)
        assert set(held) >= set(truth(root).values()), "the store holds the card's bytes"
        assert set(held.values()) == {1}, "and each once"
        imports.assert_clean()
    finally:
        imports.close()


@pytest.mark.skipif(bool(fuse.why_not()), reason=fuse.why_not() or "FUSE")
@many
@given(plugs=sequences(card_faults))
def test_a_card_is_imported_whole_whatever_happens_in_a_row(plugs: list[list[str]]) -> None:
    with fresh() as folder:
        write_card(folder / "card")
        card = RunningCard(folder / "card", folder / "mounted")
        try:
            survive(card, folder / "card", folder / "store", plugs)
        finally:
            card.stop()
