"""What may change between a proposal and its approval, on the real daemon: nothing is destroyed then."""

from __future__ import annotations

import pytest

from medkiosk.core.consent import Subject
from medkiosk.core.lifecycle import DisposalState, RetentionClass
from medkiosk.ipc import types as t
from medkiosk.ipc.client import Client
from medkiosk.ipc.wire import RemoteError
from tests.corrections import moved, written
from tests.e2e.test_disposal import OLD, WHY, Department, department

__all__ = ["department"]


def names(client: Client) -> list[str]:
    return sorted(info.name for info in client.list_captures().captures)


def refused(client: Client, proposed: t.DisposalInfo, match: str) -> None:
    with pytest.raises(RemoteError, match=match):
        client.approve_disposal(proposed.disposal_id)
    assert client.get_disposal(proposed.disposal_id).state is DisposalState.PROPOSED
    assert names(client) == [f"IMG_{number:04d}" for number in range(1, 7)]


def test_what_changed_since_the_proposal_stops_it(department: Department) -> None:
    kiosk, captures = department.kiosk, department.captures
    with kiosk.session("olga") as olga, kiosk.session("rita") as rita, kiosk.session("pat") as pat:
        # A picture moved out of the encounter, and back by another person.
        proposed = olga.propose_disposal((department.goes,), (), **WHY, early=True)
        moved(pat, rita, department.stays, (captures["IMG_0001"],), "belongs there")
        refused(rita, proposed, "has changed")
        moved(pat, rita, department.goes, (captures["IMG_0001"],), "no, it does not")
        # Another class, also of what is early.
        olga.set_retention(department.goes, RetentionClass.PERMANENT, "the ethics board wants it kept")
        refused(rita, proposed, "another period")
        rita.refuse_disposal(proposed.disposal_id, "changed")
        # A hold on an encounter keeps a picture that was moved out of it.
        hold = olga.place_hold((department.goes,), (), **WHY)
        moved(pat, rita, department.stays, (captures["IMG_0002"],), "belongs there")
        with pytest.raises(RemoteError, match="legal hold"):
            olga.propose_disposal((), (captures["IMG_0002"],), **WHY, early=True)
    kiosk.stop()
    kiosk.start()
    with kiosk.session("olga") as olga:
        with pytest.raises(RemoteError, match="legal hold"):
            olga.propose_disposal((), (captures["IMG_0002"],), **WHY, early=True)
        olga.lift_hold(hold.hold_id, "over")
        olga.propose_disposal((), (captures["IMG_0002"],), **WHY, early=True)


def test_every_verdict_is_shown_and_what_is_too_much_is_not_proposed(department: Department) -> None:
    kiosk = department.kiosk
    with kiosk.session("olga") as olga, kiosk.session("rita") as rita:
        made = tuple(
            written(
                rita, Subject(mrn=f"m{n}", issuer="H", name=f"P{n}", birth_date="1950-01-01"), ""
            ).encounter_id
            for n in range(501)
        )
        with pytest.raises(RemoteError, match="501 encounters and single pictures"):
            olga.propose_disposal(made, (), **WHY, early=True)
        proposed = olga.propose_disposal(made[:60], (), **WHY, early=True)
        [listed] = rita.list_disposals().disposals
        for info in (proposed, listed, rita.get_disposal(proposed.disposal_id)):
            assert len(info.verdicts) == info.judged == info.not_due == 60
            assert info.warning == ""


def test_the_number_is_one_however_it_was_typed(department: Department) -> None:
    with department.kiosk.session("rita") as rita:
        typed = Subject(mrn=f" {OLD.mrn} ", issuer=f"{OLD.issuer} ", name=OLD.name, birth_date="")
        made = rita.create_encounter(typed, "knee")
        assert (made.subject.mrn, made.subject.issuer) == (OLD.mrn, OLD.issuer)
