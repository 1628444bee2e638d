"""Draws the tables of docs/settings.md from the table of settings: ``python -m tests.settings.page``."""

from __future__ import annotations

from pathlib import Path

from medkiosk.settings.table import FIXED, SETTINGS, Kind, Setting

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
BEGIN, END = "<!-- drawn: tests/settings/page.py -->\n", "<!-- end -->\n"


def values(setting: Setting) -> str:
    """What it may be."""
    match setting.kind:
        case Kind.CHOICE:
            return "; ".join(f"`{each}`: {said}" for each, said in (setting.choices or {}).items())
        case Kind.CHOICES:
            some = "; ".join(f"`{each}`: {said}" for each, said in (setting.choices or {}).items())
            return f"a list of some: {some}"
        case Kind.NUMBER:
            return f"{setting.lowest:g} to {setting.highest:g} {setting.unit}"
        case Kind.YES_NO:
            return "`true`, `false`"
        case Kind.TEXT:
            return f"at most {setting.highest:.0f} characters"
        case Kind.NAMES:
            return "a list of names"
        case Kind.ISSUERS:
            return "tables, one an issuer ([identity.md](identity.md))"


def alterable() -> str:
    """What may be altered."""
    lines = ["| setting | what it means | what it may be | said loudly |", "|---|---|---|---|"]
    for each in SETTINGS:
        words = f"**{each.title}.** {each.words}"
        lines.append(f"| `{each.named}` | {words} | {values(each)} | {each.warning} |")
    return "\n".join(lines) + "\n"


def fixed() -> str:
    """What may not."""
    lines = ["| section or setting | why not |", "|---|---|"]
    lines += [f"| `{key}` | {why} |" for key, why in FIXED.items()]
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with both tables as they are now."""
    parts = PAGE.read_text("utf-8").split(BEGIN)
    made = [parts[0]]
    for table, part in zip((alterable(), fixed()), parts[1:], strict=True):
        made.append(BEGIN + "\n" + table + "\n" + END + part.partition(END)[2])
    return "".join(made)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
