"""Convolutions, pooling and normalisation."""

from __future__ import annotations

from typing import Any

from unmask.engines.torch_operators.call import Call, Operator, Unsupported


def _pads(call: Call, sides: list[int], kernel: list[int], strides: list[int], dilations: list[int]) -> list[int]:
    """What is added before every axis, then after every axis, as ONNX orders it."""
    mode, count = call.attribute("auto_pad", "NOTSET"), len(sides)
    given = call.attribute("pads")
    if mode in ("NOTSET", ""):
        return list(given) if given else [0] * (2 * count)
    if mode == "VALID":
        return [0] * (2 * count)
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise Unsupported(f"its auto_pad is {mode!r}")
    before, after = [], []
    for side, size, stride, dilation in zip(sides, kernel, strides, dilations, strict=True):
        reach = (size - 1) * dilation + 1
        total = max(0, (-(-side // stride) - 1) * stride + reach - side)
        less, more = total // 2, total - total // 2
        before.append(less if mode == "SAME_UPPER" else more)
        after.append(more if mode == "SAME_UPPER" else less)
    return before + after


def _padded(call: Call, x: Any, pads: list[int], value: float = 0.0) -> Any:
    count = len(pads) // 2
    flat = [amount for axis in reversed(range(count)) for amount in (pads[axis], pads[axis + count])]
    return call.torch.nn.functional.pad(x, flat, value=value) if any(flat) else x


def _conv(call: Call) -> Any:
    x, weight = call[0], call[1]
    count = x.dim() - 2
    if count not in (1, 2, 3):
        raise Unsupported(f"it works on {count} axes")
    strides = call.attribute("strides") or [1] * count
    dilations = call.attribute("dilations") or [1] * count
    call.attribute("kernel_shape")  # the weight says it too
    pads = _pads(call, list(x.shape[2:]), list(weight.shape[2:]), strides, dilations)
    padding: Any = pads[:count]
    if pads[:count] != pads[count:]:
        x, padding = _padded(call, x, pads), 0
    function = getattr(call.torch.nn.functional, f"conv{count}d")
    return function(x, weight, call.get(2), strides, padding, dilations, call.attribute("group", 1))


class _Pool:
    """The window of a pooling operator, read off its attributes."""

    def __init__(self, call: Call) -> None:
        x = call[0]
        self.count = x.dim() - 2
        self.kernel = list(call.attribute("kernel_shape"))
        self.strides = call.attribute("strides") or [1] * self.count
        self.dilations = call.attribute("dilations") or [1] * self.count
        self.ceil = bool(call.attribute("ceil_mode", 0))
        self.pads = _pads(call, list(x.shape[2:]), self.kernel, self.strides, self.dilations)
        before, after = self.pads[: self.count], self.pads[self.count :]
        #: torch pads both sides alike and by half a window at most; anything else is padded ahead of it.
        self.even = before == after and all(2 * pad <= size for pad, size in zip(before, self.kernel, strict=True))
        if self.ceil and not self.even:
            raise Unsupported("it rounds its size up with uneven padding")

    def function(self, call: Call, kind: str) -> Any:
        return getattr(call.torch.nn.functional, f"{kind}_pool{self.count}d")


def _max_pool(call: Call) -> Any:
    call.must_be(storage_order=0)
    if call.outputs > 1:
        raise Unsupported("its indices are used")
    pool, x = _Pool(call), call[0]
    padding: Any = pool.pads[: pool.count]
    if not pool.even:
        x, padding = _padded(call, x, pool.pads, float("-inf")), 0
    return pool.function(call, "max")(x, pool.kernel, pool.strides, padding, pool.dilations, pool.ceil)


def _average_pool(call: Call) -> Any:
    pool, x = _Pool(call), call[0]
    if any(step != 1 for step in pool.dilations):
        raise Unsupported("it is dilated")
    outside = bool(call.attribute("count_include_pad", 0))
    average = pool.function(call, "avg")
    if pool.even:
        return average(x, pool.kernel, pool.strides, pool.pads[: pool.count], pool.ceil, outside)
    summed = average(_padded(call, x, pool.pads), pool.kernel, pool.strides)
    if outside:
        return summed
    inside = average(_padded(call, call.torch.ones_like(x), pool.pads), pool.kernel, pool.strides)
    return summed / inside


def _global_average(call: Call) -> Any:
    return call[0].mean(list(range(2, call[0].dim())), keepdim=True)


def _global_max(call: Call) -> Any:
    return call.torch.amax(call[0], list(range(2, call[0].dim())), keepdim=True)


def _batch_normalisation(call: Call) -> Any:
    call.must_be(training_mode=0, spatial=1)
    call.attribute("momentum")  # for training only
    x, scale, bias, mean, variance = (call[index] for index in range(5))
    epsilon = call.attribute("epsilon", 1e-5)
    return call.torch.nn.functional.batch_norm(x, mean, variance, scale, bias, False, 0.0, epsilon)


def _layer_normalisation(call: Call) -> Any:
    call.must_be(stash_type=1)
    if call.outputs > 1:
        raise Unsupported("its mean is used")
    x, axis = call[0], call.attribute("axis", -1)
    shape = list(x.shape)[axis % x.dim() :]
    scale, bias = call[1], call.get(2)
    bias = bias if bias is None else bias.expand(shape)
    epsilon = call.attribute("epsilon", 1e-5)
    return call.torch.nn.functional.layer_norm(x, shape, scale.expand(shape), bias, epsilon)


def _instance_normalisation(call: Call) -> Any:
    epsilon = call.attribute("epsilon", 1e-5)
    return call.torch.nn.functional.instance_norm(call[0], weight=call[1], bias=call[2], eps=epsilon)


TABLE: dict[str, Operator] = {
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_normalisation,
    "Conv": _conv,
    "GlobalAveragePool": _global_average,
    "GlobalMaxPool": _global_max,
    "InstanceNormalization": _instance_normalisation,
    "LayerNormalization": _layer_normalisation,
    "MaxPool": _max_pool,
}
