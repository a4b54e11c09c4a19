"""A tiny detector package whose score is known: the redder a crop is than blue, the higher.

The graphs are real ONNX. Encoder: logit = 8 * (mean red - mean blue) / 255, so pure red gives +8, grey
0 and pure blue -8, exactly. Head: the masked mean of the embeddings over time, read out by the same
vector; a window of one frame gives the encoder's logit to the last bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
GAIN = 8.0

_NO_HASH = "0" * 64


def toy_logit(crop: np.ndarray, colour: str = "rgb") -> float:
    """The logit of one uint8 crop (H, W, 3), reckoned apart from the graph."""
    red, blue = (0, 2) if colour == "rgb" else (2, 0)
    mean = crop.reshape(-1, 3).mean(axis=0)
    return GAIN * float(mean[red] - mean[blue]) / 255.0


def build_toy_package(
    folder: Path,
    *,
    size: int = 64,
    embedding: int = 8,
    length: int = 4,
    stride_ms: int = 100,
    min_frames: int = 2,
    max_gap_ms: int = 500,
    threshold: float = 0.6,
    name: str = "toy",
    **overrides: Any,
) -> Path:
    """Write ``detector.json``, ``encoder.onnx`` and ``head.onnx`` to ``folder`` and return it.

    ``overrides`` are merged into the manifest (dicts deeply): ``quality={"min_face_px": 20}``.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = build_manifest(
        **_merged(
            {
                "name": name,
                "input": {"size": size},
                "embedding": embedding,
                "window": {
                    "length": length,
                    "stride_ms": stride_ms,
                    "max_gap_ms": max_gap_ms,
                    "min_frames": min_frames,
                },
                "thresholds": [_threshold(threshold)],
            },
            overrides,
        )
    )
    write_package(folder, manifest, toy_encoder(manifest), toy_head(manifest))
    return folder


def write_package(folder: Path, manifest: dict[str, Any], encoder: onnx.ModelProto, head: onnx.ModelProto) -> None:
    """Write the graphs and the manifest with their checksums; explicit checksums in ``manifest`` stay."""
    for role, model in (("encoder", encoder), ("head", head)):
        entry = manifest["files"][role]
        raw = model.SerializeToString()
        (folder / entry["path"]).write_bytes(raw)
        if entry["sha256"] == _NO_HASH:
            entry["sha256"] = hashlib.sha256(raw).hexdigest()
    write_manifest(folder, manifest)


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    (folder / "detector.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")


def rehash(folder: Path) -> None:
    """Set the checksums in the manifest to what the files now are."""
    manifest = json.loads((folder / "detector.json").read_text(encoding="utf-8"))
    for role in ("encoder", "head"):
        entry = manifest["files"][role]
        entry["sha256"] = hashlib.sha256((folder / entry["path"]).read_bytes()).hexdigest()
    write_manifest(folder, manifest)


def build_manifest(**overrides: Any) -> dict[str, Any]:
    """A valid manifest as a dict (checksums of zeros), with ``overrides`` merged in (dicts deeply)."""
    base: dict[str, Any] = {
        "format": 1,
        "name": "toy",
        "version": "1.0.0",
        "description": "A toy for tests: it calls a red face manipulated.",
        "files": {
            "encoder": {"path": "encoder.onnx", "sha256": _NO_HASH},
            "head": {"path": "head.onnx", "sha256": _NO_HASH},
        },
        "input": {"size": 64, "colour": "rgb"},
        "crop": {"margin": 1.0, "align": "none"},
        "embedding": 8,
        "window": {"length": 4, "stride_ms": 100, "max_gap_ms": 500, "min_frames": 2},
        "single_image": True,
        "calibration": {"method": "none"},
        "thresholds": [_threshold(0.6)],
        "provenance": {
            "data": ["no data: built by hand"],
            "licence": "GPL-3.0-or-later",
            "trained_with": "nothing: the weights are a formula",
            "metrics": [],
            "limits": ["It looks at the mean colour alone."],
        },
        "exported_with": {"onnx": onnx.__version__},
    }
    return _merged(base, overrides)


def _threshold(score: float) -> dict[str, Any]:
    return {
        "score": score,
        "alarms_per_hour": 1.0,
        "footage_hours": 0.0,
        "alarms_seen": 0,
        "footage": "none: a toy",
    }


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def toy_encoder(manifest: Mapping[str, Any]) -> onnx.ModelProto:
    """``crops`` uint8 (N, size, size, 3) -> ``embedding`` float32 (N, D), ``logit`` float32 (N,)."""
    size, depth = manifest["input"]["size"], manifest["embedding"]
    red, blue = (0, 2) if manifest["input"]["colour"] == "rgb" else (2, 0)
    # Column 0 is red minus blue; the others repeat the channels, so that every column moves.
    projection = np.zeros((3, depth), np.float32)
    projection[red, 0], projection[blue, 0] = 1.0, -1.0
    for column in range(1, depth):
        projection[(column - 1) % 3, column] = 1.0
    nodes = [
        helper.make_node("Cast", ["crops"], ["pixels"], to=TensorProto.FLOAT),
        # Sums of whole numbers below 2**24 are exact in float32, in any order and batch.
        helper.make_node("ReduceSum", ["pixels", "axes"], ["sums"], keepdims=0),
        helper.make_node("Mul", ["sums", "per_pixel"], ["means"]),
        helper.make_node("MatMul", ["means", "projection"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "readout"], ["column"]),
        helper.make_node("Squeeze", ["column", "last"], ["logit"]),
    ]
    constants = {
        "axes": np.array([1, 2], np.int64),
        "per_pixel": np.array(1.0 / (255.0 * size * size), np.float32),
        "projection": projection,
        "readout": _readout(depth),
        "last": np.array([1], np.int64),
    }
    crops = helper.make_tensor_value_info("crops", TensorProto.UINT8, ["batch", size, size, 3])
    vectors = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", depth])
    return _model(manifest, "encoder", nodes, constants, [crops], [vectors, _logit_info()])


def toy_head(manifest: Mapping[str, Any]) -> onnx.ModelProto:
    """``window`` float32 (N, T, D), ``mask`` float32 (N, T) -> ``logit`` float32 (N,); empty gives 0."""
    depth = manifest["embedding"]
    nodes = [
        helper.make_node("Unsqueeze", ["mask", "last"], ["weights"]),
        helper.make_node("Mul", ["window", "weights"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "axes"], ["sums"], keepdims=0),
        helper.make_node("ReduceSum", ["weights", "axes"], ["count"], keepdims=0),
        helper.make_node("Max", ["count", "one"], ["at_least_one"]),
        helper.make_node("Div", ["sums", "at_least_one"], ["mean"]),
        helper.make_node("MatMul", ["mean", "readout"], ["column"]),
        helper.make_node("Squeeze", ["column", "axes"], ["logit"]),
    ]
    constants = {
        "axes": np.array([1], np.int64),
        "last": np.array([2], np.int64),
        "one": np.array(1.0, np.float32),
        "readout": _readout(depth),
    }
    window = helper.make_tensor_value_info("window", TensorProto.FLOAT, ["batch", "time", depth])
    mask = helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["batch", "time"])
    return _model(manifest, "head", nodes, constants, [window, mask], [_logit_info()])


def _readout(depth: int) -> np.ndarray:
    """Only the first column counts: times zero is exact, so the sum is the same in any order."""
    readout = np.zeros((depth, 1), np.float32)
    readout[0, 0] = GAIN
    return readout


def _logit_info() -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["batch"])


def _model(
    manifest: Mapping[str, Any],
    role: str,
    nodes: list[onnx.NodeProto],
    constants: Mapping[str, np.ndarray],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
) -> onnx.ModelProto:
    weights = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, f"toy-{role}", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name = "unmask-tests"
    helper.set_model_props(model, metadata(manifest, role))
    return model


def metadata(manifest: Mapping[str, Any], role: str) -> dict[str, str]:
    """What a graph repeats of its manifest."""
    return {
        "unmask.name": manifest["name"],
        "unmask.version": manifest["version"],
        "unmask.role": role,
        "unmask.size": str(manifest["input"]["size"]),
        "unmask.colour": manifest["input"]["colour"],
        "unmask.embedding": str(manifest["embedding"]),
    }
