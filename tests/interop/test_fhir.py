"""What programs that are not ours say about our FHIR resources.

fhir.resources knows the structure of R4B (whose Consent is that of R4) and of R5, and no code. `make fhir`
asks two validators from npm more, about R4, and the TypeScript compiler, with DefinitelyTyped's types of both
versions, which have the required value sets; where these are not installed their tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from medkiosk.export.fhir import consent
from medkiosk.export.fhircodes import Version
from tests.export.test_fhir import ALL, RELEASE, release, resource

VALIDATORS = Path(os.environ.get("MEDKIOSK_FHIR", Path(__file__).parents[2] / ".cache/fhir"))
"""Where npm installed what the Makefile names."""
PROGRAM = Path(__file__).with_name("validate.mjs")
RELEASES = (RELEASE, release(shift=100, recipient=""))
KNOWN = (
    # It does not look into the value set that consent-category includes, v3-ActConsentType, which has it.
    'Code "IDSCL" (http://terminology.hl7.org/CodeSystem/v3-ActCode) not found in value set',
    # Extensible: that value set has laws and forms of single countries only. HL7's own examples say OPTOUT.
    'Code "OPTOUT" (http://terminology.hl7.org/CodeSystem/v3-ActCode) not found in value set',
    # Preferred, and it does not look into what that value set includes; who decides by law is not in there.
    'Code "PRN" (http://terminology.hl7.org/CodeSystem/v3-RoleCode) not found in value set',
    'Code "GUARD" (http://terminology.hl7.org/CodeSystem/v3-RoleCode) not found in value set',
    'Code "HPOWATT" (http://terminology.hl7.org/CodeSystem/v3-RoleCode) not found in value set',
    'Code "RESPRSN" (http://terminology.hl7.org/CodeSystem/v3-RoleCode) not found in value set',
)


def read(made: dict[str, Any], version: Version) -> Any:
    if version == "r4":
        from fhir.resources.R4B.consent import Consent  # 1.4 s
    else:
        from fhir.resources.consent import Consent  # type: ignore[assignment]
    return Consent.model_validate(made)


@pytest.mark.parametrize("version", ["r4", "r5"])
def test_fhir_resources_reads_all_of_it(version: Version) -> None:
    for one in ALL:
        for about in RELEASES:
            made = resource(one, version, about)
            again = json.loads(read(made, version).model_dump_json())
            assert again == made


@pytest.mark.parametrize("version", ["r4", "r5"])
def test_fhir_resources_would_find_a_wrong_structure(version: Version) -> None:
    made = resource(ALL[0], version)
    changes: list[dict[str, Any]] = [{"provisions": []}, {"status": None}, {"category": "IDSCL"}]
    for wrong in changes:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            read({**made, **wrong}, version)


def installed() -> str:
    """Where node is, if the validators are there too."""
    node = shutil.which("node")
    if node is None or not (VALIDATORS / "node_modules").is_dir():
        pytest.skip("no FHIR validators (make fhir)")
    return node


def type_errors(folder: Path, made: Sequence[tuple[Version, dict[str, Any]]]) -> list[str]:
    """What the compiler says of each, as a constant of the type Consent; on the line of its number."""
    node = installed()
    (folder / "node_modules").symlink_to(VALIDATORS.resolve() / "node_modules")
    lines = [
        f"const c{number}: import('fhir/{version}').Consent = {json.dumps(one)};"
        for number, (version, one) in enumerate(made, 1)
    ]
    (folder / "check.ts").write_text("\n".join(lines))
    compiler = str(VALIDATORS / "node_modules/typescript/bin/tsc")
    said = subprocess.run(
        [node, compiler, "--noEmit", "--strict", "--skipLibCheck", "check.ts"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    return said.stdout.splitlines()


def validate(folder: Path, files: dict[str, bytes]) -> dict[str, list[str]]:
    """What the validators say is wrong with each file."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    node = installed()
    # Copied beside the modules: that is where node looks for them.
    program = shutil.copy(PROGRAM, VALIDATORS / PROGRAM.name)
    said = subprocess.run(
        [node, program, *(str(folder / name) for name in files)],
        capture_output=True, text=True, check=True, timeout=100,
    )  # fmt: skip
    found: dict[str, list[str]] = json.loads(said.stdout)
    return {
        Path(name).name: [problem for problem in problems if not problem.endswith(KNOWN)]
        for name, problems in found.items()
    }


def test_validators_find_nothing(tmp_path: Path) -> None:
    files = {
        f"{number}-{about.shift}.json": consent(one, about, "r4")
        for number, one in enumerate(ALL)
        for about in RELEASES
    }
    found = validate(tmp_path, files)
    assert found == {name: [] for name in files}


def test_validators_would_find_something(tmp_path: Path) -> None:
    changes: dict[str, dict[str, Any]] = {
        "status.json": {"status": "nonsense"},
        "rule.json": {"policyRule": None},
        "category.json": {"category": []},
        "other.json": {"provisions": {}},
    }
    broken: dict[str, dict[str, Any]] = {}
    for name, change in changes.items():
        made = {**resource(ALL[0], "r4"), **change}
        broken[name] = {key: value for key, value in made.items() if value is not None}
    found = validate(tmp_path, {name: json.dumps(made).encode() for name, made in broken.items()})
    assert all(found[name] for name in broken), found


def test_types_of_both_versions_fit(tmp_path: Path) -> None:
    versions: tuple[Version, ...] = ("r4", "r5")
    made = [
        (version, resource(one, version, about)) for one in ALL for about in RELEASES for version in versions
    ]
    assert type_errors(tmp_path, made) == []


def test_types_would_find_a_wrong_code_or_member(tmp_path: Path) -> None:
    good = resource(ALL[0], "r5")
    [exception] = good["provision"]
    made: list[tuple[Version, dict[str, Any]]] = [
        ("r4", {**resource(ALL[0], "r4"), "status": "unknown"}),
        ("r5", {**good, "status": "proposed"}),
        ("r5", {**good, "decision": "perhaps"}),
        ("r5", {**good, "policyRule": {}}),
        ("r5", {**good, "provision": [{**exception, "data": [{"meaning": "all", "reference": {}}]}]}),
    ]
    said = type_errors(tmp_path, made)
    assert [line.partition(",")[0] for line in said] == [f"check.ts({number}" for number in range(1, 6)], said
