"""The department's pages as a stick brings them: one set, which is taken whole or not at all. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from medkiosk.guide.becomes import Becomes
from medkiosk.guide.library import Library
from medkiosk.guide.page import Page, is_page_id
from medkiosk.guide.reading import PageError, read_page, said_id

LONGEST_SET = 16 << 20
"""Bytes of a set on the disk."""


@dataclass(frozen=True)
class Set:
    """What a stick brought.

    Attributes:
        files: the bytes of those that are pages, by the name that each has by its id.
        problems: a sentence for each file that is no page; with one of them nothing is taken.
    """

    files: Mapping[str, bytes]
    problems: tuple[str, ...]

    def sha256(self, before: Library) -> str:
        """What says which set comes in the place of which pages, in hexadecimal digits."""
        own = sorted(page.digest for page in before.pages.values() if page.own)
        return hashlib.sha256(b"\n".join((*map(str.encode, own), written(self.files)))).hexdigest()


def read_set(untrusted: Iterable[bytes]) -> Set:
    """Look at what lay on a stick, in the order of the files' names; a page says its own id."""
    files: dict[str, bytes] = {}
    problems, said = [], set()
    for number, content in enumerate(untrusted, 1):
        page_id = said_id(content)
        if not is_page_id(page_id):
            problems.append(f"File {number} has no id of a page in its front matter.")
        elif page_id in said:
            problems.append(f"There are two pages with the id {page_id}.")
        else:
            said.add(page_id)
            try:
                read_page(content, page_id, own=True)
            except PageError as error:
                where = f", line {error.line}" if error.line else ""
                problems.append(f"Page {page_id}{where}: {error.words}.")
            else:
                files[f"{page_id}.md"] = content
    return Set(files, tuple(problems))


def written(files: Mapping[str, bytes]) -> bytes:
    """A set as it lies on the disk: one file, so that it changes at once."""
    return json.dumps({name: files[name].decode() for name in sorted(files)}, ensure_ascii=False).encode()


def read_written(data: bytes) -> dict[str, bytes]:
    """The files of a set.

    Raises:
        PageError: it is not what `written` gives.
    """
    try:
        found = json.loads(data)
        if not isinstance(found, dict):
            raise PageError(0, "the pages that were taken cannot be read")
        return {str(name): str(text).encode() for name, text in found.items()}
    except ValueError as error:
        raise PageError(0, "the pages that were taken cannot be read") from error


def becomes(before: Library, after: Library) -> tuple[tuple[Page, Becomes], ...]:
    """What a set changes: each page of the department, now or then."""
    found = [
        (page, _becomes(before.pages.get(page.page_id), page)) for page in after.pages.values() if page.own
    ]
    for page in before.pages.values():
        if page.own and (then := after.pages.get(page.page_id)) is None:
            found.append((page, Becomes.GONE))
        elif page.own and then is not None and not then.own:
            found.append((page, Becomes.OURS_AGAIN))
    return tuple(found)


def _becomes(before: Page | None, page: Page) -> Becomes:
    if before is None:
        return Becomes.ADDED
    if not before.own:
        return Becomes.IN_PLACE
    return Becomes.SAME if before.digest == page.digest else Becomes.CHANGED
