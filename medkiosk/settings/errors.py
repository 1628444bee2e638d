"""Why settings are not taken."""

from __future__ import annotations

from typing import ClassVar

from medkiosk.core.errors import KioskError


class SettingsError(KioskError):
    """These settings cannot be used: {detail}. Nothing was changed."""

    code: ClassVar[str] = "settings.invalid"
    exit_code: ClassVar[int] = 2
