"""A real S3 server with Object Lock on the loopback address: SeaweedFS, in a folder of its own."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ACCESS, SECRET = "archivist", "only-for-tests"
_USER = {
    "name": "archivist",
    "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
    "actions": ["Admin", "Read", "Write", "List", "Tagging"],
}


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def s3_server(weed: Path, folder: Path) -> Iterator[str]:
    """Run one; yields its endpoint."""
    names = ["master", "volume", "filer", "s3"]
    ports = dict(zip([f"{n}.port{g}" for n in names for g in ("", ".grpc")], free_ports(8), strict=True))
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [_USER]}))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(str(weed), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
                *("-filer", "-s3", f"-s3.config={config}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
                *("-master.volumeSizeLimitMB=64", "-volume.max=500", "-volume.preStopSeconds=0"),
                *(f"-{name}={port}" for name, port in ports.items()),
            ],
            stdout=log,
            stderr=log,
        )
    endpoint = f"http://127.0.0.1:{ports['s3.port']}"
    try:
        deadline = time.monotonic() + 60
        while not answers(endpoint):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the S3 server did not start:\n{(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.2)
        yield endpoint
    finally:
        process.kill()  # nothing of it is kept
        process.wait(30)


def answers(endpoint: str) -> bool:
    """Whether it serves S3."""
    try:
        urllib.request.urlopen(endpoint + "/", timeout=2).close()
    except urllib.error.HTTPError:
        return True  # it wants credentials
    except OSError:
        return False
    return True
