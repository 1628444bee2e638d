"""A camera's clock, when it is plugged in: measured, recorded, and set only where the policy says so."""

from __future__ import annotations

import time

from medkiosk.core.clock import rfc3339
from medkiosk.core.events import CameraClock
from medkiosk.core.ids import KIOSK
from medkiosk.daemon.importtools import Tools
from medkiosk.ingest.clock import Offset, drift_words, offset
from medkiosk.journal import Fact
from medkiosk.source.client import SourceSession
from medkiosk.source.model import ClockReading, DeviceInfo, SourceError

SILENT = (
    "The camera's clock could not be read, so nothing says how far it is off. Compare the time in its menu"
    " with the kiosk's."
)
"""Told to the person where asking the clock ended the session."""
_CORRECTED = "The camera's clock was wrong and was set by this kiosk."


def measure_clock(tools: Tools, session: SourceSession, info: DeviceInfo) -> str:
    """Compare the device's clock with the kiosk's and record it; return what to tell the person.

    Raises:
        SourceError: the device is gone, or asking its clock ended the session; ask no second time. One that
            does not say its time is not an error.
    """
    first = _read(session)
    if first is None:
        return ""
    settings = tools.settings
    words = drift_words(first[1].drift_ms, settings.clock_drift_s)
    corrected = False
    if words and settings.set_camera_clock:
        corrected = _set(tools, session)
        words = _CORRECTED if corrected else words
    reading, off = first
    event = CameraClock(
        at=tools.journal.now(),
        actor=KIOSK,
        model=info.model,
        serial=info.serial,
        camera=reading.wall,
        kiosk=rfc3339(off.kiosk),
        offset_ms=off.display_ms,
        uncertainty_ms=off.uncertainty_ms,
        corrected=corrected,
    )
    tools.journal.commit([Fact(event)])
    return words


def _set(tools: Tools, session: SourceSession) -> bool:
    """Set it, and believe only what it shows afterwards."""
    try:
        session.set_clock(round(tools.journal.clock().timestamp()))
    except SourceError as error:
        if error.ends_session:
            raise
        return False
    after = _read(session)
    return after is not None and not drift_words(after[1].drift_ms, tools.settings.clock_drift_s)


def _read(session: SourceSession) -> tuple[ClockReading, Offset] | None:
    try:
        reading = session.clock()
    except SourceError as error:
        if error.ends_session:
            raise
        return None
    if reading is None:
        return None
    zone_s = time.localtime(reading.asked).tm_gmtoff
    try:
        return reading, offset(reading.wall, reading.utc, reading.asked, reading.took, zone_s)
    except (ValueError, OverflowError):
        return None
