"""List what subjects agreed to, by encounter. Recording a consent is done at the console."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from medkiosk.cli.common import add_login, logged_in, show
from medkiosk.ipc.types import Encounters

HELP = "list consents by encounter"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)


def _lines(encounters: Encounters) -> Iterator[str]:
    for encounter in encounters.encounters:
        subject = encounter.subject
        yield f"{encounter.encounter_id}\t{subject.issuer} {subject.mrn}\t{encounter.captures} captures"
        for consent in encounter.consents:
            terms = consent.terms
            purposes = ", ".join(terms.purposes)
            until = f" until {terms.expires}" if terms.expires else ""
            yield f"  {terms.kind}: {purposes} from {terms.starts}{until}, by {terms.grantor.relationship}"


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    with logged_in(args) as client:
        encounters = client.list_encounters()
        show(args, encounters, list(_lines(encounters)))
    return 0
