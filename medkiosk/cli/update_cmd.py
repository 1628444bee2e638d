"""Updates of the appliance, from a stick: look at one, install it, start the machine with it
(docs/update-format.md).

An update is a folder medkiosk-update-VERSION on a stick labelled MEDKIOSK.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from medkiosk.cli.common import add_login, logged_in, open_client, show
from medkiosk.core.errors import BadRequestError
from medkiosk.core.updates import UPDATE_BUSY, UpdateState
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import UpdateFound, UpdateStatus

HELP = "updates of the appliance: status, check, apply, restart"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument("what", choices=["status", "check", "apply", "restart"])
    parser.add_argument("stick", nargs="?", default="", metavar="STICK", help="check, apply: which stick")
    parser.add_argument(
        "--manifest", metavar="SHA256", help="apply: only the update of which check said this"
    )


def _status(update: UpdateStatus) -> Iterator[str]:
    yield f"Installed: {update.running or 'not from an image, so there are no updates'}"
    if update.state is not UpdateState.NONE:
        mebibytes = f", {update.bytes_done >> 20} of {update.bytes_total >> 20} MiB"
        copied = mebibytes if update.bytes_total else ""
        yield f"{update.words} ({update.version}{copied})" if update.version else update.words
    if update.detail:
        yield update.detail


def _found(found: UpdateFound) -> Iterator[str]:
    yield f"{found.stick}: version {found.version} ({found.size >> 20} MiB), over {found.running}"
    yield f"made {found.created} from {found.commit}; manifest {found.manifest_sha256}"
    if found.failed:
        yield "WARNING: this version was installed here before, and did not work."


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.stick and args.what in ("status", "restart"):
        raise BadRequestError(detail=f"{args.what} takes no stick")
    if args.what == "status":
        with open_client(args) as client:
            update = client.get_status().update
        show(args, update, _status(update))
        return 0
    with logged_in(args) as client:
        if args.what == "check":
            found = client.check_update(args.stick)
            show(args, found, _found(found))
            return 0
        if args.what == "apply":
            # What watches has no session; the login's connection is kept open meanwhile.
            with open_client(args) as watching:
                manifest = args.manifest or client.check_update(args.stick).manifest_sha256
                client.apply_update(manifest, args.stick)
                update = _ended(watching)
        else:
            update = client.restart_for_update()
    show(args, update, _status(update))
    return 1 if update.state is UpdateState.FAILED else 0


def _ended(client: Client) -> UpdateStatus:
    update = UpdateStatus()
    for status in client.watch_status():
        update = status.update
        if update.state not in UPDATE_BUSY:
            break
    return update
