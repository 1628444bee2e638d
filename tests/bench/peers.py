"""What others do with the same files on the same disk: copy, back up, encrypt. All of it durable when done.

Every peer keeps its own defaults (restic and borg compress and look for duplicates). None of them reads back
what it wrote, as sealing does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_PIECE = 1 << 24


class Peer(NamedTuple):
    """One peer.

    Attributes:
        name: as it is printed.
        needs: programs.
        prepare: what is not measured; gets the folder to write to.
        work: what is.
        least: how many times its speed sealing must have; 0 where nothing is asked.
    """

    name: str
    needs: tuple[str, ...]
    prepare: Callable[[Path], None]
    work: Callable[[list[Path], Path], None]
    least: float

    def missing(self) -> list[str]:
        """Return the programs that are not here."""
        return [need for need in self.needs if shutil.which(need) is None]


def _folder(into: Path) -> None:
    into.mkdir()


def _cp(files: list[Path], into: Path) -> None:
    for path in files:
        subprocess.run(["cp", "--", str(path), str(into)], check=True)
        subprocess.run(["sync", "--", str(into / path.name)], check=True)


def _copy(files: list[Path], into: Path) -> None:
    """What cp does, without starting a process for each file: the least that a durable copy can cost."""
    for path in files:
        source = os.open(path, os.O_RDONLY)
        target = os.open(into / path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            while os.copy_file_range(source, target, _PIECE):
                pass
            os.fsync(target)
        finally:
            os.close(source)
            os.close(target)


def _age_key(into: Path) -> None:
    into.mkdir()
    subprocess.run(["age-keygen", "-o", str(into / "key")], check=True, capture_output=True)


def _age(files: list[Path], into: Path) -> None:
    key = subprocess.run(
        ["age-keygen", "-y", str(into / "key")], check=True, capture_output=True, text=True
    ).stdout.strip()
    for path in files:
        out = str(into / path.name)
        subprocess.run(["age", "-r", key, "-o", out, str(path)], check=True)
        subprocess.run(["sync", "--", out], check=True)


def _environment(into: Path) -> dict[str, str]:
    home = str(into.with_name(into.name + "-home"))
    return {
        **os.environ,
        "RESTIC_PASSWORD": "bench",
        "RESTIC_CACHE_DIR": home,
        "BORG_PASSPHRASE": "bench",
        "BORG_BASE_DIR": home,
    }


def _quiet(command: list[str], into: Path) -> None:
    subprocess.run(command, check=True, capture_output=True, env=_environment(into))


def _restic_init(into: Path) -> None:
    _quiet(["restic", "init", "--repo", str(into)], into)


def _restic(files: list[Path], into: Path) -> None:
    _quiet(["restic", "backup", "--repo", str(into), str(files[0].parent)], into)


def _borg_init(into: Path) -> None:
    _quiet(["borg", "init", "--encryption", "repokey-blake2", str(into)], into)


def _borg(files: list[Path], into: Path) -> None:
    _quiet(["borg", "create", f"{into}::one", str(files[0].parent)], into)


PEERS = (
    Peer("cp + fsync of each file", ("cp", "sync"), _folder, _cp, 1.0),
    Peer("the same in one process", (), _folder, _copy, 0),
    Peer("age + fsync of each file", ("age", "age-keygen", "sync"), _age_key, _age, 1.5),
    Peer("restic backup", ("restic",), _restic_init, _restic, 2.0),
    Peer("borg create", ("borg",), _borg_init, _borg, 2.0),
)
