"""The networks' runtime: sizes are freed in the file's bytes, and nothing else changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.redact.detect.net import Net, open_sizes
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.kit import pinned_model

_TASKS = Path("/proc/self/task")
_FACE_OUTPUTS = ("537", "538", "539", "540")


@pytest.fixture(scope="module")
def centerface(models: Path) -> bytes:
    content = pinned_model(models, DetectorId.FACES)
    assert content is not None
    return content


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 96), (224, 320)])
def test_a_network_exported_for_one_size_runs_at_any(centerface: bytes, height: int, width: int) -> None:
    net = Net(centerface, _FACE_OUTPUTS)
    heat, size, offset, _ = net.run(np.zeros((1, 3, height, width), np.float32))
    assert heat.shape == (1, 1, height // 4, width // 4)
    assert size.shape == offset.shape == (1, 2, height // 4, width // 4)


def test_the_same_picture_gives_the_same_numbers(centerface: bytes) -> None:
    blob = np.random.default_rng(1).uniform(0, 255, (1, 3, 64, 64)).astype(np.float32)
    first, again = Net(centerface, _FACE_OUTPUTS), Net(centerface, _FACE_OUTPUTS)
    for a, b in zip(first.run(blob), again.run(blob), strict=True):
        assert (a == b).all()


def test_no_thread_is_started(centerface: bytes) -> None:
    before = {task.name for task in _TASKS.iterdir()}
    Net(centerface, _FACE_OUTPUTS).run(np.zeros((1, 3, 64, 64), np.float32))
    assert {task.name for task in _TASKS.iterdir()} <= before


def test_opening_twice_changes_nothing_more(centerface: bytes) -> None:
    once = open_sizes(centerface)
    assert open_sizes(once) == once
    # Names and shapes of the weights' inputs go; not one weight does.
    assert len(centerface) * 0.99 < len(once) < len(centerface)


@given(st.binary(max_size=200))
def test_what_is_no_protobuf_is_a_value_error_or_comes_back(junk: bytes) -> None:
    try:
        open_sizes(junk)
    except ValueError:
        return


def test_the_runtime_writes_nothing_and_tells_nobody(tmp_path: Path) -> None:
    # Without the variable it makes two files in the user's home as it is imported, and a thread that sends
    # them. CI is taken away, since the runtime keeps still where that is set.
    unset = {"CI", "XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY"}
    surroundings = {name: value for name, value in os.environ.items() if name not in unset}
    code = "import medkiosk.redact.detect.net, onnxruntime; onnxruntime.SessionOptions()"
    subprocess.run([sys.executable, "-c", code], env=surroundings | {"HOME": str(tmp_path)}, check=True)
    assert list(tmp_path.rglob("*")) == []
