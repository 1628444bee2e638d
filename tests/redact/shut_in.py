"""Run by `test_heif`: decode HEIF files as a worker's child does, shut in and with nothing loaded meanwhile.

Prints one line a file: its size, or the code of the refusal. Threads, which a child may start, are forbidden
here: the decoder must do without.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import errno
import sys
from pathlib import Path

import cv2
import pyseccomp

from medkiosk.redact.container import ycbcr
from medkiosk.redact.container.heif import decode_heif
from medkiosk.redact.container.hevc import Hevc
from medkiosk.redact.errors import ContainerError
from medkiosk.redact.sandbox import confine as sandbox


def main() -> None:
    cv2.setNumThreads(1)
    hevc = Hevc()
    ycbcr.warm_up()
    files = [memoryview(Path(name).read_bytes()) for name in sys.argv[1:]]
    baseline = sandbox.address_space()
    sandbox.confine()
    child = os.fork()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for name in ("clone", "clone3"):
        rules.add_rule(pyseccomp.ERRNO(errno.EPERM), name)
    rules.load()
    sandbox.confine_child(baseline + (600 << 20))
    for data in files:
        try:
            height, width = decode_heif(data, 64_000_000, 16384, hevc).shape[:2]
            line = f"{width}x{height}"
        except ContainerError as error:
            line = error.code.name
        os.write(1, line.encode() + b"\n")
    os._exit(0)


if __name__ == "__main__":
    main()
