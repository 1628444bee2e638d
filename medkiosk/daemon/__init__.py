"""medkioskd: the only place where the stages meet."""
