"""Which kind of event each one is; every type of event stands here once (docs/audit.md, section 1)."""

from __future__ import annotations

import functools
import typing
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

from medkiosk.core.event import Event
from medkiosk.core.events import AnyEvent


class Category(StrEnum):
    """What an auditor asks for."""

    LOOK = "look"
    GLASS = "glass"
    LOGIN = "login"
    PEOPLE = "people"
    EXPORT = "export"
    PATIENT = "patient"
    IMPORT = "import"
    REDACTION = "redaction"
    REVIEW = "review"
    RETENTION = "retention"
    AUDIT = "audit"
    STORE = "store"
    MACHINE = "machine"


WORDS: Mapping[Category, str] = {
    Category.LOOK: "looks at pictures, searches for patients, lists of them",
    Category.GLASS: "break-glass, and all that was done under it",
    Category.LOGIN: "logins, refused ones, ends of sessions",
    Category.PEOPLE: "accounts, training, recovery sheets",
    Category.EXPORT: "what left, to whom, what came back, what was recalled",
    Category.PATIENT: "encounters, consents, whose pictures they are and what they show",
    Category.IMPORT: "imports, and what was deleted from cards",
    Category.REDACTION: "redactions, by the kiosk or by people",
    Category.REVIEW: "approvals and rejections",
    Category.RETENTION: "retention, legal holds, disposals",
    Category.AUDIT: "who read the audit",
    Category.STORE: "backups, checks, the ledger, keys",
    Category.MACHINE: "starts, settings, updates, USB devices, the clock",
}
"""In words, for people."""

OF: Mapping[str, Category] = {
    "viewed": Category.LOOK,
    "patient.asked_for": Category.LOOK,
    "patients.listed": Category.LOOK,
    "glass.broken": Category.GLASS,
    "glass.ended": Category.GLASS,
    "glass.reviewed": Category.GLASS,
    "login.accepted": Category.LOGIN,
    "login.refused": Category.LOGIN,
    "logout": Category.LOGIN,
    "account.created": Category.PEOPLE,
    "account.closed": Category.PEOPLE,
    "account.slot_changed": Category.PEOPLE,
    "account.roles_changed": Category.PEOPLE,
    "account.departments_set": Category.PEOPLE,
    "training.passed": Category.PEOPLE,
    "guide.taken": Category.PEOPLE,
    "training.failed": Category.PEOPLE,
    "recovery.checked": Category.PEOPLE,
    "recovery.replaced": Category.PEOPLE,
    "recipient.enrolled": Category.EXPORT,
    "recipient.revoked": Category.EXPORT,
    "export.prepared": Category.EXPORT,
    "export.written": Category.EXPORT,
    "export.failed": Category.EXPORT,
    "export.refused": Category.EXPORT,
    "export.acknowledged": Category.EXPORT,
    "recall.written": Category.EXPORT,
    "recall.confirmed": Category.EXPORT,
    "recall.kept": Category.EXPORT,
    "stick.enrolled": Category.EXPORT,
    "encounter.created": Category.PATIENT,
    "consent.recorded": Category.PATIENT,
    "capture.assigned": Category.PATIENT,
    "capture.role_given": Category.PATIENT,
    "capture.sites": Category.PATIENT,
    "encounter.sites": Category.PATIENT,
    "encounter.team_changed": Category.PATIENT,
    "encounter.restricted": Category.PATIENT,
    "encounter.restriction_lifted": Category.PATIENT,
    "correction.proposed": Category.PATIENT,
    "correction.decided": Category.PATIENT,
    "subject.corrected": Category.PATIENT,
    "slate.shown": Category.PATIENT,
    "slate.seen": Category.PATIENT,
    "slate.clock": Category.PATIENT,
    "import.started": Category.IMPORT,
    "import.finished": Category.IMPORT,
    "original.sealed": Category.IMPORT,
    "original.again": Category.IMPORT,
    "file.failed": Category.IMPORT,
    "file.deleting": Category.IMPORT,
    "file.deleted": Category.IMPORT,
    "file.kept": Category.IMPORT,
    "file.unclear": Category.IMPORT,
    "camera.clock": Category.IMPORT,
    "redacted": Category.REDACTION,
    "redaction.failed": Category.REDACTION,
    "redaction.compared": Category.REDACTION,
    "review.approved": Category.REVIEW,
    "review.rejected": Category.REVIEW,
    "review.second_asked": Category.REVIEW,
    "review.reopened": Category.REVIEW,
    "retention.set": Category.RETENTION,
    "hold.placed": Category.RETENTION,
    "hold.lifted": Category.RETENTION,
    "disposal.proposed": Category.RETENTION,
    "disposal.refused": Category.RETENTION,
    "disposal.approved": Category.RETENTION,
    "disposal.destroyed": Category.RETENTION,
    "disposal.finished": Category.RETENTION,
    "audit.read": Category.AUDIT,
    "audit.reported": Category.AUDIT,
    "epoch.opened": Category.STORE,
    "backup.enrolled": Category.STORE,
    "backup.finished": Category.STORE,
    "backup.forgotten": Category.STORE,
    "ledger.cosigned": Category.STORE,
    "ledger.rollback_accepted": Category.STORE,
    "witness.enrolled": Category.STORE,
    "scrub.finished": Category.STORE,
    "kiosk.started": Category.MACHINE,
    "kiosk.decommissioned": Category.MACHINE,
    "kiosk.not_decommissioned": Category.MACHINE,
    "clock.back": Category.MACHINE,
    "update.applied": Category.MACHINE,
    "update.refused": Category.MACHINE,
    "update.booted": Category.MACHINE,
    "update.rolled_back": Category.MACHINE,
    "update.restart": Category.MACHINE,
    "usb.refused": Category.MACHINE,
    "usb.keyboard_enrolled": Category.MACHINE,
    "usb.keyboard_forgotten": Category.MACHINE,
    "settings.proposed": Category.MACHINE,
    "settings.decided": Category.MACHINE,
}
"""The one category of each type; an event under break-glass is in `Category.GLASS` as well."""

_GLASS = ("glass", "glasses")
"""Members that say under which broken glass something happened."""


def categories(event: Event) -> frozenset[Category]:
    """The categories of one event: its type's; of a look at the audit that; under break-glass that, too."""
    found = {OF[event.name]} if event.name in OF else set()
    if any(getattr(event, member, "") for member in _GLASS):
        found.add(Category.GLASS)
    if event.name == "viewed" and getattr(event, "what", "") == "audit":
        found = {*(found - {Category.LOOK}), Category.AUDIT}
    return frozenset(found)


@functools.cache
def types(wanted: frozenset[Category]) -> frozenset[str]:
    """The types of which an event may be in one of these categories; what is not sure is opened and asked."""
    found = {name for name, category in OF.items() if category in wanted}
    if Category.GLASS in wanted:
        found |= {name_of(each) for each in all_types() if {*_GLASS} & {*each.__struct_fields__}}
    if Category.AUDIT in wanted:
        found.add("viewed")
    return frozenset(found)


@functools.cache
def settled(name: str, wanted: frozenset[Category]) -> bool:
    """Whether its type alone says that an event is in one of these categories: nothing has to be opened."""
    return name != "viewed" and OF.get(name) in wanted


def all_types() -> Collection[type[Event]]:
    """Every type of event."""
    return list(_flat(AnyEvent))


def name_of(type_: type[Event]) -> str:
    """The type's name, as it stands in ledger entries."""
    return str(type_.__struct_config__.tag)


def _flat(union: object) -> Iterator[type[Event]]:
    parts = typing.get_args(union)
    if not parts:
        yield typing.cast("type[Event]", union)
    for part in parts:
        yield from _flat(part)
