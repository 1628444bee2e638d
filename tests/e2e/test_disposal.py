"""A disposal on the real daemon: two people, and what an earlier copy of the disk opens afterwards."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyrage
import pytest

from medkiosk.core import canon
from medkiosk.core.consent import ConsentKind, Purpose, Subject
from medkiosk.core.errors import KioskError
from medkiosk.core.events import Role
from medkiosk.core.ids import CaptureId, DisposalId, EncounterId
from medkiosk.core.lifecycle import DisposalState, RetentionClass
from medkiosk.devicesecret import FileSecrets
from medkiosk.ipc import types as t
from medkiosk.ipc.wire import RemoteError
from medkiosk.keyfiles import load
from medkiosk.vault.store import Vault
from tests.corrections import moved, written
from tests.daemon.importing import picture, raw, write
from tests.e2e.gatestore import Filler, Recipe
from tests.e2e.proof import assert_clean
from tests.kiosk import PASSPHRASE, ScratchKiosk, consent, safe
from tests.outside import exported
from tests.stores import clock

FOLDER = "DCIM/100CANON"
OLD = Subject(mrn="1", issuer="H", name="Erika Mustermann", birth_date="1950-01-01")
NEW = Subject(mrn="2", issuer="H", name="Max Mustermann", birth_date="1950-01-01")
WHY: Any = {"reason": "asked for by the court", "authority": "order 1 of 2026"}


class Department:
    """A kiosk with six pictures of two patients."""

    def __init__(self, kiosk: ScratchKiosk, card: Path) -> None:
        self.kiosk = kiosk
        self.card = card
        self.goes: EncounterId
        self.stays: EncounterId
        self.captures: dict[str, CaptureId] = {}

    def open(self) -> None:
        self.kiosk.start()
        self.kiosk.wait(safe)
        self.kiosk.hire()
        with self.kiosk.session("admin") as admin:
            admin.create_account("otto", "Otto Officer", (Role.PRIVACY_OFFICER,), PASSPHRASE)
        with self.kiosk.session("rita") as rita:
            self.captures = {info.name: info.capture_id for info in rita.list_captures().captures}
            self.goes = rita.create_encounter(OLD, "knee").encounter_id
            self.stays = written(rita, NEW, "hand").encounter_id
            rita.record_consent(self.goes, consent(Purpose.CLINICAL_RECORD))
            rita.record_consent(self.stays, consent(Purpose.CLINICAL_RECORD))
            rita.assign(self.goes, (self.captures["IMG_0001"], self.captures["IMG_0002"]))
            rita.assign(self.stays, (self.captures["IMG_0003"], self.captures["IMG_0004"]))

    def objects(self) -> dict[str, tuple[str, bytes]]:
        """By capture, the object and its envelope as they are now."""
        found = {}
        with sqlite3.connect(self.kiosk.store / "vault.db") as db:
            for object_id, capture_id in db.execute("SELECT object_id, group_id FROM seen"):
                row = db.execute("SELECT envelope FROM envelopes WHERE id = ?", (object_id,)).fetchone()
                found[capture_id] = (object_id, row[0] if row else b"")
        return found

    def dispose(self) -> None:
        with self.kiosk.session("olga") as olga:
            proposed = olga.propose_disposal((self.goes,), (), **WHY, early=True)
        with self.kiosk.session("rita") as rita:
            assert rita.approve_disposal(proposed.disposal_id).state is DisposalState.APPROVED
            self.finished(rita)

    @staticmethod
    def finished(client: object, timeout_s: float = 60) -> t.DisposalInfo:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            [info] = client.list_disposals().disposals  # type: ignore[attr-defined]
            if info.state is DisposalState.FINISHED:
                return info  # type: ignore[no-any-return]
            time.sleep(0.05)
        raise TimeoutError(info)


@pytest.fixture
def department(make_kiosk: Callable[..., ScratchKiosk], tmp_path: Path) -> Department:
    files = {f"{FOLDER}/IMG_{number:04d}.JPG": picture(number) for number in range(1, 7)}
    card = write(tmp_path / "card", files)
    empty = tmp_path / "models"
    empty.mkdir()
    kiosk = make_kiosk(cards=[card], models=empty)
    made = Department(kiosk, card)
    made.open()
    return made


def vault_of(kiosk: ScratchKiosk, store: Path, device: Path) -> Vault:
    return Vault.open(
        store, index_key=load(kiosk.keys).index, device=FileSecrets(device), random=bytes, clock=clock
    )


def test_an_earlier_copy_of_the_disk_opens_nothing_and_everything_that_stays_opens(
    department: Department, tmp_path: Path
) -> None:
    kiosk = department.kiosk
    kiosk.stop()
    copy = tmp_path / "copy"
    shutil.copytree(kiosk.store, copy)  # the whole data disk, yesterday
    before = department.objects()
    kiosk.start()
    department.dispose()
    after = department.objects()

    with kiosk.session("rita") as rita:
        assert {info.name for info in rita.list_captures().captures} == {f"IMG_{n:04d}" for n in range(3, 7)}
        assert [view.encounter_id for view in rita.list_encounters().encounters] == [department.stays]
        *_, imported = rita.list_imports().imports  # the card was in at a start, too
        receipt = rita.get_receipt(imported.import_id)
        assert (receipt.sealed, receipt.disposed, imported.captures) == (4, 2, 4)
        [info] = rita.list_disposals().disposals
        assert info.captures == 2
        assert info.destroyed >= 4
        with pytest.raises(RemoteError):
            rita.get_capture(department.captures["IMG_0001"])
    kiosk.stop()
    assert_clean(kiosk)

    # Nothing of what went is left: no blob, and no byte of an envelope in the database or its log.
    raw_files = b"".join(path.read_bytes() for path in kiosk.store.glob("vault.db*"))
    for name, capture_id in department.captures.items():
        object_id, envelope = before[capture_id]
        gone = name in ("IMG_0001", "IMG_0002")
        assert (kiosk.store / "objects" / object_id[:2] / object_id).exists() is not gone
        assert envelope[:48] not in raw_files, "neither what went nor what moved"
        assert bool(after[capture_id][1]) is not gone

    # Yesterday's disk, today's machine, everybody's passphrase.
    device = next(kiosk.root.rglob("device-*.key")).parent
    for user in ("admin", "olga", "otto", "rita", "pat", "audi"):
        with vault_of(kiosk, copy, device) as old, pytest.raises(KioskError):
            old.unlock(user, PASSPHRASE)
    # Today's disk opens all that stays.
    with vault_of(kiosk, kiosk.store, device) as vault, vault.unlock("pat", PASSPHRASE) as identity:
        for row in vault.objects():
            if row.epoch is not None:
                assert b"".join(vault.read_object(row.id, identity.open_key(row.id)))
        assert sum(row.epoch is None for row in vault.objects()) == 2
    # The card is known, also what was disposed of; a RAW that comes later is a picture of its own.
    write(department.card, {f"{FOLDER}/IMG_0001.CR3": raw(1)})
    kiosk.start()
    status = kiosk.wait(safe)
    assert (status.devices[0].sealed, status.devices[0].already) == (1, 6)
    with kiosk.session("rita") as rita:
        names = {info.name: info.capture_id for info in rita.list_captures().captures}
        assert names["IMG_0001"] != department.captures["IMG_0001"]
        assert rita.list_captures().total == 5


def test_a_hold_beats_all_and_nobody_decides_alone(department: Department) -> None:
    kiosk, goes = department.kiosk, department.goes
    with kiosk.session("olga") as olga, kiosk.session("rita") as rita, kiosk.session("pat") as pat:
        with pytest.raises(RemoteError, match="not due"):
            olga.propose_disposal((goes,), (), **WHY)
        proposed = olga.propose_disposal((goes,), (), **WHY, early=True)
        assert proposed.captures == 2
        assert "Not due before" in proposed.verdicts[0]
        with pytest.raises(RemoteError, match="another disposal"):
            olga.propose_disposal((), (department.captures["IMG_0001"],), **WHY, early=True)
        for client, why in ((olga, "second person"), (pat, "approve disposals")):
            with pytest.raises(RemoteError, match=why):
                client.approve_disposal(proposed.disposal_id)
        # A hold on one picture keeps the whole encounter.
        hold = olga.place_hold((), (department.captures["IMG_0002"],), **WHY)
        with pytest.raises(RemoteError, match="hold"):
            rita.approve_disposal(proposed.disposal_id)
        assert [each.hold_id for each in rita.list_holds().holds] == [hold.hold_id]
        olga.lift_hold(hold.hold_id, "the case is closed")
        # A picture that came since makes it another proposal.
        pat.assign(goes, (department.captures["IMG_0005"],))
        with pytest.raises(RemoteError, match="changed since"):
            rita.approve_disposal(proposed.disposal_id)
        assert rita.refuse_disposal(proposed.disposal_id, "propose anew").state is DisposalState.REFUSED
        with pytest.raises(RemoteError, match="refused already"):
            rita.approve_disposal(proposed.disposal_id)
        # Nothing is due, and research is as long as its protocol.
        assert olga.list_due().total == 0
        olga.set_retention(goes, RetentionClass.RESEARCH, "study 7", until="2020-12-31")
        [item] = olga.list_due().items
        assert (item.encounter_id, item.due, item.captures) == (goes, "2021-01-01", 3)
        again = olga.propose_disposal((goes,), (), **WHY)
        assert not again.early
        rita.approve_disposal(again.disposal_id)
        deadline = time.monotonic() + 60
        while rita.list_disposals().disposals[0].state is not DisposalState.FINISHED:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert rita.list_captures().total == 3
        with pytest.raises(RemoteError):
            pat.assign(goes, (department.captures["IMG_0006"],))
    kiosk.stop()
    assert_clean(kiosk)


def test_a_refusal_that_protects_other_pictures_does_not_go_alone(department: Department) -> None:
    kiosk = department.kiosk
    with kiosk.session("rita") as rita:
        other = rita.create_encounter(OLD, "second visit").encounter_id
        rita.record_consent(other, consent(Purpose.PUBLICATION))
        grant = consent(Purpose.PUBLICATION)
        no = type(grant)(
            **{name: getattr(grant, name) for name in grant.__struct_fields__}
            | {"kind": "withdrawal", "expires": ""}
        )
        rita.record_consent(department.goes, no)
    with kiosk.session("olga") as olga:
        with pytest.raises(RemoteError, match="protects other pictures"):
            olga.propose_disposal((department.goes,), (), **WHY, early=True)
        both = olga.propose_disposal((department.goes, other), (), **WHY, early=True)
        assert len(both.encounters) == 2


def test_a_kiosk_that_was_killed_in_the_middle_goes_on(department: Department) -> None:
    kiosk = department.kiosk
    with kiosk.session("olga") as olga:
        proposed = olga.propose_disposal((department.goes,), (), **WHY, early=True)
    with kiosk.client() as rita:
        rita.login("rita", PASSPHRASE)
        rita.approve_disposal(proposed.disposal_id)
        kiosk.kill()
    kiosk.start()
    with kiosk.session("rita") as rita:
        department.finished(rita)
        assert rita.list_captures().total == 4
    kiosk.stop()
    assert_clean(kiosk)


def damage_hold(kiosk: ScratchKiosk) -> None:
    """What whoever writes to the stopped disk can do: the ledger tells which record is the hold."""
    entries = sorted((kiosk.store / "ledger/tile/entries").rglob("*"))
    raw_bytes = b"".join(path.read_bytes() for path in entries if path.is_file())
    at = raw_bytes.index(b'"type":"hold.placed"')
    text = raw_bytes[raw_bytes.rindex(b'{"actor"', 0, at) :].decode("latin1")
    record = json.JSONDecoder().raw_decode(text)[0]["record"]["id"]
    with sqlite3.connect(kiosk.store / "vault.db") as db:
        db.execute("UPDATE records SET sealed = zeroblob(length(sealed)) WHERE id = ?", (record,))


def test_a_hold_that_cannot_be_read_stops_every_disposal(department: Department) -> None:
    kiosk = department.kiosk
    with kiosk.session("olga") as olga:
        other = olga.propose_disposal((department.stays,), (), **WHY, early=True)
        olga.place_hold((department.goes,), (), **WHY)
    kiosk.stop()
    damage_hold(kiosk)
    kiosk.start()
    with kiosk.session("olga") as olga, kiosk.session("rita") as rita:
        assert any("cannot be read" in words and "from a drive" in words for words in kiosk.status().problems)
        with pytest.raises(RemoteError, match="legal hold"):
            olga.propose_disposal((department.goes,), (), **WHY, early=True)
        with pytest.raises(RemoteError, match="legal hold"):
            rita.approve_disposal(other.disposal_id)
        assert rita.list_captures().total == 6


def state_of(client: object, disposal_id: DisposalId, wanted: DisposalState) -> t.DisposalInfo:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        disposals: tuple[t.DisposalInfo, ...] = client.list_disposals().disposals  # type: ignore[attr-defined]
        found = {each.disposal_id: each for each in disposals}
        if found[disposal_id].state is wanted:
            return found[disposal_id]
        time.sleep(0.2)
    raise TimeoutError(found[disposal_id].state)


@pytest.mark.timeout(300)  # what could not empty the log is tried again after half a minute
def test_what_waits_its_turn_is_kept_still_and_can_still_be_held(department: Department) -> None:
    kiosk, goes, captures = department.kiosk, department.goes, department.captures
    grant = consent(Purpose.PUBLICATION)
    no = type(grant)(
        **{name: getattr(grant, name) for name in grant.__struct_fields__}
        | {"kind": "withdrawal", "expires": ""}
    )
    with kiosk.session("rita") as rita, kiosk.session("olga") as olga:
        second = rita.create_encounter(OLD, "second").encounter_id
        third = rita.create_encounter(OLD, "third").encounter_id
        rita.assign(third, (captures["IMG_0005"],))
        rita.record_consent(third, grant)
        for encounter_id in (goes, second):
            rita.record_consent(encounter_id, no)
        first = olga.propose_disposal((), (captures["IMG_0006"],), **WHY, early=True)
        waits = olga.propose_disposal((goes,), (), **WHY, early=True)
        relies = olga.propose_disposal((second,), (), **WHY, early=True)
        # Somebody verifies the running store: the first disposal cannot empty the log, the next one waits.
        reader = sqlite3.connect(kiosk.store / "vault.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM objects").fetchall()
        rita.approve_disposal(first.disposal_id)
        state_of(rita, first.disposal_id, DisposalState.DESTROYING)
        rita.approve_disposal(waits.disposal_id)
        with pytest.raises(RemoteError, match="protects other pictures"):
            rita.approve_disposal(relies.disposal_id)
    kiosk.kill()
    kiosk.start()
    with kiosk.session("rita") as rita, kiosk.session("olga") as olga:
        with kiosk.session("pat") as pat, pytest.raises(RemoteError, match="destroyed"):
            pat.propose_correction(department.stays, (captures["IMG_0001"],), "it is another patient's")
        olga.place_hold((goes,), (), **WHY)
        reader.close()
        state_of(rita, first.disposal_id, DisposalState.FINISHED)
        state_of(rita, waits.disposal_id, DisposalState.REFUSED)
        assert {info.name for info in rita.list_captures().captures} == {f"IMG_{n:04d}" for n in range(1, 6)}
        with kiosk.session("pat") as pat:  # it can be worked on again
            moved(pat, rita, department.stays, (captures["IMG_0001"],), "it is another patient's")
    kiosk.stop()
    assert_clean(kiosk)


def test_what_is_recalled_of_destroyed_pictures_stays_on_the_list(
    make_kiosk: Callable[..., ScratchKiosk],
) -> None:
    """Withdraw, then destroy: nobody can ask the consent any more, and the bundle is still outside."""
    kiosk = make_kiosk()
    kiosk.start()
    kiosk.hire()
    kiosk.stop()
    filler = Filler(kiosk)
    recipient = filler.recipient(str(pyrage.x25519.Identity.generate().to_public()))
    withdrawn, kept = filler.capture(Recipe(), 2), filler.capture(Recipe())
    filler.close()
    kiosk.start()
    with kiosk.session("olga") as olga:
        bundle = exported(olga, recipient, (*withdrawn, *kept))
        with kiosk.session("rita") as rita:
            goes = {rita.get_capture(each).info.encounter_id for each in (*withdrawn, *kept)}
            [encounter] = {rita.get_capture(each).info.encounter_id for each in withdrawn}
            assert encounter is not None
            no = msgspec.structs.replace(consent(*Purpose), kind=ConsentKind.WITHDRAWAL, expires="", use="")
            rita.record_consent(encounter, no)
            [before] = olga.list_recall().lines
            assert (before.why, set(before.captures)) == ("withdrawn", set(withdrawn))
            # The second encounter goes, too, and nothing of it is recalled: it never will be.
            proposed = olga.propose_disposal(tuple(filter(None, goes)), (), **WHY, early=True)
            rita.approve_disposal(proposed.disposal_id)
            Department.finished(rita)
            assert rita.list_captures().total == 0
        assert olga.list_recall().lines == (before,)
    kiosk.stop()
    assert_clean(kiosk)
    kiosk.start()
    with kiosk.session("olga") as olga:
        assert olga.list_recall().lines == (before,)
        alone = olga.write_recall(recipient)
        notice = canon.decode((kiosk.stick / alone.folder / "recall.json").read_bytes(), dict)
        assert notice["exports"] == [
            {
                "export_id": bundle.export_id,
                "images": sorted(before.images),
                "manifest_sha256": bundle.manifest_sha256,
            }
        ]
        [after] = olga.list_recall().lines
        assert after.told
    with kiosk.session("audi") as audi:
        types = [each.type for each in audi.list_events(0, 5000).events]
    assert types.count("recall.kept") == 1
