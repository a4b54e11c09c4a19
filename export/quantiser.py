"""ONNX Runtime's quantiser, from memory to memory: preparation, ranges, quantised graph."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto

Method = Literal["minmax", "percentile", "entropy"]
METHODS: tuple[Method, ...] = get_args(Method)

#: The operators that pay in 8 bits, and those between them that would else turn the tensors back into float.
OPERATORS = ("Conv", "MatMul", "Gemm", "Clip", "Relu", "Add", "MaxPool", "Concat")
PERCENTILE = 99.999

#: Tensor name -> its range, as ONNX Runtime's calibrators give it.
Ranges = Any


def prepared(encoder: bytes) -> bytes:
    """``encoder`` with batch norm folded and constants reckoned, in standard operators only.

    Shapes are inferred by ONNX alone: the symbolic inference of ONNX Runtime needs sympy and finds nothing more
    in an encoder, whose only dynamic axis is the batch.
    """
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with _scratch() as folder:
        (folder / "in.onnx").write_bytes(encoder)
        for skip in (False, True):
            quant_pre_process(
                str(folder / "in.onnx"), str(folder / "out.onnx"), skip_optimization=skip, skip_symbolic_shape=True
            )
            content = (folder / "out.onnx").read_bytes()
            nodes = onnx.load_model_from_string(content).graph.node
            if all(node.domain in ("", "ai.onnx") for node in nodes):
                break
    return content


def ranges_of(graph: ModelProto, method: Method, crops: NDArray[np.uint8]) -> Ranges:
    """The range of every tensor that may be quantised, over ``crops`` (N, H, W, 3)."""
    from onnxruntime.quantization import CalibrationMethod
    from onnxruntime.quantization.calibrate import create_calibrator

    kind = {
        "minmax": CalibrationMethod.MinMax,
        "percentile": CalibrationMethod.Percentile,
        "entropy": CalibrationMethod.Entropy,
    }[method]
    options = {"percentile": PERCENTILE} if method == "percentile" else {}
    with _scratch() as folder:
        onnx.save_model(graph, folder / "model.onnx")
        calibrator = create_calibrator(
            str(folder / "model.onnx"),
            list(OPERATORS),
            str(folder / "augmented.onnx"),
            calibrate_method=kind,
            extra_options=options,
        )
        # A few at a time: the histograms keep every tensor of every crop handed in at once.
        for start in range(0, len(crops), 8):
            calibrator.collect_data(_reader(crops[start : start + 8]))
        return calibrator.compute_data()


def quantise(graph: ModelProto, ranges: Ranges, *, spared: Sequence[str], only: Sequence[str] = ()) -> bytes:
    """``graph`` in 8 bits but for the nodes ``spared``, or of the nodes ``only`` alone.

    Activations unsigned, so that what follows a ReLU has all 256 steps; weights signed, per output channel.
    """
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    copy = ModelProto()
    copy.CopyFrom(graph)
    with _quiet():
        quantiser = QDQQuantizer(
            copy,
            True,  # per channel
            False,  # the full range: no processor with only AVX2's saturating sums is assumed
            QuantType.QInt8,
            QuantType.QUInt8,
            ranges,
            list(only),
            list(spared),
            list(OPERATORS),
            {},
        )
        quantiser.quantize_model()
        quantiser.model.topological_sort()
    return quantiser.model.model.SerializeToString()


def _reader(crops: NDArray[np.uint8]) -> Any:
    """What ONNX Runtime's calibrators read from: one crop per call."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        left = iter([{"crops": crops[i : i + 1]} for i in range(len(crops))])

        def get_next(self) -> Any:
            return next(self.left, None)

    return Reader()


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="unmask-int8-") as folder, _quiet():
        yield Path(folder)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser prints its progress and warns of what was decided here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
