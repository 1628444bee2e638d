"""The index of what the vault holds, built in memory at unlock."""
