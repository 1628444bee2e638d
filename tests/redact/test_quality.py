"""Advice for the photographer: raised on what is spoiled, silent on what is not, the same on every skin."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core.quality import ADVICE_WORDS, Advice, Quality, pack, unpack
from medkiosk.redact.pixels import Pixels
from medkiosk.redact.policy import default_text, parse_policy
from medkiosk.redact.quality import sharpness
from medkiosk.redact.quality.assess import advise, assess
from medkiosk.redact.quality.light import Light, skin
from tests.eval.quality import OTHERS, close_ups, photographs
from tests.redact import degrade, scenes

POLICY = parse_policy(default_text()).quality
SHARP = {Advice.NOT_SHARP, Advice.MOVED}

score = st.integers(0, 1000)
qualities = st.builds(
    Quality, score | st.none(), score, score, score, score, score | st.none(), score,
    st.sets(st.sampled_from(Advice)).map(lambda chosen: tuple(one for one in Advice if one in chosen)),
)  # fmt: skip


@pytest.fixture(scope="module")
def clean() -> list[Pixels]:
    """Photographs as they are: those of the demo, and of the evaluation set every fourth."""
    named = photographs()
    if len(named) <= len(OTHERS):
        pytest.skip("the evaluation photographs are not there")
    return [one for name, one in named.items() if name in OTHERS[:4]] + list(named.values())[len(OTHERS) :: 4]


@pytest.fixture(scope="module")
def close() -> list[Pixels]:
    crops = close_ups()[::7]
    if not crops:
        pytest.skip("the evaluation photographs are not there")
    return crops


@pytest.fixture(scope="module")
def arm() -> Pixels:
    """Plain skin that fills the frame, with a mole: drawn, so always there."""
    ground = scenes.skin(1368, 912)
    scenes.with_mole(ground, 60, (680, 450), (70, 45, 35))
    return np.ascontiguousarray(np.asarray(ground)[:, :, ::-1])


def advised(pictures: list[Pixels]) -> list[set[Advice]]:
    return [set(assess(one, POLICY).advice) - {Advice.NO_SCALE} for one in pictures]


def share(pictures: list[Pixels], *advice: Advice) -> float:
    return sum(bool(given & set(advice)) for given in advised(pictures)) / len(pictures)


def test_there_are_words_for_every_advice_and_they_are_short() -> None:
    assert set(ADVICE_WORDS) == set(Advice)
    assert all(len(words) < 100 and words.endswith(".") for words in ADVICE_WORDS.values())


@given(qualities)
def test_what_is_packed_is_unpacked(quality: Quality) -> None:
    assert unpack(pack(quality)) == quality


@given(st.binary(max_size=20) | st.binary(min_size=15, max_size=15))
def test_nothing_out_of_range_is_unpacked(untrusted: bytes) -> None:
    try:
        quality = unpack(untrusted)
    except ValueError:
        return
    assert pack(quality) == untrusted
    assert msgspec.convert(msgspec.to_builtins(quality), Quality) == quality


def test_scores_and_advice_over_their_bounds_are_refused() -> None:
    good = bytearray(pack(Quality(1000, 1000, 1000, 1000, 1000, 1000, 1000, tuple(Advice))))
    assert unpack(bytes(good)).advice == tuple(Advice)
    for at in range(0, 14, 2):
        bad = bytearray(good)
        bad[at : at + 2] = (1001).to_bytes(2, "big")
        with pytest.raises(ValueError):
            unpack(bytes(bad))
    good[14] |= 0x80
    with pytest.raises(ValueError):
        unpack(bytes(good))


def test_advice_comes_in_the_order_of_importance() -> None:
    worst = Light(skin=900, exposure=100, shadows=0, highlights=900, glare=900, cast=900)
    given_ = advise(sharpness.Blur(3, 3), worst, 0, POLICY)
    assert given_ == (
        Advice.NOT_SHARP, Advice.OVEREXPOSED, Advice.UNDEREXPOSED, Advice.CAST, Advice.NO_SCALE,
    )  # fmt: skip
    quiet = msgspec.structs.replace(POLICY, ask_for_scale=False)
    assert advise(None, Light(0, 900, 0, 0, 0, None), 0, quiet) == ()


def test_blur_is_measured_in_pixels_whatever_the_contrast() -> None:
    bars = np.zeros((600, 800), np.uint8)
    for x in range(0, 800, 100):
        bars[:, x : x + 50] = 255
    bars = np.maximum(
        bars, np.rot90(bars.repeat(2, axis=1)[:, :600], 1)[:600, :600].repeat(2, axis=1)[:, :800]
    )
    for low, high in ((0, 255), (90, 120)):
        grey = (low + (bars.astype(np.float32) / 255) * (high - low)).astype(np.uint8)
        picture = degrade.blurred(np.repeat(grey[:, :, None], 3, axis=2), 3)
        blur = sharpness.measure(picture[:, :, 0])
        assert blur is not None
        assert blur.worst == pytest.approx(3, rel=0.25)


def test_flat_and_tiny_pictures_say_nothing_of_sharpness() -> None:
    assert sharpness.measure(np.full((600, 800), 120, np.uint8)) is None
    assert sharpness.measure(np.zeros((40, 40), np.uint8)) is None
    for shape in ((1, 1), (3, 400), (79, 81)):
        assert assess(np.full((*shape, 3), 120, np.uint8), POLICY).sharpness is None


def test_a_frame_filled_with_skin_has_no_tint_and_is_not_badly_exposed(arm: Pixels) -> None:
    assert advised([arm]) == [set()]
    assert assess(arm, POLICY).cast is None
    assert skin(arm).mean() > 0.9


def test_a_ruler_is_seen_at_any_angle_and_tells_the_tint(arm: Pixels) -> None:
    rng = np.random.default_rng(1)
    for angle in (0, 17, 45, 90, -60):
        measured = degrade.laid_on(arm, degrade.ruler(8, 8, clear=False), angle, rng)
        assert assess(measured, POLICY).scale >= POLICY.scale
        assert assess(measured, POLICY).advice == ()
        assert Advice.CAST in assess(degrade.tinted(measured, 1.4, 1 / 1.4), POLICY).advice
    assert Advice.NO_SCALE in assess(arm, POLICY).advice


def test_a_colour_chart_is_a_scale(arm: Pixels) -> None:
    rng = np.random.default_rng(1)
    for patch, angle in ((40, 0), (60, 12), (90, 45)):
        assert assess(degrade.laid_on(arm, degrade.chart(patch), angle, rng), POLICY).scale == 1000


def test_photographs_as_they_are_get_little_advice(clean: list[Pixels]) -> None:
    given_ = advised(clean)
    for advice in Advice:
        assert sum(advice in one for one in given_) <= (0 if advice in SHARP else 1)


def test_spoiled_copies_get_their_advice(clean: list[Pixels]) -> None:
    assert share([degrade.blurred(one, 1) for one in clean], *SHARP) <= 0.05
    assert share([degrade.blurred(one, 3) for one in clean], *SHARP) >= 0.95
    assert share([degrade.moved(one, 16, 30) for one in clean], Advice.MOVED) >= 0.6
    assert share([degrade.blurred(one, 3) for one in clean], Advice.MOVED) <= 0.05
    assert share([degrade.exposed(one, 2) for one in clean], Advice.OVEREXPOSED) >= 0.8
    assert share([degrade.exposed(one, -3) for one in clean], Advice.UNDEREXPOSED) >= 0.5


def test_no_skin_tone_is_called_badly_exposed_or_tinted(close: list[Pixels]) -> None:
    wrong = (Advice.OVEREXPOSED, Advice.UNDEREXPOSED, Advice.CAST)
    for factor in (0.25, 0.5, 1):
        assert share([degrade.toned(one, skin(one), factor) for one in close], *wrong) <= 0.1


def test_glare_is_seen_on_pale_and_on_dark_skin(close: list[Pixels]) -> None:
    rng = np.random.default_rng(5)
    assert share(close, Advice.GLARE) <= 0.05
    for factor in (1, 0.2):
        toned = [degrade.toned(one, skin(one), factor) for one in close]
        shiny = [degrade.reflecting(one, skin(one), 60, rng) for one in toned]
        assert share(shiny, Advice.GLARE) >= 0.5
