"""Mutations without feedback, from a seeded generator: the same number gives the same hostile file."""

from __future__ import annotations

import random

_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0xD8, 0xD9, 0xDA)
_MOST = 4


def mutated(data: bytes, seed: int) -> bytes:
    """One to four changes: bits, bytes, sizes, pieces cut out, doubled or moved, the end cut off."""
    rng = random.Random(seed)
    out = bytearray(data)
    for _ in range(rng.randint(1, _MOST)):
        if not out:
            break
        at = rng.randrange(len(out))
        length = rng.randint(1, max(1, min(len(out) - at, 1 << rng.randint(0, 12))))
        match rng.randrange(7):
            case 0:
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                out[at] = rng.choice(_INTERESTING)
            case 2:
                size = rng.choice((2, 4, 8))
                value = rng.choice((0, 1, len(out), 2**31 - 1, 2 ** (8 * size) - 1)) % 2 ** (8 * size)
                out[at : at + size] = value.to_bytes(size, "big")
            case 3:
                del out[at : at + length]
            case 4:
                out[at:at] = out[at : at + length]
            case 5:
                other = rng.randrange(len(out))
                out[at : at + length] = out[other : other + length]
            case _:
                del out[at:]
    return bytes(out)
