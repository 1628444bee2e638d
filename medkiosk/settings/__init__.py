"""The settings that two people may alter at a kiosk without a shell (docs/settings.md)."""
