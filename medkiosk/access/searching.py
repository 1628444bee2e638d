"""When a search that follows each key is written down: once it rests, or is left. Pure.

A search is typed letter by letter, and each letter is a question of its own. What belongs together is one
search: words that go on from the ones before, or go back to them. `TRANSITIONS` is the whole rule, `WRITES`
says where an entry is due; docs/states.md is drawn from it. Times are seconds of a clock that nobody sets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from medkiosk.core.ids import EncounterId

RESTS_S = 2.0
"""A search with nothing typed for so long is over."""
LASTS_S = 30.0
"""So long after its first letter it is written down, however it goes on."""
MOST_NAMED = 20
"""An answer with more patients than this is counted; whom it showed is not written down."""


class State(StrEnum):
    """Where the search of a session stands."""

    NONE = "none"
    TYPED = "typed"  # asked, and not written down yet
    WRITTEN = "written"  # it still stands on the screen


class Happened(StrEnum):
    """What can happen to it."""

    GOES_ON = "goes on"  # more of the same words, or fewer, or the same with somebody new in the answer
    AGAIN = "again"  # the same words, and nobody new in the answer: another page, or back from a picture
    ANOTHER = "another"  # other words
    RESTED = "rested"
    LEFT = "left"  # something else was opened, or the session ended


S = State
H = Happened

TRANSITIONS: dict[S, dict[H, S]] = {
    S.NONE: {
        H.ANOTHER: S.TYPED,
        H.LEFT: S.NONE,
    },
    S.TYPED: {
        H.GOES_ON: S.TYPED,
        H.AGAIN: S.TYPED,
        H.ANOTHER: S.TYPED,
        H.RESTED: S.WRITTEN,
        H.LEFT: S.WRITTEN,
    },
    S.WRITTEN: {
        H.GOES_ON: S.TYPED,
        H.AGAIN: S.WRITTEN,
        H.ANOTHER: S.TYPED,
        H.LEFT: S.WRITTEN,
    },
}
WRITES = frozenset({(S.TYPED, H.ANOTHER), (S.TYPED, H.RESTED), (S.TYPED, H.LEFT)})
"""Where the search that stood before is written down."""


@dataclass(frozen=True)
class Search:
    """What was asked and answered, of one letter or of all that belong together.

    Attributes:
        key: the words as they are compared; the longest of them.
        text: the same as it was typed.
        found: how many it found, of what this person may see.
        most: the most that any of its answers found.
        shown: whom its answers showed, of those that found at most `MOST_NAMED`.
    """

    key: str
    text: str
    found: int
    most: int
    shown: tuple[EncounterId, ...] = ()

    @classmethod
    def of(cls, key: str, text: str, found: int, shown: tuple[EncounterId, ...]) -> Search:
        """One question with its answer, or a page of it."""
        return cls(key, text, found, found, shown if found <= MOST_NAMED else ())


@dataclass(frozen=True)
class Standing:
    """Where the search of a session stands.

    Attributes:
        state: see `State`.
        search: the last one; None where there was none.
        since: when its first letter was asked for, seconds.
        last: when its last one was.
    """

    state: State = S.NONE
    search: Search | None = None
    since: float = 0.0
    last: float = 0.0


def asked(standing: Standing, search: Search, now: float) -> tuple[Standing, Search | None]:
    """Somebody typed on: return where it stands now, and what is to be written down."""
    happened = _classify(standing.search, search)
    state, written = _step(standing, happened)
    before = standing.search
    if standing.state is S.TYPED and before is not None and happened is not H.ANOTHER:
        return Standing(state, _joined(before, search), standing.since, now), written
    if happened is H.AGAIN:
        return replace(standing, state=state), written
    return Standing(state, search, now, now), written


def left(standing: Standing) -> tuple[Standing, Search | None]:
    """Somebody went on to something else, or away."""
    state, written = _step(standing, H.LEFT)
    return replace(standing, state=state), written


def looked(standing: Standing, now: float) -> tuple[Standing, Search | None]:
    """Time has passed."""
    rests = now - standing.last >= RESTS_S or now - standing.since >= LASTS_S
    if standing.state is not S.TYPED or not rests:
        return standing, None
    state, written = _step(standing, H.RESTED)
    return replace(standing, state=state), written


def _step(standing: Standing, happened: Happened) -> tuple[State, Search | None]:
    written = standing.search if (standing.state, happened) in WRITES else None
    return TRANSITIONS[standing.state][happened], written


def _classify(before: Search | None, search: Search) -> Happened:
    if before is None:
        return H.ANOTHER
    if search.key == before.key:
        same = search.found <= before.most and set(search.shown) <= set(before.shown)
        return H.AGAIN if same else H.GOES_ON
    related = search.key.startswith(before.key) or before.key.startswith(search.key)
    return H.GOES_ON if related else H.ANOTHER


def _joined(before: Search, search: Search) -> Search:
    """Both as one: the longer words with what they found, and all whom either showed."""
    longer = search if len(search.key) >= len(before.key) else before
    shown = tuple(dict.fromkeys((*before.shown, *search.shown)))
    return replace(longer, most=max(before.most, search.most), shown=shown)
