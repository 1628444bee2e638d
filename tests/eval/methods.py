"""What is measured: our worker as the kiosk runs it, and the peer, deface, in its own environment."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from medkiosk.core.photo import Category, Decision, Finding, RedactCode
from medkiosk.redact.client import RedactResult, RedactSession
from medkiosk.redact.policy import default_text, parse_policy
from medkiosk.workers import ProcessChannel, python_worker
from tests.eval.score import Bounds, Ellipse, Found

MODELS = Path(os.environ.get("MEDKIOSK_MODELS", Path(__file__).resolve().parents[2] / ".models"))
_TICKS = os.sysconf("SC_CLK_TCK")
_REAP_S = 5.0


@dataclass(frozen=True)
class Answer:
    """What one method says about one picture.

    Attributes:
        masked: what is hidden without asking.
        suggested: what a reviewer is shown besides.
        seconds: CPU time, children included.
        code: how it ended.
    """

    masked: tuple[Found, ...]
    suggested: tuple[Found, ...]
    seconds: float
    code: str = "ok"

    @property
    def all(self) -> tuple[Found, ...]:
        """Masked and suggested."""
        return self.masked + self.suggested


class Ours:
    """The redact worker, as a process on its own, through the same client as the daemon's."""

    name = "ours"

    def __init__(self, models: Path = MODELS) -> None:
        self._models = models.resolve()
        self._padding = parse_policy(default_text()).faces.padding
        self._start()

    def _start(self) -> None:
        self.channel = ProcessChannel(python_worker("medkiosk.redact.worker", "--models", str(self._models)))
        self.session = RedactSession(self.channel, timeout_s=120)
        if self.session.missing:
            self.close()
            raise RuntimeError(
                f"nothing can be measured, the worker has no {', '.join(self.session.missing)}"
            )
        self.load_s = cpu_seconds(self.pid)

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self.channel.process.pid

    def redact(self, jpeg: bytes) -> tuple[RedactResult, float]:
        """Redact one file; the result and the CPU seconds of worker and child."""
        if self.session.broken:
            self.session.close()
            self._start()
        before = cpu_seconds(self.pid)
        result = self.session.detect(lambda: [jpeg], len(jpeg))
        deadline = time.monotonic() + _REAP_S
        # The answer comes a moment before the child is reaped and its time added to the worker's.
        while has_children(self.pid) and time.monotonic() < deadline:
            time.sleep(0.002)
        seconds = 0.0 if self.session.broken else cpu_seconds(self.pid) - before
        return result, seconds

    def look(self, jpeg: bytes) -> Answer:
        """Find what identifies on one picture."""
        result, seconds = self.redact(jpeg)
        named = result.code.name.lower()
        if result.code not in {RedactCode.OK, RedactCode.RESIDUAL}:
            return Answer((), (), seconds, named)
        size = result.width, result.height
        by = {d: _found(result.findings, d, size, self._padding) for d in Decision}
        return Answer(by[Decision.MASK], by[Decision.SUGGEST], seconds, named)

    def close(self) -> None:
        """End the worker."""
        self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _found(
    findings: tuple[Finding, ...], decision: Decision, size: tuple[int, int], padding: int
) -> tuple[Found, ...]:
    return tuple(_as_found(finding, size, padding) for finding in findings if finding.decision is decision)


def _as_found(finding: Finding, size: tuple[int, int], padding: int) -> Found:
    """Faces as they are hidden, and for the IoU also as they were before they were grown, like the peer's.

    A box at the border was cut after it had grown: how it was before is not known, so it counts as it is.
    """
    x, y, w, h = finding.box.x, finding.box.y, finding.box.w, finding.box.h
    hidden = Found.rectangle(finding.category, x, y, x + w, y + h)
    if finding.category is not Category.FACE or not (0 < x < x + w < size[0] and 0 < y < y + h < size[1]):
        return hidden
    grown = padding / (1000 + 2 * padding)
    dx, dy = w * grown, h * grown
    return Found(hidden.category, hidden.mask, (*hidden.boxes, (x + dx, y + dy, x + w - dx, y + h - dy)))


class Peer:
    """deface in an environment of its own (`image-build/peer.sh`)."""

    name = "deface"

    def __init__(self, environment: Path) -> None:
        script = Path(__file__).with_name("peer_main.py")
        self._process = subprocess.Popen(
            [str(environment / "bin" / "python"), "-I", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._folder = tempfile.TemporaryDirectory(prefix="medkiosk-eval-")
        started = self._read()
        self.backend: str = started["backend"]
        self.load_s: float = started["load_seconds"]
        self._scale: float = started["mask_scale"]

    def look(self, jpeg: bytes) -> Answer:
        """Find faces on one picture."""
        path = Path(self._folder.name) / "picture.jpg"
        path.write_bytes(jpeg)
        said = self._ask(str(path))
        masked = tuple(self._grown(tuple(row[:4])) for row in said["boxes"])
        return Answer(masked, (), said["seconds"])

    def whole_run(self, jpeg: bytes) -> float:
        """CPU seconds of deface's own run: read, detect, blur, write."""
        path = Path(self._folder.name) / "picture.jpg"
        path.write_bytes(jpeg)
        seconds: float = self._ask(f"{path} > {self._folder.name}/out.jpg")["seconds"]
        return seconds

    def _grown(self, box: Bounds) -> Found:
        """Its mask: an ellipse in the box grown by 30 % on every side. Either box may count for the IoU."""
        x0, y0, x1, y1 = box
        dx, dy = (x1 - x0) * (self._scale - 1), (y1 - y0) * (self._scale - 1)
        large = (x0 - dx, y0 - dy, x1 + dx, y1 + dy)
        return Found(Category.FACE, Ellipse.within(*large), (box, large))

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"deface ended with {self._process.wait()}")
        said: dict[str, Any] = json.loads(line)
        return said

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its reaped children (proc(5), stat fields 14 to 17)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:15]) / _TICKS


def has_children(pid: int) -> bool:
    """Whether a process has children that were not reaped yet."""
    return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text().strip())
