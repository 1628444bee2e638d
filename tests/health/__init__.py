"""The machine's health: read, judged, shown."""
