"""Settings as TOML: reading what anybody may have written, and writing it in one way. Pure.

A value is what TOML makes of it, by the setting's key: ``{"access.idle_lock_s": 300}``.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from medkiosk.core.config import Issuer
from medkiosk.settings.errors import SettingsError
from medkiosk.settings.table import BY_KEY, FIXED, SETTINGS, Kind, Setting

MOST_BYTES: Final = 32 << 10
MOST_LINES: Final = 1000
MOST_NAMES: Final = 100
Value = Any
"""What TOML makes of a value."""
Values = Mapping[str, Value]
_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_ISSUER = re.compile(r"number (\d+): ")
_SHOWN = 60
_TRIES = 50


def parse(untrusted: bytes) -> dict[str, Any]:
    """Read settings that a stranger may have written.

    Returns:
        the values, each of which its setting may have by itself.

    Raises:
        SettingsError: with the line and the setting, where it is about one.
    """
    text = _decode(untrusted)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(detail=_broken(str(error), text)) from error
    except (RecursionError, ValueError) as error:  # brackets without an end; numbers of thousands of digits
        raise SettingsError(detail="it is no TOML that this kiosk reads") from error
    values: dict[str, Any] = {}
    for path, value in _flat(document):
        setting = BY_KEY.get(".".join(path))
        if setting is None:
            raise SettingsError(detail=_unknown(text, path))
        if words := problem(setting, value):
            number = _ISSUER.match(words)
            at = where(text, setting.key, int(number[1]) - 1 if number else 0)
            raise SettingsError(detail=f"{at}: {setting.named} {words}")
        values[setting.key] = value
    return {each.key: values[each.key] for each in SETTINGS if each.key in values}


def _decode(untrusted: bytes) -> str:
    if len(untrusted) > MOST_BYTES:
        raise SettingsError(detail=f"they are longer than {MOST_BYTES >> 10} KiB")
    try:
        text = untrusted.decode("utf-8")
    except UnicodeDecodeError as error:
        line = untrusted.count(b"\n", 0, error.start) + 1
        raise SettingsError(detail=f"line {line} is not UTF-8 text") from error
    text = text.removeprefix("\ufeff")  # some editors put it there
    if text.count("\n") > MOST_LINES:
        raise SettingsError(detail=f"they have more than {MOST_LINES:,} lines")
    return text


def _broken(said: str, text: str) -> str:
    found = _AT.search(said)
    line = int(found[1]) if found and found[1] else text.count("\n") + 1
    return f"line {line} is not TOML ({_clean(_AT.sub('', said))})"


def _flat(document: dict[str, Any], above: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Each value with its path; what is no table of ours is left whole."""
    found: list[tuple[tuple[str, ...], Any]] = []
    for name, value in document.items():
        path = (*above, name)
        inside = ".".join(path) + "."
        if isinstance(value, dict) and any(key.startswith(inside) for key in BY_KEY):
            found += _flat(value, path)
        elif isinstance(value, dict) and len(path) == 1 and value:
            found += [((name, inner), each) for inner, each in value.items()]
        else:
            found.append((path, value))
    return found


def _unknown(text: str, path: tuple[str, ...]) -> str:
    section, name = ".".join(path[:-1]), path[-1]
    called = _clean(f"[{section}] {name}" if section else f"[{name}]")
    why = FIXED.get(".".join(path)) or FIXED.get(path[0])
    said = f"{called} cannot be altered here: {why}" if why else f"there is no setting {called}"
    return f"{_line(text, path)}: {said}"


def where(text: str, key: str, place: int = 0) -> str:
    """On which line a setting stands; of issuers, the one at ``place``."""
    return _line(text, tuple(key.split(".")), place)


def _line(text: str, path: tuple[str, ...], place: int = 0) -> str:
    """The first line after which it is there: TOML that is cut at the end of a line is TOML or is not.

    Bounded, since the text is a stranger's: only where its name stands in the text, and some times.
    """
    lines = text.split("\n")
    named = [number for number, line in enumerate(lines) if path[-1] in line]
    if not named:
        return "the file"
    begin = named[min(place, len(named) - 1)] + 1 if path == ("issuer",) else named[0] + 1
    for number in range(begin, min(begin + _TRIES, len(lines)) + 1):
        try:
            found: Any = tomllib.loads("\n".join(lines[:number]))
        except (tomllib.TOMLDecodeError, RecursionError, ValueError):
            continue
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if found is not None:
            return f"line {begin}"
        begin = number + 1
    return "the file"


def problem(setting: Setting, value: object) -> str:
    """Why a value is none that the setting may have, in words that follow its name; empty where it is."""
    match setting.kind:
        case Kind.CHOICE:
            return "" if _is_choice(setting, value) else f"is one of: {_choices(setting)}"
        case Kind.NUMBER:
            return _number_problem(setting, value)
        case Kind.YES_NO:
            return "" if isinstance(value, bool) else "is true or false"
        case Kind.TEXT:
            good = isinstance(value, str) and value.isprintable() and len(value) <= setting.highest
            return "" if good else f"is at most {setting.highest:.0f} printable characters in quotes"
        case Kind.NAMES:
            return _names_problem(setting, value)
        case Kind.CHOICES:
            good = isinstance(value, list) and all(_is_choice(setting, each) for each in value)
            return (
                ""
                if good and _each_once(value)
                else f"is a list of some of these, each once: {_choices(setting)}"
            )
        case Kind.ISSUERS:
            return _issuers_problem(value)


def _is_choice(setting: Setting, value: object) -> bool:
    return isinstance(value, str) and value in (setting.choices or {})


def _choices(setting: Setting) -> str:
    return ", ".join(f'"{each}"' for each in setting.choices or {})


def _number_problem(setting: Setting, value: object) -> str:
    kinds = (int,) if setting.whole else (int, float)
    good = isinstance(value, kinds) and not isinstance(value, bool)
    if good and setting.lowest <= value <= setting.highest:  # type: ignore[operator]
        return ""
    whole = "a whole number" if setting.whole else "a number"
    return f"is {whole} from {setting.lowest:g} to {setting.highest:g} ({setting.unit})"


def _names_problem(setting: Setting, value: object) -> str:
    longest = int(setting.highest)
    good = (
        isinstance(value, list)
        and len(value) <= MOST_NAMES
        and all(
            isinstance(each, str) and 0 < len(each) <= longest and each.isprintable() and each == each.strip()
            for each in value
        )
    )
    return (
        ""
        if good and _each_once(value)
        else f"is a list of names in quotes, each once, of at most {longest} characters"
    )


def _each_once(value: object) -> bool:
    return isinstance(value, list) and len(set(value)) == len(value)


def _issuers_problem(value: object) -> str:
    if not isinstance(value, list) or len(value) > MOST_NAMES:
        return f"is a table in double brackets, at most {MOST_NAMES} times"
    names: set[str] = set()
    for number, each in enumerate(value, 1):
        try:
            made = msgspec.convert(each, Issuer)
        except msgspec.ValidationError as error:
            return f"number {number}: {_clean(str(error).replace(' - at `$.', ' in `'), 200)}"
        texts = (made.name, *made.also)
        if not all(text.strip() == text and text and text.isprintable() for text in texts):
            return f"number {number}: names are printable, without blanks around them"
        folded = {text.casefold() for text in texts}
        if folded & names:
            return f"number {number}: another issuer has one of its names"
        names |= folded
    return ""


def _clean(untrusted: str, longest: int = _SHOWN) -> str:
    return "".join(each if each.isprintable() else "?" for each in untrusted)[:longest]


def render(values: Values) -> str:
    """Settings as TOML, the same text for the same values."""
    tables: dict[str, list[str]] = {}
    for each in SETTINGS:
        if each.key in values and each.kind is not Kind.ISSUERS:
            section, _, name = each.key.rpartition(".")
            tables.setdefault(section, []).append(f"{name} = {literal(values[each.key])}")
    parts = ["\n".join([f"[{section}]", *lines]) for section, lines in tables.items()]
    if "issuer" in values and not values["issuer"]:
        parts.insert(0, "issuer = []")  # before any table, or it would be a part of that
    parts += [
        "\n".join(["[[issuer]]", *(f"{name} = {literal(value)}" for name, value in issuer.items())])
        for issuer in values.get("issuer", ())
    ]
    return "\n\n".join(parts) + "\n" if parts else ""


def literal(value: object) -> str:
    """A value as TOML has it.

    Raises:
        TypeError: it is nothing that a setting may be.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(value) if "e" not in repr(value) else f"{value:f}"
        case str():
            return json.dumps(value, ensure_ascii=False)  # printable: no escape that TOML has not
        case list() | tuple():
            return "[" + ", ".join(map(literal, value)) + "]"
    raise TypeError(type(value).__name__)
