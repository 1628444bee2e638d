"""How exposed each service may be: what ``systemd-analyze security`` of Debian 13 may say at most.

docs/hardening.md has the same table, with what was measured and why; a test compares the two.
"""

from __future__ import annotations

LIMITS = {
    "medkioskd.service": 0.5,
    "medkiosk-redact@.service": 0.5,
    "medkiosk-source@.service": 0.5,
    "medkiosk-mount@.service": 3.0,
    "medkiosk-console.service": 1.0,
    "medkiosk-console-text.service": 1.0,
    "medkiosk-seat.service": 1.5,
    "medkiosk-failed@.service": 1.0,
    "emergency.service": 1.0,
    "medkiosk-booted.service": 1.0,
    "medkiosk-revert.service": 1.0,
    "medkiosk-power@.service": 1.0,
    "medkiosk-health.service": 1.5,
    "medkiosk-setup.service": 3.5,
    "medkiosk-decommission@.service": 2.0,
    "medkiosk-lock.service": 0.5,
    "medkiosk-repair.service": 1.0,
    "medkiosk-usb.service": 2.0,
    "medkiosk-update@.service": 2.0,
}
