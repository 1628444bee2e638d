"""Simulated use at high speed, for as long as one likes: ``make soak SOAK=24h``; docs/soak.md."""
