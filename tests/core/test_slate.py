"""The text of a slate: strict, and told apart from anybody else's."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core.slate import LENGTH, PREFIX, Slate, SlateKind, is_like_slate, read_slate, write_slate

KEY, OTHER = bytes(range(32)), bytes(32)
SLATES = st.builds(
    Slate,
    kind=st.sampled_from(SlateKind),
    token=st.binary(min_size=16, max_size=16).map(bytes.hex),
    shown=st.integers(0, (1 << 40) - 1),
)
QR_ALPHANUMERIC = set(string.digits + string.ascii_uppercase + " $%*+-./:")


@given(SLATES)
def test_what_is_written_is_read(slate: Slate) -> None:
    text = write_slate(slate, KEY)
    assert read_slate(text, KEY) == slate
    assert len(text) == LENGTH
    assert set(text) <= QR_ALPHANUMERIC
    assert is_like_slate(text)


@given(SLATES)
def test_another_kiosks_slate_is_none_of_ours(slate: Slate) -> None:
    assert read_slate(write_slate(slate, OTHER), KEY) is None


@given(SLATES, st.integers(0, LENGTH - 1), st.sampled_from(sorted(QR_ALPHANUMERIC | {"a", "\u0130"})))
def test_every_character_counts(slate: Slate, place: int, letter: str) -> None:
    text = write_slate(slate, KEY)
    changed = text[:place] + letter + text[place + 1 :]
    assert (read_slate(changed, KEY) is None) == (changed != text)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_and_never_fails(text: str) -> None:
    assert read_slate(text, KEY) is None
    assert read_slate(PREFIX + text, KEY) is None


@given(st.text(alphabet=string.ascii_uppercase + "234567=", min_size=LENGTH - 6, max_size=LENGTH - 6))
def test_made_up_slates_are_refused(body: str) -> None:
    assert read_slate(PREFIX + "O" + body, KEY) is None


@pytest.mark.parametrize(
    "text", ["", PREFIX.lower() + "O", "MKS2:O", " MKS1:O", "MKS1:" + "A" * 60, "MKS1:\x00"]
)
def test_what_does_not_begin_like_a_slate_or_is_too_long_is_not_handed_on(text: str) -> None:
    assert not is_like_slate(text)


@pytest.mark.parametrize(
    ("token", "shown"), [("00", 0), ("00" * 17, 0), ("00" * 16, -1), ("00" * 16, 1 << 40)]
)
def test_a_slate_that_does_not_fit_is_not_written(token: str, shown: int) -> None:
    with pytest.raises(ValueError, match="make a slate"):
        write_slate(Slate(SlateKind.OPEN, token, shown), KEY)


def test_the_vector_of_the_specification() -> None:
    slate = Slate(SlateKind.OPEN, "000102030405060708090a0b0c0d0e0f", 1_795_000_000)
    assert write_slate(slate, KEY) == "MKS1:OAAAQEAYEAUDAOCAJBIFQYDIOB4AGV7MGYCTKGLC7C5IYPLN4"
