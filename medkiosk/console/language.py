"""The console's languages: English in the code, the others in one file each below ``languages/``.

Every sentence is written in English where it is said, and is its own key: `tr` gives the sentence of the
chosen language, and the English one where there is none. Parameters have names, because their order differs
from language to language. What the daemon says comes as a finished sentence; where a language has it, or one
with parameters that it could have been made from, it is translated too (`recognised`), else it stays English:
better than a wrong one.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources

ENGLISH = "en"
_FOLDER = "languages"
_LONGEST, _DEEPEST = 2000, 3
"""Characters of a finished sentence that is looked for; parameters within parameters."""
_FEWEST_LETTERS = 6
"""Of a sentence beside its parameters: with fewer it would be found in any other."""
_OURS = frozenset({"reason", "detail", "why", "words", "what", "said", "more", "state", "role", "purpose"})
"""Parameters that hold words of ours, which are translated, too; a patient called Mark stays Mark."""


class LanguageError(ValueError):
    """A language file does not have the form that `read` describes."""


@dataclass(frozen=True)
class Language:
    """What one language file says.

    Attributes:
        code: its name, ISO 639-1.
        name: what it calls itself.
        sentences: by the English one.
        plurals: for a noun in English, one of it and several of it.
        keys: what is printed on a key.
    """

    code: str
    name: str
    sentences: Mapping[str, str] = field(default_factory=dict)
    plurals: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def patterns(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        """What finds finished sentences that had parameters, and what they are here; the longest first."""
        made = []
        for english, other in self.sentences.items():
            parts = [(literal, name) for literal, name, _, _ in string.Formatter().parse(english)]
            letters = sum(len(literal) for literal, _ in parts)
            names = [name for _, name in parts if name]
            if not names or letters < _FEWEST_LETTERS or len(set(names)) < len(names):
                continue
            pattern = "".join(
                re.escape(literal) + (f"(?P<{name}>.+?)" if name else "") for literal, name in parts
            )
            made.append((letters, re.compile(pattern, re.DOTALL), other))
        return tuple((pattern, other) for _, pattern, other in sorted(made, key=lambda each: -each[0]))


_ENGLISH = Language(ENGLISH, "English")
_chosen = [_ENGLISH]


def tr(sentence: str, /, **parameters: object) -> str:
    """A sentence in the chosen language, with its parameters put in by name.

    Args:
        sentence: the English one, with ``{name}`` for each parameter.
        parameters: their values, which are put in as they are.
    """
    if parameters:
        return _chosen[0].sentences.get(sentence, sentence).format(**parameters)
    return recognised(sentence)


def recognised(finished: str, depth: int = 0) -> str:
    """A finished sentence in the chosen language, if it has it, or one that it could have been made from.

    What stands where the parameters of `_OURS` are is looked for in the same way, as the reason inside of a
    refusal is. All others, names and numbers, stay as they are.
    """
    language = _chosen[0]
    if (exact := language.sentences.get(finished)) is not None:
        return exact
    if language is _ENGLISH or depth == _DEEPEST or len(finished) > _LONGEST:
        return finished
    for pattern, other in language.patterns:
        if found := pattern.fullmatch(finished):
            values = found.groupdict().items()
            return other.format(**{n: _inner(text, depth) if n in _OURS else text for n, text in values})
    return finished


def _inner(text: str, depth: int) -> str:
    """A sentence inside of another, where it may have lost its full stop."""
    found = recognised(text, depth + 1)
    return recognised(f"{text}.", depth + 1).removesuffix(".") if found == text else found


def noun(thing: str, number: int) -> str:
    """A thing, or several, in the chosen language; in English several have an ``s``."""
    one, several = _chosen[0].plurals.get(thing, (thing, f"{thing}s"))
    return one if number == 1 else several


def key_said(key: str) -> str:
    """A key as it is printed on the keyboards of the chosen language: ``Ctrl+Left``, ``Strg+Links``."""
    if len(key) == 1:
        return key
    printed = _chosen[0].keys
    alternatives = (each.split("+") for each in key.split("/"))
    return "/".join("+".join(printed.get(part, part) for part in parts) for parts in alternatives)


def use(code: str) -> None:
    """Speak a language from now on; one console is one process.

    Raises:
        LanguageError: there is no such language, or its file is wrong.
    """
    _chosen[0] = load(code)


def chosen() -> Language:
    """The language that is spoken now."""
    return _chosen[0]


def names() -> tuple[str, ...]:
    """The codes of all languages, English first."""
    files = (each.name for each in resources.files(__package__).joinpath(_FOLDER).iterdir())
    return (ENGLISH, *sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


def load(code: str) -> Language:
    """Read a language that the program has.

    Raises:
        LanguageError: there is no such language, or its file is wrong.
    """
    if code == ENGLISH:
        return _ENGLISH
    if code not in names():
        raise LanguageError(f"there is no language {code!r}")
    path = resources.files(__package__).joinpath(_FOLDER, f"{code}.toml")
    return read(code, path.read_text(encoding="utf-8"))


def read(code: str, text: str) -> Language:
    """Read a language file: ``name``, tables ``sentences`` and ``keys``, and a table ``plurals`` of pairs.

    Raises:
        LanguageError: it is no TOML, something else is in it, or a sentence has other parameters than in
            English, so that something would be left out or the console would fail when it is said.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LanguageError(f"{code}: {error}") from error
    if set(data) - {"name", "sentences", "plurals", "keys"} or not isinstance(data.get("name"), str):
        raise LanguageError(f"{code}: a language has a name, sentences and plurals")
    sentences, plurals = data.get("sentences", {}), data.get("plurals", {})
    for english, other in sentences.items():
        if not isinstance(other, str) or not other.strip():
            raise LanguageError(f"{code}: no sentence for {english!r}")
        if parameters(english) != parameters(other):
            raise LanguageError(f"{code}: {other!r} has other parameters than {english!r}")
    for thing, forms in plurals.items():
        if not _is_pair(forms):
            raise LanguageError(f"{code}: {thing!r} needs two forms, of one and of several")
    pairs = {thing: tuple(forms) for thing, forms in plurals.items()}
    return Language(code, data["name"], sentences, pairs, data.get("keys", {}))


def parameters(sentence: str) -> frozenset[str]:
    """The names of a sentence's parameters.

    Raises:
        LanguageError: a brace stands alone, or a parameter has no name, or more than one.
    """
    try:
        parts = list(string.Formatter().parse(sentence))
    except ValueError as error:
        raise LanguageError(f"{sentence!r}: {error}") from error
    found = [(name, form, kind) for _, name, form, kind in parts if name is not None]
    if any(not name.isidentifier() or form or kind for name, form, kind in found):
        raise LanguageError(f"{sentence!r}: a parameter is a name in braces and nothing else")
    return frozenset(name for name, _, _ in found)


def _is_pair(forms: object) -> bool:
    return (
        isinstance(forms, list) and len(forms) == 2 and all(isinstance(each, str) and each for each in forms)
    )
