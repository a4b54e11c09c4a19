"""A detector package put to the test: checksums, graphs, and a run on random crops."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from unmask.engines.engine import Arrays, Engine
from unmask.engines.errors import PackageError
from unmask.engines.options import EngineOptions
from unmask.engines.package import DetectorPackage, load_package
from unmask.engines.registry import open_engine

#: Matrix kernels of another batch size add in another order; logits may differ by this much and no more.
BATCH_TOLERANCE = 1e-3

_CROPS = 4
_SEED = 20


@dataclass(frozen=True, slots=True)
class Verification:
    """What a sound package showed. ``batch_difference`` is the largest difference of an encoder logit
    between one crop alone and the same crop in a batch; ``encode_ms`` the time of one crop."""

    name: str
    version: str
    folder: Path
    engine: str
    provider: str
    batch_difference: float
    encode_ms: float


def verify_package(folder: Path, engine_name: str = "auto") -> Verification:
    """Load the package, open both graphs and run them on random crops.

    Outputs must be finite, the same when repeated, and the same (within ``BATCH_TOLERANCE``) alone and
    in a batch. Raises ``PackageError`` with the first thing that is wrong, and what ``open_engine`` raises.
    """
    package = load_package(folder)
    files, manifest = package.manifest.files, package.manifest
    random = np.random.default_rng(_SEED)
    size = manifest.input.size
    crops = random.integers(0, 256, (_CROPS, size, size, 3), dtype=np.uint8)
    with open_engine(engine_name, package.encoder_path, EngineOptions(sha256=files.encoder.sha256)) as encoder:
        encoded = _steady(encoder, {"crops": crops}, package, "encoder")
        difference, encode_ms = _batch_difference(encoder, crops, encoded["logit"])
        if difference > BATCH_TOLERANCE:
            raise PackageError(
                f"The encoder of {package.folder} scores a crop differently in a batch, by {difference:.2g}: "
                "export it so that crops do not mix."
            )
        name, provider = encoder.name, encoder.provider
    with open_engine(engine_name, package.head_path, EngineOptions(sha256=files.head.sha256)) as head:
        _verify_head(head, encoded["embedding"], package)
    return Verification(manifest.name, manifest.version, folder, name, provider, difference, encode_ms)


def _verify_head(head: Engine, embeddings: NDArray[np.generic], package: DetectorPackage) -> None:
    """Every fill of the window from ``min_frames`` on must give a finite, repeatable logit."""
    window = package.manifest.window
    fills = range(window.min_frames, window.length + 1)
    windows = np.zeros((len(fills), window.length, package.manifest.embedding), np.float32)
    masks = np.zeros((len(fills), window.length), np.float32)
    for row, fill in enumerate(fills):
        windows[row, :fill] = np.resize(embeddings, (fill, package.manifest.embedding))
        masks[row, :fill] = 1.0
    _steady(head, {"window": windows, "mask": masks}, package, "head")


def _steady(engine: Engine, arrays: Arrays, package: DetectorPackage, role: str) -> dict[str, NDArray[np.generic]]:
    first, second = engine.infer(arrays), engine.infer(arrays)
    for name, values in first.items():
        if not np.isfinite(values).all():
            raise PackageError(
                f"The {role} of {package.folder} gives {name} that is no number: export the detector again."
            )
        if not np.array_equal(values, second[name]):
            raise PackageError(
                f"The {role} of {package.folder} gives another {name} for the same input: export it in evaluation mode."
            )
    return first


def _batch_difference(encoder: Engine, crops: NDArray[np.uint8], batched: NDArray[np.generic]) -> tuple[float, float]:
    largest, times = 0.0, []
    for index in range(len(crops)):
        start = perf_counter()
        alone = encoder.infer({"crops": crops[index : index + 1]})["logit"]
        times.append((perf_counter() - start) * 1e3)
        largest = max(largest, float(np.abs(alone[0] - batched[index])))
    return largest, float(np.median(times))
