"""The scenes to practise on, and how a review of one is judged. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from medkiosk.core.photo import Box, Category, Decision, Finding
from medkiosk.guide.scene import FULL, Form, Outcome, Scene, Shape, Thing

ENOUGH = 0.95
"""Share of a thing that must be hidden for it to count as hidden."""
_TOO_MUCH = 0.10
"""Share of what must be seen that may be hidden by accident."""
_WASTE = 0.30
"""Share of the picture that may be masked for nothing."""
_GRID = 24
_SKIN, _SHADE, _MOLE = (214, 164, 136), (196, 144, 118), (104, 62, 48)
_SHEET, _PAPER, _INK, _HAIR = (128, 138, 146), (240, 240, 236), (40, 44, 60), (66, 48, 40)


def _found(category: Category, box: Box, confidence: int, decision: Decision = Decision.MASK) -> Finding:
    return Finding(category, box, "practice/1", "", confidence, decision)


def _shape(
    form: Form, box: tuple[int, int, int, int], colour: tuple[int, int, int], words: str = ""
) -> Shape:
    return Shape(form, Box(*box), colour, words)


def _box(*box: int) -> Box:
    return Box(*box)


def _face(x: int, y: int, size: int) -> tuple[Shape, ...]:
    """A face with both ears, ``size`` high."""
    wide = size * 3 // 4
    eye, mouth = size // 12, size // 3

    def at(form: Form, left: int, top: int, w: int, h: int, colour: tuple[int, int, int]) -> Shape:
        return _shape(form, (x + left, y + top, w, h), colour)

    return (
        at(Form.ELLIPSE, -wide // 9, size * 2 // 5, wide // 5, size // 5, _SHADE),
        at(Form.ELLIPSE, wide * 10 // 11, size * 2 // 5, wide // 5, size // 5, _SHADE),
        at(Form.ELLIPSE, 0, -size // 12, wide, size * 2 // 3, _HAIR),
        at(Form.ELLIPSE, 0, 0, wide, size, _SKIN),
        at(Form.ELLIPSE, wide // 4 - eye, size * 2 // 5, 2 * eye, eye, _PAPER),
        at(Form.ELLIPSE, wide // 4 - eye // 2, size * 2 // 5, eye, eye, _INK),
        at(Form.ELLIPSE, wide * 3 // 4 - eye, size * 2 // 5, 2 * eye, eye, _PAPER),
        at(Form.ELLIPSE, wide * 3 // 4 - eye // 2, size * 2 // 5, eye, eye, _INK),
        at(Form.ELLIPSE, wide // 2 - eye // 2, size // 2, eye, size // 7, _SHADE),
        at(Form.ELLIPSE, wide // 2 - mouth // 2, size * 3 // 4, mouth, size // 16, (170, 84, 84)),
    )


SCENES: tuple[Scene, ...] = (
    Scene(
        "A forearm",
        _SHEET,
        (
            _shape(Form.BOX, (0, 520, 2400, 560), _SKIN),
            _shape(Form.ELLIPSE, (-300, 480, 1400, 640), _SKIN),
            _shape(Form.BOX, (1780, 500, 200, 600), _PAPER),
            _shape(Form.WORDS, (1795, 640, 170, 44), _INK, "ANNA MAIER"),
            _shape(Form.WORDS, (1795, 720, 170, 44), _INK, "12.08.1984"),
            _shape(Form.ELLIPSE, (820, 720, 170, 150), _MOLE),
            _shape(Form.WORDS, (1240, 880, 260, 120), (52, 78, 96), "TOM"),
        ),
        (
            Thing("the name on the wristband", _box(1795, 640, 170, 124), hide=True),
            Thing("the tattooed name", _box(1240, 880, 230, 120), hide=True),
            Thing("the mole", _box(820, 720, 170, 150), hide=False),
        ),
        (_found(Category.TEXT, _box(1780, 620, 200, 160), 910),),
    ),
    Scene(
        "A shoulder",
        _SHEET,
        (
            _shape(Form.ELLIPSE, (100, 700, 2200, 1500), _SKIN),
            _shape(Form.BOX, (1000, 520, 360, 360), _SKIN),
            *_face(880, 20, 640),
            _shape(Form.ELLIPSE, (560, 1060, 220, 190), _MOLE),
            _shape(Form.ELLIPSE, (1352, 404, 34, 34), (236, 206, 90)),
        ),
        (
            Thing("the face, with both ears and the ear-ring", _box(828, 20, 584, 640), hide=True),
            Thing("the lesion", _box(560, 1060, 220, 190), hide=False),
        ),
        (_found(Category.FACE, _box(950, 60, 340, 520), 960),),
    ),
    Scene(
        "A hand on a desk",
        (150, 128, 104),
        (
            _shape(Form.BOX, (1500, 80, 800, 620), _PAPER),
            _shape(Form.WORDS, (1560, 150, 520, 84), _INK, "ANNA MAIER"),
            _shape(Form.WORDS, (1560, 300, 300, 26), _INK, "MAIN ROAD 7"),
            _shape(Form.ELLIPSE, (300, 600, 900, 760), _SKIN),
            *(
                _shape(Form.ELLIPSE, (360 + 190 * n, 240 + 40 * abs(n - 1), 150, 620), _SKIN)
                for n in range(4)
            ),
            _shape(Form.ELLIPSE, (590, 270, 70, 90), (120, 60, 84)),
            _shape(Form.ELLIPSE, (640, 900, 130, 110), _SHADE),
        ),
        (
            Thing("the name on the form", _box(1560, 150, 520, 84), hide=True),
            Thing("the address on the form", _box(1560, 300, 300, 26), hide=True),
            Thing("the nail", _box(590, 270, 70, 90), hide=False),
        ),
        (
            _found(Category.TEXT, _box(1540, 130, 560, 124), 980),
            _found(Category.FACE, _box(560, 820, 290, 270), 420, Decision.SUGGEST),
        ),
    ),
    Scene(
        "Both eyes",
        _SHEET,
        (
            *_face(650, 40, 1480),
            _shape(Form.ELLIPSE, (800, 540, 380, 260), (186, 84, 84)),
            _shape(Form.ELLIPSE, (1220, 540, 380, 260), (186, 84, 84)),
            *_face(650, 40, 1480)[4:8],
        ),
        (),
        (_found(Category.FACE, _box(640, 20, 1120, 1500), 990),),
        Outcome.REJECTED,
        "What it is to show lies around both eyes: what could be seen of it would show whose face it is.",
    ),
    Scene(
        "A colour chart",
        (96, 96, 100),
        tuple(
            _shape(Form.BOX, (420 + 280 * (n % 6), 260 + 300 * (n // 6), 240, 260), colour)
            for n, colour in enumerate(
                (
                    *((116, 82, 68), (194, 150, 130), (98, 122, 157), (87, 108, 67), (133, 128, 177)),
                    *((103, 189, 170), (214, 126, 44), (80, 91, 166), (193, 90, 99), (94, 60, 108)),
                    *((157, 188, 64), (224, 163, 46), (243, 243, 242), (200, 200, 200), (160, 160, 160)),
                    *((122, 122, 121), (85, 85, 85), (52, 52, 52)),
                )
            )
        ),
        (),
        (),
        Outcome.SET_ASIDE,
        "A chart is no clinical picture: F says that it is a reference. It is kept and never leaves.",
    ),
)


def hidden_share(thing: Box, masks: Sequence[Box], shown: Box) -> float:
    """How much of a box nobody sees: it is masked, or was cut off.

    Args:
        thing: the box.
        masks: what is black.
        shown: what is left of the picture.

    Returns:
        0 to 1, from a grid of 24 by 24 points.
    """
    hidden = 0
    for n in range(_GRID * _GRID):
        x = thing.x + (n % _GRID + 0.5) * thing.w / _GRID
        y = thing.y + (n // _GRID + 0.5) * thing.h / _GRID
        hidden += not _inside(x, y, shown) or any(_inside(x, y, mask) for mask in masks)
    return hidden / (_GRID * _GRID)


def _inside(x: float, y: float, box: Box) -> bool:
    return box.x <= x < box.x + box.w and box.y <= y < box.y + box.h


def judged(scene: Scene, outcome: Outcome, findings: Sequence[Finding], crop: Box | None) -> tuple[str, ...]:
    """Say what was wrong with a review, a sentence each; empty where nothing was.

    Args:
        scene: what was reviewed.
        outcome: what was done with it.
        findings: as they were at the end.
        crop: what was left of the picture; None for all of it.
    """
    if scene.right is not Outcome.APPROVED:
        # To reject what is no clinical picture keeps it in as well; it only says less.
        fine = outcome is scene.right or outcome is Outcome.REJECTED
        return () if fine else (scene.why,)
    if outcome is not Outcome.APPROVED:
        return ("It could have been approved: with the right masks nothing in it shows who it is.",)
    masks = [each.box for each in findings if each.decision is Decision.MASK]
    shown = crop or Box(0, 0, *FULL)
    said = [words for thing in scene.things if (words := _about(thing, masks, shown))]
    if _wasted(scene, masks, shown) > _WASTE:
        said.append("Much more is masked than need be: look whether the picture still says what it is for.")
    return tuple(said)


def _about(thing: Thing, masks: Sequence[Box], shown: Box) -> str:
    share = hidden_share(thing.box, masks, shown)
    if thing.hide:
        if share >= ENOUGH:
            return ""
        if share < 1 - ENOUGH:
            return f"Nobody masked {thing.name}."
        return f"Only {share:.0%} of {thing.name} is masked: make the mask larger."
    return f"What the picture is about is hidden: {thing.name}." if share > _TOO_MUCH else ""


def _wasted(scene: Scene, masks: Sequence[Box], shown: Box) -> float:
    """Share of what is shown that is masked where nothing had to be hidden."""
    needed = [thing.box for thing in scene.things if thing.hide] + [
        each.box for each in scene.found if each.decision is Decision.MASK
    ]
    wasted = 0
    for n in range(_GRID * _GRID):
        x = shown.x + (n % _GRID + 0.5) * shown.w / _GRID
        y = shown.y + (n // _GRID + 0.5) * shown.h / _GRID
        wasted += any(_inside(x, y, m) for m in masks) and not any(_inside(x, y, b) for b in needed)
    return wasted / (_GRID * _GRID)
