"""Edit distances between short strings. Pure."""

from __future__ import annotations


def distance(a: str, b: str) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours that turn ``a`` into ``b``.

    Optimal string alignment (a restricted Damerau-Levenshtein distance): no part is edited twice.
    """
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]


def distance_within(wanted: str, text: str) -> int:
    """Least insertions, deletions, substitutions between ``wanted`` and a part of ``text`` (Sellers 1980)."""
    last = [0] * (len(text) + 1)
    for i, x in enumerate(wanted, 1):
        row = [i]
        for j, y in enumerate(text, 1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y)))
        last = row
    return min(last)
