"""One import: what to copy, what was copied, and when it is safe to unplug."""
