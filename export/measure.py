"""What a package says of stored crops, through the engine that live uses, and how good that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.engines.engine import Engine
from unmask.engines.manifest import Metric
from unmask.engines.registry import open_engine
from unmask.export.package_writer import ENCODER, HEAD
from unmask.training import evaluate
from unmask.training.data import codec
from unmask.training.data.batches import plain_view
from unmask.training.data.cache import SIDE
from unmask.training.data.dfdc import CropRecord
from unmask.training.degrade import DEGRADATIONS
from unmask.training.evaluate import Floats, Interval, Measure
from unmask.training.prepare.ledger import write_whole

#: Makes of a crop (224, 224, 3) RGB and its key another one, the same for the same two.
Degrade = Callable[[NDArray[np.uint8], str], NDArray[np.uint8]]

#: The rows of ``training.degrade`` that a package states; ``unmask train evaluate`` measures all of them.
ROWS = ("360p H.264 300 kbit/s", "JPEG 30", "noise 12", "low light 0.4", "blur 2.5")
HIGHER = "crop 7 % higher, as live"
_BATCH = 32


@dataclass(frozen=True, slots=True)
class Crops:
    """``pixels`` uint8 (N, 224, 224, 3) RGB (a memory map, perhaps) and the ``keys`` of its rows. A sample is a
    window: the rows of its frames in the order of time, one row for a single picture. ``labels`` (M,) 1 for
    fake and ``groups`` (M,), who is shown, belong to the ``windows`` in order."""

    pixels: Any
    keys: Sequence[str]
    windows: tuple[tuple[int, ...], ...]
    labels: NDArray[np.bool_]
    groups: NDArray[np.str_]

    @property
    def rows(self) -> tuple[int, ...]:
        """Every row that a window shows, once, in the order in which they come."""
        return tuple(dict.fromkeys(row for window in self.windows for row in window))

    def views(self, rows: Sequence[int], size: int, degrade: Degrade | None = None) -> NDArray[np.uint8]:
        """The crops of ``rows`` as the encoder takes them, (N, size, size, 3)."""
        images = [np.asarray(self.pixels[row]) for row in rows]
        if degrade is not None:
            images = [degrade(image, self.keys[row]) for image, row in zip(images, rows, strict=True)]
        return np.stack([plain_view(image, size) for image in images])


def crops_of(pixels: Any, keys: Sequence[str], pairs: Sequence[tuple[int, CropRecord]]) -> Crops:
    """Single pictures: ``pairs`` are rows of ``pixels`` and what is known of them."""
    return Crops(
        pixels,
        keys,
        tuple((row,) for row, _ in pairs),
        np.asarray([record.fake for _, record in pairs]),
        np.asarray([record.group for _, record in pairs]),
    )


@dataclass(frozen=True, slots=True)
class Opened:
    """The two files of a package, running. ``size`` is the side of the encoder's crops."""

    encoder: Engine
    head: Engine
    size: int


@contextmanager
def opened(encoder: bytes, head: bytes, size: int) -> Iterator[Opened]:
    """Run two files from a folder that is gone afterwards."""
    with TemporaryDirectory(prefix="unmask-export-") as scratch, ExitStack() as stack:
        engines: list[Engine] = []
        for name, content in ((ENCODER, encoder), (HEAD, head)):
            path = Path(scratch) / name
            path.write_bytes(content)
            engines.append(stack.enter_context(open_engine("ort-cpu", path)))
        yield Opened(engines[0], engines[1], size)


def logits(package: Opened, crops: Crops, degrade: Degrade | None = None) -> NDArray[np.float32]:
    """The logit (M,) of each window; a single picture is a window of one frame, as it is scored live."""
    length = next(spec.shape[1] for spec in package.head.inputs if spec.name == "window")
    longest = length or max(len(window) for window in crops.windows)
    results: list[NDArray[np.float32]] = []
    for chosen in _batches(crops.windows):
        rows = [row for window in chosen for row in window]
        views = crops.views(rows, package.size, degrade)
        found = [package.encoder.infer({"crops": views[i : i + _BATCH]}) for i in range(0, len(views), _BATCH)]
        embedding = np.concatenate([one["embedding"] for one in found])
        window = np.zeros((len(chosen), longest, embedding.shape[1]), np.float32)
        mask = np.zeros((len(chosen), longest), np.float32)
        start = 0
        for number, members in enumerate(chosen):
            window[number, : len(members)] = embedding[start : start + len(members)]
            mask[number, : len(members)] = 1.0
            start += len(members)
        results.append(np.asarray(package.head.infer({"window": window, "mask": mask})["logit"], np.float32))
    return np.concatenate(results)


def _batches(windows: Sequence[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
    """Windows that together show about ``_BATCH`` pictures."""
    waiting: list[tuple[int, ...]] = []
    for window in windows:
        waiting.append(window)
        if sum(map(len, waiting)) >= _BATCH:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def smaller(side: int) -> Degrade:
    """As if the face had been so small that its crop had ``side`` pixels."""
    return lambda image, key: codec.upscale(codec.downscale(image, side), SIDE)


def brighter(exponent: float) -> Degrade:
    """As if the face stood in more light: a tone curve, and so much gain that the brightest places clip."""
    return lambda image, key: codec.relight(image, (1.15, 1.15, 1.15), exponent)


def higher(image: NDArray[np.uint8], key: str) -> NDArray[np.uint8]:
    """The crop moved up by 7 % of its side, its upper edge mirrored: where the live face box sits on DFDC."""
    shift = round(0.07 * SIDE)
    return np.asarray(cv2.copyMakeBorder(image, shift, 0, 0, 0, cv2.BORDER_REFLECT_101)[:SIDE], np.uint8)


def degradations(margin: float) -> dict[str, Degrade]:
    """``ROWS`` on crops of ``margin``, as in the robustness table of ``unmask train evaluate``."""

    def one(name: str) -> Degrade:
        return lambda image, key: DEGRADATIONS[name].apply(image, key, margin)

    return {name: one(name) for name in ROWS}


def report(crops: Crops, scores: Floats, unseen: Floats, threshold: float, data: str, command: str) -> list[Metric]:
    """The metrics of calibrated ``scores`` with intervals over people; the ``threshold`` was set on ``crops`` too,
    and their names say so. ``unseen`` are probabilities by calibrations that had not seen whom they judge
    (``cross_fitted``): how well they are calibrated is read off these."""
    ranking: dict[str, Measure] = {
        **RANKING,
        f"TPR at the threshold {threshold:.3f}, set on the same data": lambda fake, score: float(
            np.mean(score[fake] >= threshold)
        ),
        f"FPR at the threshold {threshold:.3f}, set on the same data": lambda fake, score: float(
            np.mean(score[~fake] >= threshold)
        ),
    }
    calibration: dict[str, Measure] = {
        "accuracy at 0.5": lambda fake, score: evaluate.accuracy(fake, score, 0.5),
        "ECE": evaluate.calibration_error,
        "Brier": evaluate.brier,
    }
    crossed = f"{data}; calibrations cross-fitted over people"
    return [
        *measured(ranking, crops, scores, data, command),
        *measured(calibration, crops, unseen, crossed, command),
    ]


#: Measures that no calibration and no threshold can flatter.
RANKING: dict[str, Measure] = {
    "AUROC": evaluate.auroc,
    "EER": evaluate.equal_error_rate,
    "pAUC at FPR <= 1 %": evaluate.partial_auroc,
    "TPR at FPR 1 %": lambda fake, score: evaluate.tpr_at_fpr(fake, score, 0.01),
    "TPR at FPR 0.1 %": lambda fake, score: evaluate.tpr_at_fpr(fake, score, 0.001),
}


def measured(measures: dict[str, Measure], crops: Crops, scores: Floats, data: str, command: str) -> list[Metric]:
    """Each of ``measures`` with its interval over people."""
    return [
        metric(name, evaluate.bootstrap(measure, crops.labels, scores, crops.groups), data, command)
        for name, measure in measures.items()
    ]


def metric(name: str, interval: Interval, data: str, command: str) -> Metric:
    return Metric(
        name=name,
        value=round(interval.value, 4),
        low=round(interval.low, 4),
        high=round(interval.high, 4),
        data=data,
        units=interval.groups,
        unit="identity groups",
        command=command,
    )


@dataclass(frozen=True, slots=True)
class Looks:
    """Sharpness and brightness of crops at the encoder's size, as the live quality gate measures them."""

    sharpness: Floats
    brightness: Floats


def looks(crops: Crops, size: int, degrade: Degrade | None = None) -> Looks:
    sharpness, brightness = [], []
    for row in crops.rows:
        grey = cv2.cvtColor(crops.views([row], size, degrade)[0], cv2.COLOR_RGB2GRAY)
        _, deviation = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))
        sharpness.append(float(deviation[0, 0]) ** 2)
        middle = grey[size // 4 : size - size // 4, size // 4 : size - size // 4]
        brightness.append(float(cv2.mean(middle)[0]))
    return Looks(np.asarray(sharpness), np.asarray(brightness))


def save_scores(path: Path, crops: Crops, scores: Floats) -> None:
    """The raw material of a report, for whoever wants to reckon otherwise."""
    rows = zip(crops.labels, crops.groups, scores, strict=True)
    lines = [f"{int(fake)},{group},{score:.6f}" for fake, group, score in rows]
    write_whole(path, ("\n".join(["fake,identity_group,score", *lines]) + "\n").encode())
