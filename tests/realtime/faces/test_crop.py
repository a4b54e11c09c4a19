from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np
import pytest

from unmask.realtime.faces.crop import CropSpec, crop_face, crop_transform, roll_degrees
from unmask.realtime.types import FaceBox


def smooth_picture(width: int, height: int, seed: int = 5) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 4)


def box(x0: float, y0: float, side: float, landmarks: np.ndarray | None = None) -> FaceBox:
    return FaceBox(x0, y0, x0 + side, y0 + side, 0.9, landmarks)


def eyes(left: tuple[float, float], right: tuple[float, float]) -> np.ndarray:
    rest = [(0.0, 0.0)] * 3
    return np.array([left, right, *rest], dtype=np.float32)


def test_a_crop_of_the_same_size_is_the_pixels_themselves() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    crop = crop_face(picture, box(30, 20, 64), CropSpec(size=64, margin=1.0, colour="bgr"))
    np.testing.assert_array_equal(crop, picture[20:84, 30:94])


def test_rgb_is_bgr_with_the_channels_swapped() -> None:
    picture = smooth_picture(160, 120)
    face = box(30.3, 20.6, 50)
    bgr = crop_face(picture, face, CropSpec(size=64, colour="bgr"))
    rgb = crop_face(picture, face, CropSpec(size=64, colour="rgb"))
    assert not np.array_equal(bgr, rgb)
    np.testing.assert_array_equal(rgb, bgr[..., ::-1])


def test_half_a_pixel_of_shift_mixes_two_neighbours_equally() -> None:
    picture = smooth_picture(160, 120)
    crop = crop_face(picture, box(30.5, 20, 64), CropSpec(size=64, margin=1.0, colour="bgr"))
    whole = picture.astype(np.float64)
    between = (whole[20:84, 30:94] + whole[20:84, 31:95]) / 2
    assert np.abs(crop - between).max() <= 1.0


def test_margin_and_box_shape_decide_what_is_cut() -> None:
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[60:140, 60:140] = 255
    tall = FaceBox(80, 60, 120, 140, 0.9)  # longer side 80, centre 100, 100
    exact = crop_face(picture, tall, CropSpec(size=80, margin=1.0))
    assert exact.min() == 255
    wider = crop_face(picture, tall, CropSpec(size=80, margin=2.0))
    assert (wider > 127).mean() == pytest.approx(0.25, abs=0.01)


def test_roll_makes_the_eyes_level() -> None:
    landmarks = eyes((80, 90), (120, 110))
    face = box(60, 60, 80, landmarks)
    assert roll_degrees(landmarks) == pytest.approx(math.degrees(math.atan2(20, 40)))
    spec = CropSpec(size=96, margin=1.3, align="roll")
    mapped = cv2.transform(landmarks[None, :2], crop_transform(face, spec))[0]
    assert mapped[0, 1] == pytest.approx(mapped[1, 1], abs=1e-3)
    assert mapped[0, 0] < mapped[1, 0]
    plain = cv2.transform(landmarks[None, :2], crop_transform(face, CropSpec(size=96)))[0]
    assert plain[1, 1] - plain[0, 1] > 10


def test_roll_turns_the_picture_and_not_only_the_numbers() -> None:
    picture = np.zeros((200, 200, 3), np.uint8)
    cv2.circle(picture, (80, 90), 4, (255, 255, 255), -1)
    cv2.circle(picture, (120, 110), 4, (255, 255, 255), -1)
    face = box(60, 60, 80, eyes((80, 90), (120, 110)))
    crop = crop_face(picture, face, CropSpec(size=104, margin=1.3, align="roll"))
    columns = crop[..., 0].astype(float)
    rows = np.arange(104)
    halves = columns[:, :52], columns[:, 52:]
    heights = [(half.sum(axis=1) * rows).sum() / half.sum() for half in halves]
    assert heights[0] == pytest.approx(heights[1], abs=0.3)


def test_roll_without_landmarks_is_no_roll() -> None:
    picture = smooth_picture(120, 120)
    plain = crop_face(picture, box(30, 30, 50), CropSpec(size=64))
    np.testing.assert_array_equal(crop_face(picture, box(30, 30, 50), CropSpec(size=64, align="roll")), plain)


def test_beyond_the_edge_the_picture_is_mirrored() -> None:
    picture = smooth_picture(100, 100)
    crop = crop_face(picture, box(-20, 10, 64), CropSpec(size=64, margin=1.0, colour="bgr"))
    np.testing.assert_array_equal(crop[:, 20:], picture[10:74, :44])
    np.testing.assert_array_equal(crop[:, :20], picture[10:74, 1:21][:, ::-1])


@pytest.mark.parametrize("factor", [3, 4, 7])
def test_a_large_face_is_averaged_by_area(factor: int) -> None:
    side = 64 * factor
    picture = np.random.default_rng(3).integers(0, 256, (side + 90, side + 70, 3), dtype=np.uint8)
    calm = cv2.GaussianBlur(picture, (0, 0), 1.5 * factor)
    crop = crop_face(calm, box(21, 33, side), CropSpec(size=64, margin=1.0, colour="bgr"))
    direct = cv2.resize(calm[33 : 33 + side, 21 : 21 + side], (64, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(crop.astype(int) - direct).max() <= 2


# An odd factor leaves one pixel of n x n over, so a trace of the board: 255 / 9 for three.
@pytest.mark.parametrize(("reduction", "trace"), [(2.2, 0), (3.3, 29), (4.5, 0), (5.5, 11), (8.3, 0)])
def test_a_fine_checkerboard_becomes_grey_and_no_pattern(reduction: float, trace: int) -> None:
    rows, columns = np.indices((900, 900))
    picture = np.repeat((((rows + columns) % 2) * 255).astype(np.uint8)[..., None], 3, axis=2)
    face, spec = box(120.3, 110.7, 64 * reduction), CropSpec(size=64, margin=1.0)
    skipping = cv2.warpAffine(picture, crop_transform(face, spec), (64, 64))
    assert np.ptp(skipping) > 100
    assert np.ptp(crop_face(picture, face, spec)) <= trace


@pytest.mark.parametrize("corner", [(60, 64), (-8, -8)])
def test_a_large_face_that_touches_the_corner_is_cut_like_a_small_one(corner: tuple[int, int]) -> None:
    small = np.random.default_rng(8).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    large = np.repeat(np.repeat(small, 4, axis=0), 4, axis=1)
    spec = CropSpec(size=48, margin=1.0, colour="bgr")
    near = crop_face(small, box(*corner, 48), spec)
    far = crop_face(large, box(4 * corner[0], 4 * corner[1], 192), spec)
    np.testing.assert_array_equal(near, far)


def test_the_picture_is_only_read() -> None:
    picture = smooth_picture(400, 400)
    before = picture.copy()
    picture.flags.writeable = False
    for face in (box(100, 100, 40), box(50, 50, 300), box(-30, 330, 120)):
        crop = crop_face(picture, face, CropSpec(size=64))
        assert crop.flags.writeable
        assert not np.shares_memory(crop, picture)
        assert crop.shape == (64, 64, 3)
        assert crop.dtype == np.uint8
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize(
    "face",
    [FaceBox(5, 5, 5, 5, 0.9), FaceBox(5, 5, 5, 40, 0.9), FaceBox(5, 5, 40, 5, 0.9), FaceBox(40, 40, 5, 5, 0.9)],
)
def test_a_box_without_area_is_refused(face: FaceBox) -> None:
    with pytest.raises(ValueError, match="needs an area"):
        crop_face(smooth_picture(60, 60), face, CropSpec(size=32))


def test_a_box_outside_the_picture_gives_a_crop_and_no_crash() -> None:
    picture = smooth_picture(60, 60)
    for left, top in ((500, 500), (500, 10), (10, 500), (-900, 10), (10, -900)):
        assert crop_face(picture, box(left, top, 400), CropSpec(size=64)).shape == (64, 64, 3)


def test_a_face_of_less_than_a_pixel_gives_a_crop_too() -> None:
    assert crop_face(smooth_picture(60, 60), FaceBox(20, 20, 20.5, 20.5, 0.9), CropSpec(size=32)).shape == (32, 32, 3)


def test_the_margin_counts_towards_the_reduction() -> None:
    """A box that alone would be less than halved is averaged when the margin makes it more."""
    rows, columns = np.indices((300, 300))
    picture = np.repeat((((rows + columns) % 2) * 255).astype(np.uint8)[..., None], 3, axis=2)
    assert np.ptp(crop_face(picture, box(90.3, 90.7, 64 * 1.8), CropSpec(size=64, margin=1.3))) == 0


@pytest.mark.parametrize("align", ["none", "roll"])
def test_a_panorama_beyond_what_opencv_warps_is_cut_the_same(align: Literal["none", "roll"]) -> None:
    """OpenCV warps no picture with a side of 32767 pixels or more."""
    near = smooth_picture(300, 100)
    wide = np.concatenate([near, np.zeros((100, 33_000, 3), np.uint8)], axis=1)
    spec = CropSpec(size=64, align=align)
    for left in (-10, 40, 120):
        face = box(left, 30, 50, eyes((left + 12, 45), (left + 38, 52)))
        np.testing.assert_array_equal(crop_face(wide, face, spec), crop_face(near, face, spec))


@pytest.mark.parametrize("shape", [(80, 32_767), (32_767, 80), (80, 32_766)])
def test_just_where_opencv_ends_nothing_changes(shape: tuple[int, int]) -> None:
    picture = np.zeros((*shape, 3), np.uint8)
    near = smooth_picture(80, 80)
    picture[:80, :80] = near
    face, spec = box(20, 24, 30), CropSpec(size=48)
    np.testing.assert_array_equal(crop_face(picture, face, spec), crop_face(near, face, spec))


@pytest.mark.parametrize("turn", [0, 30, 45, -45])
def test_a_large_face_that_is_turned_is_cut_like_a_small_one(turn: float) -> None:
    """Into the corners: a square that is turned reaches further than one that is not."""
    small = smooth_picture(160, 160)
    large = cv2.resize(small, (800, 800), interpolation=cv2.INTER_CUBIC)
    across, down = 20 * math.cos(math.radians(turn)), 20 * math.sin(math.radians(turn))
    crops = []
    for picture, scale in ((small, 1), (large, 5)):
        ends = [(scale * (80 + sign * across), scale * (80 + sign * down)) for sign in (-1, 1)]
        face = box(scale * 50, scale * 50, scale * 60, eyes(*ends))
        crops.append(crop_face(picture, face, CropSpec(size=48, align="roll")).astype(int))
    assert np.abs(crops[0] - crops[1])[:4, :4].mean() < 6
    assert np.abs(crops[0] - crops[1])[-4:, -4:].mean() < 6
    assert np.abs(crops[0] - crops[1]).mean() < 3


def test_the_usual_crop_has_a_margin_no_turn_and_rgb() -> None:
    assert CropSpec(64) == CropSpec(64, 1.3, "none", "rgb")
    picture, face = smooth_picture(160, 120), box(30.3, 20.6, 50, eyes((40, 40), (60, 50)))
    wanted = crop_face(picture, face, CropSpec(64, margin=1.3, align="none", colour="rgb"))
    np.testing.assert_array_equal(crop_face(picture, face, CropSpec(64)), wanted)
