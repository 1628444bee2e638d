"""What a department demands, on the real daemon: refused in words, learned, allowed, remembered."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from medkiosk.core.config import Training, TrainingModules
from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.errors import KioskError
from medkiosk.core.events import Role
from medkiosk.core.ids import CaptureId, RecipientId
from medkiosk.daemon.training import demanded
from medkiosk.guide.page import Page
from medkiosk.guide.reading import read_page
from medkiosk.ipc import types as t
from medkiosk.ipc.client import Client
from tests.guide.test_library import OURS
from tests.guide.test_reading import FRONT
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk
from tests.kiosk import STAFF as EVERYBODY

NONE = CaptureId("f" * 32)
STAFF = ("rita", "olga", "audi")
"""An account or a login costs a second: as few as will do."""
PASSED, FAILED = "training.passed", "training.failed"


def settings(root: str) -> str:
    return f"""
[guide]
path = "{root}"
[training]
needed_for = ["approve", "export"]
valid_days = 30
[training.modules]
reviewer = ["privacy", "house"]
privacy_officer = ["privacy", "mistyped"]
"""


def house(version: str, page_id: str = "house") -> bytes:
    front = (
        FRONT.replace("id: test", f"id: {page_id}").replace("A test", "House rules").replace("1.2", version)
    )
    return (front + "Ours.\n## Check\n### Which?\n- [ ] this\n- [x] that\n> because\n").encode()


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    root = tmp_path_factory.mktemp("training")
    folder = root / "guide"
    folder.mkdir()
    (folder / "house.md").write_bytes(house("1.0"))
    (folder / "broken.md").write_text("---\n\x1b[2J\n")
    made = ScratchKiosk(root / "kiosk", settings=settings(str(folder)))
    made.init()
    made.start()
    with made.session(ADMIN) as admin:
        for user in STAFF:
            name, role = EVERYBODY[user]
            admin.create_account(user, name, (role,), PASSPHRASE)
    yield made
    made.close()


@pytest.fixture(scope="module")
def people(kiosk: ScratchKiosk) -> Iterator[dict[str, Client]]:
    """Everybody logged in once: a login costs a second."""
    with contextlib.ExitStack() as stack:
        clients = {user: stack.enter_context(kiosk.client()) for user in (ADMIN, *STAFF)}
        for user, client in clients.items():
            client.login(user, PASSPHRASE)
        yield clients


def page_of(kiosk: ScratchKiosk, page_id: str) -> Page:
    path = kiosk.root.parent / "guide" / f"{page_id}.md"
    return read_page(path.read_bytes(), page_id) if path.exists() else OURS.pages[page_id]


def take(kiosk: ScratchKiosk, client: Client, page_id: str, *, right: bool) -> bool:
    solution = {each.text: each.options[each.right] for each in page_of(kiosk, page_id).questions}
    check = client.begin_check(page_id)
    answers = [each.options.index(solution[each.text]) for each in check.questions]
    if not right:
        answers = [(n + 1) % len(each.options) for n, each in zip(answers, check.questions, strict=True)]
    result = client.answer_check(page_id, tuple(answers))
    assert (len(result.wrong) == 0) is right
    assert bool(result.until) is result.passed
    return result.passed


def why_not_approve(client: Client) -> str:
    with pytest.raises(KioskError) as refused:
        client.approve(NONE, 1)
    return refused.value.message


def test_the_guide_is_read_without_a_login_and_nothing_else_of_it(kiosk: ScratchKiosk) -> None:
    with kiosk.client() as client:
        listed = client.list_guide()
        assert {"privacy", "house"} <= {each.page_id for each in listed.pages}
        assert [words.partition(",")[0] for words in listed.problems] == ["broken.md"]
        assert [each.own for each in listed.pages if each.page_id == "house"] == [True]
        assert client.get_guide_page("house").blocks[0].text == "Ours."
        assert client.search_guide("house rules").hits[0].page_id == "house"
        with pytest.raises(KioskError, match="no page of the guide"):
            client.get_guide_page("../../etc/passwd")
        for refused in (lambda: client.begin_check("house"), client.get_training, client.list_training):
            with pytest.raises(KioskError, match="log in first"):
                refused()


def test_who_is_not_current_approves_nothing_and_learns_why(
    kiosk: ScratchKiosk, people: dict[str, Client]
) -> None:
    rita = people["rita"]
    words = why_not_approve(rita)
    assert '"What must not be in the picture": not passed yet; "House rules": not passed yet' in words
    assert "Guide (O)" in words
    assert take(kiosk, rita, "house", right=False) is False
    assert take(kiosk, rita, "house", right=True)
    words = why_not_approve(rita)
    assert "House rules" not in words
    assert take(kiosk, rita, "privacy", right=True)
    assert "There is no capture" in why_not_approve(rita)
    stands = {each.module: each for each in rita.get_training().stands}
    assert all(each.current and each.needed_for == ("approve",) for each in stands.values())


def test_a_check_is_judged_once_and_only_where_it_was_drawn(people: dict[str, Client]) -> None:
    audi, elsewhere = people["audi"], people["rita"]
    check = audi.begin_check("house")
    answers = (0,) * len(check.questions)
    with pytest.raises(KioskError, match="was not begun here"):
        elsewhere.answer_check("house", answers)
    with pytest.raises(KioskError, match="one answer a question"):
        audi.answer_check("house", ())
    with pytest.raises(KioskError, match="was not begun here"):
        audi.answer_check("house", answers)
    audi.begin_check("house")
    with pytest.raises(KioskError, match="was not begun here"):
        audi.answer_check("privacy", answers)
    with pytest.raises(KioskError, match="has no check"):
        audi.begin_check("routine")
    assert audi.get_training().stands == (), "whose role needs nothing"


def test_a_module_that_is_nowhere_closes_and_names_what_an_administrator_does(
    kiosk: ScratchKiosk, people: dict[str, Client]
) -> None:
    olga = people["olga"]
    assert take(kiosk, olga, "privacy", right=True)
    with pytest.raises(KioskError, match='"mistyped": this kiosk has no such check') as refused:
        olga.export(RecipientId("f" * 32), Purpose.TEACHING_RESEARCH, (NONE,), DataUse(), t.ExportOptions())
    assert "or proposes other settings" in refused.value.message


def test_who_is_not_current_exports_nothing_until_they_are(
    kiosk: ScratchKiosk, people: dict[str, Client]
) -> None:
    """The page that was nowhere is written: olga must learn it; then only what she asks is looked at."""
    olga = people["olga"]
    path = kiosk.root.parent / "guide" / "mistyped.md"
    path.write_bytes(house("1.0", "mistyped"))
    asked = (RecipientId("f" * 32), Purpose.TEACHING_RESEARCH, (NONE,), DataUse())
    lacks = '"House rules": not passed yet'
    with pytest.raises(KioskError, match=lacks) as refused:
        olga.export(*asked, t.ExportOptions())
    assert "Guide (O)" in refused.value.message
    assert take(kiosk, olga, "mistyped", right=False) is False
    with pytest.raises(KioskError, match=lacks):
        olga.export(*asked, t.ExportOptions())
    assert take(kiosk, olga, "mistyped", right=True)
    with pytest.raises(KioskError, match=r"no recipient|no capture"):
        olga.export(*asked, t.ExportOptions())
    path.unlink()


def test_who_passed_what_is_seen_by_those_who_may_and_is_in_the_ledger(people: dict[str, Client]) -> None:
    for user in (ADMIN, "olga", "audi"):
        found = people[user].list_training()
        staff = {each.user: each for each in found.people}
        assert [each.module for each in staff["rita"].stands if each.current] == ["privacy", "house"]
        page = people[user].list_training(1, 2)
        assert (page.total, len(page.people)) == (found.total, 2)
    with pytest.raises(KioskError, match="does not see who passed"):
        people["rita"].list_training()
    events = [each for each in people["audi"].list_events(0, 500).events if each.type in (PASSED, FAILED)]
    assert [each.type for each in events].count(FAILED) == 2
    assert [each.type for each in events].count(PASSED) == 4
    assert not any(word in str(each) for each in events for word in ("Which?", "because")), "no question"


def test_another_major_version_and_a_restart(kiosk: ScratchKiosk, people: dict[str, Client]) -> None:
    path = kiosk.root.parent / "guide" / "house.md"
    path.write_bytes(house("1.1"))
    rita = people["rita"]
    assert "There is no capture" in why_not_approve(rita)
    path.write_bytes(house("2.0"))
    assert "the page has changed since" in why_not_approve(rita)
    path.write_bytes(b"broken")
    assert '"house": this kiosk has no such check' in why_not_approve(rita)
    path.write_bytes(house("1.2"))
    kiosk.stop()
    kiosk.start()
    with kiosk.session("rita") as again:
        assert "There is no capture" in why_not_approve(again)


def test_what_is_demanded_follows_the_roles_that_give_the_right() -> None:
    modules = TrainingModules(reviewer=("a", "b"), privacy_officer=("b", "c"))
    both = (Role.REVIEWER, Role.PRIVACY_OFFICER)
    policy = Training(needed_for=("approve", "export"), modules=modules)
    assert demanded(policy, both, "approve") == ("a", "b")
    assert demanded(policy, both, "export") == ("b", "c")
    assert demanded(policy, (Role.PHOTOGRAPHER, Role.ADMINISTRATOR), "approve") == ()
    assert demanded(Training(needed_for=("export",), modules=modules), both, "approve") == ()
    assert demanded(Training(modules=modules), both, "export") == ()
