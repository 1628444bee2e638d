"""The built page, bundles with it, and the browsers that are there."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medkiosk.export.viewer import chunks
from tests.export import build
from tests.viewer.browser import Browser, browser, missing

SIZE = (640, 480)


@pytest.fixture(scope="session")
def page() -> bytes:
    """The page as a kiosk has it; not built where there is no node."""
    try:
        return chunks.page()
    except chunks.NoViewerError:
        if (Path(chunks.__file__).parent / "built/index.html").exists():
            pytest.fail("the built page is not that of PAGE_SHA256: run image-build/viewer.sh")
        pytest.skip("the viewer's page is not built: image-build/viewer.sh")


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory, page: bytes) -> dict[str, Path]:
    """Five pictures for a passphrase with a recall notice, and five for a key."""
    at = tmp_path_factory.mktemp("bundles")
    with_words = {"passphrase": build.PASSPHRASE, "viewer": True, "recall": True, "page": page, "size": SIZE}
    with_key = {"viewer": True, "page": page, "size": SIZE}
    return {
        "passphrase": build.write(at, 5, seed=1, **with_words),
        "key": build.write(at, 5, seed=2, **with_key),
    }


@pytest.fixture
def changed(bundles: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Gives a copy of a bundle that a test may spoil."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(bundles[name], tmp_path / "changed"))

    return copy


@pytest.fixture(scope="session")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Browser]]:
    """Gives a browser by its kind; each is started once, when it is first asked for."""
    running: dict[str, Browser] = {}
    with contextlib.ExitStack() as stack:

        def start(kind: str) -> Browser:
            if why := missing(kind):
                pytest.skip(why)
            if kind not in running:
                running[kind] = stack.enter_context(browser(kind, tmp_path_factory.mktemp(kind)))
            return running[kind]

        yield start


@pytest.fixture
def chrome(browsers: Callable[[str], Browser]) -> Browser:
    """Chromium."""
    return browsers("chrome")


@pytest.fixture(params=["chrome", "firefox"])
def any_browser(request: pytest.FixtureRequest, browsers: Callable[[str], Browser]) -> Browser:
    """Each browser in turn."""
    return browsers(request.param)
