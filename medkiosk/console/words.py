"""Text for the screen, pure: clean what comes from elsewhere, and put figures into words.

Everything that the daemon says is `untrusted` here: a patient's name, a file name on a card or a camera's
model may hold control characters, direction overrides or markup. It passes `clean` before it is drawn, and
is drawn as plain text, never as markup.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from medkiosk.console.bodyparts import listed
from medkiosk.console.language import noun, tr
from medkiosk.core import clock
from medkiosk.core.alarms import CONTRADICTED, ROLLED_BACK
from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.consent import ConsentKind, ConsentMethod, Faces, Purpose, Relationship, Scope
from medkiosk.core.device import BEING_READ, KEEP_CARD, DeviceState
from medkiosk.core.events import Role
from medkiosk.core.photo import NO_WORKER, REVIEWER, Category, Decision, Finding, ImageRole, ReviewState
from medkiosk.core.quality import ADVICE_WORDS, Advice, Quality
from medkiosk.core.sticks import StickState
from medkiosk.ipc.types import (
    MOST_COUNTED,
    CaptureInfo,
    EncounterInfo,
    RedactionStatus,
    Session,
    Status,
    StickInfo,
    Work,
)

STRANGE = "\N{REPLACEMENT CHARACTER}"
"""Stands for each character that is not shown as it is."""
_MOST_MARKS = 3
"""Combining marks in a row that are drawn; real names need two."""

NO_DAEMON = "The kiosk's daemon is not answering. What was acknowledged is safe; trying again."
SESSION_LOST = "The kiosk's daemon went away and you were logged out. What was saved is safe. Log in again."
LOCKED = "The kiosk was locked and you were logged out. What was saved is safe. Log in again."
LOGGED_OUT = "You are logged out."
INTERNAL = "The console failed inside while doing this; nothing was changed by it. Try again, or log out."

PURPOSES: dict[Purpose, str] = {
    Purpose.CLINICAL_RECORD: "clinical record",
    Purpose.TEACHING_RESEARCH: "teaching, research",
    Purpose.PUBLICATION: "publication",
}
ANSWERS: dict[ConsentKind, str] = {
    ConsentKind.GRANT: "agrees",
    ConsentKind.REFUSAL: "refuses",
    ConsentKind.WITHDRAWAL: "withdraws",
}
RELATIONSHIPS: dict[Relationship, str] = {
    Relationship.SELF: "self",
    Relationship.PARENT: "parent",
    Relationship.GUARDIAN: "guardian",
    Relationship.PROXY: "proxy",
    Relationship.CLINICIAN: "clinician",
    Relationship.REPRESENTATIVE: "after death",
}
METHODS: dict[ConsentMethod, str] = {
    ConsentMethod.SIGNED_FORM: "signed form",
    ConsentMethod.TYPED_NAME: "typed name",
    ConsentMethod.ORAL: "oral",
}
STATES: dict[ReviewState, str] = {
    ReviewState.WAITING: "waiting for redaction",
    ReviewState.PROPOSED: "to review",
    ReviewState.NEEDS_SECOND: "needs a second reviewer",
    ReviewState.APPROVED: "approved",
    ReviewState.REJECTED: "rejected",
    ReviewState.UNUSABLE: "cannot be used",
}
GLASS_CLOSED = "The glass is closed: the other team's patient is theirs again."
INTIMATE = "This picture is intimate. I shows it, and that you looked is logged."
ROLES: dict[ImageRole, str] = {
    ImageRole.CLINICAL: "clinical picture",
    ImageRole.SLATE: "slate",
    ImageRole.CONSENT_FORM: "consent form",
    ImageRole.REFERENCE: "reference",
    ImageRole.CLOCK: "clock",
    ImageRole.REJECT: "mistake",
}
ROLES_EXPLAINED: dict[ImageRole, str] = {
    ImageRole.CLINICAL: "shows the patient; the only kind that can leave",
    ImageRole.SLATE: "says whose the pictures around it are",
    ImageRole.CONSENT_FORM: "a page with names and signatures",
    ImageRole.REFERENCE: "a colour chart, a scale, the room",
    ImageRole.CLOCK: "shows the time, for the camera's clock",
    ImageRole.REJECT: "the floor, a test shot, a wrong button",
}
DECISIONS: dict[Decision, str] = {
    Decision.MASK: "MASKED",
    Decision.KEEP: "KEPT",
    Decision.SUGGEST: "SUGGESTED",
    Decision.CROP: "CROP TO",
}
FOUND: dict[Category, str] = {
    Category.FACE: "face",
    Category.TEXT: "text",
    Category.CODE: "bar code",
    Category.MARK: "skin mark",
    Category.OTHER: "other",
    Category.LESION: "lesion",
}
SUGGESTED: dict[Category, str] = {
    Category.FACE: "part of a face?",
    Category.TEXT: "text?",
    Category.CODE: "a bar code?",
    Category.MARK: "mark on skin?",
    Category.OTHER: "something?",
    Category.LESION: "a lesion?",
}
QUESTIONS: dict[Category, str] = {
    Category.FACE: "This may be part of a face: an eye, a mouth, a profile.",
    Category.TEXT: "This may be writing: a name, a date, a number.",
    Category.CODE: "This may be a bar code or a QR code.",
    Category.MARK: "This may be a tattoo, a birthmark, a scar or jewellery.",
    Category.OTHER: "This may identify somebody.",
    Category.LESION: "This may be the lesion of interest.",
}
_SCALE = "scale or ruler"
_REASONS = ("lesion", "skin, nothing identifying", "clothing or background")
_REASONS_FOR_TEXT = (_SCALE, *_REASONS[1:])


def state_words(capture: CaptureInfo) -> str:
    """Where a photo stands; of a frame that is no clinical picture, what it is instead."""
    if capture.role is ImageRole.CLINICAL:
        return tr(STATES[capture.state])
    return tr("{role}, never leaves", role=tr(ROLES[capture.role]))


def reasons(category: Category) -> tuple[str, ...]:
    """Three usual reasons to keep something visible."""
    return _REASONS_FOR_TEXT if category in {Category.TEXT, Category.CODE} else _REASONS


def percent(finding: Finding) -> int:
    """How sure a detector is of what it only suggests: never wholly."""
    return min(round(finding.confidence / 10), 99)


def finding_words(finding: Finding) -> str:
    """What a finding is and how sure a detector is, in a few plain words."""
    if finding.decision is Decision.SUGGEST:
        return f"{tr(SUGGESTED[finding.category])} {percent(finding)} %"
    if finding.detector.partition("/")[0] == REVIEWER:
        return tr("{found} drawn", found=tr(FOUND[finding.category]))
    sure = f"{finding.confidence / 10:.0f}"
    return tr("{found} {sure} % sure", found=tr(FOUND[finding.category]), sure=sure)


def short_advice(advice: Advice) -> str:
    """What is wrong with a picture, without what to do about it."""
    words = tr(ADVICE_WORDS[advice]).partition(":")[0].removeprefix("The picture is ")
    return words[0].upper() + words[1:]


def advice_words(quality: Quality | None) -> str:
    """What is wrong with a picture, most important first; empty where nothing is."""
    return "; ".join(short_advice(each) for each in quality.advice) if quality else ""


def heaviest_first(photos: Iterable[tuple[str, Sequence[Advice]]]) -> list[tuple[str, Sequence[Advice]]]:
    """Names of photos with the advice about each: the most important advice first; others in their order."""
    order = list(Advice)
    advised = [(name, advice) for name, advice in photos if advice]
    return sorted(advised, key=lambda each: (min(map(order.index, each[1])), -len(each[1])))


def clean(untrusted_text: str, limit: int = 200) -> str:
    """Make a text of others fit to be drawn on one line.

    Control and format characters (escape sequences, direction overrides), unassigned code points and
    surplus combining marks become `STRANGE`; white space becomes a space; what is longer than ``limit``
    characters is cut, and says so.
    """
    shown: list[str] = []
    marks = 0
    for character in untrusted_text[: limit + 1]:
        if character.isspace():
            character = " "  # noqa: PLW2901
        elif not character.isprintable():
            character = STRANGE  # noqa: PLW2901
        marks = marks + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        if marks > _MOST_MARKS:
            continue
        shown.append(character)
    if len(untrusted_text) > limit:
        shown[limit - 1 :] = "\N{HORIZONTAL ELLIPSIS}"
    return "".join(shown)


def size(octets: int) -> str:
    """Bytes as a person reads them, in decimal units."""
    if octets < 1000:
        return f"{octets} bytes"
    value = float(octets)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"


def is_safe(stick: StickInfo | None) -> bool:
    """Whether the kiosk says that a stick may be pulled out."""
    return stick is not None and stick.state is StickState.DONE


def stick_words(stick: StickInfo | None) -> str:
    """The big words of a stick after it was written to; they never claim what the kiosk does not say."""
    return tr(clean(stick.words, 40) if stick is not None and stick.words else "LOOK AT HOME FIRST")


def count(number: int, thing: str) -> str:
    """``1 photo``, ``2 photos``."""
    return f"{number} {noun(thing, number)}"


def moment(untrusted_at: str) -> str:
    """A recorded time in the kiosk's own time zone, to the minute."""
    try:
        return parse_rfc3339(untrusted_at).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return clean(untrusted_at, 16)


def clock_time(untrusted_at: str) -> str:
    """A time in the kiosk's own time zone, to the second."""
    try:
        return parse_rfc3339(untrusted_at).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return clean(untrusted_at, 8)


def day(untrusted_text: str) -> str:
    """A typed date in the form YYYY-MM-DD, or nothing.

    Raises:
        ValueError: it is something else.
    """
    text = untrusted_text.strip()
    return date.fromisoformat(text).isoformat() if text else ""


def last_day(untrusted_expires: str) -> str:
    """The last day on which a consent counts: what `end_of` was given."""
    try:
        return clock.last_day(untrusted_expires)
    except ValueError:
        return clean(untrusted_expires, 16)


def consent_words(encounter: EncounterInfo) -> str:
    """The last answer of an encounter in a few words."""
    if not encounter.consents:
        return tr("no consent yet")
    terms = max(encounter.consents, key=lambda consent: consent.at).terms
    number = len(encounter.consents) - 1
    earlier = tr(" (+{number} earlier)", number=number) if number else ""
    purposes = ", ".join(tr(PURPOSES[purpose]) for purpose in terms.purposes)
    until = tr(" until {day}", day=last_day(terms.expires)) if terms.expires else ""
    return f"{tr(ANSWERS[terms.kind])}: {purposes}{scope_words(terms.scope)}{until}{earlier}"


_SITES_NAMED = 2


def scope_words(scope: Scope | None) -> str:
    """What an answer is limited to, in a few words; nothing where it is not."""
    if scope is None:
        return ""
    limits = {
        "no face": scope.faces is Faces.NEVER,
        "face may show": scope.faces is Faces.MAY_SHOW,
        "some recipients": scope.recipients,
        "all visits": scope.everywhere,
    }
    named = [tr(words) for words, set_ in limits.items() if set_]
    if scope.body_sites:
        named.append(tr("only {sites}", sites=listed(scope.body_sites, _SITES_NAMED)))
    return f" ({', '.join(named)})" if named else ""


def subject_words(encounter: EncounterInfo) -> str:
    """Who it is, with two identifiers."""
    subject = encounter.subject
    return f"{clean(subject.name, 40)}, MRN {clean(subject.mrn, 24)}"


def work_words(work: Work) -> str:
    """What waits for whoever is logged in, each with the key that opens it; empty where nothing does."""
    waits = (
        (work.review, "photo", "{things} to review (R)"),
        (work.assign, "photo", "{things} without an encounter (I)"),
        (work.corrections, "correction", "{things} to decide (C)"),
        (work.disposals, "disposal", "{things} to decide (T)"),
        (work.settings, "proposal", "{things} of other settings (S)"),
        (work.glasses, "opening", "{things} by broken glass to look into (Y)"),
    )
    parts = [tr(words, things=_many(number, thing)) for number, thing, words in waits if number]
    return f"{', '.join(parts)}." if parts else ""


def _many(number: int, thing: str) -> str:
    if number < MOST_COUNTED:
        return count(number, thing)
    return tr("{number} or more {things}", number=number, things=noun(thing, number))


def redaction_words(redaction: RedactionStatus) -> str:
    """The queue in one line."""
    if not any((redaction.waiting, redaction.done, redaction.failed, redaction.deferred)):
        return tr("no photos yet")
    parts = [
        tr("{number} done", number=redaction.done),
        tr("{number} waiting", number=redaction.waiting),
    ]
    if redaction.deferred:
        parts.append(tr("{number} wait for the next login", number=redaction.deferred))
    if redaction.failed:
        parts.append(tr("{number} could not be redacted", number=redaction.failed))
    return ", ".join(parts)


_AGAIN = "Plug the camera or card in again: what is missing is read again, nothing twice. K lists the files."
_KEEP = "Keep the card as it is, and look at it in the camera. K lists the files."
_MINOR = frozenset({Advice.NO_SCALE})
"""Nothing that makes a picture worth taking again by itself."""
ALARM = frozenset({DeviceState.INCOMPLETE, DeviceState.LOST})


def _work_of(roles: tuple[Role, ...]) -> str:
    if Role.REVIEWER in roles:
        return "Record an encounter and its consent (E), assign the import (I), then review (R)."
    if Role.PHOTOGRAPHER in roles:
        return "Record an encounter and its consent (E), then assign the import to it (I)."
    if Role.PRIVACY_OFFICER in roles:
        return "Export approved photos to a recipient (X)."
    if Role.ADMINISTRATOR in roles:
        return "Look after the kiosk: its health (H), the backup drives (B), who may log in (A)."
    if Role.AUDITOR in roles:
        return "Photograph the ledger's head (G); look at the kiosk's health (H)."
    return "There is nothing for you to do at this screen."


ALARM_ADVICE: Mapping[str, str] = {
    ROLLED_BACK: "Keep all cards and touch nothing. An administrator or auditor presses L and reads on.",
    CONTRADICTED: "Keep all cards. Call the administrator: the newest store must come from a backup drive.",
}


def advice(status: Status | None, session: Session | None, work: Work | None = None) -> str:
    """The one thing to do next, for whoever stands before the screen; or what waits for who is logged in."""
    if status is None:
        return "Wait a moment. If this stays, ask the administrator to look at the service medkioskd."
    if status.alarm:
        return ALARM_ADVICE.get(status.alarm, "Keep all cards. Call the administrator.")
    states = {device.state for device in status.devices}
    if states & ALARM:
        return _AGAIN
    if states & BEING_READ == {DeviceState.RETRYING}:
        return "It is asked again by itself; its line says what helps. You can log in and work meanwhile."
    if states & BEING_READ:
        return "Leave it plugged in. You can log in and work meanwhile."
    if KEEP_CARD in {d.passport for d in status.devices if d.state is not DeviceState.GONE}:
        return _KEEP
    if status.redaction.missing == (NO_WORKER,):
        return "Wait a moment: redaction starts by itself. You can import meanwhile."
    if status.redaction.missing:
        return "Call the installer: without every detector no photo can be approved."
    if session is not None:
        return (work_words(work) if work else "") or _work_of(session.roles)
    if status.redaction.deferred:
        return "Log in (L): photos that were interrupted by a restart are redacted then."
    if DeviceState.SAFE in states and any(set(each.advice) - _MINOR for each in status.redaction.advice):
        return "Read the advice while the patient is still here. Then unplug the camera when you like."
    if DeviceState.SAFE in states and {each.kind for each in status.devices} == {"card"}:
        return "Unplug the card when you like. Log in (L) to assign and review."
    if DeviceState.SAFE in states:
        return "Unplug the camera when you like. Log in (L) to assign and review the photos."
    return "Plug in the camera or a card. Everything on it is imported by itself."
