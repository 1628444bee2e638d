"""Parts of the body: how they are written, which one covers another, and a table of common ones. Pure.

docs/consent.md, section 7, has the rules. A site is a SNOMED CT concept id, alone or refined with a side in
SNOMED CT's compositional grammar: ``14975008:272741003=7771000``. The codes of the table are those that DICOM
PS3.16 uses (CID 4, 4028, 4029, 4031; sides: CID 244); the words are ours.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

MOST = 32
"""Sites of one encounter, picture or answer."""
LATERALITY = "272741003"
"""The attribute that a side is the value of."""
_REFINED = f":{LATERALITY}="
_SCTID = re.compile(r"[1-9]\d{5,17}", re.ASCII)
_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


class Side(StrEnum):
    """Left or right, as CID 244 has them."""

    LEFT = "7771000"
    RIGHT = "24028007"


@dataclass(frozen=True)
class Part:
    """One line of the table.

    Attributes:
        code: SNOMED CT concept id.
        words: what people call it.
        parents: codes of what it is a part of.
        paired: whether there is a left and a right one.
    """

    code: str
    words: str
    parents: tuple[str, ...]
    paired: bool = False


WHOLE, HEAD, FACE, NECK, CHEST = "38266002", "69536005", "89545001", "45048000", "816094009"
ABDOMEN, BACK, PELVIS, ARM, HAND = "818981001", "77568009", "816092008", "53120007", "85562004"
LEG, FOOT, EYES, MOUTH, FINGER, TOE = "61685007", "56459004", "371398005", "123851003", "7569003", "29707007"
HEAD_AND_NECK, BREAST, KNEE, JAW, PERINEUM = "774007", "76752008", "72696002", "661005", "38864007"

PARTS: tuple[Part, ...] = (
    Part(WHOLE, "whole body", ()),
    Part(HEAD_AND_NECK, "head and neck", (WHOLE,)),
    Part(HEAD, "head", (HEAD_AND_NECK,)),
    Part("41695006", "scalp", (HEAD,)),
    Part(FACE, "face", (HEAD,)),
    Part("68698007", "forehead", (FACE,)),
    Part("16621002", "temple", (FACE,), paired=True),
    Part(EYES, "eye region", (FACE,), paired=True),
    Part("81745001", "eye", (EYES,), paired=True),
    Part("80243003", "eyelid", (EYES,), paired=True),
    Part("45206002", "nose", (FACE,)),
    Part("60819002", "cheek", (FACE,), paired=True),
    Part("48477009", "lip", (FACE, MOUTH)),
    Part(MOUTH, "mouth", (FACE,)),
    Part("21974007", "tongue", (MOUTH,)),
    Part("38199008", "tooth", (MOUTH, JAW)),
    Part("23747009", "chin", (FACE, JAW)),
    Part(JAW, "jaw", (FACE,), paired=True),
    Part("117590005", "ear", (HEAD,), paired=True),
    Part(NECK, "neck", (HEAD_AND_NECK,)),
    Part("4658004", "nape of the neck", (NECK,)),
    Part(CHEST, "chest", (WHOLE,)),
    Part(BREAST, "breast", (CHEST,), paired=True),
    Part("54468004", "nipple", (BREAST,), paired=True),
    Part("91470000", "armpit", (CHEST, ARM), paired=True),
    Part(ABDOMEN, "abdomen", (WHOLE,)),
    Part("90290004", "navel", (ABDOMEN,)),
    Part("58602004", "flank", (ABDOMEN, BACK), paired=True),
    Part(BACK, "back", (WHOLE,)),
    Part("52612000", "lower back", (BACK,)),
    Part(PELVIS, "pelvis", (WHOLE,)),
    Part("26893007", "groin", (PELVIS, ABDOMEN, LEG), paired=True),
    Part("46862004", "buttock", (PELVIS, BACK, LEG), paired=True),
    Part(PERINEUM, "perineum", (PELVIS,)),
    Part("53505006", "anus", (PELVIS, PERINEUM)),
    Part("18911002", "penis", (PELVIS, PERINEUM)),
    Part("20233005", "scrotum", (PELVIS, PERINEUM)),
    Part("45292006", "vulva", (PELVIS, PERINEUM)),
    Part(ARM, "whole arm", (WHOLE,), paired=True),
    Part("16982005", "shoulder", (ARM, CHEST, BACK), paired=True),
    Part("40983000", "upper arm", (ARM,), paired=True),
    Part("16953009", "elbow", (ARM,), paired=True),
    Part("14975008", "forearm", (ARM,), paired=True),
    Part("74670003", "wrist", (ARM,), paired=True),
    Part(HAND, "hand", (ARM,), paired=True),
    Part("70887009", "palm of the hand", (HAND,), paired=True),
    Part(FINGER, "finger", (HAND,), paired=True),
    Part("76505004", "thumb", (HAND, FINGER), paired=True),
    Part("770809003", "fingernail", (FINGER,), paired=True),
    Part(LEG, "whole leg", (WHOLE,), paired=True),
    Part("29836001", "hip", (LEG, PELVIS), paired=True),
    Part("68367000", "thigh", (LEG,), paired=True),
    Part(KNEE, "knee", (LEG,), paired=True),
    Part("32361000", "back of the knee", (KNEE,), paired=True),
    Part("30021000", "lower leg", (LEG,), paired=True),
    Part("70258002", "ankle", (LEG,), paired=True),
    Part(FOOT, "foot", (LEG,), paired=True),
    Part("84607009", "heel", (FOOT,), paired=True),
    Part(TOE, "toe", (FOOT,), paired=True),
    Part("770805009", "toenail", (TOE,), paired=True),
)
BY_CODE: dict[str, Part] = {part.code: part for part in PARTS}

_NEAR: dict[str, tuple[str, ...]] = {
    "scalp": ("forehead", "temple", "ear", "nape of the neck"),
    "forehead": ("temple", "eye region", "eyelid", "nose"),
    "temple": ("eye region", "eyelid", "ear", "cheek"),
    "eye": ("eyelid",),
    "nose": ("eye region", "eyelid", "cheek", "lip"),
    "cheek": ("eye region", "eyelid", "ear", "lip", "mouth", "chin", "jaw"),
    "lip": ("chin", "tooth", "tongue"),
    "tongue": ("tooth",),
    "jaw": ("ear", "neck"),
    "chin": ("neck",),
    "neck": ("ear", "shoulder", "chest", "back"),
    "nape of the neck": ("ear", "shoulder", "back"),
    "chest": ("abdomen", "flank", "back"),
    "breast": ("armpit", "abdomen"),
    "armpit": ("shoulder", "upper arm", "back"),
    "flank": ("hip", "lower back", "pelvis"),
    "lower back": ("pelvis", "hip", "buttock"),
    "abdomen": ("pelvis", "hip"),
    "groin": ("hip", "thigh", "perineum", "penis", "scrotum", "vulva"),
    "buttock": ("hip", "thigh", "perineum", "anus"),
    "thigh": ("hip", "perineum", "penis", "scrotum", "vulva", "anus", "knee", "back of the knee"),
    "anus": ("scrotum", "vulva"),
    "penis": ("scrotum",),
    "upper arm": ("shoulder", "elbow"),
    "forearm": ("elbow", "wrist"),
    "hand": ("wrist",),
    "palm of the hand": ("wrist", "finger", "thumb"),
    "thumb": ("wrist", "fingernail"),
    "lower leg": ("knee", "back of the knee", "ankle", "heel"),
    "ankle": ("foot", "heel"),
}
"""Neighbours without a border that everybody draws alike: one person's groin is another's thigh."""


def _within() -> dict[str, frozenset[str]]:
    """Each concept of the table with all of its parts."""
    return {
        whole: frozenset(part.code for part in PARTS if whole == part.code or whole in wholes(part.code))
        for whole in BY_CODE
    }


def _beside() -> dict[str, frozenset[str]]:
    """Each concept of the table that has neighbours, with them; both ways."""
    codes, found = {part.words: part.code for part in PARTS}, dict[str, set[str]]()
    for words_, others in _NEAR.items():
        for other in others:
            found.setdefault(codes[words_], set()).add(codes[other])
            found.setdefault(codes[other], set()).add(codes[words_])
    return {code: frozenset(beside) for code, beside in found.items()}


def write(code: str, side: Side | None = None) -> str:
    """Write a site."""
    return f"{code}{_REFINED}{side.value}" if side is not None else code


def split(site: str) -> tuple[str, Side | None]:
    """Take a site apart into concept and side.

    Raises:
        ValueError: it is none.
    """
    code, refined, side = site.partition(_REFINED)
    if not is_concept(code):
        raise ValueError(f"{site[:40]!r} is no part of the body")
    return code, Side(side) if refined else None


def is_site(site: str) -> bool:
    """Tell whether it is written as a site is."""
    try:
        split(site)
    except ValueError:
        return False
    return True


def is_concept(code: str) -> bool:
    """Tell whether it has the form of a SNOMED CT concept id: partition 00 or 10, and a good check digit.

    SNOMED International, Technical Implementation Guide, "SNOMED CT Identifiers": Verhoeff's dihedral check.
    """
    if not _SCTID.fullmatch(code) or code[-3:-1] not in {"00", "10"}:
        return False
    check = 0
    for place, digit in enumerate(map(int, reversed(code))):
        for _ in range(place % 8):
            digit = _PERMUTATION[digit]  # noqa: PLW2901
        check = _times_in_d5(check, digit)
    return check == 0


def _times_in_d5(a: int, b: int) -> int:
    """The product in the dihedral group of a pentagon: 0 to 4 turn it, 5 to 9 turn it over."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
    return 5 + (a - b) % 5 if b < 5 else (a - b) % 5


def covered(shown: Collection[str], named: Collection[str]) -> bool:
    """Tell whether all that a picture shows is known and named by a grant.

    Args:
        shown: sites of the picture; none: not known.
        named: sites of the grant.
    """
    return bool(shown) and all(any(_covers(each, one) for each in named) for one in shown)


def _covers(named: str, shown: str) -> bool:
    """The same place: without a side both sides are meant, and a side of which nobody spoke is neither."""
    if named == shown:
        return True
    try:
        (code, side), (other, _) = split(named), split(shown)
    except ValueError:
        return False  # from a record that no kiosk writes
    return code == other and side is None


def apart(shown: Collection[str], named: Collection[str]) -> bool:
    """Tell whether a picture is known to show nothing of what a refusal names."""
    return bool(shown) and not any(_may_meet(one, each) for one in shown for each in named)


def _may_meet(one: str, other: str) -> bool:
    """Tell whether two sites have a part in common, or parts that are neighbours."""
    try:
        (code, side), (second, opposite) = split(one), split(other)
    except ValueError:
        return True
    if side is not None and opposite is not None and side is not opposite:
        return False
    if code == second or code not in BY_CODE or second not in BY_CODE:
        return True
    touched = _WITHIN[code].union(*(_BESIDE.get(part, ()) for part in _WITHIN[code]))
    return not touched.isdisjoint(_WITHIN[second])


def wholes(code: str) -> frozenset[str]:
    """Everything that a concept of the table is a part of; nothing for any other."""
    parents = BY_CODE[code].parents if code in BY_CODE else ()
    return frozenset(parents).union(*map(wholes, parents))


_WITHIN, _BESIDE = _within(), _beside()


def takes_back(before: Collection[str], after: Collection[str]) -> bool:
    """Tell whether a change of what a picture shows takes away what was known: that needs a reason."""
    return not set(before) <= set(after)


def looked_otherwise(before: Collection[str], after: Collection[str]) -> bool:
    """Tell whether a change could let leave what could not before, so that somebody must look again.

    It could not where something was known and only more was added. The first word is a change as well: a
    limited grant covers nothing before it, and whoever looked did not compare the picture with it.
    """
    return set(before) != set(after) and (not before or takes_back(before, after))


def problem(sites: Collection[str]) -> str:
    """Why these cannot be recorded, in words; empty where they can."""
    if len(sites) > MOST or len(set(sites)) != len(sites):
        return f"Name at most {MOST} parts of the body, none twice."
    if wrong := next((each for each in sites if not is_site(each)), None):
        return f"{wrong[:20]!r} is no SNOMED CT number of a part of the body; check its digits."
    return ""


def words(site: str) -> str:
    """What people call a site, in English; of one that is not in the table its number."""
    try:
        code, side = split(site)
    except ValueError:
        return site
    part = BY_CODE.get(code)
    name = part.words if part else f"SNOMED CT {code}"
    return f"{side.name.lower()} {name}" if side else name
