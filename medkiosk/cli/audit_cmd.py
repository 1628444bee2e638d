"""Who did what, and who saw whom: look it up, write a signed report, check one (docs/audit.md).

Needs the auditor's login, and reading is itself logged. Every option that narrows must hold. --verify needs
no daemon and no login.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import msgspec

from medkiosk import durable
from medkiosk.audit.categories import WORDS
from medkiosk.cli.common import add_login, count, logged_in, read_back_words, show, stick_line
from medkiosk.core.clock import rfc3339
from medkiosk.core.errors import BadRequestError
from medkiosk.ipc import audittypes as at
from medkiosk.ipc.auditapi import Form
from medkiosk.ipc.client import Client
from medkiosk.offline.auditcheck import CheckedReport, check_report

HELP = "who did what, who saw whom; a signed report of it"
_FORMS: tuple[Form, ...] = ("csv", "pdf")


class Found(msgspec.Struct, frozen=True):
    """What ``--json`` prints of a list.

    Attributes:
        events: oldest first.
        size: entries of the ledger that were looked at.
        destroyed: entries that may answer, and whose records were destroyed.
        unreadable: likewise, whose records do not open.
        next: where ``--offset`` goes on; ``size`` where this is all.
    """

    events: tuple[at.AuditLine, ...]
    size: int
    destroyed: int
    unreadable: int
    next: int


class WrittenFile(msgspec.Struct, frozen=True):
    """What ``--json`` prints of a report."""

    report: str
    signature: str
    checkpoint: str
    rows: int
    size: int
    sha256: str
    signer: str
    allowed_signers: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    asked = parser.add_argument_group("what is asked")
    asked.add_argument(
        "--subject",
        metavar="NUMBER",
        help="all about one patient ('-': the number is asked for); with --issuer",
    )
    asked.add_argument("--issuer", default="", metavar="NAME", help="who gave that number")
    asked.add_argument(
        "--who", default="", metavar="USER", help="what one person did, and was done to their account"
    )
    asked.add_argument("--capture", default="", metavar="ID", help="what happened to one picture")
    asked.add_argument(
        "--category",
        action="append",
        default=[],
        choices=sorted(WORDS),
        metavar="KIND",
        help=f"one of {', '.join(sorted(WORDS))}; may be given several times",
    )
    asked.add_argument("--since", default="", metavar="DAY", help="YYYY-MM-DD, or RFC 3339")
    asked.add_argument("--until", default="", metavar="DAY", help="likewise, with that day")
    asked.add_argument("--text", default="", metavar="WORDS", help="only where these stand in the words")
    parser.add_argument("--offset", type=int, default=0, metavar="N", help="begin at this ledger entry")
    parser.add_argument("--limit", type=int, default=200, metavar="N", help="at most so many events; 0: all")
    parser.add_argument("--event", type=int, metavar="N", help="all that one entry says, with its proof")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write a signed report: FILE.csv or FILE.pdf"
    )
    parser.add_argument(
        "--stick", nargs="?", const="", metavar="NAME", help="write the report to a stick, in both forms"
    )
    checking = parser.add_argument_group("checking a report")
    checking.add_argument(
        "--verify", type=Path, metavar="FILE", help="check this report; FILE.sig is beside it"
    )
    checking.add_argument(
        "--store", type=Path, metavar="STORE", help="compare each row with this store, or a copy"
    )
    checking.add_argument(
        "--signers", type=Path, metavar="FILE", help="an allowed_signers file from elsewhere"
    )
    checking.add_argument("--ledger-key", metavar="KEY", help="the ledger's verifier key, kept on paper")
    checking.add_argument("--checkpoint", type=Path, metavar="FILE", help="a checkpoint that a witness kept")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.verify is not None:
        return _verify(args)
    if args.report is not None and args.report.suffix.removeprefix(".") not in _FORMS:
        raise BadRequestError(detail="a report's name ends with .csv or .pdf")
    query = _query(args)
    with logged_in(args) as client:
        if args.event is not None:
            shown = client.get_audit_event(args.event)
            show(args, shown, list(_detail(shown)))
        elif args.stick is not None:
            _onto_stick(args, client, query)
        elif args.report is not None:
            _to_file(args, client, query)
        else:
            found = _found(args, client, query)
            show(args, found, list(_lines(found)))
    return 0


def _query(args: argparse.Namespace) -> at.AuditQuery:
    number = args.subject or ""
    if number == "-":
        number = input("Patient's number: ").strip()
    return at.AuditQuery(
        mrn=number,
        issuer=args.issuer,
        user=args.who,
        capture_id=args.capture,
        categories=tuple(args.category),
        since=_moment(args.since, 0),
        until=_moment(args.until, 1),
        text=args.text,
    )


def _moment(text: str, days: int) -> str:
    """A day in this machine's time zone as a moment, so many days later; a moment as it is.

    Raises:
        BadRequestError: it is neither.
    """
    if not text:
        return ""
    try:
        if len(text) == len("YYYY-MM-DD"):
            return rfc3339(
                datetime.combine(date.fromisoformat(text) + timedelta(days), time.min).astimezone()
            )
        return rfc3339(datetime.fromisoformat(text))
    except ValueError as error:
        raise BadRequestError(detail=f"{text} is no day, and no RFC 3339 time") from error


def _found(args: argparse.Namespace, client: Client, query: at.AuditQuery) -> Found:
    lines: list[at.AuditLine] = []
    most = args.limit or sys.maxsize
    page = client.audit(query, args.offset, 0, min(most, 1000))
    destroyed = unreadable = 0
    while True:
        lines += page.lines
        destroyed += page.destroyed
        unreadable += page.unreadable
        if page.next >= page.size or len(lines) >= most:
            break
        _progress(args, page.next, page.size)
        page = client.audit(query, page.next, page.size, min(most - len(lines), 1000))
    _progress(args, page.size, page.size)
    return Found(tuple(lines), page.size, destroyed, unreadable, page.next)


def _lines(found: Found) -> Iterator[str]:
    for each in found.events:
        yield f"{each.index}\t{each.at}\t{each.user or each.account}\t{each.type}\t{each.words}"
    if found.next < found.size:
        yield f"More from entry {found.next} on: --offset {found.next}."
    yield f"{len(found.events)} events; {found.next} of {found.size} ledger entries were looked at."
    if found.destroyed or found.unreadable:
        yield (
            f"Of {found.destroyed} entries the records were destroyed, and {found.unreadable} do not open:"
            " whether they answer cannot be said."
        )


def _detail(shown: at.AuditEvent) -> Iterator[str]:
    line = shown.line
    yield f"entry {line.index}\t{line.at}\t{line.user or line.account}\t{line.type}"
    yield line.words
    for each in shown.members:
        yield f"  {each.name}: {each.value}"
    yield f"leaf {line.leaf}"
    yield shown.proof


def _to_file(args: argparse.Namespace, client: Client, query: at.AuditQuery) -> None:
    path: Path = args.report
    form = next(each for each in _FORMS if path.suffix == f".{each}")
    partial = path.with_name(f".{path.name}.partial")
    durable.remove(partial)
    file = durable.create(partial)
    try:
        said, data = client.begin_audit_report(query, form)
        file.write(data)
        while not said.signature:
            _progress(args, said.done, said.size)
            said, data = client.more_audit_report()
            file.write(data)
        durable.replace(file, path)
    except BaseException:
        durable.remove(partial)
        raise
    finally:
        file.close()
    _progress(args, said.size, said.size)
    signature, checkpoint = (path.with_name(f"{path.name}.{end}") for end in ("sig", "checkpoint"))
    durable.write_atomic(signature, said.signature.encode())
    durable.write_atomic(checkpoint, said.checkpoint.encode())
    done = WrittenFile(
        report=str(path),
        signature=str(signature),
        checkpoint=str(checkpoint),
        rows=said.rows,
        size=said.size,
        sha256=said.sha256,
        signer=said.signer,
        allowed_signers=said.allowed_signers,
    )
    words = [
        f"{done.rows} events of {done.size} ledger entries are in {path}, signed by {done.signer}.",
        "Compare that with the sheet that was printed. The line of allowed_signers for ssh-keygen -Y verify:",
        done.allowed_signers,
    ]
    show(args, done, words)


def _onto_stick(args: argparse.Namespace, client: Client, query: at.AuditQuery) -> None:
    done = client.write_audit_report(query, args.stick)
    lines = [
        f"{done.rows} events are in {done.folder}, signed by {done.signer}.",
        read_back_words(done.read_back),
        stick_line(done.stick),
    ]
    show(args, done, lines)


def _progress(args: argparse.Namespace, done: int, of: int) -> None:
    if sys.stderr.isatty() and not args.json:
        print(f"\r{done * 100 // max(of, 1):3d} %", end="" if done < of else "\r     \r", file=sys.stderr)


def _verify(args: argparse.Namespace) -> int:
    checked = check_report(
        args.verify,
        store=args.store,
        signers=_text(args.signers),
        ledger_key=args.ledger_key,
        kept=None if args.checkpoint is None else _bytes(args.checkpoint),
    )
    show(args, checked, list(_verdict(checked)))
    return 3 if checked.problems else 0


def _verdict(checked: CheckedReport) -> Iterator[str]:
    for each in checked.problems:
        yield f"{each.code}: {each.words}"
    yield f"Signature: {checked.signature}{f', {checked.signer}' if checked.signer else ''}."
    if checked.signature == "own key only":
        yield "Whose key that is only the printed sheet says: compare its fingerprint."
    if checked.form == "csv":
        yield f"{checked.rows} events of {checked.size} ledger entries; checkpoint: {checked.checkpoint}."
        yield f"Ledger: {checked.ledger}."
        if checked.complete:
            yield "Nothing was left out: the ledger's entries alone decide what is in it."
        else:
            yield "That nothing was left out is the kiosk's word: it takes keys, or the store, to show it."
    else:
        yield "Its rows are checked in the CSV report of the same question."
    yield f"WRONG: {count(len(checked.problems), 'problem')}." if checked.problems else "GOOD."


def _text(path: Path | None) -> str | None:
    return None if path is None else _bytes(path).decode("utf-8", errors="replace")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadRequestError(detail=f"{path} cannot be read ({error.strerror})") from error
