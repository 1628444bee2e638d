"""Whether the firmware checks what it starts.

The data partition opens by itself for one state of PCR 7 and 12, and for any PCR 11 that was signed. With
Secure Boot off, every system that is started on the machine finds PCR 7 as the kiosk does and can bring
PCR 11 to a signed value: then the TPM keeps the disk from other machines, but not from other systems on this
one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

VARIABLE: Final = Path("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c")
"""UEFI 2.10, section 3.3: one byte, 1 where the firmware enforces signatures."""
_ATTRIBUTES = 4  # bytes before the value of a variable in efivarfs

_MEANS = (
    "The firmware starts any system, and this machine's disk was bound to just that: who is alone with the"
    " machine can start a system of their own on it and open the disk."
)
_MEND = (
    "To mend it, switch the machine off. Put Secure Boot into set-up mode in the firmware, write the image to"
    " the disk anew, and start it: docs/install.md. To turn Secure Boot on without writing anew does not do:"
    " the disk would ask for a recovery key that nobody has yet."
)
OFF: Final = ("SECURE BOOT IS OFF", "", _MEANS, "", _MEND, "")
"""What an installer must know before going on."""


def is_on(variable: Path = VARIABLE) -> bool:
    """Return whether it is on; a firmware that has no such variable, or says it oddly, is one without."""
    try:
        return variable.read_bytes()[_ATTRIBUTES:] == b"\x01"
    except OSError:
        return False
