"""Manifests with other values in them, and names of packages that are none. What text that is no manifest gives, and
each refused field, is in tests/engines/test_hostile_packages.py and test_manifest.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fuzz_targets import try_some
from hostile_files import deep, nothing_stays_in, sentence
from toy_package import build_toy_package

from unmask.cli.main import main
from unmask.engines import package as package_module
from unmask.engines.errors import PackageError
from unmask.engines.package import find_package, list_packages, load_package, read_manifest, user_folder


def test_other_values_give_a_sentence_or_a_manifest_that_can_be_shown(tmp_path: Path) -> None:
    try_some("manifest", tmp_path, 120)


@pytest.mark.parametrize("kind", ["[", "{"])
def test_a_deep_manifest_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "detector.json").write_text(deep(100_000, kind))
    with nothing_stays_in(tmp_path), pytest.raises(PackageError) as caught:
        read_manifest(tmp_path)
    assert "not valid JSON" in sentence(caught.value)


@pytest.mark.parametrize(
    "name",
    ["~nobody-of-that-name/toy", "a" * 300, f"./{'a' * 300}", "x/" * 3000, "./a\0b", "a\x1b[2J", "..", "./\udcff"],
)
def test_a_name_that_is_no_package(name: str) -> None:
    with pytest.raises(PackageError) as caught:
        load_package(find_package(name))
    assert str(caught.value).endswith(".")


def test_what_is_said_of_a_name_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detectors", "show", "./\x1b[2Jtoy\n"]) == 2
    said = capsys.readouterr().err
    assert said == "unmask: There is no detector package at \\x1b[2Jtoy\\n: give its folder or a name.\n"


def test_a_package_that_nobody_may_look_into_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    good = build_toy_package(user_folder() / "good", name="good")
    closed = build_toy_package(user_folder() / "closed", name="closed")
    monkeypatch.setattr(package_module, "_shipped_roots", list)
    stat = Path.stat

    def denied(self: Path, **options: bool) -> os.stat_result:
        if closed in self.parents:
            raise PermissionError(13, "Permission denied", str(self))
        return stat(self, **options)

    monkeypatch.setattr(Path, "stat", denied)
    rows = {row.name: row.problem for row in list_packages()}
    assert rows["good"] == ""
    assert "Permission denied" in sentence(rows["closed"])
    assert find_package("good") == good
    assert load_package(good).manifest.name == "good"
