"""A detector package put to the test: checksums, graphs, and a run on random crops."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from unmask.engines.engine import Arrays, Engine
from unmask.engines.errors import EngineError, PackageError
from unmask.engines.options import EngineOptions, Precision
from unmask.engines.package import DetectorPackage, load_package
from unmask.engines.registry import STANDARD, open_engine

#: Matrix kernels of another batch size add in another order; logits may differ by this much and no more.
#: Half precision has 10 bits of mantissa where FP32 has 23, and whole numbers round at other places.
BATCH_TOLERANCE: dict[Precision, float] = {"fp32": 1e-3, "fp16": 2e-2, "int8": 2e-2}

#: The same graph on another engine may differ in its logits from ``ort-cpu`` by this much and no more.
ENGINE_TOLERANCE: dict[Precision, float] = {"fp32": 1e-2, "fp16": 5e-2, "int8": 2e-1}

_CROPS = 4
_SEED = 20


@dataclass(frozen=True, slots=True)
class Verification:
    """What a sound package showed, its encoder of this ``precision`` in this ``engine``. ``batch_difference``
    is the largest difference of an encoder logit between one crop alone and the same crop in a batch,
    ``engine_difference`` between this engine and ``ort-cpu`` (``None``: it is that one); ``encode_ms`` the
    time of one crop."""

    name: str
    version: str
    folder: Path
    engine: str
    precision: Precision
    provider: str
    batch_difference: float
    engine_difference: float | None
    encode_ms: float


def verify_package(
    folder: Path, engine_name: str = "auto", *, precision: Precision = "fp32", options: EngineOptions | None = None
) -> Verification:
    """Load the package, open both graphs and run them on random crops; the head on the processor, as always.

    Outputs must be finite, the same when repeated, the same (within ``BATCH_TOLERANCE``) alone and in a batch,
    and those of ``ort-cpu`` (within ``ENGINE_TOLERANCE``). Raises ``PackageError`` with the first thing that
    is wrong with the package, ``EngineError`` for an engine that scores differently, and what ``open_engine``
    raises.
    """
    package = load_package(folder)
    manifest = package.manifest
    path, sha256 = package.encoder_file(precision)
    options = replace(options or EngineOptions(), sha256=sha256)
    random = np.random.default_rng(_SEED)
    size = manifest.input.size
    crops = random.integers(0, 256, (_CROPS, size, size, 3), dtype=np.uint8)
    with open_engine(engine_name, path, options) as encoder:
        encoded = _steady(encoder, {"crops": crops}, package, "encoder", BATCH_TOLERANCE[precision])
        difference, encode_ms = _batch_difference(encoder, crops, encoded["logit"])
        if difference > BATCH_TOLERANCE[precision]:
            raise PackageError(
                f"The encoder of {package.folder} scores a crop differently in a batch, by {difference:.2g}"
                f"{_on(encoder)}: {_remedy(encoder, 'export it so that crops do not mix')}."
            )
        name, provider = encoder.name, encoder.provider
    apart = None
    if name != STANDARD:
        with open_engine(STANDARD, path, EngineOptions(sha256=sha256)) as standard:
            apart = _largest(standard.infer({"crops": crops})["logit"], encoded["logit"])
        if not apart <= ENGINE_TOLERANCE[precision]:  # NaN too
            raise EngineError(
                f"The engine {name} scores the encoder of {package.folder} differently from {STANDARD}, by "
                f"{apart:.2g}: use --engine {STANDARD}, or check that this engine runs the same model."
            )
    with open_engine(STANDARD, package.head_path, EngineOptions(sha256=manifest.files.head.sha256)) as head:
        _verify_head(head, encoded["embedding"], package)
    return Verification(
        manifest.name, manifest.version, folder, name, precision, provider, difference, apart, encode_ms
    )


def _verify_head(head: Engine, embeddings: NDArray[np.generic], package: DetectorPackage) -> None:
    """Every fill of the window from ``min_frames`` on must give a finite, repeatable logit."""
    window = package.manifest.window
    fills = range(window.min_frames, window.length + 1)
    windows = np.zeros((len(fills), window.length, package.manifest.embedding), np.float32)
    masks = np.zeros((len(fills), window.length), np.float32)
    for row, fill in enumerate(fills):
        windows[row, :fill] = np.resize(embeddings, (fill, package.manifest.embedding))
        masks[row, :fill] = 1.0
    _steady(head, {"window": windows, "mask": masks}, package, "head", 0.0)


def _steady(
    engine: Engine, arrays: Arrays, package: DetectorPackage, role: str, tolerance: float
) -> dict[str, NDArray[np.generic]]:
    """One result, after a second one that had to be the same: to the last bit on the processor; a GPU may add
    in another order each time, and a server may put the crops into other batches."""
    tolerance = 0.0 if engine.name == STANDARD else tolerance
    first, second = engine.infer(arrays), engine.infer(arrays)
    for name, values in first.items():
        if not np.isfinite(values).all():
            raise PackageError(
                f"The {role} of {package.folder} gives {name} that is no number{_on(engine)}: "
                f"{_remedy(engine, 'export the detector again')}."
            )
        size = max(1.0, float(np.abs(values.astype(np.float64)).max(initial=0.0)))
        if _largest(values, second[name]) > tolerance * size:
            raise PackageError(
                f"The {role} of {package.folder} gives another {name} for the same input{_on(engine)}: "
                f"{_remedy(engine, 'export it in evaluation mode')}."
            )
    return first


def _on(engine: Engine) -> str:
    """Where it was seen: it may be the fault of the engine and not of the package."""
    return "" if engine.name == STANDARD else f" on the engine {engine.name}"


def _remedy(engine: Engine, otherwise: str) -> str:
    return otherwise if engine.name == STANDARD else f"see whether --engine {STANDARD} does so too"


def _batch_difference(encoder: Engine, crops: NDArray[np.uint8], batched: NDArray[np.generic]) -> tuple[float, float]:
    largest, times = 0.0, []
    for index in range(len(crops)):
        start = perf_counter()
        alone = encoder.infer({"crops": crops[index : index + 1]})["logit"]
        times.append((perf_counter() - start) * 1e3)
        largest = max(largest, _largest(alone, batched[index : index + 1]))
    return largest, float(np.median(times))


def _largest(these: NDArray[np.generic], those: NDArray[np.generic]) -> float:
    return float(np.abs(these.astype(np.float64) - those.astype(np.float64)).max(initial=0.0))
