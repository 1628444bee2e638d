"""Security keys (FIDO2 authenticators), asked by who logs a person in, never by the daemon (ADR 0012)."""
