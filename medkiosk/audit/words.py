"""What an auditor is shown of an event: ids, counts, kinds and times, and nothing that a person typed. Pure.

The exceptions are named one by one: reasons for looking where one does not usually look, which an auditor is
there to judge, and what the kiosk itself writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

import msgspec

from medkiosk.core.event import Event

HIDDEN = "(text, sealed)"
"""Instead of what somebody typed, or what may name a patient."""
MOST_SHOWN = 20
"""Members of a list that are shown; of the others their number."""

_OPEN = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", re.ASCII)
"""Ids, hashes and moments. Not days: a day of birth is one."""
_REASONS = {"viewed": "reason", "glass.broken": "reason", "glass.reviewed": "words"}
"""Where it stands why somebody looked where one does not usually look, and what was found out about that."""
_KIOSKS_OWN = frozenset(
    {
        ("logout", "reason"), ("epoch.opened", "reason"), ("kiosk.started", "version"),
        ("export.failed", "code"),
        ("export.refused", "reasons"), ("update.applied", "version"), ("update.applied", "before"),
        ("update.booted", "version"), ("update.booted", "before"), ("update.rolled_back", "version"),
        ("update.rolled_back", "to"), ("update.restart", "version"), ("update.refused", "code"),
        ("import.started", "device_kind"), ("import.started", "model"), ("import.started", "serial"),
        ("account.created", "user"), ("account.created", "display_name"), ("account.slot_changed", "how"),
        ("audit.reported", "form"), ("ledger.cosigned", "witness"),
        ("witness.enrolled", "witness"), ("usb.refused", "poses"), ("recall.kept", "why"),
        ("redacted", "policy"),
        ("audit.read", "categories"), ("kiosk.started", "detectors"), ("kiosk.started", "missing"),
        ("training.passed", "module"), ("training.failed", "module"), ("training.passed", "version"),
        ("training.failed", "version"), ("guide.taken", "pages"), ("guide.taken", "versions"),
        ("account.departments_set", "departments"),
        ("account.closed", "reason"), ("account.roles_changed", "reason"),
        ("file.failed", "words"), ("file.kept", "words"), ("file.unclear", "words"),
        ("camera.clock", "model"), ("camera.clock", "serial"), ("retention.set", "until"),
        ("kiosk.not_decommissioned", "detail"), ("update.refused", "version"),
        ("settings.proposed", "reason"), ("settings.proposed", "changed"), ("settings.proposed", "weaker"),
        ("settings.proposed", "sha256"), ("settings.decided", "sha256"),
        ("settings.decided", "reason"), ("settings.decided", "changed"),
        ("usb.refused", "vendor"), ("usb.refused", "product"),
        ("usb.keyboard_enrolled", "vendor"), ("usb.keyboard_enrolled", "product"),
        ("usb.keyboard_enrolled", "port"), ("usb.keyboard_forgotten", "vendor"),
        ("usb.keyboard_forgotten", "product"), ("usb.keyboard_forgotten", "port"),
    }
)  # fmt: skip
"""Texts that the kiosk wrote, or that are about staff or devices, and no patient. A line has no others."""


def reason_of(event: Event) -> str:
    """Why somebody looked, in their words; empty where nothing is to be said, or it is not for an auditor."""
    member = _REASONS.get(event.name)
    return str(getattr(event, member)) if member else ""


def members(event: Event) -> Iterator[tuple[str, str]]:
    """Yield what an event says: the name of each member, and its value as far as an auditor is shown it."""
    for name in event.__struct_fields__:
        if name in ("at", "actor"):
            continue
        is_open = (event.name, name) in _KIOSKS_OWN or _REASONS.get(event.name) == name
        yield from _shown(name, getattr(event, name), is_open=is_open)


def _shown(name: str, value: object, *, is_open: bool) -> Iterator[tuple[str, str]]:
    match value:
        case None | msgspec.UnsetType():
            yield name, "none"
        case bool():
            yield name, "yes" if value else "no"
        case Enum():
            yield name, str(value.value)
        case int():
            yield name, str(value)
        case str():
            shown = is_open or not value or _OPEN.fullmatch(value) is not None
            yield name, value if shown else HIDDEN
        case list() | tuple():
            if not value:
                yield name, "none"
            for number, each in enumerate(value[:MOST_SHOWN]):
                yield from _shown(f"{name}.{number}", each, is_open=is_open)
            if len(value) > MOST_SHOWN:
                yield name, f"and {len(value) - MOST_SHOWN} more"
        case msgspec.Struct():
            for inner in value.__struct_fields__:
                yield from _shown(f"{name}.{inner}", getattr(value, inner), is_open=is_open)
        case _:
            yield name, HIDDEN
