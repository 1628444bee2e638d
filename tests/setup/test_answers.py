"""What an answer must be."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from medkiosk.core.errors import KioskError
from medkiosk.setup.answers import QUESTIONS, Answers, Facts, instant, parse
from medkiosk.setup.configuration import fill
from medkiosk.setup.errors import AnswersError, StepFailedError
from medkiosk.setup.layouts import LAYOUTS, environment
from tests.setup.scratch import ANSWERS, CHECKOUT

FACTS = Facts(datetime(2026, 11, 23, 1, 0, tzinfo=UTC), datetime(2026, 5, 28, tzinfo=UTC), "00ff00ff")


def test_every_field_is_asked_once() -> None:
    asked = {question.key for question in QUESTIONS}
    assert len(asked) == len(QUESTIONS)
    assert asked | {"without_secure_boot", "forget_tpm", "sheets"} == set(Answers.__struct_fields__)


def test_good_answers_are_taken_as_they_are() -> None:
    answers = parse(json.dumps(ANSWERS).encode(), FACTS)
    assert {name: getattr(answers, name) for name in ANSWERS} == ANSWERS
    assert ANSWERS["passphrase"] not in repr(answers)


def test_what_is_left_out_is_proposed() -> None:
    given = {k: v for k, v in ANSWERS.items() if k not in ("origin", "layout", "display_name")}
    answers = parse(json.dumps(given).encode(), FACTS)
    assert (answers.origin, answers.layout) == ("dermatology-12.medkiosk.invalid/00ff00ff", "us")
    assert answers.display_name == "admin"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("layout", "dvorak"),
        ("site", "   "),
        ("site", "a\x1b[2J"),
        ("site", "x" * 201),
        ("origin", "https://hospital.example/x"),
        ("origin", "hospital.example"),
        ("origin", "hospital.example/a+b"),
        ("origin", "Hospital.example/a"),
        ("origin", "hospital.example/a\n"),
        ("zone", "Europe/Zürich"),
        ("zone", "../../etc/passwd"),
        ("zone", "/etc/localtime"),
        ("time", "2026-02-30 10:00"),
        ("time", "2020-01-01 10:00"),
        ("time", "2099-01-01 10:00"),
        ("user", ""),
        ("passphrase", "hospital12"),
        ("passphrase", "Dermatology 12"),
        ("unknown", "x"),
    ],
)
def test_others_are_refused_and_not_quoted(field: str, value: str) -> None:
    with pytest.raises(AnswersError) as caught:
        parse(json.dumps(ANSWERS | {field: value}).encode(), FACTS)
    assert field != "passphrase" or value not in caught.value.message


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b'{"site": 1}', b'{"site": true}', b'{"without_secure_boot": "yes"}', b"\xff"]
)
def test_what_is_no_object_of_texts_is_refused(raw: bytes) -> None:
    with pytest.raises(AnswersError):
        parse(raw, FACTS)


def test_a_clock_before_the_build_is_refused_where_nobody_sets_it() -> None:
    wrong = FACTS._replace(now=datetime(2000, 1, 1, tzinfo=UTC))
    with pytest.raises(AnswersError, match="2026-05-28"):
        parse(json.dumps(ANSWERS).encode(), wrong)
    parse(json.dumps(ANSWERS | {"time": "2026-11-23 02:00"}).encode(), wrong)


@pytest.mark.parametrize(
    ("local", "utc"),
    [("2026-07-01 12:00", "10:00"), ("2026-12-01 12:00", "11:00"), ("2026-10-25 02:30", "00:30")],
)
def test_a_local_time_is_the_moment_that_it_means_there(local: str, utc: str) -> None:
    assert f"{instant(local, 'Europe/Zurich'):%H:%M}" == utc


def test_the_two_names_and_the_tpm_are_put_into_the_configuration() -> None:
    template = (CHECKOUT / "config" / "appliance.toml").read_text()
    for site in ('Haut "12" \\ ü', "@ORIGIN@", "a # b"):
        text, config = fill(template, site=site, origin="a.example/b", tpm="/dev/tpmrm0")
        assert (config.site.name, config.site.origin) == (site, "a.example/b")
        assert config.store.tpm == "/dev/tpmrm0"
        assert len(text.splitlines()) == len(template.splitlines())
    assert (config.ipc.users, config.workers.launch) == (("kiosk",), "socket")


@pytest.mark.parametrize(
    "template", ["", 'x = "@SITE@"', '"@SITE@" "@ORIGIN@"', '"@SITE@" "@ORIGIN@" "@TPM@" "@SITE@"']
)
def test_another_template_is_refused(template: str) -> None:
    with pytest.raises(StepFailedError):
        fill(template, site="a", origin="b/c", tpm="")


def test_a_template_with_a_misspelt_policy_is_refused() -> None:
    template = (CHECKOUT / "config" / "appliance.toml").read_text().replace("verify =", "verfy =")
    with pytest.raises(KioskError, match="verfy"):
        fill(template, site="a", origin="b/c", tpm="")


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_each_layout_is_three_lines_that_a_unit_can_read(layout: str) -> None:
    lines = environment(layout).splitlines()
    assert [line.partition("=")[0] for line in lines] == [
        "XKB_DEFAULT_LAYOUT",
        "XKB_DEFAULT_VARIANT",
        "KEYMAP",
    ]
    assert all(line.isascii() and " " not in line for line in lines)
