"""What left, on the command line: every page of it, and how it was read back."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from medkiosk.cli.common import read_back_words
from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.ids import ExportId, RecipientId
from medkiosk.core.sticks import ReadBack
from medkiosk.ipc import types as t
from medkiosk.ipc.exporttypes import ExportState
from tests.cli.test_clients import Service, playing

ONE = t.ExportInfo(
    export_id=ExportId("e" * 32),
    recipient_id=RecipientId("r" * 32),
    recipient="Dr. C",
    at="2026-11-01T09:00:00.000Z",
    purpose=Purpose.TEACHING_RESEARCH,
    images=1,
    state=ExportState.ACKNOWLEDGED,
    data_use=DataUse(),
    by="Dr. D",
    acknowledged_at="2026-11-03T09:00:00.000Z",
    words="Outside: its recipient opened it.",
)
LOST = msgspec.structs.replace(
    ONE,
    state=ExportState.FAILED,
    code="export.stick_gone",
    by="",
    acknowledged_at="",
    words="MAY BE OUTSIDE.",
)
LOGIN = ("--user", "olga", "--passphrase-file", "-")


class Desk(Service):
    """Has so many exports."""

    def __init__(self, *exports: t.ExportInfo) -> None:
        super().__init__()
        self._exports = exports

    def list_exports(self, offset: int, limit: int) -> t.Exports:
        page = self._exports[offset : offset + min(limit, 200)]
        return t.Exports(exports=page, total=len(self._exports))


def test_what_left_is_said_in_words(tmp_path: Path) -> None:
    lost = msgspec.structs.replace(LOST, export_id=ExportId("f" * 32), images=2)
    with playing(tmp_path, Desk(lost, ONE)) as kiosk:
        said = kiosk.ctl("exports", *LOGIN, stdin="x\n").stdout
    assert said.splitlines() == [
        f"2026-11-01 09:00 UTC  bundle ffffffff for Dr. C ({'r' * 32}): 2 pictures, teaching_research",
        "  MAY BE OUTSIDE. (export.stick_gone)",
        f"2026-11-01 09:00 UTC  bundle eeeeeeee for Dr. C ({'r' * 32}): 1 picture, teaching_research",
        "  Outside: its recipient opened it. Read on 2026-11-03; they call themselves Dr. D.",
    ]


@pytest.mark.parametrize("count", [0, 450])
def test_every_page_is_asked_for(tmp_path: Path, count: int) -> None:
    many = (msgspec.structs.replace(ONE, export_id=ExportId(f"{n:032x}")) for n in range(count))
    with playing(tmp_path, Desk(*many)) as kiosk:
        found = json.loads(kiosk.ctl("exports", *LOGIN, "--json", stdin="x\n").stdout)
    assert (len(found["exports"]), found["total"]) == (count, count)


def test_memory_alone_is_a_warning() -> None:
    assert [read_back_words(how).startswith("WARNING") for how in (None, *ReadBack)] == [
        False,
        False,
        False,
        True,
    ]
