"""What is plugged in, and whether it is allowed."""
