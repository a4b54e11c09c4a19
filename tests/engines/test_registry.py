from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from toy_package import build_toy_package

from unmask.engines import choice, registry
from unmask.engines.errors import EngineUnavailable, PackageError, UsageError
from unmask.engines.options import EngineOptions
from unmask.engines.registry import AUTO_ENGINES, ENGINE_NAMES, list_engines, open_engine, require_engine

ORT = ("ort-cpu", "ort-cuda", "ort-tensorrt", "ort-openvino", "ort-coreml", "ort-directml")
ASKED_FOR = ("auto", *ORT, "tensorrt", "openvino", "torch", "remote")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return build_toy_package(tmp_path / "toy") / "encoder.onnx"


@pytest.fixture
def only_ort_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        registry, "why_unavailable", lambda name: None if name == "ort-cpu" else f"there is no {name}; buy one"
    )
    monkeypatch.setattr(choice, "why_unavailable", registry.why_unavailable)


def test_every_name_exists_and_has_a_module() -> None:
    assert ENGINE_NAMES == ASKED_FOR
    assert [row.name for row in list_engines()] == list(ASKED_FOR)
    assert set(AUTO_ENGINES) == set(ASKED_FOR) - {"auto", "torch", "remote"}


def test_every_row_says_why() -> None:
    for row in list_engines()[1:]:
        if row.available:
            assert row.reason.startswith("ready")
        else:
            assert ";" in row.reason, f"{row.name}: what is missing, then the remedy: {row.reason}"
            with pytest.raises(EngineUnavailable, match=f"^The engine {row.name} cannot run here: "):
                require_engine(row.name)


@pytest.mark.parametrize("name", ["auto", "ort-cpu"])
@pytest.mark.usefixtures("only_ort_cpu")
def test_what_runs_is_opened_and_named(name: str, model: Path) -> None:
    engine = open_engine(name, model)
    try:
        assert (engine.name, engine.provider) == ("ort-cpu", "CPUExecutionProvider")
    finally:
        engine.close()


@pytest.mark.parametrize("name", ASKED_FOR[2:])
@pytest.mark.usefixtures("only_ort_cpu")
def test_what_is_missing_raises_and_names_the_remedy(name: str, model: Path) -> None:
    wanted = f"^The engine {name} cannot run here: there is no {name}; buy one; or use --engine ort-cpu.$"
    with pytest.raises(EngineUnavailable, match=wanted):
        open_engine(name, model)


@pytest.mark.parametrize("name", ["", "ORT-CPU", "ort_cpu", "cuda", "CUDAExecutionProvider", "auto "])
def test_a_misspelt_name_lists_the_names(name: str, model: Path) -> None:
    with pytest.raises(UsageError, match="choose one of auto, ort-cpu, ort-cuda"):
        open_engine(name, model)


def test_the_listing_names_what_auto_picks_from(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"ort-cpu"}
    monkeypatch.setattr(registry, "why_unavailable", lambda name: None if name in here else "no")
    assert list_engines()[0].reason == "picks ort-cpu: the only one here that it may pick"
    here |= {"openvino", "torch", "remote"}
    auto, *rows = list_engines()
    assert auto.reason == "picks the fastest of ort-cpu, openvino, measured once for each detector"
    assert {row.name: row.reason for row in rows if row.available} == {
        "ort-cpu": "ready",
        "openvino": "ready",
        "torch": "ready; a reference, auto never picks it",
        "remote": "ready; needs --server HOST:PORT",
    }
    here.clear()
    assert not any(row.available for row in list_engines())


def test_auto_opens_what_was_chosen(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def choose(model: Path, sha256: str | None, options: EngineOptions) -> choice.Choice:
        asked.append((model, sha256, options.threads))
        return choice.Choice("ort-cpu", "a test says so")

    monkeypatch.setattr(choice, "choose", choose)
    with open_engine("auto", model, EngineOptions(threads=2)) as engine:
        assert engine.name == "ort-cpu"
    assert asked == [(model, None, 2)]


def test_auto_without_a_runtime_raises_too(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr(registry, "AUTO_ENGINES", ORT)
    assert not any(row.available for row in list_engines() if row.name in ("auto", *ORT))
    for name in ("auto", "ort-cpu"):
        with pytest.raises(EngineUnavailable, match="onnxruntime cannot be imported"):
            open_engine(name, model)


def test_threads_and_checksum_reach_the_engine(model: Path) -> None:
    with pytest.raises(UsageError, match="thread"):
        open_engine("ort-cpu", model, EngineOptions(threads=0))
    with pytest.raises(PackageError, match="checksum"):
        open_engine("ort-cpu", model, EngineOptions(sha256="0" * 64))


def test_a_package_that_fails_in_any_way_is_a_row_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str | None:
        raise AttributeError("partially initialized module 'openvino'\nhas no attribute 'Core'")

    monkeypatch.setattr("unmask.engines.openvino.why_unavailable", broken)
    rows = {row.name: row for row in list_engines()}
    assert list(rows) == list(ASKED_FOR)
    assert rows["ort-cpu"].available
    assert rows["openvino"].reason == (
        "its package is damaged (AttributeError: partially initialized module 'openvino' has no attribute 'Core'); "
        "see 'unmask doctor', or reinstall it"
    )
    with pytest.raises(EngineUnavailable, match="its package is damaged"):
        require_engine("openvino")


@pytest.mark.parametrize("name", ["openvino", "tensorrt", "torch"])
@pytest.mark.parametrize("options", [{"server": "host:1"}, {"remote_model": "toy"}])
def test_a_server_is_refused_by_who_asks_none(name: str, options: dict[str, str], model: Path) -> None:
    module = importlib.import_module(registry._TABLE[name])
    with pytest.raises(UsageError, match=f"The engine {name} asks no server"):
        module.create(model, EngineOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["ort-cpu", "openvino", "torch"])
def test_more_threads_than_any_machine_has_are_refused(name: str, model: Path) -> None:
    module = importlib.import_module(registry._TABLE[name])
    module.create(model, EngineOptions(threads=256))
    with pytest.raises(UsageError, match="at most 256 threads, it was given 257"):
        module.create(model, EngineOptions(threads=257))
