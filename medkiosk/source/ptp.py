"""Read a camera through libgphoto2. Only this file and `ptpclock` import it; runs in the source worker alone.

libgphoto2 returns success for truncated reads, so every block is counted here; and it copies as many bytes as
the camera sends, however many were asked for, so blocks go into a buffer with room behind it. It finds a
file by the beginning of its name (up to a slash), so a name with which another one in the same folder begins
is not asked for at all.
Sizes are those of the listing: nothing in a session asks the camera again. An object that grows or shrinks
while it is read shows in the next session's listing, or by where its own structure ends.
Reading a file makes it clear the camera's "not downloaded" mark: the one thing an import changes on a card.
A `Camera` object must not be used again after ``exit``: one `CameraReader` is one session.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import time
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

import gphoto2

from medkiosk.core.dcf import media_extension
from medkiosk.core.frames import CHUNK
from medkiosk.source.model import MAX_ENTRIES, DeviceInfo, SourceCode, SourceError
from medkiosk.source.protocol import CameraTime, RawEntry
from medkiosk.source.ptpclock import read_clock, set_clock
from medkiosk.source.reading import MAX_DEPTH, bounded_folder, bounded_name

_NO_SIZE = 0xFFFFFFFF  # what a camera says of a file whose size does not fit in 32 bits
_ROOM = 64 << 20  # addresses only: nothing is there until a camera sends too much
_PROT_NONE = 0
_BUSY_PAUSES_S = (0.1, 0.4, 1.5)  # well inside the client's longest silence
_CLAIM_PAUSES_S = (0.2, 0.5, 1.0, 2.0)
_SERIAL = re.compile(r"^\s*Serial Number:\s*(\S.*?)\s*$", re.MULTILINE)
_MODEL = re.compile(r"^Model:\s*(\S.*?)\s*$", re.MULTILINE)

_CODES: dict[int, SourceCode] = {
    gphoto2.GP_ERROR_NOT_SUPPORTED: SourceCode.UNSUPPORTED,
    gphoto2.GP_ERROR_IO: SourceCode.UNPLUGGED,
    gphoto2.GP_ERROR_TIMEOUT: SourceCode.STALLED,
    gphoto2.GP_ERROR_IO_READ: SourceCode.UNPLUGGED,
    gphoto2.GP_ERROR_IO_WRITE: SourceCode.UNPLUGGED,
    gphoto2.GP_ERROR_IO_USB_FIND: SourceCode.UNPLUGGED,
    gphoto2.GP_ERROR_IO_USB_CLAIM: SourceCode.CLAIMED,
    gphoto2.GP_ERROR_IO_LOCK: SourceCode.CLAIMED,
    gphoto2.GP_ERROR_UNKNOWN_PORT: SourceCode.UNPLUGGED,
    gphoto2.GP_ERROR_CAMERA_BUSY: SourceCode.BUSY,
    gphoto2.GP_ERROR_DIRECTORY_NOT_FOUND: SourceCode.GONE,
    gphoto2.GP_ERROR_FILE_NOT_FOUND: SourceCode.GONE,
    gphoto2.GP_ERROR_FILE_EXISTS: SourceCode.NAME,  # two files of one name in a folder
    gphoto2.GP_ERROR_MODEL_NOT_FOUND: SourceCode.UNSUPPORTED,
}


class _File(NamedTuple):
    """How to ask for a listed file. ``failure`` says why it cannot be asked for."""

    folder: str
    name: str
    size: int
    failure: SourceCode | None


class _Name(NamedTuple):
    """A name in a folder: as libgphoto2 wants it, as the camera gave it, and whether it finds the file."""

    text: str
    raw: bytes
    usable: bool


class CameraReader:
    """One session with one camera.

    Args:
        port: libgphoto2's port string, ``usb:001,004`` or ``ptpip:ADDRESS:PORT:PORT``.
        model: a name in libgphoto2's list of cameras, e.g. ``Canon EOS R6``.

    Raises:
        SourceError: the camera is not there, busy, or held by another program.
    """

    def __init__(self, port: str, model: str) -> None:
        self._port = port
        self._model = model
        self._files: list[_File] = []
        self._deleted: set[int] = set()
        self._storages: list[gphoto2.CameraStorageInformation] | None = None
        self._buffer = _roomy_buffer()
        self._session: gphoto2.Camera | None = None
        _prepare_library()
        self._connect()

    def _connect(self) -> None:
        """Open a session, again where the camera is claimed: on USB that may be over in a moment.

        The worker before this one may still be ending; udev allows a camera before it allows its interface.
        """
        pauses = iter(_CLAIM_PAUSES_S)
        while True:
            try:
                self._session = self._opened()
                return
            except gphoto2.GPhoto2Error as error:
                pause = next(pauses, None)
                if error.code != gphoto2.GP_ERROR_IO_USB_CLAIM or pause is None:
                    raise _translated(error) from error
                time.sleep(pause)

    def _opened(self) -> gphoto2.Camera:
        camera = gphoto2.Camera()
        ports = gphoto2.PortInfoList()
        ports.load()
        camera.set_port_info(ports[ports.lookup_path(self._port)])
        abilities = gphoto2.CameraAbilitiesList()
        abilities.load()
        camera.set_abilities(abilities[abilities.lookup_model(self._model)])
        camera.init()
        return camera

    @property
    def _camera(self) -> gphoto2.Camera:
        """The session with the camera; a new one where the last was ended by `close`."""
        if self._session is None:
            self._connect()
        return self._session

    def info(self) -> DeviceInfo:
        """Return model and serial number, read from the camera's summary."""
        try:
            summary: str = self._camera.get_summary().text
        except gphoto2.GPhoto2Error as error:
            raise _translated(error) from error
        model, serial = _MODEL.search(summary), _SERIAL.search(summary)
        return DeviceInfo(
            kind="camera",
            model=model.group(1) if model else "",
            serial=serial.group(1) if serial else "",
            port=self._port,
        )

    def entries(self) -> Iterator[RawEntry]:
        """List every file of every storage."""
        if self._deleted:
            self.close()  # only a new session sees the card as it is now
        self._files, self._deleted = [], set()
        for storage in self._folder("/")[1]:
            yield from self._walk((storage,), 0)

    def blocks(self, index: int, limit: int | None = None) -> Iterator[memoryview]:
        """Read one file in blocks of `CHUNK` bytes."""
        file = self._files[index]
        if file.failure is not None:
            raise SourceError(file.failure)
        end = file.size if limit is None else min(limit, file.size)
        buffer = memoryview(self._buffer)
        offset = 0
        while offset < end:
            wanted = min(CHUNK, end - offset)
            got = self._block(file, offset, buffer[:wanted])
            if got != wanted:
                raise SourceError(SourceCode.SHORT if got < wanted else SourceCode.LONG)
            yield buffer[:wanted]
            offset += wanted

    def _block(self, file: _File, offset: int, into: memoryview) -> int:
        """Ask for one block, again where the camera is busy for a moment; return how many bytes came."""
        pauses = iter(_BUSY_PAUSES_S)
        while True:
            try:
                got: int = self._camera.file_read(
                    file.folder, file.name, gphoto2.GP_FILE_TYPE_NORMAL, offset, into
                )
                return got
            except gphoto2.GPhoto2Error as error:
                failure = self._failed(error)
                pause = next(pauses, None)
                if failure.reason is not SourceCode.BUSY or pause is None:
                    raise failure from error
                time.sleep(pause)

    def clock(self) -> CameraTime | None:
        """Return what the camera's display shows, and its UTC; the session is over with that."""
        try:
            return read_clock(self._camera)
        except gphoto2.GPhoto2Error as error:
            raise self._failed(error) from error
        finally:
            self.close()

    def set_clock(self, unix_seconds: int) -> None:
        """Set the camera's clock; the session is over with that."""
        try:
            set_clock(self._camera, unix_seconds)
        except gphoto2.GPhoto2Error as error:
            raise self._failed(error) from error
        finally:
            self.close()

    def delete(self, index: int) -> None:
        """Ask for the deletion of one file; what became of it shows in the next listing.

        libgphoto2 says that it deleted a file whatever the camera answered, and a file that it does not find
        it would delete by the handle that means *all*. So the file is read first, which fails unless the
        library finds it and the camera has it; and afterwards another one that must still be there.
        """
        file = self._files[index]
        if file.failure is not None:
            raise SourceError(file.failure)
        if index in self._deleted:
            raise SourceError(SourceCode.GONE)
        try:
            self._may_delete(file)
            self._sees(file)
            self._deleted.add(index)
            self._camera.file_delete(file.folder, file.name)
        except gphoto2.GPhoto2Error as error:
            raise self._failed(error) from error
        self._sees_another()

    def _sees_another(self) -> None:
        """Raise unless a file that was not to be deleted is still there."""
        others = (at for at in range(len(self._files) - 1, -1, -1) if at not in self._deleted)
        other = next((file for at in others if (file := self._files[at]).failure is None and file.size), None)
        if other is None:
            return
        try:
            self._sees(other)
        except SourceError as error:
            raise SourceError(SourceCode.PROTOCOL) from error
        except gphoto2.GPhoto2Error as error:
            failure = self._failed(error)
            lost = failure.reason in {SourceCode.GONE, SourceCode.DEVICE}
            raise (SourceError(SourceCode.PROTOCOL) if lost else failure) from error

    def _sees(self, file: _File) -> None:
        """Raise unless the camera hands out the file's first byte: a question not answered from memory."""
        if not file.size:
            raise SourceError(SourceCode.UNSUPPORTED)  # there is no byte to ask for; an empty file may stay
        got: int = self._camera.file_read(
            file.folder, file.name, gphoto2.GP_FILE_TYPE_NORMAL, 0, memoryview(self._buffer)[:1]
        )
        if got != 1:
            raise SourceError(SourceCode.SHORT)

    def _may_delete(self, file: _File) -> None:
        """Raise if the file, or the card that it is on, is write-protected."""
        if self._storages is None:
            self._storages = list(self._camera.get_storageinfo())
        for storage in self._storages:
            is_here = file.folder.startswith(storage.basedir + "/")
            if is_here and storage.access == gphoto2.GP_STORAGEINFO_AC_READONLY:
                raise SourceError(SourceCode.READ_ONLY)
        permissions: int = self._camera.file_get_info(file.folder, file.name).file.permissions
        if not permissions & gphoto2.GP_FILE_PERM_DELETE:
            raise SourceError(SourceCode.PROTECTED)

    def close(self) -> None:
        """End the session; the camera's own buttons work again."""
        camera, self._session = self._session, None
        self._storages = None
        if camera is None:
            return
        try:
            camera.exit()
        except gphoto2.GPhoto2Error:
            return  # it was unplugged or switched off: there is no session left to end

    def _failed(self, error: gphoto2.GPhoto2Error) -> SourceError:
        """Tell a file that cannot be read from a camera that is gone: libgphoto2 gives both one error.

        The question asked here is one that it does not answer from memory.
        """
        failure = _translated(error)
        if failure.ends_session:
            return failure
        try:
            self._camera.get_storageinfo()
        except gphoto2.GPhoto2Error:
            return SourceError(SourceCode.UNPLUGGED)
        return failure

    def _walk(self, path: tuple[_Name, ...], depth: int) -> Iterator[RawEntry]:
        try:
            files, folders = self._folder("/" + "/".join(part.text for part in path))
        except SourceError as error:
            if error.ends_session or depth == 0:
                raise
            yield self._unreachable(path[:-1], path[-1], error.reason)
            return
        for name in files:
            yield self._file(path, name)
        for name in folders:
            if not name.usable or "/" in name.text:
                yield self._unreachable(path, name, SourceCode.NAME)
            elif depth == MAX_DEPTH:
                yield self._unreachable(path, name, SourceCode.TOO_DEEP)
            else:
                yield from self._walk((*path, name), depth + 1)

    def _folder(self, folder: str) -> tuple[list[_Name], list[_Name]]:
        """Names of files and of folders in a folder."""
        try:
            lists = self._camera.folder_list_files(folder), self._camera.folder_list_folders(folder)
        except gphoto2.GPhoto2Error as error:
            raise self._failed(error) from error
        names = [[_name(found, position) for position in range(found.count())] for found in lists]
        ordered = sorted(name.raw for both in names for name in both)
        files, folders = (
            [name._replace(usable=name.usable and _is_clear(name.raw, ordered)) for name in both]
            for both in names
        )
        return files, folders

    def _file(self, path: tuple[_Name, ...], name: _Name) -> RawEntry:
        if not name.usable:
            return self._unreachable(path, name, SourceCode.NAME)
        folder = "/" + "/".join(part.text for part in path)
        try:
            info = self._camera.file_get_info(folder, name.text).file
        except gphoto2.GPhoto2Error as error:
            failure = self._failed(error)
            if failure.ends_session:
                raise failure from error
            return self._unreachable(path, name, failure.reason)
        mtime = info.mtime if info.fields & gphoto2.GP_FILE_INFO_MTIME else 0
        if not info.fields & gphoto2.GP_FILE_INFO_SIZE or not _is_believable(info.size, name.text):
            return self._unreachable(path, name, SourceCode.SIZE_UNKNOWN, mtime)
        return self._entry(path, name, _File(folder, name.text, info.size, None), mtime)

    def _unreachable(
        self, path: tuple[_Name, ...], name: _Name, failure: SourceCode, mtime: int = 0
    ) -> RawEntry:
        """List a file or folder that cannot be read, so that nobody thinks that everything was imported."""
        return self._entry(path, name, _File("", name.text, 0, failure), mtime)

    def _entry(self, path: tuple[_Name, ...], name: _Name, file: _File, mtime: int) -> RawEntry:
        if len(self._files) == MAX_ENTRIES:
            raise SourceError(SourceCode.TOO_MANY)
        self._files.append(file)
        return RawEntry(
            index=len(self._files) - 1,
            storage=bounded_name(path[0].raw),
            folder=bounded_folder(tuple(part.raw for part in path[1:])),
            name=bounded_name(name.raw),
            size=file.size,
            mtime=mtime,
            failure=file.failure or 0,
        )


def _prepare_library() -> None:
    """Set what libgphoto2 takes from the environment."""
    os.environ["HOME"] = "/nonexistent"  # it would write its settings there
    os.environ["TZ"] = "UTC0"  # a camera's wall clock comes through its conversions as it is
    time.tzset()


def _name(names: gphoto2.CameraList, position: int) -> _Name:
    try:
        text: str = names.get_name(position)
    except UnicodeDecodeError as error:
        return _Name("", error.object, usable=False)  # the binding takes and gives only UTF-8
    return _Name(text, text.encode(), usable=text != "")


def _is_clear(name: bytes, ordered: list[bytes]) -> bool:
    """Tell whether no other name in the folder begins like this one up to its first slash."""
    start = name.partition(b"/")[0]
    following = bisect_left(ordered, start) + 1
    return following >= len(ordered) or not ordered[following].startswith(start)


def _is_believable(size: int, name: str) -> bool:
    """A size is 32 bit on the wire: a film over 4 GiB is listed as all ones, or as nothing at all.

    A picture without a byte is one that the camera lost or does not want to tell about; the card itself says
    which. Only what is neither picture nor film may be empty.
    """
    return size != _NO_SIZE and (size != 0 or media_extension(name) is None)


def _roomy_buffer() -> mmap.mmap:
    """A buffer of `CHUNK` bytes with `_ROOM` behind it, and then a page that nobody may touch.

    An answer that is longer than what was asked for ends in the room and is noticed; one that is longer
    than that ends the worker, before it overwrites anything.
    """
    buffer = mmap.mmap(-1, CHUNK + _ROOM + mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    libc = ctypes.CDLL(None, use_errno=True)
    last = ctypes.addressof(ctypes.c_char.from_buffer(buffer)) + CHUNK + _ROOM
    if libc.mprotect(ctypes.c_void_p(last), ctypes.c_size_t(mmap.PAGESIZE), _PROT_NONE) != 0:
        raise OSError(ctypes.get_errno(), "mprotect")
    return buffer


def _translated(error: gphoto2.GPhoto2Error) -> SourceError:
    return SourceError(_CODES.get(error.code, SourceCode.DEVICE))
