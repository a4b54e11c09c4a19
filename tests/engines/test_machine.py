from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import onnxruntime
import pytest

from unmask.engines.machine import fingerprint, runtime_versions


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    fingerprint.cache_clear()
    yield
    fingerprint.cache_clear()


def nvidia_smi(folder: Path, script: str) -> str:
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    return str(folder)


def test_the_installed_runtimes_have_versions() -> None:
    versions = runtime_versions()
    assert onnxruntime.__version__ in versions.values()
    assert all(versions.values())


def test_this_machine_is_described() -> None:
    facts = dict(fingerprint())
    assert set(facts) == {"system", "processor", "cores", "gpu"}
    assert all(facts.values())
    assert int(facts["cores"]) >= 1


@pytest.mark.parametrize(
    ("script", "gpu"),
    [
        ("printf 'Big One, 580.1\\nSmall One, 580.1\\n'", "Big One, 580.1; Small One, 580.1"),
        ("echo NVIDIA-SMI has failed; exit 9", "none"),
    ],
)
def test_gpus_are_those_that_the_driver_knows(
    script: str, gpu: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", nvidia_smi(tmp_path, script))
    assert dict(fingerprint())["gpu"] == gpu


def test_without_the_tool_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert dict(fingerprint())["gpu"] == "none"
