"""Keep the ledger's head elsewhere, let witnesses sign it, compare it later, and answer for a rollback.

head, proof and compare work on a store's folder, without a daemon or keys; the others ask the daemon.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from medkiosk.cli import securitykey
from medkiosk.cli.common import (
    add_login,
    add_login_to_words,
    ask_pin,
    logged_in,
    open_client,
    read_passphrase,
    show,
)
from medkiosk.core.errors import BadRequestError
from medkiosk.ipc.types import LedgerHead
from medkiosk.ledger.note import LogKeys
from medkiosk.offline import heads, witnessing

HELP = "the ledger's head, witnesses, rollback"
_LARGEST = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")

    head = what.add_parser("head", help="one line for paper or a telephone: name, entries, root")
    head.add_argument("store", type=Path, metavar="STORE", help="the store's folder, or a copy of it")
    head.add_argument("--ledger-key", metavar="KEY", help="the ledger's verifier key, kept on paper")
    head.set_defaults(do=_head)

    compare = what.add_parser("compare", help="does the store still hold all that such a line stands for?")
    compare.add_argument("store", type=Path, metavar="STORE", help="the store's folder, or a copy of it")
    compare.add_argument(
        "text",
        nargs="+",
        metavar="TEXT",
        help="the line, as the Ledger screen shows it; or '-' to read it or a checkpoint file",
    )
    compare.add_argument("--ledger-key", metavar="KEY", help="the ledger's verifier key, kept on paper")
    compare.set_defaults(do=_compare)

    proof = what.add_parser("proof", help="prove to a witness that the ledger only grew")
    proof.add_argument("store", type=Path, metavar="STORE", help="the store's folder, or a copy of it")
    proof.add_argument(
        "--from",
        type=int,
        required=True,
        dest="old",
        metavar="N",
        help="entries that the witness saw last; 0: none",
    )
    proof.set_defaults(do=_proof)

    checkpoint = what.add_parser("checkpoint", help="the newest signed checkpoint, and what witnesses saw")
    checkpoint.set_defaults(do=_checkpoint)

    cosign = what.add_parser("cosign", help="hold a checkpoint that witnesses signed")
    cosign.add_argument("file", type=Path, metavar="FILE", help="the checkpoint with their signatures")
    cosign.set_defaults(do=_cosign)

    witness = what.add_parser("witness", help="who may sign that they saw this ledger")
    ways = witness.add_subparsers(dest="way", required=True, metavar="WAY")
    add = ways.add_parser("add", help="enrol a witness")
    add.add_argument("vkey", metavar="KEY", help="the witness's verifier key (C2SP tlog-cosignature)")
    add.set_defaults(do=_witness_add)
    listed = ways.add_parser("list", help="what each witness last saw")
    listed.set_defaults(do=_witness_list)

    made = ways.add_parser("key", help="on the witness's own machine: make a key")
    made.add_argument("key", type=Path, metavar="KEYFILE", help="where it is kept; not on the kiosk")
    made.add_argument("--name", required=True, help="like an address of the web: auditor.example/w1")
    made.set_defaults(do=_witness_key)
    sign = ways.add_parser("sign", help="on the witness's own machine: sign what `ledger proof` wrote")
    sign.add_argument("key", type=Path, metavar="KEYFILE", help="what `witness key` made")
    sign.add_argument(
        "vkey", type=Path, metavar="VKEYFILE", help="the ledger's keys, kept since the beginning"
    )
    sign.add_argument("request", type=Path, metavar="REQUEST", help="what `kioskctl ledger proof` wrote")
    sign.set_defaults(do=_witness_sign)

    accept = what.add_parser("accept-rollback", help="go on with an older copy: the newest one is lost")
    accept.add_argument(
        "--reason", required=True, metavar="TEXT", help="what happened; it is kept in the ledger"
    )
    accept.set_defaults(do=_accept)
    add_login_to_words((*what.choices.values(), *ways.choices.values()))


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return int(args.do(args))


def _head(args: argparse.Namespace) -> int:
    log, signature = heads.open_log(args.store, args.ledger_key)
    line = log.head.line()
    show(args, {"text": line, "size": log.size, "signature": signature}, [line])
    return 0


def _compare(args: argparse.Namespace) -> int:
    text = sys.stdin.read(_LARGEST) if args.text == ["-"] else " ".join(args.text)
    found = heads.compare(args.store, text, args.ledger_key)
    show(args, found, [found.words, f"The ledger's signature: {found.signature}."])
    return 0 if found.ok else 3


def _proof(args: argparse.Namespace) -> int:
    proof = heads.extension(args.store, args.old).decode()
    show(args, {"proof": proof}, [proof.rstrip("\n")])
    return 0


def _checkpoint(args: argparse.Namespace) -> int:
    with logged_in(args) as client:
        head = client.get_ledger_head()
        show(args, head, [head.checkpoint.rstrip("\n")])
    return 0


def _cosign(args: argparse.Namespace) -> int:
    try:
        with args.file.open("rb") as stream:
            untrusted = stream.read(_LARGEST + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequestError(detail=f"{args.file} cannot be read as a checkpoint") from error
    with logged_in(args) as client:
        head = client.take_cosigned(untrusted)
        show(args, head, ["Held: no ledger that contradicts it is ever signed here.", *_seen(head)])
    return 0


def _witness_add(args: argparse.Namespace) -> int:
    with logged_in(args) as client:
        head = client.enrol_witness(args.vkey)
        show(args, head, list(_seen(head)))
    return 0


def _witness_list(args: argparse.Namespace) -> int:
    with logged_in(args) as client:
        head = client.get_ledger_head()
        show(args, head, list(_seen(head)) or ["There are no witnesses."])
    return 0


def _witness_key(args: argparse.Namespace) -> int:
    vkey = witnessing.create(args.key, args.name, os.urandom)
    show(args, {"vkey": vkey}, [vkey])
    return 0


def _witness_sign(args: argparse.Namespace) -> int:
    log = LogKeys.parse(args.vkey.read_text("utf-8"))
    with args.request.open("rb") as stream:
        request = stream.read(2 * _LARGEST)
    signed = witnessing.sign(args.key, log, request, lambda: datetime.now(UTC)).decode()
    show(args, {"checkpoint": signed}, [signed.rstrip("\n")])
    return 0


def _seen(head: LedgerHead) -> Iterator[str]:
    for witness in head.witnesses:
        seen = f"{witness.size} entries at {witness.at}" if witness.size else "nothing yet"
        yield f"{witness.name}+{witness.key_id}: saw {seen}"


def _accept(args: argparse.Namespace) -> int:
    with open_client(args) as client:
        user = args.user or input("User: ")
        passphrase = read_passphrase(args.passphrase_file, f"Passphrase of {user}: ")
        output = securitykey.said(client, user, securitykey.perhaps(), ask_pin)
        session = client.accept_rollback(user, passphrase, args.reason, output)
        client.logout()
    show(args, session, ["Accepted and written down. The kiosk takes cameras and cards again."])
    return 0
