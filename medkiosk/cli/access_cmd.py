"""Who may see whose pictures: teams, intimate pictures, broken glasses, roles, departments (docs/access.md).

A broken glass ends with its session, so the glass is broken on the console, not here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from medkiosk.cli.common import add_login, add_login_to_words, logged_in, plain, show
from medkiosk.core.consent import Witness
from medkiosk.core.errors import BadRequestError
from medkiosk.core.ids import EncounterId, GlassId
from medkiosk.core.role import Role
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import AccountInfo, GlassInfo, Team

HELP = "teams, intimate pictures, roles and departments; look into broken glasses"
_PAGE = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    verbs = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    glasses = verbs.add_parser("glasses", help="broken glasses that nobody has looked into yet")
    glasses.add_argument("--all", action="store_true", help="and those that somebody has")
    read = verbs.add_parser("review", help="write down whether a broken glass was justified")
    read.add_argument("glass", metavar="GLASS", help="its id")
    read.add_argument("verdict", choices=["justified", "not-justified"])
    read.add_argument("--words", metavar="TEXT", help="what you found; asked for when not given")
    team = verbs.add_parser("team", help="show or change who treats the patient of an encounter")
    team.add_argument("encounter", metavar="ENCOUNTER")
    team.add_argument("--add", metavar="NAME", action="append", default=[], help="may be repeated")
    team.add_argument("--remove", metavar="NAME", action="append", default=[], help="may be repeated")
    team.add_argument("--reason", metavar="TEXT", help="why; asked for when not given")
    closed = verbs.add_parser("restrict", help="say that the pictures of an encounter are intimate")
    closed.add_argument("encounter", metavar="ENCOUNTER")
    there = closed.add_mutually_exclusive_group(required=True)
    there.add_argument("--chaperone", nargs=2, metavar=("NAME", "ROLE"), help="who was there")
    there.add_argument("--declined", action="store_true", help="the patient declined a chaperone")
    closed.add_argument("--reason", metavar="TEXT", help="why; asked for when not given")
    lifted = verbs.add_parser("lift", help="say that they are like any others again")
    lifted.add_argument("encounter", metavar="ENCOUNTER")
    lifted.add_argument("--reason", metavar="TEXT", help="why; asked for when not given")
    roles = verbs.add_parser("roles", help="give somebody else other roles instead of theirs")
    roles.add_argument("name", metavar="NAME")
    roles.add_argument("roles", nargs="+", choices=[each.value for each in Role], metavar="ROLE")
    roles.add_argument("--reason", metavar="TEXT", help="why; asked for when not given")
    works = verbs.add_parser("departments", help="say where somebody else works; none named: nowhere")
    works.add_argument("name", metavar="NAME")
    works.add_argument("departments", nargs="*", metavar="DEPARTMENT")
    add_login_to_words(verbs.choices.values())


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    with logged_in(args) as client:
        _VERBS[args.what](args, client)
    return 0


def _glasses(args: argparse.Namespace, client: Client) -> None:
    found = tuple(_all(client, unread=not args.all))
    show(args, found, [_line(each) for each in found] or ["There is none."])


def _all(client: Client, *, unread: bool) -> Iterator[GlassInfo]:
    offset = 0
    while page := client.list_glasses(unread, offset, _PAGE).glasses:
        yield from page
        offset += len(page)


def _line(glass: GlassInfo) -> str:
    found = "nobody has looked into it"
    if glass.read_by:
        said = "justified" if glass.justified else "NOT justified"
        found = f"{said}, says {plain(glass.read_by)}: {plain(glass.words)}"
    return (
        f"{glass.glass_id}\t{glass.at}\t{plain(glass.by)}\tencounter {glass.encounter_id}"
        f"\t{glass.looks} looks\t{plain(glass.reason)}\t{found}"
    )


def _review(args: argparse.Namespace, client: Client) -> None:
    words = args.words or input("What you found: ")
    done = client.review_glass(GlassId(args.glass), args.verdict == "justified", words)
    show(args, done, [_line(done)])


def _team(args: argparse.Namespace, client: Client) -> None:
    encounter_id = EncounterId(args.encounter)
    if args.add or args.remove:
        team = client.change_team(encounter_id, tuple(args.add), tuple(args.remove), _reason(args))
    else:
        team = client.get_team(encounter_id)
    show(args, team, _members(team) or ["Nobody is of this team."])


def _members(team: Team) -> list[str]:
    return [f"{each.user}\t{plain(each.display_name)}" for each in team.members]


def _restrict(args: argparse.Namespace, client: Client) -> None:
    chaperone = None if args.declined else Witness(name=args.chaperone[0], role=args.chaperone[1])
    done = client.restrict(EncounterId(args.encounter), _reason(args), chaperone)
    show(args, done, ["From now on few see these pictures."])


def _lift(args: argparse.Namespace, client: Client) -> None:
    done = client.lift_restriction(EncounterId(args.encounter), _reason(args))
    show(args, done, ["These pictures are like any others again."])


def _roles(args: argparse.Namespace, client: Client) -> None:
    done = client.change_roles(args.name, tuple(Role(each) for each in args.roles), _reason(args))
    show(args, done, [account_line(done)])


def _departments(args: argparse.Namespace, client: Client) -> None:
    done = client.set_departments(args.name, tuple(args.departments))
    show(args, done, [account_line(done)])


def account_line(account: AccountInfo) -> str:
    """Who, as what, where."""
    return (
        f"{account.user}\t{plain(account.display_name)}\t{', '.join(account.roles)}"
        f"\t{plain(', '.join(account.departments)) or 'no department'}"
    )


def _reason(args: argparse.Namespace) -> str:
    reason = str(args.reason or input("Why: ")).strip()
    if not reason:
        raise BadRequestError(detail="a reason is needed")
    return reason


_VERBS = {
    "glasses": _glasses,
    "review": _review,
    "team": _team,
    "restrict": _restrict,
    "lift": _lift,
    "roles": _roles,
    "departments": _departments,
}
