"""What stands against proposing, approving and beginning a disposal, in sentences. Pure.

Which state allows what is `medkiosk.core.disposal`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from medkiosk.core.ids import AccountId
from medkiosk.core.lifecycle import DisposalProposed
from medkiosk.retention.due import Verdict


def why_not_propose(verdicts: Sequence[Verdict], *, early: bool, reason: str, authority: str) -> list[str]:
    """Say what stands against a proposal; empty when it can be made.

    Args:
        verdicts: about everything that it names.
        early: whether the proposer says that some of it is not due.
        reason: in words.
        authority: the rule or the order that allows it.
    """
    problems = []
    if not verdicts:
        problems.append("Name at least one encounter or picture.")
    if not reason.strip() or not authority.strip():
        problems.append("Say why, and which rule or order allows it.")
    return problems + _against(verdicts, early=early)


def why_not_approve(
    proposed: DisposalProposed, verdicts: Sequence[Verdict], approver: AccountId, *, complete: bool
) -> list[str]:
    """Say what stands against an approval now; empty when it can be given.

    Args:
        proposed: what was asked for.
        verdicts: about everything that it names, today.
        approver: who says yes.
        complete: whether everything is as it was when it was proposed (`why_not_begin`).
    """
    problems = []
    if approver == proposed.actor:
        problems.append("You proposed this yourself; a second person has to approve it.")
    return problems + why_not_begin(proposed, verdicts, complete=complete)


def why_not_begin(proposed: DisposalProposed, verdicts: Sequence[Verdict], *, complete: bool) -> list[str]:
    """Say what stands against a disposal now, whoever approves or approved it; empty when nothing does.

    Args:
        proposed: what was asked for.
        verdicts: about everything that it names, today.
        complete: whether the proposal names every picture of each of its encounters, as they are now, all of
            them are still where they were, and each encounter has the class and the due day that it had.
    """
    problems = []
    if not complete:
        problems.append(
            "What it names has changed since it was proposed: pictures came or went, or another period counts"
            " now. Refuse it and propose anew."
        )
    return problems + _against(verdicts, early=proposed.early)


def _against(verdicts: Sequence[Verdict], *, early: bool) -> list[str]:
    held = sum(bool(verdict.holds) for verdict in verdicts)
    kept = sum(not verdict.due and not verdict.holds for verdict in verdicts)
    problems = []
    if held:
        problems.append(f"A legal hold keeps {held} of {len(verdicts)}; it must be lifted first.")
    if kept and not early:
        problems.append(
            f"{kept} of {len(verdicts)} are not due. What is not due can be destroyed only if the proposal"
            " says so, with the order that allows it."
        )
    return problems
