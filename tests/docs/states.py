"""Draws docs/states.md from the tables of the state machines: ``python -m tests.docs.states``."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from medkiosk.access import searching
from medkiosk.core import correction, disposal, updates
from medkiosk.core.device import DeviceState
from medkiosk.core.sticks import StickState
from medkiosk.core.updates import UpdateState
from medkiosk.device import stick
from medkiosk.ingest import machine as ingest
from medkiosk.review import machine as review

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "states.md"

HEAD = """\
# State machines

Drawn from the tables in the code by `python -m tests.docs.states`; a test fails when this page is not what
the tables say. Do not edit it.
"""


def page() -> str:
    """Return the whole page."""
    machines = [
        draw("An import", "medkiosk/ingest/machine.py", DeviceState.OPENING, ingest.TRANSITIONS),
        draw("Review of a capture", "medkiosk/review/machine.py", review.INITIAL, review.TRANSITIONS),
        draw("A stick for exports", "medkiosk/device/stick.py", StickState.ABSENT, stick.TRANSITIONS),
        draw("An update", "medkiosk/core/updates.py", UpdateState.NONE, updates.TRANSITIONS),
        draw("A correction", "medkiosk/core/correction.py", correction.INITIAL, correction.TRANSITIONS),
        draw("A disposal", "medkiosk/core/disposal.py", disposal.INITIAL, disposal.TRANSITIONS),
        draw("A search", "medkiosk/access/searching.py", searching.Standing().state, searching.TRANSITIONS),
    ]
    return "\n".join([HEAD, *(line for lines in machines for line in lines)])


def draw(title: str, source: str, initial: S, table: Mapping[S, Mapping[E, S]]) -> list[str]:
    """Return the lines of one machine: a diagram, and the same as a table."""
    lines = [f"## {title}", "", f"From `{source}`.", "", "```mermaid", "stateDiagram-v2"]
    lines.append(f"    [*] --> {initial}")
    for state, row in table.items():
        arrows: dict[S, list[str]] = {}
        for event, after in row.items():
            arrows.setdefault(after, []).append(str(event))
        lines += [f"    {state} --> {after}: {', '.join(names)}" for after, names in arrows.items()]
    lines += ["```", ""]
    events = list(dict.fromkeys(event for row in table.values() for event in row))
    lines.append("| state | " + " | ".join(str(event) for event in events) + " |")
    lines.append("|---" * (len(events) + 1) + "|")
    for state, row in table.items():
        cells = [str(row.get(event, "-")) for event in events]
        lines.append(f"| **{state}** | " + " | ".join(cells) + " |")
    lines += ["", "A dash: not in the table, so not possible.", ""]
    return lines


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
