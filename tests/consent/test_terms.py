from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from medkiosk.consent.terms import check
from medkiosk.core import canon
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import ConsentKind, ConsentMethod, Grantor, Purpose, Relationship, Terms
from medkiosk.core.explanation import EXPLANATIONS

NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
GRANT = Terms(
    kind=ConsentKind.GRANT,
    purposes=(Purpose.CLINICAL_RECORD, Purpose.TEACHING_RESEARCH),
    grantor=Grantor(name="Ada Example", relationship=Relationship.SELF),
    method=ConsentMethod.ORAL,
    language="de-CH",
    starts=rfc3339(NOW),
    expires=rfc3339(NOW + timedelta(days=365)),
    text_version="en-1",
)
REFUSAL = msgspec.structs.replace(GRANT, kind=ConsentKind.REFUSAL, expires="")


def later(**delta: int) -> str:
    return rfc3339(NOW + timedelta(**delta))


@pytest.mark.parametrize(
    "terms",
    [
        GRANT,
        REFUSAL,
        msgspec.structs.replace(REFUSAL, kind=ConsentKind.WITHDRAWAL),
        msgspec.structs.replace(GRANT, starts=later(minutes=4)),
        msgspec.structs.replace(GRANT, starts=later(days=-300)),
        msgspec.structs.replace(GRANT, grantor=Grantor("محمد الأمين", Relationship.PARENT)),
        msgspec.structs.replace(
            GRANT,
            purposes=(Purpose.CLINICAL_RECORD,),
            grantor=Grantor("Dr Beispiel", Relationship.CLINICIAN),
        ),
        msgspec.structs.replace(REFUSAL, grantor=Grantor("Dr Beispiel", Relationship.CLINICIAN)),
    ],
)
def test_sound_terms_pass(terms: Terms) -> None:
    assert check(terms, NOW) == ()


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (msgspec.structs.replace(GRANT, purposes=()), "at least one purpose"),
        (msgspec.structs.replace(GRANT, purposes=(Purpose.PUBLICATION,) * 2), "named twice"),
        (msgspec.structs.replace(GRANT, grantor=Grantor(" ", Relationship.SELF)), "who answered"),
        (msgspec.structs.replace(GRANT, grantor=Grantor("x" * 201, Relationship.SELF)), "200 printable"),
        (msgspec.structs.replace(GRANT, grantor=Grantor("a\nb", Relationship.SELF)), "printable"),
        (msgspec.structs.replace(GRANT, grantor=Grantor("a\x1b[2J", Relationship.SELF)), "printable"),
        (msgspec.structs.replace(GRANT, grantor=Grantor("a\u202eb", Relationship.SELF)), "printable"),
        (msgspec.structs.replace(GRANT, grantor=Grantor("Dr B", Relationship.CLINICIAN)), "clinical record"),
        (msgspec.structs.replace(GRANT, language=""), "which language"),
        (msgspec.structs.replace(GRANT, language="German, mostly"), "which language"),
        (msgspec.structs.replace(GRANT, language="en" + "-abcdefgh" * 4), "which language"),
        (msgspec.structs.replace(GRANT, starts=""), "from when"),
        (msgspec.structs.replace(GRANT, starts="2026-05-01"), "from when"),
        (msgspec.structs.replace(GRANT, starts=later(minutes=6)), "still to come"),
        (msgspec.structs.replace(REFUSAL, starts=later(days=1)), "still to come"),
        (msgspec.structs.replace(GRANT, expires=""), "until when"),
        (msgspec.structs.replace(GRANT, expires=GRANT.starts), "over already"),
        (
            msgspec.structs.replace(GRANT, starts=later(days=-9), expires=later(days=-1)),
            "over already",
        ),
        (msgspec.structs.replace(GRANT, expires=later(days=26 * 366)), "25 years"),
        (msgspec.structs.replace(REFUSAL, expires=later(days=1)), "never expires"),
        (msgspec.structs.replace(GRANT, text_version="en-0"), "not known"),
    ],
)
def test_each_fault_is_named(terms: Terms, words: str) -> None:
    (problem,) = check(terms, NOW)
    assert words in problem


def test_every_purpose_is_explained_in_every_wording() -> None:
    for wording in EXPLANATIONS.values():
        assert set(wording.purposes) == set(Purpose)


def test_wordings_that_were_used_are_never_edited() -> None:
    """A recorded consent names its wording: change the words, and it names something never read out."""
    digests = {
        version: hashlib.sha256(canon.encode(asdict(text))).hexdigest()[:16]
        for version, text in EXPLANATIONS.items()
    }
    assert digests == {"en-1": "5c9c56fc4c1e5683"}
