"""Bundles opened with tools that are not ours, and what is left when one cannot be written."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pyrage
import pytest
from PIL import Image

from medkiosk import durable
from medkiosk.core.errors import BadRequestError, NotFoundError
from medkiosk.export.age import RecipientKeyError
from medkiosk.export.bundle import Written, write_bundle
from medkiosk.export.contents import Picture
from medkiosk.export.errors import MixedUpError, StickError
from medkiosk.export.folder import Files
from medkiosk.export.padding import padded_size
from medkiosk.export.volume import PARTIAL, StickFiles
from medkiosk.receiver.medkiosk_verify import check_bundle, read_key
from medkiosk.sshsig import fingerprint
from tests.export.build import (
    ALLOWED_SIGNERS,
    IDENTITY,
    PASSPHRASE,
    SIGNER,
    SIGNER_LINE,
    bundle,
    files_in,
    jpeg,
    opened,
    write,
)
from tests.export.terminal import on_terminal


def test_a_bundle_is_sound_and_says_what_it_is(tmp_path: Path) -> None:
    written = write_bundle(tmp_path, bundle(3))
    folder = tmp_path / written.folder
    assert re.fullmatch(r"medkiosk-2026-05-01-[0-9a-f]{8}", written.folder)
    assert [path.name for path in tmp_path.iterdir()] == [written.folder]
    check_bundle(folder, read_key(SIGNER_LINE))
    assert written.images == 3
    assert written.bytes == sum(path.stat().st_size for path in files_in(folder))
    assert written.signer == fingerprint(SIGNER.public_key())


def test_many_pictures_are_written_in_groups_without_holding_them_all(tmp_path: Path) -> None:
    ready = bundle(40)
    alive = 0

    def one_at_a_time() -> Iterator[Picture]:
        nonlocal alive
        for picture in ready.pictures:
            alive += 1
            written = len(list(tmp_path.rglob("*.age")))
            assert alive - written <= 3, "more pictures are in memory than are written and made meanwhile"
            yield picture

    written = write_bundle(tmp_path, replace(ready, pictures=one_at_a_time()))
    assert written.images == 40
    check_bundle(tmp_path / written.folder, read_key(SIGNER_LINE))


def blocks(text: str) -> list[str]:
    """The commands in VERIFY.txt: what is indented."""
    found = re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in found]


def run(folder: Path, home: Path, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def home_of_a_receiver(tmp_path: Path, identity: bool = True) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "allowed_signers").write_text(ALLOWED_SIGNERS + "\n")
    if identity:
        (home / "my-identity.txt").write_text(f"# mine\n{IDENTITY}\n")
    return home


def test_the_commands_in_verify_txt_do_what_they_say(tmp_path: Path) -> None:
    home = home_of_a_receiver(tmp_path)
    folder = write(tmp_path, 2, viewer=True, dicom=True, recall=True)
    text = (folder / "VERIFY.txt").read_text()
    linux, macos, certutil, cmdlet, shown, signature, files, opening, record, dicom, recall, *_ = blocks(text)
    assert shown.strip() == fingerprint(SIGNER.public_key())

    page = hashlib.sha256((folder / "index.html").read_bytes()).hexdigest()
    for command in (linux, macos):
        assert run(folder, home, command).stdout.split()[0] == page
    assert (certutil.split()[0], cmdlet.split()[0]) == ("certutil", "Get-FileHash")

    done = run(folder, home, signature)
    assert (done.returncode, done.stdout.split(" signature")[0]) == (0, 'Good "medkiosk-export@v1"')
    done = run(folder, home, files)
    lines = done.stdout.splitlines()
    assert {line.split()[0] for line in lines} == {"good"}
    assert f"must be {len(lines)} lines" in text
    done = run(folder, home, recall)
    assert (done.returncode, done.stdout.split(" signature")[0]) == (0, 'Good "medkiosk-recall@v1"')

    image = next((folder / "images").iterdir())
    done = run(folder, home, opening.replace("images/NAME.jpg.age", f"images/{image.name}"))
    assert done.returncode == 0, done.stderr
    assert (home / "picture.jpg").read_bytes().startswith((jpeg(0), jpeg(1)))
    done = run(folder, home, record)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(home / "record.zip") as archive:
        assert archive.testzip() is None
        assert (home / "record" / "record.json").read_bytes() == archive.read("record.json")
    done = run(folder, home, dicom.replace("NAME", image.name.split(".")[0]))
    assert done.returncode == 0, done.stderr
    assert (home / "picture.dcm").read_bytes()[128:132] == b"DICM"

    one, other = (folder / "images").iterdir()
    swapped = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(swapped)
    (folder / "view" / "more.css").symlink_to("manifest.css")
    done = run(folder, home, files)
    wrong = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("WRONG")]
    assert sorted(wrong) == sorted([f"images/{one.name}", f"images/{other.name}", "view/more.css"])
    manifest = folder / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"export/2", b"export/3"))
    assert run(folder, home, signature).returncode != 0


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="needs PowerShell, which Debian does not have")
def test_the_hashes_for_windows_are_checked_by_powershell(tmp_path: Path) -> None:
    folder = write(tmp_path, 2, viewer=True)
    text = (folder / "VERIFY.txt").read_text()
    (script,) = (block for block in blocks(text) if "Get-ChildItem" in block)

    def lines() -> list[str]:
        command = ["pwsh", "-NoProfile", "-Command", script]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.splitlines()

    assert {line.split()[0] for line in lines()} == {"good"}
    assert f"must be {len(lines())} lines" in text
    (folder / "checkpoint").write_bytes(b"another")
    assert "WRONG checkpoint" in lines()


def test_the_commands_for_a_passphrase_do_what_they_say(tmp_path: Path) -> None:
    home = home_of_a_receiver(tmp_path, identity=False)
    folder = write(tmp_path, 1, passphrase=PASSPHRASE)
    _, signature, files, unlock, opening, _, *windows = blocks((folder / "VERIFY.txt").read_text())
    assert unlock.split()[-1] in windows[-1]
    assert run(folder, home, signature).returncode == 0
    assert {line.split()[0] for line in run(folder, home, files).stdout.splitlines()} == {"good"}
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin", "TERM": "dumb"}
    status, shown = on_terminal(["sh", "-c", unlock], folder, PASSPHRASE, env)
    assert status == 0, shown
    image = next((folder / "images").iterdir())
    done = run(folder, home, opening.replace("images/NAME.jpg.age", f"images/{image.name}"))
    assert done.returncode == 0, done.stderr
    assert (home / "picture.jpg").read_bytes().startswith(jpeg(0))


def test_a_decrypted_picture_is_the_approved_one_and_names_its_bundle(tmp_path: Path) -> None:
    ready = bundle(2)
    folder = tmp_path / write_bundle(tmp_path, ready).folder
    for picture in ready.pictures:
        data = opened(folder, f"images/{picture.id}.jpg.age")
        assert data.startswith(picture.jpeg)
        assert len(data) == padded_size(len(picture.jpeg) + 128)
        rest = data.removeprefix(picture.jpeg)
        line = f"\nmedkiosk export {ready.export_id} {picture.id}. Redacted, not anonymous.".encode()
        assert rest.startswith(line)
        with Image.open(io.BytesIO(data)) as marked, Image.open(io.BytesIO(picture.jpeg)) as approved:
            assert marked.tobytes() == approved.tobytes()


def test_nobody_else_can_open_it(tmp_path: Path) -> None:
    folder = tmp_path / write_bundle(tmp_path, bundle(1)).folder
    (image,) = (folder / "images").iterdir()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(image.read_bytes(), [pyrage.x25519.Identity.generate()])


def test_a_picture_that_is_not_the_one_in_its_entry_stops_everything(tmp_path: Path) -> None:
    ready = bundle(3)
    one, two, three = ready.pictures
    mixed = replace(two, jpeg=three.jpeg)
    with pytest.raises(MixedUpError, match="Picture 2"):
        write_bundle(tmp_path, replace(ready, pictures=[one, mixed, three]))
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_source_is_not_blamed_on_the_stick(tmp_path: Path) -> None:
    def broken(error: Exception) -> Iterator[Picture]:
        yield from bundle(1).pictures
        raise error

    for error in (NotFoundError(what="picture", id="x"), OSError(5, "the vault's disk")):
        with pytest.raises(type(error)) as caught:
            write_bundle(tmp_path, replace(bundle(), pictures=broken(error)))
        assert caught.value is error
        assert list(tmp_path.iterdir()) == []


def test_who_may_no_longer_export_leaves_no_bundle(tmp_path: Path) -> None:
    """The account was closed while the pictures were written: all is there but the name."""
    seen: list[str] = []

    def no(_: Written, name_it: Callable[[], object]) -> None:
        seen.extend(path.name for path in tmp_path.iterdir())
        raise NotFoundError(what="account", id="x")

    with pytest.raises(NotFoundError):
        write_bundle(tmp_path, bundle(2), naming=no)
    assert len(seen) == 1
    assert seen[0].startswith(PARTIAL)
    assert list(tmp_path.iterdir()) == []


def times(path: Path) -> Iterator[tuple[str, float, float]]:
    """When everything was changed and read; asked before looking into a folder, which is reading it."""
    status = path.stat()
    yield path.name, status.st_mtime, status.st_atime
    if path.is_dir():
        for inside in path.iterdir():
            yield from times(inside)


@pytest.mark.parametrize("files", [durable, StickFiles()])
def test_times_say_the_day_and_not_the_hour(tmp_path: Path, files: Files) -> None:
    """Also after every file was read back, on file systems that note when."""
    written = write_bundle(tmp_path, bundle(20, viewer=True, dicom=True), files)
    found = list(times(tmp_path / written.folder))
    assert len(found) > 60
    midnight = datetime(2026, 5, 1, tzinfo=UTC).timestamp()
    assert {(changed, read) for _, changed, read in found} == {(midnight, midnight)}


def test_what_an_earlier_crash_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    left = tmp_path / f"{PARTIAL}deadbeef" / "images"
    left.mkdir(parents=True)
    (left / "x.jpg.age").write_bytes(b"half a picture")
    (tmp_path / "thesis.docx").write_bytes(b"somebody's")
    written = write_bundle(tmp_path, bundle())
    assert sorted(path.name for path in tmp_path.iterdir()) == [written.folder, "thesis.docx"]


def test_an_earlier_bundle_is_neither_replaced_nor_removed(tmp_path: Path) -> None:
    folder = tmp_path / write_bundle(tmp_path, bundle(1, seed=5)).folder
    with pytest.raises(StickError, match="on it already"):
        write_bundle(tmp_path, bundle(2, seed=5))
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    check_bundle(folder, read_key(SIGNER_LINE))


def test_no_pictures_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError):
        write_bundle(tmp_path, replace(bundle(), pictures=[]))
    with pytest.raises(RecipientKeyError):
        write_bundle(tmp_path, replace(bundle(), recipient="age1nobody"))
    for recipient, passphrase in (("", ""), (str(IDENTITY.to_public()), PASSPHRASE)):
        with pytest.raises(BadRequestError):
            write_bundle(tmp_path, replace(bundle(), recipient=recipient, passphrase=passphrase.encode()))
    assert list(tmp_path.iterdir()) == []


def test_no_stick(tmp_path: Path) -> None:
    with pytest.raises(StickError, match="not there"):
        write_bundle(tmp_path / "nothing", bundle())


class Outline(HTMLParser):
    """What a screen reader goes by."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("options", [{}, {"viewer": True, "dicom": True, "recall": True}])
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_the_readme_is_a_page_for_everybody(
    tmp_path: Path, passphrase: str, options: dict[str, bool]
) -> None:
    folder = write(tmp_path, 1, passphrase=passphrase, **options)
    page = (folder / "README.html").read_text()
    outline = Outline(page)
    assert outline.open == []
    tags = [tag for tag, _ in outline.tags]
    assert outline.tags[0] == ("html", {"lang": "en"})
    assert (tags.count("title"), tags.count("main"), tags.count("h1")) == (1, 1, 1)
    assert {tag for tag in tags if re.fullmatch("h[1-6]", tag)} == {"h1", "h2"}
    assert not {"script", "img", "link", "iframe", "form"} & set(tags)
    assert not {"src", "href", "onclick"} & {name for _, attributes in outline.tags for name in attributes}
    for word in (
        "Windows",
        "macOS",
        "Linux",
        "VERIFY.txt",
        "not anonymous",
        fingerprint(SIGNER.public_key()),
    ):
        assert word in page
    assert ("index.html" in page) == ("viewer" in options)
    assert ("eight words" in page) == bool(passphrase)
    assert ("RECALL.txt" in page) == ("recall" in options)
