"""Check a report of the audit without the daemon: its signature, and what a store says (docs/audit.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from medkiosk import sshsig
from medkiosk.audit import check, report
from medkiosk.audit.check import Logged, Problem
from medkiosk.audit.query import Entry, Query
from medkiosk.core.errors import KioskError
from medkiosk.ledger import checkpoint, entry, merkle
from medkiosk.ledger.checkpoint import Checkpoint
from medkiosk.ledger.errors import CheckpointError
from medkiosk.ledger.file import Log
from medkiosk.ledger.note import LogKeys

_PDF = b"%PDF-"


class ReportFileError(KioskError):
    """The file {path} cannot be read: {detail}. Nothing was checked."""

    code = "audit.file"
    exit_code = 2


class CheckedReport(msgspec.Struct, frozen=True):
    """What was found.

    Attributes:
        form: csv or pdf.
        signature: ``verified`` with a key of the signers' file; ``own key only``, whose fingerprint is to be
            compared; ``missing``; ``wrong``.
        signer: fingerprint of the key that signed; empty where none did.
        rows: events in it.
        size: entries of the ledger that it is about.
        checkpoint: ``verified``, ``own key only`` (of the store that was given) or ``not verified``.
        ledger: ``compared`` with every entry of a store, ``same head`` as another checkpoint, or ``not
            compared``.
        complete: whether it was shown that nothing was left out; without keys only of what ledger entries
            alone decide.
        problems: what is wrong.
    """

    form: str
    signature: str
    signer: str
    rows: int
    size: int
    checkpoint: str
    ledger: str
    complete: bool
    problems: tuple[Problem, ...]


def check_report(
    path: Path,
    *,
    store: Path | None = None,
    signers: str | None = None,
    ledger_key: str | None = None,
    kept: bytes | None = None,
) -> CheckedReport:
    """Check a report, and its signature in the file beside it with ``.sig`` behind its name.

    Args:
        path: the report.
        store: a store or a copy of one: every row is compared with its entry.
        signers: an ``allowed_signers`` file's text, from elsewhere.
        ledger_key: the ledger's verifier keys, from elsewhere.
        kept: a checkpoint that a witness has.

    Raises:
        ReportFileError: it cannot be read.
        ReportError: it is no report.
        KioskError: the store's ledger cannot be opened.
    """
    data = _read(path)
    signature, signer, problems = _signature(path, data, signers)
    if data.startswith(_PDF):
        return CheckedReport(
            "pdf", signature, signer, 0, 0, "not verified", "not compared", False, tuple(problems)
        )
    facts, rows, end = report.parse(data)
    problems += check.check_table(rows, end)
    signed = facts.get("checkpoint", "").encode()
    head = checkpoint.parse(signed)[0]
    how = "not verified"
    if text := ledger_key or _own_key(store):
        try:
            checkpoint.verify(signed, LogKeys.parse(text))
            how = "verified" if ledger_key else "own key only"
        except CheckpointError as error:
            problems.append(Problem("audit.checkpoint", head.size, error.message))
    compared, complete = "not compared", False
    if kept is not None:
        compared = _compare_heads(head, checkpoint.parse(kept)[0], problems)
    if store is not None:
        try:
            query = check.query_of(facts)
        except ValueError as error:
            raise report.ReportError(detail=f"what was asked is not to be read ({error})") from error
        problems += _against(store, head, rows, query)
        compared, complete = "compared", check.decided_by_entries(query) and not problems
    return CheckedReport(
        "csv", signature, signer, len(rows), head.size, how, compared, complete, tuple(problems)
    )


def _signature(path: Path, data: bytes, signers: str | None) -> tuple[str, str, list[Problem]]:
    beside = path.with_name(f"{path.name}.sig")
    try:
        armoured = _read(beside)
    except ReportFileError:
        words = f"there is no {beside.name} beside it"
        return "missing", "", [Problem("audit.unsigned", 0, words)]
    named = sshsig.signer_of(armoured)
    try:
        keys = (
            sshsig.allowed_keys(signers, sshsig.AUDIT_NAMESPACE) if signers else tuple(filter(None, [named]))
        )
    except ValueError as error:
        raise ReportFileError(path="of signers", detail=error) from error
    key = sshsig.verify(data, armoured, keys, sshsig.AUDIT_NAMESPACE)
    if key is None:
        words = "its bytes are not the ones that were signed, or somebody else signed them"
        return "wrong", "", [Problem("audit.signature", 0, words)]
    return ("verified" if signers else "own key only"), sshsig.fingerprint(key), []


def _compare_heads(head: Checkpoint, kept: Checkpoint, problems: list[Problem]) -> str:
    if kept == head:
        return "same head"
    if (kept.origin, kept.size) == (head.origin, head.size):
        words = f"of {head.size} entries the other checkpoint has another root"
        problems.append(Problem("audit.other_ledger", head.size, words))
    elif kept.origin != head.origin:
        words = f"the other checkpoint is of {kept.origin}, the report of {head.origin}"
        problems.append(Problem("audit.other_ledger", head.size, words))
    return "not compared"


def _against(
    store: Path, head: Checkpoint, rows: list[tuple[int, report.Row]], query: Query
) -> Iterator[Problem]:
    log = Log.open(store / "ledger")
    if words := log.why_not(head):
        yield Problem("audit.other_ledger", head.size, f"the store's ledger is {words}")
        return
    yield from check.check_ledger(rows, query, _logged(log, head.size))


def _logged(log: Log, size: int) -> Iterator[Logged]:
    for _, data in zip(range(size), log.entries(), strict=False):
        leaf = entry.decode(data)
        yield Logged(Entry(leaf.type, leaf.at, leaf.actor), merkle.leaf_hash(data).hex())


def _own_key(store: Path | None) -> str:
    return "" if store is None else _read(store / "ledger" / "vkey").decode("utf-8", errors="replace")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReportFileError(path=path, detail=error.strerror) from error
