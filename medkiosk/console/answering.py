"""Which lines the consent form needs, pure: a choice opens what it makes necessary, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from medkiosk.core.consent import (
    Assent,
    Capacity,
    ConsentKind,
    ConsentMethod,
    Consequence,
    Faces,
    Purpose,
    Relationship,
)
from medkiosk.core.explanation import EXPLANATIONS, NEWEST

FALLBACK = "en"
"""The language whose wording is read where there is none in the grantor's own: then somebody interprets."""


class Limits(StrEnum):
    """Whether the answer is limited."""

    NONE = "none"
    SOME = "some"


class Visits(StrEnum):
    """Which encounters of the patient a grant is for."""

    THIS = "this"
    ALL = "all"


CAPACITIES: dict[Relationship, dict[Capacity, str]] = {
    Relationship.SELF: {Capacity.ABLE: "decides"},
    Relationship.PARENT: {Capacity.MINOR: "a child"},
    Relationship.GUARDIAN: {Capacity.MINOR: "a child", Capacity.LACKS: "of age, cannot decide"},
    Relationship.PROXY: {Capacity.LACKS: "cannot decide"},
    Relationship.CLINICIAN: {Capacity.LACKS: "cannot decide", Capacity.MINOR: "a child, nobody there"},
    Relationship.REPRESENTATIVE: {Capacity.DECEASED: "died"},
}
"""Why it is they who decide; the screen asks where there are two."""
ASSENTS: dict[Assent, str] = {
    Assent.GIVEN: "agrees",
    Assent.REFUSED: "says no",
    Assent.TOO_YOUNG: "too young to ask",
}
CONSEQUENCES: dict[Consequence, str] = {
    Consequence.RECALL: "ask to destroy it",
    Consequence.STOP: "may stay where it is",
}
FACES: dict[Faces, str] = {
    Faces.AS_READ: "covered, as read out",
    Faces.NEVER: "never, nothing like one",
    Faces.MAY_SHOW: "may be seen",
}
LIMITS: dict[Limits, str] = {Limits.NONE: "none", Limits.SOME: "some: faces, people, body, visits"}
VISITS: dict[Visits, str] = {Visits.THIS: "this one", Visits.ALL: "all of this patient"}
WITHDRAWN = (
    "From now on nothing leaves for these uses. What already left is on the recall list: who has it, and"
    " whether they were told. The medical record keeps its pictures."
)
"""Said when somebody withdraws."""


@dataclass(frozen=True)
class Chosen:
    """What is chosen so far."""

    kind: ConsentKind
    purposes: tuple[Purpose, ...]
    relationship: Relationship
    capacity: Capacity
    method: ConsentMethod
    language: str
    limits: Limits
    forms: int


def wording_for(language: str) -> str:
    """The version of the wording that is read to somebody who speaks a language."""
    return NEWEST.get(primary(language), NEWEST[FALLBACK])


def primary(language: str) -> str:
    """The first part of a language tag."""
    return language.strip().partition("-")[0].lower()


def opened(chosen: Chosen) -> frozenset[str]:
    """The lines that the choices make necessary, besides those that are always there."""
    grant = chosen.kind is ConsentKind.GRANT
    child = chosen.capacity is Capacity.MINOR and chosen.relationship is not Relationship.CLINICIAN
    limited = chosen.limits is Limits.SOME
    foreign = EXPLANATIONS[wording_for(chosen.language)].language != primary(chosen.language)
    rows = {
        "capacity": grant and len(CAPACITIES[chosen.relationship]) > 1,
        "authority": grant and chosen.relationship is not Relationship.SELF,
        "assent": grant and child,
        "consequence": chosen.kind is ConsentKind.WITHDRAWAL,
        "use": Purpose.PUBLICATION in chosen.purposes,
        "faces": limited and grant,
        "only": limited,
        "sites": limited,
        "visits": limited and grant,
        "protocol": limited and Purpose.TEACHING_RESEARCH in chosen.purposes,
        "form": chosen.method is ConsentMethod.SIGNED_FORM and chosen.forms > 0,
        "typed_name": chosen.method is ConsentMethod.TYPED_NAME,
        "witness": chosen.method is ConsentMethod.ORAL,
        "witness_role": chosen.method is ConsentMethod.ORAL,
        "recorded": chosen.method is ConsentMethod.ORAL,
        "interpreter": foreign,
    }
    return frozenset(name for name, shown in rows.items() if shown)


ALL_ROWS: frozenset[str] = frozenset(
    {
        "capacity", "authority", "assent", "consequence", "use", "faces", "only", "sites", "visits",
        "protocol", "form", "typed_name", "witness", "witness_role", "recorded", "interpreter",
    }
)  # fmt: skip
"""Every line that is there only sometimes."""


def names(text: str) -> tuple[str, ...]:
    """What stands between semicolons, each once."""
    return tuple(dict.fromkeys(part for each in text.split(";") if (part := " ".join(each.split()))))
