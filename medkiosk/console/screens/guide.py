"""The guide: the list of its pages, a page, and where words stand in it. Nobody needs to be logged in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.guidemessages import GuideLoaded, GuideOffered, GuideTaken, HitsLoaded, PageLoaded
from medkiosk.console.language import tr
from medkiosk.console.reading import Line, drawn, laid_out, screens
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.check import CheckScreen
from medkiosk.console.screens.dialogs import Confirm
from medkiosk.console.screens.login import LoginScreen
from medkiosk.console.screens.practice import PracticeScreen
from medkiosk.console.screens.training import OwnTrainingScreen, TrainingScreen
from medkiosk.console.widgets.field import Field
from medkiosk.console.words import clean, count
from medkiosk.core.events import Role
from medkiosk.guide.becomes import Becomes
from medkiosk.ipc.guidetypes import GuideHit, GuideOffer, GuidePage, PageInfo
from medkiosk.ipc.types import Session

_NO_CHECK = "This page has no check."
_MANY_LETTERS = 2
SEES_TRAINING = frozenset({Role.PRIVACY_OFFICER, Role.AUDITOR, Role.ADMINISTRATOR})
"""Who may ask how everybody stands; the daemon decides."""


def page_text(page: PageInfo) -> Text:
    """A line of the list: the title; minutes, check, whose."""
    words = Text(f"{clean(page.title, 44):<46}", style="bold")
    about = [f"{page.minutes:>2} min"]
    about += [tr("check of {questions}", questions=page.questions)] if page.questions else []
    about += [tr("the department's")] if page.own else []
    words.append(", ".join(about), style="not bold")
    return words


def offer_text(offer: GuideOffer) -> Text:
    """A line for each page, all of them: which, and what becomes of it; what goes away first."""
    gone = (Becomes.GONE, Becomes.OURS_AGAIN)
    words = Text()
    for each in sorted(offer.changes, key=lambda change: change.becomes not in gone):
        words.append(tr(each.becomes), style="bold" if each.becomes in gone else "")
        words.append(f": {clean(each.page.title, 44)} ({clean(each.page.version, 9)})\n")
    rest = tr("They are all that the department has then. Who passed a check keeps that, by its version.")
    return words.append(f"\n{rest}")


class GuideBase(KioskScreen):
    """What the list and a page have in common."""

    def begin_check(self, page: PageInfo) -> None:
        """Begin a page's check, after a login where there is none."""
        if not page.questions:
            self.say(_NO_CHECK, wrong=True)
        else:
            self.with_session(lambda: self.app.push_screen(CheckScreen(page)))

    def with_session(self, go: Callable[[], object]) -> None:
        """Go on at once, or after a login."""
        if self.kiosk.session is not None:
            go()
        else:
            self.app.push_screen(LoginScreen(), lambda _: self._entered(go))

    def _entered(self, go: Callable[[], object]) -> None:
        if self.kiosk.session is not None:
            go()


class GuideScreen(GuideBase):
    """The list of pages."""

    WHERE = Where.GUIDE
    BINDINGS = bindings(Where.GUIDE)

    def __init__(self) -> None:
        super().__init__()
        self._pages: tuple[PageInfo, ...] = ()

    def body(self) -> ComposeResult:
        """One list, and what is wrong with the department's files."""
        yield Static(
            tr("How to photograph, step by step; Enter opens a page"), classes="caption", markup=False
        )
        yield OptionList(id="guide", markup=False)
        yield Static(id="guide-problems", markup=False)

    def on_screen_resume(self) -> None:
        """Ask for the pages: a file may have changed."""
        self.ask(lambda kiosk: kiosk.list_guide(), GuideLoaded)

    @on(GuideLoaded)
    def _loaded(self, message: GuideLoaded) -> None:
        self._pages = message.guide.pages
        options = self.query_one(OptionList)
        row = options.highlighted or 0
        options.clear_options()
        options.add_options(Option(page_text(each)) for each in self._pages)
        if self._pages:
            options.highlighted = min(row, len(self._pages) - 1)
        problems = message.guide.problems
        place = self.query_one("#guide-problems", Static)
        place.display = bool(problems)
        words = "\n".join(clean(each, 300) for each in problems[:2])
        more = (
            tr("\n{more_files} like this.", more_files=count(len(problems) - 2, "more file"))
            if len(problems) > 2
            else ""
        )
        place.update(Text.assemble((tr("The department's pages: "), "bold"), words + more))

    def _chosen(self) -> PageInfo | None:
        row = self.query_one(OptionList).highlighted
        return self._pages[row] if row is not None and row < len(self._pages) else None

    @on(OptionList.OptionSelected)
    def _opened(self) -> None:
        if (page := self._chosen()) is not None:
            self.app.push_screen(PageScreen(page.page_id, self._pages))

    def action_find(self) -> None:
        """Look for words."""
        self.app.push_screen(FindScreen(self._pages))

    def action_check(self) -> None:
        """Take the chosen page's check."""
        if (page := self._chosen()) is not None:
            self.begin_check(page)

    def action_own(self) -> None:
        """Show how one stands."""
        self.with_session(lambda: self.app.push_screen(OwnTrainingScreen()))

    def action_everybody(self) -> None:
        """Show how everybody stands, to who may know it."""
        self.with_session(self._everybody)

    def _everybody(self) -> None:
        session: Session | None = self.kiosk.session
        if session is not None and SEES_TRAINING & set(session.roles):
            self.app.push_screen(TrainingScreen())
        else:
            self.say(
                "An administrator, a privacy officer or an auditor sees this. M shows yours.", wrong=True
            )

    def action_take(self) -> None:
        """Read the department's pages on a stick, for who may take them."""
        self.with_session(self._read_stick)

    def _read_stick(self) -> None:
        session: Session | None = self.kiosk.session
        if session is None or Role.ADMINISTRATOR not in session.roles:
            self.say("Only an administrator takes pages. F9 logs out, so that one can log in.", wrong=True)
            return
        self.say("The stick is read.")
        self.ask(lambda kiosk: kiosk.read_guide(), GuideOffered)

    @on(GuideOffered)
    def _offered(self, message: GuideOffered) -> None:
        offer = message.offer
        if offer.problems:
            first, more = clean(offer.problems[0], 300), len(offer.problems) - 1
            others = tr(" {more_files} like this.", more_files=count(more, "more file")) if more else ""
            self.say(tr("Nothing is taken. {problem}", problem=first) + others, wrong=True)
            return

        def go(yes: bool | None) -> None:
            if yes:
                self.ask(lambda kiosk: kiosk.take_guide(offer.sha256), GuideTaken)
            else:
                self.say("Nothing was taken.")

        self.app.push_screen(Confirm("Take these pages for the guide?", offer_text(offer)), go)

    @on(GuideTaken)
    def _taken(self, message: GuideTaken) -> None:
        own = sum(each.own for each in message.guide.pages)
        self.say(tr("Taken. The department has {pages} of its own.", pages=count(own, "page")))
        self._loaded(GuideLoaded(message.guide))

    def action_practice(self) -> None:
        """Practise on pictures that are nobody's."""
        self.app.push_screen(PracticeScreen())


class PageScreen(GuideBase):
    """One page, a screen of it at a time.

    Args:
        page_id: which.
        pages: all of them, to go to the next.
        block: the block to begin at.
    """

    WHERE = Where.GUIDE_PAGE
    BINDINGS = bindings(Where.GUIDE_PAGE)

    def __init__(self, page_id: str, pages: Sequence[PageInfo], block: int = 0) -> None:
        super().__init__()
        self._page_id = page_id
        self._pages = tuple(pages)
        self._block = block
        self._page: GuidePage | None = None
        self._lines: list[Line] = []
        self._starts: list[int] = [0]

    def body(self) -> ComposeResult:
        """Which page and part; the words."""
        yield Static(id="guide-title", classes="caption", markup=False)
        yield Static(id="guide-words", markup=False)

    def on_mount(self) -> None:
        """Ask for it."""
        self._load()

    def _load(self) -> None:
        page_id = self._page_id
        self.ask(lambda kiosk: kiosk.get_guide_page(page_id), PageLoaded)

    @on(PageLoaded)
    def _loaded(self, message: PageLoaded) -> None:
        if message.page.info.page_id == self._page_id:
            self._page = message.page
            self._lay_out()

    @on(events.Resize)
    def _resized(self) -> None:
        self.call_after_refresh(self._lay_out)

    def _lay_out(self) -> None:
        if self._page is None:
            return
        place = self.query_one("#guide-words", Static)
        if not place.size.width or not place.size.height:
            return
        self._lines = laid_out(self._page.blocks, place.size.width)
        self._starts = screens(self._lines, place.size.height)
        self._draw()

    @property
    def _at(self) -> int:
        """The screen on which the block begins that one is at."""
        first = next((n for n, line in enumerate(self._lines) if line.block >= self._block and line.words), 0)
        return max(n for n, start in enumerate(self._starts) if start <= first)

    def _draw(self) -> None:
        if self._page is None:
            return
        info, at = self._page.info, self._at
        title = Text(clean(info.title, 60), style="bold")
        about = tr(
            "   {at} of {number}; version {version}",
            at=at + 1,
            number=len(self._starts),
            version=clean(info.version, 9),
        )
        about += tr(", the department's") if info.own else ""
        title.append(
            about + (tr("; check of {questions} (C)", questions=info.questions) if info.questions else ""),
            style="not bold",
        )
        self.query_one("#guide-title", Static).update(title)
        start, *rest = self._starts[at : at + 2]
        end = rest[0] if rest else len(self._lines)
        self.query_one("#guide-words", Static).update(drawn(self._lines[start:end]))

    def action_turn(self, by: int) -> None:
        """Read on, or turn back."""
        wanted = self._at + by
        if 0 <= wanted < len(self._starts):
            start = self._starts[wanted]
            words = next(line for line in self._lines[start:] if line.words)
            self._go_to(start, words)
        elif by > 0:
            self.say("This is the end of the page. N goes to the next one.")
        else:
            self.say("This is the beginning of the page.")

    def _go_to(self, start: int, line: Line) -> None:
        # A long paragraph may begin on the screen before: then its block would lead back there.
        begins = next(n for n, each in enumerate(self._lines) if each.block == line.block and each.words)
        if begins < start and (later := [each for each in self._lines[start:] if each.block > line.block]):
            line = later[0]
        self._block = line.block
        self.say("")
        self._draw()

    def action_next_page(self, by: int) -> None:
        """Go to the next page of the list, or the one before."""
        ids = [each.page_id for each in self._pages]
        at = ids.index(self._page_id) + by if self._page_id in ids else -1
        if 0 <= at < len(ids):
            self._page_id, self._block, self._page = ids[at], 0, None
            self.say("")
            self._load()
        else:
            self.say("There is no page there.")

    def action_check(self) -> None:
        """Take this page's check."""
        if self._page is not None:
            self.begin_check(self._page.info)


class FindScreen(KioskScreen):
    """Where words stand, while they are typed.

    Args:
        pages: all of them, for the page that is opened.
    """

    WHERE = Where.GUIDE_FIND
    BINDINGS = bindings(Where.GUIDE_FIND)
    AUTO_FOCUS = "Field"

    def __init__(self, pages: Sequence[PageInfo]) -> None:
        super().__init__()
        self._pages = tuple(pages)
        self._hits: tuple[GuideHit, ...] = ()

    def body(self) -> ComposeResult:
        """A field and a list."""
        yield Field(placeholder="Words, for instance: glare polariser", max_length=60)
        yield OptionList(id="hits", markup=False)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        words = event.value
        if len(words.strip()) < _MANY_LETTERS:
            self._show((), words)
        else:
            self.ask(lambda kiosk: kiosk.search_guide(words), lambda hits: HitsLoaded(hits, words))

    @on(HitsLoaded)
    def _loaded(self, message: HitsLoaded) -> None:
        if message.asked == self.query_one(Field).value:  # else more was typed meanwhile
            self._show(message.hits, message.asked)

    def _show(self, hits: tuple[GuideHit, ...], asked: str) -> None:
        self._hits = hits
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(hit_text(each)) for each in hits)
        if hits:
            options.highlighted = 0
        enough = len(asked.strip()) >= _MANY_LETTERS
        self.say(
            "" if hits or not enough else "These words stand nowhere together. Try fewer or shorter ones."
        )

    def action_choose(self, by: int) -> None:
        """Go along the list while the field keeps the keys."""
        options = self.query_one(OptionList)
        if self._hits:
            options.highlighted = min(max((options.highlighted or 0) + by, 0), len(self._hits) - 1)

    def action_open(self) -> None:
        """Open the page where the words stand."""
        row = self.query_one(OptionList).highlighted
        if row is not None and row < len(self._hits):
            hit = self._hits[row]
            self.app.push_screen(PageScreen(hit.page_id, self._pages, hit.block))


def hit_text(hit: GuideHit) -> Text:
    """The page; below, the piece."""
    words = Text(clean(hit.title, 60), style="bold")
    words.append("\n  " + (clean(hit.text, 130) or tr("the page's title")), style="not bold")
    return words
