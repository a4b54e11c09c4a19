"""Operators that make one number of many, along axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unmask.engines.torch_operators.call import Call, Operator

#: (torch, tensor, axes, keep) -> tensor.
_Reducer = Callable[[Any, Any, list[int], bool], Any]


def _reduction(reducer: _Reducer) -> Operator:
    def run(call: Call) -> Any:
        x, keep = call[0], bool(call.attribute("keepdims", 1))
        axes = call.list_of("axes", 1)
        nothing = bool(call.attribute("noop_with_empty_axes", 0))
        if not axes:
            if nothing:
                return x
            axes = list(range(x.dim()))
        return reducer(call.torch, x, axes, keep)

    return run


def _arg(name: str) -> Operator:
    def run(call: Call) -> Any:
        call.must_be(select_last_index=0)
        keep = bool(call.attribute("keepdims", 1))
        return getattr(call.torch, name)(call[0], call.attribute("axis", 0), keepdim=keep)

    return run


TABLE: dict[str, Operator] = {
    "ArgMax": _arg("argmax"),
    "ArgMin": _arg("argmin"),
    "ReduceL1": _reduction(lambda torch, x, axes, keep: x.abs().sum(axes, keepdim=keep)),
    "ReduceL2": _reduction(lambda torch, x, axes, keep: x.square().sum(axes, keepdim=keep).sqrt()),
    "ReduceLogSumExp": _reduction(lambda torch, x, axes, keep: torch.logsumexp(x, axes, keepdim=keep)),
    "ReduceMax": _reduction(lambda torch, x, axes, keep: torch.amax(x, axes, keepdim=keep)),
    "ReduceMean": _reduction(lambda torch, x, axes, keep: x.mean(axes, keepdim=keep)),
    "ReduceMin": _reduction(lambda torch, x, axes, keep: torch.amin(x, axes, keepdim=keep)),
    # Sums of whole numbers would come back as int64.
    "ReduceSum": _reduction(lambda torch, x, axes, keep: x.sum(axes, keepdim=keep, dtype=x.dtype)),
    "ReduceSumSquare": _reduction(lambda torch, x, axes, keep: x.square().sum(axes, keepdim=keep, dtype=x.dtype)),
}
