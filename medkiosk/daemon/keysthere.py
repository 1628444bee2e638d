"""The kiosk's own keys while it runs: where they are, what that is worth, and when another epoch begins."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from medkiosk.core.errors import KioskError
from medkiosk.core.ids import KIOSK
from medkiosk.core.lifecycle import EpochOpened
from medkiosk.daemon.board import Board
from medkiosk.devicesecret import DeviceSecrets
from medkiosk.journal import Fact, Journal
from medkiosk.keyfiles import KeyFiles
from medkiosk.vault.db import CommitUnknownError
from medkiosk.vault.identity import Change, Identity, Rotated

_log = logging.getLogger(__name__)

SAME_DISK = (
    "The device secret is on the file system of the store: a copy of it, with a passphrase, opens everything"
    " that was on it then, whatever is disposed of later. Name a folder on another medium as [store] device."
)
"""What somebody who decides about the machine must know; nobody else can do anything about it."""


def where(keys: KeyFiles, device: DeviceSecrets, store: Path) -> tuple[str, ...]:
    """Say where the keys and the device secret are, and what a copy of the disk could open."""
    sentences = (f"Keys: {keys.source}.", f"Device secret: {device.source}.")
    return (*sentences, SAME_DISK) if device.beside(store) else sentences


def rotate(identity: Identity, journal: Journal, board: Board) -> None:
    """Begin a new epoch if one is due, and log it in the same step.

    If that fails, the old one goes on, and the board says so.
    """

    def commit(rotated: Rotated, change: Change) -> None:
        event = EpochOpened(at=journal.now(), actor=KIOSK, epoch=rotated.epoch, reason=rotated.reason)
        journal.commit([Fact(event)], also=change)

    try:
        with journal.lock:  # nobody else changes epochs meanwhile
            identity.rotate(commit)
    except KioskError as error:
        board.problem(error.message, key="epoch")
    except (sqlite3.Error, CommitUnknownError) as error:
        _log.warning("no new epoch was begun: %s", error)  # the disk; whoever seals next says it in words
    else:
        board.solved("epoch")
