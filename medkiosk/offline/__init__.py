"""What is done to a store without the daemon: set it up, verify it, restore from it.

Like `medkiosk.daemon`, a place where stages may meet.
"""
