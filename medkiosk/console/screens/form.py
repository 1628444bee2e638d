"""Forms: labels on the left, one field a line, Enter goes on, the button at the end saves.

Enter is taken before the field sees it, so that what is typed right after it already goes to the next field.
"""

from __future__ import annotations

import time

from textual import on
from textual.app import ComposeResult
from textual.containers import Grid, VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Label

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import Refused
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.widgets.bodyfield import BodyField
from medkiosk.console.widgets.field import Field, settled

Rows = list[tuple[str, Widget]]


class FormScreen(KioskScreen):
    """Base of the forms.

    Attributes:
        BUTTON: what stands on the button.
        LAST: id of a field whose Enter saves at once; the button is for the others.
    """

    WHERE = Where.FORM
    BINDINGS = bindings(Where.FORM)
    AUTO_FOCUS = ".form Field, .form Choice"
    BUTTON = "Save"
    LAST = ""
    _written_at = 0.0
    """When it was last written out what letters were taken for."""

    def above(self) -> ComposeResult:
        """What stands above the fields."""
        yield from ()

    def rows(self) -> Rows:
        """Labels and fields."""
        raise NotImplementedError

    def save(self) -> str | None:
        """Check and send; a sentence where something is missing."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        """Lay the rows out in two columns."""
        with VerticalScroll(id="fields", can_focus=False):
            yield from self.above()
            with Grid(classes="form"):
                for label, field in self.rows():
                    yield Label(tr(label), markup=False, id=f"{field.id}-label" if field.id else None)
                    yield field
                yield Label("", markup=False)
                yield Button(tr(self.BUTTON), id="save", variant="primary")

    def show_row(self, name: str, shown: bool) -> None:
        """Show a field and its label, or hide them; keys pass over what is hidden."""
        for each in (name, f"{name}-label"):
            self.query_one(f"#{each}").display = shown

    def text(self, name: str) -> str:
        """What stands in a field; nothing where it is hidden."""
        field = self.query_one(f"#{name}", Field)
        return field.value.strip() if field.display else ""

    def action_enter(self) -> None:
        """Go to the next field; on the button or after the last field, save."""
        if self._saves():
            self.action_save()
        else:
            self.focus_next()

    @on(Button.Pressed, "#save")
    def action_save(self) -> None:
        """Save, once, when everything that was typed has arrived."""
        settled(self.query("Field, Choice").results(Widget), self._save)

    def _save(self) -> None:
        button = self.query_one("#save", Button)
        if button.disabled:
            return
        problem = self._first_read() or self.save()
        if problem:
            self.say(problem, wrong=True)
        else:
            button.disabled = True

    def _first_read(self) -> str:
        """What to read before it is saved, where letters were taken for a part of the body; or nothing."""
        if [field for field in self.query(BodyField) if field.write_out()]:
            self._written_at = time.monotonic()
        elif self.kiosk.typed.key_time >= self._written_at:
            return ""
        return "Read what the letters were taken for. Save again if it is right."

    @property
    def holds_keys(self) -> bool:
        """Keys wait while what was typed is saved: they are for what comes then."""
        return self.query_one("#save", Button).disabled

    def goes_ahead(self, name: str) -> bool:
        """Enter may go to the next field of a form that nobody has seen; it saves nothing."""
        return (name == "enter" and not self._saves()) or super().goes_ahead(name)

    def _saves(self) -> bool:
        """Whether Enter would save."""
        return isinstance(self.focused, Button) or (self.focused is not None and self.focused.id == self.LAST)

    @on(Refused)
    def _save_again(self) -> None:
        self.query_one("#save", Button).disabled = False
