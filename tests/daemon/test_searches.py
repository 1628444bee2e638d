"""Searches and lists come into the ledger, also where it takes nothing for a while: on a real store."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from medkiosk.access.need import Glass
from medkiosk.access.searching import RESTS_S
from medkiosk.audit.categories import Category, categories
from medkiosk.core.accessevents import Listing, PatientsListed
from medkiosk.core.clock import rfc3339
from medkiosk.core.events import AccountCreated, AnyEvent, Role
from medkiosk.core.ids import KIOSK, AccountId, EncounterId, GlassId
from medkiosk.daemon.accesswords import summary
from medkiosk.daemon.searches import Searches
from medkiosk.daemon.sessions import OpenGlass, Session
from medkiosk.journal import JournalStoppedError, OutOfDateError
from medkiosk.ledger import entry
from medkiosk.vault.errors import VaultFullError
from tests.daemon.importing import ImportRig

NAME = "Erika Mustermann"
ERIKA, ANN = EncounterId("e" * 32), EncounterId("a" * 32)


@dataclass
class Rig:
    """A store, and sessions that search; `why` is asked before anything is recorded."""

    imports: ImportRig
    now: float = 500.0
    why: Callable[[AnyEvent], str] = field(default=lambda _event: "")

    def __post_init__(self) -> None:
        self.journal = self.imports.journal
        self.journal.guards.append(lambda event: self.why(event))
        self.searches = Searches(self.journal, lambda: self.now)

    def session(self, letter: str = "b") -> Session:
        account = AccountCreated(
            at=rfc3339(self.journal.clock()),
            actor=KIOSK,
            account_id=AccountId(letter * 32),
            user=letter,
            display_name=letter,
            roles=(Role.REVIEWER,),
        )
        return Session(account, self.now, self.now)

    def type(self, session: Session, text: str, *shown: EncounterId, found: int | None = None) -> None:
        found = len(shown) if found is None else found
        self.searches.searched(session, text.casefold(), text, found, shown)

    def rest(self, seconds: float = RESTS_S) -> None:
        self.now += seconds
        self.searches.look()

    def full(self, event: AnyEvent) -> str:
        """The disk takes nothing."""
        raise VaultFullError

    @property
    def written(self) -> list[PatientsListed]:
        return self.imports.events(PatientsListed)

    @property
    def said(self) -> list[tuple[Listing, str, int]]:
        return [(each.listing, each.text, each.found) for each in self.written]


@pytest.fixture
def rig(imports: ImportRig) -> Rig:
    return Rig(imports)


def test_a_search_that_rests_is_sealed_and_counted_in_the_open(rig: Rig) -> None:
    session = rig.session()
    rig.type(session, "Erika", found=70)
    rig.type(session, NAME, ERIKA)
    rig.rest(RESTS_S / 2)
    assert rig.said == []
    rig.rest()
    [event] = rig.written
    assert (event.actor, event.listing) == ("b" * 32, Listing.SEARCH)
    assert (event.text, event.found, event.most, event.encounters) == (NAME, 1, 70, (ERIKA,))
    leaf = entry.decode(rig.journal.log.entry(0))
    assert (leaf.type, leaf.actor, leaf.note) == (
        "patients.listed",
        "b" * 32,
        "list=search found=1 most=70",
    )
    for path in rig.imports.root.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert all(word.encode() not in data for word in (NAME, "Erika", ERIKA))


def test_two_sessions_have_a_search_each(rig: Rig) -> None:
    one, other = rig.session("b"), rig.session("c")
    rig.type(one, "an", ANN)
    rig.type(other, "e", ERIKA)
    rig.type(one, "ann", ANN)
    rig.rest()
    said = {(each.actor[0], each.text, each.found, each.most) for each in rig.written}
    assert said == {("b", "ann", 1, 0), ("c", "e", 1, 0)}
    rig.searches.left(other)
    assert len(rig.written) == 2


@pytest.mark.parametrize(
    "leave",
    [
        lambda rig, session: rig.searches.left(session),
        lambda rig, session: rig.searches.ended(session),
        lambda rig, session: rig.searches.listed(session, Listing.DUE, 0),
    ],
)
def test_a_search_that_is_left_is_written_at_once(rig: Rig, leave: Callable[[Rig, Session], None]) -> None:
    session = rig.session()
    rig.type(session, "ann", ANN)
    leave(rig, session)
    assert rig.said == [(Listing.SEARCH, "ann", 1)]


def test_who_types_other_words_does_not_wait_for_the_disk(rig: Rig) -> None:
    session = rig.session()
    rig.type(session, "ann", ANN)
    rig.why = rig.full
    rig.type(session, "e", ERIKA)
    rig.why = lambda _event: ""
    assert rig.said == []
    rig.rest(0)
    assert rig.said == [(Listing.SEARCH, "ann", 1)], "and not the one that is typed"


def test_a_search_stands_before_the_list_that_came_after_it(rig: Rig) -> None:
    session = rig.session()
    rig.type(session, "ann", ANN)
    rig.searches.told(session, Listing.SCAN, "300", (ERIKA,))
    rig.type(session, "e", ERIKA)
    rig.searches.listed(session, Listing.DUE, 7)
    assert rig.said == [
        (Listing.SEARCH, "ann", 1),
        (Listing.SCAN, "300", 1),
        (Listing.SEARCH, "e", 1),
        (Listing.DUE, "", 7),
    ]
    assert rig.written[3].encounters == ()


def test_a_list_is_written_once_for_a_session_and_not_while_it_is_empty(rig: Rig) -> None:
    session = rig.session()
    rig.searches.listed(session, Listing.ENCOUNTERS, 0)
    assert rig.said == []
    for _page in range(3):
        rig.searches.listed(session, Listing.ENCOUNTERS, 1200)
    rig.searches.listed(session, Listing.CORRECTIONS, 2)
    assert rig.said == [(Listing.ENCOUNTERS, "", 1200), (Listing.CORRECTIONS, "", 2)]
    rig.searches.ended(session)
    rig.searches.listed(rig.session(), Listing.ENCOUNTERS, 1200)
    assert len(rig.said) == 3


def glass(rig: Rig, letter: str, for_s: float = 60) -> OpenGlass:
    until = rig.journal.clock() + timedelta(seconds=3600)
    return OpenGlass(Glass(GlassId(letter * 32), ERIKA, until), rig.now + for_s)


def test_a_list_that_a_broken_glass_may_fill_is_written_again_and_says_so(rig: Rig) -> None:
    session = rig.session()
    rig.searches.listed(session, Listing.ENCOUNTERS, 3)
    session.glasses = (glass(rig, "1"),)
    for _page in range(2):
        rig.searches.listed(session, Listing.ENCOUNTERS, 4)
    session.glasses = (*session.glasses, glass(rig, "2", for_s=500))
    rig.searches.listed(session, Listing.ENCOUNTERS, 5)
    rig.now += 61
    rig.searches.listed(session, Listing.ENCOUNTERS, 5)
    session.glasses = ()
    rig.searches.listed(session, Listing.ENCOUNTERS, 3)
    first, second = GlassId("1" * 32), GlassId("2" * 32)
    assert [(each.found, each.glasses) for each in rig.written] == [
        (3, ()),
        (4, (first,)),
        (5, (first, second)),
        (5, (second,)),
    ]
    assert [Category.GLASS in categories(each) for each in rig.written] == [False, True, True, True]


def test_a_search_says_which_glasses_were_open_at_any_of_its_answers(rig: Rig) -> None:
    session = rig.session()
    rig.type(session, "e", ERIKA)
    session.glasses = (glass(rig, "1"),)
    rig.type(session, "er", ERIKA)
    session.glasses = ()
    rig.type(session, "eri", ERIKA)
    rig.type(session, "anna", ANN)  # another search, with no glass open
    rig.rest()
    session.glasses = (glass(rig, "2"),)
    rig.type(session, "annab", ANN)
    rig.rest()
    session.glasses = ()
    rig.type(session, "sch", ERIKA)  # what is written down is no part of the next search
    rig.rest()
    session.glasses = (glass(rig, "2", for_s=900),)
    rig.searches.told(session, Listing.SCAN, "4711", (ERIKA,))
    assert [(each.text, each.glasses) for each in rig.written] == [
        ("eri", (GlassId("1" * 32),)),
        ("anna", ()),
        ("annab", (GlassId("2" * 32),)),
        ("sch", ()),
        ("4711", (GlassId("2" * 32),)),
    ]
    assert GlassId("2" * 32) in summary(rig.written[-1])


def test_a_scan_is_written_each_time_unless_it_is_the_same_again(rig: Rig) -> None:
    session = rig.session()
    for number in ("300", "300", "301", "300"):
        rig.searches.told(session, Listing.SCAN, number, (ERIKA,) if number == "300" else ())
    rig.searches.told(session, Listing.FORM, "300", (ERIKA,))
    assert [text for _, text, _ in rig.said] == ["300", "301", "300", "300"]
    assert [each.encounters for each in rig.written] == [(ERIKA,), (), (ERIKA,), (ERIKA,)]


def test_a_call_that_outlasts_its_session_is_written_all_the_same(rig: Rig) -> None:
    session = rig.session()
    rig.searches.ended(session)
    session.ended = "the kiosk was locked"
    rig.type(session, "ann", ANN)
    assert rig.said == [(Listing.SEARCH, "ann", 1)]
    rig.searches.listed(session, Listing.ENCOUNTERS, 5)
    rig.rest()
    assert rig.said[1:] == [(Listing.ENCOUNTERS, "", 5)]
    assert not rig.searches._of, "nothing is kept of a session that is over"


def test_while_nothing_can_be_written_nothing_more_is_answered_and_nothing_is_lost(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    session = rig.session()
    rig.type(session, "ann", ANN)
    rig.why = rig.full
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            rig.rest()
    assert [record.getMessage() for record in caplog.records] == [
        f"a search is not in the ledger: {VaultFullError.code}"
    ]
    with pytest.raises(VaultFullError):
        rig.type(session, "e", ERIKA)
    with pytest.raises(VaultFullError):
        rig.searches.listed(session, Listing.ENCOUNTERS, 3)
    rig.why = lambda _event: ""
    rig.type(session, "e", ERIKA)
    rig.why = rig.full
    with caplog.at_level(logging.ERROR):
        rig.searches.left(session)
    assert len(caplog.records) == 2, "it had worked again"
    rig.why = lambda _event: ""
    rig.searches.ended(session)
    assert rig.said == [(Listing.SEARCH, "ann", 1), (Listing.SEARCH, "e", 1)], "the list was refused"


def test_what_could_not_be_written_when_its_session_ended_is_written_first(rig: Rig) -> None:
    session, other = rig.session(), rig.session("c")
    rig.type(session, "ann", ANN)
    rig.why = rig.full
    rig.searches.ended(session)
    with pytest.raises(VaultFullError):
        rig.type(other, "e", ERIKA)
    with pytest.raises(VaultFullError):
        rig.searches.told(other, Listing.SCAN, "300", (ERIKA,))
    with pytest.raises(VaultFullError):
        rig.searches.listed(other, Listing.DUE, 3)
    rig.rest()
    assert rig.said == []
    rig.why = lambda _event: ""
    rig.searches.listed(other, Listing.DUE, 3)
    assert rig.said == [(Listing.SEARCH, "ann", 1), (Listing.DUE, "", 3)], (
        "what was refused was not looked at"
    )
    assert [each.actor[0] for each in rig.written] == ["b", "c"]
    rig.searches.ended(other)
    assert rig.searches._of == {}
    assert rig.searches._over == []


def test_what_could_not_be_written_when_its_session_ended_is_tried_again(rig: Rig) -> None:
    session = rig.session()
    rig.searches.listed(session, Listing.ENCOUNTERS, 3)
    rig.why = rig.full
    session.ended = "the kiosk was locked"
    with pytest.raises(VaultFullError):
        rig.searches.told(session, Listing.SCAN, "300", (ERIKA,))
    rig.searches.ended(session)
    rig.rest()
    rig.why = lambda _event: ""
    rig.rest(0)
    assert rig.said == [(Listing.ENCOUNTERS, "", 3), (Listing.SCAN, "300", 1)]
    assert rig.searches._of == {}
    assert rig.searches._over == [], "nothing is kept of a session that is over"


def test_what_one_session_could_not_write_refuses_the_search_of_another(rig: Rig) -> None:
    session, other = rig.session(), rig.session("c")
    rig.type(session, "ann", ANN)
    rig.why = rig.full
    rig.rest()
    with pytest.raises(VaultFullError):
        rig.type(other, "e", ERIKA)
    rig.why = lambda _event: ""
    rig.type(other, "e", ERIKA)
    rig.searches.left(other)
    assert rig.said == [(Listing.SEARCH, "ann", 1), (Listing.SEARCH, "e", 1)]


def test_where_the_ledger_has_stopped_no_search_is_answered(rig: Rig) -> None:
    rig.journal.stopped = "the disk failed"
    with pytest.raises(JournalStoppedError):
        rig.type(rig.session(), "ann", ANN)


def test_of_who_is_being_destroyed_neither_name_nor_id_is_taken(rig: Rig) -> None:
    def why(event: AnyEvent) -> str:
        assert isinstance(event, PatientsListed)
        return "it is being destroyed" if ERIKA in event.encounters else ""

    rig.why = why
    session = rig.session()
    rig.type(session, NAME, ERIKA)
    rig.searches.left(session)
    [event] = rig.written
    assert (event.listing, event.found, event.text, event.encounters) == (Listing.SEARCH, 1, "", ())


def test_what_a_guard_refuses_altogether_waits(rig: Rig) -> None:
    session = rig.session()
    rig.why = lambda _event: "no"
    with pytest.raises(OutOfDateError):
        rig.searches.listed(session, Listing.DUE, 1)
    rig.rest()
    with pytest.raises(OutOfDateError):
        rig.type(session, "ann", ANN)
    assert rig.said == []
    rig.why = lambda _event: ""
    rig.rest(0)
    assert rig.said == [(Listing.DUE, "", 1)]
    rig.searches.listed(session, Listing.DUE, 1)
    assert len(rig.said) == 1, "once for a session, also where it came late"
