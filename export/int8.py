"""An encoder in 8 bits: standard ``QuantizeLinear``/``DequantizeLinear`` pairs, weights with a scale per channel.

ONNX Runtime's own quantiser does the work. What is decided here, on calibration crops alone and never on those
that the gate judges by: whether channels are equalised first, where ranges end (minimum and maximum,
percentile, entropy), and which convolutions stay in float because quantising them costs most.

Around it: the clip of ReLU6 vanishes into the range of the quantised tensor, normalisation and classifier stay
in float, and the mean error of the embedding on the calibration crops is taken off it (the bias correction of
Nagel et al., ICCV 2019, section 4.2, at the network's end).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from unmask.engines.manifest import Calibration
from unmask.export.equalise import equalise
from unmask.export.graph_work import WEIGHTED, flat_model, heads_and_tails
from unmask.export.package_writer import ExportError
from unmask.export.quantiser import METHODS, Method, Ranges, prepared, quantise, ranges_of
from unmask.export.sessions import run_encoder, session_of, sigmoid_scores
from unmask.export.speed import interleaved

Log = Callable[[str], None]

#: A choice must be this much faster than FP32 on the calibration crops; the gate asks 1.5 and is measured anew.
FAST_ENOUGH = 1.6
#: How many of the most sensitive operators are tried in float.
SPARED = (0, 1, 3, 6)
#: Below this many crops, ranges and choice are chance.
LEAST_CROPS = 16
_SENSED = 24


@dataclass(frozen=True, slots=True)
class Quantised:
    """The chosen encoder; ``settings`` in words; ``error``: the mean absolute difference of calibrated scores on
    the calibration crops that the choice was made on; ``speed``: FP32 time / its time there."""

    model: bytes
    settings: str
    error: float
    speed: float


@dataclass(frozen=True, slots=True)
class _Bench:
    """The FP32 encoder and the two halves of the calibration crops: for ranges, and for choosing."""

    encoder: bytes
    ranging: NDArray[np.uint8]
    choosing: NDArray[np.uint8]
    wanted: NDArray[np.float64]
    calibration: Calibration

    def error(self, model: bytes) -> float:
        """Of the optimised graph or of its operators one by one, whichever is worse.

        Where a convolution in float stands between quantised tensors, ONNX Runtime (its WeightBiasQuantization) takes
        the liberty to quantise its weights too, with one scale for all channels: seen with 1.31.1, where the mean
        error of the logit rose from 0.2 to 2.6 with one depthwise convolution spared. Such a file must not be
        chosen, nor one that is only right as this runtime fuses it.
        """
        return max(self.difference(model, None, optimised=True), self.difference(model, _SENSED, optimised=False))

    def difference(self, model: bytes, most: int | None, *, optimised: bool) -> float:
        logits = run_encoder(model, self.choosing[:most], optimised=optimised)["logit"]
        return float(np.abs(sigmoid_scores(logits, self.calibration) - self.wanted[:most]).mean())

    def speed(self, model: bytes) -> float:
        crop = self.choosing[:1]
        first, second = session_of(self.encoder), session_of(model)
        found = interleaved(
            {"fp32": lambda: first.run(None, {"crops": crop}), "int8": lambda: second.run(None, {"crops": crop})},
            most_s=6.0,
        )
        return found["fp32"].cpu_ms / found["int8"].cpu_ms


def to_int8(
    encoder: bytes,
    crops: NDArray[np.uint8],
    calibration: Calibration,
    *,
    methods: Sequence[Method] = METHODS,
    spared: Sequence[int] = SPARED,
    log: Log = lambda line: None,
) -> Quantised:
    """``encoder`` quantised, opset, metadata, inputs and outputs as they were.

    ``crops`` uint8 (N, H, W, 3) as the encoder takes them: every other one gives the ranges, the rest choose.
    Among the choices that are ``FAST_ENOUGH`` the one with the smallest error wins; where none is, the
    smallest error alone, and the gate will say what is wrong. Raises ``ExportError``.
    """
    if len(crops) < LEAST_CROPS:
        raise ExportError(f"INT8 needs at least {LEAST_CROPS} calibration crops, there are {len(crops)}: give more.")
    choosing = crops[1::2]
    wanted = sigmoid_scores(run_encoder(encoder, choosing)["logit"], calibration)
    bench = _Bench(encoder, crops[::2], choosing, wanted, calibration)
    plain = flat_model(prepared(encoder))
    graphs = {"": plain, "equalised, ": equalise(plain, _batches(bench.ranging))}
    if graphs["equalised, "].SerializeToString() == plain.SerializeToString():
        del graphs["equalised, "]
    # The graph by the quickest method, the method on the best graph, the spared operators on both.
    first = [_candidate(bench, graphs[prefix], prefix, methods[0], log=log) for prefix in graphs]
    best = min(first, key=lambda candidate: candidate.error)
    rest = [_candidate(bench, best.graph, best.prefix, method, log=log) for method in methods[1:]]
    best = min((best, *rest), key=lambda candidate: candidate.error)
    order = _most_sensitive(bench, best) if max(spared) else []
    tried = [best, *(_spare(bench, best, order[:count], log) for count in spared if 0 < count <= len(order))]
    return _chosen(bench, tried, log)


@dataclass(frozen=True, slots=True)
class _Candidate:
    graph: ModelProto
    prefix: str
    words: str
    ranges: Ranges
    model: bytes
    error: float


def _candidate(bench: _Bench, graph: ModelProto, prefix: str, method: Method, *, log: Log) -> _Candidate:
    ranges = ranges_of(graph, method, bench.ranging)
    model = _finished(bench, graph, ranges, ())
    error = bench.error(model)
    log(f"int8, {prefix}ranges by {method}: mean score error {error:.4f}")
    return _Candidate(graph, prefix, f"{prefix}ranges by {method}", ranges, model, error)


def _spare(bench: _Bench, best: _Candidate, spared: Sequence[str], log: Log) -> _Candidate:
    model = _finished(bench, best.graph, best.ranges, spared)
    error = bench.error(model)
    words = f"{best.words}, the {len(spared)} most sensitive operators in float"
    log(f"int8, {words}: mean score error {error:.4f}")
    return _Candidate(best.graph, best.prefix, words, best.ranges, model, error)


def _chosen(bench: _Bench, tried: Sequence[_Candidate], log: Log) -> Quantised:
    """The smallest error that is fast enough; speeds are only measured down to the first that is."""
    ordered = sorted(tried, key=lambda candidate: candidate.error)
    speeds: list[float] = []
    for candidate in ordered:
        speeds.append(bench.speed(candidate.model))
        log(f"int8, {candidate.words}: {speeds[-1]:.2f} x FP32 on one thread")
        if speeds[-1] >= FAST_ENOUGH:
            return Quantised(candidate.model, candidate.words, candidate.error, speeds[-1])
    return Quantised(ordered[0].model, ordered[0].words, ordered[0].error, speeds[0])


def _most_sensitive(bench: _Bench, best: _Candidate) -> list[str]:
    """Weighted operators by the error that quantising each of them alone makes, the worst first."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in best.graph.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    errors: dict[str, float] = {}
    for node in _middle(best.graph):
        # With its clip, as in the whole.
        follower = [n.name for n in readers.get(node.output[0], []) if n.op_type in ("Relu", "Clip")]
        alone = quantise(best.graph, best.ranges, only=[node.name, *follower], spared=_outer(best.graph))
        errors[node.name] = bench.difference(alone, _SENSED, optimised=False)
    return sorted(errors, key=lambda name: -errors[name])


def _middle(graph: ModelProto) -> list[onnx.NodeProto]:
    outer = set(_outer(graph))
    return [node for node in graph.graph.node if node.op_type in WEIGHTED and node.name not in outer]


def _outer(graph: ModelProto) -> list[str]:
    return sorted(heads_and_tails(graph))


def _finished(bench: _Bench, graph: ModelProto, ranges: Ranges, spared: Sequence[str]) -> bytes:
    """Quantised, its embedding corrected, and dressed as the FP32 encoder is."""
    model = quantise(graph, ranges, spared=[*spared, *_outer(graph)])
    wanted = run_encoder(bench.encoder, bench.ranging)["embedding"]
    shift = (wanted - run_encoder(model, bench.ranging)["embedding"]).mean(axis=0)
    return _dressed(_shifted(onnx.load_model_from_string(model), shift), onnx.load_model_from_string(bench.encoder))


def _shifted(model: ModelProto, shift: NDArray[np.float32]) -> ModelProto:
    """``shift`` (D,) added to the embedding before anybody reads it."""
    for node in model.graph.node:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                if name == "embedding":
                    names[position] = "embedding.raw" if names is node.output else "embedding"
    made = next(i for i, node in enumerate(model.graph.node) if "embedding.raw" in node.output)
    add = helper.make_node("Add", ["embedding.raw", "embedding.shift"], ["embedding"], name="embedding.shifted")
    model.graph.initializer.append(numpy_helper.from_array(shift.astype(np.float32), "embedding.shift"))
    model.graph.node.insert(made + 1, add)
    return model


def _dressed(model: ModelProto, like: ModelProto) -> bytes:
    """Inputs, outputs, metadata and versions of ``like``; no domain but the standard one. Raises ``ExportError``."""
    foreign = [node.op_type for node in model.graph.node if node.domain not in ("", "ai.onnx")]
    if foreign:
        raise ExportError(f"The quantiser used {foreign[0]}, which is not standard ONNX: stay with FP32.")
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    del model.opset_import[:], model.metadata_props[:], model.graph.value_info[:]
    model.opset_import.append(helper.make_opsetid("", opset))
    model.metadata_props.extend(like.metadata_props)
    model.ir_version, model.producer_name, model.doc_string = like.ir_version, like.producer_name, ""
    for part, old in ((model.graph.input, like.graph.input), (model.graph.output, like.graph.output)):
        del part[:]
        part.extend(old)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def _batches(crops: NDArray[np.uint8], size: int = 16) -> list[NDArray[np.uint8]]:
    return [crops[i : i + size] for i in range(0, len(crops), size)]
