"""What calls, cameras and people do to a picture, as fixed rows of a robustness table.

Every row is deterministic: the same picture, name and seed give the same pixels. Pictures are RGB uint8
(H, W, 3), never written to; the result is new. A row that makes the picture smaller hands back the smaller
picture, so that quality gates see what a live monitor would see.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

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
    """``name`` is the row of the table, ``words`` says what is done. Rows of one ``family`` are the points of one
    curve, from the mildest on."""

    name: str
    words: str
    make: Callable[[Image, np.random.Generator, Margin], Image]
    family: str = ""

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
        still = even(to_height(image, CALL_HEIGHT))
        return [_moved(still, dx, dy) for dx, dy in _path(rng, frames, 1.5)]
    face, room = in_call(image, margin), room_behind(image)
    # Ends where the crop can be cut out again.
    return [placed(face, room, dx, dy) for dx, dy in [*_path(rng, frames - 1, 3.0), (0.0, 0.0)]]


def in_call(image: Image, margin: float) -> Image:
    """A square face crop at the size that it has in a call of 360 lines."""
    side = side_in_call(margin)
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if side < len(image) else cv2.INTER_LINEAR)


def room_behind(image: Image) -> Image:
    """A soft picture of a call, (360, 640, 3), in the colours of ``image``."""
    room = cv2.resize(image, (CALL_WIDTH // 8, CALL_HEIGHT // 8), interpolation=cv2.INTER_AREA)
    room = cv2.GaussianBlur(room, (0, 0), 6)
    return cv2.resize(room, (CALL_WIDTH, CALL_HEIGHT), interpolation=cv2.INTER_LINEAR)


def placed(face: Image, room: Image, dx: float = 0.0, dy: float = 0.0) -> Image:
    """``face`` in the middle of a copy of ``room``, or so many pixels beside it."""
    picture, side = room.copy(), len(face)
    left, top = (CALL_WIDTH - side) // 2 + round(dx), (CALL_HEIGHT - side) // 2 + round(dy)
    picture[top : top + side, left : left + side] = face
    return picture


def side_in_call(margin: float) -> int:
    """Of a square crop round a face of ``FACE_PX``; it leaves room to move about."""
    return min(CALL_HEIGHT - 10, round(FACE_PX * margin / 2) * 2)


def after_call(clip_picture: Image, margin: Margin) -> Image:
    """Of a decoded picture of ``call_clip`` what is judged: the face crop, or all of it."""
    if margin is None:
        return clip_picture
    side = side_in_call(margin)
    left, top = (CALL_WIDTH - side) // 2, (CALL_HEIGHT - side) // 2
    return np.ascontiguousarray(clip_picture[top : top + side, left : left + side])


def _call(kind: Literal["h264", "vp9"], kbit_s: int) -> Callable[[Image, np.random.Generator, Margin], Image]:
    coding = codec.Coding(kind, kbit_s=kbit_s)

    def make(image: Image, rng: np.random.Generator, margin: Margin) -> Image:
        return after_call(codec.coded(call_clip(image, rng, margin), coding)[-1], margin)

    return make


def _crf(crf: int) -> Callable[[Image, np.random.Generator, Margin], Image]:
    def make(image: Image, rng: np.random.Generator, margin: Margin) -> Image:
        still = even(image)
        clip = [_moved(still, dx, dy) for dx, dy in _path(rng, 4, 1.5)]
        return codec.h264_round_trip([*clip, still], crf)[-1]

    return make


def _small(image: Image, rng: np.random.Generator, margin: Margin) -> Image:
    if margin is None:
        return to_height(image, CALL_HEIGHT)
    side = min(side_in_call(margin), image.shape[0])
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)


def little_light(image: Image, gain: float, noise: float, rng: np.random.Generator) -> Image:
    """Little light and the sensor noise of the gain that makes up for it; shadows are noisier than lights."""
    dark = codec.relight(image, (gain, gain * 0.97, gain * 0.9), 1.15).astype(np.float32)
    spread = noise * np.sqrt(1.0 + 24.0 / (dark + 12.0))
    grain = rng.standard_normal(image.shape, dtype=np.float32) * spread
    return np.clip(dark + grain + 0.5, 0, 255).astype(np.uint8)


def _in_little_light(gain: float, noise: float) -> Callable[[Image, np.random.Generator, Margin], Image]:
    return lambda image, rng, margin: little_light(image, gain, noise, rng)


def _jpeg(quality: int) -> Callable[[Image, np.random.Generator, Margin], Image]:
    return lambda image, rng, margin: codec.jpeg_round_trip(image, quality)


def _noise(sigma: float) -> Callable[[Image, np.random.Generator, Margin], Image]:
    return lambda image, rng, margin: codec.add_noise(image, sigma, rng)


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
    return beautified(image, _unit(image, margin))


def beautified(image: Image, unit: float = 1.0, share: float = 0.85) -> Image:
    """What a call program's "touch up my appearance" does: even skin, kept edges, a lighter, warmer tone. ``unit`` is
    a pixel of a crop of 224, ``share`` how much of the smoothed picture there is."""
    smooth = cv2.bilateralFilter(image, 9, 45, 6 * unit)
    smooth = cv2.bilateralFilter(smooth, 9, 30, 6 * unit)
    mixed = cv2.addWeighted(smooth, share, image, 1.0 - share, 0.0)
    return codec.relight(mixed, (1.05, 1.02, 1.0), 0.88)


def _recapture(image: Image, rng: np.random.Generator, margin: Margin) -> Image:
    return codec.jpeg_round_trip(filmed(image, Screen.drawn(rng), rng), 80)


@dataclass(frozen=True, slots=True)
class Screen:
    """How a camera stands before a screen: its ``tilt`` in degrees, and where on the screen's width (0 to 1) a
    reflection lies."""

    tilt: float
    reflection: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Screen:
        return cls(float(rng.uniform(-1.5, 1.5)), float(rng.uniform(0.0, 1.0)))


def filmed(image: Image, screen: Screen, rng: np.random.Generator) -> Image:
    """A screen filmed with a camera: its grid of red, green and blue stripes, sampled at another pitch and
    a slight angle (moiré), its black that is never black, a reflection, and noise."""
    height, width = image.shape[:2]
    lit = cv2.resize(image, (width * 3, height * 3), interpolation=cv2.INTER_NEAREST).astype(np.float32)
    stripes = np.full((3, 3), 0.55, np.float32)
    np.fill_diagonal(stripes, 1.6)
    lit *= np.tile(stripes, (1, width)).T.reshape(1, width * 3, 3)
    lit[2::3] *= 0.75  # the dark line between two rows of the screen
    turn = cv2.getRotationMatrix2D((width * 1.5, height * 1.5), screen.tilt, 1.0)
    lit = cv2.warpAffine(cv2.GaussianBlur(lit, (0, 0), 1.2), turn, (width * 3, height * 3),
                         borderMode=cv2.BORDER_REFLECT_101)  # fmt: skip
    seen = cv2.resize(lit, (width, height), interpolation=cv2.INTER_LINEAR)
    across = np.linspace(0.0, 1.0, width, dtype=np.float32) - screen.reflection
    glare = 18.0 * np.exp(-((across / 0.35) ** 2))[None, :, None]
    seen = 10.0 + seen * 0.92 + glare + rng.standard_normal(image.shape, dtype=np.float32) * 2.5
    return np.clip(seen, 0, 255).astype(np.uint8)


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


def to_height(image: Image, height: int) -> Image:
    """Averaged down to ``height`` lines; a copy where it has no more than that."""
    if image.shape[0] <= height:
        return image.copy()
    width = max(2, round(image.shape[1] * height / image.shape[0]))
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def even(image: Image) -> Image:
    """H.264 with halved colour needs even sides; a last odd row or column goes."""
    height, width = image.shape[:2]
    return np.ascontiguousarray(image[: height - height % 2, : width - width % 2])


_IN_CALL = f"a face of {FACE_PX} px in a call of {CALL_WIDTH}x{CALL_HEIGHT} (a whole picture: scaled to 360 lines)"

#: The rows of the robustness table, in order.
DEGRADATIONS: dict[str, Degradation] = {
    row.name: row
    for row in (
        Degradation("360p", f"scaled down: {_IN_CALL}, no codec", _small, "H.264 call"),
        Degradation("360p H.264 1000 kbit/s", f"{_IN_CALL}, H.264, last of {FRAMES} pictures at 25 fps",
                    _call("h264", 1000), "H.264 call"),
        Degradation("360p H.264 500 kbit/s", "the same at 500 kbit/s", _call("h264", 500), "H.264 call"),
        Degradation("360p H.264 300 kbit/s", "the same at 300 kbit/s", _call("h264", 300), "H.264 call"),
        Degradation("360p H.264 150 kbit/s", "the same at 150 kbit/s", _call("h264", 150), "H.264 call"),
        Degradation("360p VP9 500 kbit/s", "the same with libvpx's realtime VP9, 500 kbit/s",
                    _call("vp9", 500), "VP9 call"),
        Degradation("360p VP9 300 kbit/s", "the same at 300 kbit/s", _call("vp9", 300), "VP9 call"),
        Degradation("360p VP9 150 kbit/s", "the same at 150 kbit/s", _call("vp9", 150), "VP9 call"),
        Degradation("H.264 CRF 23", "full size, last of 5 shaken pictures, x264 superfast zerolatency",
                    _crf(23), "H.264 CRF"),
        Degradation("H.264 CRF 30", "the same, CRF 30", _crf(30), "H.264 CRF"),
        Degradation("H.264 CRF 37", "the same, CRF 37", _crf(37), "H.264 CRF"),
        Degradation("JPEG 75", "JPEG of quality 75, 4:2:0", _jpeg(75), "JPEG"),
        Degradation("JPEG 30", "JPEG of quality 30, 4:2:0", _jpeg(30), "JPEG"),
        Degradation("JPEG 10", "JPEG of quality 10, 4:2:0", _jpeg(10), "JPEG"),
        Degradation("noise 4", "Gaussian noise of 4 grey levels", _noise(4.0), "noise"),
        Degradation("noise 12", "Gaussian noise of 12 grey levels", _noise(12.0), "noise"),
        Degradation("low light 0.4", "light times 0.4, warm, noise of 3 levels, more in the shadows",
                    _in_little_light(0.4, 3.0), "low light"),
        Degradation("low light 0.2", "light times 0.2, warm, noise of 4 levels, more in the shadows",
                    _in_little_light(0.2, 4.0), "low light"),
        Degradation("blur 1", "Gaussian blur, 1 px in a crop of 224", _blur(1.0), "blur"),
        Degradation("blur 2.5", "Gaussian blur, 2.5 px in a crop of 224", _blur(2.5), "blur"),
        Degradation("motion blur", "9 px in a crop of 224, any direction", _motion_blur),
        Degradation("beauty filter", "edge-keeping smoothing twice, 85 % of it, lighter and warmer", _beauty),
        Degradation("screen re-capture", "a filmed screen: stripes, moiré, veil, reflection, noise, JPEG 80",
                    _recapture),
    )
}  # fmt: skip
