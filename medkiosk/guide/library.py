"""All pages together: the kiosk's, and over them the department's. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from medkiosk.guide.page import MOST_FILES, Kind, Page
from medkiosk.guide.reading import PageError, read_page

MOST_HITS = 50
LONGEST_SEARCH = 100
_SNIPPET = 120
_BEFORE = 30
_SHOWN_NAME = 40


@dataclass(frozen=True)
class Library:
    """What there is to read.

    Attributes:
        pages: by id, in the order of the list.
        problems: a sentence for each of the department's files that is not used.
    """

    pages: Mapping[str, Page]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hit:
    """Where words were found; ``block`` is the place in the page, ``text`` a piece of it."""

    page: Page
    block: int
    text: str


def build(ours: Mapping[str, bytes], theirs: Mapping[str, bytes], unread: Iterable[str] = ()) -> Library:
    """Put the pages together.

    Args:
        ours: the kiosk's files by their names.
        theirs: the department's files by their names.
        unread: sentences about what could not even be read.

    Raises:
        PageError: one of the kiosk's own is wrong, which its tests rule out.
    """
    pages = {}
    for name, data in ours.items():
        page = read_page(data, name.removesuffix(".md"))
        pages[page.page_id] = page
    problems = list(unread)
    for number, name in enumerate(sorted(theirs)):
        page_id = name.removesuffix(".md")
        try:
            if number >= MOST_FILES:
                raise PageError(0, f"a folder has at most {MOST_FILES} pages")
            pages[page_id] = read_page(theirs[name], page_id, own=True)
        except PageError as error:
            problems.append(_sentence(name, error, stays=page_id in pages))
    ordered = sorted(pages.values(), key=lambda page: (page.order, page.page_id))
    return Library({page.page_id: page for page in ordered}, tuple(problems))


def printable(name: str) -> str:
    """A file's name as it can stand in a sentence."""
    return "".join(each if each.isprintable() else "?" for each in name[:_SHOWN_NAME])


def _sentence(name: str, error: PageError, *, stays: bool) -> str:
    where = f", line {error.line}" if error.line else ""
    rest = "The kiosk's own page is shown in its place." if stays else "It is not shown."
    return f"{printable(name)}{where}: {error.words}. {rest}"


def search(library: Library, words: str) -> tuple[Hit, ...]:
    """Find the blocks that hold every one of the words, whatever their case; titles first.

    Args:
        library: where.
        words: with blanks between; only the first `LONGEST_SEARCH` characters count.
    """
    wanted = words[:LONGEST_SEARCH].casefold().split()
    if not wanted:
        return ()
    titles, blocks = [], []
    for page in library.pages.values():
        if all(each in page.title.casefold() for each in wanted):
            titles.append(Hit(page, 0, ""))
        heading = ""
        for number, block in enumerate(page.blocks):
            if block.kind is Kind.HEADING:
                heading = block.text.casefold()
            folded = block.text.casefold()
            if wanted[0] in folded and all(each in folded or each in heading for each in wanted):
                blocks.append(Hit(page, number, _piece(block.text, wanted[0])))
    return tuple((titles + blocks)[:MOST_HITS])


def _piece(text: str, word: str) -> str:
    at = max(text.casefold().find(word) - _BEFORE, 0)
    cut = text[at : at + _SNIPPET]
    return ("..." if at else "") + cut + ("..." if at + _SNIPPET < len(text) else "")
