"""IOBinding: inputs and outputs of a session in buffers on the device that are made once per batch size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.engines.engine import Arrays, TensorSpec

#: Batch sizes whose buffers are kept; the one that was used longest ago goes first.
KEPT_SHAPES = 32

Axes = Sequence[int | str | None]


@dataclass(frozen=True, slots=True)
class _Bound:
    """``loose`` outputs have a size that only the call tells."""

    binding: Any
    inputs: Mapping[str, Any]
    loose: tuple[str, ...]


class BoundSession:
    """Runs ``session`` with its tensors on ``device`` (``cuda``, or ``cpu``).

    A call copies its inputs into buffers on the device and its outputs into fresh arrays that belong to the
    caller. ONNX Runtime's Python interface gives no pinned host memory to the CUDA provider that is built
    in, so the copies go from and to ordinary memory. One thread at a time.
    """

    def __init__(
        self, session: Any, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], device: str, number: int
    ) -> None:
        self._session: Any = session
        self._device, self._number = device, number
        self._inputs, self._outputs = tuple(inputs), tuple(outputs)
        self._axes = {node.name: node.shape for node in (*session.get_inputs(), *session.get_outputs())}
        self._kept: OrderedDict[tuple[tuple[int, ...], ...], _Bound] = OrderedDict()

    def run(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        """One call. Raises what ONNX Runtime raises."""
        bound = self._bound({name: array.shape for name, array in arrays.items()})
        for name, buffer in bound.inputs.items():
            buffer.update_inplace(np.ascontiguousarray(arrays[name]))
        for name in bound.loose:  # each time: what the last call filled would be taken for a buffer of ours
            bound.binding.bind_output(name, self._device, self._number)
        self._session.run_with_iobinding(bound.binding)
        results = bound.binding.copy_outputs_to_cpu()
        # What lies on the processor already comes back as a view of the buffer, not as a copy.
        owned = [np.array(result, copy=self._device == "cpu" or None) for result in results]
        return {spec.name: array for spec, array in zip(self._outputs, owned, strict=True)}

    def close(self) -> None:
        """Free the buffers and let go of the session."""
        self._kept.clear()
        self._session = None

    def _bound(self, shapes: Mapping[str, tuple[int, ...]]) -> _Bound:
        key = tuple(shapes[spec.name] for spec in self._inputs)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if len(self._kept) >= KEPT_SHAPES:
            self._kept.popitem(last=False)
        self._kept[key] = self._bind(shapes)
        return self._kept[key]

    def _bind(self, shapes: Mapping[str, tuple[int, ...]]) -> _Bound:
        binding = self._session.io_binding()
        buffers = {spec.name: self._buffer(shapes[spec.name], spec) for spec in self._inputs}
        for name, buffer in buffers.items():
            binding.bind_ortvalue_input(name, buffer)
        sizes = axis_sizes({name: self._axes[name] for name in shapes}, shapes)
        loose = []
        for spec in self._outputs:
            shape = shape_of(self._axes[spec.name], sizes)
            if shape is None:
                loose.append(spec.name)
                binding.bind_output(spec.name, self._device, self._number)  # in the order of the outputs
            else:
                binding.bind_ortvalue_output(spec.name, self._buffer(shape, spec))
        return _Bound(binding, buffers, tuple(loose))

    def _buffer(self, shape: tuple[int, ...], spec: TensorSpec) -> Any:
        import onnxruntime

        return onnxruntime.OrtValue.ortvalue_from_shape_and_type(
            list(shape), spec.dtype.type, self._device, self._number
        )


def axis_sizes(axes: Mapping[str, Axes], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """What each named axis (``batch``) measures in a call with these shapes."""
    return {
        axis: size
        for name, named in axes.items()
        for axis, size in zip(named, shapes[name], strict=True)
        if isinstance(axis, str)
    }


def shape_of(axes: Axes, sizes: Mapping[str, int]) -> tuple[int, ...] | None:
    """The shape of an output with these axes; ``None`` where the inputs do not settle it."""
    shape = [sizes.get(axis) if isinstance(axis, str) else axis for axis in axes]
    return None if any(size is None for size in shape) else tuple(size for size in shape if size is not None)
