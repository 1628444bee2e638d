"""Backup drives: list them, enrol an empty one, forget a lost one, begin a run; or make this machine the
kiosk whose backup a drive holds (docs/backup.md).

A drive that is plugged in is brought up to date by itself.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from medkiosk import configfile
from medkiosk.cli.common import (
    add_login,
    add_older,
    logged_in,
    open_client,
    read_cards,
    read_passphrase,
    show,
)
from medkiosk.core.drives import BACKUP_WORDS, DriveState
from medkiosk.core.errors import BadRequestError
from medkiosk.core.ids import DriveId
from medkiosk.ipc.types import DriveInfo, Drives, Status
from medkiosk.offline.rebuild import Rebuilt, rebuild

HELP = "backup drives: list, enrol, forget, run; restore a kiosk from one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument("what", choices=["list", "enrol", "forget", "run", "restore"])
    parser.add_argument("--place", metavar="NAME", default="", help="where the drive is plugged in")
    parser.add_argument("--label", metavar="TEXT", help="enrol: what people call the drive")
    parser.add_argument("--drive", metavar="ID", help="forget: the drive's id")
    parser.add_argument("--reason", metavar="TEXT", help="forget: lost, broken or destroyed")
    parser.add_argument("--from", dest="source", type=Path, metavar="DIR", help="restore: DRIVE/store")
    parser.add_argument(
        "--cards", metavar="FILE", help="restore: the words of two recovery sheets, a line each ('-': input)"
    )
    add_older(parser)


def _drive_lines(drive: DriveInfo) -> Iterator[str]:
    name = f"{drive.label or 'drive'} ({drive.drive_id[:8]})"
    if drive.forgotten:
        yield f"{name}: no longer expected: {drive.forgotten}"
    elif drive.finished_at:
        missing = f", {drive.behind} events behind" if drive.behind > 1 else ""
        yield f"{name}: complete on {drive.finished_at[:10]}{missing}" + (
            f"; plugged in at {drive.plugged_in}" if drive.plugged_in else ""
        )
    else:
        yield f"{name}: enrolled on {drive.enrolled_at[:10]}, never complete"
    for held in drive.still_holds:
        yield f"  STILL HOLDS what was disposed of on {held.at[:10]} ({held.disposal_id})"


def _lines(drives: Drives) -> list[str]:
    lines = [line for drive in drives.drives for line in _drive_lines(drive)]
    return lines or ["There is no backup drive yet: plug an empty disk in and enrol it."]


def _given(value: str | None, option: str) -> str:
    if not value:
        raise BadRequestError(detail=f"{option} is missing")
    return value


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.what == "restore":
        return _restore(args)
    if args.what == "run":
        with logged_in(args) as client:
            client.back_up_now(args.place)
        with open_client(args) as client:
            return _wait(args, client.watch_status())
    with logged_in(args) as client:
        if args.what == "enrol":
            drives = client.enrol_drive(_given(args.label, "--label"), args.place)
        elif args.what == "forget":
            drives = client.forget_drive(
                DriveId(_given(args.drive, "--drive")), _given(args.reason, "--reason")
            )
        elif args.what == "run":
            client.back_up_now(args.place)
            return _wait(args, client.watch_status())
        else:
            drives = client.list_drives()
        show(args, drives, _lines(drives))
    return 0


def _wait(args: argparse.Namespace, statuses: Iterator[Status]) -> int:
    """Follow a run to its end; return the exit code."""
    for status in statuses:
        lines = [one for one in status.backups if args.place in ("", one.name)]
        for line in lines:
            if line.state is not DriveState.COPYING:
                show(args, line, [BACKUP_WORDS[line.state], line.detail])
                return int(line.state is not DriveState.COMPLETE)
            if sys.stderr.isatty() and not args.json:
                print(f"\r{line.bytes_done >> 20} of {line.bytes_total >> 20} MiB", end="\r", file=sys.stderr)
    return 1


def _rebuilt_lines(done: Rebuilt) -> Iterator[str]:
    yield f"{done.objects} objects and {done.ledger_size} ledger entries were copied and checked."
    for problem in done.damaged:
        yield f"{problem.code}: {problem.sentence}"
    yield f"This machine is the kiosk now. {done.user} logs in with the new passphrase and must change it."
    yield "Give the others new passphrases with kioskctl accounts --reset."
    yield "Never start the old kiosk again on its store: the two ledgers would contradict each other."


def _restore(args: argparse.Namespace) -> int:
    config = configfile.load(args.config)
    if args.source is None:
        raise BadRequestError(detail="--from is missing: the folder named store on the backup drive")
    user = args.user or input("User name of an administrator of the old kiosk: ")
    cards = read_cards(args.cards)
    passphrase = read_passphrase(args.passphrase_file, f"New passphrase of {user}: ")
    done = rebuild(
        args.source,
        config,
        cards,
        user=user,
        passphrase=passphrase,
        random=os.urandom,
        clock=_now,
        older=args.older,
    )
    show(args, done, list(_rebuilt_lines(done)))
    return 3 if done.damaged else 0


def _now() -> datetime:
    return datetime.now(UTC)
