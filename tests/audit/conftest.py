"""A kiosk with staff, a patient and a few events; no camera and no network of ours is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from medkiosk.core import events as ev
from medkiosk.core.accessevents import GlassBroken, GlassEnded, GlassReviewed
from medkiosk.core.clock import rfc3339
from medkiosk.core.events import What
from medkiosk.core.ids import AccountId, CaptureId, EncounterId, GlassId
from medkiosk.ipc.wire import RemoteError
from medkiosk.journal import Fact
from tests.bench.bigstore import Builder
from tests.bench.years import Years
from tests.kiosk import ADMIN, SUBJECT, ScratchKiosk

REASON = "=the mask hides what the surgeon asked about"
"""Given for looking at an original; a formula to a spreadsheet."""
NEED = "in theatre, cannot wait"
GLASS = GlassId("d" * 32)


@dataclass
class Audited:
    """A running kiosk.

    Attributes:
        kiosk: it.
        captures: all pictures; the first half belongs to `SUBJECT`.
        encounter_id: theirs.
        accounts: by user name.
    """

    kiosk: ScratchKiosk
    captures: tuple[CaptureId, ...]
    encounter_id: EncounterId
    accounts: dict[str, AccountId]


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    """Two imports sealed for real but for the pictures; a patient; looks; a refused login."""
    root = tmp_path_factory.mktemp("audited")
    kiosk = ScratchKiosk(root, models=root)
    kiosk.init()
    kiosk.start()
    try:
        kiosk.hire()
        with kiosk.session("pat") as pat:
            encounter = pat.create_encounter(SUBJECT, "left forearm of Erika")
        with kiosk.session(ADMIN) as admin:
            accounts = {each.user: each.account_id for each in admin.list_accounts().accounts}
        kiosk.stop()
        captures = _filled(kiosk, encounter.encounter_id, accounts)
        kiosk.start()
        with kiosk.client() as nobody, pytest.raises(RemoteError):
            nobody.login("rita", "not the passphrase")
        yield Audited(kiosk, captures, encounter.encounter_id, accounts)
    finally:
        kiosk.close()


def _filled(
    kiosk: ScratchKiosk, encounter_id: EncounterId, accounts: dict[str, AccountId]
) -> tuple[CaptureId, ...]:
    builder = Builder(kiosk)
    kinds = (ev.ImportStarted, ev.OriginalSealed, ev.Redacted)
    events = [each for each in Years(4, seed=3) if isinstance(each, kinds)]
    builder.fill(events)
    captures = tuple(dict.fromkeys(each.capture_id for each in events if isinstance(each, ev.OriginalSealed)))
    now = rfc3339(builder.journal.clock())
    rita, olga = accounts["rita"], accounts["olga"]
    first, last = captures[0], captures[-1]
    mine = captures[: len(captures) // 2]
    for event in (
        ev.Assigned(at=now, actor=accounts["pat"], encounter_id=encounter_id, captures=mine),
        ev.Viewed(at=now, actor=rita, what=What.PREVIEW, capture_id=first, revision=1),
        ev.Viewed(at=now, actor=rita, what=What.PREVIEW, capture_id=last, revision=1),
        ev.Viewed(at=now, actor=olga, what=What.ORIGINAL, capture_id=first, revision=1, reason=REASON),
        GlassBroken(at=now, actor=rita, glass_id=GLASS, encounter_id=encounter_id, reason=NEED, until=now),
        ev.Viewed(at=now, actor=rita, what=What.PREVIEW, capture_id=first, revision=1, glass=GLASS),
        GlassEnded(at=now, actor=rita, glass_id=GLASS, encounter_id=encounter_id),
        GlassReviewed(
            at=now,
            actor=olga,
            glass_id=GLASS,
            encounter_id=encounter_id,
            justified=True,
            words="she was on call",
        ),
    ):
        builder.journal.commit([Fact(event)])
    builder.close()
    return captures
