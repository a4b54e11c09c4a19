"""The virtual camera and the moving head: smooth, bounded, invertible."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unmask.training.synthesis import motion
from unmask.training.synthesis.motion import GridMap, HeadShape, MotionPaths, MotionSettings

SIZE = (400, 420)
HEAD = HeadShape(
    box=(130.0, 110.0, 250.0, 270.0),
    landmarks=np.array([[160.0, 170], [220, 174], [188, 205], [165, 232], [215, 235]]),
)
TIMES = np.arange(100) / 25


@pytest.fixture(scope="module")
def paths() -> MotionPaths:
    return motion.make_paths(np.random.default_rng(5), TIMES, MotionSettings())


def test_paths_are_smooth_bounded_and_repeatable() -> None:
    path = motion.smooth_path(np.random.default_rng(1), TIMES, 2.0, 3.0)
    again = motion.smooth_path(np.random.default_rng(1), TIMES, 2.0, 3.0)
    assert (path == again).all()
    assert np.abs(path).max() <= 2.0
    assert np.ptp(path) > 0.5
    assert np.abs(np.diff(path)).max() < 0.3


def test_eyes_blink_shut_and_open_again() -> None:
    blink = motion.blink_path(np.random.default_rng(1), np.arange(400) / 25, 3.5)
    assert blink.min() == 0
    assert 0.8 < blink.max() <= 1
    assert 2 <= np.count_nonzero(np.diff((blink > 0.5).astype(int)) == 1) <= 8


def test_moved_points_undo_the_map(paths: MotionPaths) -> None:
    x0, y0, x1, y1 = HEAD.box
    points = np.vstack([HEAD.landmarks, [[x0, y0], [x1, y1], [x0, y1]]])
    for index in range(len(TIMES)):
        moved = motion.moved_points(points, paths, index, HEAD, SIZE)
        back = motion.plate_points(moved, paths, index, HEAD, SIZE)
        assert np.abs(back - points).max() < 0.05


def test_the_map_never_folds(paths: MotionPaths) -> None:
    grid = GridMap(SIZE, 0)
    for index in range(0, len(TIMES), 5):
        field = grid.full(motion.plate_points(grid.nodes, paths, index, HEAD, SIZE))
        assert np.diff(field[..., 0], axis=1).min() > 0
        assert np.diff(field[..., 1], axis=0).min() > 0


def test_a_dot_is_drawn_where_its_point_went(paths: MotionPaths) -> None:
    plate = np.zeros((SIZE[1], SIZE[0]), dtype=np.float32)
    nose = HEAD.landmarks[2]
    cv2.circle(plate, (int(nose[0]), int(nose[1])), 4, 1.0, -1)
    grid = GridMap(SIZE, 0)
    for index in (0, 33, 66, 99):
        field = grid.full(motion.plate_points(grid.nodes, paths, index, HEAD, SIZE))
        drawn = cv2.remap(plate, field, None, cv2.INTER_LINEAR)
        rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
        found = np.array([(columns * drawn).sum(), (rows * drawn).sum()]) / drawn.sum()
        moved = motion.moved_points(nose[None], paths, index, HEAD, SIZE)[0]
        assert np.abs(found - moved).max() < 0.4


def test_far_from_the_head_only_the_camera_moves(paths: MotionPaths) -> None:
    corner = np.array([[2.0, 415.0]])
    assert (motion.head_inverse(corner, paths, 40, HEAD) == corner).all()
    still = motion.camera_matrix(paths, 40, SIZE, share=0.0)
    assert np.allclose(still, [[1, 0, 0], [0, 1, 0]])
