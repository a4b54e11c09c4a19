"""Several live sources share the processor: their samples must not all fall on the same frames."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from unmask.engines.manifest import Quality
from unmask.realtime.cadence import staggered_s
from unmask.realtime.faces.crop import CropSpec
from unmask.realtime.selection import CropSelector
from unmask.realtime.types import FaceBox, Frame, TrackedFace

STRIDE_S = 0.125
GATE = Quality(min_face_px=8, min_sharpness=0, min_brightness=0, max_brightness=255)
FACE = FaceBox(20, 20, 60, 60, 0.9)
PICTURE = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)


def taken(anchor_s: float | None, fps: float = 30.0, seconds: float = 3.0, first: int = 0) -> list[float]:
    """When a lone face is cropped whose first frame is ``first``."""
    selector = CropSelector(CropSpec(32), GATE, STRIDE_S)
    selector.anchor_s = anchor_s
    times = [number / fps for number in range(first, round(seconds * fps))]
    track = [TrackedFace(1, FACE, True, time_s, time_s) for time_s in times]
    frames = [Frame(PICTURE, 0, time_s, number, "x") for number, time_s in enumerate(times)]
    return [frame.time_s for frame, face in zip(frames, track, strict=True) if selector.select(frame, [face]).jobs]


@pytest.mark.parametrize("number", range(1, 5))
@pytest.mark.parametrize("fps", [8.0, 25.0, 30.0, 60.0])
def test_samples_lie_at_the_anchor_at_the_usual_rate(number: int, fps: float) -> None:
    anchor_s = staggered_s(number, 17.3, STRIDE_S)
    times = taken(anchor_s, fps)
    off_s = [(time_s - anchor_s + STRIDE_S / 2) % STRIDE_S - STRIDE_S / 2 for time_s in times[1:]]
    assert np.abs(off_s).max() <= 0.5 / fps + 1e-6
    assert len(times) == pytest.approx(len(taken(None, fps)), abs=1)
    assert max(np.diff(times)) <= 1.5 * STRIDE_S + 1 / fps


def test_four_sources_that_began_together_share_few_frames() -> None:
    anchors = [staggered_s(number, 5.0, STRIDE_S) for number in range(1, 5)]
    shared = {a: len(set(taken(anchors[a])[1:]) & set(taken(anchors[b])[1:])) for a, b in ((0, 1), (1, 2), (2, 3))}
    assert max(shared.values()) == 0
    assert len(set(taken(None)) & set(taken(None))) > 20, "without an anchor they coincide"


def test_the_common_clock_counts_not_when_a_source_began() -> None:
    on_clock = [(began_s + staggered_s(3, began_s, STRIDE_S)) % STRIDE_S for began_s in (0.0, 1.23, 99.99)]
    assert on_clock == pytest.approx([on_clock[0]] * 3, abs=1e-9)


@pytest.mark.parametrize("first", [1, 2, 5])
def test_the_first_few_numbers_lie_apart(first: int) -> None:
    places = sorted(staggered_s(number, 0.0, 1.0) for number in range(first, first + 4))
    gaps = [*itertools.starmap(lambda a, b: b - a, itertools.pairwise(places)), places[0] + 1 - places[-1]]
    assert min(gaps) >= 0.14
