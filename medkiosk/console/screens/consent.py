"""Consent: the text to read aloud, and the answer that was given."""

from __future__ import annotations

from datetime import date, timedelta

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.messages import ConsentSaved
from medkiosk.console.screens.form import FormScreen, Rows
from medkiosk.console.widgets.choice import Choice
from medkiosk.console.widgets.field import Field
from medkiosk.console.words import ANSWERS, METHODS, PURPOSES, RELATIONSHIPS, clean, end_of, subject_words
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import ConsentKind, ConsentMethod, Grantor, Purpose, Relationship, Terms
from medkiosk.core.explanation import EXPLANATIONS, Explanation
from medkiosk.ipc.types import EncounterInfo

TEXT_VERSION = "en-1"
_DEFAULT_DAYS = 365


def aloud(version: str, explanation: Explanation) -> Text:
    """The whole wording, its questions marked."""
    words = Text()
    words.append(f"Read aloud (wording {version}):\n", style="bold")
    words.append("\n".join(explanation.opening) + "\n")
    for purpose, question in explanation.purposes.items():
        words.append(f"{PURPOSES[purpose].upper()}: ", style="bold")
        words.append(question + "\n")
    words.append("\n".join(explanation.closing))
    return words


class ConsentScreen(FormScreen):
    """Records one answer of one grantor for an encounter."""

    WHERE = Where.CONSENT
    BINDINGS = bindings(Where.CONSENT)
    BUTTON = "Save this answer"
    AUTO_FOCUS = "#relationship"

    def __init__(self, encounter: EncounterInfo) -> None:
        super().__init__()
        self._encounter = encounter
        self._explanation = EXPLANATIONS[TEXT_VERSION]

    def above(self) -> ComposeResult:
        """Whose consent, and what to read aloud."""
        yield Static(subject_words(self._encounter), classes="caption", markup=False)
        with VerticalScroll(id="aloud", can_focus=False):
            yield Static(aloud(TEXT_VERSION, self._explanation), markup=False)

    def rows(self) -> Rows:
        """The answer."""
        self._kind = Choice(ANSWERS, (ConsentKind.GRANT,), name="kind")
        self._purposes = Choice(PURPOSES, (Purpose.CLINICAL_RECORD,), several=True, name="purposes")
        self._relationship = Choice(RELATIONSHIPS, (Relationship.SELF,), name="relationship")
        self._method = Choice(METHODS, (ConsentMethod.SIGNED_FORM,), name="method")
        in_a_year = (self._today() + timedelta(days=_DEFAULT_DAYS)).isoformat()
        return [
            ("Who answers", self._relationship),
            ("Their name", Field(self._encounter.subject.name, id="grantor", max_length=200)),
            ("The answer", self._kind),
            ("For", self._purposes),
            ("Given by", self._method),
            ("Language", Field(self._explanation.language, id="language", max_length=35)),
            ("Last day", Field(in_a_year, id="last_day", max_length=10)),
        ]

    def _today(self) -> date:
        return self.kiosk.clock().astimezone().date()

    @on(Choice.Changed, "#kind")
    def _other_kind(self) -> None:
        """A refusal or withdrawal has no last day."""
        self.query_one("#last_day").disabled = self._kind.chosen != (ConsentKind.GRANT,)

    @on(Choice.Changed, "#relationship")
    def _other_name(self) -> None:
        field = self.query_one("#grantor", Input)
        name = self._encounter.subject.name
        if self._relationship.chosen == (Relationship.SELF,):
            field.value = name
        elif field.value == name:
            field.value = ""

    def action_read(self, sign: int) -> None:
        """Turn the page of the text that is read aloud."""
        text = self.query_one("#aloud", VerticalScroll)
        text.scroll_relative(y=sign * max(text.size.height - 1, 1), animate=False)

    def save(self) -> str | None:
        """Send the answer."""
        if not self.text("grantor"):
            return "The name of the person who answers is needed."
        if not self._purposes.chosen:
            return "Choose at least one use (Space): the answer must be about something."
        (kind,) = self._kind.chosen
        now = self.kiosk.clock()
        expires = ""
        if kind is ConsentKind.GRANT:
            try:
                expires = end_of(self.text("last_day"))
            except (ValueError, OverflowError):
                return "The last day has the form YYYY-MM-DD, for example 2031-12-31."
            if expires <= rfc3339(now):
                return "The last day is in the past."
        terms = Terms(
            kind=kind,
            purposes=self._purposes.chosen,
            grantor=Grantor(name=self.text("grantor"), relationship=self._relationship.chosen[0]),
            method=self._method.chosen[0],
            language=self.text("language") or self._explanation.language,
            starts=rfc3339(now),
            expires=expires,
            text_version=TEXT_VERSION,
        )
        encounter_id = self._encounter.encounter_id
        self.ask(lambda kiosk: kiosk.record_consent(encounter_id, terms), ConsentSaved)
        return None

    @on(ConsentSaved)
    def _saved(self, message: ConsentSaved) -> None:
        terms = message.consent.terms
        self.leave(
            f"Recorded: {clean(terms.grantor.name, 40)} {ANSWERS[terms.kind]}. I on Home assigns photos."
        )
