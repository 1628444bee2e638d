"""Nobody gets past the door: every method of the interface is asked by somebody who must not know.

`METHODS` has them all. A new one fails here until somebody has said what it asks, or why it asks nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import pytest

from medkiosk.console.looking import waiting
from medkiosk.core.consent import Purpose
from medkiosk.core.correctionevents import Outcome
from medkiosk.core.ids import AccountId, CorrectionId
from medkiosk.core.lifecycle import RetentionClass
from medkiosk.core.photo import Box, ImageRole, ReviewState
from medkiosk.core.slate import SlateKind
from medkiosk.ipc import types as t
from medkiosk.ipc import wire
from medkiosk.ipc.client import Client
from medkiosk.ipc.wire import RemoteError
from tests.access.hospital import INTIMATE, PLAIN, Hospital
from tests.e2e.test_roles import approved
from tests.kiosk import consent
from tests.outside import PLAIN as NO_EXTRAS
from tests.outside import terms

TEACHING = Purpose.TEACHING_RESEARCH

Ask = Callable[[Client, Hospital], object]
NOT_THEIRS = "neither your team's nor your department's"
NO_RIGHT = "a right of its own"


@dataclass(frozen=True)
class Refused:
    """Asked about an encounter of another department, or its picture, by ``who``: refused so."""

    ask: Ask
    who: str = "otto"
    words: str = NOT_THEIRS


@dataclass(frozen=True)
class Hides:
    """The answer to ``who`` has neither ids nor names of what they must not see."""

    ask: Ask
    who: str = "otto"


@dataclass(frozen=True)
class Nothing:
    """Needs no door, for a reason."""

    why: str


PLACE = Nothing("the machine, its devices and drives; no patient")
SETTINGS = Nothing("the settings of the kiosk; no patient")
ACCOUNT = Nothing("accounts and sessions; no patient")
OUTSIDE = Nothing("recipients and what left: the privacy officer's task for every patient; ids, no names")
KEEPING = Nothing(
    "retention is decided for every patient by whoever has that task; intimate ones without name"
)
AUDITOR = Nothing("the auditor's: what people did; no patient's name")
GUIDE = Nothing("the guide and its checks; no patient")

METHODS: dict[str, Refused | Hides | Nothing] = {
    # Pictures and captures
    "list_captures": Hides(lambda c, h: c.list_captures()),
    "get_capture": Refused(lambda c, h: c.get_capture(h.of_plain)),
    "get_preview": Refused(lambda c, h: c.get_preview(h.of_plain)),
    "prepare_preview": Refused(lambda c, h: c.prepare_preview(h.of_plain)),
    "get_part": Refused(lambda c, h: c.get_part(h.of_plain, 1, Box(0, 0, 9, 9), 9, 9)),
    "open_original": Refused(lambda c, h: c.open_original(h.of_plain, 1, "to see what is under it")),
    "get_original": Refused(lambda c, h: c.get_original(h.of_plain, 1, Box(0, 0, 9, 9), 9, 9)),
    "close_original": Nothing("ends what this connection was shown"),
    "change_masks": Refused(lambda c, h: c.change_masks(h.of_plain, 1, ())),
    "approve": Refused(lambda c, h: c.approve(h.of_plain, 1)),
    "reject": Refused(lambda c, h: c.reject(h.of_plain, 1, "no")),
    "ask_second": Refused(lambda c, h: c.ask_second(h.of_plain, 1, "no")),
    "give_role": Refused(lambda c, h: c.give_role(h.of_plain, ImageRole.REJECT)),
    "get_work": Nothing("numbers of what one sees: test_work_counts_only_what_one_sees"),
    "list_imports": Nothing("counts of what a device had; no capture and no patient"),
    "get_receipt": Nothing("files of a device and their hashes, as the ledger has them; no patient"),
    "list_quarantine": Refused(
        lambda c, h: c.list_quarantine(c.list_imports().imports[0].import_id),
        who="audi",
        words="does not see the catalogue",
    ),
    # Encounters
    "list_encounters": Hides(lambda c, h: c.list_encounters()),
    "find_encounters": Hides(lambda c, h: c.find_encounters("pet")),
    "get_encounters": Hides(lambda c, h: c.get_encounters((h.plain, h.intimate))),
    "create_encounter": Nothing("makes one of one's own; whom it knows already: test_a_form_tells_nothing"),
    "check_subject": Hides(lambda c, h: c.check_subject(PLAIN).similar),
    "read_scan": Hides(lambda c, h: c.read_scan(PLAIN.mrn)),
    "show_slate": Refused(lambda c, h: c.show_slate(h.plain, SlateKind.OPEN)),
    "record_consent": Refused(lambda c, h: c.record_consent(h.plain, consent())),
    "assign": Refused(lambda c, h: c.assign(h.plain, (h.loose,))),
    "get_team": Refused(lambda c, h: c.get_team(h.plain)),
    "change_team": Refused(lambda c, h: c.change_team(h.plain, ("otto",), (), "I want to")),
    "restrict": Refused(lambda c, h: c.restrict(h.plain, "why not", None)),
    "lift_restriction": Refused(lambda c, h: c.lift_restriction(h.intimate, "why not")),
    "say_sites": Refused(lambda c, h: c.say_sites(h.plain, ("14975008",))),
    "say_capture_sites": Refused(lambda c, h: c.say_capture_sites(h.of_plain, ("14975008",))),
    "propose_correction": Refused(lambda c, h: c.propose_correction(h.plain, (h.loose,), "wrong patient")),
    "propose_identity": Refused(lambda c, h: c.propose_identity(h.plain, INTIMATE, "wrong patient")),
    "decide_correction": Nothing("of one that names it: test_a_correction_is_decided_by_who_sees_it"),
    "take_back_correction": Nothing("of one's own proposal only"),
    "list_corrections": Nothing("those that one sees: test_a_correction_is_decided_by_who_sees_it"),
    # Break-glass
    "ask_for_patient": Nothing("says that there is something hidden, by the exact number; logged"),
    "break_glass": Nothing("is the way in; logged"),
    "end_glass": Nothing("of one's own"),
    "list_glasses": Nothing("what the privacy officer and the auditor look into; ids and reasons"),
    "review_glass": Nothing("likewise"),
    "get_access": Nothing("one's own departments and open glasses"),
    # What leaves
    "check_export": Refused(
        lambda c, h: c.check_export(h.recipient, TEACHING, (h.of_intimate,), terms(TEACHING)),
        who="olga",
        words=NO_RIGHT,
    ),
    "export": Refused(
        lambda c, h: c.export(h.recipient, TEACHING, (h.of_intimate,), terms(TEACHING), NO_EXTRAS),
        who="olga",
        words=NO_RIGHT,
    ),
    **dict.fromkeys(
        (
            "enrol_recipient", "revoke_recipient", "list_recipients", "get_sheet", "list_exports",
            "list_recall", "write_recall", "confirm_recall", "take_acknowledgements",
        ),
        OUTSIDE,
    ),
    # Retention
    "get_retention": Refused(lambda c, h: c.get_retention(h.plain)),
    "list_due": Hides(lambda c, h: c.list_due(), who="olga"),
    "list_disposals": Hides(lambda c, h: proposed(c, h), who="olga"),
    **dict.fromkeys(
        (
            "set_retention", "place_hold", "lift_hold", "list_holds", "propose_disposal", "refuse_disposal",
            "approve_disposal", "get_disposal",
        ),
        KEEPING,
    ),
    # Everything else
    **dict.fromkeys(
        (
            "audit", "list_events", "get_audit_event", "begin_audit_report", "more_audit_report",
            "write_audit_report",
        ),
        AUDITOR,
    ),
    **dict.fromkeys(
        (
            "answer_check", "begin_check", "get_guide_page", "get_training", "list_guide", "list_training",
            "read_guide", "search_guide", "take_guide",
        ),
        GUIDE,
    ),
    **dict.fromkeys(
        (
            "accept_rollback", "add_authenticator", "change_passphrase", "change_roles", "close_account",
            "create_account", "decommission", "list_accounts", "lock", "login", "login_challenge", "logout",
            "prepare_authenticator", "prepare_recovery", "remove_authenticator", "replace_recovery",
            "reset_passphrase", "set_departments",
        ),
        ACCOUNT,
    ),
    **dict.fromkeys(
        (
            "apply_update", "ask_setup", "back_up_now", "check_now", "check_update", "enrol_drive",
            "enrol_keyboard", "enrol_stick", "enrol_witness", "forget_drive", "forget_keyboard", "get_check",
            "get_ledger_head", "get_status", "list_drives", "list_kept", "list_usb", "read_witnesses",
            "repair_now", "restart_for_update", "scrub_now", "take_cosigned", "watch_status", "write_head",
        ),
        PLACE,
    ),
    **dict.fromkeys(
        (
            "check_settings", "decide_settings", "list_settings", "propose_settings", "read_settings",
            "restart_for_settings", "take_back_settings",
        ),
        SETTINGS,
    ),
}  # fmt: skip
REFUSED = {name: row for name, row in METHODS.items() if isinstance(row, Refused)}
HIDES = {name: row for name, row in METHODS.items() if isinstance(row, Hides)}


def proposed(client: Client, here: Hospital) -> object:
    """Disposals, after one was proposed that names an intimate encounter."""
    made = client.propose_disposal((here.intimate,), (), "asked for", "the patient's letter", True)
    found = client.list_disposals()
    client.refuse_disposal(made.disposal_id, "not now")
    return found


def test_every_method_is_in_the_table() -> None:
    assert set(METHODS) == set(wire.METHODS), "say what a new method asks, or why it asks nothing"


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_who_has_nothing_to_do_with_it_is_refused(here: Hospital, name: str) -> None:
    row = REFUSED[name]
    with pytest.raises(RemoteError, match=row.words) as refused:
        row.ask(here.logged_in(row.who), here)
    assert refused.value.remote_code == "access.denied"


@pytest.mark.parametrize("name", sorted(HIDES))
def test_what_one_must_not_know_of_is_not_in_the_answer(here: Hospital, name: str) -> None:
    row = HIDES[name]
    said = repr(row.ask(here.logged_in(row.who), here))
    assert INTIMATE.name not in said
    if row.who == "otto":
        for hidden in (here.plain, here.intimate, here.of_plain, here.of_intimate, PLAIN.name):
            assert hidden not in said


def test_lists_count_only_what_one_sees(here: Hospital) -> None:
    otto, rita = here.logged_in("otto"), here.logged_in("rita")
    assert (otto.list_captures().total, rita.list_captures().total) == (1, 3)
    assert (otto.list_encounters().total, rita.list_encounters().total) == (0, 2)
    assert otto.list_captures(encounter_id=here.plain).total == 0
    assert otto.list_captures(limit=1).captures[0].capture_id == here.loose


def test_work_counts_only_what_one_sees(here: Hospital) -> None:
    pat, rita, otto, audi = map(here.logged_in, ("pat", "rita", "otto", "audi"))
    assert pat.get_work() == t.Work(assign=1)
    assert rita.get_work() == t.Work(review=3, assign=1)
    assert len(waiting(rita, AccountId(""))) == 3, "Home counts others than the queue lists"
    assert otto.get_work().assign == 1  # what belongs to nobody yet is everybody's
    assert otto.get_work().review <= 1
    assert msgspec.structs.replace(audi.get_work(), glasses=0) == t.Work()  # other tests broke some
    made = pat.propose_correction(here.intimate, (here.of_plain,), "wrong patient")
    assert pat.get_work().corrections == 0  # nobody decides about what they asked for
    assert rita.get_work().corrections == 0  # a name in it is hidden from them
    assert here.logged_in("ines").get_work().corrections == 1
    pat.take_back_correction(made.correction_id)
    assert here.logged_in("ines").get_work().corrections == 0
    with here.kiosk.client() as nobody, pytest.raises(RemoteError, match="log in first"):
        nobody.get_work()


def test_of_intimate_pictures_who_lacks_the_right_sees_that_they_are_there(here: Hospital) -> None:
    rita, ines = here.logged_in("rita"), here.logged_in("ines")
    of_rita = {each.encounter_id: each for each in rita.list_encounters().encounters}
    of_ines = {each.encounter_id: each for each in ines.list_encounters().encounters}
    seen, known = of_rita[here.intimate], of_ines[here.intimate]
    assert (seen.restricted, seen.hidden, seen.subject.mrn) == (True, True, INTIMATE.mrn)
    assert (seen.subject.name, seen.subject.birth_date, seen.label, seen.consents) == ("", "", "", ())
    assert (known.restricted, known.hidden, known.subject, known.label) == (
        True,
        False,
        INTIMATE,
        "breast",
    )
    assert rita.find_encounters("ida").total == 0
    assert ines.find_encounters("ida").total == 1
    assert not of_rita[here.plain].hidden
    with pytest.raises(RemoteError, match=NO_RIGHT):
        rita.get_preview(here.of_intimate)
    assert ines.get_preview(here.of_intimate)[1]
    # The photographer goes on recording what they took, and does not see it any more.
    pat = here.logged_in("pat")
    pat.record_consent(here.intimate, consent())
    with pytest.raises(RemoteError, match="say why you record this"):
        pat.say_sites(here.intimate, ("76752008",))
    for guess in ("91470000", "76752008", "76752008"):  # an answer tells nothing of what was there
        said = pat.say_sites(here.intimate, (guess,), "seen")
    alone = pat.say_capture_sites(here.of_intimate, ("91470000",), "seen")
    for hidden in (said, alone, *rita.list_encounters().encounters):
        assert not {"76752008", "91470000"} & set(repr(hidden).replace("'", " ").split())
    seen_by_ines = {each.encounter_id: each for each in ines.list_encounters().encounters}[here.intimate]
    assert seen_by_ines.sites == ("76752008",)
    assert [each.sites for each in seen_by_ines.otherwise] == [("91470000",)]
    with pytest.raises(RemoteError, match=NO_RIGHT):
        pat.get_preview(here.of_intimate)
    with pytest.raises(RemoteError, match=NO_RIGHT):
        pat.lift_restriction(here.intimate, "I want to look")
    for sites in (("91470000",), ("91470000", "76752008"), ("91470000", "76752008"), ("76752008",)):
        approved(ines, ines.get_capture(here.of_intimate))
        pat.say_capture_sites(here.of_intimate, sites, "seen")  # the same, more, the same, less
        assert ines.get_capture(here.of_intimate).info.state is ReviewState.PROPOSED
    approved(ines, ines.get_capture(here.of_intimate))
    pat.say_sites(here.intimate, ("76752008",), "seen")  # though of the picture another word counts
    assert ines.get_capture(here.of_intimate).info.state is ReviewState.PROPOSED


def test_a_form_tells_nothing(here: Hospital) -> None:
    """Whoever types the number of a patient that they must not know gets the answer of one who is new."""
    otto = here.logged_in("otto")
    found = otto.check_subject(PLAIN)
    assert (found.similar, found.conflict) == ((), None)
    other = msgspec.structs.replace(PLAIN, name="Somebody Else", birth_date="1970-01-01")
    assert otto.check_subject(other).conflict is None


def test_a_correction_is_decided_by_who_sees_it(here: Hospital) -> None:
    pat, otto, rita = map(here.logged_in, ("pat", "otto", "rita"))
    made = pat.propose_correction(here.intimate, (here.of_plain,), "wrong patient")
    assert (made.after.mrn, made.after.name, made.after.birth_date) == (INTIMATE.mrn, "", "")
    assert made.before == (PLAIN,)
    assert otto.list_corrections().total == 0
    assert INTIMATE.name not in repr(rita.list_corrections())
    for client in (otto, rita):
        with pytest.raises(RemoteError, match=f"{NOT_THEIRS}|{NO_RIGHT}"):
            client.decide_correction(made.correction_id, Outcome.REFUSED, "no")
    assert INTIMATE.name not in repr(pat.take_back_correction(made.correction_id))
    with pytest.raises(RemoteError, match="0000"):
        otto.decide_correction(CorrectionId("0" * 32), Outcome.REFUSED, "no")


def test_who_records_without_the_right_proposes_and_learns_no_name(here: Hospital) -> None:
    pat, ines = map(here.logged_in, ("pat", "ines"))
    away = pat.propose_correction(here.plain, (here.of_intimate,), "wrong patient")
    assert ([each.mrn for each in away.before], away.after) == ([INTIMATE.mrn], PLAIN)
    for answer in (away, pat.take_back_correction(away.correction_id)):
        assert INTIMATE.name not in repr(answer)
        assert INTIMATE.birth_date not in repr(answer)
    # Guessing is answered in the same way where it is right and where it is not.
    wrong = msgspec.structs.replace(INTIMATE, name="Ida Different")
    for guess in (INTIMATE, wrong):
        made = pat.propose_identity(here.intimate, guess, "misspelt")
        back = pat.take_back_correction(made.correction_id)
        for answer in (made, back):
            assert "Ida" not in repr(answer)
            assert (answer.obstacles, answer.needs) == ((), ())
    with pytest.raises(RemoteError, match="written down already"):
        ines.propose_identity(here.intimate, INTIMATE, "misspelt")


def test_what_is_kept_how_long_is_said_to_who_sees_it(here: Hospital) -> None:
    olga = here.logged_in("olga")
    assert olga.get_retention(here.plain).retention is RetentionClass.ADULT
