"""Run another program to its end, for what it does or prints; secrets go over pipes, never as arguments."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

_SAID = 200


class ProgramError(OSError):
    """A program is not there, failed or hung; as text, its name and its last line of complaint."""


def run(command: Sequence[str], longest_s: float) -> bytes:
    """Run a program and return what it printed.

    Args:
        command: with the program's path first.
        longest_s: after so many seconds it is killed.

    Raises:
        ProgramError: it is not there, failed or hung.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=longest_s, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProgramError(f"{name}: {getattr(error, 'strerror', None) or type(error).__name__}") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {done.returncode}"]
        raise ProgramError(f"{name}: {plain(said[-1])}")
    return done.stdout


def plain(text: str) -> str:
    """What a program said, without what could steer a terminal."""
    return "".join(character for character in text[:_SAID] if character.isprintable())
