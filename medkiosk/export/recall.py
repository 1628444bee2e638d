"""The recall list and the notice about it (docs/recall.md). Pure but for `write_notice`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medkiosk import durable, sshsig
from medkiosk.core import canon
from medkiosk.core.consent import Recall
from medkiosk.core.exportevents import RecalledExport
from medkiosk.core.ids import CaptureId, ExportId, Random, RecipientId
from medkiosk.export import manifest
from medkiosk.export.folder import Files
from medkiosk.export.plainfolder import write_folder

VERSION = "medkiosk-recall/1"
FOLDER = "medkiosk-recall-"


class Why(StrEnum):
    """Why a picture that left must be destroyed."""

    WITHDRAWN = "withdrawn"
    SCOPE = "scope"
    WRONG_SUBJECT = "wrong_subject"


WHY_WORDS: Mapping[Why, str] = {
    Why.WITHDRAWN: "Consent was withdrawn, or refused since.",
    Why.SCOPE: "Consent does not cover this use any more.",
    Why.WRONG_SUBJECT: "The picture proved to be of somebody else.",
}


@dataclass(frozen=True)
class Left:
    """One picture that left, and what is known of it today.

    Attributes:
        capture_id: the kiosk's own id.
        image: its id in the bundle; empty in exports from before that was kept.
        moved: it was assigned to another subject since.
        recall: what consent says about it today (`Decision.recall`); None: it may stay.
        kept: why it was recalled when it was disposed of here; None where it is still here or was not.
    """

    capture_id: CaptureId
    image: str
    moved: bool = False
    recall: Recall | None = None
    kept: Why | None = None

    @property
    def why(self) -> Why | None:
        """Why it must be destroyed; None: it need not."""
        if self.moved:
            return Why.WRONG_SUBJECT
        return self.kept if self.recall is None else Why(self.recall)


@dataclass(frozen=True)
class Sent:
    """One export that is outside, or perhaps is.

    Attributes:
        at: when it was decided.
        manifest_sha256: of the bundle; empty where it is not known that it was written.
        pictures: all of it.
    """

    export_id: ExportId
    recipient_id: RecipientId
    at: str
    manifest_sha256: str
    pictures: tuple[Left, ...]


@dataclass(frozen=True)
class Told:
    """One notice that was written.

    Attributes:
        at: when.
        exports: what it named.
        confirmed: when the recipient acknowledged a bundle that held it; empty.
    """

    at: str
    exports: tuple[RecalledExport, ...]
    confirmed: str = ""


@dataclass(frozen=True)
class Line:
    """Pictures of one export that must be destroyed for one reason.

    Attributes:
        told: when a notice was last written that names all of them; empty while there is none.
        confirmed: when the recipient acknowledged such a notice; empty. From then on it is not repeated.
    """

    sent: Sent
    why: Why
    pictures: tuple[Left, ...]
    told: str = ""
    confirmed: str = ""

    @property
    def open(self) -> bool:
        """Whether the recipient is still to be told."""
        return not self.confirmed


def recall_list(sent: Iterable[Sent], told: Sequence[Told]) -> list[Line]:
    """Return what is outside and must be destroyed, in the order of ``sent``.

    Pictures that were named and confirmed make a line of their own beside those that were not: one more
    withdrawal must not open again what was done.

    Args:
        sent: every export that is outside or perhaps is.
        told: every notice, oldest first.
    """
    lines = []
    for one in sent:
        notices = [(notice, _named(notice, one)) for notice in told]
        groups: dict[tuple[Why, str, str], list[Left]] = {}
        for picture in one.pictures:
            if (why := picture.why) is None:
                continue
            names = [notice for notice, named in notices if named is not None and picture.image in named]
            when = max((notice.at for notice in names), default="")
            confirmed = min((notice.confirmed for notice in names if notice.confirmed), default="")
            groups.setdefault((why, when, confirmed), []).append(picture)
        lines += [
            Line(one, why, tuple(pictures), when, confirmed)
            for (why, when, confirmed), pictures in sorted(groups.items())
        ]
    return lines


def _named(notice: Told, sent: Sent) -> frozenset[str] | None:
    found = [each.images for each in notice.exports if each.export_id == sent.export_id]
    return frozenset(image for images in found for image in images) if found else None


def named(lines: Iterable[Line]) -> tuple[RecalledExport, ...]:
    """Return what a notice about these lines names: bundles in ascending order, and their pictures."""
    images: dict[ExportId, set[str]] = {}
    for line in lines:
        images.setdefault(line.sent.export_id, set()).update(each.image for each in line.pictures)
    return tuple(RecalledExport(id_, tuple(sorted(images[id_]))) for id_ in sorted(images))


class _Export(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    export_id: ExportId
    images: tuple[str, ...]
    manifest_sha256: str


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``recall.json``. ``recipient`` is empty: whoever finds the notice must not learn for whom it is."""

    version: str
    recall_id: str
    created: str
    recipient: str
    exports: tuple[_Export, ...]


def members(lines: Sequence[Line], recall_id: str, created: date, key: Ed25519PrivateKey) -> dict[str, bytes]:
    """Return the three files of a notice by name.

    Args:
        lines: what it is about; not empty.
        recall_id: fresh.
        created: day of the notice.
        key: the kiosk's signing key.
    """
    hashes = {line.sent.export_id: line.sent.manifest_sha256 for line in lines}
    exports = tuple(_Export(each.export_id, each.images, hashes[each.export_id]) for each in named(lines))
    notice = Notice(VERSION, recall_id, created.isoformat(), "", exports)
    signed = canon.encode(notice)
    text, data, signature = manifest.RECALL
    return {
        text: _text(notice, sshsig.fingerprint(key.public_key())).encode(),
        data: signed,
        signature: sshsig.sign(signed, key, sshsig.RECALL_NAMESPACE),
    }


def _text(notice: Notice, signer: str) -> str:
    lines = [
        f"RECALL of pictures that you were given. Written on {notice.created}.",
        "",
        "These pictures must not be used any more. Destroy them: what you decrypted, every copy and print,",
        "and the bundle on the stick where all of it is recalled. Then tell the department that it is done.",
        "",
    ]
    for each in notice.exports:
        lines.append(f"From the bundle {each.export_id} (its folder ends with {each.export_id[:8]}):")
        lines += [f"    {image}" for image in each.images]
        lines.append("")
    lines += [
        "The same list stands in recall.json, signed with the department's key:",
        f"    {signer}",
        "Check it with allowed_signers as you have it from the department:",
        f"    ssh-keygen -Y verify -f ~/allowed_signers -I {sshsig.PRINCIPAL} \\",
        f"      -n {sshsig.RECALL_NAMESPACE} -s recall.json.sig < recall.json",
        "",
    ]
    return "\n".join(lines)


def write_notice(
    target_dir: Path,
    recall_id: str,
    created: date,
    files_of: Mapping[str, bytes],
    files: Files = durable,
    random: Random = os.urandom,
) -> str:
    """Write a notice alone to a stick, read back like a bundle; gives the folder's name.

    Raises:
        StickError: the stick did not take it.
        StickLiesError: the stick took it and gives back something else.
    """
    return write_folder(target_dir, FOLDER, recall_id, created, files_of, files, random)
