"""Make a memory card full of photographs.

``python -m tests.virtual.photos --out DIR --count N [--seed S] [--fast] [--bad] [--truth FILE]``

The files lie in ``DIR/DCIM/100CANON`` as an R6 names them. What is on each picture goes to ``--truth`` as
one JSON line a file, never onto the card.
"""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from tests.virtual.badfiles import BAD_KINDS, write_bad
from tests.virtual.exif import Shot, jpeg_with_metadata
from tests.virtual.scenes import MRN, PATIENT, SCENES, SENSOR, Body, Mark, compose, photos_dir

_VERSION = 1  # of the composed bodies in the cache: raise it when a scene changes
_CACHED_SEEDS = 3
_START = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
_PER_FOLDER = 9999
_SHOT = Shot(_START, 0)

IDENTIFIERS = (
    PATIENT,
    MRN,
    _SHOT.serial,
    _SHOT.owner,
    _SHOT.artist,
    _SHOT.lens_serial,
    "bed 12, left forearm",
)
"""Texts that are on the pictures or in their metadata and may appear nowhere outside a sealed object."""


class Photo(msgspec.Struct, frozen=True):
    """One file of a made card, and the truth about it.

    Attributes:
        path: relative to the card's root.
        scene: a key of `tests.virtual.scenes.SCENES`, or a kind of `tests.virtual.badfiles.BAD_KINDS`.
        size: bytes.
        orientation: EXIF orientation; 1 where there is none.
        marks: identifying marks, in upright pixels.
    """

    path: str
    scene: str
    size: int
    orientation: int = 1
    marks: list[Mark] = []


def make_card(
    out: Path,
    count: int,
    *,
    seed: int = 0,
    fast: bool = False,
    bad: bool = False,
    camera: bool = True,
    noise_bytes: int = 100_000_000,
    size: tuple[int, int] = SENSOR,
) -> list[Photo]:
    """Write a card below ``out`` and return what is on it.

    Args:
        out: the card's root, made if it is not there.
        count: how many photographs; scenes take turns.
        seed: where marks are and at which angle follows from it.
        fast: compose each scene once and reuse it. Every file still differs, by its metadata.
        bad: add one file of each kind in `BAD_KINDS`.
        camera: the card is for the virtual camera: names that no file system takes go to ``names.json``.
        noise_bytes: how large the noise among the bad files is.
        size: pixels; tests that do not need 20 megapixels ask for fewer.
    """
    names = list(SCENES)
    made: list[Photo] = []
    for number in range(1, count + 1):
        scene = names[(number - 1) % len(names)]
        round_ = 0 if fast else (number - 1) // len(names)
        body = _body(scene, seed + round_, size)
        moment = _START + timedelta(seconds=37 * number)
        shot = Shot(moment, number, orientation=body.orientation)
        path = out / _folder(number) / f"IMG_{(number - 1) % _PER_FOLDER + 1:04d}.JPG"
        data = jpeg_with_metadata(body.jpeg, shot, body.thumbnail, body.preview)
        _write(path, data, moment)
        made.append(
            Photo(
                path.relative_to(out).as_posix(),
                scene,
                len(data),
                orientation=body.orientation,
                marks=body.marks,
            )
        )
    if bad:
        body = _body(names[0], seed, size)
        shot = Shot(_START + timedelta(days=1), 9000)
        whole = jpeg_with_metadata(body.jpeg, shot, body.thumbnail, body.preview)
        for kind, path in write_bad(out, _folder(1), whole, noise_bytes=noise_bytes, camera=camera).items():
            made.append(Photo(path.relative_to(out).as_posix(), kind, path.stat().st_size))
    return made


def _folder(number: int) -> str:
    return f"DCIM/{100 + (number - 1) // _PER_FOLDER}CANON"


def _write(path: Path, data: bytes, moment: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (moment.timestamp(), moment.timestamp()))


def _body(scene: str, seed: int, size: tuple[int, int]) -> Body:
    """Compose, or take from the cache beside the photographs, which holds the first few seeds."""
    if seed >= _CACHED_SEEDS:
        return compose(scene, seed, size)
    path = photos_dir() / "composed" / f"{_VERSION}-{scene}-{seed}-{size[0]}x{size[1]}.msgpack"
    if path.exists():
        return msgspec.msgpack.decode(path.read_bytes(), type=Body)
    body = compose(scene, seed, size)
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(msgspec.msgpack.encode(body))
    partial.replace(path)
    return body


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a memory card full of photographs.")
    parser.add_argument("--out", type=Path, required=True, help="the card's root")
    parser.add_argument("--count", type=int, required=True, help="how many photographs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fast", action="store_true", help="compose each scene once, vary the metadata")
    parser.add_argument("--bad", action="store_true", help=f"add bad files: {', '.join(BAD_KINDS)}")
    parser.add_argument("--noise-bytes", type=int, default=100_000_000, help="size of the noise among them")
    parser.add_argument("--card", action="store_true", help="for a card reader, not the virtual camera")
    parser.add_argument("--truth", type=Path, help="a file for what is on each picture")
    options = parser.parse_args()
    made = make_card(
        options.out,
        options.count,
        seed=options.seed,
        fast=options.fast,
        bad=options.bad,
        camera=not options.card,
        noise_bytes=options.noise_bytes,
    )
    lines = b"\n".join(msgspec.json.encode(photo) for photo in made) + b"\n"
    if options.truth:
        options.truth.write_bytes(lines)
    print(f"{len(made)} files, {sum(photo.size for photo in made) / 1e6:.0f} MB in {options.out}")


if __name__ == "__main__":
    main()
