"""What comes while a stick is written: it stops the bundle before it has its name, through the real daemon.

The stick takes no byte until the other person has acted, so nothing here is a race.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

import msgspec
import pyrage
import pytest

from medkiosk.core.consent import ConsentKind, Subject
from medkiosk.core.ids import EncounterId
from medkiosk.core.photo import ImageRole
from medkiosk.daemon import correcting
from medkiosk.ipc.client import Client
from medkiosk.ipc.exporttypes import ExportInfo
from medkiosk.ipc.types import ExportOptions
from medkiosk.ipc.wire import RemoteError
from tests.access.test_memory import found
from tests.corrections import moved
from tests.e2e.gatestore import Filler, Recipe
from tests.kiosk import PASSPHRASE, ScratchKiosk, consent
from tests.outside import enrolled, terms
from tests.stick.test_daemon import PURPOSE, Desk, Running
from tests.virtual.stickfs import Stick, plugged_in, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "FUSE")

People = dict[str, Client]
KEY = str(pyrage.x25519.Identity.generate().to_public())


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    kiosk = ScratchKiosk(tmp_path_factory.mktemp("changed") / "kiosk")
    try:
        kiosk.init()
        kiosk.start()
        kiosk.hire()
        yield kiosk
    finally:
        kiosk.close()


@pytest.fixture(scope="module")
def desks(kiosk: ScratchKiosk) -> dict[str, Desk]:
    """For each change pictures and a recipient of its own; the daemon runs."""
    kiosk.stop()
    filler = Filler(kiosk)
    try:
        made = {
            name: Desk(kiosk, filler.capture(Recipe(), 2), filler.recipient(KEY), kiosk.root)
            for name in (*CHANGES, "lost", "said")
        }
    finally:
        filler.close()
    kiosk.start()
    return made


@pytest.fixture(scope="module")
def people(desks: dict[str, Desk]) -> Iterator[dict[str, Client]]:
    """Somebody of each role, logged in; ``writer`` is the officer who exports."""
    kiosk = desks["lost"].kiosk
    with contextlib.ExitStack() as stack:
        clients = {}
        for name, user in (("writer", "olga"), ("olga", "olga"), ("pat", "pat"), ("rita", "rita")):
            clients[name] = stack.enter_context(kiosk.client())
            clients[name].login(user, PASSPHRASE)
        yield clients


def encounter_of(client: Client, desk: Desk) -> EncounterId:
    found = client.get_capture(desk.captures[0]).info.encounter_id
    assert found is not None
    return found


def withdraw(people: People, desk: Desk) -> None:
    terms = msgspec.structs.replace(consent(PURPOSE), kind=ConsentKind.WITHDRAWAL, expires="")
    people["pat"].record_consent(encounter_of(people["pat"], desk), terms)


def agree_anew(people: People, desk: Desk) -> None:
    people["pat"].record_consent(encounter_of(people["pat"], desk), consent(PURPOSE))


def revoke(people: People, desk: Desk) -> None:
    people["olga"].revoke_recipient(desk.recipient, "their stick was stolen")


def move(people: People, desk: Desk) -> None:
    other = Subject("77", "Demo Hospital", "Other Person", "1971-01-01")
    there = people["pat"].create_encounter(other, "arm").encounter_id
    people["pat"].record_consent(there, consent(PURPOSE))
    moved(people["pat"], people["rita"], there, desk.captures[:1], "it shows somebody else")


def doubt(people: People, desk: Desk) -> None:
    other = Subject("78", "Demo Hospital", "Yet Another Person", "1972-01-01")
    there = people["pat"].create_encounter(other, "leg").encounter_id
    people["pat"].propose_correction(there, desk.captures[1:], "the scar is on the other side")


def give_role(people: People, desk: Desk) -> None:
    people["rita"].give_role(desk.captures[0], ImageRole.REFERENCE, "it is a colour chart")


def take_back_approval(people: People, desk: Desk) -> None:
    client = people["rita"]
    client.reject(
        desk.captures[0], client.get_capture(desk.captures[0]).info.revision, "a face was overlooked"
    )


CHANGES: dict[str, tuple[Callable[[People, Desk], None], str]] = {
    "consent withdrawn": (withdraw, "was withdrawn"),
    "consent recorded anew": (agree_anew, "Consent was recorded anew"),
    "recipient revoked": (revoke, "The recipient was revoked"),
    "picture moved": (move, "It is not approved"),
    "picture doubted": (doubt, correcting.DOUBT),
    "role given": (give_role, "This frame is a reference"),
    "approval taken back": (take_back_approval, "It is not approved"),
}


def ended(people: People, desk: Desk) -> tuple[ExportInfo, int]:
    """The newest export, and how many lines the recall list has about it."""
    info = people["olga"].list_exports(0, 1).exports[0]
    lines = people["olga"].list_recall().lines
    return info, sum(line.export_id == info.export_id for line in lines)


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_while_it_is_written_stops_it(desks: dict[str, Desk], people: People, name: str) -> None:
    desk, (change, words) = desks[name], CHANGES[name]
    stick: Stick
    with plugged_in(desk.kiosk.stick) as stick:
        stick.go_on.clear()
        running = Running(desk, people["writer"], count=2)
        assert stick.writing.wait(20)
        change(people, desk)
        stick.go_on.set()
        running.thread.join(60)
        assert isinstance(running.error, RemoteError), running.result
        assert running.error.remote_code == "export.changed"
        assert words in running.error.message
        assert stick.names() == []
    info, recalled = ended(people, desk)
    assert (info.state, info.code, info.perhaps, recalled) == ("failed", "export.changed", False, 0)


def test_a_stick_that_locks_itself_after_the_first_byte(desks: dict[str, Desk], people: People) -> None:
    """Nothing can be removed any more: it may be outside, the message says so, and it can be recalled."""
    desk = desks["lost"]
    with plugged_in(desk.kiosk.stick) as stick:
        stick.go_on.clear()
        running = Running(desk, people["writer"], count=2)
        assert stick.writing.wait(20)
        stick.fault.locked = True
        stick.go_on.set()
        running.thread.join(60)
        assert isinstance(running.error, RemoteError)
        assert running.error.remote_code == "export.stick_locked"
        assert "Do not hand this stick over" in running.error.message
        assert "nothing on the stick was changed" not in running.error.message
        assert stick.names() != []
    withdraw(people, desk)
    info, recalled = ended(people, desk)
    assert (info.state, info.code, info.perhaps, recalled) == ("failed", "export.stick_locked", True, 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look into the memory of a process")
def test_the_passphrase_is_not_in_memory_after_it_was_said(desks: dict[str, Desk], people: People) -> None:
    desk, olga = desks["said"], people["olga"]
    recipient = enrolled(olga, "", name="Somebody with a passphrase")
    result = olga.export(recipient.recipient_id, PURPOSE, desk.captures, terms(PURPOSE), ExportOptions())
    words = result.passphrase.split(" ")
    assert len(words) == 8
    needles = {
        "all of it": result.passphrase,
        "half": " ".join(words[:4]),
        "the other half": " ".join(words[4:]),
    }
    looked = found(
        desk.kiosk.pid,
        {name: text.encode() for name, text in needles.items()}
        | {f"{name}, wide": text.encode("utf-32-le") for name, text in needles.items()}
        | {"one word": words[0].encode(), "its folder": result.folder.encode()},
    )
    assert looked - {"its folder"} == {"one word"}  # the list of words has it
    assert "all of it" in found(os.getpid(), {"all of it": result.passphrase.encode()})  # here it was heard
