"""What a subject agreed to, and the one function that decides from it."""
