"""Detectors: each finds one kind of identifying mark in pixels."""
