"""Tell systemd how it goes: READY, STATUS, WATCHDOG (sd_notify(3), sd_watchdog_enabled(3))."""

from __future__ import annotations

import os

import sdnotify

from medkiosk.ipc.types import Status

_MINUTE_US = 60_000_000


def watchdog_interval_s() -> float | None:
    """Half the time after which systemd would restart us, or None when no watchdog is set."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    usec = os.environ.get("WATCHDOG_USEC")
    return int(usec) / 2_000_000 if usec else None


def status_line(status: Status) -> str:
    """One line for ``systemctl status``: nothing personal in it."""
    sealed = sum(d.sealed for d in status.devices)
    line = f"{status.headline}; {sealed} sealed, {status.redaction.waiting} waiting for redaction"
    return f"{line}; {status.problems[0]}" if status.problems else line


class Notifier:
    """Sends to the socket in NOTIFY_SOCKET; does nothing where there is none."""

    def __init__(self) -> None:
        self._notifier = sdnotify.SystemdNotifier()
        if "NOTIFY_SOCKET" in os.environ:
            # A service manager that does not read must not stop the daemon; a lost line is sent again.
            self._notifier.socket.setblocking(False)

    def ready(self) -> None:
        """The daemon serves."""
        self._notifier.notify("READY=1")

    def status(self, status: Status) -> None:
        """Show how it goes."""
        self._notifier.notify(f"STATUS={status_line(status)}")

    def failed(self, message: str) -> None:
        """Say why it does not start; the screen that comes after too many failures shows it."""
        self._notifier.notify(f"STATUS={' '.join(message.split())}")

    def repairing(self) -> None:
        """The store is repaired before the daemon serves: have systemd wait for another minute."""
        self._notifier.notify(f"EXTEND_TIMEOUT_USEC={_MINUTE_US}\nSTATUS=Repairing the store.")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._notifier.notify("WATCHDOG=1")

    def stopping(self) -> None:
        """The daemon is leaving on purpose."""
        self._notifier.notify("STOPPING=1")
