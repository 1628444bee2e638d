"""Files that a card may hold and that are no good photographs, one of each kind."""

from __future__ import annotations

import json
import random
import struct
import zlib
from pathlib import Path

BAD_KINDS = ("truncated", "empty", "png", "noise", "video", "newline", "parent")
_BLOCK = 1 << 20


def write_bad(root: Path, folder: str, whole: bytes, *, noise_bytes: int, camera: bool) -> dict[str, Path]:
    """Write one file of each of `BAD_KINDS` and return where they are.

    Args:
        root: the card's root.
        folder: where on the card.
        whole: a good JPEG, of which some are made.
        noise_bytes: size of the file of noise.
        camera: name one file ``../IMG.JPG`` by ``names.json``. A directory cannot hold that name: without
            this the kind is left out.
    """
    place = root / folder
    place.mkdir(parents=True, exist_ok=True)
    made = {
        "truncated": place / "IMG_9001.JPG",
        "empty": place / "IMG_9002.JPG",
        "png": place / "IMG_9003.JPG",
        "noise": place / "IMG_9004.CR3",
        "video": place / "MVI_9005.MP4",
        "newline": place / "I\n9006.JPG",
    }
    made["truncated"].write_bytes(whole[: len(whole) // 2])
    made["empty"].write_bytes(b"")
    made["png"].write_bytes(small_png())
    with made["noise"].open("wb") as stream:
        rng = random.Random(9004)
        for start in range(0, noise_bytes, _BLOCK):
            stream.write(rng.randbytes(min(_BLOCK, noise_bytes - start)))
    made["video"].write_bytes(small_mp4())
    made["newline"].write_bytes(whole)
    if camera:
        made["parent"] = place / "IMG_9007.JPG"
        made["parent"].write_bytes(whole)
        key = made["parent"].relative_to(root).as_posix()
        (root / "names.json").write_text(json.dumps({key: "../IMG.JPG"}))
    return made


def small_png() -> bytes:
    """A valid PNG of 64 x 48 grey pixels."""
    rows = b"".join(b"\0" + bytes((x * 4 + y) & 0xFF for x in range(64)) for y in range(48))
    header = struct.pack(">IIBBBBB", 64, 48, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def small_mp4() -> bytes:
    """An MP4 of two boxes, file type and media data: enough for anyone to see that it is a film."""
    return _box(b"ftyp", b"mp42\0\0\0\1mp42isom") + _box(b"mdat", bytes(range(256)) * 64)


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", 8 + len(payload)) + kind + payload
