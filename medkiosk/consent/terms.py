"""Whether one answer about consent is complete and makes sense, before it is recorded."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from medkiosk.core import bodysite
from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.consent import (
    Assent,
    Capacity,
    ConsentKind,
    ConsentMethod,
    Consequence,
    Faces,
    Purpose,
    Relationship,
    Terms,
)
from medkiosk.core.explanation import EXPLANATIONS
from medkiosk.core.ids import is_id

LONGEST_NAME = 200
"""Characters of a grantor's name."""
LONGEST_GRANT = timedelta(days=25 * 366)
"""A grant for longer is a slip of the finger in the year."""
TOLERANCE = timedelta(minutes=5)
"""How far an answer's start may lie ahead of the clock."""

RIGHTS: dict[Relationship, frozenset[Capacity]] = {
    Relationship.SELF: frozenset({Capacity.ABLE}),
    Relationship.PARENT: frozenset({Capacity.MINOR}),
    Relationship.GUARDIAN: frozenset({Capacity.MINOR, Capacity.LACKS}),
    Relationship.PROXY: frozenset({Capacity.LACKS}),
    Relationship.CLINICIAN: frozenset({Capacity.LACKS, Capacity.MINOR}),
    Relationship.REPRESENTATIVE: frozenset({Capacity.DECEASED}),
}
"""For whom each can decide."""
_MEANT: dict[Relationship, Capacity] = {
    Relationship.SELF: Capacity.ABLE,
    Relationship.PARENT: Capacity.MINOR,
    Relationship.GUARDIAN: Capacity.MINOR,
    Relationship.PROXY: Capacity.LACKS,
    Relationship.CLINICIAN: Capacity.LACKS,
    Relationship.REPRESENTATIVE: Capacity.DECEASED,
}
"""What is meant in records from before it was asked."""

_CARE_ONLY = (
    "A clinician may decide for somebody who cannot about their clinical record only, not about teaching,"
    " research or publication."
)
EARLIEST = timedelta(hours=14)
"""A birthday begins so long before it does in UTC, in the first time zone."""
MOST_NAMED = bodysite.MOST
"""Body sites, or recipients, of one answer."""

# RFC 5646 without its grandfathered tags: a language, then subtags of up to eight letters or digits.
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)


@dataclass(frozen=True)
class Person:
    """What must be known of the subject, and of the site's policy, to check an answer.

    Attributes:
        born: birth date, ``YYYY-MM-DD``; empty where unknown.
        majority: age in years from which somebody decides for themselves.
        after_death: whether a representative may decide about somebody who died.
    """

    born: str = ""
    majority: int = 18
    after_death: bool = False


NOBODY = Person()
"""Somebody of whom nothing is known."""


def check(terms: Terms, now: datetime, person: Person = NOBODY) -> tuple[str, ...]:
    """Return what is wrong with the terms, in words; empty if they can be recorded.

    A no is recorded whoever says it and however: what a grant needs besides is not asked of it.
    """
    problems = [
        *_about(terms), *_grantor(terms), *_times(terms, now), *_language(terms), *_wording(terms),
        *_scope(terms), *_consequence(terms), *_method(terms), *_texts(terms),
    ]  # fmt: skip
    if terms.kind is ConsentKind.GRANT and not problems:
        problems = _right(terms, now, person) or _child(terms) or _formalities(terms)
    return tuple(problems)


def moment(text: str) -> datetime | None:
    """Read a time of the terms; None if there is none or it cannot be read."""
    try:
        return parse_rfc3339(text)
    except ValueError:
        return None


def capacity_of(terms: Terms) -> Capacity:
    """Why it is the grantor who decides, also in records from before it was asked."""
    return terms.capacity or _MEANT[terms.grantor.relationship]


def plain(text: str) -> str:
    """A name as compared with another: however it was typed."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def faces_of(terms: Terms) -> Faces:
    """Whether a face may be recognised."""
    return terms.scope.faces if terms.scope else Faces.AS_READ


def birthday(born: str, age: int) -> date | None:
    """Return the day on which somebody becomes so many years old; None where the birth date is not known.

    Who was born on 29 February does so on 28 February of a common year: rather a day early than late.
    """
    if not _DAY.fullmatch(born):
        return None
    try:
        day = date.fromisoformat(born)
    except ValueError:
        return None
    try:
        return day.replace(year=day.year + age)
    except ValueError:
        return date(day.year + age, 2, 28) if day.year + age <= date.max.year else None


def _about(terms: Terms) -> list[str]:
    if not terms.purposes:
        return ["Say what the answer is about: choose at least one purpose."]
    if len(set(terms.purposes)) != len(terms.purposes):
        return ["A purpose is named twice."]
    if Purpose.PUBLICATION in terms.purposes:
        if terms.kind is ConsentKind.GRANT and not terms.use.strip():
            return ["Say which publication: agreeing to publication is for one use that has a name."]
    elif terms.use:
        return ["A publication is named, but the answer is not about publication."]
    if terms.protocol and Purpose.TEACHING_RESEARCH not in terms.purposes:
        return ["A research protocol is named, but the answer is not about teaching and research."]
    return []


def _grantor(terms: Terms) -> list[str]:
    name = terms.grantor.name
    if not name.strip():
        return ["Say who answered."]
    if len(name) > LONGEST_NAME or not name.isprintable():
        return [f"The name of who answered must be at most {LONGEST_NAME} printable characters."]
    if terms.grantor.relationship is Relationship.SELF and terms.grantor.authority:
        return ["Who decides for themselves needs no authority; leave it empty."]
    if terms.capacity is not None and terms.capacity not in RIGHTS[terms.grantor.relationship]:
        return ["Who answered, and why it is they who decide, do not fit together."]
    if terms.assent is not None and capacity_of(terms) is not Capacity.MINOR:
        return ["What the child says is asked only where somebody decides for a child."]
    return []


def _language(terms: Terms) -> list[str]:
    if not _LANGUAGE.fullmatch(terms.language) or len(terms.language) > 35:
        return ["Say in which language it was explained, as a tag like en or de-CH."]
    return []


def _wording(terms: Terms) -> list[str]:
    wording = EXPLANATIONS.get(terms.text_version)
    if wording is None:
        return ["The wording that was read to the grantor is not known here."]
    if terms.text_sha256 != wording.sha256:
        return ["The wording that was read to the grantor is not the one that is known here by its name."]
    if len(set(terms.risks)) != len(terms.risks):
        return ["A risk is named twice."]
    return []


def _scope(terms: Terms) -> list[str]:
    scope = terms.scope
    if scope is None:
        return []
    for named in (scope.body_sites, scope.recipients):
        if len(named) > MOST_NAMED or len(set(named)) != len(named):
            return [f"Name at most {MOST_NAMED} parts of the body and {MOST_NAMED} recipients, none twice."]
    if wrong := bodysite.problem(scope.body_sites):
        return [wrong]
    if terms.kind is not ConsentKind.GRANT:
        if scope.faces is Faces.MAY_SHOW:
            return ["A refusal or withdrawal cannot say that a face may be shown."]
        if scope.everywhere:
            return ["A refusal or withdrawal counts for all visits anyway; leave that out."]
    return []


def _consequence(terms: Terms) -> list[str]:
    if terms.consequence is Consequence.STOP and terms.kind is not ConsentKind.WITHDRAWAL:
        return ["Only a withdrawal says what is to become of what already left."]
    return []


def _method(terms: Terms) -> list[str]:
    if terms.form is not None and not (terms.method is ConsentMethod.SIGNED_FORM and is_id(terms.form)):
        return ["A photographed form belongs to an answer that was given by a signed form."]
    if terms.typed_name and terms.method is not ConsentMethod.TYPED_NAME:
        return ["A name was typed as a signature, but the answer was given in another way."]
    if terms.recorded and terms.method is not ConsentMethod.ORAL:
        return ["Where it is recorded is said only of an oral answer."]
    return []


def _texts(terms: Terms) -> list[str]:
    said = [
        terms.grantor.authority,
        terms.use,
        terms.interpreter,
        terms.typed_name,
        terms.recorded,
        terms.protocol,
    ]
    said += [*(terms.scope.recipients if terms.scope else ())]
    if terms.witness is not None:
        said += [terms.witness.name, terms.witness.role]
        if not terms.witness.name.strip() or not terms.witness.role.strip():
            return ["Say the witness's name, and who they are."]
    if any(len(text) > LONGEST_NAME or not text.isprintable() for text in said):
        return [f"Each line of text must be at most {LONGEST_NAME} printable characters."]
    if terms.scope and not all(name.strip() for name in terms.scope.recipients):
        return ["A recipient is named with an empty name."]
    return []


def _right(terms: Terms, now: datetime, person: Person) -> list[str]:
    """Whether the grantor can decide about it."""
    by, capacity = terms.grantor.relationship, capacity_of(terms)
    beyond_care = set(terms.purposes) != {Purpose.CLINICAL_RECORD}
    of_age = birthday(person.born, person.majority)
    if terms.capacity is None and len(RIGHTS[by]) > 1:
        return ["Say why it is they who decide: the patient is a child, or cannot decide."]
    if by is Relationship.CLINICIAN and beyond_care:
        return [_CARE_ONLY]
    if by is not Relationship.SELF and not terms.grantor.authority.strip():
        if by is Relationship.CLINICIAN:
            return ["Say why it is in the patient's best interests."]
        return ["Say by what right they decide: custody, a court's order, a power of attorney."]
    if capacity is Capacity.DECEASED and not person.after_death:
        return ["This department's policy lets nobody agree to anything for a patient who died."]
    if capacity is Capacity.MINOR:
        if of_age is None:
            return [
                "The patient's birth date is not known: until when somebody decides for them cannot be told."
            ]
        if (now + EARLIEST).date() >= of_age:
            return [
                "The patient is of age: they decide for themselves, or somebody does because they cannot."
            ]
    if by is Relationship.SELF and beyond_care and of_age is not None and now.date() < of_age:
        return [
            "The patient is not of age: a parent or guardian decides about anything but the clinical record."
        ]
    return []


def _child(terms: Terms) -> list[str]:
    by = terms.grantor.relationship
    if capacity_of(terms) is not Capacity.MINOR or by is Relationship.CLINICIAN:
        return []
    if terms.assent is None:
        return ["Say what the child says: agrees, says no, or is too young to be asked."]
    if terms.assent is Assent.REFUSED and set(terms.purposes) != {Purpose.CLINICAL_RECORD}:
        return ["The child says no: then somebody else can agree to the clinical record only."]
    return []


def _formalities(terms: Terms) -> list[str]:
    """What a grant needs so that it can be shown later."""
    if not set(terms.risks) >= EXPLANATIONS[terms.text_version].risks_of(terms.purposes):
        return ["Explain every risk of these uses before the answer is recorded; the wording has them."]
    if terms.method is ConsentMethod.ORAL:
        if terms.witness is None:
            return ["An oral answer needs a witness: their name, and who they are."]
        if plain(terms.witness.name) == plain(terms.grantor.name):
            return ["The witness must be somebody else than who answered."]
        if not terms.recorded.strip():
            return ["Say where the oral answer is recorded besides here: in the notes, on tape."]
    if terms.method is ConsentMethod.TYPED_NAME and plain(terms.typed_name) != plain(terms.grantor.name):
        return ["The name that was typed as a signature is not the name of who answered."]
    read, wanted = EXPLANATIONS[terms.text_version].language, terms.language
    if _primary(read) != _primary(wanted) and not terms.interpreter.strip():
        return ["It was explained in another language than the wording's: say who interpreted."]
    return []


def _primary(tag: str) -> str:
    return tag.partition("-")[0].lower()


def _times(terms: Terms, now: datetime) -> list[str]:
    starts, expires = moment(terms.starts), moment(terms.expires)
    if starts is None:
        return ["Say from when the answer counts."]
    if starts > now + TOLERANCE:
        return ["An answer cannot count from a time that is still to come."]
    if terms.kind is not ConsentKind.GRANT:
        return ["A refusal or withdrawal never expires; leave the end empty."] if terms.expires else []
    if expires is None:
        return ["Say until when the consent counts."]
    if expires <= starts or expires <= now:
        return ["The consent would be over already; its end must lie ahead."]
    if expires - starts > LONGEST_GRANT:
        return ["A consent for more than 25 years is not accepted; check the year."]
    return []
