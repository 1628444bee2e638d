"""What lists the image's parts, asked of a folder that looks like one."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.kiosk import CHECKOUT

FORM = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2020 Somebody
License: LGPL-2.1+

Files: doc/*
Copyright: 2021 Somebody else
License: GFDL-1.3
"""
PROSE = "This was packaged by Somebody. You may copy it as you like, provided that this notice stays.\n"


@pytest.fixture(scope="module")
def materials() -> ModuleType:
    """The program that mkosi runs after the packages are there."""
    path = CHECKOUT / "image-build" / "mkosi" / "mkosi.postinst"
    loader = importlib.machinery.SourceFileLoader("materials", str(path))
    spec = importlib.util.spec_from_loader("materials", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system of three packages, one of which was removed."""
    blocks = [
        f"Package: {name}\nStatus: {status}\nArchitecture: amd64\nVersion: 1.0-1\nDescription: short\n long\n"
        for name, status in (
            ("libform1", "install ok installed"),
            ("libprose++6", "install ok installed"),
            ("libgone2", "deinstall ok config-files"),
        )
    ]
    status = tmp_path / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text("\n".join(blocks))
    for name, text in (("libform1", FORM), ("libprose++6", PROSE)):
        folder = tmp_path / "usr/share/doc" / name
        folder.mkdir(parents=True)
        (folder / "copyright").write_text(text)
    return tmp_path


def test_a_package_has_the_licences_that_its_copyright_file_names(materials: ModuleType, root: Path) -> None:
    form, _ = materials.debian(root)
    assert [each["license"]["name"] for each in form["licenses"]] == ["GFDL-1.3", "LGPL-2.1+"]


def test_one_whose_copyright_file_is_prose_has_a_name_of_its_own_for_it(
    materials: ModuleType, root: Path
) -> None:
    _, prose = materials.debian(root)
    assert prose["licenses"] == [{"license": {"name": "LicenseRef-debian-libprose--6"}}]
    assert f"libprose++6\n{'=' * 78}\n{PROSE}" in materials.licences(root), "its words are in the image"


def test_a_package_without_a_copyright_file_claims_nothing(materials: ModuleType, root: Path) -> None:
    (root / "usr/share/doc/libprose++6/copyright").unlink()
    _, prose = materials.debian(root)
    assert "licenses" not in prose


@pytest.mark.skipif(not Path("/var/lib/dpkg/status").is_file(), reason="this is no Debian")
def test_each_package_of_a_real_system_with_a_copyright_file_has_a_licence(materials: ModuleType) -> None:
    parts = [
        part
        for part in materials.debian(Path("/"))
        if Path(f"/usr/share/doc/{part['name']}/copyright").is_file()
    ]
    assert len(parts) > 20
    assert [part["name"] for part in parts if not part.get("licenses")] == []
