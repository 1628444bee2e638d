"""Seal, open and destroy. The formats are in docs/format.md."""
