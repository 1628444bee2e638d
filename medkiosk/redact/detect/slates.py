"""Slates: QR codes that this or another kiosk showed between two patients' pictures (docs/slate.md).

A slate fills a good part of the frame and is a photograph of a screen: reduced, its pixel grid, moire and
noise are gone. So it is looked for at small sizes only.
"""

from __future__ import annotations

import cv2
import numpy as np
import zxingcpp

from medkiosk.core.slate import MOST, is_like_slate
from medkiosk.redact.pixels import Grey

_QR = zxingcpp.barcode_formats_from_str("QRCode")
_SHRINK = (3, 2, 4)
"""By how much a picture is reduced; the first at which there is a slate is enough."""


def find_slates(grey: Grey) -> tuple[str, ...]:
    """Return the texts of the slates in a picture, each once, at most `MOST`.

    Args:
        grey: the upright picture at full size, shape (height, width).
    """
    for shrink in _SHRINK:
        size = (max(1, grey.shape[1] // shrink), max(1, grey.shape[0] // shrink))
        small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
        codes = zxingcpp.read_barcodes(small, formats=_QR, try_invert=False)
        texts = dict.fromkeys(code.text for code in codes if code.valid and is_like_slate(code.text))
        if texts:
            return tuple(texts)[:MOST]
    return ()
