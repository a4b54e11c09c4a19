"""A made index with tars: faces whose redness the toy detector reads, so that every score is known."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unmask.realtime.types import Image

SIDE = 64
_COLUMNS = ("key", "label", "original", "source_width", "source_height", "identity_group", "split")


@dataclass(frozen=True, slots=True)
class MadeCrop:
    """``redness`` -1..1 sets the toy's score; ``video`` and ``manipulation`` are further columns."""

    key: str
    fake: bool
    redness: float
    group: str = "someone"
    split: str = "val"
    video: str = ""
    manipulation: str = ""
    time_s: float = 0.0
    source_width: int = 200


def crop_picture(redness: float, seed: int = 0) -> Image:
    """A textured crop, BGR uint8 (64, 64, 3), about as red (or blue) as asked."""
    noise = np.random.default_rng(seed).integers(-25, 26, (SIDE, SIDE, 1))
    colour = np.array([120 - 60 * redness, 120, 120 + 60 * redness])
    return np.clip(colour + noise, 0, 255).astype(np.uint8)


def write_crops(folder: Path, crops: Sequence[MadeCrop]) -> Path:
    """``index.csv`` and one tar of PNG files in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*_COLUMNS, "manipulation", "video", "frame_time_s"])
        for crop in crops:
            label = "fake" if crop.fake else "real"
            size = crop.source_width
            writer.writerow([crop.key, label, "", size, size, crop.group, crop.split, crop.manipulation,
                             crop.video, crop.time_s])  # fmt: skip
    with tarfile.open(folder / "faces-00.tar", "w") as archive:
        for number, crop in enumerate(crops):
            _, data = cv2.imencode(".png", crop_picture(crop.redness, number))
            member = tarfile.TarInfo(f"{crop.key}.png")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data.tobytes()))
    return folder
