"""kioskctl: the installer's and administrator's command line.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage or configuration; 3 damage found; 4 the daemon is not
reachable; 5 not allowed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence

from medkiosk import __version__
from medkiosk.core.errors import KioskError

COMMANDS = (
    "init",
    "status",
    "import",
    "redact",
    "verify",
    "restore",
    "audit",
    "export",
    "verify-export",
    "accounts",
    "consent",
    "recipients",
    "selftest",
)
"""Each is `medkiosk.cli.NAME_cmd` with ``HELP``, ``add_arguments`` and ``run``."""


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
    except KioskError as error:
        exit_code = getattr(error, "remote_exit_code", error.exit_code)
        name = getattr(error, "remote_code", error.code)
        if args.json:
            print(json.dumps({"error": name, "message": error.message, "exit_code": exit_code}))
        else:
            print(error.message, file=sys.stderr)
        return int(exit_code)
    except KeyboardInterrupt:
        print("Stopped. Nothing that was acknowledged is affected.", file=sys.stderr)
        return 1
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
