"""The footage benchmark on frames made here, with the toy detector and a finder that knows the face."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from toy_package import build_toy_package

from unmask.benchmarks.footage import clips_in, frames_of, watch
from unmask.engines.package import load_package
from unmask.realtime.detector import Detector
from unmask.realtime.types import FaceBox, Frame, Image

RED, BLUE = (0, 0, 255), (255, 0, 0)


class Middle:
    name, description = "middle", "a fake"

    def find(self, image: Image) -> list[FaceBox]:
        return [FaceBox(40, 40, 120, 120, 0.9)]

    def close(self) -> None: ...


@pytest.fixture
def detector(tmp_path: Path) -> Iterator[Detector]:
    with Detector.open(load_package(build_toy_package(tmp_path / "toy")), "ort-cpu") as opened:
        yield opened


def frames(colour: tuple[int, int, int], seconds: float = 8.0) -> Iterator[Frame]:
    rng = np.random.default_rng(0)
    for index in range(int(seconds * 25)):
        image = np.full((160, 160, 3), colour, np.uint8)
        image[::2, ::2] = rng.integers(0, 40, (80, 80, 3))  # a still picture would count as frozen
        yield Frame(image, index, index / 25, index, "made")


def test_a_suspicious_face_is_one_alarm(detector: Detector) -> None:
    seen = watch(detector, Middle(), frames(RED), "red", "")
    assert list(seen.alarms.values()) == [1] * len(detector.manifest.thresholds)
    assert seen.score is not None
    assert seen.score > 0.9
    assert seen.seconds == pytest.approx(8 - 1 / 25)
    assert 0 < seen.judged_seconds < seen.seconds
    assert seen.crops == pytest.approx(80, abs=2)  # one each 100 ms


def test_an_unsuspicious_face_is_none(detector: Detector) -> None:
    seen = watch(detector, Middle(), frames(BLUE), "blue", "")
    assert set(seen.alarms.values()) == {0}
    assert seen.score is not None
    assert seen.score < 0.1


def test_no_frames_give_no_score(detector: Detector) -> None:
    seen = watch(detector, Middle(), iter(()), "none", "")
    assert (seen.seconds, seen.crops, seen.score) == (0.0, 0, None)


def test_folders_are_searched_for_clips(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.mp4", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in clips_in([tmp_path, Path("c.mkv")])] == ["a.mp4", "b.mp4", "c.mkv"]


def test_halves_of_a_real_clip(shared: Path) -> None:
    path = min((shared / "data" / "clips" / "pairs").glob("*.mp4"))
    left, right, whole = (next(frames_of(path, half)) for half in ("left", "right", ""))
    np.testing.assert_array_equal(np.hstack([left.image, right.image]), whole.image)
