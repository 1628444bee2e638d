"""SLIP-0039's own vectors, through the library that combines the recovery words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shamir_mnemonic import MnemonicError, combine_mnemonics

from tests.assets import asset

VECTORS: list[Any] = json.loads(asset("slip39.json").read_text())


@pytest.mark.parametrize(("name", "mnemonics", "secret", "xprv"), VECTORS, ids=[case[0] for case in VECTORS])
def test_slip39(name: str, mnemonics: list[str], secret: str, xprv: str) -> None:
    # The standard fixes this passphrase for its vectors; the last column is for wallets.
    if secret:
        assert combine_mnemonics(mnemonics, b"TREZOR").hex() == secret
    else:
        with pytest.raises(MnemonicError):
            combine_mnemonics(mnemonics, b"TREZOR")


def test_there_are_valid_and_invalid_ones_of_both_sizes() -> None:
    assert len(VECTORS) == 45
    assert {len(secret) for _, _, secret, _ in VECTORS} == {0, 32, 64}
