"""What stands between a redacted picture and its approval, in words. No word, no obstacle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medkiosk.core.ids import AccountId
from medkiosk.core.overlap import stands_for
from medkiosk.core.photo import (
    MOST_FINDINGS,
    NOT_CLINICAL,
    REDACT_WORDS,
    REVIEWER,
    SHOWS_SLATE,
    Category,
    Decision,
    Finding,
    ImageRole,
    RedactCode,
    ReviewState,
)
from medkiosk.review.machine import ReviewEvent, next_state
from medkiosk.review.second import NOBODY, Said, why_not

ONLY_CLINICAL = "Only clinical pictures are approved."
LONGEST_TEXT = 500
"""Characters of a reason, a detector's name or a model's hash."""


@dataclass(frozen=True)
class Candidate:
    """What the gate must know about a capture that somebody wants to approve.

    Attributes:
        state: where it stands.
        code: how its latest redaction went; None while there is none.
        findings: those of the latest revision.
        latest: the latest revision; 0 while there is none.
        asked: the revision that is to be approved.
        seen: the revision whose picture this session was shown last; 0 if none.
        assigned: whether the capture belongs to an encounter.
        missing: detectors that are absent on this kiosk.
        role: what the frame is for.
        who: wants to approve.
        said: what people said about it before.
        doubt: that somebody said it is another patient's, in words; empty where nobody did.
        most: how many approvals the hospital may ever ask for, one or two.
        slate: whether a slate of this kiosk was read in the frame, whatever its role is.
    """

    state: ReviewState
    code: RedactCode | None
    findings: Sequence[Finding]
    latest: int
    asked: int
    seen: int
    assigned: bool
    missing: Sequence[str]
    role: ImageRole
    who: AccountId
    said: Said = NOBODY
    most: int = 1
    doubt: str = ""
    slate: bool = False


def why_not_approve(candidate: Candidate) -> tuple[str, ...]:
    """Return every reason why this revision may not be approved now; empty if it may."""
    c = candidate
    reasons = []
    if c.role is not ImageRole.CLINICAL:
        reasons.append(f"{NOT_CLINICAL[c.role]} {ONLY_CLINICAL}")
    elif c.slate:  # a store may be older than the rule that such a frame keeps its role
        reasons.append(SHOWS_SLATE)
    if c.state is ReviewState.WAITING or c.code is None:
        return (*reasons, "The picture has not been redacted yet.")
    if c.code is not RedactCode.OK:
        reasons.append(REDACT_WORDS[c.code])
    again = c.state is ReviewState.APPROVED and not 0 < len(c.said.approvers) < c.most
    if next_state(c.state, ReviewEvent.APPROVED) is None or again:
        reasons.append(f"The picture is {c.state}; only a proposed one can be approved.")
    elif personal := why_not(c.said, c.who):
        reasons.append(personal)
    if c.missing:
        reasons.append(f"Detectors are missing on this kiosk: {', '.join(c.missing)}.")
    if c.asked != c.latest:
        reasons.append(f"Revision {c.asked} is not the latest one; look at revision {c.latest}.")
    elif c.seen != c.latest:
        reasons.append("You have not looked at this revision yet.")
    if not c.assigned:
        reasons.append("The picture belongs to no encounter yet; assign it first.")
    if c.doubt:
        reasons.append(c.doubt)
    # Hints at marks are wrong too often to ask for an answer each: who dismisses everything looks at nothing.
    undecided = sum(f.decision is Decision.SUGGEST and f.category is not Category.MARK for f in c.findings)
    if undecided:
        reasons.append(f"Suggestions left undecided: {undecided}. Mask or keep each.")
    return tuple(reasons)


def why_not_change(
    findings: Sequence[Finding], *, width: int, height: int, reviewer: AccountId, before: Sequence[Finding]
) -> tuple[str, ...]:
    """Return what is wrong with the findings of a reviewer's new plan; empty if it can be burned.

    Args:
        findings: the whole new plan.
        width: of the upright picture, pixels.
        height: of the upright picture, pixels.
        reviewer: who asks.
        before: findings of the revision that the reviewer looked at; what is unchanged from there may keep
            another reviewer's name.
    """
    if len(findings) > MOST_FINDINGS:
        return (f"There are {len(findings)} findings; {MOST_FINDINGS} is the most.",)
    unchanged = set(before)
    known = {(finding.category, finding.box) for finding in before}
    reasons = []
    for number, finding in enumerate(findings, 1):
        reasons += [f"Finding {number}: {problem}" for problem in _problems(finding, width, height)]
        if finding.reviewer not in ("", reviewer) and finding not in unchanged:
            reasons.append(f"Finding {number}: it is signed with somebody else's name.")
        drawn = finding.category is Category.LESION and finding.detector == REVIEWER
        if finding.decision is Decision.KEEP and not drawn and (finding.category, finding.box) not in known:
            reasons.append(f"Finding {number}: only what was found can be kept, exactly where it was found.")
    if sum(finding.decision is Decision.CROP for finding in findings) > 1:
        reasons.append("A picture can be cropped to one part only.")
    return (*reasons, *_left_out(findings, before))


def _left_out(findings: Sequence[Finding], before: Sequence[Finding]) -> list[str]:
    """What a detector found must be masked or kept on purpose, never just be absent from the plan."""
    decided = {(finding.category, finding.box) for finding in findings}
    masks = [finding.box for finding in findings if finding.decision is Decision.MASK]
    return [
        f"What {finding.detector} found at {finding.box.x}, {finding.box.y} is neither masked nor kept."
        for finding in before
        if finding.detector != REVIEWER
        and (finding.category, finding.box) not in decided
        and not any(stands_for(mask, finding) for mask in masks)
    ]


def _problems(finding: Finding, width: int, height: int) -> list[str]:
    box = finding.box
    problems = []
    if box.w < 1 or box.h < 1 or box.x < 0 or box.y < 0 or box.x + box.w > width or box.y + box.h > height:
        problems.append(f"its box is not inside the picture of {width} x {height}.")
    if not 0 <= finding.confidence <= 1000:
        problems.append("its confidence is not between 0 and 1000.")
    if not finding.detector:
        problems.append("it names no detector.")
    if max(map(len, (finding.detector, finding.model, finding.reason))) > LONGEST_TEXT:
        problems.append(f"one of its texts is longer than {LONGEST_TEXT} characters.")
    if finding.category is Category.LESION:
        if finding.detector != REVIEWER or finding.decision not in {Decision.KEEP, Decision.CROP}:
            problems.append("a lesion of interest is marked by a person, and kept or cropped to.")
    elif finding.decision is Decision.CROP:
        problems.append("a picture is cropped to its lesion of interest only.")
    if finding.decision is Decision.KEEP and not finding.reason.strip():
        problems.append("keeping what was found needs a reason.")
    if finding.decision in {Decision.KEEP, Decision.CROP} and not finding.reviewer:
        problems.append("keeping what was found, or cropping, needs the name of who decided.")
    return problems
