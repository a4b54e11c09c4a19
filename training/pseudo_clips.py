"""Sequences from stills: most data are stills, and heads over time must learn to bear what time does.

One still becomes a window: camera and head move smoothly, a hand trembles, light flickers, every frame has its
own noise, and the whole sequence goes through one real encoder, so that artefacts live and die over time. All of
this happens to genuine and fake alike and says nothing about the label. What does is optional and for fakes only:
live swappers find the face anew in every frame and paste it late, so the inner face jitters against the head,
lags behind it, and its blend flickers (``Inner``). A window made so is learnable by our own generator's traces:
what a head learns from it is proven only on sequences that were not made here.

Crops follow the face in the live path, so movements are what a tracker leaves over: small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.data import codec
from unmask.training.synthesis.motion import Floats, smooth_path
from unmask.training.zoo.recipe import Clips

#: At an amount of 1: shifts in shares of the side, zoom as a share, roll in radians (smooth, then trembling).
SHIFT, ZOOM, ROLL = 0.03, 0.035, math.radians(3.0)
TREMOR_SHIFT, TREMOR_ZOOM, TREMOR_ROLL = 0.003, 0.002, math.radians(0.15)
#: How far the inner face slides against the outline, in shares of the side.
TURN = 0.02
#: Exposure drifts by so much and every frame by so much more (mains light, automatic gain).
DRIFT, FLICKER = 0.05, 0.008
#: Of the inner face of a fake: shift in shares of the side, zoom, roll; the blend's opacity and the gain.
FACE_SHIFT, FACE_ZOOM, FACE_ROLL = 0.006, 0.006, math.radians(0.5)
FACE_OPACITY, FACE_GAIN = 0.25, 0.03
#: Pictures that the encoder sees before the window begins: a window rarely starts with a call.
LEAD = 3
_GRID = 8  # pixels between the nodes at which the map is reckoned
_NO_MAP = np.empty(0, dtype=np.float32)
#: libvpx's quality scale (0 to 63) that looks about as good as x264's (0 to 51).
_VP9_SCALE = 1.45


@dataclass(frozen=True, slots=True, eq=False)
class Inner:
    """What a swapper pasted: ``image`` uint8 (S, S, 3) RGB and ``mask`` float32 (S, S) in 0..1."""

    image: Image
    mask: NDArray[np.float32]


def own_inner(still: Image) -> Inner:
    """The inner face of a fake still whose blend mask is unknown: a soft oval in the middle of the crop."""
    return Inner(still, _oval(still.shape[0], 0.3, 0.36, 0.25))


def inner_of_pair(real: Image, fake: Image) -> Inner:
    """What was pasted into ``real`` to make ``fake`` (both uint8 (S, S, 3)): where they differ, softened."""
    apart = np.abs(real.astype(np.int16) - fake).max(axis=2).astype(np.float32)
    near = cv2.GaussianBlur(apart, (0, 0), max(1.0, real.shape[0] / 60))
    return Inner(fake, np.clip((near - 1.0) / 3.0, 0, 1).astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class _Poses:
    """Per picture: shifts (pixels), zoom, roll (radians) of the head, and the slide of the inner face (pixels)."""

    x: Floats
    y: Floats
    zoom: Floats
    roll: Floats
    turn: Floats
    nod: Floats

    def values(self, number: int) -> tuple[float, float, float, float]:
        return float(self.x[number]), float(self.y[number]), float(self.zoom[number]), float(self.roll[number])


def make_clip(
    still: Image, frames: int, how: Clips, rng: np.random.Generator, *, inner: Inner | None = None
) -> NDArray[np.uint8]:
    """``frames`` pictures (frames, S, S, 3) of the square RGB ``still`` (S, S, 3), S even; ``rng`` decides all.

    With ``inner`` the ``still`` is the head below it, and the inner face moves and flickers by the ``face_...``
    amounts of ``how``. Raises ``ValueError`` for a picture that is not square or of an odd side.
    """
    side = still.shape[0]
    if still.shape != (side, side, 3) or side % 2:
        raise ValueError(f"A pseudo-clip needs a square RGB picture of an even side, not {still.shape}.")
    count = (frames + LEAD) * how.pictures
    step_s = how.step_ms / 1000 / how.pictures
    # Times before the window are drawn too: a face that lags shows where the head was.
    times: Floats = np.arange(count, dtype=np.float64) * step_s
    seed = int(rng.integers(2**31))
    head = _poses(times, side, how, seed)
    pictures = [_warped(still, head, number) for number in range(count)]
    if inner is not None:
        late = _poses(times - how.face_lag_ms / 1000, side, how, seed)
        pictures = _pasted(pictures, inner, late, how, rng)
    pictures = _filmed(pictures, times, how, rng)
    pictures = _coded(pictures, how, rng)[how.pictures - 1 :: how.pictures]
    return np.stack(pictures[LEAD:])


def _poses(times: Floats, side: int, how: Clips, seed: int) -> _Poses:
    """The same ``seed`` gives the same movement, also for other ``times``; the trembling goes by the picture."""
    smooth, shaking = np.random.default_rng((seed, 0)), np.random.default_rng((seed, 1))
    count = len(times)

    def path(amplitude: float, tremor: float, period_s: float) -> Floats:
        moved = smooth_path(smooth, times, amplitude * how.motion, period_s)
        return moved + shaking.normal(0.0, 1.0, count) * tremor * how.tremor

    return _Poses(
        x=side * path(SHIFT, TREMOR_SHIFT, 3.0),
        y=side * path(SHIFT, TREMOR_SHIFT, 2.6),
        zoom=1 + path(ZOOM, TREMOR_ZOOM, 4.0),
        roll=path(ROLL, TREMOR_ROLL, 3.4),
        turn=side * smooth_path(smooth, times, TURN * how.turn, 2.2),
        nod=side * smooth_path(smooth, times, 0.6 * TURN * how.turn, 1.8),
    )


def _warped(image: NDArray[np.uint8], poses: _Poses, number: int) -> NDArray[np.uint8]:
    x, y, zoom, roll = poses.values(number)
    slide = float(poses.turn[number]), float(poses.nod[number])
    there = _map(image.shape[0], x, y, zoom, roll, slide)
    moved = cv2.remap(image, there, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return moved.astype(np.uint8, copy=False)


def _map(side: int, x: float, y: float, zoom: float, roll: float, slide: tuple[float, float]) -> NDArray[np.float32]:
    """For each pixel of the moved picture the place in the still: float32 (side, side, 2)."""
    nodes = -(-side // _GRID) + 2  # one more at each end, since resize cannot go on beyond the outer ones
    at = (np.arange(nodes) - 0.5) * _GRID - 0.5 - (side - 1) / 2
    xs, ys = np.meshgrid(at - x, at - y)
    cosine, sine = math.cos(roll) / zoom, math.sin(roll) / zoom
    own_x, own_y = cosine * xs + sine * ys, cosine * ys - sine * xs
    # The nose is nearest to the camera: the slide fades out towards the outline of the head.
    near = np.exp(-((own_x / (0.3 * side)) ** 2) - (own_y / (0.36 * side)) ** 2)
    places = np.stack([own_x - slide[0] * near, own_y - slide[1] * near], axis=-1) + (side - 1) / 2
    full = cv2.resize(places.astype(np.float32), (nodes * _GRID, nodes * _GRID), interpolation=cv2.INTER_LINEAR)
    inside = np.abs(full[_GRID : _GRID + side, _GRID : _GRID + side])
    # Mirrored here: OpenCV 5.0's remap never comes back from its own mirrored border.
    return np.ascontiguousarray((side - 1) - np.abs((side - 1) - inside))


def _pasted(
    pictures: Sequence[NDArray[np.uint8]], inner: Inner, late: _Poses, how: Clips, rng: np.random.Generator
) -> list[NDArray[np.uint8]]:
    """The inner face laid over each picture: where the head was a moment ago, and a little beside it."""
    side, result = inner.image.shape[0], []
    share = how.face_jitter
    for number, below in enumerate(pictures):
        dx, dy = rng.normal(0.0, FACE_SHIFT * share * side, 2)
        dz, dr = rng.normal(0.0, FACE_ZOOM * share), rng.normal(0.0, FACE_ROLL * share)
        opacity = 1.0 - min(1.0, abs(rng.normal(0.0, FACE_OPACITY * how.face_flicker)))
        gain = 1.0 + rng.normal(0.0, FACE_GAIN * how.face_flicker)
        x, y, zoom, roll = late.values(number)
        slide = float(late.turn[number]), float(late.nod[number])
        there = _map(side, x + dx, y + dy, zoom + dz, roll + dr, slide)
        face = cv2.remap(inner.image, there, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mask = cv2.remap(inner.mask, there, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[..., None]
        mixed = below + (face.astype(np.float32) * gain - below) * (mask * opacity)
        result.append(np.clip(np.rint(mixed), 0, 255).astype(np.uint8))
    return result


def _filmed(
    pictures: Sequence[NDArray[np.uint8]], times: Floats, how: Clips, rng: np.random.Generator
) -> list[NDArray[np.uint8]]:
    """Light that drifts and flickers, and the camera's noise, new in every picture."""
    gains = 1 + smooth_path(rng, times, DRIFT * how.flicker, 2.5)
    gains += rng.normal(0.0, FLICKER * how.flicker, len(times))
    sigma = rng.uniform(*how.noise)
    result = []
    for picture, gain in zip(pictures, gains, strict=True):
        if how.flicker:
            picture = codec.relight(picture, (float(gain), float(gain), float(gain)), 1.0)
        result.append(codec.add_noise(picture, sigma, rng) if sigma else picture)
    return result


def _coded(pictures: Sequence[NDArray[np.uint8]], how: Clips, rng: np.random.Generator) -> Sequence[NDArray[np.uint8]]:
    """All pictures in turn through one encoder, as small as a face is in a call, and back at their size."""
    coded, kind = rng.random() < how.codec_share, how.codec
    crf, share = int(rng.integers(how.crf[0], how.crf[1] + 1)), rng.uniform(how.smallest, 1.0)
    if kind == "any":
        kind = "h264" if rng.random() < 0.5 else "vp9"
    if kind == "none" or not coded:
        return pictures
    side = pictures[0].shape[0]
    small = max(32, int(side * share) // 2 * 2)
    line = [codec.downscale(picture, small) for picture in pictures] if small < side else pictures
    decoded = (
        codec.h264_round_trip(line, crf)
        if kind == "h264"
        else codec.vp9_round_trip(line, min(63, round(_VP9_SCALE * crf)))
    )
    return [codec.upscale(picture, side) for picture in decoded] if small < side else decoded


def _oval(side: int, across: float, down: float, edge: float) -> NDArray[np.float32]:
    """1 in the middle, 0 outside of the oval with these half axes (shares of the side); ``edge`` wide."""
    ys, xs = (np.mgrid[0:side, 0:side].astype(np.float32) + 0.5) / side - 0.5
    radius = np.hypot(xs / across, ys / down)
    return np.clip((1.0 - radius) / edge, 0, 1).astype(np.float32)
