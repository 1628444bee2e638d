"""The one definition of what clients may ask of the daemon, and both ends of the wire."""
