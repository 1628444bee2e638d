"""What leaves the kiosk: signed, encrypted, provable."""
