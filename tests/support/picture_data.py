"""A data set of crops small enough for a test: manipulated ones are a little redder."""

from __future__ import annotations

import csv
import io
import tarfile
from pathlib import Path

import cv2
import numpy as np

COLUMNS = ("key", "label", "original", "source_width", "source_height", "identity_group", "split")
SIDE = 64


def write_pictures(folder: Path, people: int = 20) -> Path:
    """``folder`` with four crops of each of ``people``, half of them real; every fifth person validates."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    with (
        tarfile.open(folder / "faces-00.tar", "w") as archive,
        (folder / "index.csv").open("w", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for person in range(people):
            label = "fake" if person % 2 else "real"
            split = "val" if person % 10 >= 8 else "train"
            for number in range(4):
                key = f"p{person:02}-{number}"
                member = tarfile.TarInfo(f"{key}.png")
                data = cv2.imencode(".png", crop(rng, fake=label == "fake"))[1].tobytes()
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
                writer.writerow([key, label, "", SIDE, SIDE, f"person-{person}", split])
    return folder


def crop(rng: np.random.Generator, *, fake: bool) -> np.ndarray:
    """One crop, BGR uint8 (64, 64, 3)."""
    grey = rng.integers(0, 180, (8, 8, 1)).repeat(3, axis=2)
    grey[:, :, 2] += 4 * fake
    return cv2.resize(grey.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
