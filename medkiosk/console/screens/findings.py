"""What stands beside the photo, as text: which photo it is, and what was found in it."""

from __future__ import annotations

from rich.text import Text

from medkiosk.console.encounterlines import site_words
from medkiosk.console.language import tr
from medkiosk.console.masks import Draft
from medkiosk.console.words import (
    DECISIONS,
    QUESTIONS,
    advice_words,
    clean,
    consent_words,
    count,
    finding_words,
    state_words,
    subject_words,
)
from medkiosk.console.zoom import onto
from medkiosk.core.photo import Box, Category, Decision, Finding
from medkiosk.ipc.types import CaptureDetail, EncounterInfo

_WIDTH = 35
"""Columns of the panel that text can use."""


def photo_text(detail: CaptureDetail, at: int, total: int, encounter: EncounterInfo | None) -> Text:
    """Which photo, whose, in what state, how good."""
    words = Text()
    words.append(f"{clean(detail.info.name, 16)}", style="bold")
    words.append("   " + tr("photo {place} of {total}", place=at + 1, total=total) + "\n", style="dim")
    words.append(f"{subject_words(encounter) if encounter else tr('no encounter yet')}\n")
    if encounter:
        words.append(f"{consent_words(encounter)}\n", style="dim")
        if shows := site_words(encounter, detail.info.capture_id):
            words.append(f"{shows}\n", style="bold")
    words.append(state_words(detail.info), style="bold")
    if detail.info.revision:
        words.append(tr(", revision {number}", number=detail.info.revision), style="dim")
    for each in detail.second:
        words.append(f"\n{clean(each, 300)}", style="bold")
    if detail.crop:
        sizes = f"{detail.crop.w} x {detail.crop.h} of {detail.width} x {detail.height}"
        words.append("\n" + tr("CROPPED: only {sizes} leaves", sizes=sizes), style="bold")
    if advice := advice_words(detail.quality):
        words.append("\n" + tr("Quality: {advice}", advice=advice))
    if detail.words and not detail.width:
        words.append(f"\n{clean(tr(detail.words), 300)}")
    return words


def _counts(draft: Draft) -> Text:
    """How much is masked, undecided and kept; a lesion of interest is none of these."""
    others = [each for each in draft.findings if each.category is not Category.LESION]
    masked = sum(each.decision is Decision.MASK for each in others)
    kept = sum(each.decision is Decision.KEEP for each in others)
    undecided = f"{len(draft.unanswered)} {tr('UNDECIDED' if draft.unanswered else 'undecided')}"
    hints = len(draft.undecided) - len(draft.unanswered)
    words = Text()
    said = tr("{masked} masked, {undecided}, {kept} kept", masked=masked, undecided=undecided, kept=kept)
    words.append(f"{said}\n", style="bold")
    if hints:
        words.append(tr("{hints} at marks", hints=count(hints, "hint")) + "\n", style="dim")
    return words


def _line(number: int, finding: Finding, *, selected: bool) -> Text:
    line = Text()
    words = f"{number:>2} {tr(DECISIONS[finding.decision]):<9} {finding_words(finding)}"
    line.append(("> " if selected else "  ") + words, style="reverse" if selected else "")
    return line


def _details(draft: Draft, crop: Box | None, *, shown: bool) -> Text:
    """All about the chosen finding, and what can be done with it."""
    words = Text()
    finding = draft.finding
    if finding is not None:
        by = clean(finding.detector, 24)
        words.append("\n" + tr("Number {number} by {who}", number=draft.selected + 1, who=by), style="dim")
        if finding.reason:
            words.append("\n" + tr("Reason: {reason}", reason=clean(finding.reason, 100)), style="dim")
        if crop is not None and onto(finding.box, crop) is None:
            words.append("\n" + tr("It lies outside of the crop: it does not leave."))
        if finding.decision is Decision.SUGGEST:
            words.append(f"\n{tr(DECISIONS[finding.decision])}: {finding_words(finding)}", style="bold")
            words.append(f"\n{tr(QUESTIONS[finding.category])}")
            words.append("\n" + tr("Enter masks it, K keeps it visible."))
        elif shown:
            words.append("\n\n" + tr("Arrows move it. Shift+arrows,\n+ and - resize it."), style="dim")
    if draft.changed:
        words.append("\n\n" + tr("MASKS CHANGED, NOT SAVED: press S"), style="bold")
    return words


def _height(words: Text) -> int:
    """About how many lines a text takes."""
    return sum(-(-max(len(line), 1) // _WIDTH) for line in words.plain.split("\n"))


def findings_text(draft: Draft, crop: Box | None, height: int, *, shown: bool) -> Text:
    """The findings, as many lines as there is room for around the chosen one, and its details.

    Args:
        draft: the findings.
        crop: what leaves now; None for the whole picture.
        height: lines that there are.
        shown: whether the photo is on the screen, so that masks can be moved.
    """
    findings = draft.findings
    words = _counts(draft)
    details = _details(draft, crop, shown=shown)
    room = max(height - _height(words) - _height(details), 3)
    first = min(max(draft.selected - room // 2, 0), max(len(findings) - room, 0))
    for place in range(first, min(first + room, len(findings))):
        words.append_text(_line(place + 1, findings[place], selected=place == draft.selected))
        words.append("\n")
    if len(findings) > room:
        more = tr(
            "{first} to {last} of {total}; Tab goes on",
            first=first + 1,
            last=first + room,
            total=len(findings),
        )
        words.append(f"  {more}\n", style="dim")
    return words.append_text(details)
