"""Throw hostile bytes: `python -m tests.fuzz TARGET|worker|all --seconds N`.

A target's parser runs under atheris, which sees what its code covers and goes where it has not been; what
it finds interesting is kept in ``--corpus``. ``worker`` sends mutated real files to a real redact worker:
every one must give an answer, and the worker must go on.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

_FIRST_SEED = 1_000_000


def main() -> int:
    """Run; 0 when nothing was found."""
    parser = argparse.ArgumentParser(description="Throw hostile bytes at what reads them.")
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, default=Path(".cache/fuzz"))
    options = parser.parse_args()
    if options.target == "worker":
        return fuzz_worker(options.seconds)
    if options.target == "all":
        return _all(options.seconds, options.corpus)
    return fuzz_target(options.target, options.seconds, options.corpus)


def _all(seconds: int, corpus: Path) -> int:
    from tests.fuzz.targets import TARGETS

    failed = []
    for name in (*TARGETS, "worker"):
        command = [
            sys.executable,
            "-m",
            "tests.fuzz",
            name,
            "--seconds",
            str(seconds),
            "--corpus",
            str(corpus),
        ]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    print(f"found something: {', '.join(failed)}" if failed else "nothing found", flush=True)
    return int(bool(failed))


def fuzz_target(name: str, seconds: int, corpus: Path) -> int:
    """One parser, guided by what it covers. Does not return when it ran to its end: the fuzzer exits."""
    import atheris

    with atheris.instrument_imports(include=["medkiosk"]):
        from tests.fuzz.targets import TARGETS, check

    folder = corpus / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[name].seeds()):
        (folder / f"seed-{number}").write_bytes(seed)
    arguments = [
        "fuzz", f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-max_len=65536",
        "-print_final_stats=1", f"-artifact_prefix={corpus}/{name}-", str(folder),
    ]  # fmt: skip
    print(f"{name}: {seconds} s", flush=True)
    atheris.Setup(arguments, lambda data: check(name, bytes(data)))
    atheris.Fuzz()
    return 0


def fuzz_worker(seconds: int) -> int:
    """The whole worker with mutated real files, in the sandbox that it has in production."""
    from medkiosk.redact.client import RedactSession
    from medkiosk.workers import ProcessChannel, python_worker
    from tests.fuzz.mutate import mutated
    from tests.fuzz.targets import TARGETS

    models = os.environ.get("MEDKIOSK_MODELS", ".models")
    command = python_worker("medkiosk.redact.worker", "--models", str(Path(models).resolve()))
    seeds = [*_real_files(), *TARGETS["jpeg"].seeds(), *TARGETS["cr3"].seeds(), *TARGETS["heif"].seeds()]
    codes: Counter[str] = Counter()
    number, end = _FIRST_SEED, time.monotonic() + seconds
    with RedactSession(ProcessChannel(command), timeout_s=60) as session:
        while time.monotonic() < end:
            data = mutated(seeds[number % len(seeds)], number)
            codes[session.detect(lambda data=data: [data], len(data)).code.name] += 1  # type: ignore[misc]
            if session.broken:
                print(f"worker: mutation {number} broke it", flush=True)
                return 1
            number += 1
    print(f"worker: {number - _FIRST_SEED} files: {dict(codes)}", flush=True)
    return int(bool(set(codes) & {"CRASHED", "PROTOCOL", "TIMEOUT", "INTERNAL"}))


def _real_files() -> list[bytes]:
    shared = Path(os.environ.get("MEDKIOSK_SHARED", "../shared")) / "eval"
    faces = sorted((shared / "faces").glob("*.jpg"))[:4]
    return [path.read_bytes() for path in (*faces, *sorted((shared / "formats").glob("*")))]


if __name__ == "__main__":
    sys.exit(main())
