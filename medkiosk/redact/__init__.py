"""The redaction core and the worker that runs it."""
