"""The sentences of errors."""

from __future__ import annotations

import pytest

from medkiosk.core.errors import BadRequestError, NotAllowedError


@pytest.mark.parametrize(
    "reason", ["a second person has to approve it", "a second person has to approve it."]
)
def test_one_full_stop_ends_a_sentence(reason: str) -> None:
    error = NotAllowedError(reason=reason)
    assert error.message == "You may not do this: a second person has to approve it. Nothing was changed."


def test_a_value_in_the_middle_stays_as_it_is() -> None:
    assert (
        BadRequestError(detail="say it as v1.x").message
        == "It cannot be done so: say it as v1.x. Nothing was changed."
    )
