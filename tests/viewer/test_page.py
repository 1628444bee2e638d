"""The page in real browsers: opened from a folder and over https, and everything that it must refuse."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medkiosk.core import canon
from medkiosk.export.viewer import chunks
from medkiosk.ledger import checkpoint
from medkiosk.ledger.note import COSIGNATURE, LogKeys, VerifierKey
from tests.export import build
from tests.viewer.browser import OPENED, READY, SHOWN, Browser
from tests.viewer.server import serve

Copy = Callable[[str], Path]


TRIES = """(async () => {
  const failed = [];
  const load = (name) => new Promise((end) => {
    const one = document.createElement(name);
    one.onerror = () => end(failed.push(name));
    one.onload = end;
    one.src = "http://HOST/out";
    document.body.append(one);
  });
  await fetch("http://HOST/out").catch(() => failed.push("fetch"));
  await load("img");
  await load("script");
  try { new WebSocket("ws://HOST/out").onerror = () => undefined; } catch { failed.push("socket"); }
  navigator.sendBeacon("http://HOST/out", "x");
  const frame = document.createElement("iframe");
  frame.src = "http://HOST/out";
  document.body.append(frame);
  await new Promise((end) => setTimeout(end, 300));
  return failed;
})()"""
"""Every way out that a script has; gives those that said that they failed."""
AFTER_THE_LAST_DAY = """const Then = Date;
Date = class extends Then { constructor(...given) { super(...(given.length ? given : [1900000000000])); } };
Date.now = () => 1900000000000;"""
SMALL = """[...document.querySelectorAll("button")]
  .filter((one) => one.offsetParent && (one.offsetWidth < 44 || one.offsetHeight < 44)).length"""


def images(folder: Path) -> list[str]:
    """Ids of the pictures, in the order of the record."""
    return sorted(path.name[:32] for path in (folder / "images").iterdir())


def refused(browser: Browser) -> str:
    """What the page said and showed nothing for."""
    assert not browser.run(OPENED)
    return browser.text("#alert")


def test_a_folder_opens_as_by_a_double_click(any_browser: Browser, bundles: dict[str, Path]) -> None:
    folder, browser = bundles["passphrase"], any_browser
    browser.open(folder)
    browser.wait(READY)
    line = subprocess.run(
        ["ssh-keygen", "-lf", "-"], input=build.SIGNER_LINE, capture_output=True, text=True, check=True
    ).stdout
    assert browser.run("document.getElementById('fingerprint').dataset.key") == line.split()[1]
    assert "Exported on 2026-05-01: 5 pictures." in browser.text("#about")
    assert "must be destroyed" in browser.text("#recall")  # said before anything is opened
    # However the words are typed, they are the same words.
    browser.unlock(f"  {build.PASSPHRASE.upper().replace(' ', '  ', 2)} ")
    assert browser.text("#alert") == ""
    assert browser.text("#opened-title") == "5 pictures of 3 people"
    assert "must be destroyed" in browser.text("#notices")
    terms = browser.text("#terms")
    assert "Teaching and research" in terms
    assert "Until 2027-05-01" in terms
    browser.run("document.getElementById('people').scrollIntoView()")  # they are decoded when they are seen
    browser.wait("document.querySelector('.grid img').naturalWidth === 320")

    browser.show(0)
    assert browser.run("document.querySelector('#stage img').naturalWidth") == 640
    assert "entry" in browser.text("#checked")
    browser.click("[data-do=save]")
    pictures, head = build.pictures(5, (640, 480))
    shown = re.search(
        "picture ([0-9a-f]{32})", browser.run("document.getElementById('provenance').textContent")
    )
    assert shown is not None
    assert browser.saved(f"{shown[1]}.jpg") == next(p.jpeg for p in pictures if p.id == shown[1])
    browser.press("n")
    browser.wait(f"document.querySelector('#picture-title').textContent === 'Picture 2 of 5' && ({SHOWN})")
    assert browser.run("document.getElementById('provenance').textContent").count("SHA-256") == 1
    browser.press("Escape")

    browser.run("document.getElementById('by').value = 'Dr. Ünal\\u200b, ward 3'")
    browser.click("#acknowledge button")
    manifest = (folder / "manifest.json").read_bytes()
    export_id = json.loads(manifest)["export_id"]
    told = browser.saved(f"medkiosk-acknowledgement-{export_id[:8]}.json")
    said = json.loads(told)
    assert canon.encode(said) == told
    key = Ed25519PrivateKey.from_private_bytes(build.ACKNOWLEDGE).public_key()
    signature = bytes.fromhex(said.pop("signature"))
    key.verify(signature, f"{said['version']}\n".encode() + canon.encode(said))
    assert said["by"] == "Dr. Ünal , ward 3"
    assert said["export_id"] == export_id
    assert said["manifest_sha256"] == hashlib.sha256(manifest).hexdigest()
    assert said["cosigned"].startswith(head.decode())
    cosigned, lines = checkpoint.parse(said["cosigned"].encode())
    checkpoint.verify(said["cosigned"].encode(), LogKeys.parse(build.LEDGER_KEY))
    own = VerifierKey(f"medkiosk-export/{export_id}", key.public_bytes_raw(), COSIGNATURE)
    when = checkpoint.verify_signatures(cosigned, lines, own)
    assert when is not None
    assert abs(when - time.time()) < 600

    assert browser.said == []  # not one rule of the page's policy was broken
    folder_uri = folder.as_uri()
    assert {
        url for url in browser.requests if not url.startswith((folder_uri, "blob:", "data:font/"))
    } == set()
    browser.click("#forget")
    browser.wait(f"document.getElementById('alert').textContent.includes('forgotten') && ({READY})")
    assert browser.run("document.getElementById('passphrase').value") == ""
    assert browser.run("document.querySelectorAll('.grid img').length") == 0


def test_a_static_server_over_https_shows_the_same(
    any_browser: Browser, bundles: dict[str, Path], tmp_path: Path
) -> None:
    with serve(bundles["passphrase"], tmp_path) as (port, asked):
        any_browser.open(f"https://localhost:{port}/index.html")
        any_browser.unlock(build.PASSPHRASE)
        any_browser.show(4)
        assert any_browser.text("#checked").startswith("Checked")
        listed = {
            f"/{path.relative_to(bundles['passphrase'])}" for path in build.files_in(bundles["passphrase"])
        }
        assert set(asked) - {"/favicon.ico"} <= listed
        # Browsers ask for an icon by themselves, and the policy stops Firefox.
        assert [words for words in any_browser.said if "/favicon.ico" not in words] == []


def test_over_http_from_another_host_the_page_says_why_it_cannot(
    chrome: Browser, bundles: dict[str, Path], tmp_path: Path
) -> None:
    with serve(bundles["passphrase"], tmp_path, tls=False) as (port, _):
        chrome.open(f"http://another-host.test:{port}/index.html")
        assert "it came over http" in refused(chrome)
        assert "https" in chrome.text("#alert")


def test_a_key_file_opens_it_and_another_does_not(
    any_browser: Browser, bundles: dict[str, Path], tmp_path: Path
) -> None:
    right, wrong, none = (tmp_path / name for name in ("right.txt", "wrong.txt", "none.txt"))
    right.write_text(f"# created: 2026-01-01\r\n{build.IDENTITY}\r\n")
    wrong.write_text("AGE-SECRET-KEY-1" + "GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n")
    none.write_text("ssh-ed25519 AAAA\n")
    any_browser.open(bundles["key"])
    any_browser.wait(READY)
    for file, words in ((none, "no age identity"), (wrong, "does not open this bundle")):
        any_browser.do("choose", at="#identity", file=str(file))
        any_browser.run("document.querySelector('#alert').replaceChildren()")
        any_browser.click("#with-identity button")
        any_browser.wait("document.querySelector('#alert .bad')")
        assert words in refused(any_browser)
    any_browser.do("choose", at="#identity", file=str(right))
    any_browser.click("#with-identity button")
    any_browser.wait(OPENED)
    assert any_browser.text("#alert") == ""


def test_a_wrong_passphrase_is_said_in_one_sentence_and_the_right_one_still_opens(
    chrome: Browser, bundles: dict[str, Path]
) -> None:
    chrome.open(bundles["passphrase"])
    chrome.unlock(build.PASSPHRASE.rsplit(" ", 1)[0])
    assert refused(chrome) == (
        "Passphrase This is not the passphrase of this bundle. You entered 7 words; the passphrase has eight."
        " Try again. Nothing is damaged."
    )
    assert chrome.run("document.activeElement.id") == "passphrase"
    chrome.press("End")
    chrome.type(" adapt")
    chrome.press("Enter")
    chrome.wait(OPENED)
    assert chrome.text("#alert") == ""


def flip(path: Path) -> None:
    """Change one character of the first piece, in the middle; the text stays a style sheet of base64."""
    text = bytearray(path.read_bytes())
    at = text.index(b'"') + 1 + (text.index(b'"', text.index(b'"') + 1) - text.index(b'"')) // 2
    text[at] = ord("A") if text[at] != ord("A") else ord("B")
    path.write_bytes(bytes(text))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("manifest", "manifest.json and manifest.json.sig the signature does not hold"),
        ("signature", "manifest.json and manifest.json.sig the signature does not hold"),
        ("recall", "recall.json it is not the file that was signed"),
        ("identity", "identity.age it is not the file that was signed"),
        ("record", "record.zip.age it is not the file that was signed"),
        ("checkpoint", "checkpoint it is not the file that was signed"),
        ("manifest", "view/manifest.css it is not there or cannot be read"),
        ("record", "view/record.css it is not there or cannot be read"),
    ],
)
def test_a_changed_or_missing_file_is_refused_by_name(
    chrome: Browser, changed: Copy, name: str, words: str
) -> None:
    folder = changed("passphrase")
    chunk = folder / chunks.path(name)
    if "not there" in words:
        chunk.unlink()
    else:
        flip(chunk)
    chrome.open(folder)
    chrome.wait(READY)
    if not chrome.text("#alert"):
        chrome.unlock(build.PASSPHRASE)
    assert refused(chrome).startswith(words)
    assert re.search(r"Do not use this bundle|Copy the whole folder", refused(chrome))


def test_a_bad_picture_is_refused_by_name_and_the_others_are_shown(chrome: Browser, changed: Copy) -> None:
    folder = changed("passphrase")
    at = [folder / chunks.path(image) for image in images(folder)]
    first = at[0].read_bytes()
    flip(at[0])
    at[1].write_bytes(at[2].read_bytes())  # swapped: a good picture, the wrong one
    at[2].write_bytes(first)
    chrome.open(folder)
    chrome.unlock(build.PASSPHRASE)
    order = images(folder)
    # Pictures stand grouped by person; each is refused or shown under its own name.
    verdicts = {}
    for number in range(5):
        chrome.show(number)
        verdicts[number] = chrome.text("#stage")
        assert bool(verdicts[number]) != bool(chrome.run("document.querySelectorAll('#stage img').length"))
        assert chrome.run("document.querySelector('[data-do=save]').disabled") == bool(verdicts[number])
        chrome.press("Escape")
    said = sorted(words for words in verdicts.values() if words)
    assert len(said) == 3
    for words, image in zip(said, order[:3], strict=True):
        assert words.startswith(f"images/{image}.jpg.age it is not the file that was signed")


def test_another_signer_shows_another_key(chrome: Browser, changed: Copy) -> None:
    folder = changed("key")
    other = folder / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    for namespace, holds in (("medkiosk-export@v1", True), ("file", False)):
        (folder / "manifest.json.sig").unlink()
        subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-f", other, "-n", namespace, folder / "manifest.json"],
            check=True,
        )
        signature = (folder / "manifest.json.sig").read_bytes()
        (folder / chunks.path("signature")).write_bytes(chunks.chunk("signature", signature))
        chrome.open(folder)
        chrome.wait(READY)
        shown = chrome.run("document.getElementById('fingerprint').dataset.key ?? ''")
        line = subprocess.run(
            ["ssh-keygen", "-lf", f"{other}.pub"], capture_output=True, text=True, check=True
        )
        assert shown == (line.stdout.split()[1] if holds else "")
        assert ("made for something else" in chrome.text("#alert")) is not holds


def test_a_style_sheet_of_a_changed_stick_gets_neither_the_page_nor_the_network(
    any_browser: Browser, changed: Copy, tmp_path: Path
) -> None:
    folder = changed("passphrase")
    shutil.copyfile(folder / "README.html", tmp_path / "bait.html")
    with serve(tmp_path, tmp_path, tls=False) as (port, asked):
        leak = f"http://127.0.0.1:{port}/leak"
        hostile = (
            f'@import "{leak}.css"; @font-face {{ font-family: x; src: url("{leak}.woff2"); }}'
            "*, :host, :host-context(body) { display: block !important; position: fixed !important;"
            f' inset: 0 !important; background: red url("{leak}.png") !important; }}'
            'header, main, body { display: none !important; } :host::before { content: "Trust me"; }\n'
        )
        record = folder / chunks.path("record")
        record.write_bytes(hostile.encode() + record.read_bytes())
        # A script in the place of data is not run either.
        identity = folder / chunks.path("identity")
        identity.write_text("document.title = 'taken';")
        any_browser.open(folder)
        any_browser.unlock(build.PASSPHRASE)
        assert "view/identity.css there are no file's bytes in it" in refused(any_browser).replace(
            "it is not what a kiosk writes (", ""
        )
        assert any_browser.run("document.title") == "Clinical pictures from a medkiosk"
        assert any_browser.run("getComputedStyle(document.querySelector('main')).display") == "block"
        box = any_browser.run("document.elementFromPoint(100, 200)?.closest('main') !== null")
        assert box is True
        assert asked == []


def test_every_connection_is_forbidden(
    any_browser: Browser, bundles: dict[str, Path], tmp_path: Path
) -> None:
    with serve(tmp_path, tmp_path, tls=False) as (port, asked):
        any_browser.open(bundles["passphrase"])
        any_browser.wait(READY)
        tries = any_browser.run(TRIES.replace("HOST", f"127.0.0.1:{port}"))
        assert {"fetch", "img", "script"} <= set(tries)
        assert asked == []


def test_the_keyboard_is_enough(chrome: Browser, bundles: dict[str, Path]) -> None:
    chrome.open(bundles["passphrase"])
    chrome.wait(READY)
    for _ in range(10):
        chrome.press("Tab")
        if chrome.run("document.activeElement.id") == "passphrase":
            break
    chrome.type(build.PASSPHRASE)
    chrome.press("Enter")
    chrome.wait(OPENED)
    chrome.wait("document.activeElement.id === 'opened-title'")
    chrome.press("Tab", "Tab")
    assert chrome.run("document.activeElement.closest('li')?.innerText.trim()") == "2"
    chrome.press("Enter")
    chrome.wait(SHOWN)
    assert chrome.text("#picture-title") == "Picture 2 of 5"
    moved = "document.querySelector('#stage img').style.transform"
    before = chrome.run(moved)
    chrome.press("+", "+", "+", "+", "+", "+", "+", "+")
    zoomed = chrome.run(moved)
    chrome.press("ArrowLeft", "ArrowUp")
    assert len({before, zoomed, chrome.run(moved)}) == 3
    chrome.press("0")
    assert chrome.run(moved) == before
    chrome.press("p")
    chrome.wait(f"document.getElementById('picture-title').textContent === 'Picture 1 of 5' && ({SHOWN})")
    # Focus stays in the dialog, on something that can be seen.
    for _ in range(12):
        chrome.press("Tab")
        assert chrome.run(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    chrome.press("Escape")
    assert chrome.run("document.getElementById('picture').open") is False
    assert chrome.run("document.activeElement.closest('li')?.innerText.trim()") == "2"


@pytest.mark.parametrize("width", [1280, 375])
def test_nothing_stands_in_the_way_of_anybody(chrome: Browser, bundles: dict[str, Path], width: int) -> None:
    chrome.open(bundles["passphrase"], AFTER_THE_LAST_DAY)
    chrome.do("size", width=width, height=800)
    chrome.wait(READY)
    assert chrome.do("axe") == []
    chrome.unlock("academic acid")
    assert chrome.do("axe") == []
    chrome.run("document.getElementById('passphrase').value = ''")
    chrome.unlock(build.PASSPHRASE)
    chrome.wait(OPENED)
    assert "You may not use these pictures any more: the last day was 2027-05-01." in chrome.text("#expired")
    assert chrome.do("axe") == []
    assert chrome.run("document.documentElement.scrollWidth") <= width
    chrome.show(0)
    assert chrome.do("axe") == []
    assert chrome.run(SMALL) == 0


def test_an_idle_page_forgets(chrome: Browser, bundles: dict[str, Path]) -> None:
    later = "let shift = 0; const real = Date.now; Date.now = () => real() + (globalThis.shift ?? 0);"
    chrome.open(bundles["passphrase"], later)
    chrome.unlock(build.PASSPHRASE)
    chrome.wait(OPENED)
    chrome.run("globalThis.shift = 14.5 * 60000")
    time.sleep(2.5)
    assert chrome.run(OPENED)
    chrome.run("globalThis.shift = 15 * 60000 + 1")
    chrome.wait("document.getElementById('alert').textContent.includes('15 minutes')", 20000)
    assert not chrome.run(OPENED)


def test_what_is_printed_has_one_picture_and_where_it_is_from(
    chrome: Browser, bundles: dict[str, Path], tmp_path: Path
) -> None:
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext is not installed")
    chrome.open(bundles["passphrase"])
    chrome.unlock(build.PASSPHRASE)
    chrome.show(0)
    paper = tmp_path / "print.pdf"
    chrome.do("pdf", file=str(paper))
    words = subprocess.run(["pdftotext", paper, "-"], capture_output=True, text=True, check=True).stdout
    flat = " ".join(words.split())
    assert "medkiosk export" in flat
    assert "not anonymous" in flat
    assert "What this page can" not in flat


def test_a_host_that_is_not_this_one() -> None:
    """The name that the http test uses is no host anywhere: RFC 6761 reserves .test."""
    with pytest.raises(OSError):
        socket.getaddrinfo("another-host.test", 80)
