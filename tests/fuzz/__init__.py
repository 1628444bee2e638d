"""Hostile bytes for what reads them: `targets` says who does, `python -m tests.fuzz` throws."""
