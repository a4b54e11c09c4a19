"""Cached embeddings give the very bits that encoding the whole window anew gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from toy_package import build_toy_package

from unmask.benchmarks.reencode import ReencodingWindow
from unmask.engines.package import list_packages, load_package
from unmask.realtime.detector import Detector
from unmask.realtime.types import Image
from unmask.realtime.window import Added, FrameWindow

#: Steps between frames in strides: fills the ring and turns it over, with repeats, jitter and a gap.
STEPS = [0, *[1.0] * 7, 0.2, 1.3, 0.8, 99.0, *[1.0] * 6]


def shipped() -> list[Path]:
    return [listing.folder for listing in list_packages() if listing.origin == "shipped"]


@pytest.fixture(params=["toy", *(shipped() or [None])], ids=lambda given: getattr(given, "name", given))
def detector(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Detector]:
    folder = request.param
    if folder is None:
        pytest.skip("no detector package is shipped in detectors/")
    if folder == "toy":
        folder = build_toy_package(tmp_path / "toy", length=4)
    with Detector.open(load_package(folder), "ort-cpu") as opened:
        yield opened


def crops_of(detector: Detector, count: int) -> Image:
    """Smooth pictures with noise: what a face crop is made of, and every one different."""
    size, random = detector.manifest.input.size, np.random.default_rng(5)
    across = np.linspace(0, 6, size)[:, np.newaxis, np.newaxis]
    phases = random.uniform(0, 6, (count, 1, 1, 1)) + random.uniform(0, 0.6, (count, 1, size, 3))
    noisy = 128 + 90 * np.sin(across + phases) + random.normal(0, 12, (count, size, size, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def cached_logit(detector: Detector, window: FrameWindow) -> NDArray[np.float32]:
    embeddings, mask = window.snapshot()
    return detector.judge(embeddings[np.newaxis], mask[np.newaxis])


def new_window(detector: Detector) -> FrameWindow:
    manifest = detector.manifest
    times = manifest.window.stride_ms / 1000, manifest.window.max_gap_ms / 1000
    return FrameWindow(manifest.window.length, manifest.embedding, *times)


@pytest.mark.parametrize("one_by_one", [True, False], ids=["one by one", "one batch"])
def test_cached_scores_equal_reencoded_ones_to_the_last_bit(detector: Detector, one_by_one: bool) -> None:
    cached, plain = new_window(detector), ReencodingWindow(detector)
    crops = crops_of(detector, len(STEPS))
    time_s, seen, logits = 0.0, [], set()
    for crop, step in zip(crops, STEPS, strict=True):
        time_s += step * detector.manifest.window.stride_ms / 1000
        added = cached.add(time_s, detector.encode(crop[np.newaxis])[0])
        assert plain.add(time_s, crop) is added
        assert plain.frames == cached.frames
        seen.append(added)
        logit = cached_logit(detector, cached)
        assert logit.tobytes() == plain.logit(one_by_one=one_by_one).tobytes()
        logits.add(logit.tobytes())
    assert {Added.KEPT, Added.TOO_SOON, Added.RESTARTED} <= set(seen)
    assert len(logits) > len(STEPS) / 2  # equal because they are right, not because nothing moves


def test_faces_scored_together_get_what_they_get_alone(detector: Detector) -> None:
    crops = crops_of(detector, 5)
    together = detector.encode(crops)
    alone = [detector.encode(crop[np.newaxis]) for crop in crops]
    assert together.tobytes() == np.concatenate(alone).tobytes()
    window, snapshots = new_window(detector), []
    for index, embedding in enumerate(together):
        window.add(index * detector.manifest.window.stride_ms / 1000, embedding)
        snapshots.append(window.snapshot())
    windows = np.array([embeddings for embeddings, _ in snapshots])
    masks = np.array([mask for _, mask in snapshots])
    logits = [detector.judge(windows[row : row + 1], masks[row : row + 1]) for row in range(len(windows))]
    # A product with one row and one with several are different routines, which round differently.
    np.testing.assert_allclose(detector.judge(windows, masks), np.concatenate(logits), rtol=0, atol=1e-5)
