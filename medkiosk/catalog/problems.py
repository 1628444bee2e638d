"""What an event speaks of, and a problem without what is gone. Pure."""

from __future__ import annotations

from dataclasses import replace

from medkiosk.catalog.views import Problem
from medkiosk.core import events as ev


def subject_of(event: ev.AnyEvent) -> tuple[str, ...]:
    """The capture or encounter whose event it is."""
    named = (getattr(event, name, None) for name in ("encounter_id", "capture_id"))
    return tuple(id_ for id_ in named if id_)


def without(problem: Problem, gone: set[str]) -> Problem | None:
    """A problem without what was disposed of; None where nothing of it is left."""
    if not gone.isdisjoint(problem.subject):
        return None
    missing = tuple(id_ for id_ in problem.missing if id_ not in gone)
    if problem.missing and not missing:
        return None
    return problem if missing == problem.missing else replace(problem, missing=missing)
