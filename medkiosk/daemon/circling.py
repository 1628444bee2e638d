"""Teams, departments of encounters, and which pictures are intimate (docs/access.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medkiosk.access.need import RESTRICTED, Action
from medkiosk.catalog.fold import Catalog
from medkiosk.core.accessevents import EncounterRestricted, RestrictionLifted, TeamChanged
from medkiosk.core.config import Config
from medkiosk.core.consent import Witness
from medkiosk.core.errors import BadRequestError, NotAllowedError
from medkiosk.core.events import AccountCreated
from medkiosk.core.ids import AccountId, EncounterId
from medkiosk.daemon import needing, reasons
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.daemon.sessions import Session
from medkiosk.ipc import types as t
from medkiosk.journal import Fact
from medkiosk.vault.slots import normalise_name

_LONGEST = 200
_MOST = 100
"""People in one change of a team."""


def check_departments(config: Config, departments: Sequence[str]) -> None:
    """Let only departments pass that the configuration has.

    Raises:
        BadRequestError: another one, or one twice.
    """
    known = config.access.departments
    if len(set(departments)) != len(departments) or not set(departments) <= set(known):
        there = ", ".join(known) or "none; [access] departments names them"
        raise BadRequestError(detail=f"the departments of this kiosk are: {there}")


def check_chaperone(chaperone: Witness | None) -> None:
    """Let nobody pass without name and role.

    Raises:
        BadRequestError: one is missing, too long or not printable.
    """
    for text in (chaperone.name, chaperone.role) if chaperone is not None else ():
        if not text.strip() or not text.isprintable() or len(text) > _LONGEST:
            raise BadRequestError(
                detail="a chaperone has a name and a role; leave both out where the patient declined one"
            )


def team(kiosk: Kiosk, encounter_id: EncounterId) -> t.Team:
    """Who treats the patient of an encounter.

    Raises:
        NotFoundError: there is no such encounter.
    """
    kiosk.encounter(encounter_id)
    with kiosk.reading() as catalog:
        ids = catalog.circle.team.get(encounter_id, ())
        found = [account for id_ in ids if (account := catalog.account(id_)) is not None]
    return t.Team(
        encounter_id=encounter_id,
        members=tuple(
            t.Member(account_id=each.account_id, user=each.user, display_name=each.display_name)
            for each in found
        ),
    )


def change_team(
    kiosk: Kiosk,
    who: AccountCreated,
    encounter_id: EncounterId,
    added: Sequence[str],
    removed: Sequence[str],
    reason: str,
) -> t.Team:
    """Let people join a team or leave it.

    Raises:
        NotFoundError: there is no such encounter.
        BadRequestError: nobody, somebody unknown, or no reason.
    """
    reason = reasons.given(reason)
    if not 0 < len(added) + len(removed) <= _MOST:
        raise BadRequestError(detail=f"name between 1 and {_MOST} people")
    kiosk.encounter(encounter_id)
    with kiosk.journal.lock:
        with kiosk.reading() as catalog:
            joining = tuple(_account(catalog, user, joining=True) for user in added)
            leaving = tuple(_account(catalog, user, joining=False) for user in removed)
            if set(leaving) - set(catalog.circle.team.get(encounter_id, ())):
                raise BadRequestError(detail="somebody who is to leave the team is not of it")
        event = TeamChanged(
            at=kiosk.journal.now(),
            actor=who.account_id,
            encounter_id=encounter_id,
            added=joining,
            removed=leaving,
            reason=reason,
        )
        kiosk.journal.commit([Fact(event)])
    return team(kiosk, encounter_id)


def restrict(
    kiosk: Kiosk, session: Session, encounter_id: EncounterId, reason: str, chaperone: Witness | None
) -> t.EncounterInfo:
    """Say that the pictures of an encounter are intimate, or once more with other words.

    Raises:
        NotFoundError: there is no such encounter.
        BadRequestError: no reason, or a chaperone without name or role.
    """
    reason = reasons.given(reason)
    check_chaperone(chaperone)
    kiosk.encounter(encounter_id)
    event = EncounterRestricted(
        at=kiosk.journal.now(),
        actor=session.account.account_id,
        encounter_id=encounter_id,
        reason=reason,
        chaperone=chaperone,
    )
    kiosk.journal.commit([Fact(event)])
    return seen_by(kiosk, session, encounter_id)


def carried(
    kiosk: Kiosk, who: AccountCreated, encounter_id: EncounterId, sources: Iterable[EncounterId]
) -> list[Fact]:
    """What goes with a move of pictures: where some were intimate, the encounter that they come to is, too.

    Else whoever may record, but not see them, would take them out of their class. Under the journal's lock.

    Args:
        kiosk: the running kiosk.
        who: moves them.
        encounter_id: where they come to.
        sources: where they come from.
    """
    with kiosk.reading() as catalog:
        intimate = catalog.circle.restricted
        if encounter_id in intimate:
            return []
        words = [intimate[each] for each in dict.fromkeys(sources) if each in intimate]
    if not words:
        return []
    there = next((each.chaperone for each in words if each.chaperone is not None), None)
    return [
        Fact(
            EncounterRestricted(
                at=kiosk.journal.now(),
                actor=who.account_id,
                encounter_id=encounter_id,
                reason="intimate pictures were moved here",
                chaperone=there,
            )
        )
    ]


def lift(kiosk: Kiosk, session: Session, encounter_id: EncounterId, reason: str) -> t.EncounterInfo:
    """Say that the pictures of an encounter are like any others again.

    Raises:
        NotFoundError: there is no such encounter.
        BadRequestError: no reason, or it is not restricted.
        NotAllowedError: whoever may not see them does not open them to everybody.
    """
    reason = reasons.given(reason)
    kiosk.encounter(encounter_id)
    eyes = needing.Eyes(kiosk, session)
    with kiosk.journal.lock:
        with kiosk.reading() as catalog:
            if encounter_id not in catalog.circle.restricted:
                raise BadRequestError(detail="this encounter is not restricted")
            verdict = eyes.verdict(catalog, Action.SEE, encounter_id)
        if not verdict.allowed or verdict.glass:
            raise NotAllowedError(reason=RESTRICTED)
        event = RestrictionLifted(
            at=kiosk.journal.now(),
            actor=session.account.account_id,
            encounter_id=encounter_id,
            reason=reason,
        )
        kiosk.journal.commit([Fact(event)])
    return seen_by(kiosk, session, encounter_id)


def seen_by(kiosk: Kiosk, session: Session, encounter_id: EncounterId) -> t.EncounterInfo:
    """One encounter as this session may see it.

    Raises:
        NotFoundError: there is no such encounter.
    """
    view = kiosk.encounter(encounter_id)
    eyes = needing.Eyes(kiosk, session)
    with kiosk.reading() as catalog:
        return eyes.encounter(catalog, view)


def _account(catalog: Catalog, user: str, *, joining: bool) -> AccountId:
    account = catalog.account_of(normalise_name(user).decode())
    if account is None or (joining and not catalog.people.is_open(account.account_id)):
        raise BadRequestError(detail="there is no account with one of these user names")
    return account.account_id
