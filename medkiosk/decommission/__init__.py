"""The end of a kiosk: what is on its disk becomes unreadable (docs/install.md, "The end of a machine")."""
