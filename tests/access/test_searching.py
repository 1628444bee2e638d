"""When a search is written down, and what of it: every state and event; no letter hides an answer."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from medkiosk.access import searching
from medkiosk.access.searching import (
    LASTS_S,
    MOST_NAMED,
    RESTS_S,
    TRANSITIONS,
    WRITES,
    Happened,
    Search,
    Standing,
    State,
)
from medkiosk.core.ids import EncounterId


def ids(*letters: str) -> tuple[EncounterId, ...]:
    return tuple(EncounterId(letter * 32) for letter in letters)


@dataclass
class Session:
    """A session that searches, on a clock of the test; `written` is what the ledger would get."""

    now: float = 100.0
    standing: Standing = field(default_factory=Standing)
    written: list[Search] = field(default_factory=list)

    def type(self, text: str, found: int, *shown: str, after: float = 0.1) -> None:
        self.wait(after)
        search = Search.of(text.casefold(), text, found, ids(*shown))
        self.standing, written = searching.asked(self.standing, search, self.now)
        self._take(written)

    def wait(self, seconds: float) -> None:
        """Time passes, and it is looked at once, at its end."""
        self.now += seconds
        self.standing, written = searching.looked(self.standing, self.now)
        self._take(written)

    def leave(self) -> None:
        self.standing, written = searching.left(self.standing)
        self._take(written)

    def _take(self, written: Search | None) -> None:
        if written is not None:
            self.written.append(written)

    @property
    def said(self) -> list[tuple[str, int, int]]:
        return [(each.text, each.found, each.most) for each in self.written]


def test_the_table_is_complete_and_writes_only_what_is_typed() -> None:
    assert set(TRANSITIONS) == set(State)
    possible = {(state, event) for state, row in TRANSITIONS.items() for event in row}
    assert possible >= WRITES
    assert {state for state, _ in WRITES} == {State.TYPED}
    # Whatever takes a search away that nobody has written down writes it down.
    for event, after in TRANSITIONS[State.TYPED].items():
        stays = after is State.TYPED and event is not Happened.ANOTHER
        assert ((State.TYPED, event) in WRITES) is not stays
    for state in State:  # it can be left at any time
        assert Happened.LEFT in TRANSITIONS[state]


def test_letters_are_one_search_written_down_once_it_rests() -> None:
    person = Session()
    for number, text in enumerate(("M", "Mu", "Mus", "Must"), 1):
        person.type(text, 400 // number**3)
    assert person.written == []
    person.wait(RESTS_S - 0.01)
    assert person.written == []
    person.wait(0.01)
    assert person.said == [("Must", 6, 400)]
    person.wait(1000)
    assert len(person.written) == 1, "it still stands there; it is no other search"


def test_every_letter_begins_the_rest_anew_but_not_for_ever() -> None:
    person = Session()
    person.type("a" * 200, 0)
    began = person.now
    while not person.written:
        person.type("a" * (199 if len(person.standing.search.key) % 2 else 198), 0, after=1.9)  # type: ignore[union-attr]
    assert LASTS_S <= person.now - began < LASTS_S + 1.9


@pytest.mark.parametrize("text", ["mustermann", "mu"])
def test_going_on_and_going_back_is_the_same_search(text: str) -> None:
    person = Session()
    person.type("muster", 3, "a", "b", "c")
    person.type(text, 2, "a", "b")
    assert person.written == []
    person.leave()
    assert [each.text for each in person.written] == [max("muster", text, key=len)]
    assert person.written[0].shown == ids("a", "b", "c")


def test_whoever_goes_back_does_not_hide_what_was_found() -> None:
    person = Session()
    person.type("erika muster", 1, "e")
    person.type("e", 900)
    person.leave()
    assert person.said == [("erika muster", 1, 900)]
    assert person.written[0].shown == ids("e")


def test_nor_does_whoever_types_on_until_nobody_is_found() -> None:
    person = Session()
    person.type("muster", 2, "a", "b")
    person.type("musterxx", 0)
    person.leave()
    assert person.said == [("musterxx", 0, 2)]
    assert person.written[0].shown == ids("a", "b")


@pytest.mark.parametrize("other", ["musi", "x", "ustermann"])
def test_other_words_are_another_search(other: str) -> None:
    person = Session()
    person.type("muster", 2, "a", "b")
    person.type("mus", 30)
    person.type(other, 1, "x")
    assert person.said == [("muster", 2, 30)], "at once"
    person.leave()
    assert [each.text for each in person.written] == ["muster", other]
    assert person.written[1].shown == ids("x")


def test_leaving_writes_at_once_and_only_once() -> None:
    person = Session()
    person.leave()
    assert person.written == []
    person.type("ann", 2, "a", "b")
    person.leave()
    person.leave()
    person.wait(RESTS_S)
    assert person.said == [("ann", 2, 2)]


def test_what_stands_on_the_screen_again_is_no_other_search() -> None:
    person = Session()
    person.type("ann", 2, "a", "b")
    person.leave()
    person.type("Ann", 2, "a", "b", after=50)  # back from a picture
    person.type("ann", 2, "b")  # a page of it
    person.type("ann", 1, "a")  # somebody is hidden since
    person.leave()
    assert len(person.written) == 1


@pytest.mark.parametrize(("found", "shown"), [(3, "ab"), (2, "ac"), (3, "abc")])
def test_the_same_words_with_somebody_new_are(found: int, shown: str) -> None:
    person = Session()
    person.type("ann", 2, "a", "b")
    person.leave()
    person.type("ann", found, *shown)
    person.leave()
    assert person.written[1].found == found
    assert person.written[1].shown == ids(*shown)


def test_going_on_after_a_rest_is_written_without_what_is_written_already() -> None:
    person = Session()
    person.type("ann", 2, "a", "b")
    person.wait(RESTS_S)
    person.type("anna", 1, "a")
    person.wait(RESTS_S)
    assert person.said == [("ann", 2, 2), ("anna", 1, 1)]
    assert person.written[1].shown == ids("a")


def test_of_many_only_the_number_is_written() -> None:
    letters = [chr(ord("a") + number) for number in range(MOST_NAMED + 1)]
    assert Search.of("k", "k", MOST_NAMED, ids(*letters[:-1])).shown == ids(*letters[:-1])
    assert Search.of("k", "k", MOST_NAMED + 1, ids(*letters)).shown == ()
    assert Search.of("k", "k", MOST_NAMED + 1, ids("a")).shown == (), "nor a small page of many"


@pytest.mark.parametrize("seed", range(20))
def test_whatever_somebody_types_nobody_who_was_shown_is_missing(seed: int) -> None:
    """Against a small hospital: each answer of at most 20 is in some entry, and no more than was shown."""
    chance = random.Random(seed)
    names = ["".join(chance.choices("ab", k=6)) for _ in range(30)]
    person, text = Session(), ""
    shown: set[EncounterId] = set()
    for _ in range(200):
        match chance.randrange(10):
            case 0:
                text = chance.choice(names)[: chance.randrange(1, 7)]
            case 1:
                person.leave()
            case 2:
                person.wait(chance.uniform(0, 3))
            case 3 | 4:
                text = text[:-1]
            case _:
                text += chance.choice("ab")
        if not text:
            person.leave()
            continue
        found = tuple(EncounterId(f"{n:032x}") for n, name in enumerate(names) if name.startswith(text))
        person.standing, written = searching.asked(
            person.standing, Search.of(text, text, len(found), found), person.now
        )
        person._take(written)
        shown.update(found if len(found) <= MOST_NAMED else ())
    person.leave()
    assert {each for written in person.written for each in written.shown} == shown
    assert all(each.found <= each.most for each in person.written)
