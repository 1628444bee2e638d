"""A kiosk whose device secret is in a TPM: what a copy of its whole disk opens after a disposal."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

from medkiosk.core.errors import KioskError
from medkiosk.devicetpm import TpmSecrets
from medkiosk.keyfiles import load
from medkiosk.vault.store import Vault
from tests.daemon.importing import picture, write
from tests.e2e.proof import assert_clean
from tests.e2e.test_disposal import FOLDER, Department
from tests.kiosk import PASSPHRASE, ScratchKiosk
from tests.stores import clock
from tests.virtual import tpm

pytestmark = pytest.mark.skipif(not tpm.AVAILABLE, reason=tpm.NEEDED)
PEOPLE = ("admin", "olga", "otto", "rita", "pat", "audi")


def opened(disk: Path, secrets: TpmSecrets) -> Vault:
    """The store of a copy of the whole disk, keys and all, with this machine's TPM."""
    keys = load(disk / "keys")
    return Vault.open(disk / "store", index_key=keys.index, device=secrets, random=bytes, clock=clock)


@pytest.mark.timeout(400)  # the machine may be busy: a whole disposal on the real daemon
def test_a_copy_of_the_whole_disk_made_before_a_disposal_opens_nothing(
    tmp_path: Path,
) -> None:
    files = {f"{FOLDER}/IMG_{number:04d}.JPG": picture(number) for number in range(1, 7)}
    card = write(tmp_path / "card", files)
    (tmp_path / "models").mkdir()
    with tpm.SoftTpm(tmp_path / "tpm") as soft, contextlib.ExitStack() as stack:
        kiosk = ScratchKiosk(tmp_path / "kiosk", cards=[card], models=tmp_path / "models")
        stack.callback(kiosk.close)
        kiosk.config.write_text(kiosk.config.read_text().replace("[ipc]", f'tpm = "{soft.path}"\n[ipc]'))
        kiosk.init()
        department = Department(kiosk, card)
        department.open()
        assert any("the TPM" in words for words in kiosk.status().keys)
        assert not any("copy" in words for words in kiosk.status().keys)
        kiosk.stop()
        assert not list(kiosk.root.rglob("device-*.key")), "nothing of it is on the disk"
        copy = tmp_path / "copy"
        shutil.copytree(kiosk.root, copy)
        secrets = TpmSecrets(soft.path)
        with opened(copy, secrets) as before:
            before.unlock("pat", PASSPHRASE).close()  # until then it is as good as the disk

        kiosk.start()
        department.dispose()
        kiosk.stop()
        assert_clean(kiosk)

        assert secrets.generations() == [2]
        for user in PEOPLE:
            with opened(copy, secrets) as old, pytest.raises(KioskError, match="device secret"):
                old.unlock(user, PASSPHRASE)
        soft.stop()
        soft.start()  # the machine is switched off and on
        kiosk.start()
        with kiosk.session("rita") as rita:
            assert rita.list_captures().total == 4
        kiosk.stop()
