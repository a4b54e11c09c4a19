"""Windows made of stills: what moves, what does not, and that a seed decides all of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from unmask.realtime.types import Image
from unmask.training.data import codec
from unmask.training.pseudo_clips import Inner, inner_of_pair, make_clip, own_inner
from unmask.training.zoo.recipe import Clips

STILL = Clips(motion=0, turn=0, tremor=0, flicker=0, noise=(0, 0), codec="none")


@pytest.fixture(scope="module")
def face() -> Image:
    """Smooth colours with texture on them, 96 x 96 RGB."""
    rng = np.random.default_rng(0)
    ys, xs = np.mgrid[0:96, 0:96]
    smooth = np.stack([128 + 80 * np.sin(xs / 13), 128 + 60 * np.cos(ys / 11), 100 + (xs + ys) / 3], axis=-1)
    texture = cv2.GaussianBlur(rng.normal(0, 60, (96, 96, 3)), (0, 0), 1.2)
    return np.clip(smooth + texture, 0, 255).astype(np.uint8)


def clip_of(still: Image, how: Clips, seed: int = 0, frames: int = 6, inner: Inner | None = None) -> np.ndarray:
    return make_clip(still, frames, how, np.random.default_rng(seed), inner=inner).astype(int)


def steps(clip: np.ndarray) -> np.ndarray:
    """The mean difference between neighbouring frames."""
    return np.abs(np.diff(clip, axis=0)).mean(axis=(1, 2, 3))


def changed(**values: object) -> Clips:
    return Clips.model_validate(STILL.model_dump() | values)


def test_with_everything_left_out_it_is_the_still_again_and_again(face: Image) -> None:
    clip = clip_of(face, STILL)
    assert clip.shape == (6, 96, 96, 3)
    assert np.abs(clip - face.astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("one", "most"),
    [("motion", 25.0), ("turn", 12.0), ("tremor", 12.0), ("flicker", 12.0)],
)
def test_each_part_moves_something_by_itself_and_little(one: str, most: float, face: Image) -> None:
    clip = clip_of(face, changed(**{one: 1.0}))
    assert 0.05 < steps(clip).mean() < most
    assert np.abs(clip - face.astype(int)).mean() < 30


def test_turning_slides_the_inner_face_against_the_outline(face: Image) -> None:
    apart = np.abs(clip_of(face, changed(turn=2.0)) - face.astype(int)).mean(axis=(0, 3))
    assert apart[:4].mean() < 0.2 * apart[40:56, 40:56].mean()


def test_every_frame_has_noise_of_its_own(face: Image) -> None:
    clip = clip_of(face, changed(noise=(3.0, 3.0)))
    spread = (clip[1] - clip[0]).std() / np.sqrt(2)
    assert 2.5 < spread < 3.5


@pytest.mark.parametrize("name", ["h264", "vp9"])
def test_one_real_encoder_sees_the_whole_clip(name: str, face: Image) -> None:
    how = changed(motion=1.0, codec=name, codec_share=1.0, crf=(36, 36), smallest=1.0)
    plain, coded = clip_of(face, changed(motion=1.0)), clip_of(face, how)
    loss = np.abs(coded - plain).mean(axis=(1, 2, 3))
    assert (loss > 1.0).all()
    # Artefacts of predicted pictures last: a frame's error resembles its neighbour's more than a later one's.
    errors = (coded - plain).reshape(len(plain), -1)
    near = np.corrcoef(errors[2], errors[3])[0, 1]
    assert near > 0.2
    alone = codec.h264_round_trip([face], 36) if name == "h264" else codec.vp9_round_trip([face], 52)
    assert len(alone) == 1


def test_a_small_face_in_a_call_comes_back_at_its_size(face: Image) -> None:
    clip = clip_of(face, changed(codec="any", codec_share=1.0, smallest=0.4, crf=(30, 30)), frames=3)
    assert clip.shape == (3, 96, 96, 3)
    assert np.abs(clip - face.astype(int)).mean() > 2


def test_the_same_seed_gives_the_same_clip_and_leaves_the_still_alone(face: Image) -> None:
    before = face.copy()
    for seed in range(4):
        np.testing.assert_array_equal(clip_of(face, Clips(), seed), clip_of(face, Clips(), seed))
    assert (clip_of(face, Clips(), 1) != clip_of(face, Clips(), 2)).any()
    np.testing.assert_array_equal(face, before)


def test_a_swappers_face_jitters_inside_and_leaves_the_rest_alone(face: Image) -> None:
    clip = clip_of(face, changed(face_jitter=2.0), inner=own_inner(face))
    moved = np.abs(np.diff(clip, axis=0)).mean(axis=(0, 3))
    assert moved[:10].max() <= 1
    assert moved[40:56, 40:56].mean() > 1


def test_a_face_that_lags_differs_only_while_the_head_moves(face: Image) -> None:
    inner = own_inner(face)
    at_rest = clip_of(face, changed(face_lag_ms=200), inner=inner)
    assert np.abs(at_rest - face.astype(int)).max() <= 1
    late, prompt = (clip_of(face, changed(motion=2.0, face_lag_ms=lag), inner=inner) for lag in (200, 0))
    assert np.abs(late - prompt)[:, 40:56, 40:56].mean() > 1
    assert np.abs(late - prompt)[:, :8].mean() < 0.2


def test_a_blend_that_flickers_lets_the_head_below_shine_through(face: Image) -> None:
    painted = face.copy()
    painted[30:66, 30:66] = 255 - painted[30:66, 30:66]
    inner = inner_of_pair(face, painted)
    assert inner.mask[48, 48] == 1
    assert inner.mask[:10].max() == 0
    steady = clip_of(face, STILL, inner=inner)
    assert np.abs(steady[:, 40:56, 40:56] - painted[40:56, 40:56].astype(int)).max() <= 1
    assert steps(steady).max() < 0.01
    assert steps(clip_of(face, changed(face_flicker=1.0), inner=inner)).min() > 0.3


def test_without_an_inner_face_a_fakes_settings_do_nothing(face: Image) -> None:
    marked = Clips(face_jitter=2.0, face_flicker=2.0, face_lag_ms=100)
    np.testing.assert_array_equal(clip_of(face, marked), clip_of(face, Clips()))
    assert marked.plain == Clips()


def test_an_odd_or_oblong_picture_is_refused() -> None:
    for shape in ((95, 95, 3), (96, 90, 3)):
        with pytest.raises(ValueError, match="square RGB picture of an even side"):
            make_clip(np.zeros(shape, np.uint8), 4, Clips(), np.random.default_rng(0))


@pytest.mark.parametrize("wrong", [{"noise": (4, 1)}, {"crf": (30, 20)}, {"codec": "av1"}, {"wobble": 1}])
def test_settings_are_strict(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Clips.model_validate(wrong)
