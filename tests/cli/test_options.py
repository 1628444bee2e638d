"""The options of a command that has words of its own are taken before and after each of them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from medkiosk.cli import acknowledge_cmd
from medkiosk.cli.__main__ import build_parser, main
from medkiosk.cli.common import DEFAULT_CONFIG, show
from medkiosk.ipc.types import Acknowledgements


@pytest.mark.parametrize(
    "words",
    [
        "ledger --user ana --config k.toml --json checkpoint",
        "ledger checkpoint --user ana --config k.toml --json",
        "ledger --user ana witness --config k.toml list --json",
        "ledger --user otto witness list --json --config k.toml --user ana",
    ],
)
def test_the_login_is_taken_anywhere(words: str) -> None:
    args = build_parser().parse_args(words.split())
    assert (args.user, args.config, args.json, args.passphrase_file) == ("ana", Path("k.toml"), True, None)


def test_without_options_the_defaults_stay() -> None:
    args = build_parser().parse_args(["ledger", "witness", "list"])
    assert (args.user, args.config, args.json) == (None, DEFAULT_CONFIG, False)


def test_a_head_is_taken_word_by_word_as_the_screen_shows_it() -> None:
    args = build_parser().parse_args(["ledger", "compare", "/store", "a/ledger", "3", "0ac5186a", "91863e8e"])
    assert args.text == ["a/ledger", "3", "0ac5186a", "91863e8e"]


NAMED = "x\u009b2J\u009b1;1H\u202eSSENTIW\x1b]0;\x07\udcff"


def test_what_others_named_does_nothing_to_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    found = Acknowledgements(taken=(), refused=(NAMED,), strangers=(NAMED,), witnessed=0)
    show(argparse.Namespace(json=False), found, acknowledge_cmd.lines(found))
    said = capsys.readouterr().out
    assert r"x\x9b2J\x9b1;1H\u202eSSENTIW\x1b]0;\x07\udcff signed, too" in said
    assert all(line.isprintable() for line in said.splitlines())
    found = Acknowledgements(taken=(), refused=(), strangers=(NAMED[:-1],), witnessed=0)
    show(argparse.Namespace(json=True), found, [])
    said = capsys.readouterr().out
    assert json.loads(said)["strangers"] == [NAMED[:-1]]
    assert said.rstrip("\n").isprintable()


def test_a_message_does_nothing_to_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["redact", "--out", "/nowhere\x1b[2J\u202e/x", "/nothing\u009b2J"]) != 0
    said = capsys.readouterr()
    assert all(line.isprintable() for line in (said.out + said.err).splitlines())
