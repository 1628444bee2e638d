"""A list of any length of which only a window is loaded: the lines around the cursor.

The daemon is asked for pages in a worker thread, one question at a time, always the newest one; lines that
have not come yet are dots. The cursor stays on its entry when others come or go before it. Only the lines on
the screen are drawn, so that a key costs the same in a list of ten and of a hundred thousand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events, on
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from medkiosk.console.language import tr
from medkiosk.console.messages import Refused
from medkiosk.console.widgets.pages import Load, Page, strip_of

if TYPE_CHECKING:
    from medkiosk.console.app import KioskApp

__all__ = ["Load", "Page", "PagedList", "PagedTable"]
T = TypeVar("T")
WINDOW = 100
"""Entries that are asked for at once."""
_HELD = 6 * WINDOW
"""Entries that are kept, those nearest to the cursor."""
_NOT_YET = "..."
_GAP = 2


class _Arrived(Message, Generic[T]):
    def __init__(self, page: Page[T], offset: int, turn: int, fresh: bool) -> None:
        self.page = page
        self.fresh = fresh
        self.offset = offset
        self.turn = turn
        super().__init__()


class PagedList(ScrollView, Generic[T], can_focus=True):
    """A list that is loaded as far as it is looked at.

    Args:
        load: asks for a page.
        draw: an entry as lines; each of ``height`` lines, or fewer.
        key: tells an entry from all others.
        height: lines of an entry.
        growing: whether new entries come at the beginning; else at the end.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"paged--cursor", "paged--head"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "go(-1)", show=False),
        Binding("down", "go(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
        Binding("enter", "choose", show=False),
    ]
    HEAD: ClassVar[int] = 0
    """Lines above the entries that stay."""
    cursor: reactive[int] = reactive(0, repaint=False)

    class Moved(Message):
        """The cursor is on another entry, or on another version of it."""

        def __init__(self, paged: Widget) -> None:
            self.paged = paged
            super().__init__()
            self.set_sender(paged)  # else Textual stops it at the widget whose handler moved the cursor

        @property
        def control(self) -> Widget:
            """The list, so that a handler can name the one it means."""
            return self.paged

    class Chosen(Moved):
        """Enter was pressed on an entry that is there."""

    class Loaded(Moved):
        """What was asked for last has come."""

    def __init__(
        self,
        load: Load[T],
        draw: Callable[[T], Sequence[Text]],
        key: Callable[[T], str],
        *,
        height: int = 1,
        growing: bool = True,
        name: str,
    ) -> None:
        super().__init__(id=name)
        self._load = load
        self._draw = draw
        self._key = key
        self._height = height
        self._growing = growing
        self.total = 0
        self._items: dict[int, T] = {}
        self._turn = 0
        self._asked: tuple[int, int] | None = None
        """Offset and limit of the question on its way."""
        self._again = False
        self._anchor = ""
        self._shifted = False
        self._stale = False
        """Whether what is drawn is of the list before."""
        self._wanted: str | None = None
        """Which entry Enter chooses when all has come: its key; empty where none was to be seen."""
        self._seen_at: float | None = 0.0
        """When the line under the cursor was on the screen; None where it was not yet."""
        self._sights = 0
        self._look: tuple[int, Style, Style, Style] = (0, Style(), Style(), Style())
        """Width, and how a line, the one under the cursor and the titles look."""
        self._drawn: dict[tuple[int, int, bool], Strip] = {}

    # What there is

    @property
    def current(self) -> T | None:
        """The entry under the cursor; None where there is none, or it has not come yet."""
        return None if self._stale else self._items.get(self.cursor)

    @property
    def ready(self) -> bool:
        """Whether what is drawn is of the list that was asked for last."""
        return not self._stale

    @property
    def settled(self) -> bool:
        """Whether everything that was asked for has come."""
        return self._asked is None and not self._again

    def shown(self) -> list[T]:
        """The entries that are loaded, in order."""
        return [] if self._stale else [self._items[place] for place in sorted(self._items)]

    def reload(self, load: Load[T] | None = None, *, keep: bool = False) -> None:
        """Ask again, keeping the cursor on its entry; or ask for another list, and begin at its first entry.

        Args:
            load: asks for the pages of another list.
            keep: whether the lines of the old one stay on the screen until the new ones come; they are only
                drawn, and no key acts on them.
        """
        self._turn += 1
        self._asked = None
        if load is not None:
            self._load = load
            self._anchor, self._wanted, self._stale, self._seen_at = "", None, True, None
            self.cursor = 0
            self._scroll(0)
            if not keep:
                self._items, self.total, self._drawn = {}, 0, {}
                self._measure()
        self._again = True
        self._ask()

    def redraw(self) -> None:
        """Draw again what is loaded: something that lines depend on is another."""
        self._drawn = {}
        self.refresh()

    # Asking

    def _needed(self) -> tuple[int, int] | None:
        """Offset and limit of what must be asked for; None where all that can be seen is there."""
        if self._again:
            return max(self.cursor - WINDOW // 2, 0), WINDOW
        top, seen = self._visible()
        places = [*range(top, min(top + seen, self.total)), min(self.cursor, max(self.total - 1, 0))]
        missing = [place for place in places if place not in self._items and place < self.total]
        if not missing:
            return None
        return max(missing[0] - WINDOW // 2, 0), WINDOW

    def _visible(self) -> tuple[int, int]:
        """The first entry on the screen, and how many there are."""
        return int(self.scroll_offset.y) // self._height, -(-self._room // self._height) + 1

    @property
    def _room(self) -> int:
        """Lines for entries on the screen."""
        return max(self.size.height - self.HEAD, 1)

    def _measure(self) -> None:
        """As wide as the list, as long as all entries."""
        self.virtual_size = Size(self.size.width, self.total * self._height + self.HEAD)

    def _ask(self) -> None:
        if self._asked is not None or not self.is_attached:
            return
        needed = self._needed()
        if needed is None:
            return
        fresh, self._again = self._again, False
        self._asked, turn, load = needed, self._turn, self._load
        offset, limit = needed
        cast("KioskApp", self.app).ask(
            lambda kiosk: load(kiosk, offset, limit),
            lambda page: _Arrived(page, offset, turn, fresh),
            self,
        )

    @on(Refused)
    def _refused(self) -> None:
        """Say it by the screen; do not ask again by itself."""
        self._asked = None

    @on(_Arrived)
    def _arrived(self, message: _Arrived[T]) -> None:
        message.stop()
        if message.turn != self._turn:
            return  # the answer to a question that nobody asks any more
        self._asked = None
        page, grown = message.page, message.page.total - self.total
        if not self._place(page, message.offset, grown, fresh=message.fresh):
            self._ask()
            return
        for place in [p for p in self._items if abs(p - self.cursor) > _HELD // 2 and not self._in_view(p)]:
            del self._items[place]
        self._ask()
        if self.settled:
            self.post_message(self.Loaded(self))
            if self._seen_at is None:
                self._see()
            if (wanted := self._wanted) is not None:
                self._wanted = None
                self._choose(sure=self.current is not None and self._key(self.current) == wanted)

    def _see(self) -> None:
        """Enter chooses what is under the cursor once it was drawn, or said; a line on its way later."""
        self._seen_at, self._sights, turn = None, self._sights + 1, (self._turn, self._sights + 1)

        def seen() -> None:
            if turn == (self._turn, self._sights):
                self._seen_at = time.monotonic()

        if self.settled:
            cast("KioskApp", self.app).once_shown(self.screen, seen)

    def _place(self, page: Page[T], offset: int, grown: int, *, fresh: bool) -> bool:
        """Take a page in; False where the cursor's entry went elsewhere, which is to be asked for."""
        found = {self._key(item): offset + place for place, item in enumerate(page.items)}
        moved = fresh or bool(grown and self._growing)
        if moved:
            self._items = {}
        self._stale = False
        self.total = page.total
        self._measure()
        self._items.update({offset + place: item for place, item in enumerate(page.items)})
        self._items = {place: item for place, item in self._items.items() if place < self.total}
        last = max(self.total - 1, 0)
        target = min(self.cursor, last)
        if self._anchor in found:
            target = found[self._anchor]
        elif self._anchor and moved and grown and self._growing and not self._shifted:
            # Likely as many entries further as have come before it.
            self._shifted, self._again = True, True
            self.cursor = min(max(target + grown, 0), last)
            return False
        self._drawn = {}
        self.arrived(page.items)
        self._go(target)
        self.refresh()
        return True

    def arrived(self, items: Sequence[T]) -> None:
        """Get ready to draw what has come."""

    def _in_view(self, place: int) -> bool:
        top, seen = self._visible()
        return top <= place < top + seen

    # The cursor

    def _go(self, target: int) -> None:
        """Put the cursor somewhere; if it follows its entry, on the same line of the screen."""
        item = self._items.get(target)
        if target != self.cursor and item is not None and self._key(item) == self._anchor:
            self._scroll(int(self.scroll_offset.y) + (target - self.cursor) * self._height)
        another = item is not None and self._anchor not in ("", self._key(item))
        self.cursor = target
        self._show_cursor()
        self._remember()
        if another:  # what was under the cursor is gone
            self._see()

    def _scroll(self, line: int) -> None:
        self.scroll_to(y=line, animate=False, force=True, immediate=True)

    def _remember(self) -> None:
        item = self.current
        self._anchor = self._key(item) if item is not None else ""
        self._shifted = False
        self.post_message(self.Moved(self))

    def validate_cursor(self, cursor: int) -> int:
        """Stay within the list."""
        return min(max(cursor, 0), max(self.total - 1, 0))

    def watch_cursor(self, old: int, new: int) -> None:
        """Draw it where it is now, and no more than that."""
        for place in (old, new):
            self.refresh_lines(place * self._height + self.HEAD, self._height)

    def _show_cursor(self) -> None:
        top, height = self.cursor * self._height, max(self._room, self._height)
        if top < self.scroll_offset.y:
            self._scroll(top)
        elif top + self._height > self.scroll_offset.y + height:
            self._scroll(top + self._height - height)

    def _jump(self, target: int) -> None:
        self._wanted = None
        self.cursor = target
        self._show_cursor()
        self._remember()
        self._ask()
        if not {(self.cursor, 0, False), (self.cursor, 0, True)} & self._drawn.keys():
            self._see()

    def action_go(self, by: int) -> None:
        """Go up or down."""
        self._jump(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Go up or down by as much as is shown."""
        self._jump(self.cursor + by * max(self._room // self._height - 1, 1))

    def action_first(self) -> None:
        """Go to the first entry."""
        self._jump(0)

    def action_last(self) -> None:
        """Go to the last entry."""
        self._jump(self.total - 1)

    def action_choose(self) -> None:
        """Choose the entry under the cursor, if it was on the screen before Enter, or is the only one."""
        current, pressed = self.current, cast("KioskApp", self.app).typed.key_time
        seen = self._seen_at is not None and pressed >= self._seen_at
        if not self.settled:
            self._wanted = self._key(current) if current is not None and seen else ""
        elif current is not None:
            self._choose(sure=seen)

    def _choose(self, *, sure: bool) -> None:
        if self.current is not None and (sure or self.total == 1):
            self.post_message(self.Chosen(self))
        else:
            cast("KioskApp", self.app).typed.throw_away(self.screen)

    @on(events.Click)
    def _clicked(self, event: events.Click) -> None:
        if event.y >= self.HEAD:
            self._jump((event.y - self.HEAD + int(self.scroll_offset.y)) // self._height)

    # Drawing

    def on_resize(self) -> None:
        """The lines are as wide as the list."""
        self._measure()
        self._show_cursor()
        self._ask()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for what comes into view."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._ask()

    def on_focus(self) -> None:
        """The cursor looks otherwise."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor looks otherwise."""
        self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """All entries, where the style leaves the room."""
        return max(self.total, 1) * self._height + self.HEAD

    def lines_of(self, item: T) -> Sequence[Text]:
        """The lines of an entry."""
        return self._draw(item)

    def head(self) -> Text:
        """The line above the entries, where there is one."""
        return Text()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw some lines; what they look like is asked once for all of them."""
        plain = self.rich_style
        look = (
            self.scrollable_content_region.width,
            plain,
            plain + self.get_component_rich_style("paged--cursor"),
            plain + self.get_component_rich_style("paged--head"),
        )
        if look != self._look:
            self._look, self._drawn = look, {}
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Draw one line of the screen; a line that was drawn before is kept until something changes."""
        width, plain, chosen, head = self._look
        if y < self.HEAD:
            return strip_of(self.head(), width, head, self)
        place, line = divmod(y - self.HEAD + int(self.scroll_offset.y), self._height)
        if place >= self.total:
            return Strip.blank(width, plain)
        where = (place, line, place == self.cursor)
        if where not in self._drawn:
            item = self._items.get(place)
            lines = self.lines_of(item) if item is not None else (Text(_NOT_YET),)
            text = lines[line] if line < len(lines) else Text()
            strip = strip_of(text, width, chosen if place == self.cursor else plain, self)
            if item is None:
                return strip
            self._drawn[where] = strip
        return self._drawn[where]


class PagedTable(PagedList[T]):
    """A list of one line an entry, in columns with titles; each column is as wide as what was loaded needs.

    Args:
        load: asks for a page.
        cells: the columns of an entry.
        key: tells an entry from all others.
        titles: of the columns.
        widest: the most of each column, in cells; the last one takes what is left.
        growing: whether new entries come at the beginning; else at the end.
        name: id of the widget.
    """

    HEAD = 1

    def __init__(
        self,
        load: Load[T],
        cells: Callable[[T], Sequence[str]],
        key: Callable[[T], str],
        *,
        titles: Sequence[str],
        widest: Sequence[int],
        growing: bool = True,
        name: str,
    ) -> None:
        super().__init__(load, lambda item: (self._line(cells(item)),), key, growing=growing, name=name)
        self._cells = cells
        self._titles = tuple(titles)
        self._widest = tuple(widest)
        self._widths = [cell_len(tr(title)) for title in titles]

    def arrived(self, items: Sequence[T]) -> None:
        """Make room for what has come."""
        for item in items:
            for place, (cell, most) in enumerate(zip(self._cells(item), self._widest, strict=False)):
                self._widths[place] = max(self._widths[place], min(cell_len(cell), most))

    def head(self) -> Text:
        """The titles."""
        return self._line([tr(title) for title in self._titles])

    def _line(self, cells: Sequence[str]) -> Text:
        line = Text(no_wrap=True, end="")
        for number, cell in enumerate(cells):
            part = Text(cell)
            if number < len(self._widest):
                part.truncate(self._widths[number], overflow="ellipsis", pad=True)
                part.pad_right(_GAP)
            line.append_text(part)
        return line
