"""Retention at the command line, on the real daemon: classes, holds, and a disposal by two people."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medkiosk.core.consent import Purpose, Subject
from tests.daemon.importing import picture, write
from tests.kiosk import PASSPHRASE, ScratchKiosk, consent, safe

SUBJECT = Subject(mrn="1", issuer="H", name="Erika Mustermann", birth_date="1950-01-01")
WHY = ("--reason", "asked for by the court", "--authority", "order 1 of 2026")


class Department:
    """A kiosk with three pictures; two are of one patient, who came twice."""

    def __init__(self, kiosk: ScratchKiosk) -> None:
        self.kiosk = kiosk
        kiosk.start()
        kiosk.wait(safe)
        kiosk.hire()
        with kiosk.session("rita") as rita:
            self.captures = tuple(info.capture_id for info in rita.list_captures().captures)
            self.encounters = tuple(
                rita.create_encounter(SUBJECT, label).encounter_id for label in ("knee", "hand")
            )
            for encounter_id, capture_id in zip(self.encounters, self.captures, strict=False):
                rita.record_consent(encounter_id, consent(Purpose.CLINICAL_RECORD))
                rita.assign(encounter_id, (capture_id,))

    def ctl(self, user: str, *rest: str, typed: str = "", code: int = 0) -> str:
        """One command; gives what it printed."""
        done = self.kiosk.ctl(
            "retention",
            "--user",
            user,
            "--passphrase-file",
            "-",
            *rest,
            stdin=f"{PASSPHRASE}\n{typed}",
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + (done.stderr if code else "")

    def json(self, user: str, *rest: str, typed: str = "") -> Any:
        return json.loads(self.ctl(user, *rest, "--json", typed=typed))


@pytest.fixture
def department(make_kiosk: Callable[..., ScratchKiosk], tmp_path: Path) -> Department:
    files = {f"DCIM/100CANON/IMG_{number:04d}.JPG": picture(number) for number in range(1, 4)}
    (tmp_path / "models").mkdir()
    return Department(make_kiosk(cards=[write(tmp_path / "card", files)], models=tmp_path / "models"))


def test_an_encounter_gets_a_class_and_becomes_due_by_it(department: Department) -> None:
    ctl, (knee, hand) = department.ctl, department.encounters
    assert "Nothing is due" in ctl("olga", "list")
    assert ctl("olga", "class", knee).startswith("adult: Not due before")
    assert "only research has an end" in ctl(
        "olga", "class", knee, "adult", "--until", "2020-12-31", "--reason", "study 7", code=2
    )
    # The reason is asked for.
    assert "Due since 2021-01-01" in ctl(
        "olga", "class", knee, "research", "--until", "2020-12-31", typed="study 7\n"
    )
    assert [item["encounter_id"] for item in department.json("olga", "list")["items"]] == [knee]
    listed = ctl("olga", "list", "--subject", "1", "H")
    assert knee in listed
    assert hand in listed
    assert department.captures[0] in ctl("olga", "list", "--encounter", knee)
    assert "nobody with this number" in ctl("olga", "list", "--subject", "2", "H", code=2)
    # Who does not decide about retention gives no class.
    assert "may not" in ctl("rita", "class", knee, "permanent", "--reason", "mine", code=5)
    assert "research" in ctl("rita", "class", knee)


def test_a_hold_keeps_one_picture_or_all_of_a_subject_until_it_is_lifted(department: Department) -> None:
    ctl, (knee, hand) = department.ctl, department.encounters
    assert "Nothing is held" in ctl("olga", "holds")
    assert "name what" in ctl("olga", "hold", *WHY, code=2)
    obeyed = ("--reason", "asked for by the \x1b[2J court", *WHY[2:])  # what a terminal would obey
    assert "printable" in ctl("olga", "hold", "--capture", department.captures[0], *obeyed, code=2)
    one = department.json("olga", "hold", "--capture", department.captures[0], *WHY)
    whole = department.json("olga", "hold", "--subject", "1", "H", typed="a claim\nsolicitor 7\n")
    assert set(whole["encounters"]) == {knee, hand}
    assert (whole["reason"], whole["authority"]) == ("a claim", "solicitor 7")
    assert "must be lifted" in ctl("olga", "propose", "--early", "--encounter", knee, *WHY, code=2)
    ctl("olga", "lift", whole["hold_id"][:8], "--reason", "settled")
    assert "must be lifted" in ctl("olga", "propose", "--early", "--encounter", knee, *WHY, code=2)
    assert one["hold_id"] in ctl("rita", "holds")
    assert "no hold in force" in ctl("olga", "lift", whole["hold_id"], "--reason", "again", code=2)
    ctl("olga", "lift", one["hold_id"], typed="settled\n")
    assert department.json("olga", "holds")["holds"] == []


def test_a_court_order_destroys_a_subject_when_a_second_person_types_its_id(department: Department) -> None:
    ctl, captures = department.ctl, department.captures
    assert "not due" in ctl("olga", "propose", "--subject", "1", "H", *WHY, code=2)
    proposed = department.json("olga", "propose", "--early", "--subject", "1", "H", *WHY)
    assert (proposed["captures"], proposed["early"]) == (2, True)
    disposal = proposed["disposal_id"]
    refused = ctl("rita", "refuse", disposal[:8], typed="wrong patient\n")
    assert "all of it is kept" in refused
    assert "refused already" in ctl("rita", "approve", disposal, typed=disposal[:8] + "\n", code=2)

    disposal = department.json("olga", "propose", "--early", "--subject", "1", "H", *WHY)["disposal_id"]
    assert "nothing was approved" in ctl("rita", "approve", disposal, typed="yes\n", code=2)
    assert "nobody answered" in ctl("rita", "approve", disposal, code=2)
    assert "second person" in ctl("olga", "approve", disposal, typed=disposal[:8] + "\n", code=5)
    assert _states(department) == ["proposed", "refused"]
    shown = ctl("rita", "approve", disposal[:8], typed=disposal[:8] + "\n")
    for words in (
        "court",
        "order 1 of 2026",
        "NOT ALL OF IT IS DUE",
        "2 of them not due",
        "Not due before",
        "two recovery sheets",
        "with a passphrase",  # the device secret of this kiosk is on the store's file system
    ):
        assert words in shown
    assert "nobody can open them again" in shown
    deadline = time.monotonic() + 150
    while _states(department)[0] != "finished":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    with department.kiosk.session("rita") as rita:
        assert [info.capture_id for info in rita.list_captures().captures] == [captures[2]]
        assert rita.list_encounters().total == 0


def _states(department: Department) -> list[str]:
    return [each["state"] for each in department.json("rita", "disposals")["disposals"]]


def test_a_single_picture_goes_and_its_encounter_stays(department: Department) -> None:
    disposal = department.json("olga", "propose", "--early", "--capture", department.captures[2], *WHY)
    json_typed = disposal["disposal_id"][:8] + "\n"
    done = department.json("rita", "approve", disposal["disposal_id"], typed=json_typed)
    assert done["state"] in ("approved", "destroying", "finished")
    deadline = time.monotonic() + 150
    while _states(department)[0] != "finished":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    with department.kiosk.session("rita") as rita:
        assert {info.capture_id for info in rita.list_captures().captures} == set(department.captures[:2])
        assert rita.list_encounters().total == 2
