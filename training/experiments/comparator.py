"""A frozen MobileNetV2 that compares the face with its surroundings, and one linear logit on top.

What a live swapper paints came through another chain (decoder, warp, blend) than the hair, neck and
background beside it. So every stage is pooled twice, inside and outside of the face, as means and as
log variances: the differences of statistics within one picture are linear in what comes out, and the
camera's own share of them cancels. The high-pass energies at the front see sharpness and noise directly.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unmask.training.experiments.views import inner_weight
from unmask.training.models.mobilenet_v2 import MobileNetV2

#: After which blocks of MobileNetV2 the statistics are taken: the last of every resolution or stage.
STAGES = (1, 3, 6, 10, 13, 17)
_CHANNELS = (16, 24, 32, 64, 96, 320)
_EPS = 1e-4
# Second differences across, down and diagonal, and the Laplacian: what noise and sharpness leave.
_FILTERS = (
    ((0, 0, 0), (1, -2, 1), (0, 0, 0)),
    ((0, 1, 0), (0, -2, 0), (0, 1, 0)),
    ((1, 0, 0), (0, -2, 0), (0, 0, 1)),
    ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
)
_HIGH_PASS = len(_FILTERS) * 3
EMBEDDING = 2 * _HIGH_PASS + 4 * sum(_CHANNELS)


class Comparator(nn.Module):
    """RGB crops (N, 3, size, size), 0..255, cut with ``margin`` -> embedding (N, ``EMBEDDING``) and logit (N,)."""

    def __init__(self, features: MobileNetV2, size: int, margin: float) -> None:
        super().__init__()
        self.features = features.features[: STAGES[-1] + 1]
        self.register_buffer("filters", torch.tensor(_FILTERS * 3, dtype=torch.float32)[:, None])
        sides = [size // 2, size // 4, size // 8, size // 16, size // 16, size // 32]
        for number, side in enumerate([size, *sides]):
            inner = torch.from_numpy(inner_weight(side, margin))[None, None]
            self.register_buffer(f"inner{number}", inner / inner.sum())
            self.register_buffer(f"outer{number}", (1 - inner) / (1 - inner).sum())
        self.classifier = nn.Linear(EMBEDDING, 1)

    def _pooled(self, maps: Tensor, number: int) -> tuple[Tensor, Tensor]:
        inner, outer = getattr(self, f"inner{number}"), getattr(self, f"outer{number}")
        return (maps * inner).sum(dim=(2, 3)), (maps * outer).sum(dim=(2, 3))

    def embed(self, x: Tensor) -> Tensor:
        x = x.float() / 127.5 - 1.0
        # Grey is not enough: chroma is coded at half resolution, so its energy tells codecs apart.
        rough = nn.functional.conv2d(x, self.filters, padding=1, groups=3).square()
        parts = [torch.log(part + _EPS) for part in self._pooled(rough, 0)]
        for block, layer in enumerate(self.features):
            x = layer(x)
            if block in STAGES:
                number = STAGES.index(block) + 1
                means, squares = self._pooled(x, number), self._pooled(x.square(), number)
                spreads = [torch.log(torch.relu(s - m.square()) + _EPS) for s, m in zip(squares, means, strict=True)]
                parts += [*means, *spreads]
        return torch.cat(parts, dim=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.embed(x)
        return embedding, self.classifier(embedding).squeeze(1)


class Embedder:
    """Runs a map of crops (N, 3, size, size) to vectors (N, D) in ONNX Runtime on one thread: several times
    as quick as torch. ``network`` is a bound method of a module."""

    def __init__(self, network: Callable[[Tensor], Tensor], size: int) -> None:
        import onnxruntime

        class Wrapped(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network = network

            def forward(self, crops: Tensor) -> Tensor:
                return self.network(crops.permute(0, 3, 1, 2))

        buffer = io.BytesIO()
        program = torch.onnx.export(
            Wrapped().eval(),
            (torch.zeros(2, size, size, 3, dtype=torch.uint8),),
            input_names=["crops"],
            output_names=["embedding"],
            dynamic_shapes={"crops": {0: torch.export.Dim("batch", min=1)}},
            opset_version=18,
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        program.save(buffer, external_data=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(buffer.getvalue(), options, providers=["CPUExecutionProvider"])

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (N, size, size, 3) -> float32 (N, D)."""
        return np.asarray(self._session.run(None, {"crops": crops})[0], np.float32)
