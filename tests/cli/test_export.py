"""``unmask export``: what the command passes on, prints and refuses. The export itself: tests/export."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from toy_package import build_toy_package

from unmask.cli.main import main
from unmask.engines import build_progress, registry
from unmask.engines.errors import EngineUnavailable
from unmask.engines.options import EngineOptions
from unmask.engines.package import DetectorPackage, load_package
from unmask.export import exporter
from unmask.export.exporter import ExportOptions


@pytest.fixture
def toy(tmp_path: Path) -> DetectorPackage:
    return load_package(build_toy_package(tmp_path / "toy"))


@pytest.fixture
def exported(toy: DetectorPackage, monkeypatch: pytest.MonkeyPatch) -> list[ExportOptions]:
    """Stands in for the export, which needs torch; the options that it was asked with."""
    asked: list[ExportOptions] = []

    def export(options: ExportOptions, log: Any) -> tuple[DetectorPackage, tuple[str, ...]]:
        asked.append(options)
        log("a step")
        return toy, ()

    monkeypatch.setattr(exporter, "export_checkpoint", export)
    return asked


def test_every_option_reaches_the_export(exported: list[ExportOptions], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--name", "mine", "--version", "1.2.3", "--description", "Mine.", "--licence", "CC0", "--learnt-from", "a",
             "--learnt-from", "b", "--data", "crops", "--most", "50", "--margin", "1.4", "--window", "8",
             "--stride-ms", "100", "--min-frames", "3", "--precision", "fp32,int8", "--replace"]  # fmt: skip
    assert main(["export", "--out", "out", *words, "run"]) == 0
    assert exported == [
        ExportOptions(
            checkpoint=Path("run"), out=Path("out"), name="mine", version="1.2.3", description="Mine.", margin=1.4,
            frames=8, stride_ms=100, min_frames=3, data=Path("crops"), most=50, licence="CC0", learnt_from=("a", "b"),
            precisions=("fp32", "int8"), replace=True,
        )
    ]  # fmt: skip
    shown = capsys.readouterr().out
    assert "a step" in shown
    assert "(toy 1.0.0)" in shown


def test_what_is_left_out_is_the_exports_own_choice(exported: list[ExportOptions]) -> None:
    assert main(["export", "run", "--out", "out"]) == 0
    assert exported == [ExportOptions(Path("run"), Path("out"))]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("run",), "--out"),
        (("run", "--out", "x", "--precision", "fp32,fp8"), "'fp8' is no precision"),
        (("run", "--out", "x", "--most", "0"), "0 is not a whole number above 0"),
        (("run", "--out", "x", "--engine", "openvino"), "invalid choice: 'openvino'"),
    ],
)
def test_a_wrong_call_is_one_sentence(
    words: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export", *words])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_a_refused_precision_ends_with_2_after_the_package_was_written(
    toy: DetectorPackage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(exporter, "export_checkpoint", lambda *_: (toy, ("INT8 was left out: too slow.",)))
    assert main(["export", "run", "--out", "out", "--precision", "fp32,int8", "--data", "d"]) == 2
    said = capsys.readouterr()
    assert "wrote" in said.out
    assert said.err == "unmask: INT8 was left out: too slow.\n"


def test_without_torch_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else find(name, *rest))
    assert main(["export", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "Exporting needs torch, which is not installed: pip install 'unmask[train]'." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_repository_for_triton_is_written_beside(
    exported: list[ExportOptions], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "run", "--out", "out", "--triton", str(tmp_path / "models")]) == 0
    assert (tmp_path / "models" / "toy" / "config.pbtxt").is_file()
    assert "a model repository for Triton" in capsys.readouterr().out


def test_what_stands_at_the_place_of_the_repository_is_said_before_the_export(
    exported: list[ExportOptions], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models-fp16" / "mine").mkdir(parents=True)
    call = ["export", "run", "--out", "out", "--name", "mine", "--precision", "fp32,fp16"]
    assert main([*call, "--triton", str(tmp_path / "models")]) == 2
    assert "models-fp16/mine already" in capsys.readouterr().err
    assert exported == []


def test_a_repository_here_and_a_plan_that_fails_are_both_dealt_with(
    toy: DetectorPackage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def unavailable(*_: object) -> None:
        raise EngineUnavailable("The engine tensorrt cannot run here.")

    monkeypatch.setattr(registry, "open_engine", unavailable)
    monkeypatch.setattr(exporter, "export_checkpoint", lambda *_: (toy, ("int8 is left out.",)))
    monkeypatch.chdir(tmp_path)
    assert main(["export", "run", "--out", "out", "--name", "other", "--triton", ".", "--engine", "tensorrt"]) == 2
    assert capsys.readouterr().err.count("There is a folder toy already") == 1
    assert main(["export", "run", "--out", "out", "--triton", "models", "--engine", "tensorrt"]) == 2
    assert capsys.readouterr().err == "unmask: int8 is left out. The engine tensorrt cannot run here.\n"
    assert (tmp_path / "models" / "toy").is_dir()


def test_a_repository_of_a_package_that_is_there(
    toy: DetectorPackage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["export", "triton", str(toy.folder), str(tmp_path / "models"), "--max-batch", "8"]
    assert main(call) == 0
    assert "max_batch_size: 8" in (tmp_path / "models" / "toy" / "config.pbtxt").read_text()
    assert main(call) == 2
    assert "already: remove it" in capsys.readouterr().err
    (tmp_path / "x.plan").write_bytes(b"a plan")
    assert main([*call[:3], str(tmp_path / "plans"), "--plan", str(tmp_path / "x.plan")]) == 0
    assert (tmp_path / "plans" / "toy" / "1" / "model.plan").read_bytes() == b"a plan"


def test_a_plan_is_built_into_the_cache(
    exported: list[ExportOptions], toy: DetectorPackage, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    opened: list[tuple[str, Path, EngineOptions]] = []

    @contextlib.contextmanager
    def open_engine(name: str, model: Path, options: EngineOptions) -> Iterator[SimpleNamespace]:
        opened.append((name, model, options))
        build_progress.report(build_progress.BuildProgress("toy", "none there yet", "tactics", 1, 2, 0.5))
        yield SimpleNamespace(provider="TensorRT of a test")

    monkeypatch.setattr(registry, "open_engine", open_engine)
    assert main(["export", "run", "--out", "out", "--engine", "tensorrt", "--max-batch", "32"]) == 0
    options = EngineOptions(sha256=toy.manifest.files.encoder.sha256, max_batch=32)
    assert opened == [("tensorrt", toy.encoder_path, options)]
    assert "the fp32 plan is in the cache: TensorRT of a test" in capsys.readouterr().out


def test_where_no_plan_can_be_built_the_package_is_there_and_the_exit_code_is_2(
    exported: list[ExportOptions], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unavailable(*_: object) -> None:
        raise EngineUnavailable("The engine tensorrt cannot run here: there is no GPU.")

    monkeypatch.setattr(registry, "open_engine", unavailable)
    assert main(["export", "run", "--out", "out", "--engine", "tensorrt"]) == 2
    said = capsys.readouterr()
    assert "wrote" in said.out
    assert said.err == "unmask: The engine tensorrt cannot run here: there is no GPU.\n"


def test_wrap_is_a_command_of_its_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export", "wrap", "--help"])
    assert ended.value.code == 0
    assert "MODEL.onnx" in capsys.readouterr().out
    assert main(["export", "wrap", str(tmp_path / "absent.onnx"), "--out", str(tmp_path / "out")]) == 2
    assert "absent.onnx" in capsys.readouterr().err


def test_the_help_names_both_forms(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "CHECKPOINT" in shown
    assert "unmask export wrap MODEL.onnx" in shown


def test_from_a_run_to_a_package_that_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="needs torch (the train extra)")
    pytest.importorskip("onnxscript", reason="needs onnxscript (the train extra)")
    import small_zoo

    small_zoo.write_run(tmp_path / "run", small_zoo.recipe({"kind": "cnn", "channels": [8]}))
    data = small_zoo.write_data(tmp_path / "crops", boxes=True)
    out = tmp_path / "mine"
    call = ["export", str(tmp_path / "run"), "--out", str(out), "--data", str(data), "--licence", "CC0"]
    assert main(call) == 0
    shown = capsys.readouterr().out
    assert "parity with the network" in shown
    assert "wrote" in shown
    assert load_package(out).manifest.provenance.licence == "CC0"
    assert main(["detectors", "verify", str(out)]) == 0
    assert main(call) == 2
    assert "is there already" in capsys.readouterr().err
