from __future__ import annotations

import sys
from pathlib import Path

import pytest
from toy_package import build_toy_package

from unmask.engines.errors import EngineUnavailable, PackageError, UsageError
from unmask.engines.options import EngineOptions
from unmask.engines.registry import ENGINE_NAMES, list_engines, open_engine, resolve_engine

ASKED_FOR = ("auto", "ort-cpu", "ort-cuda", "ort-tensorrt", "tensorrt", "openvino", "torch", "remote")
MISSING = ASKED_FOR[2:]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return build_toy_package(tmp_path / "toy") / "encoder.onnx"


def test_every_name_exists() -> None:
    assert ENGINE_NAMES == ASKED_FOR
    assert [row.name for row in list_engines()] == list(ASKED_FOR)


@pytest.mark.parametrize("name", ["auto", "ort-cpu"])
def test_what_runs_is_opened_and_named(name: str, model: Path) -> None:
    engine = open_engine(name, model)
    try:
        assert (engine.name, engine.provider) == ("ort-cpu", "CPUExecutionProvider")
    finally:
        engine.close()


@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_raises_and_names_the_remedy(name: str, model: Path) -> None:
    with pytest.raises(EngineUnavailable, match=f"^The engine {name} cannot run here: .*; use --engine ort-cpu.$"):
        open_engine(name, model)


@pytest.mark.parametrize("name", ["", "ORT-CPU", "ort_cpu", "cuda"])
def test_a_misspelt_name_lists_the_names(name: str, model: Path) -> None:
    with pytest.raises(UsageError, match="choose one of auto, ort-cpu, ort-cuda"):
        open_engine(name, model)


def test_the_listing_agrees_with_what_opens(model: Path) -> None:
    for row in list_engines():
        assert row.reason
        if row.available:
            open_engine(row.name, model).close()
        else:
            with pytest.raises(EngineUnavailable):
                open_engine(row.name, model)
    assert "picks ort-cpu" in list_engines()[0].reason


def test_auto_without_a_runtime_raises_too(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert not any(row.available for row in list_engines())
    with pytest.raises(EngineUnavailable, match="ort-cpu cannot run here"):
        open_engine("auto", model)
    with pytest.raises(EngineUnavailable):
        resolve_engine("auto")


def test_threads_and_checksum_reach_the_engine(model: Path) -> None:
    with pytest.raises(UsageError, match="thread"):
        open_engine("ort-cpu", model, EngineOptions(threads=0))
    with pytest.raises(PackageError, match="checksum"):
        open_engine("ort-cpu", model, EngineOptions(sha256="0" * 64))
