"""The console: its pure parts, each screen through Pilot, whole flows through real terminals."""
