"""Which pictures two different people must approve, and who may not be the second. Pure.

The same account never counts twice. Whoever asked for a second opinion does not give it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from medkiosk.core.ids import AccountId
from medkiosk.core.photo import SECOND_WORDS, Category, Decision, Finding, SecondFor


@dataclass(frozen=True)
class Said:
    """What people said about the latest revision.

    Attributes:
        approvers: who approved it.
        asked_by: who wants another person's opinion; None where nobody does.
    """

    approvers: tuple[AccountId, ...] = ()
    asked_by: AccountId | None = None


NOBODY = Said()


def demands(
    second_for: Collection[SecondFor],
    findings: Sequence[Finding],
    *,
    restricted: bool = False,
    publication: bool = False,
) -> tuple[SecondFor, ...]:
    """Return why two people must approve a picture; empty where one is enough.

    Args:
        second_for: what the hospital wants two people for.
        findings: of the latest revision. A face that is kept counts also where a crop leaves it out.
        restricted: whether few may see it.
        publication: whether it is to leave for publication; not known while it is reviewed.
    """
    shown = any(f.category is Category.FACE and f.decision is Decision.KEEP for f in findings)
    found = {
        SecondFor.PUBLICATION: publication,
        SecondFor.FACE_SHOWN: shown,
        SecondFor.RESTRICTED: restricted,
    }
    return tuple(reason for reason in SecondFor if reason in second_for and found[reason])


def is_first(said: Said, wanted: Sequence[SecondFor]) -> bool:
    """Whether one more approval leaves the picture in need of another one."""
    return bool(wanted) and not said.approvers


def why_not(said: Said, who: AccountId) -> str:
    """Return why this person may not approve now, after what was said; empty if they may."""
    if who in said.approvers:
        return "You have approved this revision already; the second person must be somebody else."
    if who == said.asked_by and not said.approvers:
        return "You asked for a second opinion: somebody else must look at it and decide."
    return ""


def too_few(approvers: Collection[AccountId], wanted: Sequence[SecondFor]) -> str:
    """Return why a picture that is approved may not leave for want of a second person; empty if it may."""
    if not wanted or len(set(approvers)) >= 2:
        return ""
    why = " and ".join(SECOND_WORDS[reason] for reason in wanted)
    return f"Two people must approve it, because {why}: a second reviewer must look at it, too."
