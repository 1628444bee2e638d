"""Where the stages meet.

Device -> source -> ingest -> vault -> redact -> vault -> ledger -> review -> export.

Everything that joins two stages is in this file or is started by it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pwd
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from medkiosk import __version__, keyfiles
from medkiosk.backup.drive import STORE
from medkiosk.core.channel import Channel
from medkiosk.core.config import Config
from medkiosk.core.errors import ConfigError, KioskError
from medkiosk.core.events import KioskStarted
from medkiosk.core.ids import KIOSK, CaptureId
from medkiosk.daemon import keysthere, slates
from medkiosk.daemon.backups import Backups
from medkiosk.daemon.board import Board
from medkiosk.daemon.cardlines import CardLines
from medkiosk.daemon.comparing import Comparer
from medkiosk.daemon.disposing import Disposer
from medkiosk.daemon.drives import DriveDesk
from medkiosk.daemon.guidefiles import TAKEN, GuideShelf
from medkiosk.daemon.headmemory import HeadMemory
from medkiosk.daemon.healthdesk import HealthDesk
from medkiosk.daemon.importer import Importer
from medkiosk.daemon.importtools import Tools
from medkiosk.daemon.keyring import Keyring
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.daemon.maintaining import Checker
from medkiosk.daemon.redactor import Job, Redactor
from medkiosk.daemon.scrub import Scrubber
from medkiosk.daemon.searches import Searches
from medkiosk.daemon.service import Service
from medkiosk.daemon.sessions import Sessions
from medkiosk.daemon.settingsdesk import SettingsDesk
from medkiosk.daemon.sticks import StickDesk
from medkiosk.daemon.updating import UpdateDesk
from medkiosk.daemon.usbdesk import UsbDesk
from medkiosk.device import stickmark
from medkiosk.device.cards import CardDesk, CardRefusedError, MountHelper
from medkiosk.device.configured import ConfiguredDevices
from medkiosk.device.model import DeviceRef
from medkiosk.device.udev import UdevDevices
from medkiosk.devicetpm import machine_secrets
from medkiosk.ipc.server import Server, bind
from medkiosk.journal import Fact, Journal, JournalStoppedError
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.offline.repair import Repaired, repair
from medkiosk.offline.report import Problem
from medkiosk.vault.keys import derive
from medkiosk.vault.store import Vault
from medkiosk.workers import ProcessChannel, SocketChannel, python_worker

_log = logging.getLogger(__name__)


class Daemon:
    """The running kiosk.

    Args:
        config: the whole configuration, without the settings of this kiosk.

    Raises:
        KioskError: the store or the keys cannot be used; nothing was started.
    """

    def __init__(self, config: Config) -> None:
        self.board = Board()
        self._settings = SettingsDesk(config, self.board)
        self._config = config = self._settings.chosen.config
        keys = keyfiles.load(Path(config.store.keys))
        store = Path(config.store.path)
        device = machine_secrets(config.store)
        vault = Vault.open(store, index_key=keys.index, device=device, random=os.urandom, clock=_now)
        signer = Signer(config.site.origin, keys.ledger)
        log = Log.open(store / "ledger", signer)
        self._journal = Journal(vault, log, _now)
        self._memory = HeadMemory(
            self._journal, signer.key, Path(config.store.device_folder), self.board, self._readmitted
        )
        self._memory.compare()
        if self._memory.newest:
            vault.settle_device()  # in an older copy's place, it would destroy what the newest one needs
        _log.info("start: keys from %s; device secret from %s", keys.source, device.source)
        recovered = self._journal.recover()
        if recovered or vault.repairs:
            _log.info(
                "start: %d ledger entries completed, %d leftovers removed", recovered, len(vault.repairs)
            )
        self._redactor = Redactor(
            self._journal,
            self.board,
            self._spawn_redact,
            timeout_s=config.workers.redact_timeout_s,
            slates=self._seen,
            workers=config.workers.redact,
        )
        self._slate_key = slates.slate_key(keys.index)
        self._keyring = Keyring(self._journal, _now, store.parent / "lockout", self._unlocked, self._opening)
        self._sessions = Sessions(self._keyring, config.access.idle_lock_s)
        self._searches = Searches(self._journal, self._sessions.now)
        self._sessions.ending.append(self._searches.ended)
        self._sessions.ticking.append(self._searches.look)
        sentences = keysthere.where(keys, device, store)
        for sentence in sentences:
            _log.info("%s", sentence)
        self.board.set(objects=vault.count(), ledger_size=log.size, keys=sentences)
        if (problem := vault.device_problem) is not None:
            self.board.problem(problem.message)
        self._journal.listeners.append(self._count)
        self._backups = Backups(
            config.backup,
            self._journal,
            signer.key,
            keys.index,
            self.board,
            os.urandom,
            poll_s=config.ingest.poll_s,
        )
        self._scrubber = Scrubber(
            self._journal,
            self.board,
            store.parent / "scrub",
            every_days=config.scrub.every_days,
            clock=_now,
            repair=self._put_back,
        )
        self._health = HealthDesk(
            config, self._journal, signer.key, self.board, store.parent / "health", _now
        )
        self._drives = DriveDesk(self._journal, self._keyring, self._backups)
        self._disposer = Disposer(self._journal, self._keyring, self._redactor, self.board)
        # Only systemd starts a mount helper: where workers are plain processes, these are directories.
        helper = MountHelper(lambda: SocketChannel(Path(config.workers.sockets) / "mount.sock"))
        self._sticks = StickDesk(
            config.stick,
            config.export.sticks,
            self._journal,
            derive(keys.index, stickmark.KEY_LABEL),
            self.board,
            os.urandom,
            helper=helper,
            poll_s=config.ingest.poll_s,
        )
        keyboards = config.usb.keyboards
        self._usb = UsbDesk(Path(keyboards) if keyboards else None, self._journal, self.board)
        self._updates = UpdateDesk(
            Path(config.update.version),
            store.parent / "update",
            self._journal,
            self.board,
            self._sticks,
            lambda: SocketChannel(Path(config.workers.sockets) / "update.sock"),
        )
        self._checker = Checker(store, str(signer.key), self.board, store.parent / "check", _now)
        self._kiosk = Kiosk(
            config=config,
            keys=keys,
            journal=self._journal,
            board=self.board,
            keyring=self._keyring,
            sessions=self._sessions,
            searches=self._searches,
            redactor=self._redactor,
            memory=self._memory,
            backups=self._backups,
            drives=self._drives,
            scrubber=self._scrubber,
            disposer=self._disposer,
            sticks=self._sticks,
            usb=self._usb,
            updates=self._updates,
            checker=self._checker,
            settings=self._settings,
            guide=GuideShelf(
                Path(config.guide.path) if config.guide.path else None, Path(config.store.path).parent / TAKEN
            ),
            clock=_now,
            random=os.urandom,
        )
        self._comparer = Comparer(self._kiosk)
        self._filer = slates.Filer(self._kiosk)
        self._importers: dict[str, Importer] = {}
        self._configured = ConfiguredDevices(
            config.camera, config.card, self._plugged, self._unplugged, poll_s=config.ingest.poll_s
        )
        self._card_lines = CardLines(self.board)
        self._cards = CardDesk(helper, self._card_plugged, self._card_unplugged, self._refused)
        mounts = self._cards if config.workers.launch == "socket" else None
        sticks = self._sticks if mounts is not None else None
        self._udev = UdevDevices(
            self._plugged, self._unplugged, cards=mounts, sticks=sticks, usb=self._usb.happened
        )
        self._lock = threading.Lock()
        self._tools = Tools(
            journal=self._journal,
            board=self.board,
            random=os.urandom,
            settings=config.ingest,
            stall_s=config.workers.source_stall_s,
            spawn=self._spawn_source,
            sealed=self._redactor.submit,
        )

    def start(self) -> None:
        """Start every part; returns when clients can connect.

        Raises:
            KioskError: a part cannot start.
        """
        bind(Service)
        self._redactor.start()
        self._memory.start()
        # A store that was rolled back is looked at by an administrator before it takes anything.
        refused = self._journal.log.refusal is not None
        if not refused:
            self._say_started()
        self._server = Server(
            Path(self._config.ipc.socket), self._serve, allowed=_uids(self._config.ipc.users)
        )
        self._sessions.start()
        if not refused:
            self._take_devices()

    def _readmitted(self) -> None:
        self._journal.vault.settle_device()
        self._say_started()
        self._take_devices()

    def _say_started(self) -> None:
        self._journal.commit(
            [
                Fact(
                    KioskStarted(
                        at=self._journal.now(),
                        actor=KIOSK,
                        version=__version__,
                        detectors=self._redactor.detectors,
                        missing=self._redactor.missing,
                        settings=self._settings.chosen.number or msgspec.UNSET,
                    )
                )
            ]
        )

    def _take_devices(self) -> None:
        self._updates.start()
        self._disposer.start()
        self._configured.start()
        self._backups.start()
        self._sticks.start()
        self._scrubber.start()
        self._health.start()
        self._usb.start()
        if self._config.udev and not self._udev.start():
            self.board.problem("There is no udev here: only devices named in the configuration are seen.")

    def stop(self) -> None:
        """Stop in an orderly way: devices, clients, redaction, store."""
        self._configured.stop()
        self._updates.stop()
        self._scrubber.stop()
        self._checker.stop()
        self._health.stop()
        self._backups.stop()
        self._udev.stop()
        self._usb.stop()
        self._sticks.stop()
        with self._lock:
            importers = list(self._importers.values())
        for importer in importers:
            importer.unplugged()
        self._cards.stop()
        self.board.close()
        self._server.close()
        self._sessions.stop()
        self._comparer.close()
        self._filer.close()
        self._disposer.stop()
        self._redactor.stop()
        self._memory.stop()
        self._journal.vault.close()

    def alive(self) -> bool:
        """Whether everything that must move does: what systemd's watchdog is fed with.

        False ends in a restart, which completes what a failing disk or ledger left half done.
        """
        if not self._journal.healthy:
            self.board.problem(JournalStoppedError(detail="see the journal of medkioskd").message)
            return False
        return self._redactor.alive and self._server.alive and self._disposer.alive

    # Devices

    def _plugged(self, device: DeviceRef, *, changes: bool = True) -> None:
        with self._lock:
            if device.key in self._importers:
                return
            importer = Importer(device, self._tools, self._cards.release, changes=changes)
            self._importers[device.key] = importer
        importer.start()

    def _unplugged(self, device: DeviceRef) -> None:
        with self._lock:
            importer = self._importers.pop(device.key, None)
        if importer is not None:
            importer.unplugged()

    def _refused(self, device: DeviceRef, error: CardRefusedError) -> None:
        _log.warning("card: device %s: mount code %d", device.key, error.reason)
        self._card_lines.refused(device, error)

    def _card_plugged(self, device: DeviceRef) -> None:
        self._card_lines.opened(device)
        self._plugged(device, changes=False)

    def _card_unplugged(self, device: DeviceRef) -> None:
        if device.key in self._importers:
            self._card_lines.opened(device)
            self._unplugged(device)
        else:
            self._card_lines.gone(device)

    def _serve(self) -> Service:
        return Service(self._kiosk, self._comparer)

    # Redaction

    def _unlocked(self) -> None:
        self.board.set(unlocked=self._keyring.is_open)
        if not self._keyring.is_open:
            self._drives.forget_all()
            return
        if damage := self._keyring.opened.damage:
            self.board.problem(damage, "damage")  # and what was decided about settings may be among it
        else:
            self.board.solved("damage")
            with self._keyring.opened.lock:
                self._settings.settle(self._keyring.opened.catalog.settings)
        keysthere.rotate(self._keyring.opened.identity, self._journal, self.board)
        # What a restart left without a derivative is redacted now, with keys from the vault. Under the lock:
        # a photo that is being redacted is either still queued or no longer waiting.
        with self._journal.lock:
            opened = self._keyring.opened
            with opened.lock:
                waiting = opened.catalog.waiting()
            for original in waiting:
                try:
                    key = opened.identity.open_key(original.object_id)
                except KioskError as error:
                    self.board.problem(error.message)
                    continue
                self._redactor.submit(Job(original.capture_id, original.object_id, original.size, key))
        self._filer.wake()
        self._disposer.wake()

    def _put_back(self, problem: Problem) -> bool:
        """Repair a sealed file from the first backup drive here that has it."""
        store = Path(self._config.store.path)
        plugged = set(self._backups.plugged().values())
        drives = (Path(place.path) / STORE for place in self._config.backup if place.name in plugged)
        return any(
            isinstance(repair(store, drive, problem, publishing=self._publishing), Repaired)
            for drive in drives
        )

    @contextlib.contextmanager
    def _publishing(self, object_id: str) -> Iterator[bool]:
        """What is disposed of, or about to be, must not come back from a drive while it is removed here."""
        with self._journal.lock:
            yield not self._journal.vault.disposed(object_id)

    def _opening(self, done: int, of: int) -> None:
        words = f"Opening the catalogue: {done:,} of {of:,} records." if done < of else ""
        self.board.set(opening=words)

    def _seen(self, capture_id: CaptureId, untrusted_slates: Sequence[str]) -> list[Fact]:
        now = self._journal.now()
        return [Fact(event) for event in slates.seen(capture_id, now, untrusted_slates, self._slate_key)]

    def _count(self, fact: Fact, index: int) -> None:
        objects = self.board.status.objects + len(fact.objects)
        self.board.set(objects=objects, ledger_size=index + 1)

    # Workers

    def _spawn_source(self) -> Channel:
        workers = self._config.workers
        if workers.launch == "socket":
            return SocketChannel(Path(workers.sockets) / "source.sock")
        return ProcessChannel(python_worker("medkiosk.source.worker", "--asked"))

    def _spawn_redact(self) -> Channel:
        workers = self._config.workers
        if workers.launch == "socket":
            return SocketChannel(Path(workers.sockets) / "redact.sock")
        return ProcessChannel(python_worker("medkiosk.redact.worker", "--models", self._config.models.path))


def _uids(users: Sequence[str]) -> frozenset[int]:
    """Who may connect: root, the daemon's own user, and the users that the configuration names."""
    try:
        named = [pwd.getpwnam(user).pw_uid for user in users]
    except KeyError as error:
        raise ConfigError(path="[ipc] users", detail=f"there is no user {error.args[0]}") from error
    return frozenset([0, os.geteuid(), *named])


def _now() -> datetime:
    return datetime.now(UTC)
