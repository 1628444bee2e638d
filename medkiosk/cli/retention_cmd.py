"""How long things are kept: see what is due, give a class, hold, destroy by two people (docs/retention.md).

Proposing, holding and classes need a privacy officer's login; approving and refusing, a second person's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from medkiosk.cli.common import add_login, logged_in, plain, show
from medkiosk.core.consent import Subject, subject_key
from medkiosk.core.errors import BadRequestError
from medkiosk.core.ids import CaptureId, DisposalId, EncounterId, HoldId
from medkiosk.core.lifecycle import DisposalState, RetentionClass
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import (
    CaptureInfo,
    DisposalInfo,
    DisposalList,
    DueList,
    EncounterInfo,
    HoldInfo,
    Holds,
    RetentionInfo,
)

HELP = "what is due, held or given a class; propose, approve or refuse a disposal"
T = TypeVar("T")
Found = tuple[tuple[EncounterId, ...], tuple[CaptureId, ...]]

_PAGE = 50
"""The most disposals that the kiosk gives at a time; all other lists give as many."""
_SHORT = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    verbs = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    listed = _verb(verbs, "list", "what is due; of a subject or an encounter, what there is, with ids")
    which = listed.add_mutually_exclusive_group()
    which.add_argument("--subject", nargs=2, metavar=("MRN", "ISSUER"), help="the encounters of a subject")
    which.add_argument("--encounter", metavar="ID", help="the pictures of an encounter")
    _verb(verbs, "holds", "the legal holds in force")
    kept = _verb(verbs, "class", "say how long an encounter is kept; without CLASS, show it")
    kept.add_argument("encounter", metavar="ENCOUNTER")
    kept.add_argument(
        "retention", metavar="CLASS", nargs="?", choices=[each.value for each in RetentionClass]
    )
    kept.add_argument(
        "--until", metavar="DAY", default="", help="research: when the protocol ends, YYYY-MM-DD"
    )
    kept.add_argument("--reason", metavar="TEXT", help="why; asked for when not given")
    held = _verb(verbs, "hold", "keep these, whatever is due, until the hold is lifted")
    _add_what(held)
    lifted = _verb(verbs, "lift", "end a hold")
    lifted.add_argument("hold", metavar="HOLD", help=f"its id, or the first {_SHORT} characters")
    lifted.add_argument("--reason", metavar="TEXT", help="why; asked for when not given")
    proposed = _verb(verbs, "propose", "ask for the destruction of these; a second person has to approve")
    _add_what(proposed)
    proposed.add_argument(
        "--early", action="store_true", help="not all of it is due, and the authority orders it all the same"
    )
    for name, help_ in (("approve", "as a second person, have it destroyed"), ("refuse", "say no")):
        decided = _verb(verbs, name, help_)
        decided.add_argument("disposal", metavar="DISPOSAL", help=f"id, or its first {_SHORT} characters")
    decided.add_argument("--reason", metavar="TEXT", help="why; asked for when not given")
    _verb(verbs, "disposals", "all disposals, newest first")


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help_: str
) -> argparse.ArgumentParser:
    """A verb that takes the login options before or after itself."""
    verb = verbs.add_parser(name, help=help_, description=f"{help_[0].upper()}{help_[1:]}.")
    said: dict[str, Any] = {"default": argparse.SUPPRESS, "help": argparse.SUPPRESS}
    verb.add_argument("--config", type=Path, **said)
    verb.add_argument("--user", **said)
    verb.add_argument("--passphrase-file", **said)
    verb.add_argument("--json", action="store_true", **said)
    return verb


def _add_what(verb: argparse.ArgumentParser) -> None:
    """What a hold or a proposal names, why, and by whose order."""
    verb.add_argument("--encounter", action="append", default=[], metavar="ID", help="may be repeated")
    verb.add_argument("--capture", action="append", default=[], metavar="ID", help="one picture; repeatable")
    verb.add_argument(
        "--subject", nargs=2, metavar=("MRN", "ISSUER"), help="all encounters that a subject has by now"
    )
    verb.add_argument("--reason", metavar="TEXT", help="why, without a patient's name; asked for if missing")
    verb.add_argument("--authority", metavar="TEXT", help="which rule or order says so; asked for if missing")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    with logged_in(args) as client:
        _VERBS[args.what](args, client)
    return 0


# What is there


def _list(args: argparse.Namespace, client: Client) -> None:
    if args.subject:
        _list_subject(args, client)
    elif args.encounter:
        captures = _captures(client, EncounterId(args.encounter))
        lines = [f"{each.capture_id}\t{_plain(each.name)}\t{each.state}" for each in captures]
        show(args, captures, lines or ["It has no picture."])
    else:
        items = _all(lambda offset: client.list_due(offset, _PAGE).items)
        lines = [
            f"{each.encounter_id}\t{'held' if each.held else 'due'}\t{each.due}\t{_plain(each.subject.name)}"
            f"\t{each.captures} pictures\t{_plain(each.words)}"
            for each in items
        ]
        due = DueList(items=items, total=len(items))
        show(args, due, lines or ["Nothing is due. Nothing is ever destroyed by itself."])


def _list_subject(args: argparse.Namespace, client: Client) -> None:
    encounters = _of_subject(client, *args.subject)
    kept = tuple(client.get_retention(each.encounter_id) for each in encounters)
    lines = [
        f"{each.encounter_id}\t{each.at[:10]}\t{_plain(each.label)}\t{each.captures} pictures"
        f"\t{how.retention}\t{_plain(how.words)}"
        for each, how in zip(encounters, kept, strict=True)
    ]
    show(args, kept, lines)


def _holds(args: argparse.Namespace, client: Client) -> None:
    holds = client.list_holds()
    show(args, holds, [line for hold in holds.holds for line in _hold_lines(hold)] or ["Nothing is held."])


def _disposals(args: argparse.Namespace, client: Client) -> None:
    found = _all_disposals(client)
    lines = [
        f"{each.disposal_id}\t{each.state}\t{each.at[:10]}\t{each.captures} pictures\tby {_plain(each.by)}"
        for each in found
    ]
    listed = DisposalList(disposals=found, total=len(found))
    show(args, listed, lines or ["Nothing was proposed or destroyed."])


# Classes and holds


def _class(args: argparse.Namespace, client: Client) -> None:
    encounter_id = EncounterId(args.encounter)
    if args.retention is None:
        if args.until or args.reason:
            raise BadRequestError(detail="CLASS is missing: name it, to give one")
        kept = client.get_retention(encounter_id)
    else:
        reason = args.reason or _asked("Why (no patient's name; it is kept for ever): ")
        kept = client.set_retention(encounter_id, RetentionClass(args.retention), reason, args.until)
    show(args, kept, _kept_lines(kept))


def _hold(args: argparse.Namespace, client: Client) -> None:
    encounters, captures = _named(args, client)
    hold = client.place_hold(encounters, captures, *_why(args))
    show(args, hold, [*_hold_lines(hold), "It is kept until the hold is lifted."])


def _lift(args: argparse.Namespace, client: Client) -> None:
    hold_id = _one(args.hold, [hold.hold_id for hold in client.list_holds().holds], "hold in force")
    holds: Holds = client.lift_hold(HoldId(hold_id), args.reason or _asked("Why does the hold end: "))
    show(args, holds, [f"Hold {hold_id[:_SHORT]} has ended; {len(holds.holds)} are left."])


def _kept_lines(kept: RetentionInfo) -> Iterator[str]:
    yield f"{kept.retention}: {_plain(kept.words)}"


def _hold_lines(hold: HoldInfo) -> Iterator[str]:
    yield f"{hold.hold_id}: since {hold.at[:10]}, by {_plain(hold.by)}"
    yield f"  why: {_plain(hold.reason)}"
    yield f"  by order of: {_plain(hold.authority)}"
    yield from (f"  encounter {each}" for each in hold.encounters)
    yield from (f"  picture {each}" for each in hold.captures)


# Disposals


def _propose(args: argparse.Namespace, client: Client) -> None:
    encounters, captures = _named(args, client)
    info = client.propose_disposal(encounters, captures, *_why(args), args.early)
    show(args, info, [*decision_lines(info), "It is proposed. A second person has to approve it."])


def _approve(args: argparse.Namespace, client: Client) -> None:
    info = _open_disposal(args, client)
    for line in decision_lines(info):
        print(plain(line), file=sys.stderr if args.json else sys.stdout)
    print("This cannot be taken back.", file=sys.stderr if args.json else sys.stdout, flush=True)
    short = info.disposal_id[:_SHORT]
    if _asked(f"Type {short} to have it destroyed: ") != short:
        raise BadRequestError(detail=f"what you typed is not {short}: nothing was approved")
    done = client.approve_disposal(info.disposal_id)
    show(args, done, ["Approved. kioskctl retention disposals says how far it is."])


def _refuse(args: argparse.Namespace, client: Client) -> None:
    info = _open_disposal(args, client)
    done = client.refuse_disposal(info.disposal_id, args.reason or _asked("Why not: "))
    show(args, done, ["Refused; all of it is kept."])


def decision_lines(info: DisposalInfo) -> Iterator[str]:
    """All that the second person has to read, a line each."""
    yield f"Disposal {info.disposal_id}: {info.state}, proposed by {_plain(info.by)} on {info.at[:10]}"
    yield f"Why: {_plain(info.reason)}"
    yield f"By order of: {_plain(info.authority)}"
    if info.early:
        yield "NOT ALL OF IT IS DUE: the order has to allow that."
    if info.warning:
        yield f"WARNING: {_plain(info.warning)}"
    if info.judged:
        yield f"{info.judged} pictures and encounters, {info.not_due} of them not due:"
    yield from (f"  {_plain(verdict)}" for verdict in info.verdicts)
    yield f"Destroyed: {_plain(info.goes)}"
    yield from (f"Remains: {_plain(each)}" for each in info.remains)
    if info.drives:
        yield f"Backup drives hold it until they are plugged in: {', '.join(map(_plain, info.drives))}"
    if info.decided_by:
        yield f"{info.state} by {_plain(info.decided_by)} on {info.decided_at[:10]}"


def _open_disposal(args: argparse.Namespace, client: Client) -> DisposalInfo:
    found = {each.disposal_id: each for each in _all_disposals(client)}
    info = found[DisposalId(_one(args.disposal, list(found), "disposal"))]
    if info.state is not DisposalState.PROPOSED:
        raise BadRequestError(detail=f"this disposal is {info.state} already")
    return client.get_disposal(info.disposal_id)  # a list has the verdicts of the newest only


# Shared


def _all(page: Callable[[int], tuple[T, ...]]) -> tuple[T, ...]:
    """All pages, until one is empty."""
    found: list[T] = []
    while some := page(len(found)):
        found += some
    return tuple(found)


def _all_disposals(client: Client) -> tuple[DisposalInfo, ...]:
    return _all(lambda offset: client.list_disposals(offset, _PAGE).disposals)


def _captures(client: Client, encounter_id: EncounterId) -> tuple[CaptureInfo, ...]:
    return _all(lambda offset: client.list_captures(None, encounter_id, None, offset, 500).captures)


def _of_subject(client: Client, mrn: str, issuer: str) -> tuple[EncounterInfo, ...]:
    everybody = _all(lambda offset: client.list_encounters(offset, 500).encounters)
    person = subject_key(Subject(mrn=mrn, issuer=issuer, name="", birth_date=""))
    found = tuple(each for each in everybody if subject_key(each.subject) == person)
    if not found:
        raise BadRequestError(detail="nobody with this number of this issuer has an encounter")
    return found


def _named(args: argparse.Namespace, client: Client) -> Found:
    encounters = [EncounterId(each) for each in args.encounter]
    if args.subject:
        encounters += [each.encounter_id for each in _of_subject(client, *args.subject)]
    captures = tuple(map(CaptureId, dict.fromkeys(args.capture)))
    if not encounters and not captures:
        raise BadRequestError(detail="name what: --encounter, --capture or --subject")
    return tuple(dict.fromkeys(encounters)), captures


def _why(args: argparse.Namespace) -> tuple[str, str]:
    reason = args.reason or _asked("Why (no patient's name; it is kept for ever): ")
    return reason, args.authority or _asked("Which rule or order says so: ")


def _one(given: str, ids: list[str], what: str) -> str:
    """The id that was given, whole or by its first characters."""
    found = [id_ for id_ in ids if id_ == given or (len(given) >= _SHORT and id_.startswith(given))]
    if len(found) != 1:
        raise BadRequestError(detail=f"{len(found) or 'no'} {what} begins with {given}")
    return found[0]


def _asked(question: str) -> str:
    """Ask at the terminal, beside the output; EOFError where nobody answers."""
    print(question, end="", file=sys.stderr, flush=True)
    if not (line := sys.stdin.readline()):
        raise EOFError
    return line.strip()


def _plain(text: str) -> str:
    """Words that somebody typed, without what a terminal would obey."""
    return "".join(char if char.isprintable() else "?" for char in text)


_VERBS: dict[str, Callable[[argparse.Namespace, Client], None]] = {
    "list": _list,
    "holds": _holds,
    "class": _class,
    "hold": _hold,
    "lift": _lift,
    "propose": _propose,
    "approve": _approve,
    "refuse": _refuse,
    "disposals": _disposals,
}
