"""How good a photograph is, and what the photographer may do about it."""
