"""A new encounter, or another identity for one: who is photographed, with two identifiers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from textual import on

from medkiosk.console.accessmessages import AccessLoaded
from medkiosk.console.language import tr
from medkiosk.console.messages import CorrectionSaved, EncounterSaved, ScanRead, SubjectLooked
from medkiosk.console.scanning import TakesScans
from medkiosk.console.screens.access import chaperone_of, intimate_rows, show_chaperone
from medkiosk.console.screens.consent import ConsentScreen
from medkiosk.console.screens.correction import CorrectionsScreen
from medkiosk.console.screens.dialogs import AskReason
from medkiosk.console.screens.form import FormScreen, Rows
from medkiosk.console.screens.mistaken import ChooseSimilar, Right, SettleConflict
from medkiosk.console.widgets.bodyfield import BodyField
from medkiosk.console.widgets.choice import Choice
from medkiosk.console.widgets.field import Field
from medkiosk.console.words import clean, day
from medkiosk.core.consent import Subject, subject_key
from medkiosk.ipc.types import EncounterInfo

_EMPTY = Subject(mrn="", issuer="", name="", birth_date="")


class SubjectForm(FormScreen, TakesScans):
    """A form with a patient's identifiers, which looks for who may be mistaken before anything is saved."""

    NUMBER = "mrn"
    _typed: Subject = _EMPTY

    def subject_rows(self, subject: Subject) -> Rows:
        """The fields of a patient."""
        hint = "MRN; scan the wristband, or type it"
        return [
            ("Record number", Field(clean(subject.mrn, 64), id="mrn", max_length=64, placeholder=hint)),
            (
                "Issued by",
                Field(clean(subject.issuer, 64), id="issuer", max_length=64, placeholder="Hospital"),
            ),
            (
                "Name",
                Field(
                    clean(subject.name, 120), id="name", max_length=120, placeholder="Family name, given name"
                ),
            ),
            (
                "Birth date",
                Field(
                    clean(subject.birth_date, 10),
                    id="birth_date",
                    max_length=10,
                    placeholder="YYYY-MM-DD, empty if unknown",
                ),
            ),
        ]

    def typed(self) -> Subject | str:
        """What stands in the fields, or what is missing, in words."""
        if not self.text("mrn") or not self.text("issuer") or not self.text("name"):
            return "The record number, who issued it, and the name are needed."
        try:
            birth_date = day(self.text("birth_date"))
        except ValueError:
            return "The birth date has the form YYYY-MM-DD, for example 1961-03-09."
        return Subject(
            mrn=self.text("mrn"), issuer=self.text("issuer"), name=self.text("name"), birth_date=birth_date
        )

    def send(self, subject: Subject, token: str, reason: str) -> None:
        """Save it, by somebody who looked at whatever was to be looked at."""
        raise NotImplementedError

    def look(self, subject: Subject) -> None:
        """Ask who may be mistaken for this patient."""
        self._typed = subject
        self.ask(lambda kiosk: kiosk.check_subject(subject), SubjectLooked)

    @on(SubjectLooked)
    def _looked(self, message: SubjectLooked) -> None:
        message.stop()
        looked = message.looked
        if not self.is_current:
            return
        if looked.problem:
            self.again(f"{looked.problem[:1].upper()}{looked.problem[1:]}.")
        elif looked.conflict is not None:
            known = looked.conflict
            self.app.push_screen(
                SettleConflict(looked.subject, known), lambda right: self._settled(right, known, looked.token)
            )
        elif looked.similar:
            self.app.push_screen(
                ChooseSimilar(looked.subject, looked.similar),
                lambda said: self._similar_settled(said, looked.token),
            )
        else:
            self.send(self._typed, looked.token, "")

    def _settled(self, right: Right | None, known: Subject, token: str) -> None:
        def reasoned(reason: str | None) -> None:
            if reason:
                self.send(self._typed, token, reason)
            else:
                self.again("Nothing was saved.")

        if right is Right.KNOWN:
            self.send(known, "", "")
        elif right is Right.TYPED:
            self.app.push_screen(
                AskReason(
                    "Why is what is typed right?",
                    "For example: married since; was misspelt. It is kept on record. Earlier encounters stay"
                    " as they are until two people correct them.",
                ),
                reasoned,
            )
        else:
            self.again("Nothing was saved. Compare the number with the wristband.")

    def _similar_settled(self, said: Subject | bool | None, token: str) -> None:
        if isinstance(said, Subject):
            self.send(said, "", "")
        elif said:
            self.send(self._typed, token, "")
        else:
            self.again("Nothing was saved.")

    def again(self, words: str) -> None:
        """Say something, and let the form be saved once more."""
        self._save_again()
        self.say(words, wrong=True)

    def scanned(self, text: str) -> None:
        """A wristband goes to the number, wherever the cursor is."""
        self.ask(lambda kiosk: kiosk.read_scan(text), ScanRead)

    def scanned_in_place(self, text: str) -> None:
        """What is no patient's goes again; the keys that follow are the next field's."""
        self.ask(lambda kiosk: kiosk.read_scan(text), lambda scan: ScanRead(scan, text))

    @on(ScanRead)
    def _scan_read(self, message: ScanRead) -> None:
        message.stop()
        scan, number = message.scan, self.query_one("#mrn", Field)
        if message.text and number.value != message.text:
            return  # it was changed meanwhile
        if not scan.mrn:
            if message.text:
                number.value = ""
                number.focus()
            self.say(scan.words, wrong=True)
            return
        number.value = scan.mrn
        issuer = self.query_one("#issuer", Field)
        if scan.issuers and issuer.value not in scan.issuers:
            issuer.value = scan.issuers[0] if len(scan.issuers) == 1 else ""
        known = tr(" This patient was here before.") if scan.encounters else ""
        self.say(tr("The wristband was read.{known} Ask the patient for name and birth date.", known=known))
        if message.text:
            return
        empty = next(
            (each for each in self.query(Field) if each.display and not each.value), self.query_one("#name")
        )
        empty.focus()


class EncounterScreen(SubjectForm):
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
        """The subject's identifiers, and what is photographed."""
        return [
            *self.subject_rows(msgspec.structs.replace(_EMPTY, issuer=self._issuer)),
            (
                "Label",
                Field(id="label", max_length=80, placeholder="What is photographed, e.g. left forearm"),
            ),
            ("Body parts", BodyField(name="sites", hint="left forearm; face; empty where not known yet")),
            ("Department", Choice({"": "none"}, ("",), name="department")),
            *intimate_rows(),
        ]

    def on_mount(self) -> None:
        """Ask which departments there are."""
        super().on_mount()
        self.show_row("department", shown=False)
        self._show()
        self.ask(lambda kiosk: kiosk.get_access(), AccessLoaded)

    @on(AccessLoaded)
    def _access(self, message: AccessLoaded) -> None:
        message.stop()
        if there := message.access.departments:
            mine = next(iter(message.access.mine), "")
            self.query_one("#department", Choice).offer({"": "none", **{each: each for each in there}}, mine)
            self.show_row("department", shown=True)

    @property
    def _intimate(self) -> bool:
        return self.query_one("#intimate", Choice).chosen == ("yes",)

    @on(Choice.Changed)
    def _show(self) -> None:
        show_chaperone(self, asked=self._intimate)

    def save(self) -> str | None:
        """Look who may be mistaken, then send the encounter."""
        subject = self.typed()
        if isinstance(subject, str):
            return subject
        if self._intimate and isinstance(missing := chaperone_of(self), str):
            return missing
        if isinstance(unclear := self.query_one("#sites", BodyField).sites, str):
            return unclear
        self.look(subject)
        return None

    def send(self, subject: Subject, token: str, reason: str) -> None:
        """Send the encounter."""
        label = self.text("label")
        department = next(iter(self.query_one("#department", Choice).chosen), "")
        intimate = self._intimate
        chaperone = chaperone_of(self) if intimate else None
        if isinstance(chaperone, str):  # changed since it was looked at
            self.again(chaperone)
            return
        sites = self.query_one("#sites", BodyField).sites
        if isinstance(sites, str):
            self.again(sites)
            return
        self.ask(
            lambda kiosk: kiosk.create_encounter(
                subject, label, department, token, reason, intimate, chaperone, sites
            ),
            EncounterSaved,
        )

    @on(EncounterSaved)
    def _saved(self, message: EncounterSaved) -> None:
        self.app.switch_screen(ConsentScreen(message.encounter))


class IdentityScreen(SubjectForm):
    """Proposes that an encounter is of somebody else, or is written otherwise; a second person decides.

    Args:
        encounter: as it is now.
    """

    BUTTON = "Propose"

    def __init__(self, encounter: EncounterInfo) -> None:
        super().__init__()
        self._encounter = encounter

    @property
    def heading(self) -> str:
        """The form's name."""
        return "Correct the patient"

    def rows(self) -> Rows:
        """The identifiers as they are, to be corrected, and why."""
        hint = "Why it was wrong, e.g. a digit was mistyped"
        return [
            *self.subject_rows(self._encounter.subject),
            ("Reason", Field(id="reason", max_length=200, placeholder=hint)),
        ]

    def save(self) -> str | None:
        """Look who may be mistaken, then propose."""
        subject = self.typed()
        if isinstance(subject, str):
            return subject
        if not self.text("reason"):
            return "Say why: the second person decides by it."
        if subject == self._encounter.subject:
            return "Nothing is changed yet."
        if subject_key(subject) == subject_key(self._encounter.subject):
            self.send(subject, "", "")
        else:
            self.look(subject)
        return None

    def send(self, subject: Subject, token: str, reason: str) -> None:
        """Propose it."""
        encounter_id, why = self._encounter.encounter_id, self.text("reason")
        if reason:
            why = f"{why}; {reason}"[:200]
        self.ask(
            lambda kiosk: kiosk.propose_identity(encounter_id, subject, why, token),
            CorrectionSaved,
        )

    @on(CorrectionSaved)
    def _saved(self, message: CorrectionSaved) -> None:
        self.app.switch_screen(CorrectionsScreen(message.correction))
