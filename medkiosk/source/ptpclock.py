"""A camera's clock, as libgphoto2 gives and sets it: an EOS's settings, which need care.

libgphoto2 reads an EOS's settings only in the mode in which a computer takes pictures. So the caller ends the
session right after each of these, and nothing is listed or read in that mode.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import gphoto2

from medkiosk.source.model import SourceCode, SourceError
from medkiosk.source.protocol import CameraTime

_WALL, _UTC = "datetime", "datetimeutc"


def read_clock(camera: gphoto2.Camera) -> CameraTime | None:
    """Return what the camera's display shows, and its UTC; None where it does not say.

    Raises:
        gphoto2.GPhoto2Error: the camera does not answer.
    """
    wall, utc = _setting(camera, _WALL), _setting(camera, _UTC)
    if wall is None:
        return None
    return CameraTime(wall=wall.get_value(), utc=None if utc is None else utc.get_value())


def set_clock(camera: gphoto2.Camera, unix_seconds: int) -> None:
    """Set the camera's UTC, from which it makes what its display shows.

    Raises:
        SourceError: UNSUPPORTED: it has no such setting, or it cannot be asked for safely.
        gphoto2.GPhoto2Error: the camera does not answer.
    """
    utc = _setting(camera, _UTC)
    if utc is None:
        raise SourceError(SourceCode.UNSUPPORTED)
    utc.set_value(unix_seconds)
    camera.set_single_config(_UTC, utc)


def _setting(camera: gphoto2.Camera, name: str) -> gphoto2.CameraWidget | None:
    if not _keep_pictures_on_the_card():
        return None
    try:
        return camera.get_single_config(name)
    except gphoto2.GPhoto2Error as error:
        if error.code != gphoto2.GP_ERROR_BAD_PARAMETERS:
            raise
        camera.get_storageinfo()  # fails where there is no camera any more
        return None  # this one has no such setting


def _keep_pictures_on_the_card() -> bool:
    """Make libgphoto2 leave the camera's pictures where they belong; False where that cannot be done.

    To read a setting of an EOS it tells the camera where pictures go: into the computer's memory, unless
    its own setting says "card"; a picture taken at that moment would be nowhere. The setting is asked by
    the camera driver of the copy of the library that it was linked to (the wheel has two).
    """
    with Path("/proc/self/maps").open("rb") as maps:
        drivers = {line.split(maxsplit=5)[5].strip() for line in maps if line.rstrip().endswith(b"/ptp2.so")}
    if len(drivers) != 1:
        return False
    driver = ctypes.CDLL(os.fsdecode(drivers.pop()))
    return bool(driver.gp_setting_set(b"ptp2", b"capturetarget", b"card") == gphoto2.GP_OK)
