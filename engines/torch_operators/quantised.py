"""The pair of operators that an INT8 graph is made of; between them everything is reckoned in floats."""

from __future__ import annotations

from typing import Any

from unmask.engines.torch_operators.call import Call, Operator, Unsupported


def _along(call: Call, tensor: Any, like: Any) -> Any:
    """``tensor`` with one number for each place of the axis, laid out so that it broadcasts over ``like``."""
    axis = call.attribute("axis", 1)
    if tensor.numel() == 1:
        return tensor.reshape(())
    if tensor.dim() != 1:
        raise Unsupported("it quantises in blocks")
    shape = [1] * like.dim()
    shape[axis] = -1
    return tensor.reshape(shape)


def _quantize(call: Call) -> Any:
    """Round half to even, add the zero point, saturate."""
    call.must_be(block_size=0, output_dtype=0, precision=0)
    call.attribute("saturate")  # only eight-bit floats have a use for it
    x, torch, zero = call[0], call.torch, call.get(2)
    dtype = torch.uint8 if zero is None else zero.dtype
    limits = torch.iinfo(dtype)
    whole = torch.round(x / _along(call, call[1], x))
    whole = whole if zero is None else whole + _along(call, zero, x).to(x.dtype)
    return whole.clamp(limits.min, limits.max).to(dtype)


def _dequantize(call: Call) -> Any:
    call.must_be(block_size=0)
    x, scale, zero = call[0], call[1], call.get(2)
    whole = x.to(call.torch.int32)
    whole = whole if zero is None else whole - _along(call, zero, x).to(call.torch.int32)
    return whole.to(scale.dtype) * _along(call, scale, x)


TABLE: dict[str, Operator] = {"DequantizeLinear": _dequantize, "QuantizeLinear": _quantize}
