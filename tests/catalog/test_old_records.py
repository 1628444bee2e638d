"""A record stays what it was: what an older version wrote is read, and new members change no byte of it."""

from __future__ import annotations

import msgspec
import pytest

from medkiosk.core import canon
from medkiosk.core.events import Compared, Redacted, decode
from medkiosk.core.photo import Box
from medkiosk.core.quality import Quality

_OLD = (
    b'{"actor":"' + b"a" * 32 + b'","at":"2026-11-22T09:00:00Z","capture_id":"' + b"b" * 32 + b'","code":0,'
    b'"derivative_id":"' + b"c" * 32 + b'","findings":[{"box":{"h":4,"w":3,"x":1,"y":2},"category":"face",'
    b'"confidence":900,"decision":"mask","detector":"centerface-4rot/1","model":"00","reason":"","reviewer":""}],'
    b'"height":80,"original_id":"' + b"d" * 32 + b'","policy":"medkiosk-default/1 sha256:00",'
    b'"preview_height":80,"preview_id":"' + b"e" * 32 + b'","preview_width":100,"revision":1,'
    b'"type":"redacted","width":100}'
)


def test_a_redaction_recorded_before_there_were_crops_is_read() -> None:
    event = decode(_OLD)
    assert isinstance(event, Redacted)
    assert (event.crop, event.quality) == (None, None)
    assert event.shown == Box(0, 0, 100, 80)
    assert canon.encode(event) == _OLD


def test_a_crop_and_the_quality_are_recorded() -> None:
    event = decode(_OLD)
    assert isinstance(event, Redacted)
    quality = Quality(None, 900, 0, 0, 0, None, 0)
    newer = msgspec.structs.replace(event, crop=Box(16, 8, 32, 40), quality=quality)
    assert decode(canon.encode(newer)) == newer
    assert newer.shown == Box(16, 8, 32, 40)


def test_one_value_has_one_spelling() -> None:
    with pytest.raises(ValueError, match="canonical"):
        decode(_OLD.replace(b'"capture_id"', b'"crop":null,"capture_id"').replace(b'"code":0', b'"code":0'))


def test_a_comparison_is_recorded() -> None:
    event = Compared(at="2026-11-22T09:00:00Z", actor="a" * 32, capture_id="b" * 32, revision=1, subject="00")  # type: ignore[arg-type]
    assert decode(canon.encode(event)) == event
