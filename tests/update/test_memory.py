"""What a start of another version means."""

from __future__ import annotations

import pytest

from medkiosk.core.updates import TRANSITIONS, UPDATE_WORDS, UpdateHappening, UpdateState, after
from medkiosk.update.memory import Memory, Noticed, decode, notice

WAITING = Memory(version="0.0.1", waiting="0.0.2", manifest_sha256="a" * 64, boot="one")


@pytest.mark.parametrize(
    ("memory", "running", "boot", "noticed"),
    [
        (None, "0.0.1", "one", Noticed(memory=Memory(version="0.0.1"))),
        (Memory(version="0.0.1"), "0.0.1", "two", Noticed(memory=Memory(version="0.0.1"))),
        # The daemon started again, not the machine.
        (WAITING, "0.0.1", "one", Noticed(memory=WAITING)),
        (WAITING, "0.0.2", "two", Noticed(memory=Memory(version="0.0.2"), booted=True, before="0.0.1")),
        (
            WAITING,
            "0.0.1",
            "two",
            Noticed(memory=Memory(version="0.0.1", failed="0.0.2"), rolled_back="0.0.2", before="0.0.2"),
        ),
        # It was READY once and failed later.
        (
            Memory(version="0.0.2"),
            "0.0.1",
            "three",
            Noticed(memory=Memory(version="0.0.1", failed="0.0.2"), rolled_back="0.0.2", before="0.0.2"),
        ),
        # Installed, and the kiosk lost its power before it could write that down.
        (
            Memory(version="0.0.9"),
            "0.0.10",
            "two",
            Noticed(memory=Memory(version="0.0.10"), booted=True, before="0.0.9"),
        ),
        # One that failed before is still known while nothing else happens.
        (
            Memory(version="0.0.1", failed="0.0.2"),
            "0.0.1",
            "four",
            Noticed(memory=Memory(version="0.0.1", failed="0.0.2")),
        ),
    ],
)
def test_a_start(memory: Memory | None, running: str, boot: str, noticed: Noticed) -> None:
    assert notice(memory, running, boot) == noticed


def test_what_cannot_be_read_is_nothing() -> None:
    for data in (b"", b"{", b'{"version":1}', b'{"version":"0.0.1","more":1}'):
        assert decode(data) is None


def test_ready_comes_only_from_being_in_its_place_or_waiting_since() -> None:
    into = {
        (state, happening)
        for state, row in TRANSITIONS.items()
        for happening, then in row.items()
        if then is UpdateState.READY
    }
    assert into == {
        (UpdateState.INSTALLING, UpdateHappening.INSTALLED),
        (UpdateState.NONE, UpdateHappening.WAITS),
    }
    assert set(TRANSITIONS) == set(UPDATE_WORDS) == set(UpdateState)
    assert after(UpdateState.NONE, UpdateHappening.INSTALLED) is UpdateState.NONE
