"""What calls, cameras and people do to a picture, as fixed rows of a robustness table.

Every row is deterministic: the same picture, name and seed give the same pixels. Pictures are RGB uint8
(H, W, 3), never written to; the result is new. A row that makes the picture smaller hands back the smaller
picture, so that quality gates see what a live monitor would see.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.data import codec

Margin = float | None
"""The side of a face crop in units of the face; ``None`` for a whole picture. A crop becomes part of a made-up
call, a whole picture is one already."""

CALL_WIDTH, CALL_HEIGHT = 640, 360
FACE_PX = 120
"""The longer side of a face in a picture 360 lines high: a person at a desk fills a third of it."""
FRAMES = 12
"""The pictures of a pseudo-clip; the last one is judged, when rate control has settled."""


@dataclass(frozen=True, slots=True)
class Degradation:
    """``name`` is the row of the table, ``words`` says what is done."""

    name: str
    words: str
    make: Callable[[Image, np.random.Generator, Margin], Image]

    def apply(self, image: Image, key: str, margin: Margin = 1.0, seed: int = 0) -> Image:
        """The degraded copy of the picture called ``key``; noise and motion follow from key, row and seed."""
        rng = np.random.default_rng((seed, zlib.crc32(self.name.encode()), zlib.crc32(key.encode())))
        return self.make(image, rng, margin)


def call_clip(image: Image, rng: np.random.Generator, margin: Margin, frames: int = FRAMES) -> list[Image]:
    """A pseudo-clip of a call, 360 lines high, made from a still.

    A face crop moves about, a few pixels per picture, before a soft background made of its own colours;
    a whole picture is scaled down and shaken.
    """
    if margin is None:
        still = _even(_to_height(image, CALL_HEIGHT))
        return [_moved(still, dx, dy) for dx, dy in _path(rng, frames, 1.5)]
    side = _side_in_call(margin)
    face = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if side < len(image) else cv2.INTER_LINEAR)
    room = cv2.resize(image, (CALL_WIDTH // 8, CALL_HEIGHT // 8), interpolation=cv2.INTER_AREA)
    room = cv2.GaussianBlur(room, (0, 0), 6)
    room = cv2.resize(room, (CALL_WIDTH, CALL_HEIGHT), interpolation=cv2.INTER_LINEAR)
    left, top = (CALL_WIDTH - side) // 2, (CALL_HEIGHT - side) // 2
    clip = []
    for dx, dy in [*_path(rng, frames - 1, 3.0), (0.0, 0.0)]:  # ends where the crop can be cut out again
        picture = room.copy()
        x, y = left + round(dx), top + round(dy)
        picture[y : y + side, x : x + side] = face
        clip.append(picture)
    return clip


def _side_in_call(margin: float) -> int:
    """Of a square crop round a face of ``FACE_PX``; it leaves room to move about."""
    return min(CALL_HEIGHT - 10, round(FACE_PX * margin / 2) * 2)


def _after_call(clip_picture: Image, margin: Margin) -> Image:
    """Of a decoded picture of ``call_clip`` what is judged: the face crop, or all of it."""
    if margin is None:
        return clip_picture
    side = _side_in_call(margin)
    left, top = (CALL_WIDTH - side) // 2, (CALL_HEIGHT - side) // 2
    return np.ascontiguousarray(clip_picture[top : top + side, left : left + side])


def _call(kbit_s: int) -> Callable[[Image, np.random.Generator, Margin], Image]:
    def make(image: Image, rng: np.random.Generator, margin: Margin) -> Image:
        return _after_call(codec.h264_at_rate(call_clip(image, rng, margin), kbit_s)[-1], margin)

    return make


def _crf(crf: int) -> Callable[[Image, np.random.Generator, Margin], Image]:
    def make(image: Image, rng: np.random.Generator, margin: Margin) -> Image:
        still = _even(image)
        clip = [_moved(still, dx, dy) for dx, dy in _path(rng, 4, 1.5)]
        return codec.h264_round_trip([*clip, still], crf)[-1]

    return make


def _small(image: Image, rng: np.random.Generator, margin: Margin) -> Image:
    if margin is None:
        return _to_height(image, CALL_HEIGHT)
    side = min(_side_in_call(margin), image.shape[0])
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)


def _low_light(gain: float, noise: float) -> Callable[[Image, np.random.Generator, Margin], Image]:
    """Little light and the sensor noise of the gain that makes up for it; shadows are noisier than lights."""

    def make(image: Image, rng: np.random.Generator, margin: Margin) -> Image:
        dark = codec.relight(image, (gain, gain * 0.97, gain * 0.9), 1.15).astype(np.float32)
        spread = noise * np.sqrt(1.0 + 24.0 / (dark + 12.0))
        grain = rng.standard_normal(image.shape, dtype=np.float32) * spread
        return np.clip(dark + grain + 0.5, 0, 255).astype(np.uint8)

    return make


def _blur(sigma: float) -> Callable[[Image, np.random.Generator, Margin], Image]:
    return lambda image, rng, margin: cv2.GaussianBlur(image, (0, 0), sigma * _unit(image, margin))


def _motion_blur(image: Image, rng: np.random.Generator, margin: Margin) -> Image:
    length = max(3, round(9 * _unit(image, margin)))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0 / length
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), float(rng.uniform(0, 180)), 1.0)
    kernel = cv2.warpAffine(kernel, turn, (length, length))
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)


def _beauty(image: Image, rng: np.random.Generator, margin: Margin) -> Image:
    """What a call program's "touch up my appearance" does: even skin, kept edges, a lighter, warmer tone."""
    smooth = cv2.bilateralFilter(image, 9, 45, 6 * _unit(image, margin))
    smooth = cv2.bilateralFilter(smooth, 9, 30, 6 * _unit(image, margin))
    mixed = cv2.addWeighted(smooth, 0.85, image, 0.15, 0.0)
    return codec.relight(mixed, (1.05, 1.02, 1.0), 0.88)


def _recapture(image: Image, rng: np.random.Generator, margin: Margin) -> Image:
    """A screen filmed with a camera: its grid of red, green and blue stripes, sampled at another pitch and
    a slight angle (moiré), its black that is never black, a reflection, noise, and the camera's JPEG."""
    height, width = image.shape[:2]
    screen = cv2.resize(image, (width * 3, height * 3), interpolation=cv2.INTER_NEAREST).astype(np.float32)
    stripes = np.full((3, 3), 0.55, np.float32)
    np.fill_diagonal(stripes, 1.6)
    screen *= np.tile(stripes, (1, width)).T.reshape(1, width * 3, 3)
    screen[2::3] *= 0.75  # the dark line between two rows of the screen
    turn = cv2.getRotationMatrix2D((width * 1.5, height * 1.5), float(rng.uniform(-1.5, 1.5)), 1.0)
    screen = cv2.warpAffine(cv2.GaussianBlur(screen, (0, 0), 1.2), turn, (width * 3, height * 3),
                            borderMode=cv2.BORDER_REFLECT_101)  # fmt: skip
    filmed = cv2.resize(screen, (width, height), interpolation=cv2.INTER_LINEAR)
    across = np.linspace(0.0, 1.0, width, dtype=np.float32) - rng.uniform(0.0, 1.0)
    glare = 18.0 * np.exp(-((across / 0.35) ** 2))[None, :, None]
    filmed = 10.0 + filmed * 0.92 + glare + rng.standard_normal(image.shape, dtype=np.float32) * 2.5
    return codec.jpeg_round_trip(np.clip(filmed, 0, 255).astype(np.uint8), 80)


def _unit(image: Image, margin: Margin) -> float:
    """Lengths are meant for a crop of 224 px; in whole pictures, and smaller crops, for what is there."""
    return 1.0 if margin is None else image.shape[0] / 224


def _path(rng: np.random.Generator, frames: int, reach: float) -> list[tuple[float, float]]:
    """A smooth way of moving, at most ``reach`` pixels from the middle."""
    phase = rng.uniform(0, 2 * np.pi, 2)
    speed = rng.uniform(0.3, 0.8, 2)
    steps = np.arange(frames)[:, None]
    return [(float(x), float(y)) for x, y in reach * np.sin(phase + speed * steps)]


def _moved(image: Image, dx: float, dy: float) -> Image:
    matrix: NDArray[np.float32] = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    height, width = image.shape[:2]
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)


def _to_height(image: Image, height: int) -> Image:
    if image.shape[0] <= height:
        return image.copy()
    width = max(2, round(image.shape[1] * height / image.shape[0]))
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def _even(image: Image) -> Image:
    """H.264 with halved colour needs even sides; a last odd row or column goes."""
    height, width = image.shape[:2]
    return np.ascontiguousarray(image[: height - height % 2, : width - width % 2])


def _row(name: str, words: str, make: Callable[[Image, np.random.Generator, Margin], Image]) -> Degradation:
    return Degradation(name, words, make)


_IN_CALL = f"a face of {FACE_PX} px in a call of {CALL_WIDTH}x{CALL_HEIGHT} (a whole picture: scaled to 360 lines)"

#: The rows of the robustness table, in order.
DEGRADATIONS: dict[str, Degradation] = {
    row.name: row
    for row in (
        _row("360p", f"scaled down: {_IN_CALL}, no codec", _small),
        _row("360p H.264 1000 kbit/s", f"{_IN_CALL}, H.264, last of {FRAMES} pictures at 25 fps", _call(1000)),
        _row("360p H.264 500 kbit/s", "the same at 500 kbit/s", _call(500)),
        _row("360p H.264 300 kbit/s", "the same at 300 kbit/s", _call(300)),
        _row("360p H.264 150 kbit/s", "the same at 150 kbit/s", _call(150)),
        _row("H.264 CRF 23", "full size, last of 5 shaken pictures, x264 superfast zerolatency", _crf(23)),
        _row("H.264 CRF 30", "the same, CRF 30", _crf(30)),
        _row("H.264 CRF 37", "the same, CRF 37", _crf(37)),
        _row("JPEG 75", "JPEG of quality 75, 4:2:0", lambda image, rng, margin: codec.jpeg_round_trip(image, 75)),
        _row("JPEG 30", "JPEG of quality 30, 4:2:0", lambda image, rng, margin: codec.jpeg_round_trip(image, 30)),
        _row("JPEG 10", "JPEG of quality 10, 4:2:0", lambda image, rng, margin: codec.jpeg_round_trip(image, 10)),
        _row("noise 4", "Gaussian noise of 4 grey levels", lambda image, rng, margin: codec.add_noise(image, 4.0, rng)),
        _row("noise 12", "Gaussian noise of 12 grey levels",
             lambda image, rng, margin: codec.add_noise(image, 12.0, rng)),
        _row("low light 0.4", "light times 0.4, warm, noise of 3 levels, more in the shadows", _low_light(0.4, 3.0)),
        _row("low light 0.2", "light times 0.2, warm, noise of 4 levels, more in the shadows", _low_light(0.2, 4.0)),
        _row("blur 1", "Gaussian blur, 1 px in a crop of 224", _blur(1.0)),
        _row("blur 2.5", "Gaussian blur, 2.5 px in a crop of 224", _blur(2.5)),
        _row("motion blur", "9 px in a crop of 224, any direction", _motion_blur),
        _row("beauty filter", "edge-keeping smoothing twice, 85 % of it, lighter and warmer", _beauty),
        _row("screen re-capture", "a filmed screen: stripes, moiré, veil, reflection, noise, JPEG 80", _recapture),
    )
}  # fmt: skip
