"""The Textual console: draws what the daemon hands it."""
