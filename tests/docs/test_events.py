"""docs/events.md is what the types say, and it is enough to read a payload."""

from __future__ import annotations

import json
import re
import typing
from pathlib import Path

from medkiosk.core.events import AnyEvent
from tests.docs import events

RECORDED = Path(__file__).parents[1] / "core" / "events.json"


def tables() -> dict[str, dict[str, str]]:
    """Return the members of every event and part on the page, with the third column."""
    found: dict[str, dict[str, str]] = {}
    for head, text in re.findall(
        r"^##+ `?([\w.]+)`?\n((?:(?!##).*\n?)*)", events.PAGE.read_text("utf-8"), re.MULTILINE
    ):
        found[head] = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", text, re.MULTILINE))
    return found


def test_the_page_is_what_the_types_say() -> None:
    assert events.PAGE.read_text("utf-8") == events.page(), "make it anew: python -m tests.docs.events"


def test_every_event_has_its_table() -> None:
    page = tables()
    for kind in typing.get_args(AnyEvent):
        assert kind.__struct_config__.tag in page


def test_no_line_of_prose_is_long() -> None:
    lines = events.PAGE.read_text("utf-8").splitlines()
    assert [line for line in lines if len(line) > 116 and not line.startswith(("|", "- "))] == []


def test_recorded_payloads_have_the_members_of_the_page() -> None:
    page, common = tables(), {"type", "at", "actor"}
    recorded = json.loads(RECORDED.read_text("utf-8"))
    assert len(recorded) > 40
    for name, one in recorded.items():
        if "golden" not in one:
            continue
        members = page[name]
        assert set(json.loads(one["golden"])) - common <= set(members), name
        optional = {member for member, meaning in members.items() if "left out where" in meaning}
        assert set(members) - optional <= set(one["required"]), name
