"""What consent said about an export, as FHIR Consent resources of R4 (4.0.1) and R5 (5.0.0) (docs/fhir.md).

Pure. Nobody is named, and there is no true date: the subject is the export's pseudonym, who answered is what
they are to the subject, the recipient is a fingerprint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medkiosk.core import canon
from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.consent import Code, ConsentMethod, Purpose, Relationship, Snapshot, Terms
from medkiosk.core.datause import DataUse
from medkiosk.core.ids import ExportId
from medkiosk.export import fhircodes as c
from medkiosk.export.dates import shifted
from medkiosk.export.fhircodes import Version

EXPORT = "urn:oid:2.25.35817923629017498807889939530296121791"
SUBJECT = "urn:oid:2.25.185112537837153674103741516625163904414"
IMAGE = "urn:oid:2.25.319207608857639258226573247760540641623"
RECIPIENT = "urn:oid:2.25.194354597123090936695472375664046610921"
"""What identifiers are ids of."""

_PURPOSES: dict[Purpose, tuple[c.Coded, ...]] = {
    Purpose.CLINICAL_RECORD: (c.TREATMENT,),
    Purpose.TEACHING_RESEARCH: (c.RESEARCH, c.TRAINING),
    Purpose.PUBLICATION: (),  # HL7 has none: HMARKT is advertising, PUBHLTH is public health
}
_RELATED: dict[Relationship, c.Coded] = {
    Relationship.PARENT: c.PARENT,
    Relationship.GUARDIAN: c.GUARDIAN,
    Relationship.PROXY: c.PROXY,
    Relationship.REPRESENTATIVE: c.RESPONSIBLE,
}
_OVER = frozenset({Code.WITHDRAWN, Code.EXPIRED, Code.MAJORITY})
"""There was a consent, and it is none any more."""
_PURPOSE_WORDS: dict[Purpose, str] = {purpose: own.display for purpose, own in c.OWN.items()}

Element = dict[str, Any]


@dataclass(frozen=True)
class Release:
    """What left, as far as a Consent says it.

    Attributes:
        export_id: of the export.
        subject: pseudonym of whose consent it is, fresh for this export.
        images: ids, in the bundle, of the pictures of this subject.
        recipient: SHA-256 of the recipient's key, as in the record; empty for a passphrase.
        data_use: what the receiver may do.
        shift: days by which dates are moved back for this subject and recipient; 0: no dates.
    """

    export_id: ExportId
    subject: str
    images: tuple[str, ...]
    recipient: str
    data_use: DataUse
    shift: int = 0


def members(snapshot: Snapshot, release: Release) -> dict[str, bytes]:
    """Return both resources by their names in the record (docs/export-format.md section 5).

    Raises:
        ValueError: as `consent`.
    """
    return {
        f"consent/{release.subject}-{version}.json": consent(snapshot, release, version)
        for version in ("r4", "r5")
    }


def merged(snapshots: Sequence[Snapshot]) -> Snapshot:
    """Return one snapshot for all pictures of a subject: each answer that decided about one of them, once.

    Raises:
        ValueError: there are none, or not all say the same for the same purpose.
    """
    said = {(one.purpose, one.decision.allowed, one.decision.code) for one in snapshots}
    if len(said) != 1:
        raise ValueError("decisions that differ are not one consent")
    answers: dict[bytes, Terms] = {canon.encode(terms): terms for one in snapshots for terms in one.answers}
    last = max(snapshots, key=lambda one: one.at)
    return Snapshot(last.at, last.purpose, last.decision, tuple(answers.values()))


def consent(snapshot: Snapshot, release: Release, version: Version) -> bytes:
    """Return the resource, in canonical JSON.

    Args:
        snapshot: what was decided and by which answers.
        release: what left.
        version: of FHIR.

    Raises:
        ValueError: nobody answered, so there is no consent to describe; or a code is not known here.
    """
    if not snapshot.answers:
        raise ValueError("nobody was asked")
    grantors = _grantors(snapshot.answers, release)
    common: Element = {
        "resourceType": "Consent",
        "id": release.subject,
        "language": "en",
        "text": _narrative(snapshot),
        "identifier": [{"system": EXPORT, "value": release.export_id}],
        "status": _status(snapshot),
        "category": [_concept(c.CONSENT), _concept(c.DISCLOSURE)],
        "verification": [_verification(grantor) for grantor in grantors],
    }
    if contained := [grantor.contained for grantor in grantors if grantor.contained]:
        common["contained"] = contained
    make = _r4 if version == "r4" else _r5
    resource = make(common, snapshot, release, [grantor.reference for grantor in grantors])
    if wrong := c.problems(resource, version):
        raise ValueError("; ".join(wrong))
    return canon.encode(resource)


def _r4(common: Element, snapshot: Snapshot, release: Release, grantors: list[Element]) -> Element:
    # Nothing is allowed but what a provision permits: a receiver who reads half of it is on the closed side.
    rule = {
        "coding": [{"system": c.OPT_OUT.system, "code": c.OPT_OUT.code}],
        "text": "Nothing but the provisions",
    }
    provision = {
        "type": "permit" if snapshot.decision.allowed else "deny",
        **_provision(snapshot, release, "Media"),
        "class": [c.MEDIA.coding()],
    }
    return {
        **common,
        "scope": _concept(c.PRIVACY),
        "patient": _patient(release),
        **({"dateTime": day} if (day := _day(snapshot, release)) else {}),
        "performer": grantors,
        "policyRule": rule,
        "provision": {"provision": [provision]},
    }


def _r5(common: Element, snapshot: Snapshot, release: Release, grantors: list[Element]) -> Element:
    # The base decision is deny, and a provision is an exception to it: a refusal is one without exceptions.
    exception = {
        **_provision(snapshot, release, "DocumentReference"),
        "resourceType": [c.DOCUMENT.coding()],
    }
    return {
        **common,
        "subject": _patient(release),
        **({"date": day} if (day := _day(snapshot, release)) else {}),
        "grantor": grantors,
        "decision": "deny",
        **({"provision": [exception]} if snapshot.decision.allowed else {}),
    }


@dataclass(frozen=True)
class _Grantor:
    """Who answered.

    Attributes:
        reference: to them.
        contained: what it leads to inside the resource; None for the subject.
        confirmed: somebody signed, or heard one of their answers.
        related: they are the subject or somebody of theirs.
    """

    reference: Element
    contained: Element | None
    confirmed: bool
    related: bool


def _grantors(answers: Sequence[Terms], release: Release) -> list[_Grantor]:
    """One of each relationship, in the order in which they first answered."""
    found: dict[Relationship, bool] = {}
    for terms in answers:
        by = terms.grantor.relationship
        found[by] = found.get(by, False) or _confirmed(terms)
    made = []
    for number, (by, confirmed) in enumerate(found.items(), 1):
        if by is Relationship.SELF:
            made.append(_Grantor(_patient(release), None, confirmed, related=True))
            continue
        name = f"grantor-{number}"
        made.append(
            _Grantor({"reference": f"#{name}"}, _contained(name, by, release), confirmed, by in _RELATED)
        )
    return made


def _contained(name: str, by: Relationship, release: Release) -> Element:
    if by in _RELATED:
        return {
            "resourceType": "RelatedPerson",
            "id": name,
            "patient": _patient(release),
            "relationship": [_concept(_RELATED[by])],
        }
    return {
        "resourceType": "PractitionerRole",
        "id": name,
        "code": [{"text": "clinician, in the best interests of somebody who cannot decide"}],
    }


def _confirmed(terms: Terms) -> bool:
    """Somebody signed, or somebody else heard it."""
    return terms.method is not ConsentMethod.ORAL or terms.witness is not None


def _verification(grantor: _Grantor) -> Element:
    with_whom = {"verifiedWith": grantor.reference} if grantor.related else {}
    return {"verified": grantor.confirmed, **with_whom}


def _provision(snapshot: Snapshot, release: Release, kind: str) -> Element:
    """What both versions say alike, about the one purpose and these pictures."""
    made: Element = {
        "action": [_concept(c.ACCESS), _concept(c.USE)],
        "purpose": [one.coding() for one in (*_PURPOSES[snapshot.purpose], c.OWN[snapshot.purpose])],
        "code": [_concept(c.PHOTOGRAPHY)],
        "data": [
            {"meaning": "instance", "reference": _reference(kind, IMAGE, image)} for image in release.images
        ],
    }
    if release.data_use.codes:
        made["securityLabel"] = [_data_use(code) for code in release.data_use.codes]
    if release.data_use.until:
        made["period"] = {"end": release.data_use.until}
    if release.recipient:
        to = {"identifier": {"system": RECIPIENT, "value": release.recipient}}
        made["actor"] = [{"role": _concept(c.RECIPIENT), "reference": to}]
    if not release.images:
        del made["data"]
    return made


def _data_use(code: str) -> Element:
    if code not in c.DATA_USE:
        raise ValueError(f"{code} is not a data use code")
    return c.DATA_USE[code].coding()


def _status(snapshot: Snapshot) -> str:
    return "inactive" if snapshot.decision.code in _OVER else "active"


def _day(snapshot: Snapshot, release: Release) -> str:
    """The day of the last answer, moved back; empty where the site says none, or where it cannot be read."""
    if not release.shift:
        return ""
    try:
        return shifted(max(parse_rfc3339(terms.starts) for terms in snapshot.answers).date(), release.shift)
    except ValueError:
        return ""


def _narrative(snapshot: Snapshot) -> Element:
    """Fixed words: the decision's own have true dates in them."""
    answer = "allows" if snapshot.decision.allowed else "does not allow"
    # Which one it is, is not said: its name can name people.
    one = " in one use that has a name and no other" if _names_use(snapshot) else ""
    words = (
        f"At the time of the export, consent of one subject {answer} the use of photographs for"
        f" {_PURPOSE_WORDS[snapshot.purpose]}{one}."
        " Whoever has them asks the department whether that still holds."
    )
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{words}</p></div>'}


def _names_use(snapshot: Snapshot) -> bool:
    return snapshot.purpose is Purpose.PUBLICATION and any(terms.use.strip() for terms in snapshot.answers)


def _patient(release: Release) -> Element:
    return _reference("Patient", SUBJECT, release.subject)


def _reference(kind: str, system: str, value: str) -> Element:
    """A reference by meaning: there is no server where it could be found."""
    return {"type": kind, "identifier": {"system": system, "value": value}}


def _concept(code: c.Coded) -> Element:
    return {"coding": [code.coding()]}
