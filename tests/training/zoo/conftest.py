"""A data set small enough for a test: 250 pictures of 50 videos, real ones and those of three generators."""

from __future__ import annotations

import csv
import importlib.util
import io
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

COLUMNS = (
    "key", "label", "original", "source_width", "source_height", "identity_group", "split",
    "manipulation", "video", "frame_time_s",
)  # fmt: skip
#: Each generator leaves another colour behind, so that the smallest network can learn something.
TINTS = {"": (0, 0, 0), "alpha": (60, 0, 0), "beta": (0, 60, 0), "gamma": (0, 0, 60)}
VIDEOS, FRAMES, SIDE = 50, 5, 64


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Networks this small only wait for each other's threads, and tests share the machine."""
    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.set_num_threads(1)


def picture(rng: np.random.Generator, manipulation: str) -> np.ndarray:
    grey = rng.integers(0, 120, (8, 8, 1)).repeat(3, axis=2) + np.array(TINTS[manipulation])
    return cv2.resize(grey.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder; 200 pictures are for training. Half are real, a person is in one split only."""
    folder = tmp_path_factory.mktemp("zoo-data")
    rng = np.random.default_rng(0)
    names = list(TINTS)
    with (
        tarfile.open(folder / "faces-00.tar", "w") as archive,
        (folder / "index.csv").open("w", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for video in range(VIDEOS):
            manipulation = "" if video % 2 else names[1 + video // 2 % 3]
            label, split = "fake" if manipulation else "real", "val" if video >= 40 else "train"
            for frame in range(FRAMES):
                key = f"v{video:02}-{frame}"
                data = cv2.imencode(".png", picture(rng, manipulation))[1].tobytes()
                member = tarfile.TarInfo(f"{key}.png")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
                writer.writerow(
                    [key, label, "", SIDE, SIDE, f"person-{video}", split, manipulation, f"v{video}", frame]
                )
    return folder
