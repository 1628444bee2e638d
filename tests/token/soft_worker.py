"""The worker with software keys instead of USB: ``soft_worker SEED[:PIN[:always]] ...``."""

from __future__ import annotations

import sys

from medkiosk.token.worker import serve
from tests.token.soft_key import SoftKey, plugged


def main() -> None:
    keys = []
    for argument in sys.argv[1:]:
        seed, pin, always = [*argument.split(":"), "", ""][:3]
        keys.append(SoftKey(seed, pin=pin, always=bool(always)))
    serve(sys.stdin.buffer, sys.stdout.buffer, lambda: [plugged(key) for key in keys])


if __name__ == "__main__":
    main()
