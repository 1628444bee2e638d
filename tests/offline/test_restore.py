"""Originals come back under their names, checked against the ledger; hostile names do no harm."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from medkiosk.offline.restore import FileName, RestoreTargetError, _free, _safe, restore
from medkiosk.vault.errors import VaultFormatError, WrongSharesError
from tests.offline.conftest import FILES, Store, name_of


def test_everything_comes_back(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out"
    results = list(restore(store.root, store.shares[1:], out, name_of))
    assert [result.status for result in results] == ["ok"] * 4
    for result, name, content in zip(results, FILES, store.originals.values(), strict=True):
        assert result.path == f"DCIM/100CANON/{name}"
        assert (out / result.path).read_bytes() == content
        assert result.size == len(content)
        assert stat.S_IMODE((out / result.path).stat().st_mode) == 0o600
    assert len([path for path in out.rglob("*") if path.is_file()]) == 4


def test_from_a_read_only_copy_without_names(store: Store, tmp_path: Path) -> None:
    for path in [store.root, *store.root.rglob("*")]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        results = list(restore(store.root, store.shares[:2], tmp_path / "out", lambda _: None))
    finally:
        for path in [store.root, *store.root.rglob("*")]:
            path.chmod(0o700)
    assert {result.path for result in results} == {f"unnamed/{id_}" for id_ in store.originals}


def test_damage_costs_only_what_is_damaged(store: Store, tmp_path: Path) -> None:
    one, two, three, four = store.originals
    blob = bytearray(store.blob(one).read_bytes())
    blob[60_000] ^= 1
    store.blob(one).write_bytes(blob)
    store.blob(two).unlink()
    store.sql("DELETE FROM envelopes WHERE id = ?", three)
    results = {r.object_id: r for r in restore(store.root, store.shares[:2], tmp_path / "out", name_of)}
    assert {id_: results[id_].status for id_ in store.originals} == {
        one: "damaged",
        two: "damaged",
        three: "disposed",
        four: "ok",
    }
    assert one in results[one].detail
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["IMG_0004.JPG"]


def test_without_a_ledger_nothing_is_confirmed(store: Store, tmp_path: Path) -> None:
    (store.root / "ledger/checkpoint").unlink()
    results = list(restore(store.root, store.shares[:2], tmp_path / "out", name_of))
    assert {result.status for result in results} == {"unconfirmed"}


def test_refusals(store: Store, tmp_path: Path) -> None:
    with pytest.raises(RestoreTargetError):
        list(restore(store.root, store.shares[:2], store.root, name_of))
    with pytest.raises(VaultFormatError):
        list(restore(tmp_path, store.shares[:2], tmp_path / "out", name_of))
    with pytest.raises(WrongSharesError):
        list(restore(store.root, store.shares[:1], tmp_path / "out", name_of))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("../../etc", "passwd"),
        ("/etc", "/etc/passwd"),
        ("..\\..\\x", "..\\y"),
        ("a\nb", "c\x1b[2J\x00.jpg"),
        ("", ".."),
        ("", ""),
        ("." * 9, "\u202egpj.exe"),
        ("x" * 1000, "\N{GRINNING FACE}" * 100 + ".jpg"),
        ("con:", 'a"b<c>d|e?f*g'),
        ("\udcff", "\udcfe.jpg"),
    ],
)
def test_hostile_names_stay_inside(tmp_path: Path, folder: str, name: str) -> None:
    first = _free(tmp_path, FileName("0" * 32, folder, name))
    first.write_bytes(b"1")
    second = _free(tmp_path, FileName("0" * 32, folder, name))
    assert first != second
    assert not second.exists()
    for path in (first, second):
        assert tmp_path in path.resolve().parents
        for part in path.relative_to(tmp_path).parts:
            assert part.isprintable()
            assert len(os.fsencode(part)) < 255
    assert first.name == _safe(name) or first.name == "0" * 32
