"""Tests of the redaction core and its worker."""
