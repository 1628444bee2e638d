"""One changed byte anywhere in a bundle, or anything else done to it, is refused by whom the table says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.export import build
from tests.receiver import changes, outside
from tests.receiver.changes import AGE, COMMANDS, FILES, OPENED, SSH, World


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> World:
    def write(name: str, count: int, seed: int) -> Path:
        return outside.write(tmp_path_factory.mktemp(name), count, seed)

    return World(write("here", 2, 0), write("earlier", 1, 0), write("other", 2, 1))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    (folder / "allowed_signers").write_text(build.ALLOWED_SIGNERS + "\n")
    return folder


def _rows() -> list[changes.Row]:
    with outside.unchanged() as folder:
        return list(changes.rows(folder))


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
@pytest.mark.parametrize("row", _rows(), ids=lambda row: row.what)
def test_who_notices(row: changes.Row, bundles: World, home: Path, tmp_path: Path) -> None:
    script = outside.commands_of((bundles.folder / "VERIFY.txt").read_text())
    encrypted = [path.relative_to(bundles.folder).as_posix() for path in bundles.folder.rglob("*.age")]
    for number, (name, change) in enumerate(row.cases.items()):
        folder = tmp_path / str(number) / bundles.folder.name
        shutil.copytree(bundles.folder, folder)
        change(World(folder, bundles.earlier, bundles.other))
        noticed = {
            FILES: outside.tool_refuses(folder, with_key=False),
            OPENED: outside.tool_refuses(folder, with_key=True),
            SSH: outside.ssh_keygen_refuses(folder, home),
            AGE: outside.age_refuses(folder, encrypted),
        }
        # The commands take as long as all the others: of the changes of one file's bytes, one is enough.
        if number == 0 or not name.endswith((" byte 0", " byte 1", " cut", " emptied", " longer")):
            noticed[COMMANDS] = outside.commands_refuse(folder, home, script)
        assert noticed == {who: who in row.noticed for who in noticed}, name
        shutil.rmtree(folder.parent)


def test_an_unchanged_bundle_is_refused_by_nobody(bundles: World, home: Path) -> None:
    script = outside.commands_of((bundles.folder / "VERIFY.txt").read_text())
    for folder in (bundles.folder, bundles.earlier, bundles.other):
        assert not outside.tool_refuses(folder, with_key=True)
        assert not outside.ssh_keygen_refuses(folder, home)
        assert not outside.commands_refuse(folder, home, script)


@pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")
def test_the_other_age_notices_as_much(bundles: World, tmp_path: Path) -> None:
    """The table's age is rage's code; this is the one that Debian has."""
    (tmp_path / "identity").write_text(f"{build.IDENTITY}\n")
    for path in bundles.folder.rglob("*.age"):
        data = path.read_bytes()
        for at in (None, 0, len(data) // 2, len(data) - 1):
            changed = bytearray(data)
            if at is not None:
                changed[at] ^= 1
            (tmp_path / "file").write_bytes(changed)
            command = ["age", "-d", "-i", "identity", "-o", "out", "file"]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
            assert (done.returncode == 0) == (at is None), (path.name, at)


def test_the_table_in_the_documentation_is_this_one() -> None:
    text = changes.PAGE.read_text()
    assert text.partition(changes.BEGIN)[2].partition(changes.END)[0] == changes.table()
