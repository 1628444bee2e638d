"""The audit: which events answer which question, and the report that says so. Pure (docs/audit.md)."""
