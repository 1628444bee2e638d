"""No true date or time leaves, even for who may open the bundle: neither with shifted dates nor without any.

All that happened to the pictures happened on one day, each thing at a time of its own; then the real daemon
exports them, and everything is decrypted and searched.
"""

from __future__ import annotations

import io
import itertools
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyrage
import pytest

from medkiosk.core import canon
from medkiosk.core.clock import parse_rfc3339, rfc3339
from medkiosk.core.consent import Purpose
from medkiosk.core.ids import CaptureId, RecipientId
from medkiosk.export.viewer import chunks
from medkiosk.ipc.types import ExportOptions
from medkiosk.ipc.wire import RemoteError
from medkiosk.ledger import entry
from tests.e2e.gatestore import Filler, Recipe
from tests.kiosk import ScratchKiosk, consent
from tests.outside import exported, terms

TEACHING = Purpose.TEACHING_RESEARCH
IDENTITY = pyrage.x25519.Identity.generate()
YEAR = re.compile(r"[0-9]{4}-01-01", re.ASCII)
DATE = re.compile(r"(?<![0-9A-Fa-f])[0-9]{4}-[01][0-9]-[0-3][0-9]", re.ASCII)


def _day() -> datetime:
    """A day a month ago, and never the first of January, which stands for its year."""
    day = datetime.now(UTC).replace(hour=9, minute=8, second=7, microsecond=6000) - timedelta(days=30)
    return day - timedelta(days=1) if (day.month, day.day) == (1, 1) else day


DAY = _day()
SAID = msgspec.structs.replace(
    consent(TEACHING), starts=rfc3339(DAY - timedelta(hours=2)), expires=rfc3339(DAY + timedelta(days=500))
)
"""Its end is so far off that no shift moves it to a day that is searched for."""


class Kiosk:
    """A kiosk with two pictures that may leave, and one whose entry is of an earlier version."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scratch = ScratchKiosk(root)
        self.scratch.init()
        self.scratch.start()
        self.scratch.hire()
        self.scratch.stop()
        clock = (DAY + timedelta(seconds=61 * n, milliseconds=n) for n in itertools.count())
        filler = Filler(self.scratch, lambda: next(clock))
        try:
            recipe = Recipe(answers=(SAID,))
            self.captures: tuple[CaptureId, ...] = filler.capture(recipe, 2)
            with monkeypatch.context() as earlier:
                earlier.setattr(entry, "blurred", lambda leaf: leaf)  # as versions before this one wrote them
                self.older = filler.capture(recipe)
            self.recipient: RecipientId = filler.recipient(str(IDENTITY.to_public()))
        finally:
            filler.close()
        self.known: set[datetime] = {parse_rfc3339(SAID.starts), parse_rfc3339(SAID.expires)}

    def start(self, dates: str) -> None:
        self.scratch.stop_if_running()
        self.scratch.write_config((), (), settings=f'[export]\ndates = "{dates}"\n')
        self.scratch.start()

    def export(self) -> dict[str, bytes]:
        """Export, and return everything that the receiver gets to read, by name."""
        with self.scratch.session("olga") as olga:
            done = exported(olga, self.recipient, self.captures, options=options())
        with self.scratch.session("audi") as audi:
            self.known |= {parse_rfc3339(each.at) for each in audi.list_events(0, 5000).events}
        bundle = self.scratch.stick / done.folder
        found: dict[str, bytes] = {}
        for path in bundle.rglob("*.age"):
            data = pyrage.decrypt(path.read_bytes(), [IDENTITY])
            if path.name == "record.zip.age":
                record = zipfile.ZipFile(io.BytesIO(data))
                found |= {name: record.read(name) for name in record.namelist()}
            else:
                found[path.name] = data
        return found


def options() -> ExportOptions:
    """Everything that a bundle can have here."""
    try:
        chunks.page()
    except chunks.NoViewerError:
        return ExportOptions(dicom=True)
    return ExportOptions(viewer=True, dicom=True)


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        made = Kiosk(tmp_path_factory.mktemp("dates") / "kiosk", monkeypatch)
    try:
        yield made
    finally:
        made.scratch.close()


def forms(moment: datetime, *, day: bool) -> Iterator[str]:
    """How a time can be written: to the second and the millisecond, and its day."""
    yield rfc3339(moment)
    yield moment.strftime("%H:%M:%S")
    yield moment.strftime("%Y%m%d%H%M")
    yield moment.strftime("%H%M%S.") + f"{moment.microsecond // 1000:03}"
    yield str(int(moment.timestamp()))
    if day:
        yield from (
            moment.strftime(form) for form in ("%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%Y/%m/%d")
        )


@pytest.mark.parametrize("dates", ["none", "shifted"])
def test_no_true_time_is_anywhere_in_what_the_receiver_opens(kiosk: Kiosk, dates: str) -> None:
    kiosk.start(dates)
    found = kiosk.export()
    assert (
        sum(name.endswith(".dcm.age") for name in found)
        == sum(name.startswith("leaves/") for name in found)
        == 2
    )
    assert sum(name.startswith("consent/") for name in found) == 2
    assert len(kiosk.known) > 12
    told = [
        (name, form)
        for moment in kiosk.known
        for form in forms(moment, day=moment.date() == DAY.date() or moment > datetime.now(UTC))
        for name, data in found.items()
        if form.encode() in data
    ]
    assert told == []
    texts = b"\n".join(data for name, data in found.items() if name.endswith((".json", ".leaf"))).decode()
    shown = {date for date in DATE.findall(texts) if not YEAR.fullmatch(date)} - {terms().until}
    assert bool(shown) == (dates == "shifted"), shown
    for name, data in found.items():
        if name.startswith("leaves/"):
            leaf = canon.decode(data, dict)
            assert (leaf["at"], leaf["actor"]) == (f"{DAY.year}-01-01T00:00:00.000Z", "kiosk")


def test_a_picture_whose_entry_tells_its_time_does_not_leave(kiosk: Kiosk) -> None:
    kiosk.start("shifted")
    with kiosk.scratch.session("olga") as olga:
        checked = olga.check_export(kiosk.recipient, TEACHING, kiosk.older, terms())
        assert [denial.reason.split(",")[0] for denial in checked.denials] == [
            "Its ledger entry is of an older version and says when it was redacted"
        ]
        with pytest.raises(RemoteError, match="says when it was redacted"):
            exported(olga, kiosk.recipient, kiosk.older)
