"""The order of a set-up. What is made durable comes after all questions, and ``ready`` comes last."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from medkiosk import configfile, durable
from medkiosk.backup.drive import STORE
from medkiosk.core.config import Config
from medkiosk.device.usbkeyboards import Keyboard
from medkiosk.devicesecret import DeviceSecretError
from medkiosk.devicetpm import TpmSecrets
from medkiosk.setup import aside, configuration, leftovers, machine, repairing, secureboot, vault
from medkiosk.setup.answers import Answers, instant
from medkiosk.setup.errors import StepFailedError
from medkiosk.setup.layouts import environment
from medkiosk.setup.machine import Sealing
from medkiosk.setup.places import Places

OWNER = "medkiosk"
"""The daemon's user."""


class Shown(Protocol):
    """Who is shown the words."""

    def sheets(self, shares: list[str]) -> bool:
        """Show the recovery sheets; whether two of them were typed back whole."""
        ...

    def disk_key(self, key: str) -> None:
        """Show the disk's recovery key."""
        ...


@dataclass(frozen=True)
class Done:
    """What came of it.

    Attributes:
        made: the public keys.
        tpm: whether the lasting keys are sealed to it.
        disk: whether the disk has a recovery key.
        keyboards: what may type from now on.
    """

    made: vault.Made
    tpm: bool
    disk: bool
    keyboards: tuple[Keyboard, ...]


@dataclass(frozen=True)
class Restored:
    """What came of bringing a kiosk back, and whether the lasting keys are sealed to the TPM."""

    done: repairing.Repaired
    tpm: bool


@dataclass
class SetUp:
    """One set-up of one machine.

    Attributes:
        places: where everything is.
        sealing: TPM and disk.
        there: every keyboard that is plugged in.
        save_keyboards: keeps the list of those.
        set_clock: sets the clocks.
        vault_program: what makes the vault.
        secure_boot: whether the firmware checks what it starts.
    """

    places: Places
    sealing: Sealing
    there: Callable[[], tuple[Keyboard, ...]]
    save_keyboards: Callable[[Sequence[Keyboard], Path], None]
    set_clock: Callable[[datetime, Places], None] = machine.set_clock
    vault_program: Sequence[str] = field(default=vault.PROGRAM)
    secure_boot: Callable[[], bool] = secureboot.is_on

    def template(self) -> Config:
        """Return where an appliance keeps its things, before it has names."""
        return self._filled("?", "-.invalid/-")[1]

    def clean(self) -> bool:
        """See `leftovers.clean`."""
        return leftovers.clean(self.places, self.template())

    def remembers(self) -> bool:
        """Whether the TPM's memory holds a device secret; after `clean`, of a kiosk whose disk is elsewhere.

        Raises:
            StepFailedError: the TPM does not answer.
        """
        try:
            return self.sealing.has_tpm and bool(TpmSecrets(self.places.tpm).generations())
        except DeviceSecretError as error:
            detail = "it does not answer as a TPM 2.0 does"
            raise StepFailedError(step="asking the TPM what it holds", detail=detail) from error

    def forget(self) -> None:
        """Have the TPM forget every device secret.

        Raises:
            OSError: it refused.
        """
        TpmSecrets(self.places.tpm).keep_only()

    def run(self, answers: Answers, shown: Shown) -> Done:
        """Do all of it, after `clean`.

        Raises:
            KioskError: a step failed; nothing that was made counts.
            OSError: likewise.
        """
        places = self.places
        leftovers.begin(places)
        config = self._configure(answers, answers.origin)
        made = vault.make(places.config, answers, shown.sheets, user=_owner(), program=self.vault_program)
        disk, tpm, keyboards = self._finish(config, shown)
        return Done(made, tpm, disk, keyboards)

    def restore(self, answers: Answers, shown: Shown) -> Restored:
        """Make this machine the kiosk whose backup the drive holds that is plugged in, after `clean`.

        Raises:
            KioskError: a step failed; nothing that was made counts.
            OSError: likewise.
        """
        places = self.places
        leftovers.begin(places, restore=True)
        source = places.backup / STORE
        config = self._configure(answers, repairing.origin_of(source))
        done = repairing.ask(
            places.config,
            answers.sheets,
            source=source,
            account=(answers.user, answers.passphrase),
            user=_owner(),
        )
        _, tpm, _ = self._finish(config, shown)
        return Restored(done, tpm)

    def adopt(self, sheets: Sequence[str]) -> Restored:
        """Make this machine the kiosk of the store that is on it: its keys come out of the store's escrow.

        Raises:
            KioskError: a step failed; it can be done again.
            OSError: likewise.
        """
        self._undo()  # of a repair of the store that was cut short
        done = repairing.ask(self.places.config, sheets, source=None, user=_owner())
        tpm = self._seal(configfile.load(self.places.config))
        leftovers.repaired(self.places)
        return Restored(done, tpm)

    def replace(self, sheets: Sequence[str], user: str, passphrase: str) -> Restored:
        """Make the store anew from the drive that is plugged in; the one that is here is put aside.

        Raises:
            KioskError: a step failed. The store that was here is in its place again, unless the new one was
                signed for by then: that one stays, and the same again goes on with it.
            OSError: likewise.
        """
        places = self.places
        config = configfile.load(places.config)
        store, source = Path(config.store.path), places.backup / STORE
        aside.begin(places, store, source)
        try:
            done = repairing.ask(
                places.config, sheets, source=source, account=(user, passphrase), user=_owner()
            )
        except BaseException:
            with contextlib.suppress(OSError):  # then the next attempt, or `leave`, finds what is there
                aside.put_back(places, store)
            raise
        tpm = self._seal(config)
        aside.end(places)  # before `ready`: from then on the store is in use
        leftovers.repaired(places)
        return Restored(done, tpm)

    def leave(self) -> bool:
        """Let the kiosk start as it was; False where the store that a repair made must stay.

        Raises:
            KioskError: there is no configuration that can be read.
            OSError: the disk refused something.
        """
        as_it_was = self._undo()
        leftovers.repaired(self.places)
        return as_it_was

    def _undo(self) -> bool:
        as_it_was = aside.put_back(self.places, Path(configfile.load(self.places.config).store.path))
        aside.end(self.places)
        return as_it_was

    def _configure(self, answers: Answers, origin: str) -> Config:
        places = self.places
        if answers.time:
            self.set_clock(instant(answers.time, answers.zone), places)
        text, config = self._filled(answers.site, origin)
        self._write(places.keyboard, environment(answers.layout))
        self._write(places.config, text)
        self._link_zone(answers.zone)
        return config

    def _finish(self, config: Config, shown: Shown) -> tuple[bool, bool, tuple[Keyboard, ...]]:
        places = self.places
        disk = self.sealing.disk_is_encrypted
        if disk:
            shown.disk_key(self.sealing.recovery_key())
        keyboards = self.there()
        places.keyboards.parent.mkdir(parents=True, exist_ok=True)
        self.save_keyboards(keyboards, places.keyboards)
        tpm = self._seal(config)
        leftovers.end(places)
        return disk, tpm, keyboards

    def _seal(self, config: Config) -> bool:
        if self.sealing.has_tpm:
            self.sealing.seal(Path(config.store.keys))
        return self.sealing.has_tpm

    def _filled(self, site: str, origin: str) -> tuple[str, Config]:
        tpm = str(self.places.tpm) if self.sealing.has_tpm else ""
        return configuration.fill(self.places.template.read_text("utf-8"), site=site, origin=origin, tpm=tpm)

    def _write(self, path: Path, text: str) -> None:
        durable.write_atomic(path, text.encode())
        path.chmod(0o644)  # nothing in it is secret; daemon and console are other users

    def _link_zone(self, zone: str) -> None:
        durable.remove(self.places.localtime)
        self.places.localtime.symlink_to(self.places.zones / zone)


def _owner() -> str | None:
    """The daemon's user where that can be become; None on a machine where there is none, as in a test."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(OWNER).pw_name
    except KeyError:
        return None
