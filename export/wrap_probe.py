"""What can be found out about a classifier by looking at it and by running it on made-up pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from unmask.export.package_writer import ExportError
from unmask.export.wrap_graph import Activation, Layout, Preprocess, prepared
from unmask.export.wrap_model import Foreign, with_dynamic_batch

#: How far a picture's answers may move, relative and absolute, when it has neighbours in its batch.
TOLERANCE = 1e-3
#: The same for half-precision weights.
HALF_TOLERANCE = 1e-2
MAX_CLASSES = 10_000

_PICTURES, _SEED = 8, 7
#: Operators that hand values on as they are.
_PASSING = ("Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten")


@dataclass(frozen=True, slots=True)
class Found:
    """Something about the model, and how it is known."""

    value: str
    why: str


class Session:
    """A model in ONNX Runtime on the processor, run on as many pictures at a time as it takes."""

    def __init__(self, model: onnx.ModelProto, input_name: str, batch: int | None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            raw = model.SerializeToString()
            self._session = onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's errors share no base class
            raise ExportError(f"ONNX Runtime cannot load the model: {_one_line(error)}.") from error
        self._input, self._batch = input_name, batch
        self.outputs: Sequence[str] = tuple(value.name for value in self._session.get_outputs())

    def run(self, pictures: NDArray[np.generic], output: str) -> NDArray[np.generic]:
        """The answers to ``pictures``, one row each. Raises ``ExportError``."""
        count, step = len(pictures), self._batch or len(pictures)
        rows = []
        for start in range(0, count, step):
            part = pictures[start : start + step]
            short = step - len(part)
            filled = np.concatenate([part, np.repeat(part[-1:], short, axis=0)]) if short else part
            try:
                (answer,) = self._session.run([output], {self._input: filled})
            except Exception as error:  # the runtime's errors share no base class
                raise ExportError(f"The model cannot be run: {_one_line(error)}.") from error
            if not isinstance(answer, np.ndarray) or answer.dtype.kind not in "fui":
                raise ExportError(f"The output {output} is no tensor of numbers: name another with --output.")
            if answer.ndim == 0 or len(answer) != step:
                raise ExportError(
                    f"The output {output} is of shape {answer.shape} for {step} pictures: name one with a row for each."
                )
            rows.append(answer[: len(part)])
        return np.concatenate(rows)


def layout_of(foreign: Foreign) -> Found:
    """``nchw`` or ``nhwc`` by the axis of three channels. Raises ``ExportError`` where that does not tell."""
    _, first, _, last = foreign.shape
    if (first == 3) == (last == 3):
        raise ExportError(
            f"The model's input {_shown(foreign)} does not tell where its three channels are: "
            "give --layout; only models of three channels can be wrapped."
        )
    return Found("nchw" if first == 3 else "nhwc", f"its input is {_shown(foreign)}")


def size_of(foreign: Foreign, layout: Layout, given: int | None) -> Found:
    """The side of its square input in pixels. Raises ``ExportError`` where it is unknown or contradicts."""
    axes = foreign.shape[2:] if layout == "nchw" else foreign.shape[1:3]
    channels = foreign.shape[1 if layout == "nchw" else 3]
    if channels not in (3, None):
        raise ExportError(f"The model takes {channels} channels in layout {layout}: only three can be wrapped.")
    fixed = {axis for axis in axes if axis is not None}
    if len(fixed) > 1:
        raise ExportError(f"The model takes pictures of {axes[0]} x {axes[1]} pixels: only squares can be wrapped.")
    if not fixed and given is None:
        raise ExportError("The model takes pictures of any size: say with --size which one it was taught with.")
    if fixed and given not in (None, *fixed):
        raise ExportError(f"The model takes pictures of {fixed.pop()} pixels, not {given}: leave out --size.")
    return Found(str(given or fixed.pop()), f"its input is {_shown(foreign)}")


def output_of(session: Session, given: str | None) -> str:
    """The output to read. Raises ``ExportError`` where there are several and none is named."""
    if given is not None and given not in session.outputs:
        raise ExportError(f"The model has no output {given!r}: choose from {', '.join(session.outputs)}.")
    if given is None and len(session.outputs) > 1:
        raise ExportError(f"The model has the outputs {', '.join(session.outputs)}: name one with --output.")
    return given or session.outputs[0]


def classes_of(answers: NDArray[np.generic], output: str) -> int:
    """How many numbers there are per picture. Raises ``ExportError`` for a map or too many."""
    shape = answers.shape[1:]
    count = int(np.prod(shape))
    if not 1 <= count <= MAX_CLASSES or sum(axis > 1 for axis in shape) > 1:
        raise ExportError(
            f"The output {output} is {' x '.join(map(str, shape))} per picture: it must be a number or a list of them."
        )
    if not np.isfinite(answers.astype(np.float64)).all():
        raise ExportError(f"The output {output} is not finite on plain pictures: check the model.")
    return count


def activation_of(
    model: onnx.ModelProto, output: str, answers: NDArray[np.generic], count: int
) -> tuple[Activation, str, bool]:
    """What the model already applied, how that is known, and whether it is sure: numbers between 0 and 1 for
    made-up pictures only suggest a probability."""
    last = _last_operator(model, output)
    if last == "Sigmoid":
        return "sigmoid", "Sigmoid is its last operator", True
    if last == "Softmax":
        return "softmax", "Softmax is its last operator", True
    values = answers.reshape(len(answers), count).astype(np.float64)
    if last == "LogSoftmax":
        return "logit", "LogSoftmax is its last operator, and logarithms of probabilities are read as logits", True
    if (values < -1e-6).any() or (values > 1 + 1e-6).any():
        return "logit", "some of its answers lie outside of 0 to 1", True
    if count == 1:
        return "sigmoid", f"its answers to {len(values)} made-up pictures lie within 0 to 1", False
    if np.allclose(values.sum(axis=1), 1.0, atol=1e-3):
        return "softmax", f"its answers to {len(values)} made-up pictures sum to 1", False
    # Weak logits may lie in there as well, and independent probabilities nearly always end in a Sigmoid.
    return "logit", "its answers do not sum to 1, and no Sigmoid is its last operator", False


def freed(foreign: Foreign, session: Session, pictures: NDArray[np.generic], output: str) -> onnx.ModelProto:
    """The model for any number of pictures, after running it so and comparing with one at a time.

    Raises ``ExportError`` where pictures change each other's answers or the fixed batch is built in. It is
    not wrapped in a loop over pictures: TensorRT, INT8 and batching gain nothing from a graph inside a loop.
    """
    model = foreign.model if foreign.batch is None else with_dynamic_batch(foreign)
    alone = session.run(pictures, output) if foreign.batch else _one_by_one(session, pictures, output)
    try:
        free = session if foreign.batch is None else Session(model, foreign.input, None)
        together = free.run(pictures, output)
        two = free.run(pictures[:2], output)
    except ExportError as error:
        raise ExportError(
            f"The model cannot take another number of pictures than {foreign.batch or 1} ({error}) "
            "Export it with a dynamic batch axis."
        ) from error
    limit = tolerance(foreign)
    if not _close(together, alone, limit) or not _close(two, alone[:2], limit):
        raise ExportError(
            "The model answers otherwise when pictures share a batch: export it in evaluation mode, "
            "with a dynamic batch axis."
        )
    return model


def unconverted_agrees(foreign: Foreign, session: Session, pictures: NDArray[np.generic], output: str) -> bool:
    """Whether the graph before its conversion gives the same answers; True where none was converted.

    Raises ``ExportError`` where this ONNX Runtime cannot run it, so that nothing can be compared.
    """
    if foreign.original is None:
        return True
    old = Session(foreign.original, foreign.input, foreign.batch)
    return _close(session.run(pictures, output), old.run(pictures, output), tolerance(foreign))


def tolerance(foreign: Foreign) -> float:
    """Of two ways to compute the same, as a share and as an absolute difference."""
    halves = any(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in foreign.model.graph.initializer)
    return HALF_TOLERANCE if halves or foreign.dtype == "float16" else TOLERANCE


def made_up(pre: Preprocess) -> tuple[NDArray[np.uint8], NDArray[np.generic]]:
    """The same pictures each time (noise at four coarsenesses, ramps, plain grey), and as the model takes them."""
    random, size = np.random.default_rng(_SEED), pre.size
    crops = np.empty((_PICTURES, size, size, 3), np.uint8)
    for index in range(_PICTURES - 2):
        cells = min(size, 2 ** (index + 1))
        coarse = random.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        at = np.arange(size) * cells // size
        crops[index] = coarse[at][:, at]
    crops[-2] = np.linspace(0, 255, size).astype(np.uint8)[None, :, None]
    crops[-1] = 128
    return crops, prepared(crops, pre)


def _one_by_one(session: Session, pictures: NDArray[np.generic], output: str) -> NDArray[np.generic]:
    return np.concatenate([session.run(pictures[i : i + 1], output) for i in range(len(pictures))])


def _close(one: NDArray[np.generic], other: NDArray[np.generic], limit: float) -> bool:
    same = one.shape == other.shape
    return same and np.allclose(one.astype(np.float64), other.astype(np.float64), rtol=limit, atol=limit)


def _last_operator(model: onnx.ModelProto, output: str) -> str:
    makers = {name: node for node in model.graph.node for name in node.output}
    for _ in range(len(makers)):
        node = makers.get(output)
        if node is None or node.op_type not in _PASSING:
            return node.op_type if node is not None else ""
        output = node.input[0]
    return ""


def _shown(foreign: Foreign) -> str:
    return f"{foreign.dtype}({', '.join('any' if axis is None else str(axis) for axis in foreign.shape)})"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:300]
