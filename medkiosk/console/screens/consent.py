"""Consent: the text to read aloud, and the answer that was given.

A short answer takes few keys; a choice that needs more opens the lines for it (`medkiosk.console.answering`).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from medkiosk.console import answering as a
from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import CapturesLoaded, ConsentSaved
from medkiosk.console.screens.form import FormScreen, Rows
from medkiosk.console.screens.grantor import GrantorScreen
from medkiosk.console.widgets.bodyfield import BodyField
from medkiosk.console.widgets.choice import Choice
from medkiosk.console.widgets.field import Field
from medkiosk.console.words import ANSWERS, METHODS, PURPOSES, RELATIONSHIPS, clean, subject_words
from medkiosk.core.clock import end_of, rfc3339
from medkiosk.core.consent import (
    Assent,
    Capacity,
    ConsentKind,
    ConsentMethod,
    Consequence,
    Faces,
    Grantor,
    Purpose,
    Relationship,
    Scope,
    Terms,
    Witness,
)
from medkiosk.core.explanation import EXPLANATIONS, NEWEST, Explanation
from medkiosk.core.ids import CaptureId
from medkiosk.core.photo import ImageRole
from medkiosk.ipc.types import CaptureInfo, EncounterInfo

_DEFAULT_DAYS = 365
_LONGEST = 200


def aloud(version: str, explanation: Explanation) -> Text:
    """The whole wording, its questions marked."""
    words = Text()
    words.append(tr("Read aloud (wording {version}):\n", version=version), style="bold")
    words.append("\n".join((*explanation.opening, *explanation.risks.values())) + "\n")
    for purpose, question in explanation.purposes.items():
        words.append(f"{tr(PURPOSES[purpose]).upper()}: ", style="bold")
        words.append(question + "\n")
    words.append("\n".join(explanation.closing))
    return words


def agreed_to(encounter: EncounterInfo, now: datetime) -> tuple[Purpose, ...]:
    """The purposes that the last answer about each of them agrees to now: what a withdrawal is about."""
    last: dict[Purpose, Terms] = {}
    for consent in sorted(encounter.consents, key=lambda each: each.at):
        last.update(dict.fromkeys(consent.terms.purposes, consent.terms))
    held = {
        purpose
        for purpose, terms in last.items()
        if terms.kind is ConsentKind.GRANT and (not terms.expires or terms.expires > rfc3339(now))
    }
    return tuple(purpose for purpose in PURPOSES if purpose in held)


class Form(StrEnum):
    """Whether a photographed form is this answer's."""

    THIS = "this"
    OTHER = "other"


class ConsentScreen(FormScreen):
    """Records one answer of one grantor for an encounter."""

    WHERE = Where.CONSENT
    BINDINGS = bindings(Where.CONSENT)
    BUTTON = "Save this answer"
    AUTO_FOCUS = "#relationship"

    def __init__(self, encounter: EncounterInfo) -> None:
        super().__init__()
        self._encounter = encounter
        self._version = NEWEST[a.FALLBACK]
        self._photo: CaptureInfo | None = None

    @property
    def _explanation(self) -> Explanation:
        return EXPLANATIONS[self._version]

    def above(self) -> ComposeResult:
        """Whose consent, and what to read aloud."""
        yield Static(subject_words(self._encounter), classes="caption", markup=False)
        with VerticalScroll(id="aloud", can_focus=False):
            yield Static(aloud(self._version, self._explanation), id="wording", markup=False)

    def rows(self) -> Rows:
        """The answer: every line there can be, in the order in which it is asked."""
        self._kind = Choice(ANSWERS, (ConsentKind.GRANT,), name="kind")
        self._purposes = Choice(PURPOSES, (Purpose.CLINICAL_RECORD,), several=True, name="purposes")
        self._relationship = Choice(RELATIONSHIPS, (Relationship.SELF,), name="relationship")
        self._capacity = Choice(a.CAPACITIES[Relationship.SELF], (Capacity.ABLE,), name="capacity")
        self._assent: Choice[Assent] = Choice(a.ASSENTS, (), name="assent")  # nobody is taken to agree
        self._consequence = Choice(a.CONSEQUENCES, (Consequence.RECALL,), name="consequence")
        self._limits = Choice(a.LIMITS, (a.Limits.NONE,), name="limits")
        self._faces = Choice(a.FACES, (Faces.AS_READ,), name="faces")
        self._visits = Choice(a.VISITS, (a.Visits.THIS,), name="visits")
        self._method = Choice(METHODS, (ConsentMethod.SIGNED_FORM,), name="method")
        self._form = Choice(
            {Form.THIS: tr("is this one"), Form.OTHER: tr("is not")}, (Form.THIS,), name="form"
        )
        in_a_year = (self._today() + timedelta(days=_DEFAULT_DAYS)).isoformat()

        def line(name: str, value: str = "") -> Field:
            return Field(value, id=name, max_length=_LONGEST)

        return [
            ("Who answers", self._relationship),
            ("The patient is", self._capacity),
            ("Their name", line("grantor", self._encounter.subject.name)),
            ("By what right", line("authority")),
            ("The child", self._assent),
            ("The answer", self._kind),
            ("What left", self._consequence),
            ("For", self._purposes),
            ("Which one", line("use")),
            ("Limits", self._limits),
            ("A face", self._faces),
            ("Only for", line("only")),
            ("Only parts", BodyField(name="sites", hint="left forearm; without a side both are meant")),
            ("Visits", self._visits),
            ("Protocol", line("protocol")),
            ("Given by", self._method),
            ("Photographed", self._form),
            ("They typed", line("typed_name")),
            ("Witness", line("witness")),
            ("Who they are", line("witness_role")),
            ("Recorded in", line("recorded")),
            ("Language", Field(self._explanation.language, id="language", max_length=35)),
            ("Interpreter", line("interpreter")),
            ("Last day", Field(in_a_year, id="last_day", max_length=10)),
        ]

    def on_mount(self) -> None:
        """Show what is needed, and look for a photographed form."""
        super().on_mount()
        self._open()
        encounter_id = self._encounter.encounter_id
        if self._encounter.captures:
            self.ask(lambda kiosk: kiosk.list_captures(encounter_id=encounter_id), CapturesLoaded)

    @on(CapturesLoaded)
    def _found(self, message: CapturesLoaded) -> None:
        forms = [each for each in message.captures if each.role is ImageRole.CONSENT_FORM]
        self._photo = forms[-1] if forms else None
        if self._photo is not None:
            shown = {Form.THIS: tr("as {name}", name=clean(self._photo.name, 24)), Form.OTHER: tr("not yet")}
            self._form.offer(shown, Form.THIS)
        self._open()

    @on(Choice.Changed)
    def _other_choice(self) -> None:
        self._open()

    @on(Choice.Changed, "#kind")
    def _other_kind(self) -> None:
        """A refusal or withdrawal has no last day."""
        (kind,) = self._kind.chosen
        self.query_one("#last_day").disabled = kind is not ConsentKind.GRANT
        if kind is not ConsentKind.GRANT and (agreed := agreed_to(self._encounter, self.kiosk.clock())):
            self._purposes.offer(PURPOSES, *agreed)
            self._open()
        self.say(a.WITHDRAWN if kind is ConsentKind.WITHDRAWAL else "")

    @on(Choice.Changed, "#relationship")
    def _other_name(self) -> None:
        (relationship,) = self._relationship.chosen
        capacities = a.CAPACITIES[relationship]
        self._capacity.offer(capacities, next(iter(capacities)))
        field = self.query_one("#grantor", Input)
        name = self._encounter.subject.name
        if relationship is Relationship.SELF:
            field.value = name
        elif field.value == name:
            field.value = ""
        self._open()

    @on(Input.Changed, "#language")
    def _other_language(self) -> None:
        version = a.wording_for(self.text("language"))
        if version != self._version:
            self._version = version
            self.query_one("#wording", Static).update(aloud(version, self._explanation))
        self._open()

    def _open(self) -> None:
        shown = a.opened(
            a.Chosen(
                kind=self._kind.chosen[0],
                purposes=self._purposes.chosen,
                relationship=self._relationship.chosen[0],
                capacity=self._capacity.chosen[0],
                method=self._method.chosen[0],
                language=self.text("language"),
                limits=self._limits.chosen[0],
                forms=int(self._photo is not None),
            )
        )
        for name in a.ALL_ROWS:
            self.show_row(name, name in shown)

    def _today(self) -> date:
        return self.kiosk.clock().astimezone().date()

    def action_read(self, sign: int) -> None:
        """Turn the page of the text that is read aloud."""
        text = self.query_one("#aloud", VerticalScroll)
        text.scroll_relative(y=sign * max(text.size.height - 1, 1), animate=False)

    def action_show(self) -> None:
        """Turn the screen to who answers: the text alone."""
        self.app.push_screen(GrantorScreen(self._explanation))

    def save(self) -> str | None:
        """Send the answer; what does not fit together, the daemon says in one sentence."""
        if not self.text("grantor"):
            return "The name of the person who answers is needed."
        if not self._purposes.chosen:
            return "Choose at least one use (Space): the answer must be about something."
        if self._assent.display and not self._assent.chosen:
            return "Say what the child says (Space): agrees, says no, or is too young to be asked."
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
        if isinstance(unclear := self.query_one("#sites", BodyField).sites, str):
            return unclear
        terms = self._terms(kind, rfc3339(now), expires)
        encounter_id = self._encounter.encounter_id
        self.ask(lambda kiosk: kiosk.record_consent(encounter_id, terms), ConsentSaved)
        return None

    def _terms(self, kind: ConsentKind, starts: str, expires: str) -> Terms:
        purposes = self._purposes.chosen
        witness = Witness(self.text("witness"), self.text("witness_role"))
        return Terms(
            kind=kind,
            purposes=purposes,
            grantor=Grantor(self.text("grantor"), self._relationship.chosen[0], self.text("authority")),
            method=self._method.chosen[0],
            language=self.text("language") or self._explanation.language,
            starts=starts,
            expires=expires,
            text_version=self._version,
            text_sha256=self._explanation.sha256,
            risks=tuple(sorted(self._explanation.risks_of(purposes))),
            scope=self._scope(),
            use=self.text("use"),
            capacity=self._capacity.chosen[0],
            assent=self._assent.chosen[0] if self._assent.display else None,
            witness=witness if witness.name or witness.role else None,
            interpreter=self.text("interpreter"),
            typed_name=self.text("typed_name"),
            recorded=self.text("recorded"),
            form=self._linked(),
            protocol=self.text("protocol"),
            consequence=self._consequence.chosen[0] if self._consequence.display else Consequence.RECALL,
        )

    def _scope(self) -> Scope | None:
        if self._limits.chosen == (a.Limits.NONE,):
            return None
        sites = self.query_one("#sites", BodyField).sites
        return Scope(
            body_sites=() if isinstance(sites, str) else sites,  # `save` said so
            faces=self._faces.chosen[0] if self._faces.display else Faces.AS_READ,
            recipients=a.names(self.text("only")),
            everywhere=self._visits.display and self._visits.chosen == (a.Visits.ALL,),
        )

    def _linked(self) -> CaptureId | None:
        if self._photo is None or not self._form.display or self._form.chosen != (Form.THIS,):
            return None
        return self._photo.capture_id

    @on(ConsentSaved)
    def _saved(self, message: ConsentSaved) -> None:
        terms = message.consent.terms
        then = tr("I on Home assigns photos.")
        if terms.kind is not ConsentKind.GRANT:
            then = "What left before stays outside: a privacy officer sees it on Recall (X, F4)."
        self.leave(
            tr(
                "Recorded: {name} {answers}. {then}",
                name=clean(terms.grantor.name, 40),
                answers=tr(ANSWERS[terms.kind]),
                then=then,
            )
        )
