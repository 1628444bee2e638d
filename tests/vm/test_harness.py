"""The harness itself, without a machine: keys, media, and reading a picture."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from medkiosk.console.widgets.bigwords import _FONT, _ROWS
from tests.kiosk import CHECKOUT, MODELS
from tests.vm import keyboard, media, ocr
from tests.vm.conftest import PROGRAMS

FILES = {f"DCIM/100CANON/IMG_{n:04d}.JPG": os.urandom(70_000 + n) for n in range(30)} | {
    "MISC/a long name that takes more than one entry of a folder.txt": b"",
    "README.TXT": b"top",
}


def needs(*programs: str) -> None:
    """Skip where a program is missing."""
    if missing := [each for each in programs if shutil.which(each) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}")


def test_who_asks_for_a_machine_without_an_image_is_failed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/vm/test_usb.py"]
    environment = {**os.environ, "MEDKIOSK_VM": "1", "MEDKIOSK_IMAGE": str(tmp_path)}
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "there is no image: make image" in done.stdout
    assert "skipped" not in done.stdout


def test_what_a_machine_needs_is_what_is_installed_for_it() -> None:
    script = (CHECKOUT / "image-build" / "prepare.sh").read_text()
    prepared = script.partition("\n    vm)")[2].partition(";;")[0]
    assert set(PROGRAMS) - {"setpriv"} <= set(
        re.findall(r"\[([^]]+)\]=", prepared)
    )  # of util-linux: always there


def test_every_printable_character_has_keys() -> None:
    text = "".join(map(chr, range(0x20, 0x7F)))
    pressed = list(keyboard.keys(text))
    assert len({tuple(each) for each in pressed}) == len(text)
    assert list(keyboard.keys("aB_")) == [["a"], ["shift", "b"], ["shift", "minus"]]


def test_a_character_that_no_key_gives_is_refused() -> None:
    with pytest.raises(ValueError, match="ü"):
        list(keyboard.keys("ü"))


def test_what_is_put_on_a_fat32_medium_is_on_it(tmp_path: Path) -> None:
    needs("mkfs.vfat", "mcopy", "fsck.vfat")
    path = media.fat32(tmp_path / "card.img", FILES, mib=64)
    media.read_fat32(path, tmp_path / "out")
    for name, data in FILES.items():
        assert (tmp_path / "out" / name).read_bytes() == data
    check(path, ["fsck.vfat", "-n"])


def test_an_exfat_medium_is_clean_and_has_every_file(tmp_path: Path) -> None:
    needs("mkfs.exfat", "fsck.exfat")
    path = media.exfat(tmp_path / "card.img", FILES, mib=64)
    said = check(path, ["fsck.exfat", "-n"])
    assert f"files {len(FILES)}" in said
    content = path.read_bytes()
    assert all(data in content for data in FILES.values())


def check(path: Path, command: list[str]) -> str:
    volume = path.with_suffix(".check")
    volume.write_bytes(path.read_bytes()[1 << 20 :])
    done = subprocess.run([*command, volume], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_words_on_a_picture_are_read_small_and_large() -> None:
    if not (MODELS / "ppocrv6_rec.onnx").exists():
        pytest.skip("the models are not here")
    picture = Image.new("RGB", (1280, 800), "black")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((20, 20, 1260, 780), outline="grey")
    draw.text((60, 60), "Log in: user admin, 50 of 50 files", fill="white", font=ImageFont.load_default(24))
    draw.text((120, 300), "SAFE TO UNPLUG", fill="lightgreen", font=ImageFont.load_default(120))
    said = ocr.words(picture)
    assert ocr.says(said, "log in: user admin, 50 of 50 files")
    assert ocr.says(said, "SAFE TO UNPLUG")
    assert not ocr.says(said, "SAFE TO REUSE")


@pytest.mark.parametrize("shape", [(16, 8), (16, 16)])
def test_the_large_words_of_the_console_are_read_by_their_dots(shape: tuple[int, int]) -> None:
    letters = [_FONT[letter].split("|") for letter in "SAFETOUNPLUG"]
    rows = [" ".join(letter[row] for letter in letters) for row in range(_ROWS)]
    dots = np.array([[dot == "#" for dot in row] for row in rows])
    drawn = np.pad(np.kron(dots, np.ones(shape)), 10).astype(np.uint8) * 255
    assert ocr.says(ocr.big(np.stack([drawn] * 3, axis=2)), "SAFE TO UNPLUG")
