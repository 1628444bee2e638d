"""medkiosk-health: look at the machine once, write down what is so. Root, no store, no keys, no network."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from medkiosk.core import canon
from medkiosk.health.gather import gather, now

_EVERYBODY = 0o644


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file; 0 where it was written, 1 where it could not be."""
    parser = argparse.ArgumentParser(prog="medkiosk-health", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("/run/medkiosk-health/health.json"), metavar="FILE")
    args = parser.parse_args(arguments)
    new = args.out.with_name(args.out.name + ".new")
    try:
        # In memory (/run), so nothing is made durable; the name is changed so that nobody reads half of it.
        new.write_bytes(canon.encode(gather(Path("/"), now)))
        new.chmod(_EVERYBODY)
        new.replace(args.out)
    except OSError as error:
        print(f"The machine's health could not be written to {args.out}: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
