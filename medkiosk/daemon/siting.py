"""Record which parts of the body pictures show (docs/consent.md, section 7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.holdings import Capture
from medkiosk.core import bodysite
from medkiosk.core.errors import BadRequestError
from medkiosk.core.events import AccountCreated
from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.core.photo import ReviewState
from medkiosk.core.siteevents import CaptureSites, EncounterSites, Reopened, SitesSaid
from medkiosk.daemon import reasons
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.journal import Fact

_APPROVED = (ReviewState.APPROVED, ReviewState.NEEDS_SECOND)
_WHY_NOT = "another part of the body was recorded before: say why that was wrong; approvals end with it"


def checked(sites: Collection[str]) -> tuple[str, ...]:
    """Sites as they are recorded.

    Raises:
        BadRequestError: too many, one twice, or one that is none.
    """
    if wrong := bodysite.problem(sites):
        raise BadRequestError(detail=wrong.rstrip("."))
    return tuple(sorted(sites))


def whose(kiosk: Kiosk, capture_id: CaptureId) -> EncounterId:
    """The encounter of a picture.

    Raises:
        NotFoundError: there is no such capture.
        BadRequestError: it belongs to nobody yet.
    """
    encounter_id = kiosk.capture(capture_id).row.encounter_id
    if encounter_id is None:
        raise BadRequestError(detail="the picture belongs to no encounter yet; assign it first")
    return encounter_id


def of_encounter(
    kiosk: Kiosk,
    who: AccountCreated,
    encounter_id: EncounterId,
    sites: Collection[str],
    reason: str,
    *,
    knows: bool,
) -> None:
    """Say what an encounter's pictures show.

    Args:
        kiosk: the running kiosk.
        who: says it.
        encounter_id: of which pictures.
        sites: what they show; none: it is not known.
        reason: why another word was wrong.
        knows: whether this person may know what is recorded. Who may not learns it by no refusal either: a
            reason is asked for always, what is recorded already is recorded again, and every approval of
            the pictures ends.

    Raises:
        NotFoundError: there is no such encounter.
        BadRequestError: see `checked`; it is recorded already; it takes back what was known, and no reason
            is given.
    """
    wanted, reason = checked(sites), reasons.if_any(reason)
    with kiosk.journal.lock:  # nobody else may say or dispose of something between the look and the record
        kiosk.encounter(encounter_id)
        event = EncounterSites(
            at=kiosk.journal.now(),
            actor=who.account_id,
            encounter_id=encounter_id,
            sites=wanted,
            reason=reason,
        )
        with kiosk.reading() as catalog:
            before = catalog.sites.encounters.get(encounter_id, ())
            captures = catalog.held.encounters[encounter_id].captures.values()
            reopened = _reopened(catalog, event, captures, knows=knows)
        takes_back = bodysite.takes_back(before, wanted)
        _commit(kiosk, event, reopened, same=before == wanted, takes_back=takes_back, knows=knows)


def of_capture(
    kiosk: Kiosk,
    who: AccountCreated,
    capture_id: CaptureId,
    sites: Collection[str] | None,
    reason: str,
    *,
    knows: bool,
) -> None:
    """Say what one picture shows; None: what its encounter says. See `of_encounter`.

    Raises:
        NotFoundError: there is no such capture.
        BadRequestError: as of `of_encounter`; it belongs to nobody yet.
    """
    wanted, reason = None if sites is None else checked(sites), reasons.if_any(reason)
    with kiosk.journal.lock:
        whose(kiosk, capture_id)
        event = CaptureSites(
            at=kiosk.journal.now(), actor=who.account_id, capture_id=capture_id, sites=wanted, reason=reason
        )
        with kiosk.reading() as catalog:
            capture = catalog.held.captures[capture_id]
            same = catalog.sites.captures.get(capture_id) == wanted
            before = catalog.sites.of(capture_id, capture.encounter_id)
            takes_back = bodysite.takes_back(before, catalog.sites.after(event, capture.encounter_id))
            reopened = _reopened(catalog, event, (capture,), knows=knows)
        _commit(kiosk, event, reopened, same=same, takes_back=takes_back, knows=knows)


def _reopened(
    catalog: Catalog, event: SitesSaid, captures: Iterable[Capture], *, knows: bool
) -> list[Reopened]:
    """The ends of the approvals of those pictures that somebody must look at again.

    Of who does not know what is recorded: of all pictures, or those that stay approved would tell.
    """
    return [
        Reopened(at=event.at, actor=event.actor, capture_id=each.capture_id)
        for each in (catalog.sites.looked_otherwise(event, captures) if knows else captures)
        if each.state in _APPROVED
    ]


def _commit(
    kiosk: Kiosk, event: SitesSaid, reopened: Iterable[Reopened], *, same: bool, takes_back: bool, knows: bool
) -> None:
    if not knows and not event.reason:
        raise BadRequestError(detail="you do not see what is recorded already: say why you record this")
    if same and knows:
        raise BadRequestError(detail="that is what is recorded already")
    if takes_back and not event.reason:
        raise BadRequestError(detail=_WHY_NOT)
    kiosk.journal.commit([Fact(event), *map(Fact, reopened)])
