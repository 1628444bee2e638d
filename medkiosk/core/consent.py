"""Consent terms: what was asked, who answered, and how. Names after FHIR Consent where it has one."""

from __future__ import annotations

import hashlib
import unicodedata
from enum import StrEnum

import msgspec

from medkiosk.core import canon
from medkiosk.core.ids import CaptureId


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
    REPRESENTATIVE = "representative"  # of somebody who died: who may decide by law or will


class Capacity(StrEnum):
    """Why it is the grantor who decides."""

    ABLE = "able"  # the subject decides
    MINOR = "minor"  # below the age of majority
    LACKS = "lacks"  # of age, and cannot decide this
    DECEASED = "deceased"


class Assent(StrEnum):
    """What a child said for whom somebody else decides."""

    GIVEN = "given"
    REFUSED = "refused"
    TOO_YOUNG = "too_young"


class Faces(StrEnum):
    """Whether a face may be recognised."""

    AS_READ = (
        "as_read"  # covered, as far as found: what a reviewer keeps as no face may leave for no publication
    )
    NEVER = "never"  # nothing that may be a face leaves uncovered, whatever a reviewer thinks of it
    MAY_SHOW = "may_show"  # a reviewer may leave a face uncovered


class Risk(StrEnum):
    """What was explained of what can go wrong."""

    RECOGNISED = "recognised"  # somebody may recognise the subject all the same
    NOT_RETURNED = "not_returned"  # what was handed over cannot be fetched back
    PUBLIC = "public"  # what is published is copied by anybody, for good


class Consequence(StrEnum):
    """What a withdrawal asks for about what already left."""

    RECALL = "recall"  # ask those who have it to destroy it
    STOP = "stop"  # no new use; who has it may keep it


class ConsentMethod(StrEnum):
    """How the consent was given."""

    SIGNED_FORM = "signed_form"
    TYPED_NAME = "typed_name"
    ORAL = "oral"


class Grantor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who answered.

    Attributes:
        authority: for anybody but the subject: by what right they decide, and for a clinician why it is in
            the subject's best interests.
    """

    name: str
    relationship: Relationship
    authority: str = ""


class Witness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who was there; ``role`` is what they are in the hospital, or to the subject."""

    name: str
    role: str


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an answer is limited to; without any limit it covers everything of its purposes.

    Attributes:
        body_sites: SNOMED CT concept ids, digits, each with or without a side (docs/consent.md, section 7);
            only pictures of these. None named: all.
        faces: of a grant: whether a face may be recognised.
        recipients: ids of recipients or names of their organisations; only these. None named: whoever is
            enrolled.
        everywhere: of a grant: for all encounters of the subject, not only the one that it was recorded in. A
            refusal or withdrawal counts for all of them anyway.
    """

    body_sites: tuple[str, ...] = ()
    faces: Faces = Faces.AS_READ
    recipients: tuple[str, ...] = ()
    everywhere: bool = False


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One answer of one grantor (docs/consent.md).

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
        text_sha256: SHA-256 of that wording, hexadecimal; empty in records from before it was kept.
        risks: what was explained of what can go wrong.
        scope: what it is limited to; None: to nothing.
        use: of publication: the one use, in words; only that.
        capacity: why it is the grantor who decides; None in records from before it was asked.
        assent: of a child for whom somebody else decides.
        witness: who was there; an oral answer needs one.
        interpreter: who interpreted; empty where nobody did.
        typed_name: what the grantor typed as their signature.
        recorded: where or how an oral answer is recorded besides here.
        form: the photograph of the signed form.
        protocol: the research protocol that it is for; empty: none named.
        consequence: of a withdrawal: what is asked for about what already left.
    """

    kind: ConsentKind
    purposes: tuple[Purpose, ...]
    grantor: Grantor
    method: ConsentMethod
    language: str
    starts: str
    expires: str
    text_version: str
    text_sha256: str = ""
    risks: tuple[Risk, ...] = ()
    scope: Scope | None = None
    use: str = ""
    capacity: Capacity | None = None
    assent: Assent | None = None
    witness: Witness | None = None
    interpreter: str = ""
    typed_name: str = ""
    recorded: str = ""
    form: CaptureId | None = None
    protocol: str = ""
    consequence: Consequence = Consequence.RECALL


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


class Code(StrEnum):
    """Why consent allows something, or does not. In the order in which one is told rather than another."""

    ALLOWED = "allowed"
    FACES = "faces"  # a face is visible, and that was not agreed to
    RECIPIENT = "recipient"  # it is for others only
    BODY_SITE = "body_site"  # it is for other parts of the body, or it is not known which this is
    USE = "use"  # publication: for no named use, or for another one
    ASSENT = "assent"  # the child said no
    EXPIRED = "expired"
    MAJORITY = "majority"  # a child's consent ended when the child came of age
    NOT_YET = "not_yet"
    BIRTH_DATE = "birth_date"  # whether the child is of age is not known
    AUTHORITY = "authority"  # given by somebody who cannot give it for this
    FORM = "form"  # what was signed turned out to be another patient's
    UNREADABLE = "unreadable"  # its times make no sense
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    NOT_ASKED = "not_asked"


class Recall(StrEnum):
    """Why what already left is to be destroyed (docs/recall.md)."""

    WITHDRAWN = "withdrawn"
    SCOPE = "scope"


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether consent allows something, and the reason in words, for a yes as for a no.

    Attributes:
        code: the reason for programs.
        deciding: places, among the answers that were asked about, of those that made it so.
        recall: why what left for this question is to be destroyed; None: it is not.
    """

    allowed: bool
    reason: str
    code: Code
    deciding: tuple[int, ...] = ()
    recall: Recall | None = None


class Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What consent said about one question when it was asked, to be handed on with an export.

    Attributes:
        at: RFC 3339 UTC.
        purpose: what was asked about.
        decision: what came out; its ``deciding`` are places in ``answers``.
        answers: those that decided, oldest first. They name people: not all of them is for others to read.
    """

    at: str
    purpose: Purpose
    decision: Decision
    answers: tuple[Terms, ...]
