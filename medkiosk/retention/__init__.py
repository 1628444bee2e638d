"""How long things are kept, what holds them, and how their destruction is decided. Pure."""
