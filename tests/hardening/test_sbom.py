"""The list of what Unmask consists of: whole, true to the pins, and of the form that other programs read."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import pins  # noqa: E402
import sbom  # noqa: E402


@pytest.fixture(scope="module")
def document():
    try:
        return json.loads(json.dumps(sbom.document()))
    except sbom.Mismatch as error:
        pytest.skip(str(error))


def components(document, kind):
    return [each for each in document["components"] if each["type"] == kind]


def test_its_form_is_that_of_cyclonedx(document):
    assert document["bomFormat"] == "CycloneDX"
    assert document["specVersion"] == "1.6"
    assert document["version"] == 1
    assert re.fullmatch(
        r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", document["serialNumber"]
    )
    assert set(document) == {
        "bomFormat",
        "specVersion",
        "serialNumber",
        "version",
        "metadata",
        "components",
        "dependencies",
    }
    every = [document["metadata"]["component"], *document["components"]]
    references = [each["bom-ref"] for each in every]
    assert len(references) == len(set(references))
    for each in every:
        assert each["name"]
        assert each["version"]
        assert each["type"] in ("application", "library", "machine-learning-model")
        assert each.get("scope", "required") in ("required", "optional")
        for choice in each["licenses"]:
            assert set(choice) == {"expression"} or set(choice["license"]) in ({"id"}, {"name"})
        for line in each.get("properties", []):
            assert set(line) == {"name", "value"}
            assert isinstance(line["value"], str)


def test_who_asks_for_whom_leads_nowhere_else(document):
    known = {document["metadata"]["component"]["bom-ref"], *(each["bom-ref"] for each in document["components"])}
    told = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    assert len(told) == len(document["dependencies"])
    assert set(told) | {one for each in told.values() for one in each} <= known
    assert f"pkg:pypi/numpy@{pins.pins()['numpy']}" in told[f"pkg:pypi/scipy@{pins.pins()['scipy']}"]


def test_it_holds_every_pin_and_nothing_else(document):
    libraries = components(document, "library")
    assert {each["name"]: each["version"] for each in libraries} == pins.pins()
    assert {each["purl"] for each in libraries} == {
        f"pkg:pypi/{name}@{version}" for name, version in pins.pins().items()
    }
    scopes = {each["name"]: each["scope"] for each in libraries}
    assert (scopes["numpy"], scopes["requests"]) == ("required", "required")
    assert (scopes["pyqt6"], scopes["pytest"]) == ("optional", "optional")
    assert [each["name"] for each in libraries if not each["licenses"]] == []


def test_the_model_files_are_those_that_ship(document):
    models = {each["name"]: each for each in components(document, "machine-learning-model")}
    files = {f"{path.parent.name}/{path.name}": path for path in (ROOT / "detectors").glob("*/*.onnx")}
    assert set(models) == set(files)
    for name, path in files.items():
        assert models[name]["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}]
        assert "research" in models[name]["licenses"][0]["license"]["name"]


def test_the_libraries_within_wheels_are_named(document):
    (av,) = [each for each in components(document, "library") if each["name"] == "av"]
    brought = [line["value"] for line in av["properties"] if line["name"] == "unmask:brings"]
    if not brought:
        pytest.skip("this system's wheel of av brings no libraries")
    assert [name for name in brought if name.startswith(("libx264", "libavcodec"))]
    assert not [name for name in brought if re.search(r"-[0-9a-f]{8}\b", name)]


def test_the_same_input_gives_the_same_bytes(document, monkeypatch):
    assert json.loads(json.dumps(sbom.document())) == document
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert sbom.document()["metadata"]["timestamp"] == "1970-01-01T00:00:00+00:00"


def test_an_environment_with_other_versions_is_refused(tmp_path, capsys):
    other = tmp_path / "constraints.txt"
    other.write_text("# pins\nnumpy==0.0.1\n", encoding="utf-8")
    with pytest.raises(sbom.Mismatch, match=r"numpy .* \(pinned: 0\.0\.1\)"):
        sbom.document(other)
    assert sbom.main([]) == 2
    assert "give the file to write" in capsys.readouterr().err


def test_it_is_written_where_it_is_asked_for(document, tmp_path, capsys):
    assert sbom.main([str(tmp_path / "deep" / "out.json")]) == 0
    assert json.loads((tmp_path / "deep" / "out.json").read_text(encoding="utf-8")) == document
    assert f"{len(pins.pins())} libraries" in capsys.readouterr().out
