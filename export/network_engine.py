"""The two halves of a torch network behind the engine seam, so that one code path measures network and files."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unmask.engines.engine import Arrays, Engine, TensorSpec
from unmask.export.measure import Opened
from unmask.export.onnx_export import ENCODER_OUTPUTS, Network

_FLOAT = np.dtype(np.float32)


class _Half(Engine):
    """One module, in torch's eager mode, FP32, on the processor, one thread."""

    name = "torch"

    def __init__(self, module: nn.Module, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> None:
        super().__init__()
        self._module, self._inputs, self._outputs = module, inputs, outputs

    @property
    def provider(self) -> str:
        return "torch, eager mode, processor"

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return self._outputs

    def _open_impl(self) -> None:
        torch.set_num_threads(1)
        self._module.eval()

    @torch.inference_mode()
    def _infer_impl(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        given: list[Any] = [np.asarray(arrays[spec.name]) for spec in self._inputs]
        said = self._module(*(torch.from_numpy(array) for array in given))
        values = (said,) if isinstance(said, torch.Tensor) else said
        return {spec.name: value.numpy() for spec, value in zip(self._outputs, values, strict=True)}

    def _close_impl(self) -> None:
        pass


def opened_network(network: Network) -> Opened:
    """``network`` as a running package: what ``measure.logits`` takes. Nothing has to be closed."""
    size, depth, length = network.size, network.embedding, network.length
    with torch.inference_mode():
        outputs = network.encoder(torch.zeros(1, size, size, 3, dtype=torch.uint8))
    shapes = [tuple(output.shape[1:]) for output in outputs]
    encoder = _Half(
        network.encoder,
        (TensorSpec("crops", np.dtype(np.uint8), (None, size, size, 3)),),
        tuple(TensorSpec(name, _FLOAT, (None, *shape)) for name, shape in zip(ENCODER_OUTPUTS, shapes, strict=False)),
    )
    head = _Half(
        network.head,
        (TensorSpec("window", _FLOAT, (None, length, depth)), TensorSpec("mask", _FLOAT, (None, length))),
        (TensorSpec("logit", _FLOAT, (None,)),),
    )
    encoder.open()
    head.open()
    return Opened(encoder, head, size)
