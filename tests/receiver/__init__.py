"""The receiver's tool, on bundles that the kiosk's own writer made, and on what was made of them."""
