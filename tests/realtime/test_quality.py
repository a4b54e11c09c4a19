from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.engines.manifest import Quality
from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.quality import assess, box_causes, measure, share_inside, yaw_degrees
from unmask.realtime.types import Cause, FaceBox, Image

SPEC = CropSpec(96)
PICTURE = np.random.default_rng(0).integers(60, 200, (240, 320, 3), dtype=np.uint8)
FACE = FaceBox(100, 60, 180, 160, 0.9)


def head(yaw: float, *, roll: float = 0.0, nod: float = 0.0, scale: float = 60.0) -> np.ndarray:
    """Five landmarks (5, 2) of a simple head turned by degrees: pupils 1 apart, the nose tip 0.5 in front."""
    points = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.55, -0.5], [-0.4, 1.1, 0], [0.4, 1.1, 0]])
    a, b, c = (math.radians(angle) for angle in (yaw, nod, roll))
    turn = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    tilt = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    spin = np.array([[math.cos(c), -math.sin(c)], [math.sin(c), math.cos(c)]])
    seen = (points @ turn.T @ tilt.T)[:, :2] @ spin.T
    return (seen * scale + 150).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(st.floats(-75, 75), st.floats(-40, 40), st.floats(15, 300))
def test_the_yaw_of_a_head_comes_out_of_its_landmarks_whatever_its_roll_and_size(
    yaw: float, roll: float, scale: float
) -> None:
    assert yaw_degrees(head(yaw, roll=roll, scale=scale)) == pytest.approx(abs(yaw), abs=1)


@pytest.mark.parametrize("yaw", [0.0, 30.0, 60.0])
def test_nodding_changes_the_yaw_little(yaw: float) -> None:
    assert yaw_degrees(head(yaw, nod=20)) == pytest.approx(yaw, abs=12)


def test_landmarks_that_fall_together_are_a_profile() -> None:
    assert yaw_degrees(np.full((5, 2), 7, np.float32)) == 90.0


def causes(face: FaceBox = FACE, image: Image = PICTURE, **limits: float) -> tuple[Cause, ...]:
    return assess(image, face, crop_face(image, face, SPEC), Quality(**limits), SPEC.colour)


def test_a_good_face_passes() -> None:
    assert causes(min_sharpness=50, min_brightness=40, max_brightness=230, max_yaw_degrees=60) == ()


def test_a_small_face_is_too_small() -> None:
    assert causes(FaceBox(10, 10, 40, 50, 0.9), min_face_px=48) == (Cause.FACE_TOO_SMALL,)


@pytest.mark.parametrize(("x0", "cut"), [(-15.0, False), (-25.0, True), (245.0, False), (265.0, True)])
def test_a_face_beyond_the_edge_is_cut_off(x0: float, cut: bool) -> None:
    face = FaceBox(x0, 60, x0 + 90, 160, 0.9)
    assert (causes(face, min_inside=0.8) == (Cause.CUT_OFF,)) is cut


def test_the_share_inside_is_that_of_the_area() -> None:
    assert share_inside(PICTURE, FaceBox(-50, -50, 50, 50, 0.9)) == pytest.approx(0.25)
    assert share_inside(PICTURE, FaceBox(-90, 0, -10, 50, 0.9)) == 0.0
    assert share_inside(PICTURE, FaceBox(5, 5, 5, 5, 0.9)) == 0.0


def test_a_turned_face_is_turned_away_and_without_landmarks_nobody_knows() -> None:
    turned = FaceBox(100, 60, 180, 160, 0.9, head(60))
    assert causes(turned, max_yaw_degrees=50) == (Cause.TURNED_AWAY,)
    assert causes(FACE, max_yaw_degrees=50) == ()
    assert measure(PICTURE, FACE, crop_face(PICTURE, FACE, SPEC)).yaw_degrees is None


def test_a_blurred_face_is_blurred() -> None:
    blurred = cv2.GaussianBlur(PICTURE, (0, 0), 4)
    assert causes(image=blurred, min_sharpness=50) == (Cause.BLURRED,)


def test_dark_and_bright_faces_are_named() -> None:
    assert causes(image=PICTURE // 6, min_brightness=40) == (Cause.DARK,)
    assert causes(image=PICTURE // 2 + 128, max_brightness=180) == (Cause.OVEREXPOSED,)


def test_brightness_is_that_of_the_face_not_of_what_is_behind_it() -> None:
    image = np.full((240, 320, 3), 5, np.uint8)
    image[60:160, 100:180] = PICTURE[60:160, 100:180]
    assert causes(image=image, min_brightness=100) == ()


def test_burnt_out_and_drowned_skin_is_named_without_a_limit_in_the_package() -> None:
    burnt, drowned = PICTURE.copy(), PICTURE.copy()
    burnt[60:115, 100:180] = 255
    drowned[60:115, 100:180] = 0
    assert causes(image=burnt) == (Cause.OVEREXPOSED,)
    assert causes(image=drowned) == (Cause.DARK,)


def test_sharpness_is_the_variance_of_the_laplacian_of_the_grey_crop() -> None:
    crop = crop_face(PICTURE, FACE, SPEC)
    expected = cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var()
    assert measure(PICTURE, FACE, crop).sharpness == pytest.approx(expected, rel=1e-6)


def test_the_order_of_colours_is_minded() -> None:
    blue = np.zeros((240, 320, 3), np.uint8)
    blue[..., 0] = 250
    as_rgb = measure(blue, FACE, crop_face(blue, FACE, CropSpec(96, colour="rgb")), "rgb")
    as_bgr = measure(blue, FACE, crop_face(blue, FACE, CropSpec(96, colour="bgr")), "bgr")
    assert as_rgb.brightness == as_bgr.brightness == pytest.approx(250 * 0.114, abs=1)


def test_several_causes_are_all_named() -> None:
    tiny = FaceBox(-15, 60, 25, 100, 0.9, head(70))
    assert box_causes(PICTURE, tiny, Quality(max_yaw_degrees=45)) == (
        Cause.FACE_TOO_SMALL,
        Cause.CUT_OFF,
        Cause.TURNED_AWAY,
    )
