"""The side-by-side clips of live face swapping: watched at the very end, never learnt from or chosen by.

Every look is written to a log beside the work, so that it can be counted how often they were looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.types import Image
from unmask.training.data.dfdc import DataError
from unmask.training.evaluate import Interval, auroc, bootstrap
from unmask.training.experiments.faces import evenly_spaced

FRAMES = 16
LOG = "looks-at-pairs.jsonl"


def half_crops(clips: list[Path], finder: FaceFinder, spec: CropSpec) -> Iterator[tuple[str, bool, Image]]:
    """``(clip, swapped, crop)`` for both halves of ``FRAMES`` evenly spaced frames; the left half is genuine."""
    for clip in clips:
        for picture in evenly_spaced(clip, FRAMES):
            middle = picture.shape[1] // 2
            for swapped in (False, True):
                half = np.ascontiguousarray(picture[:, middle:] if swapped else picture[:, :middle])
                face = max(finder.find(half), key=lambda found: found.size, default=None)
                if face is not None:
                    yield clip.stem, swapped, crop_face(half, face, spec)


def look(
    clips: Path,
    finder: FaceFinder,
    spec: CropSpec,
    logits: Callable[[NDArray[np.uint8]], NDArray[np.float64]],
    work: Path,
    name: str,
) -> tuple[Interval, Interval]:
    """AUROC per clip half (mean logit) and per frame, resampled by clip; the look is appended to the log."""
    rows = list(half_crops(sorted(clips.glob("*.mp4")), finder, spec))
    if not rows:
        raise DataError(f"No face was found in the clips of {clips}: check the folder and the face model.")
    values = logits(np.stack([crop for _, _, crop in rows]))
    names = np.asarray([clip for clip, _, _ in rows])
    fake = np.asarray([swapped for _, swapped, _ in rows])
    halves = sorted({(clip, swapped) for clip, swapped, _ in rows})
    means = [float(values[(names == clip) & (fake == swapped)].mean()) for clip, swapped in halves]
    per_clip = bootstrap(auroc, [swapped for _, swapped in halves], means, [clip for clip, _ in halves])
    per_frame = bootstrap(auroc, fake, values, names)
    entry = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "what": name,
        "frames": len(rows),
        "per_clip": [per_clip.value, per_clip.low, per_clip.high],
        "per_frame": [per_frame.value, per_frame.low, per_frame.high],
        "means": {f"{clip} {'swapped' if swapped else 'genuine'}": mean
                  for (clip, swapped), mean in zip(halves, means, strict=True)},
    }  # fmt: skip
    with (work / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
    return per_clip, per_frame
