"""What crosses the socket about the guide and training."""

from __future__ import annotations

from medkiosk.core.events import Role
from medkiosk.core.ids import AccountId
from medkiosk.ipc.storetypes import Wire


class PageInfo(Wire, frozen=True):
    """A page in the list.

    Attributes:
        page_id: names it.
        version: two numbers with a dot.
        roles: for whom; empty for everybody.
        minutes: to read it.
        questions: how many a check asks; 0 where there is none.
        needed: how many must be right.
        own: whether it is the department's.
    """

    page_id: str
    title: str
    version: str
    roles: tuple[Role, ...]
    minutes: int
    questions: int
    needed: int
    own: bool


class GuideList(Wire, frozen=True):
    """All pages in order; ``problems`` are sentences about the department's files that are not used."""

    pages: tuple[PageInfo, ...]
    problems: tuple[str, ...]


class PageChange(Wire, frozen=True):
    """What becomes of one page of the department; ``becomes`` is one of `medkiosk.guide.becomes.Becomes`."""

    page: PageInfo
    becomes: str


class GuideOffer(Wire, frozen=True):
    """What a stick brings.

    Attributes:
        sha256: names the set of pages.
        changes: each page of the department, now or then.
        problems: sentences about files that are no pages; with one of them nothing can be taken.
    """

    sha256: str
    changes: tuple[PageChange, ...]
    problems: tuple[str, ...]


class GuideBlock(Wire, frozen=True):
    """A piece of a page; ``kind``: heading, paragraph, item, step or note; ``number``: of a step, else 0."""

    kind: str
    text: str
    number: int = 0


class GuidePage(Wire, frozen=True):
    """A whole page but for its check."""

    info: PageInfo
    blocks: tuple[GuideBlock, ...]


class GuideHit(Wire, frozen=True):
    """Where words were found: block ``block`` of a page; ``text`` is a piece of it, empty for a title."""

    page_id: str
    title: str
    block: int
    text: str


class GuideHits(Wire, frozen=True):
    """What was found, the most important first."""

    hits: tuple[GuideHit, ...]


class CheckQuestion(Wire, frozen=True):
    """A question; ``options`` are its answers in the order in which they are shown."""

    text: str
    options: tuple[str, ...]


class Check(Wire, frozen=True):
    """What is asked now; ``needed`` must be right."""

    info: PageInfo
    questions: tuple[CheckQuestion, ...]


class Wrong(Wire, frozen=True):
    """A question that was answered wrongly: its place in the check, and why."""

    place: int
    why: str


class CheckResult(Wire, frozen=True):
    """How a check went; ``until``: when it ends to count, RFC 3339, where it was passed."""

    passed: bool
    right: int
    asked: int
    needed: int
    wrong: tuple[Wrong, ...]
    until: str = ""


class Stand(Wire, frozen=True):
    """How somebody stands in a module.

    Attributes:
        module: the page's id.
        title: of the page; empty where there is none any more.
        current: whether it counts now.
        words: how it stands.
        passed: when it was passed last, RFC 3339; may be empty.
        until: when it ends to count, RFC 3339; empty where it does not count now.
        needed_for: what it is demanded for of this person: approve, export.
    """

    module: str
    title: str
    current: bool
    words: str
    passed: str
    until: str
    needed_for: tuple[str, ...]


class PersonTraining(Wire, frozen=True):
    """One person's standing in every module that they passed or need."""

    account_id: AccountId
    user: str
    display_name: str
    roles: tuple[Role, ...]
    stands: tuple[Stand, ...]


class TrainingList(Wire, frozen=True):
    """People with an open account, oldest account first."""

    people: tuple[PersonTraining, ...]
    total: int
