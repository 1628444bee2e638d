"""Teams, departments, intimate pictures and broken glasses in the catalogue."""

from __future__ import annotations

from medkiosk.catalog.circle import Circle
from medkiosk.catalog.fold import Catalog, fold
from medkiosk.catalog.saved import Reach, load, save
from medkiosk.core import accessevents as acc
from medkiosk.core import events as ev
from medkiosk.core.consent import Subject, Witness
from medkiosk.core.events import AnyEvent
from medkiosk.core.ids import KIOSK, AccountId, CaptureId, DisposalId, EncounterId, GlassId
from medkiosk.core.lifecycle import Disposed
from medkiosk.retention.scope import goes
from medkiosk.review.machine import step

AT = "2026-05-01T09:00:00.000Z"
PAT, RITA, OTTO = (AccountId(each * 32) for each in "abc")
ONE, TWO = EncounterId("1" * 32), EncounterId("2" * 32)
GLASS = GlassId("f" * 32)
WHO = Subject(mrn="1", issuer="H", name="N", birth_date="")


def made(encounter_id: EncounterId, department: str = "") -> AnyEvent:
    return ev.EncounterCreated(
        at=AT, actor=PAT, encounter_id=encounter_id, subject=WHO, label="", department=department
    )


def assigned(actor: AccountId) -> AnyEvent:
    return ev.Assigned(at=AT, actor=actor, encounter_id=ONE, captures=())


STORY: tuple[AnyEvent, ...] = (
    made(ONE, "skin"),
    made(TWO),
    assigned(RITA),
    assigned(KIOSK),
    acc.TeamChanged(at=AT, actor=PAT, encounter_id=ONE, added=(OTTO,), removed=(PAT,), reason="why"),
    acc.EncounterRestricted(
        at=AT, actor=RITA, encounter_id=ONE, reason="why", chaperone=Witness(name="C", role="nurse")
    ),
    acc.EncounterRestricted(at=AT, actor=RITA, encounter_id=TWO, reason="why", chaperone=None),
    acc.RestrictionLifted(at=AT, actor=RITA, encounter_id=TWO, reason="why"),
    acc.GlassBroken(at=AT, actor=OTTO, glass_id=GLASS, encounter_id=ONE, reason="why", until=AT),
    ev.Viewed(at=AT, actor=OTTO, what=ev.What.PREVIEW, capture_id=CaptureId("9" * 32), glass=GLASS),
    ev.Viewed(at=AT, actor=OTTO, what=ev.What.PREVIEW, capture_id=CaptureId("9" * 32)),
    acc.GlassEnded(at=AT, actor=OTTO, glass_id=GLASS, encounter_id=ONE),
    acc.GlassReviewed(at=AT, actor=RITA, glass_id=GLASS, encounter_id=ONE, justified=True, words="it was so"),
)


def circle(*events: AnyEvent) -> Circle:
    found = fold(step, events)
    assert found.problems == ()
    return found.circle


def test_who_does_something_for_a_patient_is_of_the_team_but_the_kiosk() -> None:
    assert circle(*STORY[:4]).team == {ONE: (PAT, RITA), TWO: (PAT,)}
    assert circle(*STORY[:5]).team[ONE] == (RITA, OTTO)
    assert circle(*STORY[:5], assigned(PAT)).team[ONE] == (RITA, OTTO, PAT)


def test_departments_classes_and_glasses_add_up() -> None:
    found = circle(*STORY)
    assert found.departments == {ONE: "skin"}
    assert set(found.restricted) == {ONE}
    [glass] = found.of()
    assert glass.looks == 1
    assert glass.ended is not None
    assert list(found.of(unread=True)) == []
    assert len(list(circle(*STORY[:9]).of(unread=True))) == 1
    assert list(found.of(PAT)) == []


def test_it_is_saved_and_loaded() -> None:
    before = fold(step, STORY)
    after = Catalog(step)
    load(after, list(save(before, Reach("this code"))), "this code")
    assert after.circle == before.circle
    assert after.people == before.people


def test_an_encounter_that_is_disposed_of_takes_all_of_it_along_and_leaves_no_riddle() -> None:
    """Whoever reads the records that are left again finds nothing that does not fit."""
    catalog = fold(step, [])
    for seq, event in enumerate(STORY, 1):
        catalog.apply(event, seq)
    gone = catalog.records_of(encounters=[ONE])
    assert {STORY[seq - 1].name for seq in gone} >= {"glass.broken", "glass.reviewed", "encounter.restricted"}
    left = [event for event in STORY if not goes(event, frozenset(), frozenset({ONE}))]
    assert not [event.name for event in left if event.name.startswith("glass")]
    end = Disposed(
        at=AT,
        actor=KIOSK,
        disposal_id=DisposalId("d" * 32),
        captures=(),
        encounters=(ONE,),
        objects=(),
        records=(),
    )
    again = fold(step, [*left, end])
    assert [problem.event for problem in again.problems] == [end.name], (
        "of the disposal, which nobody proposed"
    )
    catalog.apply(end)
    assert catalog.circle == again.circle == Circle(team={TWO: (PAT,)})


def searched(*encounters: EncounterId) -> AnyEvent:
    return acc.PatientsListed(
        at=AT,
        actor=OTTO,
        listing=acc.Listing.SEARCH,
        found=len(encounters),
        text="N",
        encounters=encounters,
    )


def test_what_was_typed_goes_with_the_last_whom_a_search_showed() -> None:
    """It is a name, most of the time."""
    story = (made(ONE), made(TWO), searched(ONE), searched(ONE, TWO), searched(TWO), searched())
    catalog = fold(step, [])
    for seq, event in enumerate(story, 1):
        catalog.apply(event, seq)
    assert catalog.problems == ()
    assert catalog.records_of(encounters=[ONE]) == (1, 3, 4)
    assert catalog.records_of(encounters=[TWO]) == (2, 4, 5)

    def gone(now: EncounterId, *before: EncounterId) -> list[int]:
        captures = frozenset(map(CaptureId, before))
        return [seq for seq, each in enumerate(story, 1) if goes(each, captures, frozenset({now}))]

    assert gone(ONE) == [1, 3]
    assert gone(TWO, ONE) == [2, 3, 4, 5], "what showed somebody who stayed then, too"


def test_what_does_not_fit_is_said() -> None:
    ended, lifted = STORY[11], STORY[7]
    assert [p.words for p in fold(step, [ended]).problems] == ["unknown encounter"]
    assert [p.words for p in fold(step, [made(ONE), ended]).problems] == ["unknown glass"]
    assert [p.words for p in fold(step, [made(TWO), lifted]).problems] == ["the encounter is not restricted"]
    assert [p.words for p in fold(step, [*STORY[:12], ended]).problems] == ["the glass has ended before"]
