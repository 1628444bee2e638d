"""From proposed to approved or rejected."""
