"""Writes a bundle to a stick, whole or not at all (docs/export-format.md section 1).

Sequence: folder under a temporary name; for each group of pictures write, sync; record, manifest, signature,
sync; sync the folders; read every file back from the device and compare; rename the folder; sync its parent.
Whoever asked for the bundle decides once more around that renaming. What fails is removed, what makes it
whole first, and only what was seen to be gone counts as gone. Nothing that is not encrypted or meant for
everybody touches the stick, at any instant.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from medkiosk import durable, sshsig
from medkiosk.core.errors import BadRequestError
from medkiosk.export import age, manifest
from medkiosk.export.buffers import Block, Buffers
from medkiosk.export.checks import Checks
from medkiosk.export.contents import Bundle, Picture
from medkiosk.export.errors import StickError, StickLiesError, StickLockedError, StickProtectedError, on_stick
from medkiosk.export.filling import Filler, Made
from medkiosk.export.folder import Files, Folder
from medkiosk.export.volume import PARTIAL, clear_leftovers

_AHEAD = 2
"""Pictures that are decrypted and encrypted side by side, and while others are written."""
_GROUP = 16
"""Pictures synced together; at most three open files each."""

_WHOLE = (
    manifest.SIGNATURE,
    manifest.MANIFEST,
    manifest.view("signature"),
    manifest.view("manifest"),
    manifest.IDENTITY,
    manifest.view("identity"),
    manifest.RECORD,
    manifest.view("record"),
)
"""Without these nothing opens as a bundle; in the order in which they are destroyed."""

Progress = Callable[[str], object]
"""Told in words what is being done: ``Writing 12 of 200``."""


@dataclass(frozen=True)
class Written:
    """What was written, read back and found right.

    Attributes:
        folder: name of the bundle's folder on the stick.
        images: how many.
        bytes: of all files together.
        manifest_sha256: hex.
        signer: OpenSSH fingerprint of the signing key.
    """

    folder: str
    images: int
    bytes: int
    manifest_sha256: str
    signer: str


Naming = Callable[[Written, Callable[[], object]], object]
"""Given what was written, and what gives it its name: calls that once, or raises. Until then it is not
there; what is raised after, ends the export as well.
"""


def at_once(_: Written, name_it: Callable[[], object]) -> None:
    """Ask nothing more."""
    name_it()


def write_bundle(
    target_dir: Path,
    bundle: Bundle,
    files: Files = durable,
    *,
    naming: Naming = at_once,
    cleaned: Callable[[], object] = lambda: None,
    progress: Progress = lambda _: None,
) -> Written:
    """Write a bundle below ``target_dir``, the top folder of a mounted stick; one export a stick at a time.

    Args:
        target_dir: where.
        bundle: what.
        files: the durable operations.
        naming: decides, when all was read back, whether the bundle gets its name.
        cleaned: called before an error is raised, if nothing of the bundle is on the stick any more: under
            neither name, looked at anew, and synced. Where it is not called, nobody knows.
        progress: told what is being done.

    Raises:
        StickError: the stick did not take it.
        StickLiesError: the stick took it and gives back something else.
        MixedUpError: a picture is not the one that its ledger entry names.
        RecipientKeyError: nothing can be encrypted to this recipient.
        BadRequestError: there is no picture, or there are more than a bundle may have; there is neither a key
            nor a passphrase to encrypt to, or both.
        KioskError: whatever taking the next picture raises.
    """
    short = bundle.export_id[:8]
    partial = target_dir / f"{PARTIAL}{short}"
    final = target_dir / f"medkiosk-{bundle.created.isoformat()}-{short}"
    try:
        if bool(bundle.recipient) == bool(bundle.passphrase):
            raise BadRequestError(detail="a bundle is encrypted to a key or to a passphrase")
        if bundle.recipient:
            age.check_recipient(bundle.recipient)
        with on_stick():
            root_fd = files.open_dir(target_dir)
    except BaseException:
        cleaned()  # not one byte was written
        raise
    try:
        if final.exists():
            raise StickError(detail=f"{final.name} is on it already")

        def name_it() -> None:
            with on_stick():
                files.publish(partial, final)
                files.sync_dirs(root_fd, [target_dir])

        with _whole_or_nothing(root_fd, files, (partial, final), cleaned):
            with on_stick():
                clear_leftovers(target_dir)
            checks = Checks(bundle.random)
            folder = Folder(partial, root_fd, files, checks, bundle.created)
            written = _fill(folder, checks, bundle, final.name, progress)
            naming(written, name_it)
    finally:
        os.close(root_fd)
    return written


@contextlib.contextmanager
def _whole_or_nothing(
    root_fd: int, files: Files, names: tuple[Path, Path], cleaned: Callable[[], object]
) -> Iterator[None]:
    """Remove what was written if anything fails, as far as the stick lets us, and say if all of it is gone.

    Under either name: a rename that was reported as failed may have happened.
    """
    try:
        yield
    except BaseException as error:
        begun = any(map(_may_be_there, names))
        for path in names:
            _destroy(root_fd, files, path)
        # Of what a stick that lies says was removed, nothing is known.
        if not isinstance(error, StickLiesError) and _is_gone(root_fd, files, names):
            cleaned()
        if begun and isinstance(error, StickProtectedError):
            raise StickLockedError(**error.values) from error
        raise


def _may_be_there(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _destroy(root_fd: int, files: Files, path: Path) -> None:
    """Remove a folder; what is cut short on the way leaves nothing that opens as a bundle."""
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(path.lstat().st_mode):
            return
        for name in _WHOLE:
            with contextlib.suppress(OSError):
                (path / name).unlink()
        with contextlib.suppress(OSError):
            files.sync_dirs(root_fd, [path])
        shutil.rmtree(path, ignore_errors=True)


def _is_gone(root_fd: int, files: Files, names: tuple[Path, Path]) -> bool:
    """Whether neither name is on the stick, which is still there, can be written to, and was synced."""
    top = names[0].parent
    try:
        files.sync_dirs(root_fd, [top])
        fresh = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # What is mounted there now can be another thing: the stick was pulled out.
            same = os.path.samestat(os.fstat(fresh), os.fstat(root_fd))
            writable = not os.fstatvfs(fresh).f_flag & os.ST_RDONLY
            with os.scandir(fresh) as entries:
                found = any(entry.name in {path.name for path in names} for entry in entries)
        finally:
            os.close(fresh)
    except OSError:
        return False
    return same and writable and not found


def _fill(folder: Folder, checks: Checks, bundle: Bundle, name: str, progress: Progress) -> Written:
    buffers = Buffers()
    filler = Filler(bundle, buffers, checks)
    of = f" of {bundle.count}" if bundle.count else ""
    try:
        folder.make_dirs(filler.dirs)
        for number, files in enumerate(_ahead(filler, bundle.pictures), 1):
            progress(f"Writing {number}{of}")
            _write(folder, buffers, files)
            if number % _GROUP == 0:
                folder.sync()
        if not 1 <= filler.images <= manifest.MOST_IMAGES:
            raise BadRequestError(detail=f"a bundle cannot have {filler.images} pictures")
        _write(folder, buffers, filler.rest(folder.parts))
        count = len(folder.parts)
        folder.finish(lambda number: progress(f"Reading back {number} of {count} files"))
    finally:
        folder.close()
    (described,) = (part for part in folder.parts if part.file == manifest.MANIFEST)
    signer = sshsig.fingerprint(bundle.signer.public_key())
    return Written(name, filler.images, folder.total, described.sha256, signer)


def _ahead(filler: Filler, pictures: Iterable[Picture]) -> Iterator[list[Made]]:
    """Decrypt, hash and encrypt in threads of their own while the stick is written to, `_AHEAD` at most."""
    source, one_at_a_time = enumerate(pictures, 1), threading.Lock()

    def make() -> list[Made] | None:
        with one_at_a_time:
            number, picture = next(source, (0, None))
        return None if picture is None else filler.picture(picture, number)

    with ThreadPoolExecutor(_AHEAD, "export") as threads:
        waiting = deque(threads.submit(make) for _ in range(_AHEAD))
        try:
            # That one found no more pictures does not say that those after it found none: all are waited for.
            while waiting:
                if (made := waiting.popleft().result()) is not None:
                    waiting.append(threads.submit(make))
                    yield made
        finally:
            threads.shutdown(cancel_futures=True)


def _write(folder: Folder, buffers: Buffers, files: Iterable[Made]) -> None:
    for made in files:
        folder.put(made.part, made.check, made.data)
        if isinstance(made.data, Block):
            buffers.give_back(made.data)
