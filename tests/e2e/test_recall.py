"""A recipient from the telephone to the recall: the daemon, other people's tools, and the way back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from medkiosk.core import canon
from medkiosk.core.consent import ConsentKind, Purpose, Subject
from medkiosk.core.datause import DataUse
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.core.ids import CaptureId, EncounterId, RecipientId
from medkiosk.ipc.client import Client
from medkiosk.ipc.exporttypes import ExportState
from medkiosk.ipc.types import ExportOptions, ExportResult
from medkiosk.ipc.wire import RemoteError
from medkiosk.receiver import medkiosk_verify as tool
from tests.corrections import moved
from tests.e2e.test_department import age_key
from tests.kiosk import SUBJECT, ScratchKiosk, consent, decided
from tests.outside import SOON, enrolled, exported, terms

TEACHING = Purpose.TEACHING_RESEARCH


def approved(day: ScratchKiosk, subject: Subject, captures: tuple[CaptureId, ...]) -> EncounterId:
    """An encounter with consent and these captures, approved."""
    with day.session("pat") as pat, day.session("rita") as rita:
        encounter = pat.create_encounter(subject, "arm").encounter_id
        pat.record_consent(encounter, consent(TEACHING))
        pat.assign(encounter, captures, "it shows them")
        for capture_id in captures:
            detail = rita.get_capture(capture_id)
            detail = rita.change_masks(capture_id, detail.info.revision, decided(detail.findings))
            rita.get_preview(capture_id)
            rita.approve(capture_id, detail.info.revision)
    return encounter


def withdraw(day: ScratchKiosk, encounter: EncounterId) -> None:
    terms = msgspec.structs.replace(consent(TEACHING), kind=ConsentKind.WITHDRAWAL, expires="")
    with day.session("pat") as pat:
        pat.record_consent(encounter, terms)


def acknowledged(day: ScratchKiosk, result: ExportResult, identity: str, *arguments: str) -> None:
    """The receiver opens the bundle with their tool, which writes its word to the stick."""
    done = subprocess.run(
        [
            *("python3", tool.__file__, str(day.stick / result.folder)),
            *("--signer", day.made["export_public_key"], "--ledger-key", day.made["ledger_vkey"]),
            *("--identity", identity, "--acknowledge", str(day.stick), "--by", "Dr. C", *arguments),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def remove(day: ScratchKiosk, name: str) -> None:
    for path in day.stick.glob(name):
        path.unlink()


def test_who_is_enrolled_was_heard(day: ScratchKiosk, tmp_path: Path) -> None:
    key = age_key(tmp_path)
    with day.session("olga") as olga:

        def enrol(heard: str, key: str = key, *, method: RecipientMethod = RecipientMethod.AGE) -> str:
            info = olga.enrol_recipient("Dr. C", "", method, key, heard, (TEACHING,), SOON)
            return info.recipient_id

        for wrong in ("", key[-15:], "q" * 16, key, key[-16:-1] + "é"):
            with pytest.raises(RemoteError) as caught:
                enrol(wrong)
            assert caught.value.remote_code == "export.not_heard", wrong
            assert key[-16:] not in str(caught.value)
        with pytest.raises(RemoteError, match="has no key"):
            enrol("", method=RecipientMethod.PASSPHRASE)
        with pytest.raises(RemoteError, match="everybody can open"):
            enrol("a", key="age1" + "q" * 52 + "5cu47z")
        assert olga.list_recipients().recipients == ()
        spoken = " ".join(key[-16:].upper()[at : at + 4] for at in range(0, 16, 4))
        info = enrol(spoken)
        assert [each.recipient_id for each in olga.list_recipients().recipients] == [info]
        gone = olga.revoke_recipient(olga.list_recipients().recipients[0].recipient_id, "left the hospital")
        assert (gone.revoked, bool(gone.why_not)) == ("left the hospital", True)
        with pytest.raises(RemoteError, match="revoked before"):
            olga.revoke_recipient(gone.recipient_id, "again")
        sheet = olga.get_sheet()
    assert sheet.allowed_signers.split(" ", 2)[2] in day.made["export_public_key"]
    with day.session("pat") as pat, pytest.raises(RemoteError, match="does not enrol"):
        pat.list_recipients()


def test_what_left_is_recalled_until_they_say_that_they_know(day: ScratchKiosk, tmp_path: Path) -> None:
    with day.session("pat") as pat:
        first, second, third = (each.capture_id for each in pat.list_captures().captures)
    other = Subject("99", "2222", "Other Person", "1971-01-01")
    mine = approved(day, SUBJECT, (first, second))
    theirs = approved(day, other, (third,))
    identity = str(tmp_path / "identity.txt")
    with day.session("olga") as olga:
        anna = enrolled(olga, age_key(tmp_path)).recipient_id
        refused = enrolled(olga, "", name="Dr. P", purposes=(Purpose.PUBLICATION,)).recipient_id
        stops_alone(olga, anna, refused, first)
        bundle = exported(olga, anna, (first, second, third))
        assert olga.list_recall().lines == ()
        with pytest.raises(RemoteError, match="nothing that this recipient has is recalled"):
            olga.write_recall(anna)

    withdraw(day, mine)
    with day.session("olga") as olga:
        (line,) = olga.list_recall().lines
        assert (line.why, line.told, line.confirmed, line.perhaps) == ("withdrawn", "", "", False)
        assert (set(line.captures), len(line.images)) == ({first, second}, 2)
        alone = olga.write_recall(anna)
        (line,) = olga.list_recall().lines
        assert line.told
        notice = canon.decode((day.stick / alone.folder / "recall.json").read_bytes(), dict)
        assert notice["exports"] == [
            {
                "export_id": bundle.export_id,
                "images": sorted(line.images),
                "manifest_sha256": bundle.manifest_sha256,
            }
        ]
        signers = tmp_path / "allowed_signers"
        signers.write_text(olga.get_sheet().allowed_signers + "\n")
    subprocess.run(
        [
            *("ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", "medkiosk"),
            *("-n", "medkiosk-recall@v1", "-s", str(day.stick / alone.folder / "recall.json.sig")),
        ],
        input=(day.stick / alone.folder / "recall.json").read_bytes(),
        check=True,
        capture_output=True,
    )

    # The first bundle's word says nothing about a notice that it did not hold.
    acknowledged(day, bundle, identity)
    with day.session("olga") as olga:
        came = olga.take_acknowledgements()
        assert (came.refused, [each.by for each in came.taken]) == ((), ["Dr. C"])
        assert not olga.list_recall().lines[0].confirmed
        with_notice = exported(olga, anna, (third,))
        assert with_notice.recalled == 2
        assert (day.stick / with_notice.folder / "recall.json").exists()
    remove(day, "medkiosk-acknowledgement-*")
    acknowledged(day, with_notice, identity)
    with day.session("olga") as olga:
        olga.take_acknowledgements()
        (line,) = olga.list_recall().lines
        assert line.confirmed
        assert exported(olga, anna, (third,)).recalled == 0
        assert {each.state for each in olga.list_exports().exports} == {
            ExportState.WRITTEN,
            ExportState.ACKNOWLEDGED,
        }

    # Somebody else's picture: moved to whom it shows, and told again.
    with day.session("pat") as pat, day.session("rita") as rita:
        moved(pat, rita, mine, (third,), "the slate was of the next patient")
    with day.session("olga") as olga:
        wrong = [each for each in olga.list_recall().lines if each.why == "wrong_subject"]
        assert [each.captures for each in wrong] == [(third,)] * 3
        assert not any(each.told for each in wrong)
        assert olga.write_recall(anna).images == 3
        closed = olga.confirm_recall(anna, "Dr. Anna, on the telephone").lines
        assert all(each.confirmed for each in closed if each.recipient_id == anna)
        with pytest.raises(RemoteError, match="no notice was written"):
            olga.confirm_recall(anna, "again")
    assert theirs != mine


def stops_alone(olga: Client, anna: RecipientId, refused: RecipientId, capture: CaptureId) -> None:
    """Each of these alone stops an export that would go."""
    good = terms(TEACHING)

    def check(who: RecipientId, use: DataUse) -> tuple[str, ...]:
        return olga.check_export(who, TEACHING, (capture,), use).problems

    assert check(anna, good) == ()
    for words, use in (
        ("last day", DataUse(tuple(code for code in good.codes if code != "DUO:0000025"))),
        ("over already", DataUse(good.codes, "2020-01-01")),
        ("exactly one thing", DataUse(("DUO:0000025",), good.until)),
        ("Not a data use code", DataUse(("DUO:9999999",), good.until)),
    ):
        assert any(words in each for each in check(anna, use)), words
        with pytest.raises(RemoteError):
            olga.export(anna, TEACHING, (capture,), use, ExportOptions())
    assert any("may not receive pictures for" in each for each in check(refused, good))


def test_a_word_that_is_not_theirs_is_not_believed(day: ScratchKiosk, tmp_path: Path) -> None:
    for path in day.stick.glob("medkiosk-acknowledgement-*"):
        text = path.read_bytes()
        export_id = canon.decode(text, dict)["export_id"]
        break
    else:
        pytest.skip("the test before writes one")
    with day.session("olga") as olga:
        for change, words in (
            (text.replace(b"Dr. C", b"Dr. D"), "did not open"),
            (text.replace(b"acknowledgement/1", b"acknowledgement/2"), "not an acknowledgement"),
            (text.replace(export_id.encode(), b"0" * 32), "no bundle that this kiosk wrote"),
            (b"{}", "not an acknowledgement"),
        ):
            path.write_bytes(change)
            assert words in olga.take_acknowledgements().refused[0]
    done = day.ctl(
        "acknowledge",
        "--user",
        "olga",
        "--passphrase-file",
        "-",
        stdin="correct horse battery\n",
        check=False,
    )
    assert (done.returncode, "NOT BELIEVED" in done.stdout) == (1, True), done.stderr
