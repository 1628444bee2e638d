"""Consent terms: what was asked, who answered, and how. Names after FHIR Consent where it has one."""

from __future__ import annotations

import hashlib
import unicodedata
from enum import StrEnum

import msgspec

from medkiosk.core import canon


class Purpose(StrEnum):
    """What pictures may be used for, in the three levels that hospitals ask about."""

    CLINICAL_RECORD = "clinical_record"
    TEACHING_RESEARCH = "teaching_research"
    PUBLICATION = "publication"


class ConsentKind(StrEnum):
    """A refusal and a withdrawal are records of their own, never the absence of one."""

    GRANT = "grant"
    REFUSAL = "refusal"
    WITHDRAWAL = "withdrawal"


class Relationship(StrEnum):
    """The grantor's relationship to the subject."""

    SELF = "self"
    PARENT = "parent"
    GUARDIAN = "guardian"
    PROXY = "proxy"
    CLINICIAN = "clinician"  # best interests: somebody without capacity and without a proxy


class ConsentMethod(StrEnum):
    """How the consent was given."""

    SIGNED_FORM = "signed_form"
    TYPED_NAME = "typed_name"
    ORAL = "oral"


class Grantor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who answered."""

    name: str
    relationship: Relationship


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer of one grantor.

    Attributes:
        kind: grant, refusal or withdrawal.
        purposes: what it is about; for a refusal or withdrawal, what is refused or withdrawn.
        grantor: who answered.
        method: how.
        language: BCP 47 tag of the language it was explained in.
        starts: RFC 3339 UTC; the answer counts from then on.
        expires: RFC 3339 UTC; from then on a grant no longer counts. Empty for a refusal or withdrawal,
            which never expires.
        text_version: which wording was read to the grantor.
    """

    kind: ConsentKind
    purposes: tuple[Purpose, ...]
    grantor: Grantor
    method: ConsentMethod
    language: str
    starts: str
    expires: str
    text_version: str


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The person in the picture: a medical record number and who issued it, and two more identifiers."""

    mrn: str
    issuer: str
    name: str
    birth_date: str  # YYYY-MM-DD, or empty where unknown


def subject_key(subject: Subject) -> tuple[str, str]:
    """Issuer and number as compared to tell whether two subjects are one person.

    However they were typed: blanks around and doubled, full-width digits and capitals make no other person.
    """
    return _plain(subject.issuer), _plain(subject.mrn)


def _plain(text: str) -> str:
    # Folding case may undo the normal form (The Unicode Standard, 3.13, D146), so it is made again.
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def subject_digest(subject: Subject) -> str:
    """SHA-256 over all that is known of a subject, hex: another spelling of the name gives another one."""
    return hashlib.sha256(canon.encode(subject)).hexdigest()


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether consent allows something, and the reason in words, for a yes as for a no."""

    allowed: bool
    reason: str
