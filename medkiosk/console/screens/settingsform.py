"""One setting, or one issuer, as a form; what is chosen is gathered by the screen below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.form import FormScreen, Rows
from medkiosk.console.settingsmessages import IssuerSaved, SettingChosen
from medkiosk.console.widgets.choice import Choice
from medkiosk.console.widgets.field import Field
from medkiosk.console.words import clean
from medkiosk.ipc.types import SettingInfo
from medkiosk.settings.change import shown
from medkiosk.settings.errors import SettingsError
from medkiosk.settings.table import BY_KEY, Kind
from medkiosk.settings.text import parse, problem

_YES_NO = {"yes": "yes", "no": "no"}
_CHECKS = ("none", "mod11", "luhn", "mod97", "mod11_10", "verhoeff", "gs1")
_CHARACTERS = {"digits": "digits", "letters_digits": "letters and digits"}
_LONGEST_LIST = 2000


def value_of(info: SettingInfo) -> Any:  # noqa: ANN401 - whatever TOML makes of it
    """What a setting is, as TOML has it; None where the daemon says something else."""
    try:
        return parse(info.value.encode()).get(info.key)
    except SettingsError:
        return None


class SettingScreen(FormScreen):
    """One setting: what it means, and what it is to be."""

    BUTTON = "Gather it"

    def __init__(self, info: SettingInfo) -> None:
        super().__init__()
        self._info = info
        self._kind = BY_KEY[info.key].kind if info.key in BY_KEY else Kind.TEXT

    @property
    def heading(self) -> str:
        """What stands at the top left."""
        return Where.SETTINGS.value

    def above(self) -> ComposeResult:
        """What it means, and what each choice does."""
        info = self._info
        words = Text(clean(tr(info.title), 60), style="bold").append("\n")
        words.append(clean(tr(info.words), 400), style="not bold").append("\n")
        for choice, said in zip(info.choices, info.said, strict=False):
            words.append(f"  {clean(choice, 60)}", style="bold")
            words.append(f"  {clean(tr(said), 200)}\n" if said else "\n", style="not bold")
        if self._kind is Kind.NAMES:
            words.append(tr("Several names are written with commas between them."))
        yield Static(words, id="setting-words", markup=False)

    def rows(self) -> Rows:
        """One field."""
        value, choices = value_of(self._info), {each: clean(each, 60) for each in self._info.choices}
        several = isinstance(value, list)
        match self._kind:
            case Kind.CHOICE if choices:
                at = value if value in choices else next(iter(choices))
                return [("Value", Choice(choices, (at,), name="value"))]
            case Kind.YES_NO:
                return [("Value", Choice(_YES_NO, ("yes" if value else "no",), name="value"))]
            case Kind.CHOICES | Kind.NAMES if choices and several:
                chosen = tuple(each for each in value if each in choices)
                return [("Value", Choice(choices, chosen, several=True, name="value"))]
        typed = (
            ", ".join(map(str, value)) if several else f"{value:g}" if _is_number(value) else str(value or "")
        )
        return [("Value", Field(typed, placeholder="Value", max_length=_LONGEST_LIST, id="value"))]

    def save(self) -> str | None:
        """Hand it to the screen below, or say why it is none."""
        setting = BY_KEY.get(self._info.key)
        value = self._value()
        if setting is None or (words := problem(setting, value)):
            return f"{self._info.named} {words}" if setting else "There is no such setting."
        _give(self, SettingChosen(self._info.key, value))
        return None

    def _value(self) -> Any:  # noqa: ANN401 - whatever TOML makes of it
        field = self.query_one("#value")
        if isinstance(field, Choice):
            if self._kind in (Kind.CHOICES, Kind.NAMES):
                return list(field.chosen)
            chosen = field.chosen[0]
            return chosen == "yes" if self._kind is Kind.YES_NO else chosen
        typed = self.text("value")
        match self._kind:
            case Kind.NUMBER:
                return _number(typed)
            case Kind.NAMES | Kind.CHOICES:
                return _names(typed)
        return typed


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(typed: str) -> int | float | str:
    """A number, or what was typed."""
    for kind in (int, float):
        try:
            return kind(typed)
        except ValueError:
            continue
    return typed


def _names(typed: str) -> list[str]:
    return [each.strip() for each in typed.split(",") if each.strip()]


def _give(screen: KioskScreen, message: Message) -> None:
    """Go back to the screen below, and tell it."""
    screen.leave()
    screen.app.screen.post_message(message)


class IssuersScreen(KioskScreen):
    """The issuers of patients' numbers: change one, add one, take one off the list."""

    WHERE = Where.ISSUERS
    BINDINGS = bindings(Where.ISSUERS)
    AUTO_FOCUS = "#issuers"

    def __init__(self, info: SettingInfo) -> None:
        super().__init__()
        found = value_of(info)
        self._issuers: list[Mapping[str, Any]] = found if isinstance(found, list) else []
        self._words = info.words

    def body(self) -> ComposeResult:
        """What they are for, and the list."""
        yield Static(clean(tr(self._words), 400), markup=False)
        yield OptionList(id="issuers", markup=False)

    def on_mount(self) -> None:
        """Show them."""
        self._show()

    def _show(self, row: int = 0) -> None:
        place = self.query_one("#issuers", OptionList)
        place.clear_options()
        place.add_options(Option(clean(shown(BY_KEY["issuer"], [each]), 200)) for each in self._issuers)
        if self._issuers:
            place.highlighted = min(row, len(self._issuers) - 1)
        else:
            self.say("There is none: the kiosk takes any number. N writes one down.")

    def action_new(self) -> None:
        """Ask for another one."""
        self.app.push_screen(IssuerScreen(len(self._issuers), {}))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.app.push_screen(IssuerScreen(event.option_index, self._issuers[event.option_index]))

    @on(IssuerSaved)
    def _saved(self, message: IssuerSaved) -> None:
        self._issuers[message.place : message.place + 1] = [message.issuer]
        self.say("Kept on this list. F2 gathers the list, to be proposed.")
        self._show(message.place)

    def action_remove(self) -> None:
        """Take the chosen one off the list."""
        row = self.query_one("#issuers", OptionList).highlighted
        if row is None or row >= len(self._issuers):
            self.say("Choose an issuer.", wrong=True)
            return
        del self._issuers[row]
        self._show(row)

    def action_done(self) -> None:
        """Hand the list to the screen below, or say why it is none."""
        value = [dict(each) for each in self._issuers]
        if words := problem(BY_KEY["issuer"], value):
            self.say(words, wrong=True)
        else:
            _give(self, SettingChosen("issuer", value))


class IssuerScreen(FormScreen):
    """One issuer.

    Args:
        place: in the list.
        issuer: what is known of it.
    """

    BUTTON = "Keep it"

    def __init__(self, place: int, issuer: Mapping[str, str]) -> None:
        super().__init__()
        self._place = place
        self._issuer = issuer

    @property
    def heading(self) -> str:
        """What stands at the top left."""
        return Where.ISSUERS.value

    def rows(self) -> Rows:
        """What its numbers look like."""
        issuer: Mapping[str, Any] = self._issuer
        check, characters = issuer.get("check", "none"), issuer.get("characters", "digits")
        return [
            ("Name", Field(issuer.get("name", ""), placeholder="as on screens", max_length=64, id="name")),
            (
                "Also called",
                Field(_joined(issuer.get("also", ())), placeholder="with commas", max_length=400, id="also"),
            ),
            ("Made of", Choice(_CHARACTERS, (characters,), name="characters")),
            (
                "Shortest",
                Field(str(issuer.get("shortest", "")), placeholder="1", max_length=2, id="shortest"),
            ),
            ("Longest", Field(str(issuer.get("longest", "")), placeholder="64", max_length=2, id="longest")),
            ("Check digit", Choice({each: each for each in _CHECKS}, (check,), name="check")),
            (
                "Wristbands begin",
                Field(issuer.get("gs1_prefix", ""), placeholder="GS1 prefix", max_length=12, id="gs1"),
            ),
        ]

    def save(self) -> str | None:
        """Hand it to the list, or say what is wrong."""
        typed = {"name": self.text("name"), "gs1_prefix": self.text("gs1")}
        made: dict[str, Any] = {name: text for name, text in typed.items() if text}
        if also := _names(self.text("also")):
            made["also"] = also
        for name in ("shortest", "longest"):
            if self.text(name):
                made[name] = _number(self.text(name))
        for name, usual in (("characters", "digits"), ("check", "none")):
            if (chosen := self.query_one(f"#{name}", Choice).chosen[0]) != usual:
                made[name] = chosen
        if words := problem(BY_KEY["issuer"], [made]):
            return words.removeprefix("number 1: ")
        _give(self, IssuerSaved(self._place, made))
        return None


def _joined(names: Sequence[str]) -> str:
    return ", ".join(names)
