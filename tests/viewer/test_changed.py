"""What is done to a bundle, the page refuses where the table in docs/receiver.md says so, and only there.

The page itself is the right one each time: the receiver compared its hash, and it cannot vouch for itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk import sshsig
from tests.export import build
from tests.receiver import changes, outside
from tests.receiver.changes import BROWSER, World
from tests.viewer.browser import OPENED, READY, Browser

MOST = 3
"""Cases of one row that are tried: those that lie furthest apart in it."""
KEY = sshsig.fingerprint(build.SIGNER.public_key())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    def write(name: str, count: int, seed: int) -> Path:
        return outside.write(tmp_path_factory.mktemp(name), count, seed)

    return World(write("here", 2, 0), write("earlier", 1, 0), write("other", 2, 1))


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("identity") / "identity.txt"
    file.write_text(f"{build.IDENTITY}\n")
    return file


def _rows() -> list[changes.Row]:
    with outside.unchanged() as folder:
        return list(changes.rows(folder))


def some(row: changes.Row) -> list[Callable[[World], None]]:
    """Up to `MOST` cases of a row."""
    cases = list(row.cases.values())
    step = max(1, -(-len(cases) // MOST))
    return cases[step // 2 :: step]


def refuses(browser: Browser, folder: Path, page: bytes, identity: Path) -> bool:
    """Whether somebody who opens a bundle and looks at all of it sees anything but two good pictures."""
    (folder / "index.html").write_bytes(page)
    browser.open(folder)
    browser.wait(READY)
    if browser.text("#alert") or browser.run("document.getElementById('fingerprint').dataset.key") != KEY:
        return True
    browser.do("choose", at="#identity", file=str(identity))
    browser.click("#with-identity button")
    browser.wait(f"({OPENED}) || document.querySelector('#alert .bad')")
    if not browser.run(OPENED):
        return True
    for number in (0, 1):
        browser.show(number)
        if browser.text("#stage .bad"):
            return True
        browser.press("Escape")
    return False


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row.what)
def test_the_page_notices_what_it_loads(
    chrome: Browser, page: bytes, identity: Path, world: World, tmp_path: Path, row: changes.Row
) -> None:
    for number, change in enumerate(some(row)):
        folder = tmp_path / str(number) / world.folder.name
        shutil.copytree(world.folder, folder)
        change(World(folder, world.earlier, world.other))
        assert refuses(chrome, folder, page, identity) == (BROWSER in row.noticed), list(row.cases)[number]


def test_an_unchanged_bundle_opens(chrome: Browser, page: bytes, identity: Path, world: World) -> None:
    assert not refuses(chrome, world.folder, page, identity)


def test_a_refusal_stays_when_the_picture_before_it_was_closed_just_now(
    chrome: Browser, page: bytes, identity: Path, world: World, tmp_path: Path
) -> None:
    folder = tmp_path / world.folder.name
    shutil.copytree(world.folder, folder)
    (folder / "index.html").write_bytes(page)
    chrome.open(folder)
    chrome.wait(READY)
    chrome.do("choose", at="#identity", file=str(identity))
    chrome.click("#with-identity button")
    chrome.wait(OPENED)
    loaded = {request.split("?")[0] for request in chrome.requests}
    for sheet in (folder / "view").iterdir():
        if sheet.as_uri() not in loaded:
            sheet.unlink()
    chrome.show(0)
    assert chrome.text("#stage .bad")
    chrome.press("Escape")
    chrome.show(1)
    close_and_open = (
        "document.getElementById('picture').close(); document.querySelector('.grid button').click()"
    )
    chrome.run(close_and_open)
    chrome.run("new Promise((resolve) => setTimeout(resolve, 300))")
    assert chrome.text("#stage .bad")
