"""Where things are on an appliance (docs/appliance.md)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from medkiosk import datadisk

LASTING: Final = ("index.key", "ledger.key", "export.key")
"""The keys that are sealed to the TPM: names of files, and of credentials."""


@dataclass(frozen=True)
class Places:
    """Paths. Those that are below `site` are below ``/etc/medkiosk`` as well: that is a link.

    Attributes:
        site: what makes this kiosk another one than the next.
        credentials: the lasting keys, sealed.
        keyboards: the list of `medkiosk.device.usbpolicy`.
        template: the configuration that the image brings.
        built: files whose time is that of the build; the first that is there counts.
        zones: the time zones' files.
        disk: what is mounted (`medkiosk.datadisk.below` finds the partition), or that partition.
        tpm: the TPM's device; none: nothing is sealed.
        rtc: the clock that goes on without power.
        backup: where a backup drive is mounted when it is plugged in.
        restoring: while it is there, USB drives are let in although the set-up has not ended (docs/usb.md).
    """

    site: Path = Path("/var/lib/medkiosk-site")
    credentials: Path = Path("/var/lib/medkiosk-credentials")
    keyboards: Path = Path("/var/lib/medkiosk-usb/keyboards.rules")
    template: Path = Path("/usr/share/medkiosk/medkiosk.toml")
    built: tuple[Path, ...] = (Path("/usr/lib/clock-epoch"), Path("/usr/lib/medkiosk/version"))
    zones: Path = Path("/usr/share/zoneinfo")
    disk: Path = datadisk.MAPPING
    tpm: Path = Path("/dev/tpmrm0")
    rtc: Path = Path("/dev/rtc0")
    backup: Path = Path("/run/medkiosk-backup")
    restoring: Path = Path("/run/medkiosk-usb/restoring")

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.site / "medkiosk.toml"

    @property
    def keyboard(self) -> Path:
        """The keyboard's layout, for the console's units."""
        return self.site / "keyboard.env"

    @property
    def localtime(self) -> Path:
        """Link to a time zone; ``/etc/localtime`` is a link to it."""
        return self.site / "localtime"

    @property
    def begun(self) -> Path:
        """There while a set-up is not finished."""
        return self.site / "begun"

    @property
    def repair(self) -> Path:
        """There instead of `ready` while a kiosk that is set up is repaired; nothing else starts."""
        return self.site / "repair"

    @property
    def replacing(self) -> Path:
        """There while a repair makes the store anew (`medkiosk.setup.aside`)."""
        return self.site / "replacing"

    @property
    def ready(self) -> Path:
        """There when it is."""
        return self.site / "ready"
