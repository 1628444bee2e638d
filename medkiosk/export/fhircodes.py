"""Every code that a FHIR resource of ours may hold, and a check that it holds no other. Pure.

Programs that check structure let a wrong code pass, and a receiver may act on it: so what is written is
checked here, against lists taken from what defines them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DUO

Version = Literal["r4", "r5"]
"""FHIR 4.0.1 and 5.0.0."""

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
ACTION = "http://terminology.hl7.org/CodeSystem/consentaction"
RESOURCE_R4 = "http://hl7.org/fhir/resource-types"
RESOURCE_R5 = "http://hl7.org/fhir/fhir-types"
LOINC = "http://loinc.org"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
DUO_SYSTEM = "http://purl.obolibrary.org/obo/duo.owl"
PURPOSE = "urn:oid:2.25.318481330566181467815396781858973625669"
"""Ours: the values of `medkiosk.core.consent.Purpose`. A UUID as OID needs no registration (ITU-T X.667)."""

_THO = "HL7 Terminology (THO), as in the R4 definitions 4.0.1"


@dataclass(frozen=True)
class Coded:
    """One code. ``display`` is the defining system's own; ``source`` says where it was looked up."""

    system: str
    code: str
    display: str
    source: str

    def coding(self) -> dict[str, str]:
        """Return the FHIR Coding."""
        return {"system": self.system, "code": self.code, "display": self.display}


PRIVACY = Coded(SCOPE, "patient-privacy", "Privacy Consent", _THO)
CONSENT = Coded(LOINC, "59284-0", "Consent Document", "LOINC 2.82; value set consent-category of R4")
DISCLOSURE = Coded(ACT_CODE, "IDSCL", "information disclosure", f"{_THO}; value set v3-ActConsentType")
TREATMENT = Coded(ACT_REASON, "TREAT", "treatment", f"{_THO}; value set v3-PurposeOfUse")
RESEARCH = Coded(ACT_REASON, "HRESCH", "healthcare research", f"{_THO}; value set v3-PurposeOfUse")
TRAINING = Coded(ACT_REASON, "TRAIN", "training", f"{_THO}; value set v3-PurposeOfUse")
RECIPIENT = Coded(PARTICIPATION, "IRCP", "information recipient", f"{_THO}; value set security-role-type")
PARENT = Coded(ROLE, "PRN", "parent", _THO)
GUARDIAN = Coded(ROLE, "GUARD", "guardian", _THO)
PROXY = Coded(ROLE, "HPOWATT", "healthcare power of attorney", _THO)
RESPONSIBLE = Coded(ROLE, "RESPRSN", "responsible party", _THO)
ACCESS = Coded(ACTION, "access", "Access", _THO)
USE = Coded(ACTION, "use", "Use", _THO)
PHOTOGRAPHY = Coded(DCM, "XC", "External-camera Photography", "DICOM PS3.16, CID 29")
MEDIA = Coded(RESOURCE_R4, "Media", "Media", "R4 definitions 4.0.1")
DOCUMENT = Coded(
    RESOURCE_R5, "DocumentReference", "DocumentReference", "R5 definitions 5.0.0, which have no Media"
)
OWN = MappingProxyType(
    {
        Purpose.CLINICAL_RECORD: Coded(PURPOSE, "clinical_record", "the clinical record", "ours"),
        Purpose.TEACHING_RESEARCH: Coded(PURPOSE, "teaching_research", "teaching and research", "ours"),
        Purpose.PUBLICATION: Coded(PURPOSE, "publication", "publication", "ours"),
    }
)
DATA_USE = MappingProxyType(
    {code: Coded(DUO_SYSTEM, code, duo.label, "DUO 2021-02-23") for code, duo in DUO.items()}
)
# The R4 definitions misspell its display ("op-out"), which was mended since: none is written.
OPT_OUT = Coded(ACT_CODE, "OPTOUT", "", f"{_THO}; value set v3-ActConsentDirective")

TABLE = (
    PRIVACY, CONSENT, DISCLOSURE, TREATMENT, RESEARCH, TRAINING, RECIPIENT, PARENT, GUARDIAN, PROXY,
    RESPONSIBLE, ACCESS, USE, PHOTOGRAPHY, MEDIA, DOCUMENT, OPT_OUT, *OWN.values(), *DATA_USE.values(),
)  # fmt: skip
"""Every code that may be written with its system."""

_PLACES: Mapping[str, frozenset[str]] = {
    "scope": frozenset({SCOPE}),
    "category": frozenset({LOINC, ACT_CODE}),
    "policyRule": frozenset({ACT_CODE}),
    "relationship": frozenset({ROLE}),
    "role": frozenset({PARTICIPATION}),
    "action": frozenset({ACTION}),
    "purpose": frozenset({ACT_REASON, PURPOSE}),
    "securityLabel": frozenset({DUO_SYSTEM}),
    "class": frozenset({RESOURCE_R4}),
    "resourceType": frozenset({RESOURCE_R5}),
    "code": frozenset({DCM}),
}
"""Which systems may stand in which element."""
_BOUND: Mapping[Version, Mapping[tuple[str, str], frozenset[str]]] = {
    "r4": {
        # http://hl7.org/fhir/R4/consent.html#tx; what the value sets hold, in full
        ("Consent", "status"): frozenset(
            {"draft", "proposed", "active", "rejected", "inactive", "entered-in-error"}
        ),
        ("provision", "type"): frozenset({"deny", "permit"}),
        ("data", "meaning"): frozenset({"instance", "related", "dependents", "authoredby"}),
        ("text", "status"): frozenset({"generated", "extensions", "additional", "empty"}),
    },
    "r5": {
        # http://hl7.org/fhir/R5/consent.html#tx
        ("Consent", "status"): frozenset(
            {"draft", "active", "inactive", "not-done", "entered-in-error", "unknown"}
        ),
        ("Consent", "decision"): frozenset({"deny", "permit"}),
        ("data", "meaning"): frozenset({"instance", "related", "dependents", "authoredby"}),
        ("text", "status"): frozenset({"generated", "extensions", "additional", "empty"}),
    },
}
"""Elements with a required binding: element that holds it and its name, and every value that it may have."""
_REQUIRED: Mapping[Version, tuple[tuple[str, str], ...]] = {
    "r4": (("Consent", "status"), ("provision", "type"), ("data", "meaning")),
    "r5": (("Consent", "status"), ("Consent", "decision"), ("data", "meaning")),
}


def problems(resource: Mapping[str, Any], version: Version) -> tuple[str, ...]:
    """Return what is wrong with the codes of a Consent; empty where nothing is.

    Each coding must be one of `TABLE`, in an element that it is for and under its own display; each element
    that FHIR binds must have one of its values.
    """
    return tuple(_walk(resource, "Consent", version))


def _walk(element: Mapping[str, Any], name: str, version: Version) -> Iterator[str]:
    bound = _BOUND[version]
    for holder, key in _REQUIRED[version]:
        # The outermost provision of R4 has no type: it only holds those that have one.
        if holder == name and key not in element and not (name == "provision" and "provision" in element):
            yield f"{name} has no {key}"
    for key, value in element.items():
        if isinstance(value, str):
            if (name, key) in bound and value not in bound[name, key]:
                yield f"{name}.{key} is not {value!r}"
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, Mapping):
                continue
            yield from _coded(child, key)
            if key not in _PLACES:
                yield from _walk(child, child.get("resourceType", key), version)


def _coded(element: Mapping[str, Any], key: str) -> Iterator[str]:
    """What is wrong with a Coding, or with those of a CodeableConcept."""
    alone = [element] if "code" in element and (key in _PLACES or "system" in element) else []
    for coding in element.get("coding", alone):
        system, code = coding.get("system", ""), coding.get("code", "")
        known = next((one for one in TABLE if (one.system, one.code) == (system, code)), None)
        if known is None:
            yield f"{key}: {system} has no {code!r} that is known here"
        elif coding.get("display", "") != known.display:
            yield f"{key}: {code} is not called {coding.get('display', '')!r}"
        elif system not in _PLACES.get(key, frozenset()):
            yield f"{key}: codes of {system} are not for this element"
