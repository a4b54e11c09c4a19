"""What the signatures of TensorRT's Python bindings do not tell."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from unmask.engines.errors import EngineError
from unmask.engines.tensorrt.log import Lines

if TYPE_CHECKING:
    import tensorrt as trt
    from typing_extensions import Buffer

_T = TypeVar("_T")


def or_none(value: _T) -> _T | None:
    """What may be ``None``: methods that make something return it where they failed."""
    return value


def made(make: Callable[[], _T], what: str, lines: Lines) -> _T:
    """What ``make`` makes. Classes raise a bare ``TypeError`` where the GPU cannot be used."""
    try:
        return make()
    except (TypeError, RuntimeError) as error:
        raise EngineError(
            f"TensorRT cannot make a {what} on this GPU ({lines.reasons()}): check the driver with nvidia-smi."
        ) from error


def as_bytes(memory: trt.IHostMemory) -> bytes:
    """A copy of what it holds: it has the buffer protocol."""
    return bytes(cast("Buffer", memory))


def shape_of(dims: trt.Dims) -> tuple[int, ...]:
    """-1 for each dynamic axis."""
    return tuple(dims[axis] for axis in range(len(dims)))


def version() -> str:
    """Of the TensorRT that is loaded, such as ``10.16.1.11``."""
    return str(importlib.import_module("tensorrt").__version__)
