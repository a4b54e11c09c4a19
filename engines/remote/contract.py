"""What a server must promise and what each of its answers must hold, against the encoder that lies here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.engines.engine import Arrays, TensorSpec
from unmask.engines.errors import EngineError
from unmask.engines.remote.client import clean
from unmask.engines.remote.protocol import DATATYPES, MESSAGES

_DYNAMIC = -1


@dataclass(frozen=True, slots=True)
class Contract:
    """Inputs and outputs of the encoder; every first axis is the batch.

    ``padded`` names the outputs that this server gives with one more axis of size 1 at the end. Triton
    cannot say ``(batch,)``: it gives logits as ``(batch, 1)``.
    """

    crops: TensorSpec
    outputs: tuple[TensorSpec, ...]
    padded: frozenset[str] = frozenset()

    @property
    def crop_bytes(self) -> int:
        return math.prod(axis or 1 for axis in self.crops.shape)

    def answer_bytes(self, crops: int) -> int:
        """The bytes of the numbers in an answer for so many crops."""
        return crops * sum(spec.dtype.itemsize * math.prod(axis or 1 for axis in spec.shape) for spec in self.outputs)

    def request(self, model: str, request_id: str, crops: NDArray[np.generic]) -> Any:
        """The message that asks ``model`` about ``crops`` uint8 (N, H, W, 3), as raw bytes."""
        tensor = MESSAGES["Tensor"](name=self.crops.name, datatype=DATATYPES[self.crops.dtype], shape=crops.shape)
        outputs = [MESSAGES["RequestedOutput"](name=spec.name) for spec in self.outputs]
        return MESSAGES["ModelInferRequest"](
            model_name=model, id=request_id, inputs=[tensor], outputs=outputs, raw_input_contents=[crops.tobytes()]
        )

    def read(self, reply: Any, model: str, request_id: str, count: int) -> Arrays:
        """The arrays in ``reply``, which belong to the caller. NaN passes as NaN.

        Raises ``EngineError`` unless it answers this request, with all outputs and nothing else, each of
        the promised dtype, shape and number of bytes.
        """
        if reply.model_name != model:
            raise EngineError(f"The server answered for the model {clean(reply.model_name)!r}, not for {model!r}.")
        if reply.id not in ("", request_id):  # a server need not repeat it
            raise EngineError("The server answered another request than the one that was sent.")
        names = sorted(output.name for output in reply.outputs)
        wanted = sorted(spec.name for spec in self.outputs)
        if names != wanted:
            raise EngineError(f"The server answered with {_listed(names)}, it was asked for {_listed(wanted)}.")
        raw = reply.raw_output_contents
        if raw and len(raw) != len(reply.outputs):
            raise EngineError(f"The server sent the contents of {len(raw)} arrays and named {len(reply.outputs)}.")
        by_name = {spec.name: spec for spec in self.outputs}
        return {
            output.name: self._array(by_name[output.name], output, raw[place] if raw else None, count)
            for place, output in enumerate(reply.outputs)
        }

    def _array(self, spec: TensorSpec, output: Any, raw: bytes | None, count: int) -> NDArray[np.generic]:
        shape = tuple(count if axis is None else axis for axis in spec.shape)
        sent = (*shape, 1) if spec.name in self.padded else shape
        if output.datatype != DATATYPES[spec.dtype] or tuple(output.shape) != sent:
            raise EngineError(
                f"The server gave {spec.name} as {_shown(output)}, it must be {DATATYPES[spec.dtype]}{_axes(sent)}."
            )
        if raw is None:
            numbers = np.array(output.contents.fp32_contents, spec.dtype)
        elif len(raw) % spec.dtype.itemsize == 0:
            numbers = np.frombuffer(raw, spec.dtype.newbyteorder("<")).astype(spec.dtype)
        else:
            numbers = np.empty(0, spec.dtype)
        if numbers.size != math.prod(shape):
            raise EngineError(f"The server sent {spec.name} with other contents than its shape {_axes(sent)} needs.")
        return numbers.reshape(shape)


def agreed(crops: TensorSpec, outputs: tuple[TensorSpec, ...], metadata: Any) -> tuple[Contract | None, str]:
    """The contract with a server that describes its model by ``metadata`` (a ModelMetadataResponse).

    ``None`` and a clause that says why, where that model is another one.
    """
    for kind, specs, told in (("inputs", (crops,), metadata.inputs), ("outputs", outputs, metadata.outputs)):
        names, wanted = sorted(tensor.name for tensor in told), sorted(spec.name for spec in specs)
        if names != wanted:
            return None, f"has the {kind} {_listed(names)}, the detector has {_listed(wanted)}"
    padded: set[str] = set()
    told = {tensor.name: tensor for tensor in (*metadata.inputs, *metadata.outputs)}
    for spec in (crops, *outputs):
        tensor = told[spec.name]
        wanted_axes = tuple(_DYNAMIC if axis is None else axis for axis in spec.shape)
        axes = tuple(tensor.shape)
        if tensor.datatype == DATATYPES[spec.dtype] and axes == wanted_axes:
            continue
        if tensor.datatype == DATATYPES[spec.dtype] and axes == (*wanted_axes, 1) and spec is not crops:
            padded.add(spec.name)
            continue
        return None, f"has {spec.name} as {_shown(tensor)}, the detector as {DATATYPES[spec.dtype]}{_axes(wanted_axes)}"
    return Contract(crops, outputs, frozenset(padded)), ""


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(clean(name, 40) for name in names[:8]) or "none"
    return f"{shown}, ..." if len(names) > 8 else shown


def _shown(tensor: Any) -> str:
    return f"{clean(tensor.datatype, 20) or 'no type'}{_axes(tensor.shape)}"


def _axes(shape: Sequence[int]) -> str:
    shown = ", ".join("any" if axis == _DYNAMIC else str(axis) for axis in list(shape)[:8])
    return f"({shown}, ...)" if len(shape) > 8 else f"({shown})"
