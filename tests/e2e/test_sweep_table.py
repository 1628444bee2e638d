"""What `make sweep` makes of its runs: one that struck nothing is not one that went well."""

from __future__ import annotations

from typing import Any

from tests.e2e.sweep import LAST, missed, table

COUNT = 500


def _run(at: int, operation: str = "fsync store", wrong: str = "", way: str = "killed") -> dict[str, Any]:
    return {"way": way, "at": at, "operation": operation, "wrong": wrong}


def test_what_was_not_reached_is_counted_apart() -> None:
    runs = [_run(1), _run(2, "write blob"), _run(3, ""), _run(4, wrong="lost"), _run(5, "", "no start")]
    [killed] = [line for line in table(runs, COUNT).splitlines() if "| killed |" in line]
    assert killed == "| killed | 5 | 3 | 1 | 2 | 2 fsync, 1 write |"


def test_only_the_last_operations_may_not_be_reached() -> None:
    runs = [_run(at, "") for at in (COUNT, COUNT - LAST + 1, COUNT - LAST, 7)]
    assert missed(runs, COUNT) == [(7, "killed"), (COUNT - LAST, "killed")]
    assert missed([_run(at) for at in range(1, COUNT + 1)], COUNT) == []
    assert missed([_run(7, "", "not SAFE TO UNPLUG")], COUNT) == [], "it is wrong, and said to be"
