"""A small system in QEMU with a real kernel, udev and gphoto2, to plug virtual USB devices into.

`build` makes it once (trixie, by mmdebstrap, from the build machine's apt sources): a kernel, and all else
as its initial file system, so that it boots in half a minute without KVM and never writes anything.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "usb-system"
_PACKAGES = "linux-image-amd64,gphoto2,udev,kmod,usbutils,initramfs-tools-core"
_SCRIPT = Path(__file__).with_name("usbsystem.sh")
_BOOT_S = 300.0


def missing() -> str:
    """What this machine lacks for it, in words; empty where nothing does."""
    tools = ("qemu-system-x86_64", "mmdebstrap", "zstd", "cpio")
    lacking = [tool for tool in tools if shutil.which(tool) is None]
    return f"not installed: {', '.join(lacking)}" if lacking else ""


def build() -> None:
    """Make kernel and file system where they are not there (a minute, 400 MB for a while)."""
    if not (FOLDER / "initrd.zst").exists():
        subprocess.run([str(_SCRIPT), str(FOLDER), _PACKAGES], check=True, timeout=900)


class System:
    """It runs from `__enter__` to `__exit__`.

    Args:
        folder: for its sockets.
        usbcore: parameters of the kernel's USB core, e.g. ``authorized_default=0``.
    """

    def __init__(self, folder: Path, *, usbcore: str = "") -> None:
        self._folder = folder
        self._append = "console=ttyS0 quiet panic=-1" + (f" usbcore.{usbcore}" if usbcore else "")
        self._heard = b""
        self._number = 0

    def __enter__(self) -> Self:
        serial, control = self._folder / "serial.sock", self._folder / "qmp.sock"
        command = [
            *(
                "qemu-system-x86_64",
                "-M",
                "q35",
                "-accel",
                "tcg,thread=multi",
                "-cpu",
                "max,la57=off",
                "-smp",
                "2",
            ),
            *("-m", "1536", "-nodefaults", "-display", "none", "-no-reboot"),
            *(
                "-kernel",
                str(FOLDER / "kernel"),
                "-initrd",
                str(FOLDER / "initrd.zst"),
                "-append",
                self._append,
            ),
            *("-chardev", f"socket,id=s,path={serial},server=on,wait=off", "-serial", "chardev:s"),
            *("-qmp", f"unix:{control},server=on,wait=off"),
            *("-device", "qemu-xhci,id=xhci,p2=15,p3=4"),
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            self._serial, self._control = _connected(serial), _connected(control)
            self._lines = self._control.makefile("r")
            self._lines.readline()
            self.qmp("qmp_capabilities")
            self.hear(r"SYSTEM-READY", _BOOT_S)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for one in (self._serial, self._lines, self._control):
            one.close()

    def qmp(self, execute: str, **arguments: Any) -> Any:
        self._control.sendall(json.dumps({"execute": execute, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = json.loads(self._lines.readline())
            if "error" in answer:
                raise RuntimeError(answer["error"]["desc"])
            if "return" in answer:
                return answer["return"]

    def attach(self, path: Path) -> str:
        """Run a cable from a `RedirDevice`'s socket to the controller; returns its name."""
        self._number += 1
        name = f"cable{self._number}"
        data = {"addr": {"type": "unix", "data": {"path": str(path)}}, "server": False, "reconnect": 1}
        self.qmp("chardev-add", id=f"{name}c", backend={"type": "socket", "data": data})
        self.qmp("device_add", driver="usb-redir", id=name, chardev=f"{name}c", bus="xhci.0")
        return name

    def run(self, command: str, wait_s: float = 60) -> str:
        """What a shell command says, on both of its outputs; its exit code is the last line."""
        self._number += 1
        mark = f"END-{self._number}"
        self._heard = b""
        self._serial.sendall(f"{{ {command}\n}} 2>&1; r=$?; echo; echo $r:{mark[:3]}''{mark[3:]}\n".encode())
        said = self.hear(rf"\n(\d+):{mark}", wait_s)
        return said.replace("\r", "")

    def wait_for(self, command: str, pattern: str, wait_s: float = 30) -> str:
        """Repeat a command until it says something."""
        end = time.monotonic() + wait_s
        while True:
            said = self.run(command)
            if re.search(pattern, said):
                return said
            if time.monotonic() > end:
                raise TimeoutError(f"{pattern!r} is not in what {command!r} says:\n{said}")
            time.sleep(0.3)

    def hear(self, pattern: str, wait_s: float) -> str:
        """Read its console until something is on it: everything up to there."""
        end = time.monotonic() + wait_s
        self._serial.settimeout(1)
        while (found := re.search(pattern.encode(), self._heard)) is None:
            if time.monotonic() > end or self._process.poll() is not None:
                raise TimeoutError(f"{pattern!r} is not in:\n{self._heard[-3000:].decode(errors='replace')}")
            try:
                self._heard += self._serial.recv(1 << 16)
            except TimeoutError:
                continue
        said, self._heard = self._heard[: found.end()], self._heard[found.end() :]
        return said.decode(errors="replace")


def _connected(path: Path) -> socket.socket:
    end = time.monotonic() + 10
    while True:
        one = socket.socket(socket.AF_UNIX)
        try:
            one.connect(str(path))
            return one
        except OSError:
            one.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
