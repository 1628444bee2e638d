"""Whether a mask answers what was found: one rule for the console and for the gate behind it. Pure."""

from __future__ import annotations

from medkiosk.core.photo import Box, Decision, Finding

_MOST_OF_IT = 0.7


def touching(one: Box, other: Box) -> bool:
    """Whether two boxes have a pixel in common."""
    return (
        one.x < other.x + other.w
        and other.x < one.x + one.w
        and one.y < other.y + other.h
        and other.y < one.y + one.h
    )


def stands_for(mask: Box, finding: Finding) -> bool:
    """Whether a mask that was moved or resized still answers a finding.

    What is masked without asking is looked for again after burning, so touching it is enough; what was only
    suggested is not, so most of it must lie under the mask.
    """
    found = finding.box
    if finding.decision is not Decision.SUGGEST:
        return touching(mask, found)
    across = min(mask.x + mask.w, found.x + found.w) - max(mask.x, found.x)
    down = min(mask.y + mask.h, found.y + found.h) - max(mask.y, found.y)
    return across > 0 and down > 0 and across * down >= _MOST_OF_IT * found.w * found.h
