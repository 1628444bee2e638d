"""Gone to `medkiosk.core.dcf`."""

from medkiosk.core.dcf import capture_key, media_extension, shot_name

__all__ = ["capture_key", "media_extension", "shot_name"]
