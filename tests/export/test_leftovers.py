"""What a computer leaves in the folder by showing it is named, and VERIFY.txt says that it may go."""

from __future__ import annotations

from pathlib import Path

import pytest

from medkiosk.receiver.medkiosk_verify import RefusedError, check_bundle, read_key
from tests.export.build import SIGNER_LINE, write
from tests.export.test_bundle import blocks, home_of_a_receiver, run


@pytest.mark.parametrize("name", [".DS_Store", "images/._DS_Store", "desktop.ini", "Thumbs.db"])
def test_what_a_computer_left_is_named_and_may_be_deleted(tmp_path: Path, name: str) -> None:
    home, folder = home_of_a_receiver(tmp_path), write(tmp_path, 1)
    text = (folder / "VERIFY.txt").read_text()
    files = blocks(text)[2]
    (folder / name).write_bytes(b"Bud1")
    said = run(folder, home, files).stdout
    assert f"WRONG {name}" in said
    assert "where one is named WRONG, delete it, and begin this step again" in " ".join(text.split())
    assert (name.rsplit("/", 1)[-1] if "/" not in name else "._ files") in text
    with pytest.raises(RefusedError) as caught:
        check_bundle(folder, read_key(SIGNER_LINE))
    assert name in str(caught.value)
    (folder / name).unlink()
    assert "WRONG" not in run(folder, home, files).stdout
    check_bundle(folder, read_key(SIGNER_LINE))
