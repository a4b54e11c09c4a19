"""What a package says of stored crops, through the engine that live uses, and how good that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.engines.engine import Engine
from unmask.engines.manifest import Metric
from unmask.training import evaluate
from unmask.training.data import codec
from unmask.training.data.batches import plain_view
from unmask.training.data.cache import SIDE
from unmask.training.data.dfdc import CropRecord
from unmask.training.evaluate import Floats, Interval, Measure

Degrade = Callable[[NDArray[np.uint8], np.random.Generator], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Crops:
    """``pixels`` uint8 (N, 224, 224, 3) RGB (a memory map), of which ``positions`` are meant; ``labels``
    (N,) 1 for fake and ``groups`` (N,), who is shown, belong to the positions in order."""

    pixels: NDArray[np.uint8]
    positions: tuple[int, ...]
    labels: NDArray[np.bool_]
    groups: NDArray[np.str_]


def crops_of(pixels: NDArray[np.uint8], pairs: Sequence[tuple[int, CropRecord]]) -> Crops:
    return Crops(
        pixels,
        tuple(position for position, _ in pairs),
        np.asarray([record.fake for _, record in pairs]),
        np.asarray([record.group for _, record in pairs]),
    )


def logits(
    encoder: Engine, head: Engine, crops: Crops, size: int, degrade: Degrade | None = None
) -> NDArray[np.float32]:
    """The logit (N,) of each crop as a window of one frame, as a single picture is scored live."""
    length = next(spec.shape[1] for spec in head.inputs if spec.name == "window") or 1
    results: list[NDArray[np.float32]] = []
    for begin in range(0, len(crops.positions), 32):
        chosen = crops.positions[begin : begin + 32]
        views = np.stack([_view(crops.pixels[position], position, size, degrade) for position in chosen])
        embedding = encoder.infer({"crops": views})["embedding"]
        window = np.zeros((len(views), length, embedding.shape[1]), np.float32)
        mask = np.zeros((len(views), length), np.float32)
        window[:, 0], mask[:, 0] = embedding, 1.0
        results.append(np.asarray(head.infer({"window": window, "mask": mask})["logit"], np.float32))
    return np.concatenate(results)


def _view(pixels: NDArray[np.uint8], position: int, size: int, degrade: Degrade | None) -> NDArray[np.uint8]:
    image = np.asarray(pixels)
    if degrade is not None:
        image = degrade(image, np.random.default_rng(position))
    return plain_view(image, size)


def smaller(side: int) -> Degrade:
    """As if the face had been so small that its crop had ``side`` pixels."""
    return lambda image, rng: codec.upscale(codec.downscale(image, side), SIDE)


def _h264_360p(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    return codec.upscale(codec.video_still(codec.downscale(image, 120), 30, rng), SIDE)


def _higher(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    shift = round(0.07 * SIDE)
    return cv2.copyMakeBorder(image, shift, 0, 0, 0, cv2.BORDER_REFLECT_101)[:SIDE]


DEGRADATIONS: dict[str, Degrade] = {
    "crop 7 % higher, as live": _higher,
    "JPEG quality 30": lambda image, rng: codec.jpeg_round_trip(image, 30),
    "crop of 120 px through H.264 CRF 30": _h264_360p,
    "noise of 8 levels": lambda image, rng: codec.add_noise(image, 8.0, rng),
    "low light (gain 0.4, noise 4)": lambda image, rng: codec.add_noise(
        codec.relight(image, (0.4, 0.4, 0.4), 1.0), 4.0, rng
    ),
    "blur of 2 px": lambda image, rng: cv2.GaussianBlur(image, (0, 0), 2.0),
}


def report(crops: Crops, scores: Floats, threshold: float, data: str, command: str) -> list[Metric]:
    """The metrics of calibrated ``scores`` with intervals over people."""
    measures: dict[str, Measure] = {
        "AUROC": evaluate.auroc,
        "EER": evaluate.equal_error_rate,
        "pAUC at FPR <= 1 %": evaluate.partial_auroc,
        "TPR at FPR 1 %": lambda fake, score: evaluate.tpr_at_fpr(fake, score, 0.01),
        "TPR at FPR 0.1 %": lambda fake, score: evaluate.tpr_at_fpr(fake, score, 0.001),
        "accuracy at 0.5": lambda fake, score: evaluate.accuracy(fake, score, 0.5),
        f"TPR at the threshold {threshold:.3f}": lambda fake, score: float(np.mean(score[fake] >= threshold)),
        f"FPR at the threshold {threshold:.3f}": lambda fake, score: float(np.mean(score[~fake] >= threshold)),
        "ECE": evaluate.calibration_error,
        "Brier": evaluate.brier,
    }
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


def looks(crops: Crops, size: int) -> Looks:
    sharpness, brightness = [], []
    for position in crops.positions:
        grey = cv2.cvtColor(plain_view(np.asarray(crops.pixels[position]), size), cv2.COLOR_RGB2GRAY)
        _, deviation = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))
        sharpness.append(float(deviation[0, 0]) ** 2)
        middle = grey[size // 4 : size - size // 4, size // 4 : size - size // 4]
        brightness.append(float(cv2.mean(middle)[0]))
    return Looks(np.asarray(sharpness), np.asarray(brightness))


def save_scores(path: Path, crops: Crops, scores: Floats) -> None:
    """The raw material of a report, for whoever wants to reckon otherwise."""
    rows = zip(crops.labels, crops.groups, scores, strict=True)
    lines = [f"{int(fake)},{group},{score:.6f}" for fake, group, score in rows]
    path.write_text("\n".join(["fake,identity_group,score", *lines]) + "\n", encoding="utf-8")
