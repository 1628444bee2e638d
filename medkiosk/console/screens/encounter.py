"""A new encounter: who is photographed, with two identifiers."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on

from medkiosk.console.messages import EncounterSaved
from medkiosk.console.screens.consent import ConsentScreen
from medkiosk.console.screens.form import FormScreen, Rows
from medkiosk.console.widgets.field import Field
from medkiosk.console.words import clean, day
from medkiosk.core.consent import Subject
from medkiosk.ipc.types import EncounterInfo


class EncounterScreen(FormScreen):
    """Writes down the subject; then asks for consent at once.

    Args:
        earlier: other encounters, newest first; the last issuer is proposed again.
    """

    BUTTON = "Save and go on to consent"

    def __init__(self, earlier: Sequence[EncounterInfo] = ()) -> None:
        super().__init__()
        self._issuer = earlier[0].subject.issuer if earlier else ""

    @property
    def heading(self) -> str:
        """The form's name."""
        return "New encounter"

    def rows(self) -> Rows:
        """The subject's identifiers."""
        return [
            ("Record number", Field(id="mrn", max_length=64, placeholder="MRN; a scanner may type it")),
            ("Issued by", Field(clean(self._issuer, 64), id="issuer", max_length=64, placeholder="Hospital")),
            ("Name", Field(id="name", max_length=120, placeholder="Family name, given name")),
            ("Birth date", Field(id="birth_date", max_length=10, placeholder="YYYY-MM-DD, empty if unknown")),
            (
                "Label",
                Field(id="label", max_length=80, placeholder="What is photographed, e.g. left forearm"),
            ),
        ]

    def save(self) -> str | None:
        """Send the encounter."""
        if not self.text("mrn") or not self.text("issuer") or not self.text("name"):
            return "The record number, who issued it, and the name are needed."
        try:
            birth_date = day(self.text("birth_date"))
        except ValueError:
            return "The birth date has the form YYYY-MM-DD, for example 1961-03-09."
        subject = Subject(
            mrn=self.text("mrn"), issuer=self.text("issuer"), name=self.text("name"), birth_date=birth_date
        )
        label = self.text("label")
        self.ask(lambda kiosk: kiosk.create_encounter(subject, label), EncounterSaved)
        return None

    @on(EncounterSaved)
    def _saved(self, message: EncounterSaved) -> None:
        self.app.switch_screen(ConsentScreen(message.encounter))
