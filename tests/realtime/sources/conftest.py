"""Media and displays for the tests of the sources, made on the spot."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from x_display import XServer, x_display

from unmask.realtime.sources.synthetic import draw_pattern

SIZE = (256, 96)


def write_video(
    path: Path,
    *,
    ticks: list[int] | None = None,
    frames: int = 30,
    codec: str = "libx264",
    gop: int = 10,
    rotation: int = 0,
    b_frames: int = 2,
    images: list[np.ndarray] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    title: str = "",
) -> Path:
    """A video whose frame n carries the number n; ``ticks`` are timestamps in units of 1/100 s."""
    images = images or [draw_pattern(*SIZE, number) for number in range(frames if ticks is None else len(ticks))]
    ticks = ticks or [4 * number for number in range(len(images))]
    with av.open(str(path), "w", options=container_options or {}) as container:
        if title:
            container.metadata["title"] = title
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 100)
        stream.codec_context.gop_size = gop
        stream.codec_context.max_b_frames = b_frames
        if rotation:
            stream.set_display_rotation(rotation)
        for tick, image in zip(ticks, images, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = tick, Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def video() -> Callable[..., Path]:
    return write_video


@pytest.fixture
def x_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[XServer]:
    with x_display(640, 480) as display:
        monkeypatch.setenv("DISPLAY", display.display)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
        yield display


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait for something that another process does; fails after ten seconds."""

    def wait(met: Callable[[], object]) -> None:
        limit = time.monotonic() + 10
        while not met():
            assert time.monotonic() < limit, "it did not happen"
            time.sleep(0.02)

    return wait
