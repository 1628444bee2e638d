"""kioskctl: the installer's and administrator's command line.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage or configuration; 3 damage found; 4 the daemon is not
reachable; 5 not allowed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Sequence

from medkiosk import __version__
from medkiosk.cli.common import plain
from medkiosk.core.errors import KioskError

COMMANDS = (
    "init",
    "status",
    "import",
    "redact",
    "verify",
    "scrub",
    "ledger",
    "restore",
    "adopt",
    "audit",
    "export",
    "exports",
    "stick",
    "usb",
    "update",
    "verify-export",
    "accounts",
    "access",
    "consent",
    "slate",
    "recipients",
    "recall",
    "acknowledge",
    "recovery",
    "lock",
    "backup",
    "retention",
    "archive",
    "decommission",
    "selftest",
)
"""Each is `medkiosk.cli.NAME_cmd` with ``HELP``, ``add_arguments`` and ``run``."""


class SystemRefusedError(KioskError):
    """The command stopped: {detail}. Nothing that was acknowledged is affected; correct it and try again."""

    code = "cli.system"
    exit_code = 1


class NoAnswerError(KioskError):
    """The command asked for something and nobody answered, and it stopped there. Where there is no terminal,
    give the answer with an option: --help names them.
    """

    code = "cli.no_answer"
    exit_code = 2


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(prog="kioskctl", description="Set up, look at and check a medkiosk.")
    parser.add_argument("--version", action="version", version=f"medkiosk {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"medkiosk.cli.{name.replace('-', '_')}_cmd")
        sub = commands.add_parser(name, help=module.HELP, description=module.__doc__)
        sub.add_argument("--json", action="store_true", help="one JSON line on standard output")
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; every error is one clear sentence on standard error."""
    args = build_parser().parse_args(arguments)
    try:
        code = args.run(args)
        sys.stdout.flush()
    except KioskError as error:
        return _tell(error, as_json=args.json)
    except EOFError:
        return _tell(NoAnswerError(), as_json=args.json)
    except BrokenPipeError:
        # Whoever read our output has gone; without this the interpreter would complain again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        words = error.strerror or type(error).__name__
        detail = f"{error.filename}: {words}" if error.filename else words
        return _tell(SystemRefusedError(detail=detail), as_json=args.json)
    except KeyboardInterrupt:
        print("Stopped. Nothing that was acknowledged is affected.", file=sys.stderr)
        return 1
    return int(code)


def _tell(error: KioskError, *, as_json: bool) -> int:
    exit_code = int(getattr(error, "remote_exit_code", error.exit_code))
    name = getattr(error, "remote_code", error.code)
    if as_json:
        print(json.dumps({"error": name, "message": error.message, "exit_code": exit_code}))
    else:
        print(plain(error.message), file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
