from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from toy_package import build_manifest, build_toy_package, toy_encoder, toy_head, write_package

from unmask.engines import registry
from unmask.engines import verify as verify_module
from unmask.engines.engine import Engine
from unmask.engines.errors import EngineError, EngineUnavailable, PackageError, UsageError
from unmask.engines.options import EngineOptions
from unmask.engines.ort_cpu import OrtCpuEngine
from unmask.engines.verify import Verification, verify_package


def package_with(folder: Path, role: str, change: Callable[[onnx.GraphProto], None]) -> Path:
    """A toy whose ``role`` graph was tampered with by its maker: checksums and metadata fit."""
    folder.mkdir()
    manifest = build_manifest()
    models = {"encoder": toy_encoder(manifest), "head": toy_head(manifest)}
    change(models[role].graph)
    write_package(folder, manifest, models["encoder"], models["head"])
    return folder


def rewire(*added: onnx.NodeProto, weights: dict[str, np.ndarray] | None = None):
    """Let ``added`` turn the old logit, renamed ``clean``, into the new one."""

    def change(graph: onnx.GraphProto) -> None:
        graph.node[-1].output[0] = "clean"
        graph.node.extend(added)
        graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in (weights or {}).items())

    return change


def test_a_sound_package(tmp_path: Path) -> None:
    folder = build_toy_package(tmp_path / "toy")
    result = verify_package(folder, "ort-cpu")
    assert (result.name, result.version, result.folder) == ("toy", "1.0.0", folder)
    assert (result.engine, result.provider) == ("ort-cpu", "CPUExecutionProvider")
    assert result.batch_difference == 0.0
    assert result.engine_difference is None
    assert result.encode_ms > 0


@pytest.mark.parametrize("role", ["encoder", "head"])
def test_logits_that_are_no_numbers(tmp_path: Path, role: str) -> None:
    change = rewire(
        helper.make_node("Sub", ["clean", "clean"], ["nought"]),
        helper.make_node("Div", ["nought", "nought"], ["logit"]),
    )
    with pytest.raises(PackageError, match=f"The {role} of .* gives logit that is no number"):
        verify_package(package_with(tmp_path / "toy", role, change))


def test_logits_that_change(tmp_path: Path) -> None:
    change = rewire(
        helper.make_node("RandomNormalLike", ["clean"], ["noise"]),
        helper.make_node("Add", ["clean", "noise"], ["logit"]),
    )
    with pytest.raises(PackageError, match="gives another logit for the same input"):
        verify_package(package_with(tmp_path / "toy", "encoder", change))


def test_logits_that_mix_the_batch(tmp_path: Path) -> None:
    change = rewire(
        helper.make_node("ReduceMean", ["clean"], ["average"], keepdims=1),
        helper.make_node("Sub", ["clean", "average"], ["logit"]),
    )
    with pytest.raises(PackageError, match="scores a crop differently in a batch"):
        verify_package(package_with(tmp_path / "toy", "encoder", change))


def test_a_graph_that_the_runtime_refuses(tmp_path: Path) -> None:
    # Well formed, yet it adds whole numbers to broken ones: only a runtime infers types.
    added = helper.make_node("Add", ["clean", "whole"], ["logit"])
    change = rewire(added, weights={"whole": np.array(1, np.int64)})
    with pytest.raises(EngineError, match="cannot load the model"):
        verify_package(package_with(tmp_path / "toy", "head", change))


def test_a_missing_engine_is_not_replaced(tmp_path: Path) -> None:
    if (problem := registry.why_unavailable("ort-cuda")) is None:
        pytest.skip("CUDA runs here")
    with pytest.raises(EngineUnavailable, match=f"ort-cuda cannot run here: {re.escape(problem)}"):
        verify_package(build_toy_package(tmp_path / "toy"), "ort-cuda")


def test_a_missing_precision_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no encoder of precision int8"):
        verify_package(build_toy_package(tmp_path / "toy"), "ort-cpu", precision="int8")


class Off(OrtCpuEngine):
    """Another engine, whose logits are off by ``by``; by a little of it in every call anew where it shakes."""

    name = "off"
    by = 0.0
    shakes = False

    def _infer_impl(self, arrays):
        results = super()._infer_impl(arrays)
        if "crops" in arrays:
            results["logit"] = results["logit"] + np.float32(self.by)
            self.by = -self.by if self.shakes else self.by
        return results


@pytest.mark.parametrize(
    ("by", "shakes", "sentence"),
    [
        (0.5, False, "scores the encoder of .* differently from ort-cpu, by 0.5"),
        (0.1, True, "gives another logit for the same input on the engine off: see whether --engine ort-cpu"),
    ],
)
def test_an_engine_that_scores_differently(
    by: float, shakes: bool, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises((EngineError, PackageError), match=sentence):
        verify_on(by, shakes, tmp_path, monkeypatch)


def test_another_engine_is_held_against_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = verify_on(1e-4, True, tmp_path, monkeypatch)
    assert result.engine == "off"
    assert result.engine_difference == pytest.approx(1e-4, rel=0.1)


def verify_on(by: float, shakes: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Verification:
    real = verify_module.open_engine

    def opened(name: str, model: Path, options: EngineOptions) -> Engine:
        if name != "off":
            return real(name, model, options)
        engine = Off(model, sha256=options.sha256)
        engine.by, engine.shakes = by, shakes
        engine.open()
        return engine

    monkeypatch.setattr(verify_module, "open_engine", opened)
    return verify_package(build_toy_package(folder / "toy"), "off")


def test_a_package_on_which_loading_fails(tmp_path: Path) -> None:
    folder = build_toy_package(tmp_path / "toy")
    (folder / "head.onnx").write_bytes(b"")
    with pytest.raises(PackageError, match="checksum"):
        verify_package(folder)
