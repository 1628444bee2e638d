"""A daemon whose clocks go on as fast as a test wants: what takes a minute is over in a moment.

``python -m tests.access.later FILE python -m MODULE ARGUMENTS`` is ``python -m MODULE ARGUMENTS``, but that
the two clocks of `medkiosk.daemon.sessions.Clocks` are ahead by as many seconds as stand in FILE.
"""

from __future__ import annotations

import runpy
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.kiosk import Running, ScratchKiosk


class HastyKiosk(ScratchKiosk):
    """A scratch kiosk for which time can be made to pass; the wall clock stays as it is."""

    def _launch(self, prefix: Sequence[str], environment: Mapping[str, str]) -> Running:
        self._ahead.touch()
        hasty = [sys.executable, "-m", "tests.access.later", str(self._ahead)]
        return super()._launch([*prefix, *hasty], environment)

    @property
    def _ahead(self) -> Path:
        return self.root / "ahead"

    def later(self, seconds: float) -> None:
        """Let so many seconds pass, for the daemon that runs and for those that follow."""
        made = self._ahead.with_suffix(".new")
        made.write_text(str(float(self._ahead.read_text() or 0) + seconds))
        made.replace(self._ahead)  # the daemon reads it all the time


def _hasten(file: Path) -> None:
    real = time.clock_gettime

    def ahead(clock: int) -> float:
        return real(clock) + float(file.read_text() or 0)

    time.clock_gettime = ahead


if __name__ == "__main__":
    _hasten(Path(sys.argv[1]))
    sys.argv = sys.argv[4:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
