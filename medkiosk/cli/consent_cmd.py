"""List what subjects agreed to and what their pictures show, or print what is read to them.

Both are recorded at the console.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from medkiosk.cli.common import add_login, logged_in, show
from medkiosk.core import bodysite
from medkiosk.core.consent import Faces, Terms
from medkiosk.core.errors import NotFoundError
from medkiosk.core.explanation import EXPLANATIONS, NEWEST
from medkiosk.ipc.types import Encounters

HELP = "list consents by encounter and what its pictures show, or print the wording that is read aloud"
_NEWEST = "newest"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument(
        "--text",
        nargs="?",
        const=_NEWEST,
        metavar="VERSION",
        help=f"print the newest wordings, or this one ({', '.join(EXPLANATIONS)}); nobody logs in",
    )


def _lines(encounters: Encounters) -> Iterator[str]:
    for encounter in encounters.encounters:
        subject = encounter.subject
        yield f"{encounter.encounter_id}\t{subject.issuer} {subject.mrn}\t{encounter.captures} captures"
        if encounter.sites:
            yield f"  shows: {_sites(encounter.sites)}"
        for each in encounter.otherwise:
            yield f"  capture {each.capture_id} shows: {_sites(each.sites) or 'not known'}"
        for consent in encounter.consents:
            terms = consent.terms
            purposes = ", ".join(terms.purposes)
            until = f" until {terms.expires}" if terms.expires else ""
            yield f"  {terms.kind}: {purposes} from {terms.starts}{until}, by {terms.grantor.relationship}"
            yield from (f"    {words}" for words in details(terms))


def _sites(sites: Sequence[str]) -> str:
    return ", ".join(f"{bodysite.words(each)} ({each})" for each in sites)


def details(terms: Terms) -> Iterator[str]:
    """Everything else that one answer says, a line each; nothing for what it does not say."""
    scope = terms.scope
    witness = f"{terms.witness.name}, {terms.witness.role}" if terms.witness else ""
    said = {
        "publication": terms.use,
        "research protocol": terms.protocol,
        "only for": "; ".join(scope.recipients) if scope else "",
        "only body sites": _sites(scope.body_sites) if scope else "",
        "faces": scope.faces if scope and scope.faces is not Faces.AS_READ else "",
        "visits": "all of this patient" if scope and scope.everywhere else "",
        "given by": terms.grantor.name,
        "authority": terms.grantor.authority,
        "capacity": terms.capacity or "",
        "the child": terms.assent or "",
        "method": terms.method,
        "form": terms.form or "",
        "typed": terms.typed_name,
        "witness": witness,
        "recorded in": terms.recorded,
        "language": terms.language,
        "interpreter": terms.interpreter,
        "wording": f"{terms.text_version} {terms.text_sha256[:16]}".strip(),
        "risks explained": ", ".join(terms.risks),
        "what already left": terms.consequence if terms.kind == "withdrawal" else "",
    }
    return (f"{name}: {words}" for name, words in said.items() if words)


def _wordings(version: str) -> dict[str, dict[str, object]]:
    if version != _NEWEST and version not in EXPLANATIONS:
        raise NotFoundError(what="wording", id=version)
    wanted = NEWEST.values() if version == _NEWEST else [version]
    return {
        each: {"language": text.language, "sha256": text.sha256, "lines": text.lines()}
        for each in wanted
        for text in [EXPLANATIONS[each]]
    }


def _read_aloud(version: str) -> Iterator[str]:
    for each, text in _wordings(version).items():
        wording = EXPLANATIONS[each]
        yield f"{each} ({text['language']}), SHA-256 {text['sha256']}"
        yield ""
        yield from wording.lines()
        yield ""


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.text is not None:
        show(args, _wordings(args.text), list(_read_aloud(args.text)))
        return 0
    with logged_in(args) as client:
        encounters = client.list_encounters()
        show(args, encounters, list(_lines(encounters)))
    return 0
