"""Every theme shows the same words, and that of high contrast keeps what its name says."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from medkiosk.console import theme
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import console

ENOUGH, LEAST = 7.0, 4.5
"""Contrast of words against what they stand on: WCAG 2.2, success criteria 1.4.6 (AAA) and 1.4.3 (AA)."""
INKS = ("foreground", "primary", "secondary", "accent", "success", "warning", "error")
PAPERS = ("background", "surface")


def luminance(colour: Color) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [each / 255 for each in colour.rgb]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Of two colours: from 1 to 21."""
    dark, light = sorted(luminance(Color.parse(each)) for each in (one, other))
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_is_the_one_that_is_meant() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("ink", INKS)
def test_high_contrast_is_high(ink: str, paper: str) -> None:
    assert contrast(getattr(theme.CONTRAST, ink), getattr(theme.CONTRAST, paper)) >= ENOUGH


def test_words_on_a_panel_are_of_high_contrast_too() -> None:
    assert contrast(str(theme.CONTRAST.foreground), str(theme.CONTRAST.panel)) >= ENOUGH


@pytest.mark.parametrize("each", theme.OURS, ids=lambda each: each.name)
def test_words_can_be_read_in_every_theme_of_ours(each: Theme) -> None:
    for paper in ("background", "surface", "panel"):
        assert contrast(str(each.foreground), str(getattr(each, paper))) >= LEAST


@pytest.mark.parametrize("name", theme.NAMES)
async def test_every_theme_says_the_same_in_words(running: RunningKiosk, name: str) -> None:
    async with console(running.path, size=(80, 24), theme=name) as pilot:
        assert pilot.app.theme == theme.textual_name(name)
        await flows.until_text(pilot, "SAFE TO UNPLUG 3 of 3 files, 27 MB")
        await flows.log_in(pilot, "rita")
        await pilot.press("i")
        await flows.until_screen(pilot, "ImportsScreen")
        await flows.until_text(pilot, "in this import")
        await pilot.press("escape", "e")
        await flows.until_screen(pilot, "EncountersScreen")
