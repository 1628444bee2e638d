"""kioskctl: one file a command."""
