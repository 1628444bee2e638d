"""For whoever gets a bundle: one file that needs nothing of ours (docs/receiver.md)."""
