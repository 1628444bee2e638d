"""Types that every part of medkiosk may use. Imports nothing else of ours, does no I/O, reads no clock."""
