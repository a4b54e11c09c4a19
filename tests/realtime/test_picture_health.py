from __future__ import annotations

import numpy as np
import pytest

from unmask.realtime.picture_health import PictureHealth
from unmask.realtime.types import Cause, Frame, Image

RANDOM = np.random.default_rng(0)
PICTURE = RANDOM.integers(30, 220, (360, 640, 3), dtype=np.uint8)


def frame(image: Image, time_s: float) -> Frame:
    return Frame(image, 0, time_s, 0, "test")


def noisy(image: Image) -> Image:
    return np.clip(image + RANDOM.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def test_a_held_picture_is_frozen_after_its_time_and_not_before() -> None:
    health = PictureHealth(frozen_after_s=1.5)
    assert [health.check(frame(PICTURE.copy(), t)) for t in (10.0, 10.7, 11.4)] == [(), (), ()]
    assert health.check(frame(PICTURE.copy(), 11.5)) == (Cause.PICTURE_FROZEN,)
    assert health.check(frame(noisy(PICTURE), 11.6)) == ()


def test_a_still_scene_under_a_camera_s_noise_is_not_frozen() -> None:
    health = PictureHealth()
    assert all(health.check(frame(noisy(PICTURE), t / 10)) == () for t in range(40))


def test_a_picture_that_a_codec_touches_by_a_level_or_two_is_frozen_all_the_same() -> None:
    health = PictureHealth()
    touched = [np.clip(PICTURE.astype(int) + RANDOM.integers(-1, 2, PICTURE.shape), 0, 255) for _ in range(20)]
    seen = [health.check(frame(image.astype(np.uint8), t / 10)) for t, image in enumerate(touched)]
    assert seen[10] == ()
    assert seen[-1] == (Cause.PICTURE_FROZEN,)


def test_a_fade_slower_than_any_two_frames_show_is_movement() -> None:
    health = PictureHealth()
    flat = np.full((90, 160, 3), 100, np.uint8)
    assert all(health.check(frame(flat + np.uint8(t), t / 10)) == () for t in range(60))


def test_a_mouth_that_moves_in_a_still_picture_is_enough() -> None:
    health = PictureHealth()
    for t in range(40):
        image = PICTURE.copy()
        image[200:212, 300:330] = 60 + 40 * (t % 2)
        assert health.check(frame(image, t / 10)) == ()


def test_photographs_are_never_frozen() -> None:
    health = PictureHealth(frozen_after_s=None)
    assert all(health.check(frame(PICTURE, t * 5.0)) == () for t in range(5))


def test_a_new_start_and_another_timeline_forget_the_old_picture() -> None:
    health = PictureHealth()
    health.check(frame(PICTURE, 0.0))
    health.reset()
    assert health.check(frame(PICTURE, 9.0)) == ()
    assert health.check(frame(PICTURE, 2.0)) == ()
    assert health.check(frame(PICTURE, 3.0)) == ()


@pytest.mark.parametrize("level", [0, 16, 22])
def test_a_dark_even_picture_is_black(level: int) -> None:
    image = np.full((360, 640, 3), level, np.uint8)
    image[10:30, 10:30] = 255  # a mouse pointer
    assert PictureHealth().check(frame(image, 0.0)) == (Cause.PICTURE_BLACK,)


def test_a_dark_scene_with_a_lit_face_is_not_black() -> None:
    image = np.zeros((360, 640, 3), np.uint8)
    image[100:220, 250:350] = 90
    assert PictureHealth().check(frame(image, 0.0)) == ()


def test_a_black_picture_that_stays_is_both() -> None:
    health, image = PictureHealth(), np.zeros((36, 64, 3), np.uint8)
    health.check(frame(image, 0.0))
    causes = health.check(frame(image, 2.0))
    assert causes == (Cause.PICTURE_BLACK, Cause.PICTURE_FROZEN)


def test_the_frame_is_only_read() -> None:
    image = PICTURE.copy()
    image.flags.writeable = False
    assert PictureHealth().check(frame(image, 0.0)) == ()
    assert np.array_equal(image, PICTURE)


def test_a_time_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="frozen_after_s"):
        PictureHealth(frozen_after_s=0.0)


def test_on_another_timeline_the_time_of_a_held_picture_starts_over() -> None:
    health = PictureHealth(frozen_after_s=1.5)
    assert [health.check(frame(PICTURE, t)) for t in (100.0, 0.0, 1.0)] == [(), (), ()]
    assert health.check(frame(PICTURE, 1.5)) == (Cause.PICTURE_FROZEN,)
