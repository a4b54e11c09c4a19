"""What a call does to a picture: less resolution, codecs, noise, light, blur."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import av
import cv2
import numpy as np

from unmask.realtime.types import Image

if TYPE_CHECKING:
    from av.video.stream import VideoStream

LIGHT = (0.75, 1.2)
"""The darkest and the brightest gain of ``call_like``."""


def h264_round_trip(frames: Sequence[Image], crf: int) -> list[Image]:
    """RGB uint8 frames (H, W, 3) of one even size through a real H.264 encoder and back, as many as went in.

    ``crf`` is x264's constant rate factor: about 18 looks untouched, 36 is a bad line. No frame waits
    for a later one, as in a live encoder.
    """
    return coded(frames, Coding("h264", crf=crf))


def h264_at_rate(frames: Sequence[Image], kbit_s: int) -> list[Image]:
    """As ``h264_round_trip``, at a constant rate in kbit/s and 25 pictures per second.

    The encoder may save up a fifth of a second: as in a call, it cannot spend on the first picture what
    the line does not carry, and the pictures grow better while little moves.
    """
    return coded(frames, Coding("h264", kbit_s=kbit_s))


def vp9_round_trip(frames: Sequence[Image], crf: int) -> list[Image]:
    """As ``h264_round_trip``, through libvpx's realtime VP9 encoder, which browsers use in calls.

    ``crf`` is its constant quality, 0 to 63: about 25 looks untouched, 52 is a bad line.
    """
    return coded(frames, Coding("vp9", crf=crf))


def vp9_at_rate(frames: Sequence[Image], kbit_s: int) -> list[Image]:
    """As ``vp9_round_trip``, at a constant rate in kbit/s and 25 pictures per second."""
    return coded(frames, Coding("vp9", kbit_s=kbit_s))


@dataclass(frozen=True, slots=True)
class Coding:
    """How a sequence is coded: at a constant rate of ``kbit_s``, or at the constant quality ``crf``."""

    codec: Literal["h264", "vp9"]
    kbit_s: int | None = None
    crf: int | None = None


@dataclass(frozen=True, slots=True)
class _Codec:
    """``options`` make the encoder a live one: quick, and no frame waits for a later one."""

    encoder: str
    container: str
    options: Mapping[str, str]


_CODECS = {
    "h264": _Codec("libx264", "h264", {"preset": "superfast", "tune": "zerolatency"}),
    "vp9": _Codec("libvpx-vp9", "ivf", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
}


def coded(frames: Sequence[Image], coding: Coding) -> list[Image]:
    """RGB uint8 frames (H, W, 3) of one even size through a real encoder and back, as many as went in."""
    container = _CODECS[coding.codec].container
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        _encode(output, frames, Fraction(25), coding)
    buffer.seek(0)
    with av.open(buffer, "r", format=container) as source:
        source.streams.video[0].thread_count = 1
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in source.decode(video=0)]


def write_coded(path: Path, frames: Iterable[Image], fps: float, coding: Coding) -> int:
    """``coded`` into a Matroska file that plays at ``fps``; how many pictures it holds. Frames are taken one at a
    time. Raises ``ValueError`` where there is none."""
    with av.open(str(path), "w", format="matroska") as output:
        return _encode(output, frames, Fraction(fps).limit_denominator(1001), coding)


def _encode(output: Any, frames: Iterable[Image], fps: Fraction, coding: Coding) -> int:
    codec, stream, count = _CODECS[coding.codec], None, 0
    for frame in frames:
        if stream is None:
            stream = cast("VideoStream", output.add_stream(codec.encoder, rate=fps))
            stream.height, stream.width = frame.shape[:2]
            stream.pix_fmt = "yuv420p"
            stream.thread_count = 1
            stream.options = {**_rate_control(coding), **codec.options}
        output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        count += 1
    if stream is None:
        raise ValueError("There is no picture to code.")
    output.mux(stream.encode())
    return count


def _rate_control(coding: Coding) -> dict[str, str]:
    if coding.kbit_s is None:
        quality = {"crf": str(coding.crf)}
        return quality if coding.codec == "h264" else quality | {"b": "0"}
    rate = f"{coding.kbit_s}k"
    limits = {"b": rate, "maxrate": rate, "bufsize": f"{max(1, coding.kbit_s // 5)}k"}
    return limits if coding.codec == "h264" else limits | {"minrate": rate}


def jpeg_round_trip(image: Image, quality: int) -> Image:
    """RGB uint8 through JPEG (4:2:0) and back."""
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def downscale(image: Image, side: int) -> Image:
    """A square picture averaged down to ``side`` pixels."""
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)


def upscale(image: Image, side: int) -> Image:
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)


def add_noise(image: Image, sigma: float, rng: np.random.Generator) -> Image:
    """Gaussian sensor noise of ``sigma`` grey levels."""
    noise = rng.standard_normal(image.shape, dtype=np.float32) * sigma
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def relight(image: Image, gain: tuple[float, float, float], gamma: float) -> Image:
    """Brightness and white balance (``gain`` per channel) and contrast (``gamma``) of another camera."""
    ramp = (np.arange(256, dtype=np.float32) / 255) ** gamma
    table = np.clip(ramp[:, None] * np.asarray(gain, np.float32) * 255, 0, 255).astype(np.uint8)
    return cv2.LUT(image, table[:, None, :].reshape(1, 256, 3))


def video_still(image: Image, crf: int, rng: np.random.Generator, *, frames: int = 3) -> Image:
    """One picture as the last of a short shaky shot: what a decoder shows after predicted frames."""
    side = image.shape[0] - image.shape[0] % 2
    image = image[:side, :side]
    steps = rng.integers(-2, 3, size=(frames - 1, 2))
    shots = [np.roll(image, (int(dy), int(dx)), axis=(0, 1)) for dy, dx in steps]
    return h264_round_trip([*shots, image], crf)[-1]


def call_like(image: Image, rng: np.random.Generator) -> Image:
    """A square RGB uint8 picture as it might look after a call; the same size, a new array.

    Half the pictures only change in light, so that clean input stays the usual case.
    """
    side = image.shape[0]
    if rng.random() < 0.4:
        light = rng.uniform(*LIGHT)
        gain = light * rng.uniform(0.94, 1.06, size=3)
        image = relight(image, (gain[0], gain[1], gain[2]), rng.uniform(0.75, 1.35))
    if rng.random() < 0.5:
        return image
    if rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.6:
        image = downscale(image, int(rng.uniform(0.4, 1.0) * side) // 2 * 2)
    if rng.random() < 0.25:
        image = add_noise(image, rng.uniform(1.0, 8.0), rng)
    if rng.random() < 0.35:
        image = video_still(image, int(rng.integers(20, 35)), rng)
    elif rng.random() < 0.7:
        image = jpeg_round_trip(image, int(rng.integers(30, 96)))
    return upscale(image, side) if image.shape[0] != side else image
