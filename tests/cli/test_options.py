"""The options of a command that has words of its own are taken before and after each of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from medkiosk.cli.__main__ import build_parser
from medkiosk.cli.common import DEFAULT_CONFIG


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
