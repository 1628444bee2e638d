"""What came back on a stick, on the real daemon: whose line is held, whose is only named, what is an alarm.

One kiosk, one bundle; each test starts with an empty stick but for the bundle.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medkiosk import keyfiles
from medkiosk.core import canon
from medkiosk.ipc.types import ExportResult
from medkiosk.ipc.wire import RemoteError
from medkiosk.ledger.note import COSIGNATURE, VerifierKey
from medkiosk.ledger.sign import Signer
from medkiosk.receiver import medkiosk_verify as tool
from tests.e2e.gatestore import Filler, Recipe
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk
from tests.outside import exported

WITNESS = tool.WitnessKey("clinic.example/w1", b"w" * 32)
STRANGER = tool.WitnessKey("nobody.example/w1", b"s" * 32)


@dataclass
class Sent:
    """A kiosk that exported one bundle, and what its receiver found in it."""

    kiosk: ScratchKiosk
    result: ExportResult
    seed: bytes

    @property
    def bundle(self) -> Path:
        return self.kiosk.stick / self.result.folder

    def word(
        self,
        witness: tool.WitnessKey | None = None,
        *,
        by: str = "Dr. C",
        checkpoint: bytes = b"",
        export_id: str = "",
        seed: bytes = b"",
    ) -> bytes:
        """What the receiver's tool writes."""
        return tool.acknowledgement(
            export_id or self.result.export_id,
            self.result.manifest_sha256,
            checkpoint or (self.bundle / "checkpoint").read_bytes(),
            seed or self.seed,
            by,
            int(time.time()),
            witness,
        )

    def comes_back(self, *words: bytes) -> None:
        for number, text in enumerate(words):
            (self.kiosk.stick / f"medkiosk-acknowledgement-{number:08x}.json").write_bytes(text)

    def entries(self, kind: str) -> int:
        with self.kiosk.session("audi") as audi:
            return [each.type for each in audi.list_events(0, 5000).events].count(kind)

    def held(self) -> str:
        """Everything that is kept of what others signed."""
        folder = self.kiosk.store / "ledger" / "cosigned"
        return "".join(path.read_text() for path in sorted(folder.glob("*")))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    kiosk = ScratchKiosk(tmp_path_factory.mktemp("back") / "kiosk")
    try:
        kiosk.init()
        kiosk.start()
        kiosk.hire()
        kiosk.stop()
        identity = pyrage.x25519.Identity.generate()
        filler = Filler(kiosk)
        recipient = filler.recipient(str(identity.to_public()))
        captures = filler.capture(Recipe())
        filler.close()
        kiosk.start()
        with kiosk.session("olga") as olga:
            result = exported(olga, recipient, captures)
        record = pyrage.decrypt((kiosk.stick / result.folder / "record.zip.age").read_bytes(), [identity])
        told = canon.decode(zipfile.ZipFile(io.BytesIO(record)).read("record.json"), dict)
        with kiosk.session(ADMIN) as admin:
            key = Ed25519PrivateKey.from_private_bytes(WITNESS.seed).public_key().public_bytes_raw()
            admin.enrol_witness(str(VerifierKey(WITNESS.name, key, COSIGNATURE)))
        yield Sent(kiosk, result, bytes.fromhex(told["acknowledge"]))
    finally:
        kiosk.close()


@pytest.fixture
def sent(made: Sent) -> Iterator[Sent]:
    yield made
    for path in made.kiosk.stick.glob("medkiosk-acknowledgement-*"):
        path.unlink()


def test_what_another_kiosk_wrote_is_refused(sent: Sent) -> None:
    theirs = sent.word(export_id="0" * 32)
    forged = sent.word(seed=b"\1" * 32)
    with sent.kiosk.session("olga") as olga:
        sent.comes_back(theirs, forged)
        came = olga.take_acknowledgements()
        assert [("no bundle that this kiosk wrote" in each) for each in came.refused] == [True, False]
        assert "did not open the bundle" in came.refused[1]
        assert (came.taken, came.witnessed) == ((), 0)
    assert sent.entries("export.acknowledged") == 0


def test_a_strangers_line_is_named_and_not_kept(sent: Sent) -> None:
    sent.comes_back(sent.word(STRANGER))
    with sent.kiosk.session("olga") as olga:
        came = olga.take_acknowledgements()
    assert (came.refused, came.strangers, came.witnessed) == ((), (STRANGER.name,), 0)
    assert [each.by for each in came.taken] == ["Dr. C"]
    assert STRANGER.name not in sent.held()
    assert sent.entries("ledger.cosigned") == 0


def test_the_line_of_an_enrolled_witness_is_held_and_the_same_file_says_nothing_twice(sent: Sent) -> None:
    word = sent.word(WITNESS, by="Dr. C, once more")
    sent.comes_back(word)
    with sent.kiosk.session("olga") as olga:
        for _ in range(2):
            came = olga.take_acknowledgements()
            assert (came.refused, came.strangers, came.witnessed) == ((), (), 1)
            assert [each.by for each in came.taken] == ["Dr. C"]  # the first word stays
    held = sent.held()
    assert (held.count(WITNESS.name), STRANGER.name in held) == (1, False)
    assert f"medkiosk-export/{sent.result.export_id}" not in held
    assert sent.entries("ledger.cosigned") == 1
    assert sent.entries("export.acknowledged") == 1
    with sent.kiosk.session(ADMIN) as admin:
        (witness,) = admin.get_ledger_head().witnesses
    assert (witness.name, witness.size > 0) == (WITNESS.name, True)


def test_a_line_that_bears_a_witness_name_and_is_not_theirs_makes_the_file_worthless(sent: Sent) -> None:
    line = sent.word(WITNESS)
    cosigned = canon.decode(line, dict)["cosigned"].encode()
    other_time = bytearray(cosigned)
    at = cosigned.rindex(b" ") + 12  # in the signature of the last line
    other_time[at] ^= 1 if cosigned[at] != ord("A") else 3
    sent.comes_back(sent.word(checkpoint=bytes(other_time)))
    with sent.kiosk.session("olga") as olga:
        came = olga.take_acknowledgements()
    assert (len(came.refused), came.taken, came.witnessed) == (1, (), 0)


@pytest.mark.parametrize("witness", [None, WITNESS], ids=["the receiver alone", "a witness"])
def test_a_head_that_contradicts_the_log_is_an_alarm(sent: Sent, witness: tool.WitnessKey | None) -> None:
    """Signed with the kiosk's own key: a history that was shown to them and is not the one here."""
    kiosk = sent.kiosk
    signer = Signer("scratch.medkiosk.invalid/ledger", keyfiles.load(kiosk.keys).ledger)
    signer.begin()
    fork = signer.extend(5, b"\7" * 32, ())
    good = sent.word()
    sent.comes_back(sent.word(witness, checkpoint=fork), good)
    before = sent.held()
    with kiosk.session("olga") as olga:
        with pytest.raises(RemoteError, match="was shown a ledger of 5 entries") as caught:
            olga.take_acknowledgements()
        assert caught.value.remote_code == "ledger.fork"
        assert (witness.name if witness else "the receiver of") in str(caught.value)
    assert any("contradicts one it signed before" in words for words in kiosk.status().problems)
    assert sent.held() == before
    login = ("--user", "olga", "--passphrase-file", "-")
    done = kiosk.ctl("acknowledge", *login, stdin=PASSPHRASE + "\n", check=False)
    assert (done.returncode, "contradicts one it signed before" in done.stderr) == (3, True), done
