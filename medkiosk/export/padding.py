"""Padding to Padmé lengths, and the mark in that of a picture (docs/export-format.md section 4). Pure."""

from __future__ import annotations

SMALLEST = 4096
"""Bytes that every content has at least."""
MARK = 128
"""Bytes of padding that a picture gets at least."""


def padded_size(size: int) -> int:
    """Return the length to which a content of ``size`` bytes is padded.

    Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs",
    PoPETs 2019, section 4.4): a length is shown with as many binary digits as its magnitude needs.
    """
    size = max(size, SMALLEST)
    exponent = size.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return -(-size // step) * step


def mark(export_id: str, image_id: str) -> bytes:
    """Return the line that the padding of a picture repeats (section 4.1)."""
    return (
        f"\nmedkiosk export {export_id} {image_id}. Redacted, not anonymous. "
        "For the purpose and the recipient of that export only."
    ).encode()


def picture_padding(size: int, export_id: str, image_id: str) -> bytes:
    """Return what stands behind a JPEG of ``size`` bytes."""
    missing = padded_size(size + MARK) - size
    line = mark(export_id, image_id)
    return (line * (missing // len(line) + 1))[:missing]
