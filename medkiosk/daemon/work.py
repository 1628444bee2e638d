"""How much work waits for somebody: the numbers on Home."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from medkiosk.access.need import Action
from medkiosk.access.roles import capabilities
from medkiosk.catalog.fold import Catalog
from medkiosk.core.capability import Capability
from medkiosk.core.correctionevents import CorrectionProposed
from medkiosk.core.ids import AccountId
from medkiosk.core.lifecycle import DisposalState
from medkiosk.core.photo import NOT_DECIDED, REVIEWABLE, ImageRole, is_open
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.daemon.needing import Eyes, Sees
from medkiosk.daemon.sessions import Session
from medkiosk.ipc import types as t


def waiting(kiosk: Kiosk, session: Session) -> t.Work:
    """What waits for this person, of what they may see and do. Nothing personal is in it."""
    me = session.account.account_id
    has = capabilities(session.account.roles)
    eyes = Eyes(kiosk, session)
    with kiosk.reading() as catalog:
        sees = eyes.sees(catalog, Action.LIST)
        disposals = (
            each.proposed.actor
            for each in catalog.keeping.disposals.values()
            if each.state is DisposalState.PROPOSED
        )
        proposal = catalog.settings.waiting
        return t.Work(
            review=_to_review(catalog, me, sees) if Capability.REVIEW in has else 0,
            assign=_to_assign(catalog, sees) if Capability.RECORD in has else 0,
            corrections=(
                _others((each.actor for each in _corrections(catalog, eyes.sees(catalog, Action.NAME))), me)
                if Capability.DECIDE_CORRECTION in has
                else 0
            ),
            glasses=(
                _others((each.broken.actor for each in catalog.circle.of(unread=True)), me)
                if Capability.REVIEW_GLASS in has
                else 0
            ),
            disposals=_others(disposals, me) if Capability.APPROVE_DISPOSAL in has else 0,
            settings=(
                _others([proposal.proposed.actor], me)
                if proposal and Capability.DECIDE_SETTINGS in has
                else 0
            ),
        )


def _others(actors: Iterable[AccountId], me: AccountId) -> int:
    """How many this person may decide about: nobody decides about what they asked for."""
    return sum(actor != me for actor in actors)


def _corrections(catalog: Catalog, sees: Sees | None) -> Iterator[CorrectionProposed]:
    """Those that nobody has decided about, of the patients whose names this person may read."""
    for each in catalog.corrections.open():
        if sees is None or all(map(sees, {each.encounter_id, *each.whose})):
            yield each


def _to_review(catalog: Catalog, me: AccountId, sees: Sees | None) -> int:
    """Photos that are this reviewer's to look at now: one that waits for its derivative is no work yet."""
    return _counted(is_open(row, me) for row in catalog.open_captures(REVIEWABLE, sees))


def _to_assign(catalog: Catalog, sees: Sees | None) -> int:
    """Photos that belong to nobody; slates and the like never do."""
    if sees is not None and not sees(None):
        return 0
    loose = catalog.open_captures(NOT_DECIDED, lambda encounter_id: encounter_id is None)
    return _counted(row.role is ImageRole.CLINICAL for row in loose)


def _counted(hits: Iterable[bool]) -> int:
    return sum(1 for _ in islice(filter(None, hits), t.MOST_COUNTED))
