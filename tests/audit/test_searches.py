"""Who searched for whom, on a real daemon: what is in the ledger, when, and what an auditor is told of it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from medkiosk.access.searching import RESTS_S
from medkiosk.core.accessevents import PatientsListed
from medkiosk.core.consent import Subject
from medkiosk.core.events import decode
from medkiosk.core.ids import EncounterId
from medkiosk.core.lifecycle import RetentionClass
from medkiosk.core.role import Role
from medkiosk.ipc import audittypes as at
from medkiosk.ipc.client import Client
from medkiosk.ledger import entry
from tests.bench.bigstore import Builder
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk

SETTINGS = '[access]\ndepartments = ["skin", "eyes"]\n'
_LETTERS = random.Random(7)
NAMES = ["Q" + "".join(_LETTERS.choices("abcdefghijklmnoprstuvwz", k=8)) for _ in range(24)]
"""Two dozen of the department skin: `q` finds more than are named one by one."""
HIDDEN = Subject(mrn="7000", issuer="Demo Hospital", name="Qxylophon", birth_date="1931-05-05")
"""Of the department eyes."""


@dataclass
class Searched:
    """A running kiosk with a reviewer for each of two departments, rita and otto."""

    kiosk: ScratchKiosk
    subjects: tuple[Subject, ...]
    encounters: tuple[EncounterId, ...]
    hidden: EncounterId

    @contextmanager
    def asking(self, user: str) -> Iterator[Client]:
        """A session whose search still stands at the end of the block; then its connection ends."""
        with self.kiosk.client() as client:
            client.login(user, PASSPHRASE)
            yield client

    def lines(self, **query: object) -> list[at.AuditLine]:
        """What an auditor is told: all entries of searches and lists that answer."""
        with self.kiosk.session("audi") as audi:
            page = audi.audit(at.AuditQuery(**query), limit=1000)  # type: ignore[arg-type]
            lines = list(page.lines)
            while page.next < page.size:
                page = audi.audit(at.AuditQuery(**query), page.next, page.size, 1000)  # type: ignore[arg-type]
                lines += page.lines
        return [each for each in lines if each.type == "patients.listed"]

    def new(self, before: list[at.AuditLine], user: str = "rita") -> list[str]:
        """What that person looked for since, in words."""
        return [each.words for each in self.lines(user=user)[len(before) :]]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searched]:
    root = tmp_path_factory.mktemp("searched")
    kiosk = ScratchKiosk(root, models=root, settings=SETTINGS)
    kiosk.init()
    kiosk.start()
    try:
        kiosk.hire()
        with kiosk.session(ADMIN) as admin:
            admin.create_account("otto", "Otto Tester", (Role.REVIEWER,), PASSPHRASE)
            admin.set_departments("otto", ("eyes",))
            for user in ("pat", "rita"):
                admin.set_departments(user, ("skin",))
        subjects = tuple(
            Subject(
                mrn=f"{100 + number}", issuer="Demo Hospital", name=name, birth_date=f"19{30 + number}-01-02"
            )
            for number, name in enumerate(NAMES)
        )
        with kiosk.session("pat") as pat:
            made = tuple(pat.create_encounter(each, "hand", "skin").encounter_id for each in subjects)
        with kiosk.session("otto") as otto:
            hidden = otto.create_encounter(HIDDEN, "eye", "eyes").encounter_id
        yield Searched(kiosk, subjects, made, hidden)
    finally:
        kiosk.close()


def test_what_is_typed_letter_by_letter_is_one_entry_once_it_rests(searched: Searched) -> None:
    before = searched.lines(user="rita")
    with searched.asking("rita") as rita:
        for end in range(1, len(NAMES[0]) + 1):
            found = rita.find_encounters(NAMES[0][:end])
        assert found.total == 1
        assert searched.new(before) == []
        time.sleep(RESTS_S + 1)
        words = [f"search: 1 found, up to {len(NAMES)} while it was typed"]
        assert searched.new(before) == words
        rita.find_encounters(NAMES[0])  # back from somewhere: it stands there still
    assert searched.new(before) == words


def test_it_is_there_before_what_is_opened_and_before_the_logout(searched: Searched) -> None:
    before = searched.lines(user="rita")
    with searched.asking("rita") as rita:
        [seen] = rita.find_encounters(NAMES[1]).encounters
        rita.get_team(seen.encounter_id)
        assert searched.new(before) == ["search: 1 found"]
        rita.find_encounters(NAMES[2])
        rita.logout()
        [_, last] = searched.lines(user="rita")[len(before) :]
    with searched.kiosk.session("audi") as audi:
        after = audi.get_audit_event(last.index + 1).line
    assert (after.type, after.user) == ("logout", "rita")


def test_locking_the_kiosk_and_a_cut_connection_write_it_too(searched: Searched) -> None:
    before = searched.lines(user="rita")
    with searched.asking("rita") as rita, searched.kiosk.client() as somebody:
        rita.find_encounters(NAMES[3])
        somebody.lock()
        assert searched.new(before) == ["search: 1 found"]
    with searched.asking("rita") as rita:
        rita.find_encounters(NAMES[4])
    deadline = time.monotonic() + RESTS_S / 2
    while len(searched.new(before)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert searched.new(before) == ["search: 1 found"] * 2


def test_who_looked_for_this_patient_and_nobody_who_was_not_shown(searched: Searched) -> None:
    with searched.kiosk.session("rita") as rita:
        assert rita.find_encounters(NAMES[5]).total == 1
        assert rita.find_encounters(HIDDEN.name).total == 0
        assert rita.find_encounters("q").total == len(NAMES)
    with searched.kiosk.session("otto") as otto:
        assert otto.find_encounters("q").total == 1
        assert otto.find_encounters(NAMES[5]).total == 0
    theirs = searched.lines(mrn=searched.subjects[5].mrn, issuer="Demo Hospital")
    assert [(each.user, each.words) for each in theirs] == [("rita", "search: 1 found")]
    shown = searched.lines(mrn=HIDDEN.mrn, issuer=HIDDEN.issuer)
    # `q` and the name that begins with it are one search: of whom `q` showed, and of nobody else.
    typed = "search: 0 found, up to {} while it was typed"
    assert [(each.user, each.words) for each in shown] == [("otto", typed.format(1))]
    assert searched.new([], "rita")[-1] == typed.format(len(NAMES))
    assert all(each.category == "look" for each in (*theirs, *shown))
    by_kind = searched.lines(categories=("look",), since=theirs[0].at)
    assert theirs[0].index in {each.index for each in by_kind}


def test_an_auditor_is_told_neither_words_nor_names(searched: Searched) -> None:
    with searched.kiosk.session("rita") as rita:
        rita.find_encounters(NAMES[6])
    last = searched.lines(user="rita")[-1]
    with searched.kiosk.session("audi") as audi:
        members = {each.name: each.value for each in audi.get_audit_event(last.index).members}
    assert members == {
        "listing": "search",
        "found": "1",
        "most": "0",
        "text": "(text, sealed)",
        "encounters.0": searched.encounters[6],
        "glasses": "none",
    }


def test_a_list_is_one_entry_for_a_session_whatever_is_leafed_through(searched: Searched) -> None:
    before = searched.lines(user="rita")
    everybody = f"encounters: {len(NAMES)} found"
    with searched.kiosk.session("rita") as rita:
        for offset in range(0, 30, 10):
            rita.list_encounters(offset, 10)
        rita.find_encounters(" - ", 0, 10)
        rita.get_encounters(searched.encounters[:3])
        rita.get_encounters((searched.hidden, *searched.encounters[:1]))
    assert searched.new(before) == [everybody, "by_id: 3 found"]
    with searched.kiosk.session("rita") as rita:
        rita.list_encounters()
        rita.get_encounters((searched.hidden,))
    assert searched.new(before)[2:] == [everybody], "of whom one does not see there is no name, and no entry"


def test_a_wristband_and_a_form_are_searches_too(searched: Searched) -> None:
    before = searched.lines(user="pat")
    mine, unknown = (
        searched.subjects[7],
        Subject(mrn="9999", issuer="Demo Hospital", name="Zz", birth_date=""),
    )
    with searched.kiosk.session("pat") as pat:
        assert pat.read_scan(mine.mrn).encounters == (searched.encounters[7],)
        assert pat.read_scan("4711").encounters == ()
        assert not pat.read_scan("\x1b[31m").mrn
        assert pat.check_subject(mine).known
        assert not pat.check_subject(unknown).known
        assert not pat.check_subject(HIDDEN).known
    assert searched.new(before, "pat") == ["scan: 1 found", "scan: 0 found", "form: 1 found"]
    theirs = searched.lines(mrn=mine.mrn, issuer=mine.issuer)
    assert [each.words for each in theirs if each.user == "pat"] == ["scan: 1 found", "form: 1 found"]
    hidden = searched.lines(mrn=HIDDEN.mrn, issuer=HIDDEN.issuer)
    assert all(each.user == "otto" for each in hidden)


def test_the_lists_of_retention_and_of_corrections_are_in_it(searched: Searched) -> None:
    before = searched.lines(user="olga")
    due, early = searched.encounters[8], searched.encounters[9]
    with searched.kiosk.session("olga") as olga:
        assert olga.list_due().total == 0
        assert olga.list_disposals().total == 0
        assert olga.list_corrections().total == 0
        assert searched.new(before, "olga") == [], "nobody was on them"
        olga.set_retention(due, RetentionClass.RESEARCH, "the study is over", "2020-01-01")
        proposed = olga.propose_disposal((early,), (), "asked for", "the patient's letter", early=True)
        assert olga.list_due().total == 1
        olga.list_disposals()
        olga.get_disposal(proposed.disposal_id)
        olga.refuse_disposal(proposed.disposal_id, "not now")
    assert searched.new(before, "olga") == ["due: 1 found", "disposals: 1 found"]
    meant = Subject(mrn="8888", issuer="Demo Hospital", name="Zwirbel", birth_date="1988-08-08")
    with searched.kiosk.session("pat") as pat:
        waits = pat.propose_identity(searched.encounters[10], meant, "wrong wristband")
    before = searched.lines(user="rita")
    with searched.kiosk.session("rita") as rita:
        assert rita.list_corrections().open == 1
    assert searched.new(before) == ["corrections: 1 found"]
    with searched.kiosk.session("pat") as pat:
        pat.take_back_correction(waits.correction_id)


def test_a_clean_stop_writes_it_and_a_power_cut_loses_what_was_just_typed(searched: Searched) -> None:
    kiosk = searched.kiosk
    before = searched.lines(user="rita")
    with searched.asking("rita") as rita:
        rita.find_encounters(NAMES[11])
        kiosk.stop()
    kiosk.start()
    assert searched.new(before) == ["search: 1 found"]
    with searched.asking("rita") as rita:
        rita.find_encounters(NAMES[12])
        time.sleep(RESTS_S + 1)
        rita.find_encounters(NAMES[13])
        kiosk.kill()
    kiosk.start()
    assert searched.new(before) == ["search: 1 found"] * 2
    kiosk.stop()
    sealed, notes = said(kiosk)
    assert [each.text for each in sealed][-2:] == [NAMES[11], NAMES[12]]
    assert [each.encounters for each in sealed][-2:] == [
        searched.encounters[11:12],
        searched.encounters[12:13],
    ]
    assert notes[-2:] == ["list=search found=1"] * 2
    assert not names_in_the_open(kiosk.root)
    kiosk.start()


def said(kiosk: ScratchKiosk) -> tuple[list[PatientsListed], list[str]]:
    """What is sealed, with the keys; and what stands in the open beside it."""
    builder = Builder(kiosk)
    try:
        events = [decode(builder.identity.open_record(row)) for row in builder.journal.vault.records()]
        leaves = [entry.decode(data) for data in builder.journal.log.entries()]
    finally:
        builder.close()
    sealed = [event for event in events if isinstance(event, PatientsListed)]
    return sealed, [leaf.note for leaf in leaves if leaf.type == "patients.listed"]


def names_in_the_open(root: Path) -> list[str]:
    """Names that are on the disk or in the daemon's log."""
    files = [path.read_bytes().lower() for path in root.rglob("*") if path.is_file()]
    return [name for name in (*NAMES, HIDDEN.name) if any(name.lower().encode() in data for data in files)]
