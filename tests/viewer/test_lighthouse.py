"""What Lighthouse says of the page with 500 pictures: ``make viewer-lighthouse``; no part of `make test`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.export import build
from tests.viewer.browser import BROWSERS
from tests.viewer.server import serve

MODULES = Path(os.environ.get("MEDKIOSK_LIGHTHOUSE", ""))
COUNT = int(os.environ.get("MEDKIOSK_VIEWER_BENCH", "500"))
MOST_SHIFT = 0.1
"""The most that Lighthouse (and web.dev/cls) call good; ours is none."""


@pytest.mark.skipif(not MODULES.name, reason="asked for by make viewer-lighthouse")
@pytest.mark.timeout(900)
def test_lighthouse_finds_nothing_in_the_way(page: bytes, tmp_path: Path) -> None:
    chromium = next(path for name in BROWSERS["chrome"] if (path := shutil.which(name)))
    folder = build.write(
        tmp_path, COUNT, passphrase=build.PASSPHRASE, viewer=True, page=page, size=(640, 480)
    )
    with serve(folder, tmp_path) as (port, _):
        script = Path(__file__).with_name("lighthouse.mjs")
        done = subprocess.run(
            ["node", script, MODULES, chromium, f"https://localhost:{port}/index.html", build.PASSPHRASE],
            env={**os.environ, "HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            check=True,
        )
    for said in json.loads(done.stdout):
        print(json.dumps({"figure": "lighthouse", "pictures": COUNT, **said}))
        assert said.get("accessibility", 1) == 1, said
        assert said["best-practices"] == 1, said
        assert said["shift"] <= MOST_SHIFT, said
