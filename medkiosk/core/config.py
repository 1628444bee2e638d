"""The configuration file, typed. `parse` is pure: text in, `Config` out.

An unknown key is an error, never ignored: a misspelt policy must not silently fall back to a default.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from medkiosk.core.errors import ConfigError
from medkiosk.core.photo import SecondFor


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
        tpm: a TPM 2.0, ``/dev/tpmrm0``: then the device secret is in its memory, where a destruction is for
            certain, and in no folder.
    """

    path: str
    keys: str
    device: str = ""
    tpm: str = ""

    @property
    def device_folder(self) -> str:
        """Where the device secret is, unless a TPM keeps it, and what is remembered of the ledger."""
        return self.device or self.keys


class Ipc(Section, frozen=True):
    """``socket``: where clients connect; ``users``: who may, besides root and the daemon's own user."""

    socket: str = "/run/medkiosk/kiosk.sock"
    users: tuple[str, ...] = ()


class Access(Section, frozen=True):
    """Who may see whose pictures (docs/access.md), and for how long nobody is asked again.

    Attributes:
        idle_lock_s: without a person's call for so many seconds, everybody is logged out.
        need_to_know: ``department``: everybody sees the encounters of their departments and those of none;
            ``own``: only those of whose team they are.
        departments: their names; accounts and encounters get no others.
        break_glass_s: a broken glass ends after so many seconds.
    """

    idle_lock_s: Annotated[float, msgspec.Meta(ge=1, le=8 * 3600)] = 600.0
    need_to_know: Literal["department", "own"] = "department"
    departments: tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=60)], ...] = ()
    break_glass_s: Annotated[float, msgspec.Meta(ge=60, le=8 * 3600)] = 3600.0


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
        look_again_s: pause after which a device that stays plugged in when it is done is listed again.
        verify: ``twice`` reads every file a second time and compares: a bit that flips on the way from the
            device is found, for twice the time.
        delete: ``after_verified`` deletes from the device what is sealed, when everything on it is. Without
            effect on a card in the kiosk's own reader: it is mounted read-only.
        slates: ``closed`` files a patient's pictures between an opening and a closing slate; with ``opening``
            all until the next slate are that patient's, also those of one who had none (ADR 0018).
        set_camera_clock: set a camera's clock that is off by more than ``clock_drift_s`` seconds.
    """

    group_files: int = 20
    group_bytes: int = 256 << 20
    retries: int = 3
    retry_s: float = 2.0
    poll_s: float = 1.0
    look_again_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    verify: Literal["once", "twice"] = "once"
    delete: Literal["never", "after_verified"] = "never"
    slates: Literal["opening", "closed"] = "closed"
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


class Export(Section, frozen=True):
    """What leaves and on what.

    Attributes:
        sticks: ``blank_or_enrolled`` writes only to a stick on which nothing is somebody else's, or that was
            enrolled (docs/stick.md); ``any`` writes to every one.
        dates: ``shifted`` gives each picture its day, moved back by the same for a subject and a recipient
            (docs/export-format.md section 5.1); ``none`` gives none.
    """

    sticks: Literal["any", "blank_or_enrolled"] = "blank_or_enrolled"
    dates: Literal["none", "shifted"] = "none"


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


class Health(Section, frozen=True):
    """``path``: what ``medkiosk-health`` writes about the machine; nobody looks where it is empty."""

    path: str = ""


class ConsentPolicy(Section, frozen=True):
    """What the law and the hospital say about who may agree (docs/consent.md).

    Attributes:
        majority: age in years from which somebody decides for themselves; a parent's consent ends there.
        after_death: whether a representative may agree to something about a patient who died.
    """

    majority: Annotated[int, msgspec.Meta(ge=12, le=25)] = 18
    after_death: bool = False


class Review(Section, frozen=True):
    """What must happen before a picture may leave.

    Attributes:
        second_for: what two different people must approve: ``publication``, ``face_shown``, ``restricted``.
        original_s: how long an original stays on the screen, and how long one reason is good for, seconds.
    """

    second_for: tuple[SecondFor, ...] = ()
    original_s: Annotated[float, msgspec.Meta(ge=5, le=600)] = 60.0


class Identity(Section, frozen=True):
    """How patients are told apart (docs/identity.md).

    Attributes:
        issuers: ``listed`` takes only numbers of the issuers below; ``open`` those of any other, too.
        scan_prefix: what this site's scanners are set to type before every code.
    """

    issuers: Literal["open", "listed"] = "open"
    scan_prefix: Annotated[str, msgspec.Meta(max_length=8)] = ""


Check = Literal["none", "mod11", "luhn", "mod97", "mod11_10", "verhoeff", "gs1"]
"""How the check digit of a number is made (`medkiosk.identity.checkdigit`)."""
_MOD11 = 10


class Issuer(Section, frozen=True):
    """Who gives out patients' numbers, and what these look like.

    Attributes:
        name: as it is kept.
        also: how else people write it.
        shortest, longest: characters of a number, without blanks and hyphens.
        gs1_prefix: GSRN of wristbands (GS1 AI 8018) that begin so are this issuer's numbers, all 18 digits.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    also: tuple[str, ...] = ()
    characters: Literal["digits", "letters_digits"] = "digits"
    shortest: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    longest: Annotated[int, msgspec.Meta(ge=1, le=64)] = 64
    check: Check = "none"
    gs1_prefix: Annotated[str, msgspec.Meta(pattern="^[0-9]{0,12}$")] = ""

    def __post_init__(self) -> None:
        """Refuse rules that no number keeps, or that find less than they promise."""
        if self.shortest > self.longest:
            raise ValueError(f"issuer {self.name}: shortest is more than longest")
        if self.characters != "digits" and self.check not in ("none", "mod97"):
            raise ValueError(f"issuer {self.name}: the check {self.check} is for digits")
        if self.check == "mod11" and self.longest > _MOD11:
            raise ValueError(f"issuer {self.name}: the check mod11 is for at most {_MOD11} digits")
        if self.check == "mod97" and self.shortest <= 2:
            raise ValueError(f"issuer {self.name}: the check mod97 needs at least 3 characters")
        if self.check != "none" and self.shortest <= 1:
            raise ValueError(f"issuer {self.name}: say how long the numbers are at least")


class Usb(Section, frozen=True):
    """``keyboards``: the list of keyboards and scanners that may be used; none is kept where it is empty."""

    keyboards: str = ""


class Update(Section, frozen=True):
    """``version``: file with the version of the appliance that runs; there is none outside an image."""

    version: str = "/usr/lib/medkiosk/version"


class Guide(Section, frozen=True):
    """``path``: a folder with the department's own pages (docs/guide.md); none where it is empty."""

    path: str = ""


class TrainingModules(Section, frozen=True):
    """Which checks are demanded, by the role that gives the right."""

    reviewer: tuple[str, ...] = ("privacy", "review")
    privacy_officer: tuple[str, ...] = ("consent", "privacy")


class Training(Section, frozen=True):
    """What the department demands before somebody may act (docs/guide.md, section 5).

    Attributes:
        needed_for: what is refused to who is not current; nothing where it is empty.
        valid_days: so many days a check that was passed counts.
        modules: which checks.
    """

    needed_for: tuple[Literal["approve", "export"], ...] = ()
    valid_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 365
    modules: TrainingModules = TrainingModules()


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
    export: Export = Export()
    backup: tuple[Backup, ...] = ()
    scrub: Scrub = Scrub()
    health: Health = Health()
    consent: ConsentPolicy = ConsentPolicy()
    review: Review = Review()
    identity: Identity = Identity()
    issuer: tuple[Issuer, ...] = ()
    usb: Usb = Usb()
    update: Update = Update()
    guide: Guide = Guide()
    training: Training = Training()
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
