"""Writes what Unmask consists of as a CycloneDX 1.6 document: ``python scripts/sbom.py OUT.json``, ``make sbom``.

Every pin of constraints.txt with its licence (read from the metadata of this environment where it is installed here,
else as stated in scripts/pins.py), who asks for whom, the C libraries that came within its wheel, and the model files
that ship, with their checksums. The same input gives the same bytes: there is no time in it unless SOURCE_DATE_EPOCH
is set. What was installed must be what is pinned; else it says so and writes nothing.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from pins import ROOT, canonical, licence_of, pins, requirements

#: A hash that a wheel puts into the name of a library: libx264-d6533a8d.so.165.
_OF_A_WHEEL = re.compile(r"-[0-9a-f]{8}(?=\.|-)")


class Mismatch(Exception):
    """The environment has another version than the pins; one sentence for a person."""


def document(constraints: Path = ROOT / "constraints.txt") -> dict[str, Any]:
    """The whole document. Raises ``Mismatch``."""
    pinned = pins(constraints)
    wrong = [
        f"{name} {found} (pinned: {pinned[name]})"
        for name in pinned
        if (found := _installed(name)) not in ("", pinned[name])
    ]
    if wrong:
        raise Mismatch(f"This environment does not have what is pinned: {', '.join(wrong)}; run make install.")
    required = set(_closure(requirements()[""], pinned))
    libraries = [_library(name, version, name in required) for name, version in sorted(pinned.items())]
    version = _own_version()
    root: dict[str, Any] = {
        "type": "application",
        "bom-ref": f"pkg:pypi/unmask@{version}",
        "name": "unmask",
        "version": version,
        "purl": f"pkg:pypi/unmask@{version}",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    components = [*libraries, *_models()]
    made: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root, **_timestamp()},
        "components": components,
        "dependencies": list(_dependencies(root["bom-ref"], pinned)),
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(made, sort_keys=True))
    return {"serialNumber": f"urn:uuid:{serial}", **made}


def _timestamp() -> dict[str, str]:
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    return {"timestamp": datetime.fromtimestamp(int(seconds), UTC).isoformat()} if seconds else {}


@functools.cache
def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _own_version() -> str:
    found = re.search(r'^    version="([^"]+)"', (ROOT / "setup.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


@functools.cache
def _asked_by(name: str) -> tuple[str, ...]:
    """The canonical names that a distribution asks for here; none where it is not installed."""
    try:
        asked = [Requirement(text) for text in metadata.requires(name) or []]
    except metadata.PackageNotFoundError:
        return ()
    needed = [each for each in asked if each.marker is None or each.marker.evaluate({"extra": ""})]
    return tuple(canonical(each.name) for each in needed)


def _closure(asked: list[Requirement], pinned: dict[str, str]) -> Iterator[str]:
    seen: set[str] = set()
    waiting = [canonical(each.name) for each in asked]
    while waiting:
        name = waiting.pop()
        if name not in seen and name in pinned:
            seen.add(name)
            waiting += _asked_by(name)
            yield name


def _library(name: str, version: str, required: bool) -> dict[str, Any]:
    licence = licence_of(name)
    single = " " not in licence.spdx and not licence.spdx.startswith("LicenseRef-")
    return {
        "type": "library",
        "bom-ref": _purl(name, version),
        "name": name,
        "version": version,
        "purl": _purl(name, version),
        "scope": "required" if required else "optional",
        "licenses": [{"license": {"id": licence.spdx}} if single else {"expression": licence.spdx}]
        if licence.spdx
        else [],
        "properties": [
            {"name": "unmask:installed-here", "value": str(bool(_installed(name))).lower()},
            {"name": "unmask:licence-read-from", "value": licence.how or "nowhere"},
            *({"name": "unmask:brings", "value": library} for library in _brought(name)),
        ],
    }


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


@functools.cache
def _brought(name: str) -> tuple[str, ...]:
    """The shared libraries that its wheel brings beside its own modules, by their names."""
    try:
        files = metadata.files(name) or []
    except metadata.PackageNotFoundError:
        return ()
    found = {_OF_A_WHEEL.sub("", path.name) for path in files if ".so" in path.name and ".libs" in str(path.parent)}
    return tuple(sorted(found))


def _models() -> Iterator[dict[str, Any]]:
    """The files of the detectors that ship; their manifests state the licence of the weights."""
    for manifest in sorted((ROOT / "detectors").glob("*/detector.json")):
        told = json.loads(manifest.read_text(encoding="utf-8"))
        for path in sorted(manifest.parent.glob("*.onnx")):
            name = f"{told['name']}/{path.name}"
            yield {
                "type": "machine-learning-model",
                "bom-ref": f"{name}@{told['version']}",
                "name": name,
                "version": told["version"],
                "description": told["description"],
                "scope": "required",
                "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
                "licenses": [{"license": {"name": told["provenance"]["licence"]}}],
            }


def _dependencies(root: str, pinned: dict[str, str]) -> Iterator[dict[str, Any]]:
    direct = {canonical(each.name) for asked in requirements().values() for each in asked}
    yield {"ref": root, "dependsOn": sorted(_purl(name, pinned[name]) for name in direct if name in pinned)}
    for name, version in sorted(pinned.items()):
        asked = {each for each in _asked_by(name) if each in pinned}
        yield {"ref": _purl(name, version), "dependsOn": sorted(_purl(each, pinned[each]) for each in asked)}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("unmask: give the file to write: python scripts/sbom.py OUT.json", file=sys.stderr)
        return 2
    try:
        made = document()
    except Mismatch as error:
        print(f"unmask: {error}", file=sys.stderr)
        return 1
    out = Path(arguments[0])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    kinds = [component["type"] for component in made["components"]]
    here = sum(_installed(each["name"]) != "" for each in made["components"] if each["type"] == "library")
    models = kinds.count("machine-learning-model")
    print(f"{out}: {kinds.count('library')} libraries ({here} installed here), {models} model files")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
