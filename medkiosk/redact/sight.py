"""A picture as all detectors look at it: decoded once, at the sizes that they need."""

from __future__ import annotations

from dataclasses import dataclass

from medkiosk.redact.pixels import Grey, View
from medkiosk.redact.region import Size

LARGE = 3200
"""Long side from which on colours are decoded at half size, pixels: half of it is what a screen shows."""


@dataclass(frozen=True)
class Sight:
    """An upright picture.

    Attributes:
        view: its colours, at half size when it is large.
        grey: its lightness at full size, for codes and small print.
    """

    view: View
    grey: Grey

    @property
    def full(self) -> Size:
        """Size of the whole picture, pixels; every box that is found is in these."""
        return self.view.full
