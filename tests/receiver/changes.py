"""Everything that may happen to a bundle, and who must notice: what the table in docs/receiver.md is made of.

``python -m tests.receiver.changes`` writes the table.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medkiosk import sshsig
from medkiosk.core import canon
from medkiosk.receiver import medkiosk_verify as tool
from tests.export import build
from tests.receiver import outside

OTHER = Ed25519PrivateKey.from_private_bytes(b"other" + bytes(27))

FILES, OPENED, SSH, COMMANDS, AGE = "medkiosk-verify", "with a key", "ssh-keygen", "VERIFY.txt", "age"
BROWSER = "the page"
"""Who may notice: the tool without and with the receiver's secret, the page in a browser, and programs that
are not ours. The browser's column is tried by `tests/viewer/test_changed.py`."""
COLUMNS = (FILES, OPENED, BROWSER, SSH, COMMANDS, AGE)


@dataclass(frozen=True)
class World:
    """A bundle to change, and what an attacker may have besides: other bundles of the same kiosk."""

    folder: Path
    earlier: Path
    """Of the same pictures, with an older head of the log, for the same recipient."""
    other: Path
    """Of the same day and pictures, for the same recipient; another export."""


Change = Callable[[World], None]


@dataclass(frozen=True)
class Row:
    """One line of the table. ``cases``: each by its name."""

    what: str
    noticed: frozenset[str]
    cases: dict[str, Change]


def resign(
    folder: Path, key: Ed25519PrivateKey = build.SIGNER, change: Callable[[dict[str, object]], object] = len
) -> None:
    """Sign what is in the folder now: what a broken kiosk, or one whose key was stolen, could do."""
    value = canon.decode((folder / "manifest.json").read_bytes(), dict)
    change(value)
    for item in value["files"]:
        data = (folder / item["file"]).read_bytes()
        item["sha256"], item["size"] = outside.sha256(data), len(data)
    contents = canon.encode(value)
    signature = sshsig.sign(contents, key)
    (folder / "manifest.json").write_bytes(contents)
    (folder / "manifest.json.sig").write_bytes(signature)
    (folder / "view/manifest.css").write_bytes(tool.sheet(contents))
    (folder / "view/signature.css").write_bytes(tool.sheet(signature))


def _flip(name: str, where: float) -> Change:
    def change(world: World) -> None:
        path = world.folder / name
        data = bytearray(path.read_bytes())
        data[min(int(where * len(data)), len(data) - 1)] ^= 1
        path.write_bytes(data)

    return change


def _put(name: str, make: Callable[[bytes], bytes]) -> Change:
    def change(world: World) -> None:
        path = world.folder / name
        path.write_bytes(make(path.read_bytes()))

    return change


def _bytes(names: list[str]) -> dict[str, Change]:
    """The first, the middle and the last byte of each file; cut off, emptied, lengthened."""
    cases: dict[str, Change] = {}
    for name in names:
        cases |= {f"{name} byte {w:g}": _flip(name, w) for w in (0, 0.5, 1)}
        cases[f"{name} cut"] = _put(name, lambda data: data[:-1])
        cases[f"{name} emptied"] = _put(name, lambda data: b"")
        cases[f"{name} longer"] = _put(name, lambda data: data + b"\n")
    return cases


def _inside(cases: dict[str, Change]) -> tuple[dict[str, Change], dict[str, Change]]:
    """Cases of style sheets apart: those that change what a sheet says, and those of its last line feed."""
    around = {name: case for name, case in cases.items() if name.endswith((" byte 1", " cut", " longer"))}
    return {name: case for name, case in cases.items() if name not in around}, around


def _image(world: World, number: int) -> Path:
    return sorted((world.folder / "images").iterdir())[number]


def _removed(name: str) -> Change:
    return lambda world: (world.folder / name).unlink()


def _added(name: str) -> Change:
    return lambda world: (world.folder / name).touch()


def _swapped(world: World) -> None:
    one, two = _image(world, 0), _image(world, 1)
    kept = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(kept)


def _swapped_and_signed(world: World) -> None:
    _swapped(world)
    for number in (0, 1):
        image = _image(world, number)
        (world.folder / "view" / f"{image.name[:32]}.css").write_bytes(tool.sheet(image.read_bytes()))
    resign(world.folder)


def _renamed(world: World) -> None:
    image = _image(world, 0)
    image.rename(image.with_name("0" * 32 + ".jpg.age"))


def _linked(world: World) -> None:
    image = _image(world, 0)
    kept = world.folder.parent / "kept"
    image.rename(kept)
    image.symlink_to(kept)


def _taken(name: str, source: str, *, signed: bool = False) -> Change:
    def change(world: World) -> None:
        there = world.other if source == "other" else world.earlier
        real = _image(world, 0).relative_to(world.folder).as_posix() if name == "image" else name
        data = (there / real).read_bytes()
        (world.folder / real).write_bytes(data)
        if signed:
            view = {"checkpoint": "checkpoint", "record.zip.age": "record"}.get(real, Path(real).name[:32])
            (world.folder / "view" / f"{view}.css").write_bytes(tool.sheet(data))
            resign(world.folder)

    return change


def _all_signed_by_another(world: World) -> None:
    resign(world.folder, OTHER)


def _said(name: str, value: object) -> Change:
    return lambda world: resign(world.folder, change=lambda manifest: manifest.update({name: value}))


def _other_log(world: World) -> None:
    """The whole bundle again, with a log of somebody else's that says the same."""
    shutil.rmtree(world.folder)
    made = outside.bundle_with_log(world.folder.parent, seed=b"another log" + bytes(21))
    made.rename(world.folder)


def _manifest_of_other(world: World) -> None:
    for name in ("manifest.json", "manifest.json.sig", "view/manifest.css", "view/signature.css"):
        shutil.copy(world.other / name, world.folder / name)


_LISTED = [
    "README.html",
    "VERIFY.txt",
    "checkpoint",
    "index.html",
    "RECALL.txt",
    "recall.json",
    "recall.json.sig",
]


def rows(folder: Path) -> Iterator[Row]:
    """The table for a bundle; ``folder`` is an unchanged one, for the names in it."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    encrypted = [name for name in names if name.endswith(".age")]
    copies = ["view/manifest.css", "view/signature.css"]
    sheets = [name for name in names if name.endswith(".css") and name not in copies]
    tools = {FILES, OPENED}
    page_too = {*tools, BROWSER}
    end = {name: case for name, case in _bytes(["manifest.json.sig"]).items() if name[-1] in "1r"}
    signature = {name: case for name, case in _bytes(["manifest.json.sig"]).items() if name not in end}
    del signature["manifest.json.sig cut"]

    def row(what: str, noticed: set[str], cases: dict[str, Change]) -> Row:
        return Row(what, frozenset(noticed), cases)

    yield row("a byte of `manifest.json`, cut, longer", tools | {SSH, COMMANDS}, _bytes(["manifest.json"]))
    yield row("a byte of `manifest.json.sig`", tools | {SSH, COMMANDS}, signature)
    yield row("something behind the end of that signature", tools, end)
    yield row("a byte of a file that is readable, cut, longer", tools | {COMMANDS}, _bytes(_LISTED))
    yield row("a byte of a file that is encrypted, cut, longer", tools | {COMMANDS, AGE}, _bytes(encrypted))
    said, around = _inside(_bytes(sheets))
    yield row("a byte of what the page loads", page_too | {COMMANDS}, said)
    yield row("something around it that says nothing, cut, longer", tools | {COMMANDS}, around)
    said, around = _inside(_bytes(copies))
    yield row("the page's copy of the manifest or its signature", page_too, said)
    yield row("something around that copy that says nothing", tools, around)
    removed = [*_LISTED, *encrypted]
    yield row("a file is missing", tools | {COMMANDS}, {name: _removed(name) for name in removed})
    yield row("one is missing that the page loads", page_too | {COMMANDS}, {n: _removed(n) for n in sheets})
    extra = [
        "extra",
        ".hidden",
        "images/extra.jpg.age",
        "view/x.css",
        "images/manifest.json",
        "a\x1b[2J b\nc",
    ]
    yield row("a file more", tools | {COMMANDS}, {repr(name): _added(name) for name in extra})
    folders = {name: _folder(name) for name in ("more", "images/more", "view/more")}
    yield row("an empty folder more", tools, folders)
    yield row("a link in the place of a file, to the same bytes", tools, {"image": _linked})
    yield row("two pictures exchanged", tools | {COMMANDS}, {"": _swapped})
    yield row("the same, signed again by the kiosk", {OPENED, BROWSER}, {"": _swapped_and_signed})
    yield row("a picture renamed", tools | {COMMANDS}, {"": _renamed})
    taken = {f"{name} of {source}": _taken(name, source) for name, source in _TAKEN}
    yield row("a picture, record or head of another bundle of this kiosk", tools | {COMMANDS}, taken)
    again = {f"{name} of {source}": _taken(name, source, signed=True) for name, source in _TAKEN}
    yield row("the same, signed again by the kiosk", {OPENED, BROWSER}, again)
    yield row("another bundle's manifest and signature", page_too | {COMMANDS}, {"": _manifest_of_other})
    yield row("all of it signed by another key", page_too | {SSH, COMMANDS}, {"": _all_signed_by_another})
    versions = {str(n): _said("version", f"medkiosk-export/{n}") for n in (1, 3)}
    yield row("another version, signed by the kiosk", page_too, versions)
    other_id = {"": _said("export_id", "0" * 32)}
    yield row("another export's id, signed by the kiosk", {OPENED, BROWSER}, other_id)
    yield row("another log, signed by the kiosk", tools, {"": _other_log})


_TAKEN = (
    ("image", "other"),
    ("record.zip.age", "other"),
    ("checkpoint", "earlier"),
    ("record.zip.age", "earlier"),
)


def _folder(name: str) -> Change:
    return lambda world: (world.folder / name).mkdir()


def table() -> str:
    """The table as Markdown."""
    marks = {True: "refused", False: "not seen"}
    lines = [f"| what was changed | {' | '.join(COLUMNS)} |", "|---|" + "---|" * len(COLUMNS)]
    with outside.unchanged() as folder:
        for each in rows(folder):
            cells = [marks[column in each.noticed] for column in COLUMNS]
            lines.append(f"| {each.what} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


PAGE = Path(__file__).parents[2] / "docs" / "receiver.md"
BEGIN, END = "<!-- changes: begin -->\n", "<!-- changes: end -->\n"

if __name__ == "__main__":
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(before + BEGIN + table() + END + after)
