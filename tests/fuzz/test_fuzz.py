"""The short version of `make fuzz`: every target against its seeds and a fixed set of mutations of them."""

from __future__ import annotations

import time

import pytest

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS, check

_EACH = 400


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_bytes_are_read_or_refused(name: str) -> None:
    seeds = TARGETS[name].seeds()
    assert seeds
    for seed in seeds:
        check(name, seed)
    for number in range(_EACH):
        started = time.process_time()
        check(name, mutated(seeds[number % len(seeds)], number))
        assert time.process_time() - started < 5, f"{name}: mutation {number} takes too long"


def test_mutations_change_something_and_are_the_same_each_time() -> None:
    data = bytes(range(256)) * 8
    made = [mutated(data, number) for number in range(200)]
    assert made == [mutated(data, number) for number in range(200)]
    assert sum(each != data for each in made) > 190
