#!/usr/bin/env python3
"""Make a signed update for a stick of what the image's build left: ``make update`` (docs/update-format.md).

Usage: release.py --built DIR --key FILE --into DIR [--minimum VERSION]

The parts' partition UUIDs are read from the image's partition table. The signature is made by ``ssh-keygen``,
so the key may be in an agent; it must be an Ed25519 key.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import struct
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from medkiosk.core import canon
from medkiosk.core.clock import rfc3339
from medkiosk.sshsig import UPDATE_NAMESPACE
from medkiosk.update.manifest import (
    FILES,
    FORMAT,
    PRODUCT,
    Manifest,
    Part,
    PartName,
    decode,
    folder_name,
    parse_version,
)
from medkiosk.vault.schema import USER_VERSION

SECTOR = 512


def partitions(image: Path) -> dict[str, str]:
    """Return the UUID, 32 hexadecimal digits, of each partition by its label (UEFI 2.10, section 5.3)."""
    with image.open("rb") as file:
        file.seek(SECTOR)
        header = file.read(92)
        if header[:8] != b"EFI PART":
            raise SystemExit(f"{image} has no GUID partition table")
        first, count, size = struct.unpack("<QII", header[72:88])
        file.seek(first * SECTOR)
        entries = [file.read(size) for _ in range(count)]
    return {
        entry[56:128].decode("utf-16-le").rstrip("\0"): uuid.UUID(bytes_le=entry[16:32]).hex
        for entry in entries
        if any(entry[:16])
    }


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Write the folder; it has its name only when it is whole."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--built", type=Path, required=True, help="where the image's build left everything")
    parser.add_argument(
        "--key", type=Path, required=True, help="private key of the release, as ssh-keygen takes it"
    )
    parser.add_argument("--into", type=Path, required=True, help="where the update's folder is made")
    parser.add_argument("--minimum", default="0.0.0", help="the oldest version that it may be installed over")
    args = parser.parse_args()
    version = parse_version((args.built / "version").read_text("ascii").strip())
    named = partitions(args.built / "medkiosk.raw")
    sources = {
        PartName.ROOT: args.built / f"medkiosk_{version}.root.raw",
        PartName.VERITY: args.built / f"medkiosk_{version}.root-verity.raw",
        PartName.UKI: args.built / f"medkiosk_{version}.efi",
    }
    if missing := [str(source) for source in sources.values() if not source.is_file()]:
        raise SystemExit(f"The image was not built whole: {', '.join(missing)} is missing.")
    uuids = {PartName.ROOT: named[f"medkiosk_{version}"], PartName.VERITY: named[f"medkiosk_{version}_v"]}
    final = args.into / folder_name(version)
    if final.exists():
        raise SystemExit(f"{final} is there already: take it away first.")
    folder = args.into / f".{final.name}.partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    parts = []
    for name, source in sources.items():
        copied = folder / FILES[name]
        shutil.copyfile(source, copied)
        parts.append(
            Part(name=name, sha256=sha256(copied), size=copied.stat().st_size, uuid=uuids.get(name, ""))
        )
    manifest = Manifest(
        format=FORMAT,
        product=PRODUCT,
        architecture="x86-64",
        version=str(version),
        minimum=args.minimum,
        store_oldest=USER_VERSION,
        store_newest=USER_VERSION,
        commit=(args.built / "commit").read_text("ascii").strip(),
        created=rfc3339(datetime.now(UTC)),
        parts=tuple(parts),
    )
    text = canon.encode(manifest)
    decode(text)  # what a kiosk would refuse is not signed
    (folder / "update.json").write_bytes(text)
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", args.key, "-n", UPDATE_NAMESPACE, folder / "update.json"],  # noqa: S607
        check=True,
    )
    folder.rename(final)
    print(f"{final}: version {version}, {manifest.size >> 20} MiB. Copy it to a stick labelled MEDKIOSK.")


if __name__ == "__main__":
    main()
