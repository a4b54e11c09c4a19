from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from toy_package import build_manifest, build_toy_package, toy_encoder, toy_head, write_package

from unmask.engines.errors import EngineError, EngineUnavailable, PackageError
from unmask.engines.verify import verify_package


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
    result = verify_package(folder)
    assert (result.name, result.version, result.folder) == ("toy", "1.0.0", folder)
    assert (result.engine, result.provider) == ("ort-cpu", "CPUExecutionProvider")
    assert result.batch_difference == 0.0
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
    change = rewire(helper.make_node("NoSuchOperator", ["clean"], ["logit"]))
    with pytest.raises(EngineError, match="cannot load the model"):
        verify_package(package_with(tmp_path / "toy", "head", change))


def test_a_missing_engine_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="openvino"):
        verify_package(build_toy_package(tmp_path / "toy"), "openvino")


def test_a_package_on_which_loading_fails(tmp_path: Path) -> None:
    folder = build_toy_package(tmp_path / "toy")
    (folder / "head.onnx").write_bytes(b"")
    with pytest.raises(PackageError, match="checksum"):
        verify_package(folder)
