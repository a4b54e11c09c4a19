"""Operators that move, cut, join or make tensors without reckoning."""

from __future__ import annotations

from typing import Any

from unmask.engines.torch_operators.call import Call, Operator, Unsupported

#: ONNX's number of a type -> torch's name of it.
_DTYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    16: "bfloat16",
}


def _cast(call: Call) -> Any:
    call.attribute("saturate")  # only eight-bit floats have a use for it
    number = call.attribute("to")
    if number not in _DTYPES:
        raise Unsupported(f"it casts to the type number {number}")
    return call[0].to(getattr(call.torch, _DTYPES[number]))


def _constant(call: Call) -> Any:
    """``torch_graph`` turns constants into weights when it reads the graph; none is left to run."""
    raise Unsupported("it is of a kind that is no tensor and no number")


def _constant_of_shape(call: Call) -> Any:
    value = call.attribute("value")
    shape = call.integers(0) or []
    if value is None:
        return call.torch.zeros(shape, dtype=call.torch.float32, device=call[0].device)
    return value.reshape(()).expand(shape)


def _shape(call: Call) -> Any:
    size = list(call[0].shape)[call.attribute("start", 0) : call.attribute("end")]
    return call.torch.tensor(size, dtype=call.torch.int64, device=call[0].device)


def _size(call: Call) -> Any:
    return call.torch.tensor(call[0].numel(), dtype=call.torch.int64, device=call[0].device)


def _reshape(call: Call) -> Any:
    x, wanted = call[0], call.integers(1) or []
    if not call.attribute("allowzero", 0):
        wanted = [x.shape[axis] if size == 0 else size for axis, size in enumerate(wanted)]
    return x.reshape(wanted)


def _flatten(call: Call) -> Any:
    x, axis = call[0], call.attribute("axis", 1)
    axis = axis + x.dim() if axis < 0 else axis
    rows = 1
    for size in x.shape[:axis]:
        rows *= size
    return x.reshape(rows, x.numel() // rows if rows else 0)


def _transpose(call: Call) -> Any:
    return call[0].permute(call.attribute("perm") or list(reversed(range(call[0].dim()))))


def _squeeze(call: Call) -> Any:
    axes = call.list_of("axes", 1)
    return call[0].squeeze() if axes is None else call[0].squeeze(tuple(axes))


def _unsqueeze(call: Call) -> Any:
    x, axes = call[0], call.list_of("axes", 1) or []
    for axis in sorted(axis % (x.dim() + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _expand(call: Call) -> Any:
    wanted = call.integers(1) or []
    return call[0].expand(call.torch.broadcast_shapes(tuple(call[0].shape), tuple(wanted)))


def _gather(call: Call) -> Any:
    x, indices, axis = call[0], call[1].long(), call.attribute("axis", 0)
    axis %= x.dim()
    wrapped = call.torch.where(indices < 0, indices + x.shape[axis], indices)
    taken = x.index_select(axis, wrapped.reshape(-1))
    return taken.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def _gather_elements(call: Call) -> Any:
    axis, indices = call.attribute("axis", 0), call[1].long()
    return call[0].gather(axis, call.torch.where(indices < 0, indices + call[0].shape[axis], indices))


def _slice(call: Call) -> Any:
    x, starts, ends = call[0], call.integers(1), call.integers(2)
    if starts is None or ends is None:
        raise Unsupported("its bounds are attributes, as before operator set 10")
    axes = call.integers(3) or list(range(len(starts)))
    steps = call.integers(4) or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        # Bounds beyond the ends mean the ends, for steps in both directions: the rule of Python's own slices.
        taken = range(*slice(start, _open_end(end, step), step).indices(x.shape[axis]))
        if step > 0:
            x = x.narrow(axis, taken.start, max(0, taken.stop - taken.start))
            x = x if step == 1 else x.index_select(axis, call.torch.arange(0, x.shape[axis], step, device=x.device))
        else:
            x = x.index_select(axis, call.torch.tensor(list(taken), dtype=call.torch.int64, device=x.device))
    return x


def _open_end(end: int, step: int) -> int | None:
    """ONNX says "to the very first" of a backward step with a bound far below zero, Python with none."""
    return None if step < 0 and end < -(1 << 30) else end


def _split(call: Call) -> Any:
    x, axis, sizes = call[0], call.attribute("axis", 0), call.list_of("split", 1)
    parts = call.attribute("num_outputs", call.outputs)
    if sizes is None:
        each = -(-x.shape[axis] // parts)
        sizes = [each] * (parts - 1)
        sizes.append(x.shape[axis] - sum(sizes))
    return tuple(call.torch.split(x, sizes, axis))


def _concat(call: Call) -> Any:
    return call.torch.cat(call.all, call.attribute("axis"))


def _tile(call: Call) -> Any:
    return call[0].repeat(call.integers(1))


def _range(call: Call) -> Any:
    start, stop, step = (call[index].item() for index in range(3))
    return call.torch.arange(start, stop, step, dtype=call[0].dtype, device=call[0].device)


def _pad(call: Call) -> Any:
    x, pads, mode = call[0], call.integers(1), call.attribute("mode", "constant")
    if pads is None:
        raise Unsupported("its paddings are attributes, as before operator set 11")
    axes = call.integers(3) or list(range(x.dim()))
    before = dict(zip((axis % x.dim() for axis in axes), pads[: len(axes)], strict=True))
    after = dict(zip((axis % x.dim() for axis in axes), pads[len(axes) :], strict=True))
    flat = [amount for axis in reversed(range(x.dim())) for amount in (before.get(axis, 0), after.get(axis, 0))]
    if mode == "constant":
        value = call.get(2)
        return call.torch.nn.functional.pad(x, flat, value=0 if value is None else value.item())
    if mode not in ("reflect", "edge"):
        raise Unsupported(f"its mode is {mode!r}")
    while len(flat) > 2 and flat[-2:] == [0, 0]:
        flat = flat[:-2]  # torch reflects the last axes only
    return call.torch.nn.functional.pad(x, flat, mode="replicate" if mode == "edge" else mode)


def _same(call: Call) -> Any:
    return call[0]


def _dropout(call: Call) -> Any:
    call.attribute("ratio")
    call.attribute("seed")
    training = call.get(2)
    if call.outputs > 1 or (training is not None and bool(training)):
        raise Unsupported("it is in training mode")
    return call[0]


TABLE: dict[str, Operator] = {
    "Cast": _cast,
    "CastLike": lambda call: call[0].to(call[1].dtype),
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Dropout": _dropout,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "Identity": _same,
    "Pad": _pad,
    "Range": _range,
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": _size,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": lambda call: call.torch.where(call[0], call[1], call[2]),
}
