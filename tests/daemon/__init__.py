"""What the daemon is made of, in process: real vault, real ledger, a disk that fails when told."""
