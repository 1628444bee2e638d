"""Changing masks, pure: findings in, findings out, always inside the picture.

A finding of a detector never vanishes: it is masked where it is or by a mask that still touches it, or kept
with a reason, exactly as it was found. What a detector only suggests stays undecided until a person masks or
keeps it. Only what a reviewer drew can be deleted. A lesion of interest is drawn by a reviewer and never
masked; the photo can be cropped to one of them. The daemon puts the reviewer's account on record; the console
says which findings were touched.
"""

from __future__ import annotations

import msgspec

from medkiosk.core.ids import AccountId
from medkiosk.core.overlap import stands_for
from medkiosk.core.photo import REVIEWER, Box, Category, Decision, Finding

LESION_REASON = "lesion of interest"
_DRAWN = "drawn in review"
_MCU = 16
"""Pixels of a side of the largest MCU: smaller steps would change nothing that is burned."""
_SMALLEST = _MCU
Findings = tuple[Finding, ...]
_Step = tuple[Findings, tuple[Finding | None, ...], int]
KINDS = (Category.FACE, Category.TEXT, Category.CODE, Category.MARK, Category.OTHER)
"""What a mask can hide, in the order in which a person goes through them."""


def step(width: int, height: int) -> int:
    """How far one key press moves, in pixels: a hundredth of the long side of what is looked at."""
    return max(round(max(width, height) / 100 / _MCU) * _MCU, min(_MCU, width, height))


def moved(box: Box, dx: int, dy: int, width: int, height: int) -> Box:
    """Shift a box, stopping at the border."""
    x = min(max(box.x + dx, 0), max(width - box.w, 0))
    y = min(max(box.y + dy, 0), max(height - box.h, 0))
    return Box(x=x, y=y, w=min(box.w, width), h=min(box.h, height))


def grown(box: Box, dw: int, dh: int, width: int, height: int) -> Box:
    """Move the right and the lower edge."""
    w = min(max(box.w + dw, min(_SMALLEST, width)), max(width - box.x, 1))
    h = min(max(box.h + dh, min(_SMALLEST, height)), max(height - box.y, 1))
    return Box(x=box.x, y=box.y, w=w, h=h)


def scaled(box: Box, by: int, width: int, height: int) -> Box:
    """Move all four edges outwards (or inwards, for a negative ``by``)."""
    smallest_w, smallest_h = min(_SMALLEST, width), min(_SMALLEST, height)
    left, top = max(box.x - by, 0), max(box.y - by, 0)
    right, bottom = min(box.x + box.w + by, width), min(box.y + box.h + by, height)
    if right - left < smallest_w:
        left, right = box.x, box.x + max(min(box.w, width), smallest_w)
    if bottom - top < smallest_h:
        top, bottom = box.y, box.y + max(min(box.h, height), smallest_h)
    return moved(Box(x=left, y=top, w=right - left, h=bottom - top), 0, 0, width, height)


def square(x: int, y: int, side: int, width: int, height: int) -> Box:
    """A square around a point, as far as the picture goes."""
    box = Box(x=x - side // 2, y=y - side // 2, w=max(min(side, width), 1), h=max(min(side, height), 1))
    return moved(box, 0, 0, width, height)


def drawn(box: Box, reviewer: AccountId) -> Finding:
    """A mask that a person adds."""
    return Finding(
        category=Category.OTHER,
        box=box,
        detector=REVIEWER,
        model="",
        confidence=1000,
        decision=Decision.MASK,
        reviewer=reviewer,
        reason=_DRAWN,
    )


def lesion(box: Box, reviewer: AccountId) -> Finding:
    """What the picture is about."""
    return msgspec.structs.replace(
        drawn(box, reviewer), category=Category.LESION, decision=Decision.KEEP, reason=LESION_REASON
    )


class Draft:
    """The findings of one revision while a reviewer changes them.

    Attributes:
        findings: as they stand now.
        selected: index of the chosen one; -1 when there is none.
    """

    def __init__(self, findings: Findings, width: int, height: int, reviewer: AccountId) -> None:
        self.findings = findings
        self.selected = 0 if findings else -1
        self._width, self._height, self._reviewer = width, height, reviewer
        self._saved = findings
        self._origins: tuple[Finding | None, ...] = findings
        """For each finding the one of the saved revision that it stands for; None for an added one."""
        self._past: list[_Step] = []
        self._future: list[_Step] = []

    @property
    def changed(self) -> bool:
        """Whether anything differs from what was burned."""
        return self.findings != self._saved

    @property
    def finding(self) -> Finding | None:
        """The chosen finding."""
        return self.findings[self.selected] if self.selected >= 0 else None

    @property
    def is_drawn(self) -> bool:
        """Whether a person drew the chosen finding."""
        finding = self.finding
        return finding is not None and finding.detector.partition("/")[0] == REVIEWER

    @property
    def is_lesion(self) -> bool:
        """Whether the chosen finding is a lesion of interest."""
        return self.finding is not None and self.finding.category is Category.LESION

    @property
    def undecided(self) -> tuple[Finding, ...]:
        """What is suggested and neither masked nor kept yet."""
        return tuple(each for each in self.findings if each.decision is Decision.SUGGEST)

    @property
    def crop(self) -> Box | None:
        """What the photo is to be cropped to."""
        return next((each.box for each in self.findings if each.decision is Decision.CROP), None)

    def select(self, by: int) -> None:
        """Choose the next finding, or the one before, around the end."""
        if self.findings:
            self.selected = (self.selected + by) % len(self.findings)

    @property
    def unanswered(self) -> tuple[Finding, ...]:
        """Of these, what needs an answer before an approval: hints at marks do not."""
        return tuple(each for each in self.undecided if each.category is not Category.MARK)

    def select_undecided(self) -> bool:
        """Choose the next suggestion that is undecided, around the end; False when there is none."""
        for by in range(1, len(self.findings) + 1):
            place = (self.selected + by) % len(self.findings)
            if self.findings[place].decision is Decision.SUGGEST:
                self.selected = place
                return True
        return False

    def reshape(self, box: Box) -> bool:
        """Give the chosen finding another box; what a person places is a mask, or still the same lesion.

        A mask that leaves what a detector found becomes an added one, and the finding is again as it was
        saved.

        Returns:
            Whether a finding was left behind in this way.
        """
        finding = self.finding
        if finding is None or box == finding.box:
            return False
        if self.is_lesion:
            self._replace(msgspec.structs.replace(finding, box=box, reviewer=self._reviewer))
            return False
        origin = self._origins[self.selected]
        left = origin is not None and not self.is_drawn and not stands_for(box, origin)
        mask = msgspec.structs.replace(
            finding,
            box=box,
            decision=Decision.MASK,
            reviewer=self._reviewer,
            reason="" if finding.decision is Decision.KEEP else finding.reason,
        )
        if left and origin is not None:
            fresh = msgspec.structs.replace(mask, detector=REVIEWER, model="", confidence=1000, reason=_DRAWN)
            self._append(fresh, self._with(origin))
        else:
            self._replace(mask)
        return left

    def keep(self, reason: str) -> None:
        """Leave what was found visible, all of it, wherever its mask is now; not for a drawn mask."""
        if self.finding is not None and not self.is_drawn:
            found = self._origins[self.selected] or self.finding
            self._replace(
                msgspec.structs.replace(found, decision=Decision.KEEP, reason=reason, reviewer=self._reviewer)
            )

    def keep_rest(self, category: Category, reason: str) -> None:
        """Leave visible all that is suggested of a kind and undecided, as one change."""
        kept = tuple(
            msgspec.structs.replace(each, decision=Decision.KEEP, reason=reason, reviewer=self._reviewer)
            if each.decision is Decision.SUGGEST and each.category is category
            else each
            for each in self.findings
        )
        if kept != self.findings:
            self._change(kept, self._origins, self.selected)

    def mask(self) -> None:
        """Mask the chosen finding; not for a lesion."""
        if self.finding is not None and not self.is_lesion:
            self._replace(
                msgspec.structs.replace(
                    self.finding, decision=Decision.MASK, reason="", reviewer=self._reviewer
                )
            )

    def add(self, x: int, y: int, side: int) -> None:
        """Add a square mask around a point and choose it."""
        box = square(x, y, side, self._width, self._height)
        self._append(drawn(box, self._reviewer), self.findings)

    def add_lesion(self, x: int, y: int, side: int) -> None:
        """Mark a lesion of interest, where a suggestion is chosen, or else around a point, and choose it."""
        box = square(x, y, side, self._width, self._height)
        if self.finding is not None and self.finding.decision is Decision.SUGGEST:
            box = self.finding.box
        self._append(lesion(box, self._reviewer), self.findings)

    def select_lesion(self) -> bool:
        """Choose the lesion that the photo is cropped to, or else the first one; False when there is none."""
        lesions = [n for n, each in enumerate(self.findings) if each.category is Category.LESION]
        cropped = [n for n in lesions if self.findings[n].decision is Decision.CROP]
        if not lesions:
            return False
        self.selected = (cropped or lesions)[0]
        return True

    def crop_to(self, *, crop: bool) -> None:
        """Crop to the chosen lesion and to no other one, or to none."""

        def decided(place: int, finding: Finding) -> Finding:
            wanted = Decision.CROP if crop and place == self.selected else Decision.KEEP
            if finding.category is not Category.LESION or finding.decision is wanted:
                return finding
            return msgspec.structs.replace(
                finding, decision=wanted, reason=LESION_REASON, reviewer=self._reviewer
            )

        if self.is_lesion:
            changed = tuple(decided(place, each) for place, each in enumerate(self.findings))
            if changed != self.findings:
                self._change(changed, self._origins, self.selected)

    def delete(self) -> None:
        """Take away the chosen finding, which a person drew."""
        if self.is_drawn:
            rest = self.findings[: self.selected] + self.findings[self.selected + 1 :]
            origins = self._origins[: self.selected] + self._origins[self.selected + 1 :]
            self._change(rest, origins, min(self.selected, len(rest) - 1))

    def undo(self) -> bool:
        """Take back the last change; False when there is none."""
        return self._step(self._past, self._future)

    def redo(self) -> bool:
        """Bring back what was taken back last; False when there is none, or something else came after."""
        return self._step(self._future, self._past)

    def _step(self, back: list[_Step], forth: list[_Step]) -> bool:
        if not back:
            return False
        forth.append((self.findings, self._origins, self.selected))
        self.findings, self._origins, self.selected = back.pop()
        return True

    def next_kind(self) -> Category | None:
        """Say that the chosen mask hides another kind of thing: the next one, around the end.

        What is kept stays what the detector took it for: only a hit of the same kind is excused there.

        Returns:
            The kind; None where nothing that is masked is chosen.
        """
        finding = self.finding
        if finding is None or finding.decision is not Decision.MASK:
            return None
        kind = KINDS[(KINDS.index(finding.category) + 1) % len(KINDS)]
        self._replace(msgspec.structs.replace(finding, category=kind, reviewer=self._reviewer))
        return kind

    def give_reason(self, reason: str) -> None:
        """Say why the chosen finding is masked or kept."""
        finding = self.finding
        decided = finding is not None and finding.decision in {Decision.MASK, Decision.KEEP}
        if finding is not None and decided and not self.is_lesion and reason != finding.reason:
            self._replace(msgspec.structs.replace(finding, reason=reason, reviewer=self._reviewer))

    def _with(self, finding: Finding) -> Findings:
        """All findings, with another one in place of the chosen one."""
        return (*self.findings[: self.selected], finding, *self.findings[self.selected + 1 :])

    def _replace(self, finding: Finding) -> None:
        self._change(self._with(finding), self._origins, self.selected)

    def _append(self, mask: Finding, findings: Findings) -> None:
        self._change((*findings, mask), (*self._origins, None), len(findings))

    def _change(self, findings: Findings, origins: tuple[Finding | None, ...], selected: int) -> None:
        self._past.append((self.findings, self._origins, self.selected))
        self._future.clear()
        self.findings, self._origins, self.selected = findings, origins, selected
