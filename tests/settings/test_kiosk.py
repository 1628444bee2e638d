"""Settings on the real daemon: one proposes, another decides, the next start takes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from medkiosk.core.consent import Subject
from medkiosk.core.correctionevents import Outcome
from medkiosk.core.ids import ProposalId
from medkiosk.ipc import types as t
from medkiosk.ipc.client import Client
from medkiosk.ipc.wire import RemoteError
from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from tests.e2e.test_maintenance import ended
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk

OWN = '[access]\ndepartments = ["eyes", "skin"]\nneed_to_know = "own"\n'
WHY = "the department said so"
pytestmark = pytest.mark.timeout(300)  # each test starts the daemon, some of them more than once


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    made = ScratchKiosk(tmp_path_factory.mktemp("settings") / "kiosk")
    try:
        made.init()
        made.start()
        made.hire()
        yield made
    finally:
        made.close()


def folder(kiosk: ScratchKiosk) -> Path:
    return kiosk.root / "settings"


def there(kiosk: ScratchKiosk) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder(kiosk).iterdir())}


def again(kiosk: ScratchKiosk) -> t.SettingsStatus:
    kiosk.stop_if_running()
    kiosk.start()
    return kiosk.status().settings


def proposed(admin: Client, text: str, back: tuple[str, ...] = ()) -> ProposalId:
    waiting = admin.propose_settings(text, back, WHY).waiting
    assert waiting is not None
    return waiting.proposal_id


def decided(kiosk: ScratchKiosk, text: str, back: tuple[str, ...] = ()) -> t.KioskSettings:
    with kiosk.session(ADMIN) as admin, kiosk.session("olga") as olga:
        return olga.decide_settings(proposed(admin, text, back), Outcome.APPROVED)


def one(found: t.KioskSettings, key: str) -> t.SettingInfo:
    [setting] = [each for each in found.settings if each.key == key]
    return setting


def notes(kiosk: ScratchKiosk) -> list[str]:
    leaves = map(entry.decode, Log.open(kiosk.store / "ledger").entries())
    return [leaf.note for leaf in leaves if leaf.type == "settings.decided"]


def test_two_people_alter_settings_and_the_next_start_takes_them(kiosk: ScratchKiosk) -> None:
    with kiosk.session(ADMIN) as admin, kiosk.session("olga") as olga, kiosk.session("audi") as audi:
        before = admin.list_settings()
        assert one(before, "access.need_to_know").shown.startswith("department")
        assert before.status == t.SettingsStatus()
        asked = proposed(admin, OWN)
        with pytest.raises(RemoteError, match="that comes first"):
            admin.propose_settings("[review]\noriginal_s = 30", (), WHY)
        assert audi.list_settings().waiting == olga.list_settings().waiting
        found = olga.decide_settings(asked, Outcome.APPROVED)
        own = one(found, "access.need_to_know")
        assert own.own
        assert (own.version, own.by, own.decided_by) == (1, ADMIN, "Olga Officer")
        assert own.now.startswith("department")  # until the next start
        assert found.status == t.SettingsStatus(version=0, newest=1, restart=True)
        assert admin.get_access().need_to_know == "department"
        with pytest.raises(RemoteError, match="starts the kiosk again"):
            audi.restart_for_settings()
    with kiosk.client() as olga:
        olga.login("olga", PASSPHRASE)
        olga.restart_for_settings()
    assert ended(kiosk) == 0
    assert again(kiosk) == t.SettingsStatus(version=1, newest=1)
    with kiosk.session(ADMIN) as admin:
        assert admin.get_access().need_to_know == "own"
        assert admin.get_access().departments == ("eyes", "skin")
        assert one(admin.list_settings(), "access.need_to_know").now == ""
        with pytest.raises(RemoteError, match="in force already"):
            admin.restart_for_settings()
    sha256 = hashlib.sha256(OWN.encode()).hexdigest()
    assert there(kiosk) == {f"000001-{sha256}.toml": OWN}
    assert notes(kiosk) == [f"version=1 sha256={sha256} keys=access.departments,access.need_to_know"]


def test_nobody_decides_alone_and_others_do_not_propose(kiosk: ScratchKiosk) -> None:
    text = '[access]\nneed_to_know = "department"\nidle_lock_s = 1200\n'
    with kiosk.session(ADMIN) as admin, kiosk.session("olga") as olga:
        draft = admin.check_settings(text)
        assert [(each.key, bool(each.weaker)) for each in draft.changes] == [
            ("access.need_to_know", True),
            ("access.idle_lock_s", True),
        ]
        asked = proposed(admin, text)
        for user in ("pat", "rita", "audi", ADMIN):
            with kiosk.session(user) as other, pytest.raises(RemoteError, match="only a privacy officer"):
                other.decide_settings(asked, Outcome.APPROVED)
        for user in ("pat", "rita"):
            with kiosk.session(user) as other, pytest.raises(RemoteError, match="does not see the settings"):
                other.list_settings()
        for user in ("pat", "rita", "audi", "olga"):
            with kiosk.session(user) as other, pytest.raises(RemoteError, match="only an administrator"):
                other.propose_settings(text, (), WHY)
        with pytest.raises(RemoteError, match="say why"):
            olga.decide_settings(asked, Outcome.REFUSED)
        assert olga.decide_settings(asked, Outcome.REFUSED, "too wide").waiting is None
        with pytest.raises(RemoteError, match="decided already"):
            olga.decide_settings(asked, Outcome.APPROVED)
        mine = proposed(admin, text)
        found = admin.take_back_settings(mine)
        assert [each.outcome for each in found.past[:2]] == [Outcome.TAKEN_BACK, Outcome.REFUSED]
        assert found.past[1].decision == "too wide"
    assert len(there(kiosk)) == 1
    assert len(notes(kiosk)) == 3  # the last two say nothing that anybody could take for a version
    assert notes(kiosk)[1:] == ["", ""]


def test_what_cannot_be_used_is_refused_whole(kiosk: ScratchKiosk) -> None:
    with kiosk.session(ADMIN) as admin:
        for text, words in (
            ("[access]\nidle_lock_s = 0", r"line 2: \[access\] idle_lock_s is a number from 60 to 28800"),
            ('[store]\npath = "/tmp"', r"line 2: \[store\] path cannot be altered here"),
            ('[identity]\nissuers = "listed"', "no number could be written down"),
            ('[training.modules]\nreviewer = ["privcy"]', "the guide has no check privcy"),
            ('[access]\nneed_to_know = "own"', "set already"),
            ("x", "line 1 is not TOML"),
        ):
            with pytest.raises(RemoteError, match=words):
                admin.propose_settings(text, (), WHY)
        assert admin.list_settings().waiting is None


def test_a_stick_brings_settings(kiosk: ScratchKiosk) -> None:
    file = kiosk.stick / "medkiosk-settings.toml"
    with kiosk.session(ADMIN) as admin:
        with pytest.raises(RemoteError, match="has no file medkiosk-settings"):
            admin.read_settings()
        file.write_text(
            '# from the office\n[[issuer]]\nname = "NHS"\nshortest = 10\nlongest = 10\ncheck = "mod11"\n'
        )
        draft = admin.read_settings()
        assert [(each.key, each.new) for each in draft.changes] == [("issuer", "NHS: 10 digits, check mod11")]
        file.write_text("[access]\nunknown = 1\n")
        with pytest.raises(RemoteError, match=r"line 2: there is no setting \[access\] unknown"):
            admin.read_settings()
        file.write_bytes(b"#" * (33 << 10))
        with pytest.raises(RemoteError, match="more than 32 KiB"):
            admin.read_settings()
        file.unlink()
        file.symlink_to("/etc/passwd")
        with pytest.raises(RemoteError, match="no file"):
            admin.read_settings()
    file.unlink()
    decided(kiosk, draft.text)
    assert again(kiosk).version == 2
    with kiosk.session("pat") as pat:
        wrong = Subject(mrn="9434765918", issuer="NHS", name="A", birth_date="")
        assert "check digit" in pat.check_subject(wrong).problem


def test_a_version_that_is_damaged_does_not_brick_the_kiosk_and_a_login_mends_it(
    kiosk: ScratchKiosk,
) -> None:
    good = there(kiosk)
    (folder(kiosk) / max(good)).write_text("\0" * 40)
    assert again(kiosk) == t.SettingsStatus(version=1, newest=2, unused=True)
    with kiosk.session("audi") as audi:
        assert audi.list_settings().unused == ("version 2: the file is damaged",)
        assert kiosk.status().settings == t.SettingsStatus(version=1, newest=2, restart=True)
    assert there(kiosk) == good
    for path in folder(kiosk).iterdir():
        path.write_text("")
    assert again(kiosk) == t.SettingsStatus(version=0, newest=2, unused=True)  # the image's values


def test_what_no_entry_knows_goes_and_what_is_missing_comes_back(kiosk: ScratchKiosk) -> None:
    """Power went between entry and file; the kiosk came from a backup; somebody put a file there."""
    kiosk.stop_if_running()
    good = there(kiosk)
    for name in good:
        (folder(kiosk) / name).unlink()
    weaker = '[access]\nneed_to_know = "department"\n'
    stranger = folder(kiosk) / f"000007-{hashlib.sha256(weaker.encode()).hexdigest()}.toml"
    stranger.write_text(weaker)
    assert again(kiosk).version == 7  # nobody can know before somebody logs in
    with kiosk.session("audi"):
        assert kiosk.status().settings == t.SettingsStatus(version=7, newest=2, restart=True)
        assert any("settings that nobody decided" in words for words in kiosk.status().problems)
    [(name, text)] = there(kiosk).items()
    assert name == max(good)
    assert '[[issuer]]\nname = "NHS"' in text


def test_what_cannot_be_used_is_an_alarm_and_can_be_put_right_at_the_kiosk(kiosk: ScratchKiosk) -> None:
    text = '[access]\nneed_to_know = "nobody"\n'
    name = f"000003-{hashlib.sha256(text.encode()).hexdigest()}.toml"
    kiosk.stop_if_running()
    (folder(kiosk) / name).write_text(text)
    assert again(kiosk) == t.SettingsStatus(version=2, newest=3, unused=True)
    findings = kiosk.wait(lambda status: bool(status.health.findings)).health.findings
    assert [each.level for each in findings if each.code == "settings.unused"] == [3]
    found = decided(kiosk, "", ("access.need_to_know",))
    assert found.status == t.SettingsStatus(version=2, newest=3, restart=True)
    assert again(kiosk).version == 3
    with kiosk.session(ADMIN) as admin:
        assert admin.get_access().need_to_know == "department"
        assert admin.get_access().departments == ("eyes", "skin")
        assert not one(admin.list_settings(), "access.need_to_know").own
