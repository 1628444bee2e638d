"""Another language says everything that this one says, with the same parameters, and nothing else changes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import pytest

import medkiosk.console
from medkiosk.console import language
from medkiosk.console.actions import ACTIONS, Where, key_words, legend
from medkiosk.console.language import ENGLISH, LanguageError, noun, parameters, read, tr
from medkiosk.console.screens.accounts import ROLE_WORDS
from medkiosk.console.words import count
from medkiosk.core.device import STATE_WORDS
from medkiosk.core.errors import BadRequestError, NotAllowedError
from medkiosk.core.health import FINDINGS
from medkiosk.core.photo import NOT_CLINICAL, REDACT_WORDS, SECOND_WORDS, SHOWS_SLATE, RedactCode
from medkiosk.core.sticks import READ_BACK_WORDS, STICK_WORDS
from medkiosk.core.updates import UPDATE_WORDS
from medkiosk.daemon.identifying import SIMILAR_WORDS
from medkiosk.daemon.sessions import SessionEndedError
from medkiosk.export.errors import StickFullError
from medkiosk.export.recall import WHY_WORDS
from medkiosk.export.volume import StickForeignError
from medkiosk.guide.standing import STANDING_WORDS
from medkiosk.ingest.slate import DOUBT_WORDS
from medkiosk.source.model import SHAPE_WORDS
from medkiosk.source.model import WORDS as FAULT_WORDS
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import console

CONSOLE = Path(medkiosk.console.__file__).parent
ASKING = {"tr", "say", "AskReason", "Confirm", "ChooseReason", "ChooseEncounter"}
"""What gives its words to `tr`."""
OTHERS = [code for code in language.names() if code != ENGLISH]


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    language.use(ENGLISH)


def said() -> Iterator[tuple[str, str]]:
    """Every sentence that goes through `tr`, and where: given to it, or to what asks it by itself."""
    for path in sorted(CONSOLE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            for words in node.args:
                if name in ASKING and isinstance(words, ast.Constant) and isinstance(words.value, str):
                    yield words.value, f"{path.relative_to(CONSOLE)}:{node.lineno}"


_BARE = frozenset({"{}-label", "{} MRN {}", "{}, MRN {}", "{} bytes", "{} x {} of {} x {}", "manifest {}\n"})
"""The same in every language, or no words."""


def test_no_words_with_a_name_in_them_are_put_together_past_the_language() -> None:
    """An f-string with words in it says them in English for ever: they go through `tr` by name."""
    past = [
        f"{path.name}:{node.lineno}: {shape(node)}"
        for path in sorted((CONSOLE / "screens").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.JoinedStr)
        and shape(node) not in _BARE
        and re.search(r"[a-z]{2,} [a-z]{2,}", shape(node))
    ]
    assert past == []


def shape(node: ast.JoinedStr) -> str:
    """An f-string with ``{}`` for whatever is put into it."""
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


@pytest.mark.parametrize("code", OTHERS)
def test_what_the_daemon_says_is_recognised_with_its_reason_and_its_names(code: str) -> None:
    language.use(code)
    known = language.chosen().sentences
    reason, other = "this account was closed", known["this account was closed"]
    said_ = tr(NotAllowedError(reason=reason).message)
    assert other in said_
    assert reason not in said_
    for kind in (NotAllowedError, BadRequestError, SessionEndedError, StickForeignError, StickFullError):
        names = {name: f"the {name}" for name in parameters(" ".join(cleandoc(kind.__doc__ or "").split()))}
        message = kind(**names).message
        assert tr(message) != message
        assert all(value in tr(message) for value in names.values())


def test_a_name_that_is_a_word_of_ours_stays_a_name() -> None:
    language.use("de")
    assert tr("Mark") != "Mark"
    assert tr("{user} cannot log in any more.", user="Mark").startswith("Mark kann")
    assert tr("Mark cannot log in any more.").startswith("Mark kann")


def test_what_is_long_or_nobody_knows_stays_as_it_is() -> None:
    language.use("de")
    for text in ("nothing like this", "", "{", "You may not do this: " + "x" * 3000, "a {reason} b"):
        assert tr(text) == text
    assert tr("You may not do this: what nobody translated. Nothing was changed.") == (
        "Das dürfen Sie nicht: what nobody translated. Nichts wurde geändert."
    )


def test_no_plain_words_are_drawn_past_the_language() -> None:
    """Sentences with no name or number in them go through `tr`; docs/console.md says what does not yet."""
    past = [
        f"{path.relative_to(CONSOLE)}:{node.lineno}: {node.args[0].value}"
        for path in sorted((CONSOLE / "screens").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)
        if getattr(node.func, "id", getattr(node.func, "attr", "")) in {"Static", "Text", "append", "Label"}
        if isinstance(node.args[0].value, str) and " " in node.args[0].value.strip()
    ]
    assert past == []


def test_there_is_another_language() -> None:
    assert "de" in OTHERS


@pytest.mark.parametrize("code", OTHERS)
def test_every_key_and_every_heading_has_its_words(code: str) -> None:
    known = language.load(code).sentences
    wanted = (
        {where.value for where in Where} | {each.label for each in ACTIONS} | {each.help for each in ACTIONS}
    )
    assert sorted(wanted - known.keys() - {""}) == []


@pytest.mark.parametrize("code", OTHERS)
def test_everything_that_asks_for_a_language_has_it(code: str) -> None:
    known = language.load(code).sentences
    missing = {words: place for words, place in said() if words.strip() and words not in known}
    assert missing == {}


@pytest.mark.parametrize("code", OTHERS)
def test_nothing_in_a_file_is_there_for_nothing(code: str) -> None:
    """A sentence that was changed in English must not leave its old translation behind."""
    text = "\n".join(path.read_text() for path in sorted(CONSOLE.parent.rglob("*.py")))
    pieces = {
        node.value
        for path in sorted(CONSOLE.parent.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    known = pieces | {words for each in ACTIONS for words in (each.label, each.help)}
    known |= {" ".join(each.split()) for each in pieces}  # the docstrings of errors
    shapes = {
        shape(node)
        for path in sorted(CONSOLE.parent.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.JoinedStr)
    }
    stale = [
        each
        for each in language.load(code).sentences
        if each not in known and each not in text and bare(each) not in shapes
    ]
    assert stale == []
    keys = {part for each in ACTIONS for key in each.keys for part in key_words(key).split("+")}
    assert language.load(code).keys.keys() <= keys


def test_parameters_are_put_in_by_name_and_what_is_missing_stays_english() -> None:
    other = read(
        "xx",
        'name = "X"\n[sentences]\n"{a} of {b}" = "von {b} die {a}"\n[plurals]\nphoto = ["Foto", "Fotos"]\n',
    )
    language._chosen[0] = other
    assert tr("{a} of {b}", a=1, b="{a}") == "von {a} die 1"
    assert tr("no such sentence, {a}", a=2) == "no such sentence, 2"
    assert tr("no such sentence {a}") == "no such sentence {a}"
    assert [noun("photo", 1), noun("photo", 2), noun("import", 2)] == ["Foto", "Fotos", "imports"]
    assert count(3, "photo") == "3 Fotos"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name = 3", "a language has"),
        ('name = "X"\nfoo = 1', "a language has"),
        ("[[", "xx:"),
        ('name = "X"\n[sentences]\n"{a}" = "{b}"', "other parameters"),
        ('name = "X"\n[sentences]\n"{a}" = "nothing"', "other parameters"),
        ('name = "X"\n[sentences]\n"a" = "{a}"', "other parameters"),
        ('name = "X"\n[sentences]\n"a" = ""', "no sentence"),
        ('name = "X"\n[sentences]\n"a" = "{"', "'{'"),
        ('name = "X"\n[sentences]\n"{a}" = "{a.__class__}"', "a parameter is a name"),
        ('name = "X"\n[sentences]\n"{a}" = "{a!r:>30}"', "a parameter is a name"),
        ('name = "X"\n[plurals]\nphoto = ["Foto"]', "two forms"),
    ],
)
def test_a_wrong_file_is_refused(text: str, why: str) -> None:
    with pytest.raises(LanguageError, match=why.replace("{", r"\{")):
        read("xx", text)


def test_parameters() -> None:
    assert parameters("{a} and {b}, {a}") == {"a", "b"}
    assert parameters("none {{here}}") == frozenset()


def test_a_language_that_does_not_exist_is_refused() -> None:
    for code in ("xx", "../../etc/passwd", ""):
        with pytest.raises(LanguageError):
            language.use(code)


async def test_the_console_in_german(running: RunningKiosk) -> None:
    language.use("de")
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.until_text(pilot, "Anmelden")
        await pilot.press("l")
        await flows.until_text(pilot, "Kennwort")
        await pilot.press("escape")
        await pilot.press("f1")
        await flows.until_text(pilot, "Freigegebene Fotos auf einem Stick übergeben.")


@pytest.mark.parametrize("code", OTHERS)
def test_a_legend_is_not_much_longer_than_in_english(code: str) -> None:
    """On eighty columns the keys take no more than two lines more than in English."""
    for where in Where:
        english = sum(len(key) + len(label) + 6 for key, label in legend(where))
        known = language.load(code).sentences
        other = sum(len(key) + len(known.get(label, label)) + 6 for key, label in legend(where))
        assert other // 78 <= english // 78 + 2, where


def test_verdicts_of_retention() -> None:
    """What may stand inside of a verdict, and before it, is found on its own."""
    language.use("de")
    child = (
        "The subject was 5 when last seen, on 2026-11-22: kept until the 25th birthday, and 8 years at least."
    )
    adult = "Somebody gave it the class adult, on 2026-01-01: kept for 8 years, as adult records are."
    assert tr(f"Not due before 2050-01-01. {child}") == (
        "Nicht fällig vor dem 2050-01-01. Die Person war 5, als sie zuletzt gesehen wurde, am 2026-11-22:"
        " bis zum 25. Geburtstag aufbewahrt und mindestens 8 Jahre."
    )
    assert tr(f"Due since 2034-01-01. {adult}") == (
        "Fällig seit dem 2034-01-01. Jemand gab ihm die Klasse für Erwachsene, am 2026-01-01: 8 Jahre"
        " aufbewahrt wie Akten Erwachsener."
    )


def test_every_finding_about_the_machine_and_every_refused_picture_has_its_words() -> None:
    """What the daemon says by itself at Home, at Health and in Review, with whatever it puts into it."""
    language.use("de")
    said_ = [words for each in FINDINGS.values() for words in (each.words, each.todo)]
    said_ += [words for code, words in REDACT_WORDS.items() if code is not RedactCode.OK]
    said_ += [*NOT_CLINICAL.values(), *READ_BACK_WORDS.values(), *SECOND_WORDS.values()]
    said_ += [*UPDATE_WORDS.values(), *STICK_WORDS.values(), *STATE_WORDS.values(), *DOUBT_WORDS.values()]
    said_ += [*FAULT_WORDS.values(), *SHAPE_WORDS.values(), *WHY_WORDS.values(), *STANDING_WORDS.values()]
    said_ += [*SIMILAR_WORDS.values(), SHOWS_SLATE]
    said_ += ROLE_WORDS.values()
    english = [words for words in said_ if words and tr(words) == words]
    assert english == []


_SENTENCE = re.compile(r"[a-z]{2,}[,;:]? [a-z]{2,}")
_WORDS_OF = {"reason", "detail", "why", "words", "asked"}
"""Parameters whose words a person reads."""
_TAKES = {"_NotBelievedError", "end_all", "_leave", "_other", "append"}
"""What is given a sentence for people by its place: an end of a session, a list of problems."""
_TALKING = [
    "identity/scan.py",
    "daemon/*.py",
    "token/errors.py",
    "device/usb*.py",
    "export/errors.py",
    "ledger/checkpoint.py",
    "ledger/file.py",
]
"""Modules whose sentences are for whoever sits at the console, wherever in them they stand."""
_REFUSING = [
    "backup/*.py",
    "export/age.py",
    "export/bundle.py",
    "export/dicom.py",
    "export/filling.py",
    "export/plainfolder.py",
    "export/policy.py",
    "export/volume.py",
    "ledger/held.py",
    "ledger/merkle.py",
    "ledger/note.py",
    "ledger/proof.py",
    "ledger/sign.py",
    "settings/*.py",
    "vault/disposal.py",
    "vault/epochs.py",
    "vault/identity.py",
    "vault/recovery.py",
    "vault/userslots.py",
]
"""Modules of whose sentences only those are that they refuse something with."""
_DRAWN_AS_IT_IS = {
    "daemon/accesswords.py",
    "daemon/keysthere.py",
    "daemon/lifecyclewords.py",
    "daemon/views.py",
}
"""What an event says in the audit trail, and where the keys are: the same in every language."""
_ENGLISH_STILL = {
    "what it said was destroyed",  # in the audit trail, as above
    "what it said does not open",
    "as nobody who has an account",
    "said when it was written down",
    "{}; {} sealed, {} waiting for redaction",  # to systemd
    "there is no user {}",  # at the start, to whoever wrote the configuration
}
_NOT_AT_THE_CONSOLE = {"archive", "offline", "cli", "setup", "audit", "redact"}
_BEFORE_IT_RUNS = {
    "ConfigError",
    "DeviceSecretsExistError",
    "KeyFilesError",
    "LedgerExistsError",
    "VaultBusyError",
    "VaultExistsError",
    "VaultFormatError",
    "WeakSlotError",
}
"""What is said at a start or a set-up, when there is no console yet."""


def literals(value: ast.AST | None) -> Iterator[str]:
    """The sentences in a value, with ``{}`` for whatever is put into them."""
    match value:
        case ast.Constant(value=str(words)):
            yield words
        case ast.JoinedStr():
            yield shape(value)
        case ast.IfExp(body=one, orelse=other):
            yield from (*literals(one), *literals(other))
        case ast.Dict(values=several) | ast.Tuple(elts=several):
            yield from (words for each in several for words in literals(each))


def spoken(path: Path, *, whole: bool) -> Iterator[str]:
    """What a module may say to whoever sits at the console."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=called, args=given, keywords=named):
                yield from (
                    words for each in named if each.arg in _WORDS_OF for words in literals(each.value)
                )
                if getattr(called, "id", getattr(called, "attr", "")) in _TAKES:
                    yield from (words for each in given for words in literals(each))
            case ast.Return(value=value) | ast.Assign(value=value) | ast.AnnAssign(value=value) if whole:
                yield from literals(value)


def bare(sentence: str) -> str:
    """A sentence with ``{}`` for each of its parameters."""
    return re.sub(r"\{\w+\}", "{}", sentence)


def is_english(words: str, shapes: set[str]) -> bool:
    """Whether a sentence has no line of its own or is not found by it, also where it has no full stop."""
    return not any(
        each in shapes and tr(made := each.replace("{}", "7")) != made for each in (words, f"{words}.")
    )


@pytest.mark.parametrize("code", OTHERS)
def test_what_the_daemon_refuses_and_why_has_its_words(code: str) -> None:
    """A scan, a role, a stick or drive, a witness, settings, keys: each sentence where it is written."""
    language.use(code)
    kiosk, shapes = CONSOLE.parent, {bare(each) for each in language.chosen().sentences}
    english = [
        f"{path.relative_to(kiosk)}: {words}"
        for where in (*_TALKING, *_REFUSING)
        for path in sorted(kiosk.glob(where))
        if str(path.relative_to(kiosk)) not in _DRAWN_AS_IT_IS
        for words in spoken(path, whole=where in _TALKING)
        if _SENTENCE.search(words) and "\n" not in words  # no file that the kiosk writes
        if words not in _ENGLISH_STILL and is_english(bare(words), shapes)
    ]
    assert english == []


@pytest.mark.parametrize("code", OTHERS)
def test_every_error_that_reaches_the_console_has_its_words(code: str) -> None:
    known = language.load(code).sentences
    missing = {
        node.name: words
        for path in sorted(CONSOLE.parent.rglob("*.py"))
        if path.relative_to(CONSOLE.parent).parts[0] not in _NOT_AT_THE_CONSOLE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.name not in _BEFORE_IT_RUNS and has_code(node)
        if (words := " ".join((ast.get_docstring(node) or "").split())) not in known
        if re.fullmatch(r"\{\w+\}", words) is None
    }
    assert missing == {}


def has_code(node: ast.ClassDef) -> bool:
    """Whether it is an error whose docstring is what people read (`medkiosk.core.errors`)."""
    targets = [each for line in node.body if isinstance(line, ast.Assign) for each in line.targets]
    return node.name.endswith("Error") and any(getattr(each, "id", "") == "code" for each in targets)
