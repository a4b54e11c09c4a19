"""The parts of the plain loop: ONNX Runtime as it comes, and with one lever after the other."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from unmask.benchmarks.baseline import Find, Judge, Prepare, laid_out
from unmask.engines.manifest import Manifest
from unmask.realtime.faces import models
from unmask.realtime.faces.boxes import fitted_size, sorted_faces
from unmask.realtime.faces.registry import MODEL_VARIABLE, FaceFinderSettings
from unmask.realtime.types import FaceBox, Image

Step = Callable[[NDArray[Any]], NDArray[Any]]
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "Div": np.divide,
    "Mul": np.multiply,
    "Sub": np.subtract,
    "Add": np.add,
}


@dataclass(frozen=True, slots=True)
class Front:
    """A network without its first operations: ``prepare`` does them in numpy for a crop uint8 (H, W, 3);
    ``model`` takes the float32 results, stacked."""

    prepare: Prepare
    model: bytes


def split_front(path: Path) -> Front | None:
    """Take turning, casting and scaling out of an encoder, as tutorials do them outside; ``None`` where the
    graph does not begin with them."""
    model = onnx.load(str(path))
    graph = model.graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    name, steps, cast = graph.input[0].name, [], False
    shape: list[Any] = [axis.dim_value or axis.dim_param for axis in graph.input[0].type.tensor_type.shape.dim]
    while True:
        users = [node for node in graph.node if name in node.input]
        step = _as_numpy(users[0], name, constants) if len(users) == 1 else None
        if step is None:
            break
        node = users[0]
        cast = cast or node.op_type == "Cast"
        if node.op_type == "Transpose":
            shape = [shape[axis] for axis in _axes(node)]
        steps.append(step)
        name = node.output[0]
        graph.node.remove(node)
    if not cast:
        return None
    graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))

    def prepare(crop: Image) -> NDArray[np.float32]:
        values: NDArray[Any] = crop[np.newaxis]
        for step in steps:
            values = step(values)
        return np.ascontiguousarray(values[0], dtype=np.float32)

    return Front(prepare, model.SerializeToString())


def _axes(node: onnx.NodeProto) -> list[int]:
    return list(next(one.ints for one in node.attribute if one.name == "perm"))


def _as_numpy(node: onnx.NodeProto, name: str, constants: dict[str, NDArray[Any]]) -> Step | None:
    if node.op_type == "Transpose":
        axes = _axes(node)
        return lambda values: np.transpose(values, axes)
    if node.op_type == "Cast":
        wanted = next(one.i for one in node.attribute if one.name == "to")
        return (lambda values: values.astype(np.float32)) if wanted == onnx.TensorProto.FLOAT else None
    work = _ARITHMETIC.get(node.op_type)
    if work is None or node.input[0] != name or node.input[1] not in constants:
        return None
    constant = constants[node.input[1]]
    return lambda values: work(values, constant)


class DefaultSession:
    """An ONNX model as ``InferenceSession(model)`` opens it: all cores, threads that spin between calls.
    With ``lean`` one thread that sleeps, which is how the monitor opens its own."""

    def __init__(self, model: bytes | str, *, lean: bool = False) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if lean:
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(self, name: str, arrays: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        return self.session.run([name], arrays)[0]


class DefaultScrfd:
    """SCRFD by insightface with a plain session, at one input size, in every frame."""

    def __init__(self, model: Path, longest: int, min_confidence: float) -> None:
        from insightface.model_zoo.scrfd import SCRFD

        session = DefaultSession(str(model)).session
        self._network: Any = SCRFD(model_file=str(model), session=session, static_shape_sessions=False)
        self._longest, self._confidence = longest, min_confidence

    def find(self, image: Image) -> list[FaceBox]:
        height, width = image.shape[:2]
        size = self._network.static_input_size or fitted_size(width, height, self._longest)
        found, landmarks = self._network.detect(image, input_size=size, det_thresh=self._confidence)
        return sorted_faces(found[:, :4], found[:, 4], landmarks, min_face_px=0.0)


def face_model_file(settings: FaceFinderSettings) -> Path | None:
    """The file that ``make_face_finder`` takes by these settings, once it is on this machine."""
    named = os.environ.get(MODEL_VARIABLE, "").strip()
    if settings.model is not None or named:
        return settings.model or Path(named).expanduser()
    return models.find_model(settings.pack) if settings.pack else None


def reencoding(encoder: DefaultSession, head: DefaultSession, manifest: Manifest) -> Judge:
    """Every crop of the window through the encoder, every time."""
    name = encoder.session.get_inputs()[0].name

    def judge(window: list[Any]) -> float:
        embeddings = encoder.run("embedding", {name: np.stack(window)})
        return _judged(head, embeddings, manifest)

    return judge


def caching(
    encoder: DefaultSession, head: DefaultSession, manifest: Manifest, prepare: Prepare
) -> tuple[Prepare, Judge]:
    """Every crop through the encoder once: what is kept of it is its embedding."""
    name = encoder.session.get_inputs()[0].name

    def encode(crop: Image) -> NDArray[np.float32]:
        return encoder.run("embedding", {name: prepare(crop)[np.newaxis]})[0]

    return encode, lambda window: _judged(head, np.stack(window), manifest)


def as_it_is(crop: Image) -> Image:
    """For an encoder that takes uint8 and scales inside its graph."""
    return crop


def _judged(head: DefaultSession, embeddings: NDArray[np.float32], manifest: Manifest) -> float:
    window, mask = laid_out(embeddings, manifest)
    return float(head.run("logit", {"window": window, "mask": mask})[0])


__all__ = [
    "DefaultScrfd",
    "DefaultSession",
    "Find",
    "Front",
    "as_it_is",
    "caching",
    "face_model_file",
    "reencoding",
    "split_front",
]
