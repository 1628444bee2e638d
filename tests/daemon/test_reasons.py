"""What a reason must be: one rule, whoever asks for it."""

import pytest

from medkiosk.core.errors import BadRequestError
from medkiosk.daemon import reasons


def test_it_is_kept_on_one_line() -> None:
    assert reasons.given("  wrong\npatient\t, said\r\n the nurse ") == "wrong patient , said the nurse"


@pytest.mark.parametrize("longest", ["x" * reasons.LONGEST, "é" * reasons.LONGEST])
def test_the_longest_is_kept_whole(longest: str) -> None:
    assert reasons.given(longest) == longest
    assert reasons.if_any(longest) == longest


@pytest.mark.parametrize(
    "text", ["x" * (reasons.LONGEST + 1), "red\x1b[31m", "turned \u202e round", "a\x00b", "bell\x07"]
)
def test_what_cannot_be_printed_or_has_no_end_is_refused(text: str) -> None:
    with pytest.raises(BadRequestError, match=r"say why, in 1 to 500 printable characters"):
        reasons.given(text)
    with pytest.raises(BadRequestError, match="500 printable characters"):
        reasons.if_any(text)


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_none_is_refused_only_where_one_is_needed(text: str) -> None:
    with pytest.raises(BadRequestError, match="say what you found"):
        reasons.given(text, asked="say what you found")
    assert reasons.if_any(text) == ""


def test_one_may_have_to_say_more() -> None:
    assert reasons.given("he bleeds a lot", shortest=10) == "he bleeds a lot"
    with pytest.raises(BadRequestError, match="10 to 500"):
        reasons.given("because   .", shortest=10)
