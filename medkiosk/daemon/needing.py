"""The one door to encounters and pictures: whoever asks for one is asked what they have to do with it.

The rules are `medkiosk.access.need`; here are the facts for them. Every method of the service that gives out
an encounter, a picture or a name goes through `ensure` or `Eyes`; `tests/access/test_door.py` has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from medkiosk.access import need
from medkiosk.access.need import Action, Facts, NeedToKnow, Person, Verdict
from medkiosk.access.roles import capabilities
from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.views import CaptureView, EncounterView
from medkiosk.core.capability import Capability
from medkiosk.core.errors import NotAllowedError
from medkiosk.core.ids import CaptureId, EncounterId, GlassId
from medkiosk.daemon import views
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.daemon.sessions import Session
from medkiosk.ipc import types as t
from medkiosk.ipc.sitetypes import OtherSites

Sees = Callable[[EncounterId | None], bool]
"""Whether somebody may know of an encounter; None stands for pictures that belong to nobody."""


def person_of(kiosk: Kiosk, session: Session) -> Person:
    """Who asks, as they are now: departments and broken glasses count from the moment they change."""
    account = session.account
    now, wall = kiosk.sessions.now(), kiosk.clock()
    with kiosk.reading() as catalog:
        departments = catalog.people.departments.get(account.account_id, ())
    return Person(
        account_id=account.account_id,
        capabilities=capabilities(account.roles),
        departments=frozenset(departments),
        glasses=tuple(each.glass for each in session.glasses if each.left(now, wall)),
    )


def facts_of(catalog: Catalog, rule: NeedToKnow, encounter_id: EncounterId | None) -> Facts:
    """What is known of an encounter that the rules ask for."""
    if encounter_id is None:
        return Facts(None, rule=rule)
    circle = catalog.circle
    return Facts(
        encounter_id,
        department=circle.departments.get(encounter_id, ""),
        team=frozenset(circle.team.get(encounter_id, ())),
        restricted=encounter_id in circle.restricted,
        rule=rule,
    )


class Eyes:
    """What one session sees at this moment. Made for each call, used while the catalogue is held still.

    Args:
        kiosk: the running kiosk.
        session: whose.
    """

    def __init__(self, kiosk: Kiosk, session: Session) -> None:
        self.person = person_of(kiosk, session)
        self._rule = NeedToKnow(kiosk.config.access.need_to_know)
        self._now = kiosk.clock()

    def verdict(self, catalog: Catalog, action: Action, encounter_id: EncounterId | None) -> Verdict:
        """Whether this person may do this with this encounter."""
        return need.decide(self.person, action, facts_of(catalog, self._rule, encounter_id), self._now)

    def sees(self, catalog: Catalog, action: Action = Action.LIST) -> Sees | None:
        """What tells for each of many encounters whether this person may; None where they may for all.

        The answer depends on few things, so it is worked out once for each combination of them.
        """
        circle, me = catalog.circle, self.person
        rule = need.RULES[action]
        if self._all(catalog, rule):
            return None
        opened = frozenset(glass.encounter_id for glass in me.glasses)
        known: dict[tuple[str, bool, bool], bool] = {}

        def may(encounter_id: EncounterId | None) -> bool:
            if encounter_id is None or encounter_id in opened:
                return self.verdict(catalog, action, encounter_id).allowed
            key = (
                circle.departments.get(encounter_id, ""),
                me.account_id in circle.team.get(encounter_id, ()),
                encounter_id in circle.restricted,
            )
            if key not in known:
                known[key] = self.verdict(catalog, action, encounter_id).allowed
            return known[key]

        return may

    def _all(self, catalog: Catalog, rule: need.Rule) -> bool:
        """Whether nothing there is can be hidden from this person: the common case, which costs nothing."""
        has = self.person.capabilities
        if not rule.role & has:
            return False
        if rule.right and catalog.circle.restricted and Capability.SEE_RESTRICTED not in has:
            return False
        if rule.duty & has:
            return True
        everybody = self._rule is NeedToKnow.DEPARTMENT and not catalog.circle.departments
        return everybody and Capability.RECORD in has

    def encounter(self, catalog: Catalog, view: EncounterView) -> t.EncounterInfo:
        """An encounter as this person may see it: of an intimate one not whose, without the right to."""
        named = self.verdict(catalog, Action.NAME, view.encounter_id).allowed
        return encounter_info(catalog, view, named=named)


def encounter_info(catalog: Catalog, view: EncounterView, *, named: bool = True) -> t.EncounterInfo:
    """An encounter on the wire; ``named``: with name, date of birth, label, answers, sites."""
    info = views.encounter_info(view)
    circle = catalog.circle
    word = circle.restricted.get(view.encounter_id)
    sites, captures = catalog.sites, catalog.held.encounters[view.encounter_id].captures
    said = catalog.sites.captures.keys() & captures.keys() if named and sites.captures else frozenset()
    answers = catalog.answers(view.encounter_id) if named else ()
    subject = info.subject if named else msgspec.structs.replace(info.subject, name="", birth_date="")
    return msgspec.structs.replace(
        info,
        subject=subject,
        label=info.label if named else "",
        consents=info.consents if named else (),
        department=circle.departments.get(view.encounter_id, ""),
        restricted=word is not None,
        hidden=not named,
        sites=sites.of(None, view.encounter_id) if named else (),
        limited=named and any(each.scope and each.scope.body_sites for each in answers),
        otherwise=tuple(OtherSites(capture_id=id_, sites=sites.captures[id_]) for id_ in sorted(said)),
    )


def ensure(kiosk: Kiosk, session: Session, action: Action, *ids: str) -> GlassId | str:
    """Let somebody do something with these encounters or captures, or say why not.

    An id that nothing has counts as a picture that belongs to nobody; the method itself says that it is not
    there.

    Args:
        kiosk: the running kiosk.
        session: who asks.
        action: what they want.
        ids: encounters and captures.

    Returns:
        The broken glass without which they might not; empty where none was needed.

    Raises:
        NotAllowedError: with the reason in words.
    """
    eyes = Eyes(kiosk, session)
    with kiosk.reading() as catalog:
        owners = dict.fromkeys(map(catalog.owner_of, ids))
        verdicts = [eyes.verdict(catalog, action, owner) for owner in owners]
    for verdict in verdicts:
        if not verdict.allowed:
            raise NotAllowedError(reason=verdict.why)
    return next((verdict.glass for verdict in verdicts if verdict.glass), "")


def sees(kiosk: Kiosk, session: Session, action: Action = Action.LIST) -> Sees | None:
    """What a list keeps for this session; None: everything. To be used at once."""
    eyes = Eyes(kiosk, session)
    with kiosk.reading() as catalog:
        return eyes.sees(catalog, action)


def visible(
    kiosk: Kiosk, session: Session, ids: Iterable[CaptureId], action: Action = Action.LIST
) -> frozenset[CaptureId]:
    """Those of some captures that this session may know of."""
    may = sees(kiosk, session, action)
    if may is None:
        return frozenset(ids)
    with kiosk.reading() as catalog:
        return frozenset(id_ for id_ in ids if may(catalog.owner_of(id_)))


def restricted(kiosk: Kiosk, view: CaptureView) -> bool:
    """Whether a capture belongs to an encounter whose pictures are intimate."""
    encounter_id = view.row.encounter_id
    if encounter_id is None:
        return False
    with kiosk.reading() as catalog:
        return encounter_id in catalog.circle.restricted
