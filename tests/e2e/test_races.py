"""Two people, one photo; a double key press; a cable pulled too early."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from medkiosk.core.consent import Purpose, Subject
from medkiosk.core.photo import Box, Category, Decision, Finding, ReviewState
from medkiosk.ipc.client import Client
from medkiosk.ipc.wire import RemoteError
from tests.corrections import moved
from tests.e2e.test_department import age_key
from tests.kiosk import SUBJECT, ScratchKiosk, decided, safe
from tests.outside import enrolled, terms
from tests.virtual.camera import RunningCamera

Make = Callable[..., ScratchKiosk]
OTHER = Subject(mrn="99", issuer="Demo Hospital", name="Somebody Else", birth_date="")
DRAWN = Finding(
    category=Category.MARK,
    box=Box(10, 10, 50, 40),
    detector="reviewer",
    model="",
    confidence=1000,
    decision=Decision.MASK,
    reason="tattoo",
)


def both(first: Callable[[], object], second: Callable[[], object]) -> list[object]:
    """Do two things at once; give the results, or what was refused."""

    def tried(do: Callable[[], object]) -> object:
        try:
            return do()
        except RemoteError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(tried, [first, second]))


def refusals(results: list[object]) -> list[RemoteError]:
    return [result for result in results if isinstance(result, RemoteError)]


def test_two_people_file_the_same_photos_under_two_patients(day: ScratchKiosk) -> None:
    with day.session("pat") as pat, day.session("rita") as rita:
        captures = tuple(c.capture_id for c in pat.list_captures().captures)
        mine = pat.create_encounter(SUBJECT, "a").encounter_id
        yours = rita.create_encounter(OTHER, "b").encounter_id
        results = both(lambda: pat.assign(mine, captures), lambda: rita.assign(yours, captures))
        [refused] = refusals(results)
        assert "needs a reason" in refused.message

        # Nobody moves them alone.
        holder = pat.list_captures().captures[0].encounter_id
        first, second, to = (pat, rita, yours) if holder == mine else (rita, pat, mine)
        for each in (first, second):
            with pytest.raises(RemoteError, match="second person"):
                each.assign(to, captures, "wrong patient")

        found = rita.get_capture(captures[0])
        if (plan := decided(found.findings)) != found.findings:
            rita.change_masks(captures[0], found.info.revision, plan)
        rita.get_preview(captures[0])
        rita.approve(captures[0], rita.get_capture(captures[0]).info.revision)
        moved(pat, rita, to, captures, "wrong patient")
        now = rita.get_capture(captures[0]).info
        assert now.encounter_id == to
        assert now.state is ReviewState.PROPOSED, "it was approved as another patient's"


def test_two_reviewers_change_the_same_revision(day: ScratchKiosk) -> None:
    with day.session("rita") as one, day.session("rita") as two:
        capture = one.list_captures().captures[1]
        found = one.get_capture(capture.capture_id).findings

        def change(client: Client) -> Callable[[], object]:
            return lambda: client.change_masks(capture.capture_id, capture.revision, (*found, DRAWN))

        results = both(change(one), change(two))
        [refused] = refusals(results)
        assert refused.remote_code in ("journal.out_of_date", "request.invalid")
        assert one.get_capture(capture.capture_id).info.revision == capture.revision + 1


def test_a_double_key_press_does_no_harm_and_exports_go_on(day: ScratchKiosk, tmp_path: Path) -> None:
    with day.session("rita") as rita:
        capture = rita.list_captures().captures[2]
        rita.reject(capture.capture_id, capture.revision, "blurred")
        with pytest.raises(RemoteError, match="rejected") as caught:
            rita.reject(capture.capture_id, capture.revision, "blurred")
        assert caught.value.remote_code == "journal.out_of_date"
    with day.session("olga") as olga:
        recipient = enrolled(olga, age_key(tmp_path)).recipient_id
        purpose = Purpose.TEACHING_RESEARCH
        check = olga.check_export(recipient, purpose, (capture.capture_id,), terms(purpose))
        assert all("damaged" not in denial.reason for denial in check.denials)


def test_a_cable_pulled_too_early_goes_on_warning(make_kiosk: Make, card: Path) -> None:
    sizes = [path.stat().st_size for path in sorted(card.rglob("*.JPG"))]
    camera = RunningCamera(card, faults=[f"vanish-at={len(sizes) * 65536 + sum(sizes[:3])}"])
    try:
        kiosk = make_kiosk(cameras=[camera.gphoto_port], settings="group_files = 1\nretries = 0")
        kiosk.start()
        status = kiosk.wait(lambda s: bool(s.devices) and s.devices[0].state == "lost")
        assert status.headline == "UNPLUGGED TOO EARLY"
        assert "Keep the card" in status.devices[0].detail
        waited = kiosk.ctl("import", "--timeout", "5", check=False)
        assert waited.returncode == 1
        camera.restart()
        kiosk.wait(safe)
        assert kiosk.ctl("import", "--timeout", "30").returncode == 0
    finally:
        camera.stop()
