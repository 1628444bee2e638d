"""The in-memory kiosk's guide: the real pages, checks and judgements; passes are remembered in a list."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from medkiosk.core.clock import rfc3339
from medkiosk.core.errors import BadRequestError, NotFoundError
from medkiosk.core.trainingevents import TrainingPassed
from medkiosk.daemon.guidefiles import built_in
from medkiosk.daemon.training import shown
from medkiosk.guide.check import Check, draw, judge
from medkiosk.guide.library import Library, build, search
from medkiosk.guide.page import Page
from medkiosk.guide.standing import STANDING_WORDS, Standing, standing
from medkiosk.guide.taking import becomes, read_set
from medkiosk.ipc import guidetypes as g
from medkiosk.ipc import types as t
from tests.console.state import Kiosk

UNTIL = "2027-11-22T12:00:00.000Z"
OURS = built_in()


def info(page: Page) -> g.PageInfo:
    return shown(Check(page, ())).info


class Guide:
    """The part of the `Api` about it."""

    _kiosk: Kiosk
    _session: t.Session | None
    _check: Check | None = None

    def _library(self) -> Library:
        return build(OURS, self._kiosk.guide)

    def _page(self, page_id: str) -> Page:
        page = self._library().pages.get(page_id)
        if page is None:
            raise NotFoundError(what="page of the guide", id=page_id)
        return page

    def list_guide(self) -> g.GuideList:
        library = self._library()
        return g.GuideList(tuple(map(info, library.pages.values())), library.problems)

    def read_guide(self, stick: str = "") -> g.GuideOffer:
        found = read_set(self._kiosk.brought)
        before = self._library()
        changes = becomes(before, build(OURS, found.files))
        return g.GuideOffer(
            found.sha256(before),
            tuple(g.PageChange(info(page), what.value) for page, what in changes),
            found.problems,
        )

    def take_guide(self, sha256: str, stick: str = "") -> g.GuideList:
        found = read_set(self._kiosk.brought)
        assert found.sha256(self._library()) == sha256
        self._kiosk.guide = dict(found.files)
        return self.list_guide()

    def get_guide_page(self, page_id: str) -> g.GuidePage:
        page = self._page(page_id)
        blocks = tuple(g.GuideBlock(each.kind.value, each.text, each.number) for each in page.blocks)
        return g.GuidePage(info(page), blocks)

    def search_guide(self, text: str) -> g.GuideHits:
        hits = search(self._library(), text)
        return g.GuideHits(tuple(g.GuideHit(h.page.page_id, h.page.title, h.block, h.text) for h in hits))

    def begin_check(self, page_id: str) -> g.Check:
        self._check = draw(os.urandom, self._page(page_id))
        return shown(self._check)

    def answer_check(self, page_id: str, answers: tuple[int, ...]) -> g.CheckResult:
        check, self._check = self._check, None
        if check is None or check.page.page_id != page_id or self._session is None:
            raise BadRequestError(detail="this check was not begun here")
        result = judge(check, answers)
        if result.passed:
            self._kiosk.passed.append(
                TrainingPassed(
                    at=rfc3339(datetime.now(UTC)),
                    actor=self._session.account_id,
                    module=page_id,
                    version=str(check.page.version),
                    digest=check.page.digest,
                    right=result.right,
                    asked=result.asked,
                )
            )
        return g.CheckResult(
            passed=result.passed,
            right=result.right,
            asked=result.asked,
            needed=check.page.needed,
            wrong=tuple(g.Wrong(place, check.drawn[place].question.why) for place in result.wrong),
            until=UNTIL if result.passed else "",
        )

    def _person(self, user: str) -> g.PersonTraining:
        account_id, name, roles = self._kiosk.accounts[user]
        pages, now = self._library().pages, datetime.now(UTC)
        passed = {each.module: each for each in self._kiosk.passed if each.actor == account_id}
        stands = []
        for module in dict.fromkeys((*self._kiosk.demanded, *passed)):
            found = standing(module, pages.get(module), passed.get(module), now, 365)
            stands.append(
                g.Stand(
                    module=module,
                    title=pages[module].title if module in pages else "",
                    current=found.standing is Standing.CURRENT,
                    words=STANDING_WORDS[found.standing],
                    passed=found.passed,
                    until=rfc3339(found.until) if found.until else "",
                    needed_for=("approve",) if module in self._kiosk.demanded else (),
                )
            )
        return g.PersonTraining(account_id, user, name, roles, tuple(stands))

    def get_training(self) -> g.PersonTraining:
        assert self._session is not None
        me = self._session.account_id
        [user] = [name for name, entry in self._kiosk.accounts.items() if entry[0] == me]
        return self._person(user)

    def list_training(self, offset: int = 0, limit: int = 200) -> g.TrainingList:
        people = tuple(map(self._person, self._kiosk.accounts))
        return g.TrainingList(people[offset : offset + limit], len(people))
