"""What the pages about threats and duties point to is there: a claim without its test would be a hope."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("threat-model.md", "compliance.md", "operations.md", "health.md", "soak.md")


@pytest.mark.parametrize("name", PAGES)
def test_tests_and_files_that_a_page_names_are_there(name: str) -> None:
    page = (ROOT / "docs" / name).read_text()
    named = set(re.findall(r"`((?:tests|medkiosk|systemd)/[\w/.-]+)`", page))
    assert named
    assert {path for path in named if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    links = set(re.findall(r"\]\(([\w./-]+\.md)", (ROOT / "docs" / name).read_text()))
    assert {link for link in links if not (ROOT / "docs" / link).exists()} == set()
