"""The audit over the real daemon's socket: what is found, what is not said, what is logged of it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from medkiosk.audit import report
from medkiosk.core.ids import CaptureId
from medkiosk.ipc import audittypes as at
from medkiosk.ipc.auditapi import Form
from medkiosk.ipc.client import Client
from medkiosk.ipc.wire import RemoteError
from medkiosk.ledger import proof
from medkiosk.ledger.note import LogKeys
from tests.audit.conftest import NEED, REASON, Audited
from tests.kiosk import SUBJECT

PATIENT = at.AuditQuery(mrn=SUBJECT.mrn, issuer=SUBJECT.issuer)


@pytest.fixture(scope="module")
def audi(audited: Audited) -> Iterator[Client]:
    with audited.kiosk.session("audi") as client:
        yield client


def everything(client: Client, query: at.AuditQuery, limit: int = 1000) -> list[at.AuditLine]:
    page = client.audit(query, limit=limit)
    lines = list(page.lines)
    while page.next < page.size:
        page = client.audit(query, page.next, page.size, limit)
        lines += page.lines
    return lines


def test_who_saw_this_patients_pictures(audited: Audited, audi: Client) -> None:
    looks = everything(audi, at.AuditQuery(mrn=SUBJECT.mrn, issuer=SUBJECT.issuer, categories=("look",)))
    assert [each.user for each in looks] == ["rita", "olga", "rita"]  # not rita's look at somebody else's
    assert all(audited.captures[0] in each.words for each in looks)
    assert looks[1].words.endswith(f"reason: {REASON}")


def test_a_patient_is_the_same_however_the_number_is_typed(audi: Client) -> None:
    odd = at.AuditQuery(mrn=f" {SUBJECT.mrn} ", issuer=SUBJECT.issuer.upper())
    assert everything(audi, odd) == everything(audi, PATIENT) != []


def test_all_of_a_patients_history_is_found_and_names_nobody(audited: Audited, audi: Client) -> None:
    lines = everything(audi, PATIENT)
    types = {each.type for each in lines}
    assert {"encounter.created", "capture.assigned", "original.sealed", "redacted", "viewed"} <= types
    said = " ".join(each.words for each in lines)
    assert "Mustermann" not in said
    assert "Erika" not in said
    assert SUBJECT.mrn not in said
    for each in lines:
        shown = audi.get_audit_event(each.index)
        assert shown.line == each
        plain = " ".join(member.value for member in shown.members)
        assert not any(word in plain for word in ("Mustermann", "Erika", SUBJECT.mrn, SUBJECT.birth_date))


def test_a_broken_glass_is_told_from_its_reason_to_what_was_found_out(audi: Client) -> None:
    told = everything(audi, at.AuditQuery(categories=("glass",)))
    assert [each.type for each in told] == ["glass.broken", "viewed", "glass.ended", "glass.reviewed"]
    assert told[0].words.endswith(f"reason: {NEED}")
    assert told[1].category == "glass look"
    assert told[3].words.endswith("reason: she was on call")
    assert {each.index for each in told} <= {each.index for each in everything(audi, PATIENT)}


def test_what_happened_to_one_picture(audited: Audited, audi: Client) -> None:
    last = audited.captures[-1]
    lines = everything(audi, at.AuditQuery(capture_id=last))
    assert {"original.sealed", "redacted", "viewed"} <= {each.type for each in lines}
    assert all(last in each.words for each in lines if each.type != "audit.read")


def test_what_one_person_did_and_who_tried_to_be_them(audited: Audited, audi: Client) -> None:
    lines = everything(audi, at.AuditQuery(user="rita"))
    assert {"account.created", "viewed", "login.refused"} <= {each.type for each in lines}
    refused = everything(audi, at.AuditQuery(categories=("login",), user="RITA"))
    assert any(each.type == "login.refused" for each in refused)
    for each in lines:
        about = each.type.startswith("account.") or each.words == "as rita"
        assert each.user == "rita" or about


def test_a_page_at_a_time_is_the_same_as_all_at_once(audi: Client) -> None:
    query = at.AuditQuery(categories=("import", "redaction"))
    assert everything(audi, query, limit=1) == everything(audi, query)


def test_times_are_exact_also_where_the_ledger_blurs_them(audi: Client) -> None:
    redacted = everything(audi, at.AuditQuery(categories=("redaction",)))
    first, second = redacted[0], redacted[1]
    assert first.at < second.at
    found = everything(audi, at.AuditQuery(categories=("redaction",), since=first.at, until=second.at))
    assert found == [first]


def test_words_are_looked_for(audited: Audited, audi: Client) -> None:
    found = everything(audi, at.AuditQuery(text="SURGEON"))
    assert [each.user for each in found] == ["olga"]


def test_reading_is_logged_once_with_what_was_asked_and_not_the_number(
    audited: Audited, audi: Client
) -> None:
    before = len(everything(audi, at.AuditQuery(categories=("audit",))))
    everything(audi, PATIENT, limit=1)  # in many pages
    found = everything(audi, at.AuditQuery(categories=("audit",)))[before:]
    assert [each.type for each in found] == ["audit.read", "audit.read"]
    assert found[0].user == "audi"
    assert "kinds audit" in found[0].words
    assert "a patient" in found[1].words
    members = {each.name: each.value for each in audi.get_audit_event(found[1].index).members}
    assert len(members["person"]) == 64
    opened = everything(audi, at.AuditQuery(categories=("audit",)))[-1]
    assert opened.words.startswith(f"entry {found[1].index}; ")
    raw = audited.kiosk.store.rglob("*")
    assert all(SUBJECT.mrn.encode() not in path.read_bytes() for path in raw if path.is_file())


def test_going_on_with_another_question_is_a_new_one(audi: Client) -> None:
    page = audi.audit(PATIENT, limit=1)
    other = at.AuditQuery(categories=("login",))
    audi.audit(other, page.next, page.size)
    last = everything(audi, at.AuditQuery(categories=("audit",)))[-1]
    assert "kinds login" in last.words


def test_an_event_is_proven_by_its_own_file(audited: Audited, audi: Client) -> None:
    line = everything(audi, PATIENT)[0]
    shown = audi.get_audit_event(line.index)
    found = proof.parse(shown.proof.encode())
    assert found.extra is not None
    keys = LogKeys.parse((audited.kiosk.store / "ledger" / "vkey").read_text())
    assert proof.verify(shown.proof.encode(), found.extra, keys)[0] == line.index


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (at.AuditQuery(mrn="7"), "number and issuer"),
        (at.AuditQuery(capture_id="nonsense"), "32 hexadecimal"),
        (at.AuditQuery(categories=("gossip",)), "gossip"),
        (at.AuditQuery(since="yesterday"), "yesterday"),
        (at.AuditQuery(text="x" * 201), "longer"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(audi: Client, query: at.AuditQuery, words: str) -> None:
    with pytest.raises(RemoteError, match=words):
        audi.audit(query)


def test_nobody_but_an_auditor_asks(audited: Audited) -> None:
    with audited.kiosk.session("rita") as client, pytest.raises(RemoteError, match="audit"):
        client.audit(at.AuditQuery())


def test_an_unknown_patient_and_picture_have_no_events(audi: Client) -> None:
    assert everything(audi, at.AuditQuery(mrn="999", issuer="Nobody")) == []
    assert everything(audi, at.AuditQuery(capture_id=CaptureId("f" * 32))) == []


def whole(client: Client, query: at.AuditQuery, form: Form) -> tuple[at.AuditReport, bytes]:
    said, data = client.begin_audit_report(query, form)
    while not said.signature:
        said, more = client.more_audit_report()
        data += more
    return said, data


def test_the_report_is_signed_and_stock_ssh_keygen_says_so(audi: Client, tmp_path: Path) -> None:
    forms: tuple[Form, ...] = ("csv", "pdf")
    for form in forms:
        said, data = whole(audi, PATIENT, form)
        signers, signature = tmp_path / "allowed_signers", tmp_path / "report.sig"
        signers.write_text(f"{said.allowed_signers}\n")
        signature.write_text(said.signature)
        verify = [
            "ssh-keygen",
            "-Y",
            "verify",
            "-f",
            str(signers),
            "-I",
            "medkiosk",
            "-n",
            "medkiosk-audit@v1",
        ]
        good = subprocess.run([*verify, "-s", str(signature)], input=data, capture_output=True, check=False)
        assert good.returncode == 0, good.stderr
        assert said.signer in good.stdout.decode()
        bad = subprocess.run(
            [*verify, "-s", str(signature)], input=data + b" ", capture_output=True, check=False
        )
        assert bad.returncode != 0
        last = everything(audi, at.AuditQuery(categories=("audit",)))[-1]
        assert (last.type, f"{form}," in last.words) == ("audit.reported", True)
        assert said.sha256[:16] in last.words


def test_the_report_says_what_the_screen_says(audi: Client) -> None:
    lines = everything(audi, PATIENT)
    facts, rows, end = report.parse(whole(audi, PATIENT, "csv")[1])
    assert [(each.index, each.words, each.leaf) for _, each in rows][: len(lines)] == [
        (each.index, each.words, each.leaf) for each in lines
    ]
    assert end.rows == len(rows)
    assert facts["by"] == "audi"
    assert len(facts["asked: patient"]) == 64
    assert facts["checkpoint"].startswith("scratch.medkiosk.invalid/ledger\n")


def test_without_a_beginning_there_is_no_more(audi: Client) -> None:
    with pytest.raises(RemoteError, match="no report was begun"):
        audi.more_audit_report()


def test_the_report_goes_onto_the_stick(audited: Audited, audi: Client, tmp_path: Path) -> None:
    done = audi.write_audit_report(at.AuditQuery(categories=("login",)))
    folder = audited.kiosk.stick / done.folder
    assert {each.name for each in folder.iterdir()} == {
        "report.csv", "report.csv.sig", "report.pdf", "report.pdf.sig", "checkpoint",
    }  # fmt: skip
    _, rows, _ = report.parse((folder / "report.csv").read_bytes())
    assert done.rows >= len(rows) > 0
    again = audi.write_audit_report(at.AuditQuery(categories=("login",)))
    assert again.folder != done.folder  # a stick with a report on it is still the kiosk's
