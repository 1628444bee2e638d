"""The fixed keyboard and scanner: which they are, and the udev rules that let them in (docs/usb.md). Pure.

The list is kept as the rules themselves, so that there is one file and one form. The daemon may write it, and
udev's rules can start programs as root; so what is loaded is never the file, but what `read` made of it and
`rules` wrote again, and a file that is not exactly what `rules` writes is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Final

import msgspec

from medkiosk.core.errors import KioskError

MOST: Final = 16
"""Keyboards and scanners in a list."""
MAX_BYTES: Final = 16 << 10
"""Longest list, bytes."""

_HEX4 = r"[0-9a-f]{4}"
_PORT = r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,119}"
_SERIAL = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_NAME = r"[A-Za-z0-9][A-Za-z0-9 .+-]{0,39}"

_HEAD = """\
# The keyboards and scanners of this kiosk (docs/usb.md). Made by medkiosk: nothing else in here is loaded.
ACTION=="remove", GOTO="medkiosk_keyboards_end"
SUBSYSTEM!="usb", GOTO="medkiosk_keyboards_end"
ENV{DEVTYPE}!="usb_device", GOTO="medkiosk_keyboards_end"
IMPORT{builtin}="path_id"
"""
_FOOT = 'LABEL="medkiosk_keyboards_end"\n'
_LINE = re.compile(
    rf'ATTR{{idVendor}}=="({_HEX4})", ATTR{{idProduct}}=="({_HEX4})", ENV{{ID_PATH}}=="({_PORT})", '
    rf'(?:ATTR{{serial}}=="({_SERIAL})", )?ENV{{MEDKIOSK_LISTED}}="1"(?:, ENV{{MEDKIOSK_NAME}}="({_NAME})")?'
)


class KeyboardsDamagedError(KioskError):
    """The list of the kiosk's keyboards is not what the kiosk wrote, so none of them is used: {detail}.
    Nothing else is affected, and imports go on. Restart the kiosk with one keyboard plugged in, log in, and
    enrol it again.
    """

    code: ClassVar[str] = "usb.keyboards_damaged"


class Keyboard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A keyboard or scanner that stays plugged in.

    Attributes:
        vendor: idVendor, four lowercase hexadecimal digits.
        product: idProduct, likewise.
        port: where it is plugged in, as udev's ID_PATH; it names controller and port, and stays the same for
            as long as the board does.
        serial: its serial number; empty where it has none, or one with other characters than letters and
            digits.
        name: what it says that it is called, cleaned by `clean_name`; decides nothing.
    """

    vendor: Annotated[str, msgspec.Meta(pattern=f"^{_HEX4}$")]
    product: Annotated[str, msgspec.Meta(pattern=f"^{_HEX4}$")]
    port: Annotated[str, msgspec.Meta(pattern=f"^{_PORT}$")]
    serial: Annotated[str, msgspec.Meta(pattern=f"^(?:{_SERIAL})?$")] = ""
    name: Annotated[str, msgspec.Meta(pattern=f"^(?:{_NAME})?$")] = ""


def rules(keyboards: Iterable[Keyboard]) -> str:
    """Write the list, as udev rules.

    Args:
        keyboards: at most `MOST`; in any order, each once.

    Raises:
        ValueError: too many, or one with a value that no rule may hold.
    """
    listed = sorted(set(keyboards), key=lambda one: (one.port, one.vendor, one.product, one.serial, one.name))
    if len(listed) > MOST:
        raise ValueError(f"at most {MOST} keyboards and scanners")
    lines = []
    for one in listed:
        line = _line(one)
        if _LINE.fullmatch(line) is None:
            raise ValueError("a keyboard's values are not such as udev rules may hold")
        lines.append(line + "\n")
    return _HEAD + "".join(lines) + _FOOT


def read(untrusted_text: str) -> tuple[Keyboard, ...]:
    """Read the list.

    Raises:
        KeyboardsDamagedError: it is not exactly what `rules` writes.
    """
    keyboards: list[Keyboard] = []
    for line in untrusted_text[:MAX_BYTES].splitlines():
        if (found := _LINE.fullmatch(line)) is not None:
            vendor, product, port, serial, name = (part or "" for part in found.groups())
            keyboards.append(Keyboard(vendor, product, port, serial, name))
    if len(keyboards) > MOST or rules(keyboards) != untrusted_text:
        raise KeyboardsDamagedError(detail="it has other lines, or lines in another form")
    return tuple(keyboards)


def keyboard_of(properties: Mapping[str, str], serial: str = "") -> Keyboard | None:
    """What a USB device would be in the list; None for one that has nothing to type with.

    Args:
        properties: as udev gives them for it, ID_PATH among them.
        serial: its sysfs attribute of that name, hostile; left out where it has other characters.
    """
    types = any(one[:2].lower() == "03" for one in properties.get("ID_USB_INTERFACES", "").split(":"))
    if not types or properties.get("DEVTYPE") != "usb_device":
        return None
    values = {
        "vendor": properties.get("ID_VENDOR_ID", "").lower(),
        "product": properties.get("ID_MODEL_ID", "").lower(),
        "port": properties.get("ID_PATH", ""),
        "serial": serial if re.fullmatch(_SERIAL, serial) else "",
        "name": clean_name(properties),
    }
    try:
        return msgspec.convert(values, Keyboard)
    except msgspec.ValidationError:
        return None


def clean_name(properties: Mapping[str, str]) -> str:
    """What a device says that it is called: letters, digits and a few marks of ASCII, at most 40; perhaps
    nothing.
    """
    said = " ".join(properties.get(key, "")[:200] for key in ("ID_VENDOR", "ID_MODEL"))
    plain = re.sub(r"[^A-Za-z0-9.+-]+", " ", said)
    return re.sub(r"^[^A-Za-z0-9]+", "", plain)[:40].rstrip()


def stand_ins(listed: Iterable[Keyboard], there: Iterable[Keyboard]) -> tuple[Keyboard, ...]:
    """Who may type until the next start besides those listed, where one of these is not there at a start.

    A keyboard breaks, and another is put into its place: without this, nobody could log in to enrol it.
    Whoever can do that could type on the old one, too, and nobody is logged in at a start.

    Args:
        listed: the list.
        there: what is plugged in and can type.

    Returns:
        What is plugged in where a listed one is missing. For an empty list, which no set-up leaves, or one
        that cannot be read, everything that is there.
    """
    known, plugged = tuple(listed), tuple(there)[:MOST]
    if not known:
        return plugged
    missing = {one.port for one in known if not any(lets_in(one, other) for other in plugged)}
    return tuple(one for one in plugged if one.port in missing)


def lets_in(listed: Keyboard, there: Keyboard) -> bool:
    """Whether the rule of one lets the other in."""
    return (listed.vendor, listed.product, listed.port) == (there.vendor, there.product, there.port) and (
        listed.serial in ("", there.serial)
    )


def _line(one: Keyboard) -> str:
    tokens = [
        f'ATTR{{idVendor}}=="{one.vendor}"',
        f'ATTR{{idProduct}}=="{one.product}"',
        f'ENV{{ID_PATH}}=="{one.port}"',
        *([f'ATTR{{serial}}=="{one.serial}"'] if one.serial else []),
        'ENV{MEDKIOSK_LISTED}="1"',
        *([f'ENV{{MEDKIOSK_NAME}}="{one.name}"'] if one.name else []),
    ]
    return ", ".join(tokens)
