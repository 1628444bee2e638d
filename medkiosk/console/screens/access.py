"""Who sees an encounter: intimate pictures and the team; and how to open another team's patient."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.accessmessages import (
    AccessHalf,
    AccessSaved,
    GlassesLoaded,
    GlassOpened,
    PatientFound,
    TeamLoaded,
)
from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import AskReason
from medkiosk.console.screens.form import FormScreen, Rows
from medkiosk.console.widgets.choice import Choice
from medkiosk.console.widgets.field import Field
from medkiosk.console.words import clean, count, moment
from medkiosk.core.consent import Witness
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import EncounterInfo, GlassInfo, HiddenEncounter
from medkiosk.ipc.wire import RemoteError

INTIMATE = {"no": "no", "yes": "yes, few see these pictures"}
THERE = {"yes": "was there", "no": "declined by the patient"}
_SHORTEST = 10


def intimate_rows(*, now: bool = False) -> Rows:
    """The fields that say whether pictures are intimate, and who was there."""
    return [
        ("Intimate", Choice(INTIMATE, ("yes" if now else "no",), name="intimate")),
        ("Chaperone", Choice(THERE, ("yes",), name="there")),
        ("Name", Field(id="chaperone", max_length=80, placeholder="The chaperone's name")),
        ("Role", Field(id="chaperone_role", max_length=80, placeholder="The chaperone's role, e.g. nurse")),
    ]


def chaperone_of(form: FormScreen) -> Witness | str | None:
    """Who was there; None where the patient declined; a sentence where something is missing."""
    if form.query_one("#there", Choice).chosen == ("no",):
        return None
    name, role = form.text("chaperone"), form.text("chaperone_role")
    if not name or not role:
        return "The chaperone's name and role are needed; or say that the patient declined one."
    return Witness(name=name, role=role)


def show_chaperone(form: FormScreen, *, asked: bool) -> None:
    """Ask for the chaperone only where pictures become intimate, and for a name only where there was one."""
    form.show_row("there", asked)
    named = asked and form.query_one("#there", Choice).chosen == ("yes",)
    for each in ("chaperone", "chaperone_role"):
        form.show_row(each, named)


class WhoSeesScreen(FormScreen):
    """Says that an encounter's pictures are intimate, or not any more; and who is of its team.

    Args:
        encounter: as it is now.
    """

    def __init__(self, encounter: EncounterInfo) -> None:
        super().__init__()
        self._encounter = encounter

    @property
    def heading(self) -> str:
        """The form's name."""
        return "Who sees it"

    def above(self) -> ComposeResult:
        """Who is of the team."""
        yield Static(id="team", markup=False)

    def rows(self) -> Rows:
        """The class of the pictures, and people who join or leave."""
        hint = "User name; empty where nobody does"
        return [
            *intimate_rows(now=self._encounter.restricted),
            ("Joins", Field(id="joins", max_length=64, placeholder=hint)),
            ("Leaves", Field(id="leaves", max_length=64, placeholder=hint)),
            ("Reason", Field(id="reason", max_length=200, placeholder="Why; it is kept on record")),
        ]

    def on_mount(self) -> None:
        """Ask who is of the team."""
        super().on_mount()
        self._show()
        encounter_id = self._encounter.encounter_id
        self.ask(lambda kiosk: kiosk.get_team(encounter_id), TeamLoaded)

    @on(TeamLoaded)
    def _team(self, message: TeamLoaded) -> None:
        message.stop()
        names = ", ".join(f"{clean(m.display_name, 30)} ({clean(m.user, 16)})" for m in message.team.members)
        self.query_one("#team", Static).update(Text(tr("Of the team: {value}.", value=names or "nobody")))

    @property
    def _becomes(self) -> bool:
        wanted = self.query_one("#intimate", Choice).chosen == ("yes",)
        return wanted and not self._encounter.restricted

    @on(Choice.Changed)
    def _show(self) -> None:
        show_chaperone(self, asked=self._becomes)

    def save(self) -> str | None:
        """Send what is changed."""
        encounter_id, reason = self._encounter.encounter_id, self.text("reason")
        joins, leaves = self.text("joins"), self.text("leaves")
        closes = self._becomes
        opens = self._encounter.restricted and self.query_one("#intimate", Choice).chosen == ("no",)
        chaperone = chaperone_of(self) if closes else None
        if not (closes or opens or joins or leaves):
            return "Nothing is changed yet."
        if not reason:
            return "Say why; it is kept on record."
        if isinstance(chaperone, str):
            return chaperone

        def send(kiosk: Client) -> AccessSaved | AccessHalf:
            changed = None
            if closes:
                changed = kiosk.restrict(encounter_id, reason, chaperone)
            elif opens:
                changed = kiosk.lift_restriction(encounter_id, reason)
            if joins or leaves:
                try:
                    kiosk.change_team(
                        encounter_id, (joins,) if joins else (), (leaves,) if leaves else (), reason
                    )
                except RemoteError as error:
                    if changed is None:
                        raise
                    return AccessHalf(changed, error.message)
            return AccessSaved("Who sees this encounter was changed.")

        self.ask(send, lambda answer: answer)
        return None

    @on(AccessHalf)
    def _half_saved(self, message: AccessHalf) -> None:
        message.stop()
        self._encounter = message.encounter  # saved again, only the team is sent
        self._show()
        self._save_again()
        self.say(
            tr("The team is as it was; intimate or not is changed. {words}", words=message.words), wrong=True
        )

    @on(AccessSaved)
    def _saved(self, message: AccessSaved) -> None:
        message.stop()
        self.leave(message.words)


class BreakGlassScreen(FormScreen):
    """Asks by the exact number for a patient of another team, then why they must be treated now."""

    BUTTON = "Look for this patient"
    LAST = "issuer"

    @property
    def heading(self) -> str:
        """The form's name."""
        return "Break the glass"

    def above(self) -> ComposeResult:
        """What it is."""
        yield Static(
            tr(
                "For a patient of another team whom you must treat now. That you ask is logged; so is every"
                " picture that you then look at. Somebody reads it."
            ),
            markup=False,
        )

    def rows(self) -> Rows:
        """The exact number."""
        return [
            ("Record number", Field(id="mrn", max_length=64, placeholder="The exact MRN")),
            ("Issued by", Field(id="issuer", max_length=64, placeholder="Hospital")),
        ]

    def save(self) -> str | None:
        """Ask whether there is such a patient."""
        mrn, issuer = self.text("mrn"), self.text("issuer")
        if not mrn or not issuer:
            return "The exact record number, and who issued it, are needed."
        self.ask(lambda kiosk: kiosk.ask_for_patient(mrn, issuer), PatientFound)
        return None

    @on(PatientFound)
    def _found(self, message: PatientFound) -> None:
        message.stop()
        self._save_again()
        found = message.encounters
        if not found:
            self.say("There is no such patient among those whom you do not see.", wrong=True)
            return
        self.app.push_screen(
            AskReason(
                "Why must you treat this patient now?",
                tr(
                    "There is such a patient: {found}. You are not of their team. Breaking the glass "
                    "opens their pictures to you for a while.",
                    found=_when(found),
                ),
                asked=tr("At least {shortest} characters", shortest=_SHORTEST),
            ),
            lambda reason: self._break(found, reason) if reason else None,
        )

    def _break(self, found: Sequence[HiddenEncounter], reason: str) -> None:
        def send(kiosk: Client) -> GlassOpened:
            opened, why = 0, ""
            for each in found:
                try:
                    kiosk.break_glass(each.encounter_id, reason)
                    opened += 1
                except RemoteError as error:
                    why = error.message
            refused = (
                tr(
                    "Open are {opened} of {encounters}. {why}",
                    opened=opened,
                    encounters=count(len(found), "encounter"),
                    why=why,
                )
                if why
                else ""
            )
            return GlassOpened(kiosk.get_access(), refused)  # the banner stands for whatever is open

        self.ask(send, lambda answer: answer)

    @on(GlassOpened)
    def _opened(self, message: GlassOpened) -> None:
        message.stop()
        self.kiosk.glass_opened(message.access)
        if message.refused:
            self.say(message.refused, wrong=True)
            return
        self.leave("The glass is broken. This patient is in the list now.")


def _when(found: Sequence[HiddenEncounter]) -> str:
    newest = found[0]
    where = (
        tr(" of the department {department}", department=clean(newest.department, 40))
        if newest.department
        else ""
    )
    return tr(
        "{encounters}, the newest of {at}{where}",
        encounters=count(len(found), "encounter"),
        at=moment(newest.at)[:10],
        where=where,
    )


class GlassesScreen(KioskScreen):
    """Broken glasses, newest first, for whoever looks into them."""

    WHERE = Where.GLASSES
    BINDINGS = bindings(Where.GLASSES)

    def __init__(self) -> None:
        super().__init__()
        self._glasses: tuple[GlassInfo, ...] = ()
        self._unread = True

    def body(self) -> ComposeResult:
        """One list."""
        yield Static(id="glasses-caption", classes="caption", markup=False)
        yield OptionList(id="glasses", markup=False)

    def on_screen_resume(self) -> None:
        """Ask for what is there."""
        if self.kiosk.session is not None:
            unread = self._unread
            self.ask(lambda kiosk: kiosk.list_glasses(unread), GlassesLoaded)

    @on(GlassesLoaded)
    def _loaded(self, message: GlassesLoaded) -> None:
        message.stop()
        self._glasses = message.glasses
        which = tr("that nobody has looked into") if self._unread else tr("of everybody")
        self.query_one("#glasses-caption", Static).update(
            tr("Broken glasses {which}, newest first: {total}", which=which, total=message.total)
        )
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(_glass_text(each)) for each in self._glasses)
        if self._glasses:
            options.highlighted = 0

    def action_all(self) -> None:
        """Show all, or only those that nobody has looked into."""
        self._unread = not self._unread
        self.on_screen_resume()

    def action_justified(self) -> None:
        """It was justified."""
        self._review(justified=True)

    def action_unjustified(self) -> None:
        """It was not."""
        self._review(justified=False)

    def _review(self, *, justified: bool) -> None:
        row = self.query_one(OptionList).highlighted
        if row is None or row >= len(self._glasses):
            return
        glass = self._glasses[row]
        if glass.read_by:
            self.say(tr("{read_by} has looked into this one.", read_by=clean(glass.read_by, 40)), wrong=True)
            return
        said = tr("was justified") if justified else tr("was NOT justified")

        def send(words: str | None) -> None:
            if words:
                self.ask(
                    lambda kiosk: kiosk.review_glass(glass.glass_id, justified, words),
                    lambda done: AccessSaved(tr("{by}: it {said}.", by=done.by, said=said)),
                )

        self.app.push_screen(
            AskReason(
                tr("What did you find? It {said}.", said=said), "It is kept on record.", asked="In your words"
            ),
            send,
        )

    @on(AccessSaved)
    def _saved(self, message: AccessSaved) -> None:
        message.stop()
        self.say(message.words)
        self.on_screen_resume()


def _glass_text(glass: GlassInfo) -> Text:
    looks = count(glass.looks, "look")
    words = Text(f"{moment(glass.at)}  {clean(glass.by, 30)}  {looks}\n", style="bold")
    words.append(f"  {clean(glass.reason, 300)}\n", style="not bold")
    if glass.read_by:
        said = tr("justified") if glass.justified else tr("NOT JUSTIFIED")
        words.append(
            tr(
                "  {said}, says {read_by}: {words}\n",
                said=said,
                read_by=clean(glass.read_by, 30),
                words=clean(glass.words, 300),
            ),
            style="not bold",
        )
    return words
