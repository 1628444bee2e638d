"""Parts of the body: the table against DICOM's own list, and what covers and meets what."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr._concepts_dict import concepts

from medkiosk.core import bodysite as b
from medkiosk.core.bodysite import (
    LATERALITY,
    PARTS,
    Side,
    apart,
    covered,
    looked_otherwise,
    takes_back,
    wholes,
    words,
    write,
)

FOREARM, FACE, HEAD, EAR = "14975008", b.FACE, b.HEAD, "117590005"
LEFT, RIGHT = write(FOREARM, Side.LEFT), write(FOREARM, Side.RIGHT)
FREE = "73211009"
"""A concept that is not in the table."""


@pytest.mark.parametrize(
    ("code", "good"),
    [
        ("14975008", True),
        ("404684003", True),
        ("73211009", True),
        ("14975009", False),
        ("900000000000207008", True),
        ("123037004", True),
        ("1231000", False),
        ("0123037004", False),
        ("", False),
        ("\uff11\uff14\uff19\uff17\uff15\uff10\uff10\uff18", False),
    ],
)
def test_a_snomed_number_is_checked(code: str, good: bool) -> None:
    assert b.is_concept(code) == good
    assert b.is_site(code) == good


def test_the_codes_are_those_that_dicom_uses() -> None:
    groups = {4, 4028, 4029, 4031}
    listed: dict[str, dict[str, tuple[str, list[int]]]] = cast("Any", concepts["SCT"])
    known: dict[str, set[int]] = {}
    for meanings in listed.values():
        for code, (_, used_in) in meanings.items():
            known.setdefault(code, set()).update(used_in)
    assert [part.words for part in PARTS if not known.get(part.code, set()) & groups] == []
    assert {side.value for side in Side} <= {code for code, used_in in known.items() if 244 in used_in}


def test_the_table_makes_sense() -> None:
    assert len({part.code for part in PARTS}) == len({part.words for part in PARTS}) == len(PARTS)
    for part in PARTS:
        assert b.is_concept(part.code), part
        assert set(part.parents) <= b.BY_CODE.keys()
        assert part.code == b.WHOLE or b.WHOLE in wholes(part.code)
        assert part.code not in wholes(part.code)


@pytest.mark.parametrize(
    ("site", "good"),
    [
        (LEFT, True),
        (write(FREE, Side.RIGHT), True),
        (f"{FOREARM}:{LATERALITY}=51440002", False),  # both: that is two sites
        (f"{FOREARM}:{LATERALITY}=", False),
        (f"{FOREARM}:363698007=7771000", False),
        (f"{FOREARM}: {LATERALITY} = 7771000", False),
        (f"{LEFT},{LATERALITY}=24028007", False),
        (":272741003=7771000", False),
        (f"14975009:{LATERALITY}=7771000", False),
    ],
)
def test_only_a_side_refines_a_site(site: str, good: bool) -> None:
    assert b.is_site(site) == good
    assert (b.problem((site,)) == "") == good


@pytest.mark.parametrize(
    ("shown", "named", "yes"),
    [
        ((FOREARM,), (FOREARM,), True),
        ((LEFT,), (LEFT,), True),
        ((LEFT,), (FOREARM,), True),  # without a side: both
        ((LEFT, RIGHT), (FOREARM,), True),
        ((RIGHT,), (LEFT,), False),
        ((FOREARM,), (LEFT,), False),  # nobody said which
        ((FOREARM,), (LEFT, RIGHT), False),
        ((LEFT, FACE), (FOREARM,), False),
        ((LEFT, FACE), (FOREARM, FACE), True),
        ((), (FOREARM,), False),
        ((FOREARM,), (b.ARM,), False),  # nothing follows from the whole
        ((b.ARM,), (FOREARM,), False),
        ((FACE,), (HEAD,), False),
        ((FACE,), (b.WHOLE,), False),
        ((FREE,), (FREE,), True),
        (("x",), ("x",), True),
        (("x",), (FOREARM,), False),
    ],
)
def test_what_a_grant_covers(shown: tuple[str, ...], named: tuple[str, ...], yes: bool) -> None:
    assert covered(shown, named) == yes


@pytest.mark.parametrize(
    ("shown", "named", "yes"),
    [
        ((FOREARM,), (FACE,), True),
        ((FOREARM,), (FOREARM,), False),
        ((HEAD,), (FACE,), False),  # a picture of the head shows the face
        ((FACE,), (HEAD,), False),
        ((b.WHOLE,), (FACE,), False),
        (("774007",), (FACE,), False),  # head and neck
        ((b.NECK,), (FACE,), False),  # below the chin they meet
        ((b.CHEST,), (FACE,), True),
        ((LEFT,), (RIGHT,), True),
        ((FOREARM,), (RIGHT,), False),
        ((LEFT,), (write(b.ARM, Side.RIGHT),), True),
        ((LEFT,), (b.ARM,), False),
        ((write(EAR, Side.LEFT),), (HEAD,), False),
        ((LEFT, FACE), (FACE,), False),
        ((FREE,), (FACE,), False),  # it may be the same place by another name
        ((FACE,), (FREE,), False),
        ((write(FREE, Side.LEFT),), (write(FREE, Side.RIGHT),), True),
        ((), (FACE,), False),
        (("x",), (FACE,), False),
    ],
)
def test_what_a_refusal_leaves_alone(shown: tuple[str, ...], named: tuple[str, ...], yes: bool) -> None:
    assert apart(shown, named) == yes


NAMED = {part.words: part.code for part in PARTS}


@pytest.mark.parametrize(
    ("one", "others"),
    [
        ("perineum", "vulva anus scrotum penis groin thigh buttock pelvis"),
        ("groin", "vulva penis scrotum thigh hip abdomen"),
        ("buttock", "anus hip thigh lower_back"),
        ("hip", "groin thigh abdomen flank"),
        ("pelvis", "abdomen back whole_leg lower_back"),
        ("jaw", "chin tooth tongue cheek mouth neck ear"),
        ("eye", "eyelid eye_region face"),
        ("mouth", "lip tooth tongue cheek chin"),
        ("armpit", "breast upper_arm shoulder chest"),
        ("chest", "neck shoulder breast nipple abdomen back whole_arm"),
        ("neck", "shoulder ear scalp chin nape_of_the_neck head"),
        ("ear", "scalp temple cheek face"),
        ("scalp", "forehead temple nape_of_the_neck"),
        ("shoulder", "upper_arm back nape_of_the_neck"),
        ("elbow", "upper_arm forearm"),
        ("wrist", "forearm hand palm_of_the_hand thumb"),
        ("finger", "palm_of_the_hand fingernail thumb"),
        ("thumb", "fingernail palm_of_the_hand"),
        ("knee", "thigh lower_leg"),
        ("ankle", "lower_leg foot heel"),
        ("foot", "toe toenail heel"),
    ],
)
def test_neighbours_and_parts_are_no_other_places(one: str, others: str) -> None:
    for other in (NAMED[each.replace("_", " ")] for each in others.split()):
        assert not apart((NAMED[one],), (other,)), words(other)
        assert not apart((other,), (NAMED[one],)), words(other)
        assert other == NAMED[one] or not covered((other,), (NAMED[one],)), "a grant covers no neighbour"


@pytest.mark.parametrize(
    ("one", "others"),
    [
        ("foot", "face hand whole_arm chest thigh knee pelvis"),
        ("face", "chest abdomen back whole_leg whole_arm pelvis shoulder"),
        ("hand", "face foot elbow upper_arm chest breast"),
        ("breast", "face neck vulva hand back pelvis"),
        ("vulva", "breast navel knee buttock lower_back"),
        ("back", "face forearm thumb knee vulva"),
        ("eye", "mouth ear scalp nose"),
    ],
)
def test_what_is_far_away_is_another_place(one: str, others: str) -> None:
    for other in (NAMED[each.replace("_", " ")] for each in others.split()):
        assert apart((NAMED[one],), (other,)), words(other)
        assert apart((other,), (NAMED[one],)), words(other)


SITES = st.lists(
    st.builds(
        write, st.sampled_from([*[part.code for part in PARTS], FREE]), st.none() | st.sampled_from(Side)
    ),
    max_size=5,
    unique=True,
)


@given(SITES, SITES)
def test_what_is_covered_is_never_apart(shown: list[str], named: list[str]) -> None:
    assert not (covered(shown, named) and apart(shown, named))


@given(SITES, SITES, SITES)
def test_more_that_a_picture_shows_never_allows_more(
    known: list[str], more: list[str], named: list[str]
) -> None:
    known = known or [FACE]
    after = [*dict.fromkeys([*known, *more])]
    assert not takes_back(known, after)
    assert not looked_otherwise(known, after)
    assert covered(known, named) or not covered(after, named)
    assert apart(known, named) or not apart(after, named)


def test_only_more_takes_nothing_back() -> None:
    assert takes_back((LEFT,), (FOREARM,))
    assert takes_back((FACE, LEFT), (FACE,))
    assert takes_back((FACE,), ())
    assert not takes_back((), (FACE,))
    assert not takes_back((), ())


def test_also_after_the_first_word_somebody_must_look_again() -> None:
    assert looked_otherwise((), (FACE,))
    assert looked_otherwise((FACE,), ())
    assert looked_otherwise((LEFT,), (FOREARM,))
    assert not looked_otherwise((FACE,), (FACE, LEFT))
    assert not looked_otherwise((FACE, LEFT), (LEFT, FACE))
    assert not looked_otherwise((), ())


def test_sites_in_words() -> None:
    assert words(LEFT) == "left forearm"
    assert words(FACE) == "face"
    assert words(FREE) == "SNOMED CT 73211009"
    assert words(write(FREE, Side.RIGHT)) == "right SNOMED CT 73211009"
    assert words("anything") == "anything"


def test_too_many_or_one_twice() -> None:
    assert "none twice" in b.problem((FACE, FACE))
    assert "at most 32" in b.problem(tuple(part.code for part in PARTS[:33]))
    assert b.problem(tuple(part.code for part in PARTS[:32])) == ""
