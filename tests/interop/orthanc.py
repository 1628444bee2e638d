"""A real Orthanc of the test's own: files in a scratch folder, loopback, no plugins, no DICOM port."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("Orthanc", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


class Orthanc:
    """Its REST interface."""

    def __init__(self, port: int) -> None:
        self._port = port

    def get(self, path: str, data: bytes | None = None) -> bytes:
        """GET, or POST where there is ``data``."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", data, timeout=20) as answer:
            body: bytes = answer.read()
        return body

    def json(self, path: str, data: bytes | None = None) -> Any:
        return json.loads(self.get(path, data))


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Orthanc]:
    """Start one, and end it."""
    assert PROGRAM
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configuration = {
        "Name": "test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "Plugins": [],
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    log = folder / "orthanc.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [PROGRAM, str(folder / "orthanc.json")], stdout=out, stderr=subprocess.STDOUT, cwd=folder
        )
    try:
        orthanc = Orthanc(port)
        until = time.monotonic() + 60
        while True:
            try:
                orthanc.get("/system")
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
        yield orthanc
    finally:
        process.terminate()
        process.wait(30)
