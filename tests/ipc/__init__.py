"""The interface and the wire."""
