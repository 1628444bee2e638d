"""One mini PC, as QEMU makes it: UEFI, TPM 2.0, a SATA disk, xHCI, a USB keyboard, a screen; no network card.

Without KVM instructions are translated (TCG): everything takes many times as long as on real hardware, and
every wait here has a limit of minutes.

What a test sees of the unmodified image beside the screen is asked for in SMBIOS type 11 strings
(systemd-stub(7)): a second serial port with a root shell, and the journal on the first. systemd-stub measures
them into PCR 12, so a machine has the same ones at each boot.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from PIL import Image

from tests.vm.keyboard import keys
from tests.vm.ocr import says, words
from tests.vm.qmp import Qmp, QmpError

FIRMWARE = Path("/usr/share/OVMF")
_FLAGS = set(Path("/proc/cpuinfo").read_text().split())
PYTHON = "/usr/lib/medkiosk/venv/bin/python"
"""The image's own, with the kiosk's packages."""
KVM = os.access("/dev/kvm", os.R_OK | os.W_OK) and bool({"vmx", "svm"} & _FLAGS)
"""Whether the processor runs a machine itself. KVM without Intel's or AMD's extensions starts no firmware."""
DISK_SIZE = "12G"
_EXTRA = (
    "console=tty0 console=ttyS0 systemd.journald.forward_to_console=1 systemd.journald.max_level_console=info"
    " systemd.debug_shell=1 systemd.default_debug_tty=ttyS1"
)
_MEMORY_MIB = 3072
_SCREEN = "VGA,xres=1280,yres=800,edid=on"
_MARK = "medkiosk-harness"


class NotSeenError(AssertionError):
    """What was waited for did not come; the message has what was there instead."""


@dataclass
class Plugged:
    """Something in a USB port."""

    machine: Machine
    id: str
    drive: str = ""

    def unplug(self) -> None:
        """Pull it out, as a person does: nothing is asked before."""
        self.machine.unplug(self)


class Machine:
    """A machine with a disk that was just written.

    Args:
        image: the built image; never written to.
        directory: for everything that belongs to this machine; it outlives the object.
        secure_boot: firmware that checks signatures, in set-up mode until keys are enrolled.
    """

    def __init__(self, image: Path, directory: Path, *, secure_boot: bool = False) -> None:
        self.image = image.resolve()
        self.directory = directory.resolve()
        self._secure_boot = secure_boot
        self._running: list[subprocess.Popen[bytes]] = []
        self._numbers = itertools.count()
        self._qmp: Qmp | None = None
        self._shell: socket.socket | None = None
        self._pictures: tuple[bytes, str] = (b"", "")
        self.directory.mkdir(parents=True, exist_ok=True)
        # A socket's path may have at most 107 bytes.
        self._sockets = Path("/tmp") / f"medkiosk-vm-{os.getpid()}-{time.monotonic_ns():x}"
        if not self.disk.exists():
            self._make()

    @property
    def disk(self) -> Path:
        """The disk: what differs from the image."""
        return self.directory / "disk.qcow2"

    def _make(self) -> None:
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", self.image, self.disk, DISK_SIZE],
            check=True,
        )
        shutil.copy(FIRMWARE / "OVMF_VARS_4M.fd", self.directory / "vars.fd")
        (self.directory / "tpm").mkdir(exist_ok=True)

    # Power

    def start(self, *, restored: str = "", graphics: str = _SCREEN) -> None:
        """Press the button.

        Args:
            restored: go on where `save` stopped.
            graphics: the graphics card, as QEMU names it.
        """
        self._sockets.mkdir(mode=0o700, exist_ok=True)
        qmp = self._sockets / "qmp"
        qmp.unlink(missing_ok=True)
        self._start_tpm()
        command = self._command(graphics)
        if restored:
            command += ["-incoming", f"exec:zstd -q -d -c {self.directory / restored / 'memory.zst'}"]
        with (self.directory / "qemu.log").open("ab") as log:
            self._running.append(_child(command, log))
        self._qmp = Qmp(qmp)
        if restored:
            self._wait(lambda: self.qmp("query-status")["status"] in {"paused", "running"}, 60, "restored")
            self.qmp("cont")

    def _start_tpm(self) -> None:
        path = self._sockets / "tpm"
        path.unlink(missing_ok=True)
        command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.directory / 'tpm'}"]
        command += ["--ctrl", f"type=unixio,path={path}", "--terminate"]
        with (self.directory / "swtpm.log").open("ab") as log:
            self._running.append(_child(command, log))
        self._wait(path.exists, 10, "the TPM's socket")

    def _command(self, graphics: str) -> list[str]:
        code = "OVMF_CODE_4M.secboot.fd" if self._secure_boot else "OVMF_CODE_4M.fd"
        here = self.directory
        command = [
            "qemu-system-x86_64",
            "-nodefaults",
            "-nic",
            "none",
            "-display",
            "none",
            "-rtc",
            "base=utc",
        ]
        command += ["-machine", f"q35,i8042=off,smm={'on' if self._secure_boot else 'off'}"]
        command += [
            "-accel",
            "kvm" if KVM else "tcg,thread=multi,tb-size=512",
            # With five levels of page tables (la57) Debian 13 stopped early in one of five boots on QEMU 7.2.
            "-cpu",
            "max,la57=off",
            "-smp",
            "2",
            "-m",
            str(_MEMORY_MIB),
        ]
        command += ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={FIRMWARE / code}"]
        command += ["-drive", f"if=pflash,format=raw,unit=1,file={here / 'vars.fd'}"]
        command += ["-drive", f"if=none,id=disk,format=qcow2,discard=unmap,file={self.disk}"]
        # QEMU cannot save the state of an NVMe disk; a SATA disk has SMART, too.
        command += ["-device", "ide-hd,drive=disk,bus=ide.0,serial=medkiosk,bootindex=0"]
        command += ["-device", graphics]
        command += [
            "-device",
            "qemu-xhci,id=xhci,p2=8,p3=8",
            "-device",
            "usb-kbd,id=keyboard,bus=xhci.0,port=1",
        ]
        command += [
            "-chardev",
            f"file,id=serial,append=on,path={here / 'serial.log'}",
            "-serial",
            "chardev:serial",
        ]
        command += ["-chardev", f"socket,id=shell,path={self._sockets / 'shell'},server=on,wait=off"]
        command += ["-serial", "chardev:shell"]
        command += ["-qmp", f"unix:{self._sockets / 'qmp'},server=on,wait=off"]
        command += ["-chardev", f"socket,id=tpm,path={self._sockets / 'tpm'}"]
        command += ["-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm0"]
        command += ["-smbios", f"type=11,value=io.systemd.stub.kernel-cmdline-extra={_EXTRA}"]
        return command

    def power_cut(self) -> None:
        """Take the power away: QEMU is killed, and what it had not given to its disk is lost."""
        self._forget()
        for process in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.wait(30)
        self._running.clear()
        shutil.rmtree(self._sockets, ignore_errors=True)

    def power_off(self, timeout_s: float = 300) -> None:
        """Press the power button and wait until the machine is off."""
        self.qmp("system_powerdown")
        self.wait_off(timeout_s)

    def wait_off(self, timeout_s: float = 300) -> None:
        """Wait until the machine has switched itself off."""
        try:
            self._running[-1].wait(timeout_s)
        finally:
            self.power_cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.power_cut()

    @property
    def is_running(self) -> bool:
        """Whether QEMU runs."""
        return bool(self._running) and self._running[-1].poll() is None

    # Snapshots

    def save(self, name: str) -> None:
        """Write down everything about the running machine, memory too, and end it."""
        place = self.directory / name
        place.mkdir(exist_ok=True)
        self.qmp("stop")
        self.qmp("migrate", uri=f"exec:zstd -q -3 -c > {place / 'memory.zst'}")
        self._wait(
            lambda: self.qmp("query-migrate").get("status") == "completed", 300, "the memory is written"
        )
        with contextlib.suppress(QmpError):
            self.qmp("quit")
        self._running[-1].wait(60)
        self.power_cut()
        for part in ("disk.qcow2", "vars.fd", "tpm"):
            _copy(self.directory / part, place / part)

    def restore(self, name: str) -> None:
        """Go on from `save`: the disk, the TPM and the memory of that moment."""
        self.power_cut()
        for part in ("disk.qcow2", "vars.fd", "tpm"):
            _copy(self.directory / name / part, self.directory / part)
        self.start(restored=name)

    def rewind(self, name: str) -> None:
        """The disk and the TPM of that moment, and no power: the next `start` is a cold boot."""
        self.power_cut()
        for part in ("disk.qcow2", "vars.fd", "tpm"):
            _copy(self.directory / name / part, self.directory / part)

    # Screen and keys

    def qmp(self, command: str, **arguments: Any) -> Any:
        """Run one of QEMU's commands."""
        if self._qmp is None:
            raise QmpError("the machine is off")
        return self._qmp.run(command, **arguments)

    def screen(self) -> Image.Image:
        """What the screen shows now."""
        path = self.directory / "screen.ppm"
        self.qmp("screendump", filename=str(path))
        with Image.open(path) as picture:
            return picture.convert("RGB")

    def words(self) -> str:
        """What can be read on the screen, a line a line."""
        picture = self.screen()
        pixels = picture.tobytes()
        if self._pictures[0] != pixels:
            self._pictures = (pixels, words(picture))
        return self._pictures[1]

    def picture(self, name: str) -> Path:
        """Keep the screen as a PNG file."""
        path = self.directory / "pictures" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        self.screen().save(path)
        return path

    def see(self, *texts: str, timeout_s: float = 120) -> str:
        """Wait until one of the texts can be read on the screen; give that one.

        Raises:
            NotSeenError: none came in time; what was there instead, and its picture.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            if not self.is_running:
                raise NotSeenError(f"the machine went off; waited for {texts}")
            shown = self.words()
            for text in texts:
                if says(shown, text):
                    return text
            if time.monotonic() > deadline:
                path = self.picture(f"not-seen-{next(self._numbers)}")
                raise NotSeenError(f"waited {timeout_s} s for {texts}; picture {path}; it says:\n{shown}")
            time.sleep(1)

    def press(self, *names: str) -> None:
        """Press keys one after another; ``ctrl-q`` is two at once. Names are QEMU's (ret, esc, f9, down)."""
        for name in names:
            self._together(name.split("-"))

    def type(self, text: str) -> None:
        """Type on a US keyboard, which is the layout that the image starts with."""
        for together in keys(text):
            self._together(together)

    def _together(self, names: list[str]) -> None:
        held = [{"type": "qcode", "data": name} for name in names]
        self.qmp("send-key", keys=held, hold_time=40)
        # The keyboard remembers 16 changes; a slow guest must have fetched these before the next ones.
        time.sleep(0.12)

    # USB

    def plug_stick(self, path: Path, *, read_only: bool = False, serial: str = "") -> Plugged:
        """Plug in USB storage with a file as its medium."""
        name = f"stick{next(self._numbers)}"
        self.qmp(
            "blockdev-add",
            driver="raw",
            node_name=name,
            read_only=read_only,
            file={"driver": "file", "filename": str(path.resolve())},
        )
        # Removable, as readers and sticks say of themselves; a disk that is not is no card.
        usb = {"driver": "usb-storage", "id": f"usb-{name}", "drive": name, "bus": "xhci.0"}
        self.qmp("device_add", **usb, serial=serial or name, removable=True)
        return Plugged(self, f"usb-{name}", drive=name)

    def plug_redir(self, socket_path: Path) -> Plugged:
        """Plug in what is at the other end of a Unix socket (`tests.virtual.usbredir`)."""
        name = f"redir{next(self._numbers)}"
        address = {"type": "unix", "data": {"path": str(socket_path)}}
        backend = {"type": "socket", "data": {"addr": address, "server": False}}
        self.qmp("chardev-add", id=name, backend=backend)
        self.qmp("device_add", driver="usb-redir", id=f"usb-{name}", chardev=name, bus="xhci.0")
        return Plugged(self, f"usb-{name}")  # QEMU 7.2 keeps the chardev, and calls it busy

    def plug(self, device: str = "usb-kbd") -> Plugged:
        """Plug in one of QEMU's own USB devices."""
        name = f"usb-{next(self._numbers)}"
        self.qmp("device_add", driver=device, id=name, bus="xhci.0")
        return Plugged(self, name)

    def unplug(self, what: Plugged) -> None:
        """Pull something out."""
        self.qmp("device_del", id=what.id)
        self._wait(lambda: not self._has(what.id), 30, f"{what.id} is out")
        if what.drive:
            self._wait(
                lambda: self._done("blockdev-del", node_name=what.drive), 30, f"{what.drive} is closed"
            )

    def _has(self, name: str) -> bool:
        return any(each["name"] == name for each in self.qmp("qom-list", path="/machine/peripheral"))

    def _done(self, command: str, **arguments: str) -> bool:
        try:
            self.qmp(command, **arguments)
        except QmpError:
            return False
        return True

    # Inside

    def serial(self) -> str:
        """What the first serial port said so far, over all boots: the journal, where it is watched."""
        path = self.directory / "serial.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_serial(self, text: str, timeout_s: float, *, since: int = 0) -> None:
        """Wait until the first serial port says something, ``since`` so many characters."""
        self._wait(lambda: text in self.serial()[since:], timeout_s, f"{text!r} on the serial port")

    def shell(self, command: str, timeout_s: float = 120) -> str:
        """Run a command as root inside and give what it printed, with ``exit N`` as its last line.

        Raises:
            NotSeenError: no answer in time.
        """
        if self._shell is None:
            self._shell = socket.socket(socket.AF_UNIX)
            self._shell.connect(str(self._sockets / "shell"))
            self._say("stty -echo 2>/dev/null; PS1=; PS2=; set +o emacs 2>/dev/null; cd /")
            self._answer(timeout_s)
        self._say(command)
        return self._answer(timeout_s)

    def patient(self) -> None:
        """Write other limits into the kiosk's configuration, before it starts.

        An emulated processor needs ten minutes to redact a picture, and again after each change of masks: the
        minute that a real one is given ends every picture, and a session ends while somebody waits for it.
        """
        said = self.shell(
            "sed -i -e 's/^redact_timeout_s = .*/redact_timeout_s = 3600.0/'"
            " -e 's/^idle_lock_s = .*/idle_lock_s = 7200.0/' /etc/medkiosk/medkiosk.toml"
            " && grep -c -e '^redact_timeout_s = 3600' -e '^idle_lock_s = 7200' /etc/medkiosk/medkiosk.toml"
        )
        if said.split() != ["2", "exit", "0"]:
            raise NotSeenError(said)

    def _say(self, command: str) -> None:
        assert self._shell is not None
        line = f"{command}\necho {_MARK[:8]}''{_MARK[8:]} $?\n".encode()
        for start in range(0, len(line), 16):  # the port's buffer has 16 bytes, and the guest is slow
            self._shell.sendall(line[start : start + 16])

    def _answer(self, timeout_s: float) -> str:
        assert self._shell is not None
        said = b""
        deadline = time.monotonic() + timeout_s
        while (marked := said.find(_MARK.encode())) < 0 or b"\n" not in said[marked:]:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._shell], [], [], left)[0]:
                raise NotSeenError(f"the shell did not answer in {timeout_s} s: {said!r}")
            piece = self._shell.recv(65536)
            if not piece:
                raise NotSeenError("the machine went off")
            said += piece
        before, _, code = said.decode(errors="replace").replace("\r", "").partition(_MARK)
        return f"{before}exit {code.split()[0]}"

    def forget_shell(self) -> None:
        """Begin with a new shell at the next `shell`: the machine has started again by itself."""
        if self._shell is not None:
            self._shell.close()
            self._shell = None

    def _forget(self) -> None:
        self.forget_shell()
        if self._qmp is not None:
            self._qmp.close()
            self._qmp = None

    def _wait(self, is_so: Callable[[], bool], timeout_s: float, what: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not is_so():
            if self._running and self._running[-1].poll() is not None:
                raise NotSeenError(f"ended by itself while waiting for {what}; see {self.directory}/*.log")
            if time.monotonic() > deadline:
                raise NotSeenError(f"waited {timeout_s} s in vain: {what}")
            time.sleep(0.1)


def _child(command: list[str], log: Any) -> subprocess.Popen[bytes]:
    # It dies with the test, however that dies (prctl(2), PR_SET_PDEATHSIG).
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
    else:
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", source, target], check=True)


@contextlib.contextmanager
def running(machine: Machine) -> Iterator[Machine]:
    """A machine for one test: off afterwards, whatever happened."""
    try:
        yield machine
    finally:
        machine.power_cut()
