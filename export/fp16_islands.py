"""Which weighted operators of an encoder FP16's 11 bits are too few for, measured on calibration crops.

Rounding errors of one layer pass through all that follow: a depthwise convolution early on whose large weights
cancel can alone move a score by several hundredths. Such layers stay in FP32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from unmask.engines.manifest import Calibration
from unmask.export.fp16 import to_fp16
from unmask.export.graph_work import WEIGHTED, flat_model
from unmask.export.sessions import run_encoder, sigmoid_scores

Log = Callable[[str], None]

#: The largest score difference to aim at. The gate allows 1e-2 over ten times as many crops, with longer tails.
AIM = 4e-3
#: How many of the most sensitive operators are tried in FP32, with what feeds them: the fewest that reach the aim.
COUNTS = (1, 2, 4, 8, 12, 16, 24)
_SENSED = 24


def islands_of(
    encoder: bytes, crops: NDArray[np.uint8], calibration: Calibration, *, log: Log = lambda line: None
) -> list[str]:
    """The names of the nodes that should stay in FP32 beside those that ``to_fp16`` keeps by itself.

    ``crops`` uint8 (N, H, W, 3). None where FP16 reaches ``AIM`` without; the choice with the smallest
    difference where none does, and the gate will say what is wrong.
    """
    batches = [crops[i : i + 8] for i in range(0, len(crops), 8)]
    logits = run_encoder(encoder, crops)["logit"]
    wanted = sigmoid_scores(logits, calibration)

    def difference(islands: Sequence[str]) -> float:
        said = run_encoder(to_fp16(encoder, islands=islands, calibration=batches), crops)["logit"]
        found = float(np.abs(sigmoid_scores(said, calibration) - wanted).max())
        log(f"fp16, {len(islands)} nodes more in FP32: largest score difference {found:.4f}")
        return found if np.isfinite(found) else np.inf

    best: tuple[float, list[str]] = (difference([]), [])
    if best[0] <= AIM:
        return []
    order = _most_sensitive(encoder, crops[:_SENSED], logits[:_SENSED])
    feeding = _feeding(encoder)
    for count in COUNTS:
        if count >= len(order):
            break
        islands = sorted({name for worst in order[:count] for name in (worst, *feeding[worst])})
        found = difference(islands)
        best = min(best, (found, islands), key=lambda one: one[0])
        if found <= AIM:
            break
    return best[1]


def _feeding(encoder: bytes) -> dict[str, set[str]]:
    """Weighted node -> the nodes from the weighted ones before it, with them, up to it: were they in FP16, its
    input would come rounded, and FP32 weights alone would not help."""
    model = flat_model(encoder)
    makers = {name: node for node in model.graph.node for name in node.output}
    found: dict[str, set[str]] = {}
    for node in model.graph.node:
        if node.op_type not in WEIGHTED:
            continue
        before: set[str] = set()
        waiting = list(node.input)
        while waiting:
            maker = makers.get(waiting.pop())
            if maker is None or maker.name in before:
                continue
            before.add(maker.name)
            if maker.op_type not in WEIGHTED:
                waiting += maker.input
        found[node.name] = before
    return found


def _most_sensitive(encoder: bytes, crops: NDArray[np.uint8], logits: NDArray[np.float32]) -> list[str]:
    """The weighted nodes by the error that each alone in FP16 makes in the logit, the worst first."""
    nodes = [(node.name, node.op_type) for node in flat_model(encoder).graph.node]
    errors: dict[str, float] = {}
    for name, operator in nodes:
        if operator in WEIGHTED:
            alone = to_fp16(encoder, islands=[other for other, _ in nodes if other != name])
            said = run_encoder(alone, crops)["logit"]
            errors[name] = float(np.nan_to_num(np.square(said - logits).mean(), nan=np.inf))
    return sorted(errors, key=lambda name: -errors[name])
