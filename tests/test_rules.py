"""Rules of the design that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "medkiosk").rglob("*.py"))
RECEIVER = "medkiosk/receiver/medkiosk_verify.py"
"""One file, because its user carries it to a computer where nothing of ours is."""
MAKE_DURABLE = {"medkiosk/durable.py", "medkiosk/source/card.py", RECEIVER}
"""The second deletes a file from a card when it was told to, in a worker that may not load the first."""
DURABLE_CALLS = {"fsync", "fdatasync", "rename", "renames", "replace", "syncfs", "sync", "link"}
OS_LIKE = {"os", "libc", "_libc"}


def calls(path: Path) -> Iterator[tuple[str, str, int]]:
    """Every call ``name.attribute(...)`` in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)):
                yield name, attribute, node.lineno


def test_only_durable_makes_bytes_durable() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}.{attribute}"
        for path in SOURCES
        if str(path.relative_to(ROOT)) not in MAKE_DURABLE
        for name, attribute, line in calls(path)
        if name in OS_LIKE and attribute in DURABLE_CALLS
    ]
    assert found == []
    assert any(
        name == "os" and attribute == "fsync" for name, attribute, _ in calls(ROOT / "medkiosk/durable.py")
    )


def test_import_rules_about_all_of_ours_name_all_of_ours() -> None:
    """import-linter wants names: a new folder or file must be in each of these lists."""
    ours = {".".join(path.relative_to(ROOT).with_suffix("").parts[:2]) for path in SOURCES}
    ours.remove("medkiosk.__init__")
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    alone = [each for each in contracts if each["name"].endswith("imports nothing of ours")]
    assert len(alone) == 3
    for each in alone:
        assert ours == {*each["source_modules"], *each["forbidden_modules"]} - {"msgspec"}, each["name"]
    [archive] = [each for each in contracts if "botocore" in each.get("forbidden_modules", ())]
    assert ours - {"medkiosk.archive", "medkiosk.cli"} == {*archive["source_modules"]}


def test_no_file_has_grown_past_500_lines() -> None:
    long = {str(path.relative_to(ROOT)) for path in SOURCES if len(path.read_text().splitlines()) > 500}
    assert long == {RECEIVER}


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("medkiosk.daemon.__main__", ["cv2", "numpy", "PIL", "zxingcpp", "gphoto2", "textual"]),
        ("medkiosk.redact.worker", ["cryptography", "sqlite3", "gphoto2", "textual", "medkiosk.vault.store"]),
        ("medkiosk.source.worker", ["cryptography", "sqlite3", "cv2", "textual", "medkiosk.vault.store"]),
        (
            "medkiosk.stickworker",
            ["cryptography", "sqlite3", "cv2", "gphoto2", "textual", "medkiosk.vault.store", "pyrage"],
        ),
        ("medkiosk.token.worker", ["sqlite3", "cv2", "gphoto2", "textual", "medkiosk.vault.store", "pyrage"]),
        ("medkiosk.cli.accounts_cmd", ["fido2"]),
        ("medkiosk.console.__main__", ["cryptography", "cv2", "gphoto2", "medkiosk.vault.store"]),
    ],
)
def test_a_process_loads_only_what_it_may_hold(module: str, never: list[str]) -> None:
    # The import linter sees import statements; this sees what really gets loaded.
    code = f"import sys, {module}; print([m for m in {never!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_no_path_of_a_machine_is_in_the_project() -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT)
    pattern = re.compile(r"(^|[^a-zA-Z0-9_.])/(work|root)/")
    found = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".sh", ".service", ".lock") and path != Path(__file__):
            found += [name for line in path.read_text().splitlines() if pattern.search(line)]
    assert found == []
