"""FHIR Consent: what it says, what it must not say, and that a wrong code is found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.consent.decision import Action, Question, may, snapshot
from medkiosk.core.consent import (
    Capacity,
    Code,
    ConsentKind,
    ConsentMethod,
    Decision,
    Grantor,
    Purpose,
    Relationship,
    Snapshot,
    Terms,
    Witness,
)
from medkiosk.core.datause import DUO, DataUse
from medkiosk.core.ids import ExportId
from medkiosk.export import fhir, fhircodes
from medkiosk.export.fhir import Release, consent, members, merged
from medkiosk.export.fhircodes import TABLE, Version, problems

NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
VERSIONS: tuple[Version, ...] = ("r4", "r5")
NAME, USE = "Ada Example-Grantor", "the poster of Dr Somebody"
RELEASE = Release(
    export_id=ExportId("a" * 32),
    subject="b" * 32,
    images=("c" * 32, "d" * 32),
    recipient="e" * 64,
    data_use=DataUse(("DUO:0000006", "DUO:0000025"), "2027-05-01"),
)
CAPACITY = {
    Relationship.SELF: Capacity.ABLE,
    Relationship.PARENT: Capacity.MINOR,
    Relationship.GUARDIAN: Capacity.MINOR,
    Relationship.PROXY: Capacity.LACKS,
    Relationship.CLINICIAN: Capacity.LACKS,
    Relationship.REPRESENTATIVE: Capacity.DECEASED,
}


def terms(**changed: Any) -> Terms:
    by = changed.pop("by", Relationship.SELF)
    plain = Terms(
        kind=ConsentKind.GRANT,
        purposes=tuple(Purpose),
        grantor=Grantor(NAME, by, "court order 4711" if by is not Relationship.SELF else ""),
        method=ConsentMethod.SIGNED_FORM,
        language="de-CH",
        starts="2026-03-04T10:11:12.000Z",
        expires="2036-03-04T10:11:12.000Z",
        text_version="2026-1",
        use=USE,
        capacity=CAPACITY[by],
        interpreter="Ivo Interpreter",
        witness=Witness("Wilma Witness", "nurse"),
    )
    return msgspec.structs.replace(plain, **changed)


def taken(*answers: Terms, purpose: Purpose = Purpose.TEACHING_RESEARCH) -> Snapshot:
    """As the daemon takes it."""
    return snapshot(may(Action.EXPORT, Question(), answers, purpose, None, NOW), answers, purpose, NOW)


def said(code: Code, *answers: Terms, purpose: Purpose = Purpose.TEACHING_RESEARCH) -> Snapshot:
    allowed = code is Code.ALLOWED
    return Snapshot("2026-05-01T09:00:00.000Z", purpose, Decision(allowed, "words", code), answers)


def resource(one: Snapshot, version: Version, release: Release = RELEASE) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(consent(one, release, version))
    return read


def provision(made: dict[str, Any], version: Version) -> dict[str, Any]:
    outer = made["provision"]
    [inner] = outer["provision"] if version == "r4" else outer
    assert isinstance(inner, dict)
    return inner


def situations() -> Iterator[Snapshot]:
    for purpose in Purpose:
        yield taken(terms(), purpose=purpose)
        for kind, code in ((ConsentKind.REFUSAL, Code.REFUSED), (ConsentKind.WITHDRAWAL, Code.WITHDRAWN)):
            yield said(code, terms(kind=kind, expires=""), purpose=purpose)
    for by in Relationship:
        yield said(Code.ALLOWED, terms(by=by), terms())
    yield said(Code.ALLOWED, terms(method=ConsentMethod.ORAL, witness=None))
    yield said(Code.EXPIRED, terms(expires="2026-04-01T00:00:00.000Z"))


ALL = list(situations())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_grant_permits_one_purpose_for_these_pictures_and_nothing_else(version: Version) -> None:
    made = resource(taken(terms()), version)
    assert made["status"] == "active"
    if version == "r4":
        assert made["policyRule"]["coding"][0]["code"] == "OPTOUT"
        assert "type" not in made["provision"]
        assert provision(made, version)["type"] == "permit"
    else:
        assert made["decision"] == "deny"
    inner = provision(made, version)
    assert [one["code"] for one in inner["purpose"]] == ["HRESCH", "TRAIN", "teaching_research"]
    assert [one["code"] for one in inner["securityLabel"]] == ["DUO:0000006", "DUO:0000025"]
    assert inner["period"] == {"end": "2027-05-01"}
    assert [one["reference"]["identifier"]["value"] for one in inner["data"]] == list(RELEASE.images)
    [actor] = inner["actor"]
    assert actor["reference"]["identifier"]["value"] == RELEASE.recipient
    subject = made["patient" if version == "r4" else "subject"]
    assert subject["identifier"] == {"system": fhir.SUBJECT, "value": RELEASE.subject}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        (ConsentKind.REFUSAL, Code.REFUSED, "active"),
        (ConsentKind.WITHDRAWAL, Code.WITHDRAWN, "inactive"),
    ],
)
def test_a_no_permits_nothing(kind: ConsentKind, code: Code, status: str, version: Version) -> None:
    one = taken(terms(), terms(kind=kind, expires="", starts="2026-04-01T00:00:00.000Z"))
    assert one.decision.code is code
    made = resource(one, version)
    assert made["status"] == status
    assert "permit" not in json.dumps(made)
    if version == "r4":
        assert provision(made, version)["type"] == "deny"
    else:
        assert made["decision"] == "deny"
        assert "provision" not in made


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("shift", [0, 100])
@pytest.mark.parametrize("one", ALL)
def test_names_nobody_and_no_true_day(one: Snapshot, shift: int, version: Version) -> None:
    text = consent(one, release(shift=shift), version).decode()
    for word in (
        NAME,
        "Ada",
        "Ivo",
        "Wilma",
        "nurse",
        USE,
        "4711",
        "de-CH",
        "2026-03",
        "2036",
        "2026-05-01T",
    ):
        assert word not in text
    assert ("2025-11-24" in text) is bool(shift)  # 2026-03-04 and 100 days earlier


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("purpose", Purpose)
def test_a_publication_says_that_it_is_for_one_use_and_not_which(purpose: Purpose, version: Version) -> None:
    words = resource(taken(terms(), purpose=purpose), version)["text"]["div"]
    assert ("in one use that has a name and no other" in words) is (purpose is Purpose.PUBLICATION)


def release(**changed: Any) -> Release:
    return Release(**{**{name: getattr(RELEASE, name) for name in RELEASE.__dataclass_fields__}, **changed})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("by", list(Relationship))
def test_who_answered_is_what_they_are_to_the_subject(by: Relationship, version: Version) -> None:
    made = resource(said(Code.ALLOWED, terms(by=by), terms(by=by)), version)
    [grantor] = made["performer" if version == "r4" else "grantor"]
    [verification] = made["verification"]
    assert verification["verified"] is True
    assert ("verifiedWith" in verification) is (by is not Relationship.CLINICIAN)
    if by is Relationship.SELF:
        assert grantor["identifier"]["value"] == RELEASE.subject
        assert "contained" not in made
    else:
        [contained] = made["contained"]
        assert grantor == {"reference": "#" + contained["id"]}
        assert "name" not in contained


@pytest.mark.parametrize(
    ("method", "witness", "verified"),
    [
        (ConsentMethod.ORAL, None, False),
        (ConsentMethod.ORAL, Witness("Wilma Witness", "nurse"), True),
        (ConsentMethod.TYPED_NAME, None, True),
    ],
)
def test_what_nobody_signed_or_heard_is_not_verified(
    method: ConsentMethod, witness: Witness | None, verified: bool
) -> None:
    [verification] = resource(said(Code.ALLOWED, terms(method=method, witness=witness)), "r4")["verification"]
    assert verification["verified"] is verified


@pytest.mark.parametrize("version", VERSIONS)
def test_says_nothing_of_what_it_was_not_told(version: Version) -> None:
    bare = release(recipient="", data_use=DataUse(), images=())
    inner = provision(resource(taken(terms()), version, bare), version)
    assert not {"actor", "securityLabel", "period", "data"} & set(inner)
    unreadable = said(Code.ALLOWED, terms(starts="yesterday"))
    assert not {"date", "dateTime"} & set(resource(unreadable, version, release(shift=5)))


def test_where_nobody_answered_there_is_no_consent() -> None:
    with pytest.raises(ValueError, match="nobody was asked"):
        consent(taken(), RELEASE, "r4")


def test_a_data_use_code_that_is_none_is_not_written() -> None:
    with pytest.raises(ValueError, match="DUO:9999999"):
        consent(taken(terms()), release(data_use=DataUse(("DUO:9999999",))), "r5")


def test_both_are_named_after_the_subject() -> None:
    made = members(taken(terms()), RELEASE)
    assert list(made) == [f"consent/{'b' * 32}-r4.json", f"consent/{'b' * 32}-r5.json"]
    assert all(json.loads(data)["resourceType"] == "Consent" for data in made.values())


def test_answers_of_several_encounters_are_one_consent() -> None:
    parent = terms(by=Relationship.PARENT)
    one, two = said(Code.ALLOWED, terms()), said(Code.ALLOWED, terms(), parent)
    assert merged([one, two, one]).answers == (terms(), parent)
    for other in (said(Code.WITHDRAWN, terms()), said(Code.ALLOWED, terms(), purpose=Purpose.PUBLICATION)):
        with pytest.raises(ValueError, match="differ"):
            merged([one, other])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("one", ALL)
def test_every_code_is_one_that_is_known(one: Snapshot, version: Version) -> None:
    assert problems(resource(one, version), version) == ()


def codes_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a resource a code, a system, a display, or a word from a short list stands."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from codes_in(child, (*path, key))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from codes_in(child, (*path, number))
    elif path[-1] in {"code", "system", "display", "status", "decision", "type", "meaning"}:
        about = [part for part in path if isinstance(part, str)]
        if "identifier" not in about and "patient" not in about and about[-2:] != ["reference", "type"]:
            yield path


@pytest.mark.parametrize("version", VERSIONS)
def test_any_wrong_code_is_found(version: Version) -> None:
    one = said(Code.ALLOWED, terms(by=Relationship.PARENT))
    made = resource(one, version)
    places = [path for path in codes_in(made) if path[-2:] != ("subject", "type")]
    assert len(places) > 30
    for path in places:
        for wrong in ("nonsense", ""):
            broken = copy.deepcopy(made)
            element = broken
            for part in path[:-1]:
                element = element[part]
            element[path[-1]] = wrong
            assert problems(broken, version), path


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a status of the other version": lambda made: made.update(status="proposed"),
    "no status": lambda made: made.pop("status"),
    "a code in another's place": lambda made: made["category"][0].update(
        coding=[fhircodes.TREATMENT.coding()]
    ),
    "a code without its system": lambda made: made["provision"][0]["purpose"][0].pop("system"),
    "no decision": lambda made: made.pop("decision"),
}


@pytest.mark.parametrize("name", list(CHANGES))
def test_what_is_wrong_otherwise_is_found(name: str) -> None:
    made = resource(taken(terms()), "r5")
    assert problems(made, "r5") == ()
    CHANGES[name](made)
    assert problems(made, "r5")


def test_the_table_has_each_code_once_and_says_where_it_is_from() -> None:
    assert len({(one.system, one.code) for one in TABLE}) == len(TABLE)
    assert all(one.source and one.code for one in TABLE)
    assert {one.code for one in TABLE if one.system == fhircodes.DUO_SYSTEM} == set(DUO)


@given(st.sampled_from(ALL), st.sampled_from(VERSIONS), st.integers(0, 364))
def test_is_the_same_bytes_each_time(one: Snapshot, version: Version, shift: int) -> None:
    moved = release(shift=shift)
    assert consent(one, moved, version) == consent(one, moved, version)
