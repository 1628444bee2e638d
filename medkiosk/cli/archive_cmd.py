"""Send a backup drive's ciphertext to an S3-compatible archive with Object Lock, or look at what is there.

Not on the kiosk: carry the drive to a machine with a network and the extra medkiosk[archive]. Credentials are
found as S3 tools do (environment variables, shared files, roles). docs/archive.md says what the archive can
open, and for how long it holds what was disposed of.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from medkiosk.cli.common import show
from medkiosk.core.errors import BadRequestError

if TYPE_CHECKING:
    from medkiosk.archive.push import Result

HELP = "send a backup drive's ciphertext to a locked S3 archive (not on the kiosk)"
_KIOSK_SIGNS = (Path("/etc/medkiosk/medkiosk.toml"), Path("/run/medkiosk"))
_WORDS = {
    "drive.damaged": "not sent: the drive's copy is damaged; plug it into the kiosk, or use another drive",
    "drive.missing": "not sent: the drive does not have it; plug it into the kiosk",
    "archive.missing": "the archive does not have it; push again",
    "archive.other": "the archive holds other bytes; the locked version beneath may be right",
    "archive.unlocked": "the archive does not lock it any more: whoever has the credentials can delete it",
    "archive.unconfirmed": "the archive keeps no SHA-256 of it; use --read, or another service",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    push = actions.add_parser("push", help="send what the archive lacks")
    verify = actions.add_parser("verify", help="compare all that the drive has with what the archive holds")
    status = actions.add_parser("status", help="say what a push would send")
    for action in (push, verify, status):
        action.add_argument("store", type=Path, metavar="STORE", help="the folder 'store' of the drive")
        action.add_argument("--bucket", required=True, help="made with Object Lock")
        action.add_argument("--endpoint", metavar="URL", help="of a service other than AWS")
        action.add_argument("--region")
        action.add_argument("--profile", help="which credentials of the shared files to use")
    push.add_argument(
        "--until", type=_day, required=True, metavar="YYYY-MM-DD", help="nobody may delete it before then"
    )
    push.add_argument(
        "--mode",
        choices=["compliance", "governance"],
        required=True,
        help="compliance: nobody at all; governance: but who has the right to bypass",
    )
    push.add_argument(
        "--keys-days",
        type=int,
        default=30,
        metavar="N",
        help="days that a copy of vault.db is locked: so long it opens, with two recovery sheets, what is"
        " disposed of meanwhile (default: 30)",
    )
    verify.add_argument("--read", action="store_true", help="fetch every byte and hash it here")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not a date as YYYY-MM-DD: {text}") from error


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from medkiosk.archive import push as archive
    from medkiosk.archive.errors import OnKioskError
    from medkiosk.archive.remote import Lock, Remote, Target

    for sign in _KIOSK_SIGNS:
        if sign.exists():
            raise OnKioskError(sign=sign)
    remote = Remote(Target(args.endpoint, args.bucket, args.region, args.profile))
    progress = _progress if sys.stderr.isatty() and not args.json else None
    if args.action == "push":
        until = datetime.combine(args.until, time(), UTC)
        if until <= _now():
            raise BadRequestError(detail="--until is not in the future")
        if args.keys_days < 1:
            raise BadRequestError(
                detail="--keys-days is at least 1: an archive without vault.db opens nothing"
            )
        lock = Lock(args.mode.upper(), until)
        result = archive.push(
            args.store, remote, lock=lock, keys_days=args.keys_days, clock=_now, progress=progress
        )
    elif args.action == "verify":
        result = archive.verify(args.store, remote, clock=_now, read=args.read, progress=progress)
    else:
        result = archive.status(args.store, remote)
    show(args, result, list(_lines(args.action, result)))
    return 3 if result.problems else 0


def _progress(done: int, total: int) -> None:
    print(f"\r{done * 100 // max(total, 1):3d} %", end="" if done < total else "\r     \r", file=sys.stderr)


def _now() -> datetime:
    return datetime.now(UTC)


def _lines(action: str, result: Result) -> Iterator[str]:
    for problem in result.problems:
        yield f"{problem.code}: {problem.key}: {_WORDS[problem.code]}."
    if action == "push":
        yield f"{result.sent} things sent, {result.sent_bytes >> 20} MiB; {result.held} objects were there."
    elif result.waiting:
        yield f"{result.waiting} things are not there yet: push sends them."
    if result.disposed:
        yield f"{result.disposed} objects there were disposed of: ciphertext, locked for now, without keys."
    for copy in result.databases:
        until = f"locked until {copy.until}" if copy.until else "not locked"
        yield f"vault.db as of {int(copy.key.partition('-')[0])} events: {until}."
    events = f"{result.ledger_size} events on the drive"
    if result.problems:
        yield f"PROBLEMS: {len(result.problems)}; {events}."
    elif action == "push":
        yield f"ARCHIVE COMPLETE: {events}, each thing confirmed by the archive's own SHA-256."
    else:
        yield f"{'SAME' if action == 'verify' and not result.waiting else 'DONE'}: {events}."
