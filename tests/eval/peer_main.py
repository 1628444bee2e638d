"""Runs in the peer's environment, not in ours: deface on one picture after another, one thread.

Reads one path a line; answers one JSON line each: ``boxes`` (x0, y0, x1, y1, score before deface grows them),
``seconds`` of CPU for reading and detecting. ``PATH > OUT``: deface's own whole run, reading, detecting,
blurring and writing, with its defaults; answers ``seconds``.
"""

import json
import os
import sys
import time

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # ONNX Runtime and OpenCV take one thread from this

import cv2  # noqa: E402
import imageio.v2 as iio  # type: ignore[import-not-found]  # noqa: E402
from deface.centerface import CenterFace  # type: ignore[import-not-found]  # noqa: E402
from deface.deface import image_detect  # type: ignore[import-not-found]  # noqa: E402

THRESHOLD = 0.2  # --thresh
MASK_SCALE = 1.3  # --mask-scale


def main() -> None:
    """Answer until the input ends."""
    cv2.setNumThreads(1)
    out = os.dup(1)
    os.dup2(2, 1)  # deface prints what it runs on
    before = time.process_time()
    net = CenterFace(in_shape=None, backend="auto")
    started = {"backend": net.backend, "load_seconds": time.process_time() - before, "mask_scale": MASK_SCALE}
    answer(out, started)
    for line in sys.stdin:
        path, _, target = line.rstrip("\n").partition(" > ")
        before = time.process_time()
        if target:
            image_detect(path, target, net, THRESHOLD, "blur", MASK_SCALE, True, False, False, False)
            answer(out, {"seconds": time.process_time() - before})
            continue
        found, _ = net(iio.imread(path), threshold=THRESHOLD)
        seconds = time.process_time() - before
        answer(out, {"boxes": [[float(value) for value in row] for row in found], "seconds": seconds})


def answer(out: int, values: dict[str, object]) -> None:
    """Write one JSON line."""
    os.write(out, json.dumps(values).encode() + b"\n")


if __name__ == "__main__":
    main()
