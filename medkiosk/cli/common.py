"""What the commands share: the connection, the login, the two ways to print."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from medkiosk import configfile
from medkiosk.cli import securitykey
from medkiosk.core.errors import BadRequestError
from medkiosk.core.sticks import READ_BACK_WORDS, ReadBack
from medkiosk.ipc.client import Client, connect
from medkiosk.ipc.types import StickInfo

DEFAULT_CONFIG = Path("/etc/medkiosk/medkiosk.toml")


def read_back_words(how: ReadBack | None) -> str:
    """How what was written was read back, in a sentence; what is not to be relied on as a warning."""
    if how is None:
        return "Read back."
    words = READ_BACK_WORDS[how]
    return f"WARNING: {words}." if how is ReadBack.CACHED else f"{words[0].upper()}{words[1:]}."


def stick_line(stick: StickInfo | None) -> str:
    """Whether the stick may be pulled out now, and what to do where it may not."""
    if stick is None:
        return "Whether the stick may be pulled out: see kioskctl status."
    return f"{stick.name}: {stick.words}. {stick.detail}".rstrip()


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``."""
    _add_config(parser, DEFAULT_CONFIG)


def add_login(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``, ``--user`` and ``--passphrase-file``."""
    add_config(parser)
    _add_person(parser, None)


def add_login_to_words(words: Iterable[argparse.ArgumentParser]) -> None:
    """Let the words of a command take ``--json`` and the options of `add_login`, too, as the command does.

    What is given last counts; what is not given after a word stays as it was given before it.
    """
    for word in words:
        word.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="one JSON line on standard output"
        )
        _add_config(word, argparse.SUPPRESS)
        _add_person(word, argparse.SUPPRESS)


def _add_config(parser: argparse.ArgumentParser, default: Path | str) -> None:
    parser.add_argument(
        "--config", type=Path, default=default, metavar="FILE", help=f"default: {DEFAULT_CONFIG}"
    )


def _add_person(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument(
        "--user", default=default, metavar="NAME", help="who you are; asked for when not given"
    )
    parser.add_argument(
        "--passphrase-file",
        default=default,
        metavar="FILE",
        help="read the passphrase from FILE ('-' for standard input) instead of asking",
    )


def read_passphrase(source: str | None, prompt: str) -> str:
    """Read a passphrase from a file, standard input, or the terminal without echo.

    Raises:
        EOFError: there is no terminal to ask at.
        BadRequestError: the file cannot be read.
    """
    if source is None:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            try:
                return getpass.getpass(prompt)
            except getpass.GetPassWarning as warning:  # it would be echoed
                raise EOFError from warning
    if source == "-":
        return sys.stdin.readline().rstrip("\n")
    try:
        return Path(source).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequestError(detail=f"the passphrase file {source} cannot be read") from error


def ask_pin(prompt: str) -> str:
    """Ask for a security key's PIN at the terminal, without echo; EOFError where there is none."""
    return read_passphrase(None, prompt)


def add_older(parser: argparse.ArgumentParser) -> None:
    """Add ``--older``."""
    parser.add_argument(
        "--older",
        action="store_true",
        help="the newest store is lost: go on with an older copy; an administrator must then accept it",
    )


def add_cards(parser: argparse.ArgumentParser) -> None:
    """Add ``--cards``."""
    parser.add_argument(
        "--cards",
        metavar="FILE",
        help="the words of two sheets, a line each ('-': standard input); else asked for",
    )


def read_cards(source: str | None) -> list[str]:
    """Read the words of two recovery sheets from a file, standard input, or the terminal.

    Raises:
        EOFError: there is no terminal to ask at.
        BadRequestError: the file cannot be read.
    """
    if source is None:
        return [input(f"Words of sheet {which}: ") for which in ("one", "two")]
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequestError(detail=f"the file of sheets {source} cannot be read") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def socket_path(args: argparse.Namespace) -> Path:
    """The daemon's socket, from the configuration."""
    return Path(configfile.load(args.config).ipc.socket)


@contextlib.contextmanager
def open_client(args: argparse.Namespace) -> Iterator[Client]:
    """A connection without a session."""
    with connect(socket_path(args)) as client:
        yield client


@contextlib.contextmanager
def logged_in(args: argparse.Namespace) -> Iterator[Client]:
    """A connection with a session, logged out at the end."""
    with open_client(args) as client:
        user = args.user or input("User: ")
        passphrase = read_passphrase(args.passphrase_file, f"Passphrase of {user}: ")
        client.login(user, passphrase, securitykey.said(client, user, securitykey.perhaps(), ask_pin))
        yield client
        client.logout()


def plain(text: str) -> str:
    """Return text that can do nothing to a terminal: what is not printable is spelled out.

    But for tabs and ends of lines. Names and words of people, keys and devices stand in what is printed.
    """
    return "".join(c if c.isprintable() or c in "\t\n" else ascii(c)[1:-1] for c in text)


def plain_json(value: object) -> str:
    """Return one line of JSON that can do nothing to a terminal either."""
    text = msgspec.json.encode(value).decode()
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def count(number: int, thing: str) -> str:
    """``1 problem``, ``2 problems``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def show(args: argparse.Namespace, value: object, lines: Iterator[str] | list[str]) -> None:
    """Print ``value`` as one JSON line with ``--json``, else the lines for a person."""
    if args.json:
        print(plain_json(value))
        return
    for line in lines:
        print(plain(line))
