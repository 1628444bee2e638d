"""The page as a file: the same bytes each time, of locked parts, and the chunks that it reads."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.export.viewer import chunks
from tests.viewer import terms

VIEWER = Path(chunks.__file__).parent
PIECE = re.compile(rb'--(\d+):"([A-Za-z0-9+/=]*)"')


def test_building_gives_the_same_bytes(page: bytes, tmp_path: Path) -> None:
    if not shutil.which("node") or not (VIEWER / "node_modules/esbuild").exists():
        pytest.skip("what the page is built with is not installed: image-build/viewer.sh")
    again = tmp_path / "index.html"
    subprocess.run(["node", VIEWER / "build.mjs", again], check=True, capture_output=True)
    assert again.read_bytes() == page
    assert hashlib.sha256(page).hexdigest() == chunks.PAGE_SHA256


def test_the_hash_that_recipients_compare_is_in_the_documentation() -> None:
    assert f"\n{chunks.PAGE_SHA256}\n" in (VIEWER.parents[2] / "docs/viewer.md").read_text()


def test_the_page_is_whole_and_lets_nothing_out(page: bytes) -> None:
    text = page.decode("ascii", "strict") if page.isascii() else page.decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    script, style = (
        base64.b64encode(hashlib.sha256(found.encode()).digest()).decode()
        for found in (
            text.split("<script>")[1].split("</script>")[0],
            text.split("<style>")[1].split("</style>")[0],
        )
    )
    assert policy[1].split("; ") == [
        "default-src 'none'",
        f"script-src 'sha256-{script}'",
        f"style-src 'self' file: 'sha256-{style}'",
        "img-src blob:",
        "connect-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert text.count("<script") == text.count("<style") == 1
    assert not re.search(r"\s(src|href|on\w+)=\"", text.split("<script>")[0])
    for package in ("age-encryption", "@noble/curves", "@noble/hashes", "@noble/ciphers", "@scure/base"):
        assert re.search(rf"^{package} [\d.]+ \((MIT|BSD-3-Clause)\)$", text, re.MULTILINE)
    assert len(page) < 256 << 10


def test_without_the_page_the_kiosk_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(chunks, "_PAGE", tmp_path / "index.html")
    for content in (None, b"<!doctype html>another one"):
        if content is not None:
            (tmp_path / "index.html").write_bytes(content)
        with pytest.raises(chunks.NoViewerError, match=r"image-build/viewer\.sh"):
            chunks.page()


@pytest.mark.parametrize("lock", [VIEWER / "package-lock.json", Path(__file__).parent / "package-lock.json"])
def test_locks_name_hashes_and_no_registry(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    assert not any("resolved" in package for package in packages.values())
    assert all("integrity" in package for name, package in packages.items() if name)


def test_words_for_terms_are_the_kiosks() -> None:
    assert terms.FILE.read_text() == terms.terms()


def read(chunk: bytes) -> bytes:
    """What the page reads from a chunk."""
    pieces = PIECE.findall(chunk)
    assert chunk == b":host{" + b";".join(b'--%d:"%b"' % (n, p) for n, (_, p) in enumerate(pieces)) + b"}\n"
    assert all(len(piece) == 1 << 20 for _, piece in pieces[:-1])
    return base64.b64decode(b"".join(piece for _, piece in pieces), validate=True)


@given(st.binary(min_size=1, max_size=200))
def test_a_chunk_is_its_file(data: bytes) -> None:
    assert read(chunks.chunk("record", data)) == data


@pytest.mark.parametrize("size", [786_431, 786_432, 786_433, 1_572_864, 3_000_000])
def test_a_large_chunk_is_cut_where_browsers_need_it(size: int) -> None:
    data = bytes(size - 1) + b"\x07"
    chunk = chunks.chunk("record", data)
    assert read(chunk) == data
    assert len(PIECE.findall(chunk)) == -(-len(base64.b64encode(data)) // (1 << 20))
    assert len(chunk) == chunks.chunk_size(size)


def test_an_empty_file_has_no_chunk() -> None:
    with pytest.raises(ValueError, match="checkpoint"):
        chunks.chunk("checkpoint", b"")
