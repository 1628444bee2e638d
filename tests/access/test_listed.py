"""Every method whose answer has a patient in it says what entry of the ledger there is of that."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from medkiosk.core.accessevents import Listing
from medkiosk.core.consent import Subject
from medkiosk.core.lifecycle import RetentionClass
from medkiosk.ipc import wire
from medkiosk.ipc.api import Api
from medkiosk.ipc.audittypes import AuditQuery
from medkiosk.ipc.client import Client
from medkiosk.ipc.wire import RemoteError
from tests.access.hospital import PLAIN, Hospital
from tests.access.test_door import proposed

ACT = "the entry of what was done, by whoever named the encounter"
ENTRIES: dict[str, Listing | str] = {
    "find_encounters": Listing.SEARCH,
    "list_encounters": Listing.ENCOUNTERS,
    "get_encounters": Listing.BY_ID,
    "check_subject": Listing.FORM,
    "read_scan": Listing.SCAN,
    "list_due": Listing.DUE,
    "list_corrections": Listing.CORRECTIONS,
    **dict.fromkeys(
        (
            "create_encounter", "assign", "restrict", "lift_restriction", "propose_correction",
            "propose_identity", "decide_correction", "take_back_correction", "say_sites",
            "say_capture_sites",
        ),
        ACT,
    ),
}  # fmt: skip
IN_WORDS: dict[str, Listing | str] = {
    "list_disposals": Listing.DISPOSALS,
    "get_disposal": Listing.DISPOSALS,
    **dict.fromkeys(("propose_disposal", "refuse_disposal", "approve_disposal"), ACT),
}
"""Those whose answers name a patient in a sentence: no type and no field tells."""
IN_FIELDS = frozenset({"mrn", "issuer", "issuers"})
"""What a patient's number, and who gave it, is called wherever it stands outside a `Subject`."""


def names_patients(hint: Any, seen: frozenset[object] = frozenset()) -> bool:
    """Whether a patient is anywhere in a value of this type."""
    if hint is Subject:
        return True
    if hint in seen:
        return False
    inner = typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        fields = typing.get_type_hints(hint)
        if IN_FIELDS & set(fields):
            return True
        inner = tuple(fields.values())
    return any(names_patients(each, seen | {hint}) for each in inner)


def due(client: Client, here: Hospital) -> object:
    """What is due, after one encounter was made so, and is not any more."""
    client.set_retention(here.plain, RetentionClass.RESEARCH, "the study is over", "2020-01-01")
    found = client.list_due()
    client.set_retention(here.plain, RetentionClass.ADULT, "it is not")
    return found


def corrections(client: Client, here: Hospital) -> object:
    """Corrections, after one was proposed that is taken back."""
    meant = Subject(mrn="8888", issuer=PLAIN.issuer, name="Zwirbel", birth_date="1988-08-08")
    made = client.propose_identity(here.plain, meant, "wrong wristband")
    found = client.list_corrections()
    client.take_back_correction(made.correction_id)
    return found


def one_disposal(client: Client, here: Hospital) -> object:
    """A disposal, by its id."""
    made = client.propose_disposal((here.plain,), (), "asked for", "the patient's letter", True)
    found = client.get_disposal(made.disposal_id)
    client.refuse_disposal(made.disposal_id, "not now")
    return found


CALLS: dict[str, tuple[str, Callable[[Client, Hospital], object]]] = {
    "find_encounters": ("rita", lambda c, _h: c.find_encounters("petra")),
    "list_encounters": ("rita", lambda c, _h: c.list_encounters()),
    "get_encounters": ("rita", lambda c, h: c.get_encounters((h.plain,))),
    "check_subject": ("pat", lambda c, _h: c.check_subject(PLAIN)),
    "read_scan": ("pat", lambda c, _h: c.read_scan(PLAIN.mrn)),
    "list_corrections": ("pat", corrections),
    "list_due": ("olga", due),
    "list_disposals": ("olga", proposed),
    "get_disposal": ("olga", one_disposal),
}
"""Each method that has a list of its own, asked by whoever sees the patient."""


def listed(here: Hospital, user: str) -> list[str]:
    """Entries of searches and lists of one person, in words, as an auditor is told."""
    audi = here.logged_in("audi")
    query = AuditQuery(user=user)
    page = audi.audit(query, limit=1000)
    lines = list(page.lines)
    while page.next < page.size:
        page = audi.audit(query, page.next, page.size, 1000)
        lines += page.lines
    return [each.words for each in lines if each.type == "patients.listed"]


def test_every_answer_with_a_patient_in_it_has_its_entry() -> None:
    found = {
        name for name in wire.METHODS if names_patients(typing.get_type_hints(getattr(Api, name))["return"])
    }
    assert found == set(ENTRIES), "say which entry of the ledger says that patients were shown"


def test_every_list_is_some_methods() -> None:
    assert set(IN_WORDS) <= set(wire.METHODS)
    used = {each for each in (*ENTRIES.values(), *IN_WORDS.values()) if isinstance(each, Listing)}
    assert used == set(Listing)
    own = {name for name, each in (ENTRIES | IN_WORDS).items() if isinstance(each, Listing)}
    assert set(CALLS) == own


@pytest.mark.parametrize("name", sorted(CALLS))
def test_what_it_says_is_in_the_ledger(here: Hospital, name: str) -> None:
    user, ask = CALLS[name]
    before = listed(here, user)
    with here.kiosk.session(user) as client:
        said = repr(ask(client, here))
        assert PLAIN.mrn in said or PLAIN.name in said or here.plain in said, "it shows nobody: ask otherwise"
    new = listed(here, user)[len(before) :]
    assert [each.split(":")[0] for each in new] == [str((ENTRIES | IN_WORDS)[name])]


def test_no_other_list_names_a_patient(here: Hospital) -> None:
    """Also not in a sentence, where no field tells: every list that needs no argument is asked."""
    lists = [
        name
        for name in wire.METHODS
        if name.startswith(("list_", "get_"))
        and all(
            each.default is not each.empty
            for each in list(inspect.signature(getattr(Api, name)).parameters.values())[1:]
        )
    ]
    naming, answered = set(), set()
    for user in ("rita", "olga", "audi", "admin"):
        client = here.logged_in(user)
        for name in lists:
            try:
                said = repr(getattr(client, name)())
            except RemoteError:
                continue
            answered.add(name)
            if PLAIN.mrn in said or PLAIN.name in said:
                naming.add(name)
    assert set(lists) - answered == {"list_usb"}, "of a machine that keeps such a list; no patient"
    assert "list_encounters" in naming
    assert naming <= set(ENTRIES | IN_WORDS), "say which entry of the ledger says that patients were shown"
