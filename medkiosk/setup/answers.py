"""What the installer is asked, as a table, and what an answer must be. Pure: text in, text out."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from medkiosk.access.accounts import problems
from medkiosk.core.events import Role
from medkiosk.setup.errors import AnswersError
from medkiosk.setup.layouts import LAYOUTS

LONGEST = 200
"""Characters of an answer."""
_FEWEST_DAYS_AHEAD, _YEARS = timedelta(days=1), timedelta(days=366 * 25)
_ORIGIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?:/[a-z0-9][a-z0-9._-]*)+", re.ASCII)
_FORMAT = "%Y-%m-%d %H:%M"
_WITHOUT, _FORGET, _SHEETS = "without_secure_boot", "forget_tpm", "sheets"
RESTORED = frozenset({"origin", "display_name"})
"""What a backup says, so that nobody is asked when a kiosk comes back from one."""
ENOUGH = 2
"""Recovery sheets that open everything."""


class Answers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the installer said. ``--answers FILE`` is this as a JSON object.

    Attributes:
        layout: a key of `medkiosk.setup.layouts.LAYOUTS`.
        site: what the screen shows.
        origin: names the ledger, for ever (C2SP tlog-checkpoint: a URL without a scheme).
        zone: IANA time zone.
        time: local time as ``YYYY-MM-DD HH:MM``; empty where the clock was right.
        user: the first administrator's user name.
        display_name: their name.
        passphrase: theirs.
        without_secure_boot: go on where Secure Boot is off (`medkiosk.setup.secureboot`).
        forget_tpm: destroy the device secret of an earlier kiosk that the TPM's memory holds.
        sheets: the words of two recovery sheets of another kiosk, which this machine becomes, from its
            backup drive; none for a new kiosk. Then nobody is asked what the backup says (`RESTORED`), and
            the user is an administrator of that kiosk.
    """

    layout: str
    site: str
    zone: str
    user: str
    passphrase: str
    origin: str = ""
    display_name: str = ""
    time: str = ""
    without_secure_boot: bool = False
    forget_tpm: bool = False
    sheets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Answers({self.site!r})"


class Facts(NamedTuple):
    """What the machine knows by itself.

    Attributes:
        now: its clock.
        built: when the image was built; no clock is right that is before it.
        suffix: eight random hexadecimal digits, for a ledger's name that nobody else has.
    """

    now: datetime
    built: datetime
    suffix: str


Said = Mapping[str, str]


class Question(NamedTuple):
    """One question.

    Attributes:
        key: the field of `Answers`.
        title: a few words.
        text: what to know before answering.
        propose: what Enter alone means; empty for nothing.
        wrong: what is wrong with an answer, a clause; empty where nothing is.
        secret: typed twice, without echo, and never shown.
    """

    key: str
    title: str
    text: str
    propose: Callable[[Said, Facts], str]
    wrong: Callable[[str, Said, Facts], str]
    secret: bool = False


def _layout(value: str, _said: Said, _facts: Facts) -> str:
    return "" if value in LAYOUTS else f"there is no such layout; one of {', '.join(sorted(LAYOUTS))}"


def _text(value: str, _said: Said, _facts: Facts) -> str:
    good = bool(value.strip()) and value.isprintable() and len(value) <= LONGEST
    return "" if good else f"printable characters, at least one and at most {LONGEST}"


def _origin(value: str, _said: Said, _facts: Facts) -> str:
    if len(value) <= LONGEST and _ORIGIN.fullmatch(value):
        return ""
    return (
        "small letters a to z, digits, dots and hyphens, then a slash and a name:"
        " kiosk1.hospital.example/medkiosk"
    )


def _zone(value: str, _said: Said, _facts: Facts) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return "there is no such time zone; as Europe/Zurich, America/New_York or UTC"
    return ""


def _time(value: str, said: Said, facts: Facts) -> str:
    if value:
        try:
            moment = instant(value, said["zone"])
        except ValueError:
            return "year, month, day, hour and minute, as 2026-03-09 14:05"
    else:
        moment = facts.now
    if moment < facts.built - _FEWEST_DAYS_AHEAD:
        return f"it cannot be earlier than this software, which was built on {facts.built:%Y-%m-%d}"
    if moment > facts.built + _YEARS:
        return f"it cannot be so long after {facts.built:%Y-%m-%d}, when this software was built"
    return ""


def _account(value: str, said: Said, _facts: Facts) -> str:
    about = (said["site"], said.get("origin", ""))
    name = said.get("display_name", said["user"])
    return "; ".join(problems(said["user"], name, (Role.ADMINISTRATOR,), value, about))


def _slug(text: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return plain[:40].strip("-") or "kiosk"


def _nothing(_said: Said, _facts: Facts) -> str:
    return ""


QUESTIONS: Final = (
    Question(
        "layout",
        "Keyboard",
        "Which keyboard is plugged in? A passphrase that is typed with another layout than at the login"
        " locks people"
        f" out. One of: {', '.join(f'{key} ({one.words})' for key, one in LAYOUTS.items())}.",
        lambda _said, _facts: "us",
        _layout,
    ),
    Question(
        "site",
        "Name of the site",
        "What the screen shows, as: Department of Dermatology, room 12.",
        _nothing,
        _text,
    ),
    Question(
        "origin",
        "Name of the ledger",
        "It stands in every signature of the ledger and can never be changed. Take a name that your"
        " hospital owns, or"
        " the one that is proposed.",
        lambda said, facts: f"{_slug(said['site'])}.medkiosk.invalid/{facts.suffix}",
        _origin,
    ),
    Question(
        "zone",
        "Time zone",
        "For the times on the screen and for the days of consents. As Europe/Zurich.",
        _nothing,
        _zone,
    ),
    Question(
        "time",
        "Date and time",
        "There is no network that could tell it. What the kiosk records carries this time. Press Enter only"
        " if the"
        " clock is right to the minute; else type date and time here, as 2026-03-09 14:05.",
        _nothing,
        _time,
    ),
    Question(
        "user",
        "Administrator's user name",
        "The first person who can log in. They make the accounts of the others.",
        _nothing,
        _text,
    ),
    Question(
        "display_name",
        "Administrator's name",
        "As colleagues know them; it stands in the ledger.",
        lambda said, _facts: said["user"],
        _text,
    ),
    Question(
        "passphrase",
        "Administrator's passphrase",
        "The administrator types it. Four or five uncommon words are good. Letters without accents can be"
        " typed on"
        " every keyboard.",
        _nothing,
        _account,
        secret=True,
    ),
)


def questions(*, restore: bool) -> tuple[Question, ...]:
    """What is asked: for a new kiosk, or for one that comes back from a backup drive."""
    return tuple(one for one in QUESTIONS if not (restore and one.key in RESTORED))


def instant(local: str, zone: str) -> datetime:
    """Return the moment of a local time; in the hour that comes twice, the first of the two.

    Raises:
        ValueError: not such a text.
    """
    there = datetime.strptime(local, _FORMAT).replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return there.astimezone(UTC)


def local_text(moment: datetime, zone: str) -> str:
    """Return a moment as a local time."""
    return moment.astimezone(zoneinfo.ZoneInfo(zone)).strftime(_FORMAT)


def wrong(question: Question, value: str, said: Said, facts: Facts) -> str:
    """What is wrong with an answer, a clause; empty where nothing is."""
    if len(value) > LONGEST:
        return f"at most {LONGEST} characters"
    return question.wrong(value, said, facts)


def parse(untrusted: bytes, facts: Facts) -> Answers:
    """Read answers that were given as JSON; what has a proposal may be left out.

    Raises:
        AnswersError: they will not do; no answer is quoted.
    """
    try:
        given = msgspec.json.decode(untrusted, type=dict[str, str | bool | list[str]])
    except msgspec.DecodeError as error:
        raise AnswersError(detail="it is no JSON object of texts") from error
    sheets = given.pop(_SHEETS, [])
    without, forget = (given.pop(each, False) for each in (_WITHOUT, _FORGET))
    if not isinstance(sheets, list) or len(sheets) not in (0, ENOUGH):
        raise AnswersError(detail=f"{_SHEETS} is a list with the words of two recovery sheets")
    asked = questions(restore=bool(sheets))
    raw = {key: value for key, value in given.items() if isinstance(value, str)}
    if not isinstance(without, bool) or not isinstance(forget, bool) or len(raw) < len(given):
        raise AnswersError(detail=f"{_WITHOUT} and {_FORGET} are true or false, and all else is text")
    if unknown := set(raw) - {one.key for one in asked}:
        raise AnswersError(detail=f"nobody asks for {len(unknown)} of them")
    said: dict[str, str] = {}
    for question in asked:
        value = raw.get(question.key) or question.propose(said, facts)
        if words := wrong(question, value, said, facts):
            raise AnswersError(detail=f"{question.title}: {words}")
        said[question.key] = value
    return Answers(**said, without_secure_boot=without, forget_tpm=forget, sheets=tuple(sheets))
