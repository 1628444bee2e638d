"""QEMU's own protocol (QMP, docs/interop/qmp-spec in QEMU): commands and answers, one JSON object a line."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any


class QmpError(Exception):
    """QEMU refused a command, or is gone."""


class Qmp:
    """One connection.

    Args:
        path: the Unix socket that QEMU listens at.
        timeout_s: how long an answer may take.

    Raises:
        QmpError: nothing answers.
    """

    def __init__(self, path: Path, *, timeout_s: float = 120.0) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            self._socket = socket.socket(socket.AF_UNIX)
            try:
                self._socket.connect(str(path))
                break
            except OSError as error:
                self._socket.close()
                if time.monotonic() > deadline:
                    raise QmpError(f"nothing answers at {path}") from error
                time.sleep(0.05)
        self._socket.settimeout(timeout_s)
        self._lines = self._socket.makefile("r", encoding="utf-8")
        self.events: list[dict[str, Any]] = []
        self._read()
        self.run("qmp_capabilities")

    def run(self, command: str, **arguments: Any) -> Any:
        """Run a command; underscores in names of arguments stand for hyphens.

        Raises:
            QmpError: QEMU says no, or is gone.
        """
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        try:
            self._socket.sendall(json.dumps({"execute": command, "arguments": named}).encode() + b"\n")
            while True:
                message = self._read()
                if "error" in message:
                    raise QmpError(f"{command}: {message['error'].get('desc')}")
                if "return" in message:
                    return message["return"]
                self.events.append(message)
        except OSError as error:
            raise QmpError(f"{command}: {error}") from error

    def _read(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise QmpError("QEMU is gone")
        message: dict[str, Any] = json.loads(line)
        return message

    def close(self) -> None:
        """Close the connection."""
        self._lines.close()
        self._socket.close()
