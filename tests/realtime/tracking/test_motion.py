"""The filter of a box against the same filter written with matrices, and what its predictions promise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unmask.realtime.tracking.motion import BoxMotion, _Axis
from unmask.realtime.types import FaceBox


def box(x: float, y: float, width: float, height: float, scale: float = 1.0) -> FaceBox:
    half_wide, half_high = width / 2, height / 2
    return FaceBox(*(scale * edge for edge in (x - half_wide, y - half_high, x + half_wide, y + half_high)), 0.9)


class Matrices:
    """A Kalman filter of a value and its speed, whose speed fades: the textbook's two by two."""

    def __init__(self, value: float, noise: float, first_speed: float, fades_s: float) -> None:
        self.state = np.array([value, 0.0])
        self.covariance = np.diag([noise**2, first_speed**2])
        self.fades_s = fades_s

    def advance(self, seconds: float, acceleration: float) -> None:
        keep = math.exp(-seconds / self.fades_s)
        step = np.array([[1.0, self.fades_s * (1 - keep)], [0.0, keep]])
        disturbed = acceleration**2 * np.array([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]])
        self.state = step @ self.state
        self.covariance = step @ self.covariance @ step.T + disturbed

    def correct(self, measured: float, noise: float) -> None:
        look = np.array([1.0, 0.0])
        gain = self.covariance @ look / (look @ self.covariance @ look + noise**2)
        self.state = self.state + gain * (measured - self.state[0])
        self.covariance = self.covariance - np.outer(gain, look @ self.covariance)


@pytest.mark.parametrize("fades_s", [0.3, 3.0])
def test_an_axis_is_the_kalman_filter(fades_s: float) -> None:
    random = np.random.default_rng(4)
    mine, plain = _Axis(100.0, 4.0, 120.0, fades_s), Matrices(100.0, 4.0, 120.0, fades_s)
    for _ in range(12):
        seconds, acceleration, measured, noise = random.uniform([0.01, 50, 80, 2], [0.5, 200, 130, 6])
        mine.advance(seconds, acceleration)
        plain.advance(seconds, acceleration)
        mine.correct(measured, noise)
        plain.correct(measured, noise)
        assert [mine.value, mine.speed] == pytest.approx(plain.state)
        assert [mine.variance, mine.cross, mine.speed_variance] == pytest.approx(plain.covariance[[0, 0, 1], [0, 1, 1]])
        assert mine.at(0.2) == pytest.approx(mine.value + mine.speed * fades_s * (1 - math.exp(-0.2 / fades_s)))


def test_right_after_the_first_detection_the_box_is_that_detection() -> None:
    motion = BoxMotion(FaceBox(10, 20, 50, 90, 0.9), 3.0)
    assert motion.at(3.0) == pytest.approx((10, 20, 50, 90))
    assert motion.at(4.0) == pytest.approx((10, 20, 50, 90)), "it has no speed yet"


def test_two_detections_of_one_moment_count_alike() -> None:
    motion = BoxMotion(box(200, 300, 80, 100), 1.0)
    motion.correct(box(206, 296, 90, 100), 1.0)
    x0, y0, x1, y1 = motion.at(1.0)
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((203, 298), abs=0.01)
    assert (x1 - x0, y1 - y0) == pytest.approx((math.sqrt(80 * 90), 100))


def walked(scale: float = 1.0, *, speed: float = 60.0, growth: float = 1.0) -> BoxMotion:
    """Two seconds of a face of 80 x 100 that goes right and up (and grows), seen 10 times a second."""
    motion = BoxMotion(box(200, 300, 80, 100, scale), 0.0)
    for step in range(1, 21):
        size = growth ** (step / 10)
        motion.correct(
            box(200 + speed * step / 10, 300 - speed / 2 * step / 10, 80 * size, 100 * size, scale), step / 10
        )
    return motion


def test_a_steady_walk_is_foreseen() -> None:
    x0, y0, x1, y1 = walked().at(2.1)
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((326, 237), abs=1.5)
    assert (x1 - x0, y1 - y0) == pytest.approx((80, 100), rel=0.02)


def test_what_is_not_seen_any_more_comes_to_rest() -> None:
    motion = walked()
    late, later = motion.at(60.0), motion.at(61.0)
    assert late == pytest.approx(later, abs=0.01)
    assert 60 < late[0] - motion.at(2.0)[0] < 60 * 3.1, "no further than three seconds of its speed"


def test_a_face_that_leans_in_grows_a_little_further_and_keeps_its_shape() -> None:
    motion = walked(speed=0.0, growth=1.3)
    now, soon = motion.at(2.0), motion.at(2.1)
    assert soon[2] - soon[0] > 1.01 * (now[2] - now[0])
    assert now[2] - now[0] == pytest.approx(80 * 1.3**2, rel=0.05)
    assert (soon[3] - soon[1]) / (soon[2] - soon[0]) == pytest.approx(100 / 80, rel=1e-6)


@pytest.mark.parametrize("scale", [0.25, 6.0])
def test_the_filter_goes_by_the_size_of_the_face(scale: float) -> None:
    """The same film in another resolution gives the same boxes, in its pixels."""
    assert walked(scale).at(2.3) == pytest.approx([scale * edge for edge in walked().at(2.3)])
    assert walked(scale).pace == pytest.approx(walked().pace)


@pytest.mark.parametrize("scale", [0.25, 6.0])
def test_so_does_its_very_beginning(scale: float) -> None:
    def second(scale: float) -> list[float]:
        motion = BoxMotion(box(200, 300, 80, 100, scale), 0.0)
        motion.correct(box(205, 296, 84, 100, scale), 0.02)
        return [edge / scale for edge in motion.at(0.04)]

    assert second(scale) == pytest.approx(second(1.0))


def test_the_pace_is_in_face_sizes_a_second() -> None:
    assert walked(speed=0.0).pace == pytest.approx(0.0, abs=1e-9)
    assert walked().pace == pytest.approx(math.hypot(60, 30) / 100, rel=0.1)
    growing = walked(speed=0.0, growth=1.3).pace
    assert 0.4 * math.log(1.3) < growing < math.log(1.3), "a growth that fades is underestimated"
    assert walked(growth=1.3).pace == pytest.approx(growing + math.hypot(60, 30) / (100 * 1.3**2), rel=0.1)


def test_only_one_side_that_grows_is_a_pace_too() -> None:
    both = walked(speed=0.0, growth=1.3).pace
    for wide, high in ((1.3, 1.0), (1.0, 1.3), (1 / 1.3, 1.0)):
        motion = BoxMotion(box(0, 0, 80, 80), 0.0)
        for step in range(1, 21):
            motion.correct(box(0, 0, 80 * wide ** (step / 10), 80 * high ** (step / 10)), step / 10)
        assert motion.pace == pytest.approx(both)


def test_noise_is_smoothed_and_a_start_is_followed() -> None:
    """Both at once: a trembling box is calmer than its detections, and a head that moves off is not lost."""
    random, motion, off = np.random.default_rng(1), BoxMotion(box(200, 200, 80, 100), 0.0), []
    for step in range(1, 60):
        motion.correct(box(200 + random.normal(0, 5), 200, 80, 100), step / 30)
        off.append((motion.at(step / 30)[0] + motion.at(step / 30)[2]) / 2 - 200)
    assert np.std(off[10:]) < 3.5
    for step in range(1, 16):
        motion.correct(box(200 + 150 * step / 30, 200, 80, 100), 2 + step / 30)
    assert (motion.at(2.5)[0] + motion.at(2.5)[2]) / 2 == pytest.approx(275, abs=6)
