"""One picture of the evaluation: how it is made, and what is on it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from medkiosk.redact.pixels import Pixels
from tests.eval.score import Truth

_QUALITY = 95


@dataclass(frozen=True)
class Rendered:
    """Pixels (BGR, shape (height, width, 3)) and the truth about them."""

    pixels: Pixels
    truths: Sequence[Truth]

    def jpeg(self) -> bytes:
        """As the camera would write it: 4:2:2, baseline."""
        held = io.BytesIO()
        image = Image.fromarray(np.ascontiguousarray(self.pixels[:, :, ::-1]))
        image.save(held, "JPEG", quality=_QUALITY, subsampling="4:2:2")
        return held.getvalue()


@dataclass(frozen=True)
class Picture:
    """A picture that is made when it is its turn.

    Attributes:
        set: which part of the evaluation it belongs to.
        name: unique within the set.
        render: makes it; the same every time.
        peer: whether the peer, which only knows faces, is asked too.
        tags: groups of the picture itself, for false boxes and seconds.
    """

    set: str
    name: str
    render: Callable[[], Rendered]
    peer: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
