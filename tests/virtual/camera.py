"""Run the virtual camera for a test: `running_camera`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]


class RunningCamera:
    """A virtual R6 in its own process.

    Attributes:
        port: the TCP port on 127.0.0.1; a restart keeps it.
        gphoto_port: the same as libgphoto2 wants it.

    Args:
        clock: arguments of `tests.virtual.r6` about its clock, e.g. ``["--clock-offset", "90"]``.
    """

    model = "Canon EOS R6"

    def __init__(
        self,
        root: Path,
        *,
        port: int = 0,
        serial: str = "0123456789abcdef0123456789abcdef",
        owner: str = "",
        faults: Sequence[str] = (),
        trace: Path | None = None,
        clock: Sequence[str] = (),
    ) -> None:
        self._root = root.resolve()
        traced = ["--trace", str(trace)] if trace else []
        self._fixed = ["--serial", serial, "--owner", owner, *traced, *clock]
        self.port = port
        self._start(faults)

    @property
    def gphoto_port(self) -> str:
        return f"ptpip:127.0.0.1:{self.port}:{self.port}"

    def stop(self) -> None:
        """Pull the plug; harmless when it is already out."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def restart(self, faults: Sequence[str] = ()) -> None:
        """Plug it in again, on the same port, with these faults."""
        self.stop()
        self._start(faults)

    def _start(self, faults: Sequence[str]) -> None:
        chosen = [part for fault in faults for part in ("--fault", fault)]
        command = [
            sys.executable,
            "-m",
            "tests.virtual.r6",
            "--root",
            str(self._root),
            "--port",
            str(self.port),
        ]
        self._process = subprocess.Popen(
            [*command, *self._fixed, *chosen], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=_CHECKOUT
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the virtual camera did not start: exit code {self._process.wait()}")
        self.port = int(line)


@contextmanager
def running_camera(
    root: Path,
    *,
    port: int = 0,
    serial: str = "0123456789abcdef0123456789abcdef",
    owner: str = "",
    faults: Sequence[str] = (),
    trace: Path | None = None,
) -> Iterator[RunningCamera]:
    """Serve the cards below ``root`` (see `tests.virtual.objects.Cards`) until the block ends."""
    camera = RunningCamera(root, port=port, serial=serial, owner=owner, faults=faults, trace=trace)
    try:
        yield camera
    finally:
        camera.stop()
