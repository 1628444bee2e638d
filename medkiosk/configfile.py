"""Read the configuration file from disk; what it may say is in `medkiosk.core.config`."""

from __future__ import annotations

from pathlib import Path

from medkiosk.core.config import Config, parse
from medkiosk.core.errors import ConfigError


def load(path: Path) -> Config:
    """Read a configuration file.

    Raises:
        ConfigError: it cannot be read, or `parse` refuses it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(path=path, detail=reason) from error
    return parse(text, name=str(path))
