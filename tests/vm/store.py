"""The store of a running machine, seen from inside: is all well, which sealed files, of which photos."""

from __future__ import annotations

from tests.vm.machine import PYTHON, Machine

_STORE = "/var/lib/medkiosk/store"


def verified(kiosk: Machine) -> None:
    """Ask `kioskctl verify`, which needs no key, and take nothing but a good answer."""
    # Without pipefail it would be tail that says whether all is well.
    said = kiosk.shell(f"(set -o pipefail; kioskctl verify {_STORE} 2>&1 | tail -n 20)", 600)
    assert said.endswith("exit 0"), said
    assert "GOOD" in said, said


def sealed(kiosk: Machine) -> set[str]:
    """Every sealed file: its hash and its name."""
    said = kiosk.shell(f"cd {_STORE}/objects && find . -type f -exec sha256sum {{}} + && cd /", 600)
    lines = said.splitlines()
    assert lines.pop() == "exit 0", said
    return set(lines)


def originals(kiosk: Machine) -> list[str]:
    """Which files of cameras and cards are sealed, in the order in which they were."""
    query = "select id from objects where kind = 'original' order by seq"
    read = f"db = sqlite3.connect('file:{_STORE}/vault.db?mode=ro', uri=True); rows = db.execute(sys.argv[1])"
    said = kiosk.shell(
        f'{PYTHON} -c "import sqlite3, sys; {read}; print(*[row[0] for row in rows])" "{query}"'
    )
    found = said.split()
    assert found[-2:] == ["exit", "0"], said
    return found[:-2]
