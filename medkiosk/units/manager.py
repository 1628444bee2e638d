"""What the small programs say to PID 1. There is no D-Bus on an appliance; root asks its private socket."""

from __future__ import annotations

import os
import signal
import subprocess

_LONGEST_S = 20.0
_POWER_OFF = signal.SIGRTMIN + 4  # systemd(1): starts poweroff.target
_REBOOT = signal.SIGRTMIN + 5  # starts reboot.target


def ask(unit: str, name: str) -> str:
    """Return one property of a unit as text; empty where PID 1 does not say."""
    try:
        done = subprocess.run(
            ["/usr/bin/systemctl", "show", "--property", name, "--value", "--", unit],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()


def start(unit: str) -> bool:
    """Start a unit and wait for it; whether that worked."""
    try:
        done = subprocess.run(
            ["/usr/bin/systemctl", "start", "--", unit],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def power_off() -> None:
    """Stop every unit in its order, then switch off."""
    os.kill(1, _POWER_OFF)


def reboot() -> None:
    """Stop every unit in its order, then start again."""
    os.kill(1, _REBOOT)
