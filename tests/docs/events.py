"""Draws docs/events.md from the types of the events: ``python -m tests.docs.events``."""

from __future__ import annotations

import inspect
import re
import textwrap
import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from medkiosk.core.event import Event
from medkiosk.core.events import AnyEvent

PAGE = Path(__file__).resolve().parents[2] / "docs" / "events.md"

HEAD = """\
# Events

What the payload of a record of kind `event` (docs/format.md, sections 3 and 7) says. Drawn from the types
in the code by `python -m tests.docs.events`; a test fails when it is not what they say. Do not edit it.

A payload is one object in canonical JSON (docs/format.md, section 1). Its member `type` is the name of the
event, the same as in the ledger entry that names the record. Every event also has:

| member | type | meaning |
|---|---|---|
| `at` | text | when, RFC 3339 in UTC with milliseconds |
| `actor` | account id, or `kiosk` | who did it |

Members stand in ascending order of their names in the payload, whatever their order here. An event MUST have
every member of its table but those of which the table says when they are left out. "X or null" means that the
value may be null. An id is 32 lowercase hexadecimal digits. What a file was called is in `folder` and `file`
of the event `original.sealed` whose `object_id` is the object's id.
"""

MEANINGS = {
    "import_id": "the run of reading one device that it belongs to",
    "capture_id": "the capture: the files of one shot share it",
    "captures": "the captures",
    "object_id": "the sealed file",
    "original_id": "the sealed original",
    "derivative_id": "the sealed redacted picture",
    "derivatives": "the sealed redacted pictures, in the order of `captures`",
    "preview_id": "the sealed small picture of it",
    "storage": "which slot of the device, in its own words",
    "folder": "folder on the device, as text with undecodable bytes escaped",
    "file": "file name on the device, likewise",
    "size": "bytes",
    "mtime": "the device's raw modification time, seconds",
    "files": "how many files",
    "bytes": "how many bytes",
    "already": "files that were sealed before",
    "failed": "files that could not be read",
    "safe": "whether everything on the device is sealed",
    "gaps": "file numbers that are missing between others",
    "media": "what the first bytes say that it is",
    "version": "of the program",
    "detectors": "what looks for marks, with their versions",
    "missing": "detectors that could not be loaded",
    "device_kind": "camera or card",
    "model": "the device's own name",
    "serial": "the device's serial number",
    "code": "why, as a number or name that programs know",
    "words": "why, in words",
    "revision": "of the capture's redaction, from 1",
    "width": "of the whole upright picture, pixels",
    "height": "of the whole upright picture, pixels",
    "preview_width": "pixels",
    "preview_height": "pixels",
    "findings": "what was found, and what was done about it",
    "policy": "the rules that were applied, by name",
    "account_id": "whose account",
    "user": "user name, as it is typed",
    "display_name": "the name that people are shown",
    "roles": "what the account may do",
    "reason": "in words, by the person who did it",
    "encounter_id": "the encounter",
    "glass_id": "the broken glass",
    "encounters": "the encounters",
    "subject": "the patient",
    "label": "what people call it",
    "consent_id": "this answer",
    "terms": "the answer",
    "role": "what the frame is for",
    "token": "what the slate's code says, so that no other is taken for it",
    "kind": "which kind",
    "slates": "what the codes in the frame say",
    "what": "what was looked at",
    "recipient_id": "the recipient",
    "organisation": "the recipient's organisation",
    "age_recipient": "the recipient's public key, as age writes it",
    "expires": "RFC 3339 in UTC",
    "export_id": "the export",
    "purpose": "what the pictures may be used for there",
    "manifest_sha256": "SHA-256 of the bundle's manifest, hexadecimal",
    "reasons": "why not, in words",
    "retention": "the class",
    "hold_id": "the legal hold",
    "disposal_id": "the disposal",
    "correction_id": "the correction",
    "authority": "the rule or order that says so",
    "drive_id": "the backup drive",
    "epoch": "number of the epoch of keys",
    "first": "number of the first one",
    "last": "number of the last one",
    "detector": "what found it, or `reviewer`",
    "name": "in full",
    "x": "pixels from the left",
    "y": "pixels from the top",
    "records": "the sealed records",
    "objects": "how many sealed files",
    "typed": "whether they were typed back",
    "mrn": "medical record number",
    "issuer": "who gave that number",
    "birth_date": "YYYY-MM-DD, or empty where unknown",
    "relationship": "to the patient",
    "day": "YYYY-MM-DD",
    "w": "width in pixels",
    "h": "height in pixels",
}
"""Of members that mean the same wherever they are; a docstring that speaks of a member comes first."""

_PLAIN = {str: "text", int: "integer", bool: "true or false", type(None): "null"}


def page() -> str:
    """Return the whole page."""
    kinds = typing.get_args(AnyEvent)
    parts: dict[type[Any], None] = {}
    lines = [HEAD]
    for kind in sorted(kinds, key=lambda one: str(one.__struct_config__.tag)):
        lines += draw(kind, f"`{kind.__struct_config__.tag}`", parts)
    lines += ["## Parts of events", ""]
    done: set[type[Any]] = set()
    while rest := [one for one in parts if one not in done]:
        for one in sorted(rest, key=lambda kind: kind.__name__):
            done.add(one)
            lines += choices(one) if issubclass(one, Enum) else draw(one, one.__name__, parts, level=3)
    return "\n".join(lines)


def draw(kind: type[msgspec.Struct], title: str, parts: dict[type[Any], None], level: int = 2) -> list[str]:
    """Return the lines of one type: what it is, and a table of its members."""
    text, said = docstring(kind)
    lines = [f"{'#' * level} {title}", "", *wrapped(text), ""]
    own = {field.name for field in msgspec.structs.fields(Event)} if issubclass(kind, Event) else set()
    fields = [field for field in msgspec.structs.fields(kind) if field.name not in own]
    if not fields:
        return [*lines, "No further members.", ""]
    lines += ["| member | type | meaning |", "|---|---|---|"]
    for field in fields:
        default = field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        inline = "see above" if re.search(rf"`[^`]*\b{field.name}\b[^`]*`", text) else ""
        meaning = said.get(field.name) or inline or MEANINGS.get(field.name)
        if meaning is None:
            raise ValueError(f"nothing says what {field.name} of {kind.__name__} means")
        if kind.__struct_config__.omit_defaults and default is not msgspec.NODEFAULT:
            meaning += f"; left out where it is {words_of(default)}"
        if default is msgspec.UNSET:
            meaning += "; left out where there is none"
        lines.append(f"| `{field.encode_name}` | {type_of(field.type, parts)} | {meaning} |")
    return [*lines, ""]


def docstring(kind: type) -> tuple[str, dict[str, str]]:
    """Return what a docstring says of the whole, and of each member below "Attributes:"."""
    text, _, attributes = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    text = re.sub(r"`(?:medkiosk\.[a-z.]+\.)?([A-Z]\w+)`", lambda found: f"`{tag_of(found[1])}`", text)
    said = {}
    for names, meaning in re.findall(
        r"^(\w[\w, ]*): (.*(?:\n +.*)*)", textwrap.dedent(attributes), re.MULTILINE
    ):
        for name in names.split(", "):
            said[name] = re.sub(r"``([^`]+)``", r"`\1`", " ".join(meaning.split())).rstrip(".")
    return text.strip(), said


def tag_of(name: str) -> str:
    """Return how an event is called in payloads, for the name of its type."""
    tags = {one.__name__: str(one.__struct_config__.tag) for one in typing.get_args(AnyEvent)}
    return tags.get(name, name)


def wrapped(text: str) -> list[str]:
    """Return paragraphs, broken at 115 characters."""
    paragraphs = [textwrap.wrap(one, 115, break_on_hyphens=False) for one in text.split("\n\n")]
    return [line for one in paragraphs for line in (*one, "")][:-1]


def choices(kind: type[Enum]) -> list[str]:
    """Return the lines of an enumeration, with the comments that its values have in the code."""
    lines = [f"### {kind.__name__}", "", *wrapped(docstring(kind)[0]), ""]
    source = inspect.getsource(kind)
    for one in kind:
        comment = re.search(rf"^    {one.name} = [^#\n]*# (.*)$", source, re.MULTILINE)
        lines.append(
            f"- `{one.value}`" + (f": {comment[1]}" if comment else f": {one.name.lower()}" * named(one))
        )
    return [*lines, ""]


def named(one: Enum) -> bool:
    """Tell whether a value says nothing without its name."""
    return isinstance(one.value, int)


def type_of(kind: Any, parts: dict[type[Any], None]) -> str:
    """Return a type in words; types that have a table of their own are added to ``parts``."""
    if isinstance(kind, typing.NewType):
        return re.sub(r"(?<!^)Id$", " id", kind.__name__).lower()
    origin = typing.get_origin(kind)
    if origin is tuple:
        return f"array of {type_of(typing.get_args(kind)[0], parts)}"
    if origin in (typing.Union, types.UnionType):
        given = [one for one in typing.get_args(kind) if one is not msgspec.UnsetType]
        return " or ".join(type_of(one, parts) for one in given)
    if origin is typing.Annotated:
        return type_of(typing.get_args(kind)[0], parts)
    if kind in _PLAIN:
        return _PLAIN[kind]
    parts.setdefault(kind)
    return f"[{kind.__name__}](#{kind.__name__.lower()})"


def words_of(default: Any) -> str:
    """Return a default as JSON says it."""
    if isinstance(default, bool):  # which is equal to 0 or 1
        return str(default).lower()
    return {(): "empty", "": "empty", None: "null"}.get(default, str(default))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
