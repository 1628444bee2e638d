"""JPEG: read its structure, judge it, turn it, burn it, crop it; pixels come from libjpeg-turbo alone."""
