"""What stands beside the photo, as text: which photo it is, and what was found in it."""

from __future__ import annotations

from rich.text import Text

from medkiosk.console.masks import Draft
from medkiosk.console.words import DECISIONS, STATES, clean, consent_words, count, subject_words
from medkiosk.core.photo import Decision, Finding
from medkiosk.ipc.types import CaptureDetail, EncounterInfo


def photo_text(detail: CaptureDetail, at: int, total: int, encounter: EncounterInfo | None) -> Text:
    """Which photo, whose, in what state."""
    words = Text()
    words.append(f"{clean(detail.info.name, 16)}", style="bold")
    words.append(f"   photo {at + 1} of {total}\n", style="dim")
    words.append(f"{subject_words(encounter) if encounter else 'no encounter yet'}\n")
    if encounter:
        words.append(f"{consent_words(encounter)}\n", style="dim")
    words.append(STATES[detail.info.state], style="bold")
    if detail.info.revision:
        words.append(f", revision {detail.info.revision}", style="dim")
    if detail.words and not detail.width:
        words.append(f"\n{clean(detail.words, 300)}")
    return words


def _line(number: int, finding: Finding, *, selected: bool) -> Text:
    sure = "drawn" if finding.detector.startswith("reviewer") else f"{finding.confidence / 10:.0f} % sure"
    line = Text()
    words = f"{number:>2} {DECISIONS[finding.decision]:<9} {finding.category.value:<5} {sure}"
    line.append(("> " if selected else "  ") + words, style="reverse" if selected else "")
    return line


def findings_text(draft: Draft, room: int, *, shown: bool) -> Text:
    """The findings, as many lines as there is room for around the chosen one, and its details.

    ``shown`` says whether the photo is on the screen, so that masks can be moved.
    """
    findings = draft.findings
    masked = sum(finding.decision is Decision.MASK for finding in findings)
    words = Text()
    words.append(f"{count(len(findings), 'finding')}, {masked} masked\n", style="bold")
    room = max(room, 3)
    first = min(max(draft.selected - room // 2, 0), max(len(findings) - room, 0))
    for place in range(first, min(first + room, len(findings))):
        words.append_text(_line(place + 1, findings[place], selected=place == draft.selected))
        words.append("\n")
    if len(findings) > room:
        words.append(f"  {first + 1} to {first + room} of {len(findings)}; Tab goes on\n", style="dim")
    finding = draft.finding
    if finding is not None:
        words.append(f"\nNumber {draft.selected + 1} by {clean(finding.detector, 24)}", style="dim")
        if finding.reason:
            words.append(f"\nReason: {clean(finding.reason, 100)}", style="dim")
        if shown:
            words.append("\n\nArrows move it. Shift+arrows,\n+ and - resize it.", style="dim")
    if draft.changed:
        words.append("\n\nMASKS CHANGED, NOT SAVED: press S", style="bold")
    return words
