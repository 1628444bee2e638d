"""Every method whose answer has a patient in it says what entry of the ledger there is of that."""

from __future__ import annotations

import typing
from typing import Any

import msgspec

from medkiosk.core.accessevents import Listing
from medkiosk.core.consent import Subject
from medkiosk.ipc import wire
from medkiosk.ipc.api import Api

ACT = "the entry of what was done, by whoever named the encounter"
ENTRIES: dict[str, Listing | str] = {
    "find_encounters": Listing.SEARCH,
    "list_encounters": Listing.ENCOUNTERS,
    "get_encounters": Listing.BY_ID,
    "check_subject": Listing.FORM,
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
    "read_scan": Listing.SCAN,
    "list_disposals": Listing.DISPOSALS,
    "get_disposal": Listing.DISPOSALS,
    **dict.fromkeys(("propose_disposal", "refuse_disposal", "approve_disposal"), ACT),
}
"""Those whose answers name a patient by their number, or in a sentence: no type tells."""


def names_patients(hint: Any, seen: frozenset[object] = frozenset()) -> bool:
    """Whether a patient is anywhere in a value of this type."""
    if hint is Subject:
        return True
    if hint in seen:
        return False
    inner = typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        inner = tuple(typing.get_type_hints(hint).values())
    return any(names_patients(each, seen | {hint}) for each in inner)


def test_every_answer_with_a_patient_in_it_has_its_entry() -> None:
    found = {
        name for name in wire.METHODS if names_patients(typing.get_type_hints(getattr(Api, name))["return"])
    }
    assert found == set(ENTRIES), "say which entry of the ledger says that patients were shown"


def test_every_list_is_some_methods() -> None:
    assert set(IN_WORDS) <= set(wire.METHODS)
    used = {each for each in (*ENTRIES.values(), *IN_WORDS.values()) if isinstance(each, Listing)}
    assert used == set(Listing)
