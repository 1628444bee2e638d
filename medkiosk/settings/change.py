"""Settings over the image's configuration, what they change, and what of that is for the worse. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from medkiosk.core.config import Config, Issuer
from medkiosk.settings.errors import SettingsError
from medkiosk.settings.table import SETTINGS, Kind, Setting, Weaker
from medkiosk.settings.text import Value, Values, literal


@dataclass(frozen=True)
class Change:
    """One setting that changes.

    Attributes:
        old, new: its values.
        weaker: what is said if a protection gets weaker; empty where none does.
    """

    setting: Setting
    old: Any
    new: Any
    weaker: str


def apply(image: Config, values: Values) -> Config:
    """The configuration with settings over it.

    Args:
        image: what they lie over.
        values: by key; each was let pass by `medkiosk.settings.text.problem`.

    Raises:
        SettingsError: together they are no configuration, or one with which nobody could work.
    """
    whole = msgspec.to_builtins(image)
    for key, value in values.items():
        *above, name = key.split(".")
        inside = whole
        for each in above:
            inside = inside[each]
        inside[name] = value
    try:
        made = msgspec.convert(whole, Config)
    except msgspec.ValidationError as error:
        raise SettingsError(detail=str(error)) from error
    if made.identity.issuers == "listed" and not made.issuer:
        raise SettingsError(
            detail="[identity] issuers is listed, and there is no [[issuer]]: no number could be written down"
        )
    return made


def check_modules(config: Config, known: Collection[str]) -> None:
    """Let no check be needed that the guide has not.

    Raises:
        SettingsError: one is.
    """
    modules = config.training.modules
    for each in (*modules.reviewer, *modules.privacy_officer):
        if each not in known:
            there = ", ".join(sorted(known)) or "none"
            raise SettingsError(
                detail=f"[training.modules]: the guide has no check {each}; those that it has: {there}"
            )


def value_of(config: Config, setting: Setting) -> Value:
    """What a configuration has for a setting, as TOML would have it."""
    found: Any = config
    for name in setting.key.split("."):
        found = getattr(found, name)
    if setting.kind is Kind.ISSUERS:
        return [_issuer(each) for each in found]
    return msgspec.to_builtins(list(found) if isinstance(found, tuple) else found)


def _issuer(issuer: Issuer) -> dict[str, Any]:
    """What an issuer says that is not what it would be anyway."""
    plain = msgspec.to_builtins(Issuer(name="x"))
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in msgspec.to_builtins(issuer).items()
        if name == "name" or value != plain[name]
    }


def changes(old: Config, new: Config) -> tuple[Change, ...]:
    """What differs between two configurations, as far as it may be altered."""
    found = []
    for setting in SETTINGS:
        before, after = value_of(old, setting), value_of(new, setting)
        if before != after:
            weaker = setting.warning if is_weaker(setting, before, after) else ""
            found.append(Change(setting, before, after, weaker))
    return tuple(found)


def is_weaker(setting: Setting, old: Value, new: Value) -> bool:
    """Whether a change takes a protection away."""
    match setting.weaker:
        case Weaker.NO:
            return False
        case Weaker.MORE:
            return _much(setting, new) > _much(setting, old)
        case Weaker.EARLIER:
            order = list(setting.choices or {})
            return order.index(new) < order.index(old)
        case Weaker.YES:
            return bool(new) and not old
        case Weaker.FEWER:
            return not set(old) <= set(new)
        case Weaker.ISSUERS:
            return any(_looser(each, new) for each in old)


def _much(setting: Setting, value: float) -> float:
    return math.inf if setting.lowest == 0 == value else value


def _looser(old: Mapping[str, Any], new: Collection[Mapping[str, Any]]) -> bool:
    """Whether numbers of an issuer that were refused would be taken now."""
    same = [msgspec.convert(each, Issuer) for each in new if each["name"] == old["name"]]
    if not same:
        return True
    before, after = msgspec.convert(old, Issuer), same[0]
    return (
        (after.check != before.check and after.check == "none")
        or after.shortest < before.shortest
        or after.longest > before.longest
        or (after.characters != "digits" == before.characters)
    )


def shown(setting: Setting, value: Value) -> str:
    """A value in words for people."""
    match setting.kind:
        case Kind.CHOICE:
            return f"{value} ({(setting.choices or {})[value]})" if value else ""
        case Kind.NUMBER:
            return f"{value:g} {setting.unit}{_minutes(setting, value)}"
        case Kind.YES_NO:
            return "yes" if value else "no"
        case Kind.TEXT:
            return literal(value) if value else "nothing"
        case Kind.NAMES | Kind.CHOICES:
            return ", ".join(value) or "none"
        case Kind.ISSUERS:
            return "; ".join(map(_issuer_words, value)) or "none"


def _minutes(setting: Setting, value: float) -> str:
    if setting.unit != "seconds" or value < 120:  # two minutes
        return ""
    return f" ({value / 60:g} minutes)"


def _issuer_words(value: Mapping[str, Any]) -> str:
    made = msgspec.convert(value, Issuer)
    letters = "digits" if made.characters == "digits" else "letters and digits"
    long = f"{made.shortest}" if made.shortest == made.longest else f"{made.shortest} to {made.longest}"
    check = f"check {made.check}" if made.check != "none" else "no check digit"
    also = f", also {', '.join(made.also)}" if made.also else ""
    wristbands = f", wristbands {made.gs1_prefix}" if made.gs1_prefix else ""
    return f"{made.name}{also}: {long} {letters}, {check}{wristbands}"
