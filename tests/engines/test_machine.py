from __future__ import annotations

import importlib.metadata
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import onnxruntime
import pytest

from unmask.engines import machine
from unmask.engines.machine import fingerprint, gpus_and_drivers, runtime_versions


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


@pytest.mark.parametrize("script", ["sleep 4; echo A card, 1", "exit 0", "printf '\\n \\n'"])
def test_a_tool_that_says_nothing_knows_no_gpu(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", nvidia_smi(tmp_path, script) + os.pathsep + os.environ["PATH"])
    assert gpus_and_drivers(within_s=0.5) == []


def test_a_tool_that_cannot_be_run_knows_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/nowhere/sh\n")
    tool.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus_and_drivers() == []


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux tells which cores may be used")
def test_the_cores_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {1, 5, 9} if process == 0 else {1})
    assert dict(fingerprint())["cores"] == "3"


def test_without_that_all_cores_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for number, words in ((7, "7"), (None, "1")):
        fingerprint.cache_clear()
        monkeypatch.setattr(os, "cpu_count", lambda number=number: number)
        assert dict(fingerprint())["cores"] == words


def test_the_processor_has_its_makers_name_where_linux_tells_it() -> None:
    told = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*:\s*(.+)$", told.read_text(), re.MULTILINE) if told.exists() else []
    if not names:
        pytest.skip("this system does not name its processor in /proc/cpuinfo")
    assert dict(fingerprint())["processor"] == names[0].strip()


def test_every_name_that_brings_a_runtime_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def version(name: str) -> str:
        asked.append(name)
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(machine.importlib.metadata, "version", version)
    assert runtime_versions() == {}
    onnx = ["onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml"]
    assert asked == ["unmask", *onnx, "openvino", "tensorrt", "tensorrt-cu12", "tensorrt-cu13"]


@pytest.mark.parametrize(("processor", "named"), [("Some 9000", "Some 9000"), ("", "riscv128")])
def test_elsewhere_the_system_is_asked_for_the_processor(
    processor: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(machine.Path, "read_text", absent)
    monkeypatch.setattr(machine.platform, "processor", lambda: processor)
    monkeypatch.setattr(machine.platform, "machine", lambda: "riscv128")
    assert dict(fingerprint())["processor"] == named
