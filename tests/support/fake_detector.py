"""A detector without a runtime: plain numpy engines whose answers are known. A crop's embedding is its
first pixel's red / 255, the window's logit the mean of those, spread from -10 to 10."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from toy_package import build_manifest

from unmask.engines.engine import Arrays, Engine, TensorSpec
from unmask.engines.manifest import Manifest
from unmask.realtime.detector import Detector


class FakeEngine(Engine):
    """Counts its runs and keeps the batch size of each. The engine's own trial run is not counted."""

    def __init__(self, name: str, provider: str = "FakeProvider") -> None:
        super().__init__()
        self.name = name
        self.batches: list[int] = []
        self.closed = 0
        self._provider = provider
        self._warm = False

    @property
    def provider(self) -> str:
        return self._provider

    def _open_impl(self) -> None: ...

    def _close_impl(self) -> None:
        self.closed += 1

    def _infer_impl(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        if self._warm:
            self.batches.append(len(next(iter(arrays.values()))))
        self._warm = True
        return self.answer(arrays)

    def answer(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        raise NotImplementedError


class FakeEncoder(FakeEngine):
    def __init__(self, manifest: Manifest, **options: Any) -> None:
        super().__init__("fake-encoder", **options)
        self._size, self._depth = manifest.input.size, manifest.embedding

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec("crops", np.dtype(np.uint8), (None, self._size, self._size, 3)),)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return (
            TensorSpec("embedding", np.dtype(np.float32), (None, self._depth)),
            TensorSpec("logit", np.dtype(np.float32), (None,)),
        )

    def answer(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        red = arrays["crops"][:, 0, 0, 0].astype(np.float32) / np.float32(255)
        return {"embedding": np.repeat(red[:, np.newaxis], self._depth, axis=1), "logit": red}


class FakeHead(FakeEngine):
    def __init__(self, manifest: Manifest, **options: Any) -> None:
        super().__init__("fake-head", **options)
        self._length, self._depth = manifest.window.length, manifest.embedding
        self.fails: Exception | None = None
        self.masks: list[NDArray[np.float32]] = []

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        return (
            TensorSpec("window", np.dtype(np.float32), (None, self._length, self._depth)),
            TensorSpec("mask", np.dtype(np.float32), (None, self._length)),
        )

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec("logit", np.dtype(np.float32), (None,)),)

    def answer(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        if self.fails is not None:
            raise self.fails
        mask = arrays["mask"].astype(np.float32)
        self.masks.append(mask.copy())
        first = arrays["window"][:, :, 0].astype(np.float32)
        mean = (first * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
        return {"logit": ((mean - 0.5) * 20).astype(np.float32)}


def fake_manifest(**overrides: Any) -> Manifest:
    """``toy_package.build_manifest``, checked; without smoothing unless ``rule`` says otherwise."""
    rule = {"smoothing_s": 0.0, "dwell_s": 0.3, "release_margin": 0.1, "release_s": 0.3}
    return Manifest.model_validate(build_manifest(**{"rule": rule, **overrides}))


def fake_detector(manifest: Manifest | None = None) -> tuple[Detector, FakeEncoder, FakeHead]:
    """An opened detector on fake engines, and the two engines to ask afterwards."""
    manifest = manifest or fake_manifest()
    encoder, head = FakeEncoder(manifest), FakeHead(manifest)
    encoder.open()
    head.open()
    head.masks.clear()
    return Detector(manifest, encoder, head), encoder, head


def embedding_for(value: float, manifest: Manifest) -> NDArray[np.float32]:
    """The embedding (D,) of a crop whose score's logit is (value - 0.5) * 20."""
    return np.full(manifest.embedding, value, np.float32)
