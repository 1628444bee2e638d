"""The page that opens an export in a browser (docs/viewer.md), and what the writer needs of it."""
