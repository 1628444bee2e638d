"""What the worker threads tell the screens about the settings of the kiosk, and these each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.message import Message

from medkiosk.ipc import types as t


class SettingsLoaded(Message):
    """All settings; ``words``: what was just done about them."""

    def __init__(self, found: t.KioskSettings, words: str = "") -> None:
        self.found = found
        self.words = words
        super().__init__()


class SettingsDrafted(Message):
    """What other settings would change."""

    def __init__(self, draft: t.SettingsDraft) -> None:
        self.draft = draft
        super().__init__()


class SettingChosen(Message):
    """Somebody chose another value for a setting, to be proposed; as TOML has it."""

    def __init__(self, key: str, value: Any) -> None:  # noqa: ANN401 - whatever TOML makes of it
        self.key = key
        self.value = value
        super().__init__()


class SettingsEnding(Message):
    """The daemon ends, to start again."""


class IssuerSaved(Message):
    """An issuer as it is to be, in its place of the list."""

    def __init__(self, place: int, issuer: Mapping[str, Any]) -> None:
        self.place = place
        self.issuer = issuer
        super().__init__()
