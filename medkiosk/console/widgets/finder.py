"""Encounters: a field to find some, and the list of those that are found, which follows each key."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from medkiosk.console.encounterlines import encounter_lines
from medkiosk.console.widgets.field import Field
from medkiosk.console.widgets.paged import Load, Page, PagedList
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import EncounterInfo

LONGEST = 64
_HINT = "Find: name, record number, birth date, label"


def load_encounters(text: str) -> Load[EncounterInfo]:
    """Asks for encounters that a text finds; for all, where it is empty."""

    def load(kiosk: Client, offset: int, limit: int) -> Page[EncounterInfo]:
        found = kiosk.find_encounters(text, offset, limit) if text else kiosk.list_encounters(offset, limit)
        return Page(found.encounters, found.total)

    return load


class EncounterFinder(Vertical):
    """Posts `PagedList.Chosen` when one is chosen, `Found` when the list is another."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "go(-1)", show=False),
        Binding("down", "go(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
    ]

    class Found(Message):
        """The list has come; ``total`` counts what was found for ``text``."""

        def __init__(self, text: str, total: int) -> None:
            self.text = text
            self.total = total
            super().__init__()

    def compose(self) -> ComposeResult:
        """The field above the list."""
        yield Field(id="find", max_length=LONGEST, placeholder=_HINT)
        yield PagedList(
            load_encounters(""), encounter_lines, lambda each: each.encounter_id, height=2, name="encounters"
        )

    @property
    def field(self) -> Field:
        """Where somebody types what they look for."""
        return self.query_one(Field)

    @property
    def list(self) -> PagedList[EncounterInfo]:
        """What was found."""
        return self.query_one("#encounters", PagedList)

    @property
    def text(self) -> str:
        """What is looked for."""
        return self.field.value.strip()

    def clear(self) -> None:
        """Look for nothing; the keys go to the list."""
        self.field.value = ""
        self.list.focus()

    @on(Input.Changed)
    def _changed(self, message: Input.Changed) -> None:
        message.stop()
        self.list.reload(load_encounters(message.value.strip()), keep=True)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self.list.action_choose()

    @on(PagedList.Loaded)
    def _loaded(self, message: PagedList.Loaded) -> None:
        message.stop()
        self.post_message(self.Found(self.text, self.list.total))

    def action_go(self, by: int) -> None:
        """From the field: up and down the list."""
        self.list.action_go(by)

    def action_page(self, by: int) -> None:
        """From the field: a page up and down."""
        self.list.action_page(by)
