"""Shapes: what a plan is built for, how large its buffers are, and how a batch is split to fit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unmask.engines.engine import TensorSpec
from unmask.engines.errors import EngineError, UsageError

DYNAMIC = -1


@dataclass(frozen=True, slots=True)
class ShapeRange:
    """The smallest, usual and largest shape of one input."""

    name: str
    smallest: tuple[int, ...]
    usual: tuple[int, ...]
    largest: tuple[int, ...]

    @property
    def is_dynamic(self) -> bool:
        return self.smallest != self.largest

    def __str__(self) -> str:
        """As it stands in a cache key: ``crops 1x224x224x3..16x224x224x3, tuned for 8x224x224x3``."""
        smallest, usual, largest = ("x".join(map(str, shape)) for shape in (self.smallest, self.usual, self.largest))
        return f"{self.name} {smallest}..{largest}, tuned for {usual}"


def usual_batch(max_batch: int) -> int:
    """Which batch TensorRT tunes for. Half of the largest: small ones leave a GPU idle however they are tuned."""
    return max(1, max_batch // 2)


def check_max_batch(max_batch: int) -> int:
    """``max_batch``, or ``UsageError``."""
    if max_batch < 1:
        raise UsageError(f"The largest batch must be at least 1, it was given as {max_batch}.")
    return max_batch


def shape_range(name: str, shape: Sequence[int], max_batch: int, where: str) -> ShapeRange:
    """From an input's shape in the graph (-1 is dynamic) to its range: only the batch, the first axis, may vary.

    Raises ``EngineError`` for any other dynamic axis; ``where`` names the model.
    """
    first, rest = tuple(shape[:1]), tuple(shape[1:])
    if DYNAMIC in rest or not first:
        raise EngineError(
            f"The input {name} of {where} has the shape {tuple(shape)}; TensorRT needs one whose first axis alone "
            "is dynamic: export it so."
        )
    sizes = (1, usual_batch(max_batch), max_batch) if first == (DYNAMIC,) else first * 3
    smallest, usual, largest = ((size, *rest) for size in sizes)
    return ShapeRange(name, smallest, usual, largest)


@dataclass(frozen=True, slots=True)
class Buffer:
    """One input or output with room for the largest batch. ``row_shape`` is its shape without the batch."""

    spec: TensorSpec
    is_input: bool
    rows: int

    @property
    def row_shape(self) -> tuple[int, ...]:
        return tuple(axis or 0 for axis in self.spec.shape[1:])

    @property
    def full_shape(self) -> tuple[int, ...]:
        return (self.rows, *self.row_shape)

    @property
    def nbytes(self) -> int:
        """Never zero: CUDA gives no address for nothing."""
        return max(1, math.prod(self.full_shape) * self.spec.dtype.itemsize)

    def bytes_of(self, rows: int) -> int:
        return rows * math.prod(self.row_shape) * self.spec.dtype.itemsize


def plan_buffer(
    name: str, dtype: np.dtype[np.generic], shape: Sequence[int], *, is_input: bool, max_batch: int
) -> Buffer:
    """The buffer of one tensor as the built engine describes it; the batch must be its only dynamic axis."""
    if not shape or DYNAMIC in tuple(shape[1:]):
        kind = "input" if is_input else "output"
        raise EngineError(
            f"The {kind} {name} of the TensorRT plan has the shape {tuple(shape)}; only the first axis, the batch, "
            "may vary: export the detector so."
        )
    first = None if shape[0] == DYNAMIC else int(shape[0])
    spec = TensorSpec(name, dtype, (first, *map(int, shape[1:])))
    return Buffer(spec, is_input, max_batch if first is None else first)


def check_batches(buffers: Sequence[Buffer]) -> int:
    """The largest batch of these buffers. Raises ``EngineError`` where some grow with it and others do not."""
    growing = {buffer.spec.shape[0] is None for buffer in buffers}
    rows = {buffer.rows for buffer in buffers}
    if len(growing) != 1 or len(rows) != 1:
        raise EngineError(
            f"The TensorRT plan has tensors of different batches ({'; '.join(str(b.spec) for b in buffers)}): "
            "export the detector with the batch as first axis of all."
        )
    return rows.pop()


def split(count: int, max_batch: int) -> Iterator[slice]:
    """``count`` rows in runs of at most ``max_batch``, as even as can be: even runs share one CUDA graph more often."""
    runs = math.ceil(count / max_batch)
    start = 0
    for run in range(runs):
        size = count // runs + (run < count % runs)
        yield slice(start, start + size)
        start += size
