"""Say what left, and what perhaps left, newest first. Needs the privacy officer's login.

MAY BE OUTSIDE: the kiosk stopped while a bundle was written, or the stick was pulled out too early. Look for
the stick; until it is found, its recipient is told of recalls as if they had the bundle.
"""

from __future__ import annotations

import argparse

from medkiosk.cli.common import add_login, count, logged_in, show
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import ExportInfo, Exports

HELP = "say what left, to whom, and what may be outside"
_PAGE = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    with logged_in(args) as client:
        found = _all(client)
        lines = [line for each in found.exports for line in _lines(each)]
        show(args, found, lines or ["Nothing was ever exported."])
    return 0


def _all(client: Client) -> Exports:
    """Ask for every page; one that is exported meanwhile moves the others on, and none is named twice."""
    found: dict[str, ExportInfo] = {}
    offset = 0
    while True:
        page = client.list_exports(offset, _PAGE)
        found.update((each.export_id, each) for each in page.exports)
        offset += len(page.exports)
        if not page.exports or offset >= page.total:
            break
    return Exports(exports=tuple(found.values()), total=len(found))


def _lines(each: ExportInfo) -> list[str]:
    pictures = count(each.images, "picture")
    words = each.words
    if each.code:
        words += f" ({each.code})"
    if each.acknowledged_at:
        words += f" Read on {each.acknowledged_at[:10]}" + (
            f"; they call themselves {each.by}." if each.by else "."
        )
    head = f"{each.at[:16].replace('T', ' ')} UTC  bundle {each.export_id[:8]} for {each.recipient}"
    return [f"{head} ({each.recipient_id}): {pictures}, {each.purpose}", f"  {words}"]
