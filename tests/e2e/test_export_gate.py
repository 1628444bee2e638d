"""Consent, role, review, residual check, recipient, terms, use, and the kiosk: each alone stops an export.

Every row is a capture that may leave but for one thing; the first row is one that may. They are asked about
through the socket of one real daemon, as its privacy officer.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyrage
import pytest

from medkiosk.core.consent import (
    Assent,
    Capacity,
    ConsentKind,
    Faces,
    Grantor,
    Purpose,
    Relationship,
    Scope,
    Terms,
)
from medkiosk.core.datause import CC, GRU, HMB, NPU, NPUNCU, TS, DataUse
from medkiosk.core.ids import CaptureId, RecipientId
from medkiosk.core.photo import SHOWS_SLATE, Box, Category, Decision, Finding, ImageRole, RedactCode
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import EventLine, ExportCheck, ExportOptions
from medkiosk.ipc.wire import ConnectionLostError, RemoteError
from medkiosk.journal import Fact
from tests.e2e.gatestore import NOBODY, Filler, Recipe, ahead
from tests.kiosk import ADMIN, PASSPHRASE, STAFF, ScratchKiosk, consent
from tests.outside import terms as usual

TEACHING, PUBLICATION = Purpose.TEACHING_RESEARCH, Purpose.PUBLICATION
JOURNAL = consent(PUBLICATION).use
KEY = str(pyrage.x25519.Identity.generate().to_public())
CROWD = 150
"""Pictures of one export: enough that something can come in the middle."""


def said(kind: ConsentKind = ConsentKind.GRANT, purpose: Purpose = TEACHING, **changes: object) -> Terms:
    """An answer, yesterday."""
    expires = ahead(365) if kind is ConsentKind.GRANT else ""
    base = msgspec.structs.replace(consent(purpose), kind=kind, starts=ahead(-1), expires=expires)
    return msgspec.structs.replace(base, **changes)


KEPT_FACE = Finding(
    Category.FACE, Box(8, 8, 16, 16), "centerface/1", "", 900, Decision.KEEP, NOBODY, "it is a poster"
)


def by_a_parent(assent: Assent = Assent.GIVEN) -> Terms:
    """Somebody answered for a child."""
    mother = Grantor("Paula Mustermann", Relationship.PARENT, "mother")
    return said(grantor=mother, capacity=Capacity.MINOR, assent=assent)


STALE = ("It is not approved (proposed).", "Its latest revision is not the one that was approved.")


@dataclass(frozen=True)
class Row:
    """One thing that stops an export.

    Attributes:
        words: of each reason that is given, the beginning; no more and no fewer are.
        recipe: of the capture.
        recipient: a name in `Gate.recipients`.
        terms: what the receiver may do; None: the usual.
        use: which publication is asked for.
    """

    words: tuple[str, ...]
    recipe: Recipe = field(default_factory=Recipe)
    purpose: Purpose = TEACHING
    recipient: str = "good"
    terms: DataUse | None = None
    use: str = ""


def answers(*words: Terms, purpose: Purpose = TEACHING, **recipe: object) -> Callable[[str], Row]:
    """A row in which consent says no."""
    use = JOURNAL if purpose is PUBLICATION else ""
    made = Recipe(answers=words, **recipe)  # type: ignore[arg-type]
    return lambda reason: Row((reason,), made, purpose, use=use)


def in_role(role: ImageRole, filler: Filler, capture_id: CaptureId) -> list[Fact]:
    """Somebody says what the frame is for, after it was approved."""
    return [filler.role(capture_id, role)]


TODAY = datetime.now(UTC).date()
NONE, GIVEN = "No consent for teaching and research is recorded.", "Consent for teaching and research "
REFUSAL, WITHDRAWAL = ConsentKind.REFUSAL, ConsentKind.WITHDRAWAL
OVER = said(starts=ahead(-9), expires=ahead(-1))
DOCTOR = Grantor("Dr. D", Relationship.CLINICIAN, "best interests")
CONSENT: dict[str, Row] = {
    "none": answers()(NONE),
    "refused": answers(said(REFUSAL))(GIVEN + "was refused."),
    "refused after a yes": answers(said(), said(REFUSAL))(GIVEN + "was refused."),
    "withdrawn": answers(said(), said(WITHDRAWAL))(GIVEN + "was withdrawn."),
    "expired": answers(OVER)(GIVEN + "was given, but is over now."),
    "not yet": answers(said(starts=ahead(1)))(GIVEN + "was given, but counts only from"),
    "another purpose": answers(said(purpose=PUBLICATION))(NONE),
    "another part of the body": answers(said(scope=Scope(body_sites=("14975008",))))(
        GIVEN + "was given for certain parts of the body only"
    ),
    "no faces": answers(said(scope=Scope(faces=Faces.NEVER)), findings=(KEPT_FACE,))(
        GIVEN + "does not cover a face"
    ),
    "no faces in print": answers(said(purpose=PUBLICATION), purpose=PUBLICATION, findings=(KEPT_FACE,))(
        "Consent for publication does not cover a face"
    ),
    "recipient not named": answers(said(scope=Scope(recipients=("University of Somewhere",))))(
        GIVEN + "was given for other recipients only."
    ),
    "no named use": answers(said(purpose=PUBLICATION, use=""), purpose=PUBLICATION)(
        "Consent for publication is for one named use"
    ),
    "another use": answers(said(purpose=PUBLICATION, use="Another Journal"), purpose=PUBLICATION)(
        "Consent for publication is for one named use, and this one"
    ),
    "the child said no": answers(by_a_parent(Assent.REFUSED), born=str(TODAY - timedelta(3000)))(
        "The child said no to teaching and research"
    ),
    "a child no more": answers(by_a_parent(), born=str(TODAY - timedelta(365 * 19)))(
        "The patient is of age now"
    ),
    "a child, or not": answers(by_a_parent(), born="")(
        "Somebody decided about teaching and research for a child"
    ),
    "a clinician": answers(said(grantor=DOCTOR, capacity=Capacity.LACKS))(
        GIVEN + "was given by somebody who cannot decide"
    ),
    "damaged times": answers(said(expires="soon"))(GIVEN + "was given, but from when"),
}
REVIEW: dict[str, Row] = {
    "not approved": Row(STALE, Recipe(approved=False)),
    "rejected": Row(
        ("It is not approved (rejected).", "Its latest revision"),
        Recipe(after=lambda filler, id_: [filler.rejected(id_)]),
    ),
    "a newer revision by a reviewer": Row(
        STALE, Recipe(after=lambda filler, id_: [filler.revision(id_, 2, NOBODY)])
    ),
    "a newer revision by the kiosk": Row(STALE, Recipe(after=lambda filler, id_: [filler.revision(id_, 2)])),
    "of nobody": Row(("It belongs to no encounter, so no consent can cover it.",), Recipe(assigned=False)),
    **{
        f"residual check: {code.name.lower()}": Row(("",), Recipe(code=code))
        for code in (RedactCode.RESIDUAL, RedactCode.NO_DETECTOR, RedactCode.TIMEOUT)
    },
    **{
        f"role: {role}": Row(("This frame", *STALE), Recipe(after=functools.partial(in_role, role)))
        for role in ImageRole
        if role is not ImageRole.CLINICAL
    },
}
REVIEW["a slate that was called clinical and approved before the rule"] = Row(
    (SHOWS_SLATE,), Recipe(after=lambda filler, id_: [filler.slate(id_)])
)
WHOM: dict[str, Row] = {
    "recipient expired": Row(("The recipient's enrolment is over",), recipient="expired"),
    "recipient revoked": Row(("The recipient was revoked",), recipient="revoked"),
    "recipient for another purpose": Row(
        ("The recipient may not receive pictures for teaching",), recipient="print"
    ),
}
UNTIL = usual(TEACHING).until
TERMS: dict[str, Row] = {
    name: Row((words,), terms=DataUse(codes, until))
    for name, words, codes, until in (
        ("two permissions", "The terms must allow exactly one thing", (HMB, TS, GRU), UNTIL),
        ("for something else", "CC (clinical care use) allows something else", (TS, GRU, CC), UNTIL),
        ("last day over", "The last day of use is over already.", (HMB, TS), str(TODAY - timedelta(1))),
        ("a day that is none", "The last day of use is written", (HMB, TS), "2027-02-30"),
        ("contradiction", "NPUNCU and NPU", (HMB, NPUNCU, TS, NPU), UNTIL),
        ("no such code", "Not a data use code", ("DUO:9999999",), UNTIL),
    )
}
USE: dict[str, Row] = {
    "no use said": Row(("Consent to publication is for one use",), purpose=PUBLICATION),
    "a blank for a use": Row(("Consent to publication is for one use",), purpose=PUBLICATION, use=" "),
    "a use, but no publication": Row(("Only an export for publication names a use",), use=JOURNAL),
}
ROWS = {**CONSENT, **REVIEW, **WHOM, **TERMS, **USE}


@dataclass
class Gate:
    """A kiosk whose store holds a capture for every row; and a copy of both, as they were made."""

    kiosk: ScratchKiosk
    copy: Path
    good: tuple[CaptureId, ...]
    crowd: tuple[CaptureId, ...]
    captures: dict[str, CaptureId]
    recipients: dict[str, RecipientId]

    @property
    def there(self) -> list[str]:
        """What is on the stick."""
        return sorted(path.name for path in self.kiosk.stick.iterdir())

    def refused(self, audi: Client, since: int) -> list[str]:
        """What the ledger has about exports that were refused, from an entry on."""
        return [each.summary for each in listed(audi, since) if each.type == "export.refused"]


def listed(audi: Client, since: int = 0) -> list[EventLine]:
    """Every event from one on, page by page."""
    found: list[EventLine] = []
    while True:
        page = audi.list_events(since + len(found), 1000).events
        found += page
        if len(page) < 1000:
            return found


def so_far(audi: Client) -> int:
    """How many events there are."""
    return audi.list_events(0, 0).total


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """The daemon is stopped."""
    kiosk = ScratchKiosk(tmp_path_factory.mktemp("gate") / "kiosk")
    try:
        kiosk.init()
        kiosk.start()
        kiosk.hire()
        kiosk.stop()
        filler = Filler(kiosk)
        try:
            recipients = {
                "good": filler.recipient(KEY),
                "print": filler.recipient(KEY, purposes=(PUBLICATION,)),
                "expired": filler.recipient(KEY, days=-1),
                "revoked": filler.recipient(KEY),
            }
            captures = {name: filler.capture(row.recipe)[0] for name, row in ROWS.items()}
            good, crowd = filler.capture(Recipe()), filler.capture(Recipe(), CROWD)
        finally:
            filler.close()
        copy = kiosk.root.parent / "copy"
        shutil.copytree(kiosk.root, copy)
        yield Gate(kiosk, copy, good, crowd, captures, recipients)
    finally:
        kiosk.close()


@pytest.fixture(scope="module")
def gate(store: Gate) -> Iterator[Gate]:
    """The daemon runs."""
    store.kiosk.start()
    with store.kiosk.session("olga") as olga:
        olga.revoke_recipient(store.recipients["revoked"], "they left")
    yield store
    store.kiosk.stop_if_running()


@pytest.fixture(scope="module")
def olga(gate: Gate) -> Iterator[Client]:
    with gate.kiosk.client() as client:
        client.login("olga", PASSPHRASE)
        yield client


@pytest.fixture(scope="module")
def audi(gate: Gate) -> Iterator[Client]:
    with gate.kiosk.client() as client:
        client.login("audi", PASSPHRASE)
        yield client


def check(client: Client, gate: Gate, row: Row, captures: tuple[CaptureId, ...]) -> ExportCheck:
    """Ask whether these may leave."""
    terms = row.terms or usual(row.purpose)
    return client.check_export(gate.recipients[row.recipient], row.purpose, captures, terms, row.use)


def ask(client: Client, gate: Gate, row: Row, captures: tuple[CaptureId, ...]) -> list[str]:
    """Every reason why these may not leave."""
    found = check(client, gate, row, captures)
    return [*found.problems, *(each.reason for each in found.denials)]


def export(client: Client, gate: Gate, row: Row, captures: tuple[CaptureId, ...]) -> None:
    """Try to export."""
    client.export(
        gate.recipients[row.recipient],
        row.purpose,
        captures,
        row.terms or usual(row.purpose),
        ExportOptions(),
        use=row.use,
    )


@pytest.mark.parametrize("name", ROWS)
def test_each_alone_stops_an_export(gate: Gate, olga: Client, audi: Client, name: str) -> None:
    row, capture_id = ROWS[name], gate.captures[name]
    before = so_far(audi)
    # Beside one that may leave: all or nothing.
    captures = (gate.good[0], capture_id)
    reasons = ask(olga, gate, row, captures)
    assert len(reasons) == len(row.words), reasons
    assert all(reason.startswith(words) for reason, words in zip(reasons, row.words, strict=True)), reasons
    with pytest.raises(RemoteError) as caught:
        export(olga, gate, row, captures)
    for reason in reasons:
        assert reason in str(caught.value)
    assert gate.there == []
    [refused] = gate.refused(audi, before)
    assert all(reason in refused for reason in reasons)


def test_a_publication_may_leave_for_the_use_that_was_agreed_to(gate: Gate, olga: Client) -> None:
    # However it was typed, as with every name (docs/consent.md section 4).
    row = Row((), purpose=PUBLICATION, use=f"  {JOURNAL.upper()}")
    found = check(olga, gate, row, gate.good)
    assert (found.allowed, found.denials, found.problems) == (gate.good, (), ())
    both = (*gate.good, gate.captures["another use"], *gate.crowd[:1])
    assert check(olga, gate, row, both).uses == (JOURNAL, "Another Journal")
    assert check(olga, gate, Row(()), gate.good).uses == (), "only publication has one"


def test_a_use_is_a_name(gate: Gate, olga: Client) -> None:
    for use in ("x" * 201, "a\nb"):
        with pytest.raises(RemoteError, match="at most 200 printable"):
            export(olga, gate, Row((), purpose=PUBLICATION, use=use), gate.good)


@pytest.mark.parametrize("user", [ADMIN, *(user for user in STAFF if user != "olga")])
def test_nobody_but_the_privacy_officer_exports(gate: Gate, user: str) -> None:
    with gate.kiosk.session(user) as client:
        for attempt in (ask, export):
            with pytest.raises(RemoteError, match="your role does not export") as caught:
                attempt(client, gate, Row(()), gate.good)
            assert caught.value.remote_exit_code == 5
    assert gate.there == []


def test_nothing_leaves_without_a_session(gate: Gate) -> None:
    with gate.kiosk.client() as client, pytest.raises(RemoteError, match="log in first"):
        export(client, gate, Row(()), gate.good)
    assert gate.there == []


@pytest.mark.parametrize("how", ["locked", "restricted"])
def test_what_changes_in_the_middle_lets_nothing_leave(gate: Gate, how: str) -> None:
    """The kiosk is locked, or the pictures become intimate ones, which this officer must not see."""
    caught: list[BaseException] = []

    def work() -> None:
        with gate.kiosk.client() as client:
            client.login("olga", PASSPHRASE)
            try:
                export(client, gate, Row(()), gate.crowd)
            except (RemoteError, ConnectionLostError) as error:
                caught.append(error)

    thread = threading.Thread(target=work)
    with gate.kiosk.client() as pat:
        pat.login("pat", PASSPHRASE)
        owner = pat.get_capture(gate.crowd[-1]).info.encounter_id
        assert owner is not None
        thread.start()
        deadline = time.monotonic() + 60
        while not any(gate.kiosk.stick.rglob("*.age")):
            assert thread.is_alive(), caught
            assert time.monotonic() < deadline
            time.sleep(0.005)
        if how == "locked":
            pat.lock()
        else:
            pat.restrict(owner, "intimate", None)
        thread.join(60)
    assert len(caught) == 1
    assert ("of its own" in str(caught[0])) is (how == "restricted")
    assert not [name for name in gate.there if name.startswith("medkiosk-")]
    with gate.kiosk.session("audi") as audi:
        types = [each.type for each in listed(audi)]
    times = 1 if how == "locked" else 2
    assert types.count("export.prepared") == types.count("export.failed") == times


def test_a_publication_that_left_is_recalled_by_its_use(gate: Gate) -> None:
    row = Row((), purpose=PUBLICATION, use=JOURNAL.upper())
    with gate.kiosk.session("olga") as olga:
        export(olga, gate, row, gate.good)
        encounter_id = olga.get_capture(gate.good[0]).info.encounter_id
    assert encounter_id is not None
    for use, recalled in (("Another Journal", []), (JOURNAL, [gate.good])):
        # Agreed to as well, and taken back: only the one that it left for counts.
        withdrawal = said(ConsentKind.WITHDRAWAL, PUBLICATION, use=use, risks=())
        with gate.kiosk.session("pat") as pat:
            pat.record_consent(encounter_id, consent(PUBLICATION))
            pat.record_consent(encounter_id, said(purpose=PUBLICATION, use="A Third Journal"))
            pat.record_consent(encounter_id, msgspec.structs.replace(withdrawal, starts=ahead(0)))
        with gate.kiosk.session("olga") as olga:
            lines = [each for each in olga.list_recall().lines if each.purpose is PUBLICATION]
        assert [each.captures for each in lines] == recalled, use


def missing(_kiosk: ScratchKiosk) -> None:
    """The models are not there: the configuration says another folder."""


def damaged(kiosk: ScratchKiosk) -> None:
    """One record does not open any more. It may be a withdrawal."""
    with contextlib.closing(sqlite3.connect(kiosk.store / "vault.db")) as db, db:
        [[seq, size]] = db.execute("SELECT max(seq), length(sealed) FROM records").fetchall()
        db.execute("UPDATE records SET sealed = zeroblob(?) WHERE seq = ?", (size, seq))


def behind(kiosk: ScratchKiosk) -> None:
    """The newest record is of tomorrow."""
    filler = Filler(kiosk)
    filler.started(datetime.now(UTC) + timedelta(days=1))
    filler.close()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (missing, "Detectors are missing on this kiosk"),
        (damaged, "Records of this kiosk are damaged"),
        (behind, "The kiosk's clock is behind its own records"),
    ],
    ids=["detectors missing", "records damaged", "clock behind"],
)
def test_a_kiosk_that_is_not_whole_lets_nothing_leave(
    store: Gate, tmp_path: Path, spoil: Callable[[ScratchKiosk], None], words: str
) -> None:
    nowhere = tmp_path / "models"
    nowhere.mkdir()
    kiosk = ScratchKiosk(tmp_path / "kiosk", models=nowhere if spoil is missing else None)
    shutil.copytree(store.copy / "store", kiosk.store)
    shutil.copytree(store.copy / "keys", kiosk.keys)
    spoil(kiosk)
    kiosk.start()
    gate = replace(store, kiosk=kiosk)
    try:
        with kiosk.session("audi") as audi:
            before = so_far(audi)
        with kiosk.session("olga") as olga:
            found = check(olga, gate, Row(()), gate.crowd[:3])
            assert [each.reason for each in found.denials] == [], "it is no picture's fault"
            assert len(found.problems) == 1, found.problems
            assert found.problems[0].startswith(words)
            with pytest.raises(RemoteError, match=words):
                export(olga, gate, Row(()), gate.good)
        assert gate.there == []
        with kiosk.session("audi") as audi:
            assert len(gate.refused(audi, before)) == 1
    finally:
        kiosk.close()
