"""Redact plain files: no store, no keys, no ledger. For the command line, for trying out and measuring."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from medkiosk.core.channel import Spawn
from medkiosk.core.errors import KioskError
from medkiosk.core.frames import CHUNK
from medkiosk.core.photo import Finding, RedactCode
from medkiosk.core.quality import Quality
from medkiosk.redact.client import RedactResult, RedactSession


class UnreadableFileError(KioskError):
    """The file {path} cannot be read: {detail}. Nothing was written for it."""

    code = "redact.unreadable"


def redact_files(
    paths: Iterable[Path],
    out_dir: Path,
    spawn: Spawn,
    *,
    timeout_s: float = 60.0,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[dict[str, Any]]:
    """Redact files one after another and write what may leave.

    Args:
        paths: the pictures.
        out_dir: existing folder for the derivatives. Each keeps its file's name, with ``.jpg`` for what was
            no JPEG; a name that was written already in this run, or that is one of ``paths``, gets ``-2``,
            ``-3`` ...
        spawn: starts a redact worker; a new one is started when one broke.
        timeout_s: longest time for one file.
        monotonic: a clock in seconds, for ``seconds``.

    Yields:
        One dictionary a file: ``file``; ``output`` (path, or empty); ``media``; ``size`` ([width, height] of
        the derivative, or null); ``findings`` (each: ``category``, ``polygon`` of four [x, y] points,
        ``detector``, ``model``, ``confidence`` 0 to 1, ``decision``), ``residual`` (the same);
        ``quality`` (scores and advice, see `medkiosk.core.quality`, or null); ``code`` and ``words``;
        ``policy``; ``seconds``.

    Raises:
        UnreadableFileError: a file cannot be read.
        WorkerError: a worker did not start.
        OSError: a derivative cannot be written.
    """
    originals = list(paths)
    taken = {path.resolve() for path in originals}
    session: RedactSession | None = None
    try:
        for path in originals:
            if session is None:
                session = RedactSession(spawn(), timeout_s=timeout_s)
            started = monotonic()
            result = _redact(path, session)
            seconds = monotonic() - started
            output = ""
            # What is left over needs a reviewer's eyes: like the kiosk, this writes nothing for it.
            if result.code is RedactCode.OK:
                target = _free_name(path, out_dir, taken)
                target.write_bytes(result.derivative)
                output = str(target)
            yield _line(path, output, result, seconds)
            if session.broken:
                session.close()
                session = None
    finally:
        if session is not None:
            session.close()


def _redact(path: Path, session: RedactSession) -> RedactResult:
    try:
        with path.open("rb") as stream:
            return session.detect(lambda: _pieces(stream), path.stat().st_size)
    except (OSError, ValueError) as error:
        raise UnreadableFileError(path=path, detail=error) from error


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    return iter(lambda: stream.read(CHUNK), b"")


def _free_name(path: Path, out_dir: Path, taken: set[Path]) -> Path:
    suffix = path.suffix if path.suffix.lower() in {".jpg", ".jpeg"} else ".jpg"
    number = 1
    target = out_dir / f"{path.stem}{suffix}"
    while target.resolve() in taken:
        number += 1
        target = out_dir / f"{path.stem}-{number}{suffix}"
    taken.add(target.resolve())
    return target


def _line(path: Path, output: str, result: RedactResult, seconds: float) -> dict[str, Any]:
    return {
        "file": str(path),
        "output": output,
        "media": result.media.value,
        "size": [result.width, result.height] if result.width else None,
        "findings": [_finding(finding) for finding in result.findings],
        "residual": [_finding(finding) for finding in result.residual],
        "quality": None if result.quality is None else _plain(result.quality),
        "code": result.code.name.lower(),
        "words": result.words,
        "policy": result.policy,
        "seconds": round(seconds, 3),
    }


def _plain(quality: Quality) -> dict[str, Any]:
    return {**msgspec.to_builtins(quality), "advice": [advice.value for advice in quality.advice]}


def _finding(finding: Finding) -> dict[str, Any]:
    box = finding.box
    right, bottom = box.x + box.w, box.y + box.h
    return {
        "category": finding.category.value,
        "polygon": [[box.x, box.y], [right, box.y], [right, bottom], [box.x, bottom]],
        "detector": finding.detector,
        "model": finding.model,
        "confidence": finding.confidence / 1000,
        "decision": finding.decision.value,
    }
