"""What the kiosk teaches: pages, their checks, who is current, and a picture to practise on. Pure."""
