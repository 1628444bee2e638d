"""The short form of ``make soak``, and whether what watches the kiosk would notice."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.soak.acts import WEIGHTS
from tests.soak.measure import DISK_A_FILE, WARM_UP, Sample, leaks, trend
from tests.soak.model import Answer, Model
from tests.soak.run import soak

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CI_SEED = 5
PLAN = (
    "card",
    "encounter",
    "review",
    "review",
    "export",
    "power cut in an import",
    "camera yanked",
    "stick full",
    "power cut at work",
    "withdrawal",
    "clock jumps",
    "export",
    "lock",
    "two at once",
    "camera",
    "card again",
    "card yanked",
    "restart",
    "wrong passphrase",
    "scrub",
)
"""Each of the kinds of acts, at least once, in an order in which all have something to do."""


def life(
    rss: Callable[[int], float] = lambda _: 90e6,
    fds: Callable[[int], int] = lambda _: 40,
    disk: Callable[[int], float] = lambda _: 0,
    log: Callable[[int], int] = lambda act: act,
) -> list[Sample]:
    """A daemon's samples, one an act."""
    return [
        Sample(
            at=act,
            act=act,
            run=1,
            rss=int(rss(act)),
            fds=fds(act),
            threads=20,
            children=0,
            disk=int(disk(act)) + 300_000 * act,
            sealed=300_000 * act,
            tmp=0,
            log=log(act),
            acknowledged=act,
        )
        for act in range(WARM_UP + 120)
    ]


def test_a_small_leak_is_found_under_much_noise() -> None:
    noise = random.Random(1)
    found = leaks(life(lambda act: 90e6 + 12_000 * act + noise.gauss(0, 400_000)))
    assert len(found) == 1
    assert found[0].startswith("rss grows")


def test_noise_is_no_leak_and_neither_is_what_each_file_may_cost() -> None:
    noise = random.Random(2)
    assert leaks(life(lambda act: 90e6 + 1_500 * act + noise.gauss(0, 400_000))) == []


def test_what_is_left_on_the_disk_beside_what_was_stored_is_found() -> None:
    noise = random.Random(3)
    # What is written ahead of the database comes and goes: megabytes.
    found = leaks(life(disk=lambda act: (DISK_A_FILE + 60_000) * act + noise.uniform(0, 4e6)))
    assert len(found) == 1
    assert found[0].startswith("disk grows")


def test_what_files_and_people_may_cost_on_the_disk_is_no_leak() -> None:
    noise = random.Random(4)
    assert leaks(life(disk=lambda act: (DISK_A_FILE + 10_000) * act + noise.uniform(0, 4e6))) == []


def test_a_daemon_that_talks_without_end_is_found() -> None:
    assert [words[:9] for words in leaks(life(log=lambda act: 40 * act))] == ["log grows"]


def test_a_descriptor_that_is_lost_now_and_then_is_found() -> None:
    assert leaks(life(lambda _: 90e6, fds=lambda act: 40 + act // 20)) != []


def test_first_acts_and_short_lives_say_nothing() -> None:
    assert leaks([s for s in life(lambda act: 1e6 * act) if s.act < WARM_UP]) == []
    assert trend([1.0, 2.0], [1.0, 2.0]).samples == 2


def test_the_short_form_has_every_kind_of_act() -> None:
    assert set(PLAN) == set(WEIGHTS)


def test_a_lost_a_doubled_and_a_strange_file_are_found() -> None:
    model = Model(acknowledged={"a", "b"}, shown={"a", "b", "c"})
    assert model.wrong_with_store({"a": 1, "b": 1}) == []
    assert model.wrong_with_store({"a": 1, "b": 1, "c": 1}) == [], "read before the cable was pulled"
    assert any("not in the store" in words for words in model.wrong_with_store({"a": 1}))
    assert any("twice" in words for words in model.wrong_with_store({"a": 2, "b": 1}))
    assert any("never plugged in" in words for words in model.wrong_with_store({"a": 1, "b": 1, "x": 1}))


def test_a_decision_that_is_forgotten_is_found_unless_the_power_went_under_it() -> None:
    model = Model(states={"1": "approved"}, encounter_of={"1": "e"})
    assert model.wrong_with_states({"1": ("approved", "e")}) == []
    assert len(model.wrong_with_states({"1": ("proposed", "")})) == 2
    model.unsure.add("1")
    assert model.wrong_with_states({"1": ("proposed", "")}) == []
    model.adopt({"1": ("proposed", "")})
    assert model.states["1"] == "proposed"


def test_what_may_leave_by_the_model() -> None:
    later = NOW + timedelta(days=2)
    model = Model(states={"1": "approved"}, encounter_of={"1": "e"}, answers={"e": Answer(True, later, 0)})
    assert model.may_leave("1", NOW) is True
    assert model.may_leave("2", NOW) is False
    assert model.may_leave("1", later) is False
    model.at(later)
    assert model.may_leave("1", NOW) is False, "a clock that was set back brings nothing back to life"
    model = Model(states={"1": "approved"}, encounter_of={"1": "e"}, answers={"e": Answer(True, later, 0)})
    model.jumps = 1
    assert model.may_leave("1", NOW) is None


@pytest.mark.timeout(400)
@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler for the clock that jumps")
def test_some_minutes_of_a_department_in_one(tmp_path: Path) -> None:
    outcome = soak(tmp_path / "soak", CI_SEED, 300.0, acts=len(PLAN), plan=PLAN)
    assert outcome.broken == [], f"seed {outcome.seed}"
    assert outcome.proofs == 1
    assert outcome.files > 0
    assert outcome.exports >= 1
    assert sum(outcome.acts.values()) == len(PLAN)
