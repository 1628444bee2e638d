"""What may be altered, what is refused and where, what is for the worse; without a daemon."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st

from medkiosk.core import config
from medkiosk.core.correctionevents import Outcome
from medkiosk.daemon.altering import by_whom
from medkiosk.settings import change, history, text
from medkiosk.settings.errors import SettingsError
from medkiosk.settings.table import BY_KEY, FIXED, SETTINGS, Kind, Setting, Weaker
from tests.settings import page

ROOT = Path(__file__).parents[2]
IMAGE = config.parse((ROOT / "config" / "appliance.toml").read_text(), name="appliance.toml")


def keys(kind: type = config.Config, above: str = "") -> list[str]:
    """Every key of the configuration, as the table names them; of lists of tables the list."""
    found: list[str] = []
    for each in msgspec.structs.fields(kind):
        name = f"{above}{each.name}"
        inside = isinstance(each.type, type) and issubclass(each.type, config.Section)
        found += keys(each.type, f"{name}.") if inside else [name]
    return found


def test_every_setting_may_be_altered_or_is_fixed_for_a_reason() -> None:
    for key in keys():
        fixed = key in FIXED or key.split(".")[0] in FIXED
        assert (key in BY_KEY) != fixed, key
    assert set(BY_KEY) <= set(keys())
    assert not [each for each in FIXED if not any(key.split(".")[0] == each.split(".")[0] for key in keys())]


def borders(setting: Setting) -> list[Any]:
    """The values at the edges of what a setting may have."""
    match setting.kind:
        case Kind.CHOICE:
            return list(setting.choices or {})
        case Kind.CHOICES:
            return [[], list(setting.choices or {})]
        case Kind.NUMBER:
            lowest, highest = setting.lowest, setting.highest
            return [int(lowest), int(highest)] if setting.whole else [lowest, highest, int(lowest)]
        case Kind.YES_NO:
            return [True, False]
        case Kind.TEXT:
            return ["", "~" * int(setting.highest)]
        case Kind.NAMES:
            return [[], ["ä" * int(setting.highest), '"x"']]
        case Kind.ISSUERS:
            return [[], [{"name": "A", "also": ["B"], "shortest": 3, "check": "luhn"}]]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.key)
def test_whatever_a_setting_may_have_the_program_takes_and_is_written_and_read(setting: Setting) -> None:
    for value in borders(setting):
        assert text.problem(setting, value) == "", value
        alone = {setting.key: value}
        if alone != {"identity.issuers": "listed"}:
            made = change.apply(IMAGE, alone)
            assert change.value_of(made, setting) == value
            assert text.parse(text.render({setting.key: change.value_of(made, setting)}).encode()) == alone
            assert change.shown(setting, value)
        assert text.render(text.parse(text.render(alone).encode())) == text.render(alone)
    wrong: object
    for wrong in (None, {}, "\x07", [1], ["x", "x"], -1, 10**9, float("nan"), 1.5, [[]], [{"name": 1}]):
        if setting.kind is Kind.NUMBER and wrong == 1.5 and not setting.whole:
            continue
        said = text.problem(setting, wrong)
        if said == "":
            assert setting.kind is Kind.NUMBER
            assert setting.lowest <= wrong <= setting.highest  # type: ignore[operator]
    own = change.value_of(IMAGE, setting)
    assert text.problem(setting, own) == ""


REFUSED = {
    "": None,
    "\ufeff[access]\r\nidle_lock_s = 60\r\n": None,
    "[access]\nidle_lock_s = 0.5": "line 2: [access] idle_lock_s is a number from 60 to 28800 (seconds)",
    "[access]\nidle_lock_s = true": "line 2: [access] idle_lock_s is a number",
    "[access]\nidle_lock_s = nan": "line 2: [access] idle_lock_s is a number",
    "[access]\nidle_lock_s = inf": "line 2: [access] idle_lock_s is a number",
    "[training]\nvalid_days = 1.5": "line 2: [training] valid_days is a whole number from 1 to 3650 (days)",
    "# a\n\n[access]\nneed_to_know = 'mine'": 'line 4: [access] need_to_know is one of: "department", "own"',
    '[access]\ndepartments = [\n "a",\n "a",\n]\n': "line 2: [access] departments is a list of names",
    "access.departments = [' a']": "line 1: [access] departments is a list of names",
    "[acess]\nidle_lock_s = 60": "line 2: there is no setting [acess] idle_lock_s",
    "[access]\nidle = 60": "line 2: there is no setting [access] idle",
    "idle_lock_s = 60": "line 1: there is no setting [idle_lock_s]",
    "[ingest]\nretries = 0": "line 2: [ingest] retries cannot be altered here: it belongs to the machine",
    '[ipc]\nusers = ["root"]': "line 2: [ipc] users cannot be altered here: it says who may connect",
    '[[backup]]\nname = "x"': "line 1: [backup] cannot be altered here: it is a device",
    '[site]\norigin = "x"': "line 2: [site] origin cannot be altered here",
    "udev = false": "line 1: [udev] cannot be altered here",
    "access = 1": "line 1: there is no setting [access]",
    '[[issuer]]\nname = "A"\n\n[[issuer]]\nname = "B"\ncheck = "mod12"': "line 4: [[issuer]] number 2: Inval",
    '[[issuer]]\nname = "A"\nfrom = 3': "line 1: [[issuer]] number 1: Object contains unknown field `from`",
    '[[issuer]]\nname = "A"\n[[issuer]]\nname = "a"': "line 3: [[issuer]] number 2: another issuer",
    '[[issuer]]\nname = "A"\ncheck = "luhn"': "issuer A: say how long the numbers are at least",
    "[issuer]\nname = 'A'": "there is no setting [issuer] name",
    "[training.modules]\nauditor = []": "line 2: there is no setting [training.modules] auditor",
    "[training]\nmodules = 3": "line 2: there is no setting [training] modules",
    "x = ": "line 1 is not TOML (Invalid value)",
    "[access]\nidle_lock_s = 60\nidle_lock_s = 61": "line 3 is not TOML (Cannot overwrite a value)",
    "[access": "line 1 is not TOML",
    "a = [" + "[" * 30000: "",
    "a = " + "9" * 30000: "",
    "#" * (33 << 10): "they are longer than 32 KiB",
    "\n" * 1001: "they have more than 1,000 lines",
    "x.y\x1b[2J = 1": "line 1 is not TOML",
    '"\\u001b]0;x\\u0007" = 1': "there is no setting [?]0;x?]",
}


@pytest.mark.parametrize("given", REFUSED, ids=lambda each: re.sub(r"\W+", "-", each[:40]))
def test_what_is_wrong_is_named_with_its_line(given: str) -> None:
    said = REFUSED[given]
    if said is None:
        text.parse(given.encode())
        return
    with pytest.raises(SettingsError) as error:
        text.parse(given.encode())
    assert said in error.value.message
    assert error.value.message.isprintable()
    assert len(error.value.message) < 500


def test_what_is_not_utf_8_is_named_with_its_line() -> None:
    with pytest.raises(SettingsError, match="line 2 is not UTF-8 text"):
        text.parse(b"[access]\n\xff\xfe")


@hypothesis.given(
    st.one_of(st.binary(max_size=300), st.text("[]{}=.\"'\n#a1 ,\\", max_size=200).map(str.encode))
)
def test_whatever_comes_is_settings_or_is_refused(given: bytes) -> None:
    try:
        values = text.parse(given)
    except SettingsError:
        return
    assert text.parse(text.render(values).encode()) == values


def test_a_stranger_does_not_keep_the_daemon_busy() -> None:
    """What takes long is to find the line of what is wrong: against reading the same text once."""
    lines = "".join(f"a{n} = [[[[[[1]]]]]]\n" for n in range(900))
    hostile = f"{lines}# idle_lock_s\n" + "\n" * 60 + "[access]\nidle_lock_s = 0\n"

    def refused() -> None:
        with pytest.raises(SettingsError):
            text.parse(hostile.replace("a", "access.a", 1).encode())

    once, all_of_it = (
        min(_cost(what) for _ in range(2)) for what in (lambda: tomllib.loads(hostile), refused)
    )
    assert all_of_it < 100 * once


def _cost(what: Callable[[], object]) -> float:
    start = time.process_time()
    what()
    return time.process_time() - start


WORSE: list[tuple[str, Any, Any]] = [
    ("access.need_to_know", "own", "department"),
    ("access.break_glass_s", 60, 61),
    ("access.idle_lock_s", 600, 601),
    ("review.second_for", ["publication", "restricted"], ["publication", "face_shown"]),
    ("review.original_s", 60, 600),
    ("training.needed_for", ["approve"], []),
    ("training.valid_days", 30, 365),
    ("training.modules.reviewer", ["privacy", "review"], ["review"]),
    ("training.modules.privacy_officer", ["privacy"], []),
    ("identity.issuers", "listed", "open"),
    ("issuer", [{"name": "A", "shortest": 10, "check": "luhn"}], [{"name": "A", "shortest": 10}]),
    ("issuer", [{"name": "A", "shortest": 10}], [{"name": "A", "shortest": 9}]),
    ("issuer", [{"name": "A"}], []),
    ("consent.after_death", False, True),
    ("export.sticks", "blank_or_enrolled", "any"),
    ("export.dates", "none", "shifted"),
    ("ingest.verify", "twice", "once"),
    ("ingest.delete", "never", "after_verified"),
    ("ingest.slates", "closed", "opening"),
    ("scrub.every_days", 30, 31),
    ("scrub.every_days", 3650, 0),
]


@pytest.mark.parametrize(("key", "old", "new"), WORSE, ids=lambda each: str(each)[:30])
def test_what_is_for_the_worse_is_said_and_its_opposite_is_not(key: str, old: Any, new: Any) -> None:
    setting = BY_KEY[key]
    before, after = (
        change.apply(IMAGE, {key: old, **_with(key)}),
        change.apply(IMAGE, {key: new, **_with(key)}),
    )
    [found] = change.changes(before, after)
    assert (found.setting, found.weaker) == (setting, setting.warning)
    if key != "review.second_for":  # there one goes and another comes
        [back] = change.changes(after, before)
        assert back.weaker == ""


def _with(key: str) -> dict[str, Any]:
    return {"issuer": [{"name": "A"}]} if key == "identity.issuers" else {}


def test_every_setting_that_can_get_weaker_is_tried_above() -> None:
    assert {key for key, _, _ in WORSE} == {each.key for each in SETTINGS if each.weaker is not Weaker.NO}
    assert all(bool(each.warning) == (each.weaker is not Weaker.NO) for each in SETTINGS)


def test_checks_that_the_guide_has_not_are_refused() -> None:
    made = change.apply(IMAGE, {"training.modules.reviewer": ["privacy", "x"]})
    with pytest.raises(SettingsError, match="the guide has no check x; those that it has: consent, privacy"):
        change.check_modules(made, ["privacy", "consent"])


def test_the_newest_that_is_whole_and_taken_counts(tmp_path: Path) -> None:
    place = tmp_path / "settings"
    assert history.load(place, IMAGE) == history.InForce(IMAGE, IMAGE)
    one = history.add(place, 1, "[access]\nidle_lock_s = 60\n")
    two = history.add(place, 2, "[access]\nidle_lock_s = 120\n")
    three = history.add(place, 3, "[access]\nidle_locks = 120\n")  # an older program's, or a newer one's
    (place / "000004-x.toml").write_text("")
    (place / f"{two.path.name}.new").write_text("")
    found = history.load(place, IMAGE)
    assert (found.number, found.newest, found.config.access.idle_lock_s) == (2, 3, 120)
    assert found.unused == ("version 3: line 2: there is no setting [access] idle_locks",)
    two.path.write_bytes(b"\xff" * 40000)
    assert history.load(place, IMAGE).number == 1
    one.path.unlink()
    one.path.mkdir()
    assert history.load(place, IMAGE) == history.InForce(
        IMAGE,
        IMAGE,
        newest=3,
        unused=(
            "version 3: line 2: there is no setting [access] idle_locks",
            "version 2: the file is damaged",
            "version 1: the file cannot be read (Is a directory)",
        ),
    )
    # What was decided stays there, though this program does not take it.
    assert history.settle(place, 3, "[access]\nidle_locks = 120\n") == history.Settled()
    assert three.path.exists()


def test_the_disk_is_brought_to_what_was_decided(tmp_path: Path) -> None:
    place, decided = tmp_path / "settings", "[access]\nidle_lock_s = 60\n"
    assert history.settle(place, 0, "") == history.Settled()
    assert not place.exists()
    assert history.settle(place, 1, decided) == history.Settled(written=True)
    assert history.settle(place, 1, decided) == history.Settled()
    history.add(place, 1, "[access]\nidle_lock_s = 61\n")
    history.add(place, 2, decided)
    assert history.settle(place, 1, decided) == history.Settled(removed=(2, 1))
    [left] = history.versions(place)
    assert (left.number, left.path.read_text()) == (1, decided)
    left.path.write_text("")
    assert history.settle(place, 1, decided) == history.Settled(written=True)
    assert left.path.read_text() == decided
    assert history.settle(place, 0, "") == history.Settled(removed=(1,))
    assert history.versions(place) == []


@pytest.mark.parametrize(
    ("outcome", "proposer", "words"),
    [
        (Outcome.APPROVED, True, "a second person decides"),
        (Outcome.REFUSED, True, "a second person decides"),
        (Outcome.TAKEN_BACK, False, "a privacy officer refuses"),
        (Outcome.APPROVED, False, ""),
        (Outcome.REFUSED, False, ""),
        (Outcome.TAKEN_BACK, True, ""),
    ],
)
def test_who_proposed_does_not_decide(outcome: Outcome, proposer: bool, words: str) -> None:
    """Accounts that are administrator and privacy officer are from before that was ruled out."""
    said = by_whom(outcome, proposer=proposer)
    assert bool(said) == bool(words)
    assert words in said


def test_the_page_has_every_setting_as_it_is() -> None:
    assert page.PAGE.read_text("utf-8") == page.page(), "make it anew: python -m tests.settings.page"
