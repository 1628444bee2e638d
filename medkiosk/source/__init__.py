"""Reads one camera or one card, in a process of its own that holds no key and sees no store."""
