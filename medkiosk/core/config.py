"""The configuration file, typed. `parse` is pure: text in, `Config` out.

An unknown key is an error, never ignored: a misspelt policy must not silently fall back to a default.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from medkiosk.core.errors import ConfigError


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every table in the file."""


class Site(Section, frozen=True):
    """``name`` is shown to people; ``origin`` names the ledger (a schema-less URL, C2SP tlog-checkpoint)."""

    name: str
    origin: str


class Store(Section, frozen=True):
    """Where everything is kept.

    Attributes:
        path: the vault and ledger.
        keys: the signing keys and the index key, mode 0700. In production a systemd credentials directory.
        device: a folder for the device secret, which is replaced at each disposal, and for what the kiosk
            remembers of its ledger. It must not be on the data disk, or a copy of that disk still opens what
            was disposed of later. Default: ``keys``.
    """

    path: str
    keys: str
    device: str = ""

    @property
    def device_folder(self) -> str:
        """Where the device secret is."""
        return self.device or self.keys


class Ipc(Section, frozen=True):
    """``socket``: where clients connect; ``users``: who may, besides root and the daemon's own user."""

    socket: str = "/run/medkiosk/kiosk.sock"
    users: tuple[str, ...] = ()


class Access(Section, frozen=True):
    """``idle_lock_s``: without a person's call for so many seconds, everybody is logged out."""

    idle_lock_s: Annotated[float, msgspec.Meta(ge=1, le=8 * 3600)] = 600.0


class Models(Section, frozen=True):
    """``path``: a directory of model files, checked by SHA-256 when they are loaded."""

    path: str


class Workers(Section, frozen=True):
    """How workers are started: plain child processes, or systemd sockets in ``sockets``.

    ``redact``: how many pictures are redacted at the same time; each needs a core and up to 600 MB.
    """

    launch: Literal["process", "socket"] = "process"
    sockets: str = "/run/medkiosk-workers"
    source_stall_s: float = 30.0
    redact_timeout_s: float = 60.0
    redact: Annotated[int, msgspec.Meta(ge=1, le=4)] = 1


class Ingest(Section, frozen=True):
    """What is done with a camera or card that is plugged in.

    Attributes:
        group_files, group_bytes: how many files, or bytes, are made durable together.
        verify: ``twice`` reads every file a second time and compares: a bit that flips on the way from the
            device is found, for twice the time.
        delete: ``after_verified`` deletes from the device what is sealed, when everything on it is. Without
            effect on a card in the kiosk's own reader: it is mounted read-only.
        set_camera_clock: set a camera's clock that is off by more than ``clock_drift_s`` seconds.
    """

    group_files: int = 20
    group_bytes: int = 256 << 20
    retries: int = 3
    retry_s: float = 2.0
    poll_s: float = 1.0
    verify: Literal["once", "twice"] = "once"
    delete: Literal["never", "after_verified"] = "never"
    set_camera_clock: bool = False
    clock_drift_s: Annotated[float, msgspec.Meta(ge=2)] = 60.0


class Camera(Section, frozen=True):
    """A camera that is not found by udev: a libgphoto2 port and model."""

    port: str
    model: str = "Canon EOS R6"


class Card(Section, frozen=True):
    """A directory that stands for a memory card."""

    path: str


class Stick(Section, frozen=True):
    """Where exports are written to.

    ``mounted``: something must be mounted there; false for a directory that stands for a stick.
    """

    name: str
    path: str
    mounted: bool = False


class Backup(Section, frozen=True):
    """Where a backup drive appears when it is plugged in; the system mounts it (docs/backup.md).

    ``mounted``: it is plugged in only while something is mounted there; false for a plain directory that
    stands for a drive.
    """

    name: str
    path: str
    mounted: bool = False


class Scrub(Section, frozen=True):
    """``every_days``: all sealed files are read again so many days after the last time; 0: on request."""

    every_days: Annotated[float, msgspec.Meta(ge=0)] = 30.0


class Config(Section, frozen=True):
    """The whole file."""

    site: Site
    store: Store
    models: Models
    ipc: Ipc = Ipc()
    access: Access = Access()
    workers: Workers = Workers()
    ingest: Ingest = Ingest()
    camera: tuple[Camera, ...] = ()
    card: tuple[Card, ...] = ()
    stick: tuple[Stick, ...] = ()
    backup: tuple[Backup, ...] = ()
    scrub: Scrub = Scrub()
    udev: bool = True


def parse(text: str, *, name: str) -> Config:
    """Read a configuration.

    Args:
        text: TOML.
        name: how the file is called in the error.

    Raises:
        ConfigError: not TOML, an unknown key, a missing or ill-typed value.
    """
    try:
        return msgspec.toml.decode(text, type=Config)
    except msgspec.DecodeError as error:
        raise ConfigError(path=name, detail=str(error)) from error
