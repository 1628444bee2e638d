"""kioskctl audit: lists, reports, and what a check of a changed report says."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from medkiosk.cli.__main__ import main
from tests.audit.conftest import Audited
from tests.kiosk import PASSPHRASE, SUBJECT


def run(*arguments: str) -> tuple[int, str]:
    """kioskctl in this process: starting one for each command would take longer than all of them."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = main(["audit", *arguments])
    return code, out.getvalue()


def ask(audited: Audited, *options: str) -> Any:
    passphrase = audited.kiosk.root / "passphrase"
    passphrase.write_text(PASSPHRASE)
    config = ("--config", str(audited.kiosk.config), "--user", "audi", "--passphrase-file", str(passphrase))
    code, said = run("--json", *config, *options)
    assert code == 0
    return json.loads(said)


def verify(path: Path, *options: str) -> tuple[int, dict[str, Any]]:
    code, said = run("--json", "--verify", str(path), *options)
    return code, json.loads(said)


@pytest.fixture(scope="module")
def report(audited: Audited, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of imports, of which ledger entries alone decide; with a signers' file beside it."""
    path = tmp_path_factory.mktemp("report") / "imports.csv"
    said = ask(audited, "--category", "import", "--report", str(path))
    path.with_name("signers").write_text(f"{said['allowed_signers']}\n")
    return path


def copied(report: Path, folder: Path, old: bytes = b"", new: bytes = b"") -> Path:
    path = folder / report.name
    data = report.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    shutil.copy(f"{report}.sig", f"{path}.sig")
    return path


def test_a_list_and_one_event(audited: Audited) -> None:
    patient = ("--subject", SUBJECT.mrn, "--issuer", SUBJECT.issuer)
    found = ask(audited, *patient, "--category", "look")
    assert [each["user"] for each in found["events"]] == ["rita", "olga", "rita"]
    shown = ask(audited, "--event", str(found["events"][1]["index"]))
    assert {"name": "what", "value": "original"} in shown["members"]
    assert shown["proof"].startswith("c2sp.org/tlog-proof@v1\n")


def test_a_limit_says_where_to_go_on(audited: Audited) -> None:
    first = ask(audited, "--category", "import", "--limit", "2")
    rest = ask(audited, "--category", "import", "--offset", str(first["next"]))
    assert len(first["events"]) == 2
    assert first["events"][-1]["index"] < first["next"] <= rest["events"][0]["index"]
    assert rest["next"] == rest["size"]


def test_the_report_is_good_and_complete(audited: Audited, report: Path) -> None:
    signers = str(report.with_name("signers"))
    key = (audited.kiosk.store / "ledger" / "vkey").read_text()
    code, said = verify(
        report, "--store", str(audited.kiosk.store), "--signers", signers, "--ledger-key", key
    )
    assert (code, said["problems"], said["complete"]) == (0, [], True)
    assert (said["signature"], said["checkpoint"], said["ledger"]) == ("verified", "verified", "compared")


def test_a_witness_that_kept_the_head_says_the_same(report: Path, tmp_path: Path) -> None:
    kept = Path(f"{report}.checkpoint")
    code, said = verify(report, "--checkpoint", str(kept))
    assert (code, said["ledger"], said["signature"]) == (0, "same head", "own key only")
    lines = kept.read_text().split("\n")
    other = tmp_path / "other"
    other.write_text("\n".join([*lines[:2], "A" * 43 + "=", *lines[3:]]))
    assert verify(report, "--checkpoint", str(other))[1]["problems"][0][0] == "audit.other_ledger"


def test_what_was_changed_is_named(audited: Audited, report: Path, tmp_path: Path) -> None:
    store = ("--store", str(audited.kiosk.store))
    rows = report.read_bytes().split(b"\r\n")
    event = next(line for line in rows if line.startswith(b"event,2,"))
    cases = {
        "audit.changed": (event, event[:-1] + (b"0" if event[-1:] != b"0" else b"1")),
        "audit.left_out": (event + b"\r\n", b""),
    }
    for code, (old, new) in cases.items():
        path = copied(report, tmp_path, old, new)
        found, said = verify(path, *store)
        codes = {problem[0] for problem in said["problems"]}
        assert found == 3
        assert {"audit.signature", code} <= codes
        assert not said["complete"]


def test_a_report_without_its_signature_or_with_other_words_is_not_believed(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied(report, tmp_path, b"medkiosk-audit/1", b"medkiosk-audit/9")
    assert run("--verify", str(path))[0] == 3
    assert "another version" in capsys.readouterr().err
    Path(f"{path}.sig").unlink()
    path.write_bytes(report.read_bytes())
    assert verify(path)[1]["problems"][0][0] == "audit.unsigned"


def test_a_pdf_is_signed_too_and_a_stick_takes_both(audited: Audited, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    ask(audited, "--category", "login", "--report", str(path))
    assert verify(path)[0] == 0
    path.write_bytes(path.read_bytes() + b"\n")
    assert verify(path)[1]["problems"][0][0] == "audit.signature"
    done = ask(audited, "--category", "login", "--stick")
    assert verify(audited.kiosk.stick / done["folder"] / "report.csv")[0] == 0


@pytest.mark.parametrize("options", [("--since", "yesterday"), ("--report", "x.txt")])
def test_what_cannot_be_asked_is_wrong_usage(options: tuple[str, str]) -> None:
    assert run(*options)[0] == 2
