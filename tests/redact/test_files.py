from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk.redact.files import UnreadableFileError, redact_files
from medkiosk.workers import ProcessChannel
from tests.redact.jpegs import encode, photo
from tests.redact.scenes import skin, with_text


def test_plain_files_give_lines_and_derivatives(tmp_path: Path, spawn: Callable[[], ProcessChannel]) -> None:
    ground = skin(900, 600)
    with_text(ground, "MRN 00471193", 40, (200, 200))
    inputs = []
    for folder, name, content in (
        ("a", "IMG_1.JPG", encode(ground)),
        ("b", "IMG_1.JPG", encode(skin(64, 64))),
        ("b", "IMG_2.JPG", encode(photo(64, 64))[:-40]),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        inputs.append(tmp_path / folder / name)
        inputs[-1].write_bytes(content)
    before = [path.read_bytes() for path in inputs]

    # Into the folder of the second: no original is ever overwritten, also not one that comes later.
    lines = list(redact_files(inputs, tmp_path / "b", spawn))

    assert json.loads(json.dumps(lines)) == lines
    assert [line["code"] for line in lines] == ["ok", "ok", "truncated"]
    assert [path.read_bytes() for path in inputs] == before
    assert [Path(line["output"]).name for line in lines] == ["IMG_1-2.JPG", "IMG_1-3.JPG", ""]
    finding = lines[0]["findings"][0]
    assert finding["category"] == "text"
    assert finding["decision"] == "mask"
    assert 0.5 < finding["confidence"] <= 1
    assert len(finding["polygon"]) == 4
    assert lines[0]["size"] == [900, 600]
    assert lines[2]["size"] is None
    assert lines[2]["words"].startswith("This photograph ends early")
    assert all(line["seconds"] >= 0 for line in lines)


def test_a_file_that_is_not_there_is_named(tmp_path: Path, spawn: Callable[[], ProcessChannel]) -> None:
    with pytest.raises(UnreadableFileError, match="nowhere"):
        list(redact_files([tmp_path / "nowhere.jpg"], tmp_path, spawn))
