"""The versions of a kiosk's settings on its disk: one file each, only added; and the one that counts."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from medkiosk import durable
from medkiosk.core.config import Config
from medkiosk.settings.change import apply
from medkiosk.settings.errors import SettingsError
from medkiosk.settings.text import MOST_BYTES, Values, parse

FOLDER = "settings"
_NAME = re.compile(r"([0-9]{6})-([0-9a-f]{64})\.toml", re.ASCII)
_READ = 100
"""So many of the newest are tried before the image's values count."""


@dataclass(frozen=True)
class Version:
    """One version: its number, its text's SHA-256 in hexadecimal digits, and where it lies."""

    number: int
    sha256: str
    path: Path


@dataclass(frozen=True)
class InForce:
    """What counts from this start on.

    Attributes:
        image: the configuration without any settings of this kiosk.
        config: with them.
        number: of the version that counts; 0: the image's values do.
        sha256: of its text; empty for the image's.
        values: its settings.
        newest: the highest number there is.
        unused: why newer versions do not count, newest first.
    """

    image: Config
    config: Config
    number: int = 0
    sha256: str = ""
    newest: int = 0
    unused: tuple[str, ...] = ()
    values: Values = field(default_factory=dict)


def digest(text: str) -> str:
    """The SHA-256 of settings."""
    return hashlib.sha256(text.encode()).hexdigest()


def load(folder: Path, image: Config) -> InForce:
    """Find the newest version that is whole and that the program takes; never fails."""
    unused: list[str] = []
    try:
        there = versions(folder)
    except OSError as error:
        return InForce(image, image, unused=(f"the folder cannot be read ({error.strerror})",))
    newest = there[0].number if there else 0
    for version in there[:_READ]:
        try:
            values = parse(_read(version).encode())
            config = apply(image, values)
        except SettingsError as error:
            unused.append(f"version {version.number}: {error.values['detail']}")
        else:
            return InForce(image, config, version.number, version.sha256, newest, tuple(unused), values)
    return InForce(image, image, newest=newest, unused=tuple(unused))


def versions(folder: Path) -> list[Version]:
    """The versions there are, newest first, whatever is in them.

    Raises:
        OSError: the folder is there and cannot be read.
    """
    return sorted(_named(folder), key=lambda each: (each.number, each.sha256), reverse=True)


def _named(folder: Path) -> Iterator[Version]:
    if not folder.exists():
        return
    for path in folder.iterdir():
        if (found := _NAME.fullmatch(path.name)) and int(found[1]):
            yield Version(int(found[1]), found[2], path)


def _read(version: Version) -> str:
    """A version's text.

    Raises:
        SettingsError: it cannot be read, or is not what was written.
    """
    try:
        with version.path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise SettingsError(detail=f"the file cannot be read ({error.strerror})") from error
    if hashlib.sha256(data).hexdigest() != version.sha256:
        raise SettingsError(detail="the file is damaged")
    return data.decode("utf-8", "replace")


def add(folder: Path, number: int, text: str) -> Version:
    """Put a version on the disk; one that is damaged there is written again.

    Raises:
        OSError: the disk refused it.
    """
    sha256 = digest(text)
    version = Version(number, sha256, folder / f"{number:06d}-{sha256}.toml")
    with contextlib.suppress(FileExistsError):
        durable.make_dir(folder)
    durable.write_atomic(version.path, text.encode())
    return version


@dataclass(frozen=True)
class Settled:
    """What was done to the disk.

    Attributes:
        written: the newest version was not there, or not whole.
        removed: numbers of versions that nobody decided.
    """

    written: bool = False
    removed: tuple[int, ...] = ()


def settle(folder: Path, number: int, text: str) -> Settled:
    """Make the newest version on the disk the one that the entries say.

    Args:
        folder: where versions are.
        number: of the newest version that was decided; 0: none was.
        text: of it.

    Raises:
        OSError: the disk refused it.
    """
    wanted = digest(text)
    removed: list[int] = []
    there = False
    for version in versions(folder):
        if version.number == number and version.sha256 == wanted:
            there = _is_whole(version)
        elif version.number >= number:  # no entry knows it
            durable.remove(version.path)
            removed.append(version.number)
    if number and not there:
        add(folder, number, text)
    return Settled(bool(number) and not there, tuple(removed))


def _is_whole(version: Version) -> bool:
    try:
        _read(version)
    except SettingsError:
        return False
    return True
