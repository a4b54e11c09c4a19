"""A detector package at work: its encoder and its head in one runtime, and its calibration."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from unmask.engines.engine import Arrays, Engine
from unmask.engines.errors import EngineError
from unmask.engines.manifest import Manifest
from unmask.engines.options import EngineOptions, Precision
from unmask.engines.registry import open_engine
from unmask.realtime.faces.crop import CropSpec

if TYPE_CHECKING:
    from unmask.engines.package import DetectorPackage

HEAD_ENGINE = "ort-cpu"
#: The encoder's third output, where a package has one.
ACTIVATION = "activation"


class Detector:
    """One loaded package. A context manager, used from one thread at a time.

    Arrays handed in are only read; arrays handed out belong to the caller.
    """

    def __init__(self, manifest: Manifest, encoder: Engine, head: Engine, precision: Precision = "fp32") -> None:
        """Take over two opened engines: ``close`` closes both. ``precision`` is that of the encoder's file."""
        self.manifest = manifest
        self.precision: Precision = precision
        self._encoder = encoder
        self._head = head

    @classmethod
    def open(
        cls,
        package: DetectorPackage,
        engine_name: str,
        *,
        precision: Precision = "fp32",
        options: EngineOptions | None = None,
    ) -> Self:
        """Load the encoder of ``package`` in the runtime ``engine_name`` and its head on the processor, where
        the few small products of a head are done before a GPU or a server has been asked.

        Raises ``UsageError`` for a precision that the package lacks, ``EngineUnavailable`` when that
        runtime cannot run here, and ``PackageError`` for a model whose checksum is no longer the manifest's.
        """
        path, sha256 = package.encoder_file(precision)
        encoder = open_engine(engine_name, path, replace(options or EngineOptions(), sha256=sha256))
        try:
            head_options = EngineOptions(sha256=package.manifest.files.head.sha256)
            head = open_engine(HEAD_ENGINE, package.head_path, head_options)
        except BaseException:
            encoder.close()
            raise
        return cls(package.manifest, encoder, head, precision)

    @property
    def crop_spec(self) -> CropSpec:
        """How this detector wants its faces cut."""
        given, crop = self.manifest.input, self.manifest.crop
        return CropSpec(size=given.size, margin=crop.margin, align=crop.align, colour=given.colour)

    @property
    def gains_by_batch(self) -> bool:
        """Whether many crops in one call of the encoder take clearly less than a call for each."""
        return self._encoder.gains_by_batch

    @property
    def calibrated(self) -> bool:
        """Whether ``score`` gives a probability, or only a number that grows with suspicion."""
        return self.manifest.calibration.method != "none"

    @property
    def engine_name(self) -> str:
        """The runtime that was asked for, as a person names it: ``ort-cpu``."""
        return self._encoder.name

    @property
    def provider(self) -> str:
        """What is actually running, as the runtime says; both where encoder and head differ."""
        encoder, head = self._encoder.provider, self._head.provider
        if self.precision != "fp32":
            encoder = f"{encoder} ({self.precision})"
        return encoder if encoder == head else f"encoder {encoder}, head {head}"

    @property
    def gives_activation(self) -> bool:
        """Whether ``encode_and_explain`` can be asked: the package has the map, and the runtime hands it out."""
        return self.manifest.activation is not None and any(spec.name == ACTIVATION for spec in self._encoder.outputs)

    def encode(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings (N, D) of ``crops`` uint8 (N, H, W, 3), cut as ``crop_spec`` says.

        A crop the encoder could not cope with comes back with NaN. Raises ``EngineError``.
        """
        if len(crops) == 0:
            return np.empty((0, self.manifest.embedding), np.float32)
        return self._checked("encoder", self._run_encoder(crops), "embedding", (len(crops), self.manifest.embedding))

    def encode_and_explain(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """``encode``, and with it (N, rows, columns): what each cell of a crop says to its logit, their mean.

        It costs nothing more: a runtime computes it whether it is asked for or not. Raises ``EngineError``, also
        where ``gives_activation`` is false.
        """
        cells = self.manifest.activation
        if cells is None:
            raise EngineError(f"The detector {self.manifest.name} gives no map of where it looked: choose another.")
        if len(crops) == 0:
            return self.encode(crops), np.empty((0, cells.rows, cells.columns), np.float32)
        results, count = self._run_encoder(crops), len(crops)
        embeddings = self._checked("encoder", results, "embedding", (count, self.manifest.embedding))
        return embeddings, self._checked("encoder", results, ACTIVATION, (count, cells.rows, cells.columns))

    def judge(self, windows: NDArray[np.float32], masks: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits (N,) of ``windows`` (N, T, D) and ``masks`` (N, T), laid out as by ``FrameWindow``.

        A window the head could not cope with comes back as NaN. Raises ``EngineError``.
        """
        count = len(windows)
        if count == 0:
            return np.empty(0, np.float32)
        results = self._head.infer({"window": windows, "mask": masks})
        return self._checked("head", results, "logit", (count,))

    def score(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """sigmoid(scale * logit + bias), 0..1, of the same shape (Platt scaling; Guo et al. 2017,
        arXiv:1706.04599, for the temperature). NaN, never a number, where the logit is not finite.
        """
        calibration = self.manifest.calibration
        wide = np.where(np.isfinite(logits), logits, np.nan).astype(np.float64)
        # The sigmoid by way of tanh, which does not overflow.
        return 0.5 * (1.0 + np.tanh(0.5 * (calibration.scale * wide + calibration.bias)))

    def close(self) -> None:
        """Free both models. Closing twice is harmless."""
        self._encoder.close()
        self._head.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run_encoder(self, crops: NDArray[np.uint8]) -> Arrays:
        (given,) = self._encoder.inputs
        return self._encoder.infer({given.name: np.ascontiguousarray(crops)})

    def _checked(self, part: str, results: Arrays, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """The output ``name``, which must be float32 of ``shape``: what is cut to fit would be misread."""
        array = results.get(name)
        if array is None or array.shape != shape or array.dtype != np.float32:
            got = "nothing" if array is None else f"{array.dtype}{array.shape}"
            raise EngineError(
                f"The {part} of the detector {self.manifest.name} should give {name} float32{shape}, "
                f"it gave {got}: check the package with 'unmask detectors verify'."
            )
        return array.astype(np.float32, copy=False)
