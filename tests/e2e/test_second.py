"""Two reviewers and the original, on the real daemon: who may, what is on record, what no export takes."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image, ImageOps

from medkiosk.core.consent import Purpose, Witness
from medkiosk.core.datause import usual
from medkiosk.core.events import Role
from medkiosk.core.ids import CaptureId
from medkiosk.core.photo import REVIEWER, Box, Category, Decision, Finding, ReviewState
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import CaptureDetail
from medkiosk.ipc.wire import RemoteError
from tests.e2e.test_department import age_key
from tests.e2e.test_roles import approved
from tests.kiosk import ADMIN, PASSPHRASE, SUBJECT, ScratchKiosk, consent, decided, redacted
from tests.outside import enrolled, terms

SETTINGS = """
[review]
second_for = ["publication", "face_shown", "restricted"]
original_s = 8.0
"""
TEACHING = Purpose.TEACHING_RESEARCH
WHY = "to judge what a mask hides"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def kiosk(small_card: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    """Redacted photographs of one patient who agreed to publication, and two reviewers."""
    kiosk = ScratchKiosk(tmp_path_factory.mktemp("two") / "kiosk", cards=[small_card], settings=SETTINGS)
    try:
        kiosk.init()
        kiosk.start()
        kiosk.wait(redacted, timeout_s=200)
        kiosk.hire()
        with kiosk.session(ADMIN) as admin:
            admin.create_account("rolf", "Rolf Reviewer", (Role.REVIEWER,), PASSPHRASE)
        with kiosk.session("pat") as pat:
            encounter = pat.create_encounter(SUBJECT, "left forearm").encounter_id
            pat.record_consent(encounter, consent(Purpose.PUBLICATION))
            pat.assign(encounter, tuple(c.capture_id for c in pat.list_captures().captures))
        yield kiosk
    finally:
        kiosk.close()


def ids(client: Client) -> list[CaptureId]:
    return [c.capture_id for c in client.list_captures().captures]


def look(client: Client, capture_id: CaptureId) -> CaptureDetail:
    client.get_preview(capture_id)
    return client.get_capture(capture_id)


def test_a_second_opinion_is_another_persons(kiosk: ScratchKiosk) -> None:
    with kiosk.session("rita") as rita, kiosk.session("rolf") as rolf:
        capture_id = ids(rita)[0]
        detail = approved(rita, look(rita, capture_id))
        assert detail.info.state is ReviewState.APPROVED
        with pytest.raises(RemoteError, match="say what the other person should look at"):
            rita.ask_second(capture_id, detail.info.revision, "  ")
        asked = rita.ask_second(capture_id, detail.info.revision, "is that a tattoo?")
        assert asked.info.state is ReviewState.NEEDS_SECOND
        assert asked.second[0] == "Rita Reviewer asks: is that a tattoo?"
        with pytest.raises(RemoteError, match="You asked for a second opinion"):
            rita.approve(capture_id, detail.info.revision)
        with pytest.raises(RemoteError, match="not looked at this revision"):
            rolf.approve(capture_id, detail.info.revision)
        rolf.get_preview(capture_id)
        done = rolf.approve(capture_id, detail.info.revision)
        assert done.info.state is ReviewState.APPROVED
        assert done.info.approvers == (rolf.login("rolf", PASSPHRASE).account_id,)
    with kiosk.session("pat") as pat, pytest.raises(RemoteError, match="does not review"):
        pat.ask_second(capture_id, detail.info.revision, "is that a tattoo?")


def test_what_is_for_publication_waits_for_another_approver(kiosk: ScratchKiosk, tmp_path: Path) -> None:
    with kiosk.session("rita") as rita, kiosk.session("rolf") as rolf, kiosk.session("olga") as olga:
        capture_id = ids(rita)[1]
        detail = approved(rita, look(rita, capture_id))
        recipient = enrolled(olga, age_key(tmp_path), purposes=(Purpose.PUBLICATION,)).recipient_id
        terms = usual(Purpose.PUBLICATION, datetime.now(UTC).date())

        def denials() -> list[str]:
            asked = olga.check_export(
                recipient, Purpose.PUBLICATION, (capture_id,), terms, "Example Journal of Demonstrations"
            )
            return [denial.reason for denial in asked.denials]

        [reason] = denials()
        assert reason.startswith("Two people must approve it, because it leaves for publication")
        again = look(rita, capture_id)
        assert any("must be somebody else" in problem for problem in again.problems)
        with pytest.raises(RemoteError, match="must be somebody else"):
            rita.approve(capture_id, detail.info.revision)
        assert look(rolf, capture_id).problems == ()
        rolf.approve(capture_id, detail.info.revision)
        assert denials() == []
    with kiosk.session("audi") as audi:
        told = [f"{e.type} {e.actor}" for e in audi.list_events(0, 1000).events]
    assert sum(line.startswith("review.approved") for line in told) == 4


def test_an_original_is_seen_for_a_reason_that_is_on_record_and_for_a_while(
    kiosk: ScratchKiosk, small_card: Path
) -> None:
    with kiosk.session("rita") as rita:
        capture_id = ids(rita)[2]
        detail = look(rita, capture_id)
        revision, name = detail.info.revision, detail.info.name
        whole = Box(0, 0, detail.width, detail.height)
        size = (detail.width, detail.height)
        with pytest.raises(RemoteError, match="not open"):
            rita.get_original(capture_id, revision, whole, *size)
        with pytest.raises(RemoteError, match="needs a reason"):
            rita.open_original(capture_id, revision, "")
        assert not looks(kiosk), "it was refused, and counts as seen"
        opened = rita.open_original(capture_id, revision, WHY)
        assert opened.seconds == 8.0
        picture, pixels = rita.get_original(capture_id, revision, whole, *size)
        [seen] = looks(kiosk)
        assert capture_id in seen
        [path] = small_card.rglob(f"{name}.JPG")
        real = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(path.read_bytes()))).convert("RGB"))
        drawn = np.frombuffer(pixels, np.uint8).reshape(picture.height, picture.width, 3)
        assert drawn.shape == real.shape
        assert np.abs(drawn.astype(int) - real).mean() < 2, "it is another picture"
        _, covered = rita.get_part(capture_id, revision, whole, *size)
        redacted_ = np.frombuffer(covered, np.uint8).reshape(drawn.shape)
        masked = next(f.box for f in detail.findings if f.decision is Decision.MASK)
        part = np.s_[masked.y : masked.y + masked.h, masked.x : masked.x + masked.w]
        assert redacted_[part].max() < 40
        assert drawn[part].max() > 40
        small = Box(masked.x, masked.y, masked.w, masked.h)
        rita.open_original(capture_id, revision, WHY)
        pieces = [rita.get_original(capture_id, revision, small, masked.w, masked.h)[1] for _ in range(2)]
        assert pieces[0] == pieces[1]
        piece = pieces[0]
        assert (
            np.abs(np.frombuffer(piece, np.uint8).reshape(drawn[part].shape).astype(int) - drawn[part]).max()
            < 3
        )
        for wrong in (Box(-1, 0, 5, 5), Box(0, 0, detail.width + 1, 5)):
            with pytest.raises(RemoteError, match="no such part"):
                rita.get_original(capture_id, revision, wrong, 5, 5)
        with pytest.raises(RemoteError, match="not open"):
            rita.get_original(ids(rita)[0], 1, small, 5, 5)
        assert len(looks(kiosk)) == 2, "each part counts as a look"
        rita.close_original()
        with pytest.raises(RemoteError, match="not open"):
            rita.get_original(capture_id, revision, small, 5, 5)
        rita.open_original(capture_id, revision, WHY)
        time.sleep(8.2)
        with pytest.raises(RemoteError, match="not open any more"):
            rita.get_original(capture_id, revision, small, 5, 5)
    with kiosk.session("rita") as rita, pytest.raises(RemoteError, match="not open"):
        rita.get_original(capture_id, revision, small, 5, 5)
    for user in ("pat", "olga", "audi"):
        with kiosk.session(user) as other, pytest.raises(RemoteError, match="does not see originals"):
            other.open_original(capture_id, revision, WHY)
    assert "Traceback" not in kiosk.log.read_text()


def test_what_is_only_prepared_is_no_look_and_cannot_be_approved(kiosk: ScratchKiosk) -> None:
    with kiosk.session("rolf") as rolf:
        capture_id = ids(rolf)[2]
        before = len(looks(kiosk, "preview"))
        rolf.prepare_preview(capture_id)
        rolf.prepare_preview(capture_id)
        assert len(looks(kiosk, "preview")) == before
        assert any("not looked at" in problem for problem in rolf.get_capture(capture_id).problems)
        picture, prepared = rolf.get_preview(capture_id)
        assert len(looks(kiosk, "preview")) == before + 1
        assert rolf.get_preview(capture_id) == (picture, prepared), (
            "it is another picture than the sealed one"
        )
        several = ids(rolf)
        for each in several:
            rolf.prepare_preview(each)
        shown = {each: rolf.get_preview(each)[1] for each in reversed(several)}
        assert len(looks(kiosk, "preview")) == before + 2 + len(several)
    with kiosk.session("rita") as rita:
        assert rita.get_preview(capture_id)[1] == prepared
        assert {each: rita.get_preview(each)[1] for each in several} == shown


def drawn(client: Client, capture_id: CaptureId, category: Category) -> CaptureDetail:
    """A new revision, which nobody has approved, with one more mask; looked at."""
    found = look(client, capture_id)
    mask = Finding(category, Box(8, 8, 64, 64), REVIEWER, "", 1000, Decision.MASK)
    client.change_masks(capture_id, found.info.revision, (*decided(found.findings), mask))
    return look(client, capture_id)


def test_a_picture_that_shows_a_face_waits_for_another_approver(kiosk: ScratchKiosk) -> None:
    with kiosk.session("rita") as rita, kiosk.session("rolf") as rolf:
        capture_id = ids(rita)[2]
        found = drawn(rita, capture_id, Category.FACE)
        kept = tuple(
            msgspec.structs.replace(f, decision=Decision.KEEP, reason="it is what is photographed")
            if f.category is Category.FACE
            else f
            for f in found.findings
        )
        revision = rita.change_masks(capture_id, found.info.revision, kept).info.revision
        look(rita, capture_id)
        assert rita.approve(capture_id, revision).info.state is ReviewState.NEEDS_SECOND
        look(rolf, capture_id)
        assert rolf.approve(capture_id, revision).info.state is ReviewState.APPROVED


def test_two_approve_what_is_intimate_also_where_it_became_so_afterwards(
    kiosk: ScratchKiosk, tmp_path: Path
) -> None:
    both = Role.INTIMATE_PICTURES
    with kiosk.session(ADMIN) as admin:
        for user, role in (("ines", Role.REVIEWER), ("ida", Role.REVIEWER), ("odo", Role.PRIVACY_OFFICER)):
            admin.create_account(user, f"{user.title()} Tester", (role, both), PASSPHRASE)
    with kiosk.session("ines") as ines, kiosk.session("ida") as ida, kiosk.session("odo") as odo:
        before, after = ids(ines)[:2]
        recipient = enrolled(odo, age_key(tmp_path), purposes=(TEACHING,)).recipient_id
        encounter = ines.create_encounter(SUBJECT, "breast").encounter_id
        ines.record_consent(encounter, consent())
        ines.assign(encounter, (before, after), "it is another visit")

        def denials(capture_id: CaptureId) -> list[str]:
            asked = odo.check_export(recipient, TEACHING, (capture_id,), terms(TEACHING))
            return [denial.reason for denial in asked.denials]

        found = drawn(ines, before, Category.OTHER)
        assert ines.approve(before, found.info.revision).info.state is ReviewState.APPROVED
        assert denials(before) == []
        ines.restrict(encounter, "intimate area", None)
        [reason] = denials(before)
        assert reason.startswith("Two people must approve it, because it is restricted")
        revision = look(ida, before).info.revision
        assert ida.approve(before, revision).info.state is ReviewState.APPROVED
        assert denials(before) == []

        found = drawn(ines, after, Category.OTHER)
        found = ines.approve(after, found.info.revision)
        assert found.info.state is ReviewState.NEEDS_SECOND
        assert any("because it is restricted" in line for line in found.second)
        assert denials(after)
        look(ida, after)
        assert ida.approve(after, found.info.revision).info.state is ReviewState.APPROVED
        assert denials(after) == []


def test_an_encounter_is_intimate_from_its_first_moment(kiosk: ScratchKiosk) -> None:
    subject = msgspec.structs.replace(SUBJECT, mrn="3000003", name="Nora New", birth_date="1950-05-05")
    with kiosk.session("pat") as pat:
        total = pat.list_encounters().total
        for intimate, chaperone in ((True, Witness("Clara", " ")), (False, Witness("Clara", "nurse"))):
            with pytest.raises(RemoteError, match="chaperone"):
                pat.create_encounter(subject, "breast", intimate=intimate, chaperone=chaperone)
        assert pat.list_encounters().total == total, "it was refused, and made all the same"
        clara = Witness("Clara", "nurse")
        made = pat.create_encounter(subject, "breast", intimate=True, chaperone=clara)
        assert (made.restricted, made.hidden, made.subject.name) == (True, True, "")
    with kiosk.session("audi") as audi:
        types = [each.type for each in audi.list_events(0, 1000).events]
    place = max(place for place, type_ in enumerate(types) if type_ == "encounter.created")
    assert types[place + 1] == "encounter.restricted"


def looks(kiosk: ScratchKiosk, what: str = "original") -> list[str]:
    """What an auditor reads of looks."""
    with kiosk.session("audi") as audi:
        events = audi.list_events(0, 1000).events
    return [e.summary for e in events if e.type == "viewed" and e.summary.startswith(what)]
