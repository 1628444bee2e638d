"""Drawing photos as sixels, in a process of its own."""
