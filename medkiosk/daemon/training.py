"""The guide, its checks and who is current; what a department demands before somebody may act."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from medkiosk.access.roles import ROLES
from medkiosk.catalog.fold import Catalog
from medkiosk.core.capability import Capability
from medkiosk.core.clock import rfc3339
from medkiosk.core.config import Training as Policy
from medkiosk.core.errors import BadRequestError, NotAllowedError, NotFoundError
from medkiosk.core.events import AccountCreated, Role
from medkiosk.core.trainingevents import TrainingFailed, TrainingPassed
from medkiosk.daemon import consenting
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.guide import check as checks
from medkiosk.guide.check import Check
from medkiosk.guide.library import Library, search
from medkiosk.guide.page import Page
from medkiosk.guide.standing import STANDING_WORDS, Standing, missing, refusal, standing
from medkiosk.ipc import guidetypes as g
from medkiosk.journal import Fact

Act = Literal["approve", "export"]
OTHER_PAGES = (
    "The department's pages here are not those that the ledger says were taken last. An administrator takes"
    " them again."
)
_GIVEN_BY: dict[Act, Capability] = {"approve": Capability.REVIEW, "export": Capability.EXPORT}


def demanded(policy: Policy, roles: tuple[Role, ...], act: Act) -> tuple[str, ...]:
    """The modules that the policy demands of somebody for an act; pure."""
    if act not in policy.needed_for:
        return ()
    by_role: Mapping[Role, tuple[str, ...]] = {
        Role.REVIEWER: policy.modules.reviewer,
        Role.PRIVACY_OFFICER: policy.modules.privacy_officer,
    }
    giving = [role for role in roles if _GIVEN_BY[act] in ROLES[role]]
    return tuple(dict.fromkeys(each for role in giving for each in by_role.get(role, ())))


def lacking(kiosk: Kiosk, who: AccountCreated, act: Act) -> str:
    """Say which checks somebody lacks for an act, and which keys lead there; empty where they may go on."""
    modules = demanded(kiosk.config.training, who.roles, act)
    if not modules:
        return ""
    pages = kiosk.guide.library().pages
    with kiosk.reading() as catalog:
        passed = dict(catalog.training.of(who.account_id))
    stands = missing(modules, pages, passed, _now(kiosk), kiosk.config.training.valid_days)
    return refusal(act, stands, pages) if stands else ""


def ensure(kiosk: Kiosk, who: AccountCreated, act: Act) -> None:
    """Let somebody go on if they are current in everything that is demanded for an act.

    Raises:
        NotAllowedError: in the words of `lacking`.
    """
    if words := lacking(kiosk, who, act):
        raise NotAllowedError(reason=words)


def problems(kiosk: Kiosk, who: AccountCreated, act: Act) -> tuple[str, ...]:
    """What `lacking` says, as a sentence among others; none where nothing is."""
    words = lacking(kiosk, who, act)
    return (f"{words[0].upper()}{words[1:]}.",) if words else ()


def _now(kiosk: Kiosk) -> datetime:
    return consenting.not_before(kiosk.clock(), kiosk.keyring.opened.newest)


def listed(kiosk: Kiosk) -> g.GuideList:
    """All pages, and what is wrong with the department's files."""
    library = kiosk.guide.library()
    problems = library.problems or _others(kiosk, library)
    return g.GuideList(tuple(map(info, library.pages.values())), problems)


def _others(kiosk: Kiosk, library: Library) -> tuple[str, ...]:
    """Whether these are the pages that were taken last: the file lies open, the ledger does not.

    The entry comes before the file, so a loss of power may lie between them; on a restored machine there is
    no file. While nobody is logged in, nobody knows what was taken.
    """
    if kiosk.guide.has_folder:
        return ()
    try:
        with kiosk.reading() as catalog:
            taken = catalog.training.taken
    except NotAllowedError:
        return ()
    entered = sorted(taken.digests) if taken else []
    own = sorted(page.digest for page in library.pages.values() if page.own)
    return () if own == entered else (OTHER_PAGES,)


def info(page: Page) -> g.PageInfo:
    """A page as it stands in the list."""
    return g.PageInfo(
        page_id=page.page_id,
        title=page.title,
        version=str(page.version),
        roles=page.roles,
        minutes=page.minutes,
        questions=page.ask,
        needed=page.needed,
        own=page.own,
    )


def _page(kiosk: Kiosk, page_id: str) -> Page:
    page = kiosk.guide.library().pages.get(page_id)
    if page is None:
        raise NotFoundError(what="page of the guide", id=page_id[:40])
    return page


def page(kiosk: Kiosk, page_id: str) -> g.GuidePage:
    """One page.

    Raises:
        NotFoundError: there is none with this id.
    """
    found = _page(kiosk, page_id)
    blocks = tuple(g.GuideBlock(each.kind.value, each.text, each.number) for each in found.blocks)
    return g.GuidePage(info(found), blocks)


def find(kiosk: Kiosk, text: str) -> g.GuideHits:
    """Where words stand."""
    hits = search(kiosk.guide.library(), text)
    return g.GuideHits(tuple(g.GuideHit(h.page.page_id, h.page.title, h.block, h.text) for h in hits))


def begin(kiosk: Kiosk, page_id: str) -> Check:
    """Draw the questions of a check.

    Raises:
        NotFoundError: there is no such page.
        BadRequestError: it has no check.
    """
    found = _page(kiosk, page_id)
    if not found.questions:
        raise BadRequestError(detail="this page has no check")
    return checks.draw(kiosk.random, found)


def shown(check: Check) -> g.Check:
    """What of a drawing may leave the daemon: not the solution."""
    return g.Check(
        info(check.page), tuple(g.CheckQuestion(one.question.text, one.options) for one in check.drawn)
    )


def answer(kiosk: Kiosk, who: AccountCreated, check: Check, answers: tuple[int, ...]) -> g.CheckResult:
    """Judge a try and record it.

    Raises:
        BadRequestError: not one of the offered answers for each question; nothing is recorded.
    """
    try:
        result = checks.judge(check, answers)
    except ValueError as error:
        raise BadRequestError(detail=str(error)) from error
    tried = check.page
    event = (TrainingPassed if result.passed else TrainingFailed)(
        at=kiosk.journal.now(),
        actor=who.account_id,
        module=tried.page_id,
        version=str(tried.version),
        digest=tried.digest,
        right=result.right,
        asked=result.asked,
    )
    kiosk.journal.commit([Fact(event)])
    until = ""
    if isinstance(event, TrainingPassed):
        valid = kiosk.config.training.valid_days
        found = standing(tried.page_id, tried, event, _now(kiosk), valid)
        until = rfc3339(found.until) if found.until else ""
    return g.CheckResult(
        passed=result.passed,
        right=result.right,
        asked=result.asked,
        needed=tried.needed,
        wrong=tuple(g.Wrong(place, check.drawn[place].question.why) for place in result.wrong),
        until=until,
    )


def own(kiosk: Kiosk, who: AccountCreated) -> g.PersonTraining:
    """How somebody stands."""
    pages, now = kiosk.guide.library().pages, _now(kiosk)
    with kiosk.reading() as catalog:
        return _person(kiosk, catalog, who, pages, now)


def everybody(kiosk: Kiosk, offset: int, limit: int) -> g.TrainingList:
    """How everybody with an open account stands."""
    pages, now = kiosk.guide.library().pages, _now(kiosk)
    with kiosk.reading() as catalog:
        found = [each for each in catalog.accounts() if catalog.people.is_open(each.account_id)]
        people = tuple(_person(kiosk, catalog, each, pages, now) for each in found[offset : offset + limit])
    return g.TrainingList(people, len(found))


def _person(
    kiosk: Kiosk, catalog: Catalog, who: AccountCreated, pages: Mapping[str, Page], now: datetime
) -> g.PersonTraining:
    policy = kiosk.config.training
    passed = catalog.training.of(who.account_id)
    needs: dict[str, list[str]] = {}
    for act in _GIVEN_BY:
        for module in demanded(policy, who.roles, act):
            needs.setdefault(module, []).append(act)
    stands = []
    for module in dict.fromkeys((*needs, *passed)):
        one = standing(module, pages.get(module), passed.get(module), now, policy.valid_days)
        stands.append(
            g.Stand(
                module=module,
                title=pages[module].title if module in pages else "",
                current=one.standing is Standing.CURRENT,
                words=STANDING_WORDS[one.standing],
                passed=one.passed,
                until=rfc3339(one.until) if one.until else "",
                needed_for=tuple(needs.get(module, ())),
            )
        )
    return g.PersonTraining(who.account_id, who.user, who.display_name, who.roles, tuple(stands))
