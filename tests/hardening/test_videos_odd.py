"""Videos of odd sizes, pixel formats and times: each plays as a picture in sensible time, or is refused."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from hostile_videos import check_sentence, everything, refusal, scene, small, watch_one, write_video

from unmask.engines.errors import SourceError
from unmask.realtime.sources.decoding import MAX_PIXELS, Timeline, to_bgr

pytestmark = pytest.mark.usefixtures("no_leaks", "nothing_open")


def scenes(width=64, height=48, count=12):
    return [scene(width, height, number) for number in range(count)]


# --- sizes


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (16, 16), (17, 33), (3, 480), (640, 1), (4000, 3)])
def test_odd_sizes(tmp_path, size):
    path = tmp_path / "odd.mkv"
    write_video(path, scenes(*size, count=3))
    frames = everything(path)
    assert [frame.image.shape for frame in frames] == [(size[1], size[0], 3)] * 3


@pytest.mark.parametrize(("side", "sentence"), [(10_000, "10000x10000; scale it down first"), (30_000, "no frame")])
def test_a_header_of_so_many_pixels_is_refused_before_anything_is_decoded(tmp_path, side, sentence):
    """30000 x 30000 is too much for FFmpeg itself, which then knows no size at all."""
    data = io.BytesIO()
    write_video(data, scenes(count=2), container="avi", codec="rawvideo", pix_fmt="yuv420p")
    huge = data.getvalue().replace(struct.pack("<II", 64, 48), struct.pack("<II", side, side))
    assert huge != data.getvalue()
    path = tmp_path / "huge.avi"
    path.write_bytes(huge)
    assert sentence in refusal(path)


VP8_START = b"\x9d\x01\x2a"


def test_a_frame_that_grows_to_144_megapixels_in_the_middle_takes_no_memory(tmp_path):
    """The container says 64 x 48; a later key frame says 12000 x 12000."""
    data = small("webm")
    second = data.index(VP8_START, data.index(VP8_START) + 1) + len(VP8_START)
    path = tmp_path / "grows.webm"
    path.write_bytes(data[:second] + struct.pack("<HH", 12000, 12000) + data[second + 4 :])
    frames = everything(path)
    assert 6 <= len(frames) < 12
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}


def test_square_pixels_are_not_bought_with_gigabytes(monkeypatch):
    """A pixel that is said to be seven wide, in a picture that is nearly too large already."""
    assert MAX_PIXELS < 1e8
    monkeypatch.setattr("unmask.realtime.sources.decoding.MAX_PIXELS", 90_000)
    assert to_bgr(av.VideoFrame(290, 290, "gray"), Fraction(7), "wide.mkv").shape == (290, 290, 3)
    assert to_bgr(av.VideoFrame(100, 100, "gray"), Fraction(7), "wide.mkv").shape == (100, 700, 3)
    with pytest.raises(SourceError, match="has frames of 310x300"):
        to_bgr(av.VideoFrame(310, 300, "gray"), None, "huge.mkv")


def test_a_size_that_changes_in_the_middle(tmp_path):
    path = tmp_path / "changes.ts"
    for size in ((64, 48), (128, 96), (48, 64)):
        part = io.BytesIO()
        write_video(part, scenes(*size), container="mpegts", codec="mpeg2video", pix_fmt="yuv420p")
        with path.open("ab") as out:
            out.write(part.getvalue())
    frames = everything(path)
    sizes = [frame.image.shape[:2] for frame in frames]
    assert [size for size, before in zip(sizes, [None, *sizes], strict=False) if size != before] == [
        (48, 64),
        (96, 128),
        (64, 48),
    ]
    assert all(later.time_s > earlier.time_s for earlier, later in pairwise(frames))


# --- pixel formats

FORMATS = [
    "gray",
    "gray10le",
    "gray16le",
    "ya8",
    "monob",
    "pal8",
    "rgb24",
    "rgb444le",
    "rgb48le",
    "rgba64be",
    "gbrp",
    "gbrp12le",
    "gbrapf32le",
    "yuv410p",
    "yuv411p",
    "yuv420p",
    "yuvj444p",
    "yuv444p10le",
    "yuv422p12be",
    "yuv444p16le",
    "yuva420p",
    "yuva444p10le",
    "nv12",
    "nv16",
    "uyvy422",
    "yuyv422",
    "xyz12le",
]


@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_every_pixel_format_becomes_the_picture_or_a_sentence(tmp_path, pix_fmt):
    path = tmp_path / "odd.nut"
    if pix_fmt == "pal8":
        write_video(path, scenes(count=3), codec="gif", container="gif", pix_fmt="bgr8")
    else:
        write_video(path, scenes(count=3), codec="rawvideo", pix_fmt=pix_fmt)
    frames = everything(path)
    assert [frame.image.shape for frame in frames] == [(48, 64, 3)] * 3
    background, square = frames[0].image[40, 5].astype(int), frames[0].image[18, 8].astype(int)
    assert np.ptp(background) < (100 if pix_fmt == "pal8" else 60)  # a palette dithers
    if not pix_fmt.startswith(("gray", "ya", "mono")):
        assert square[2] - square[0] > 90, "the red square is not red"


def test_a_format_that_cannot_be_converted_is_named():
    class Odd:
        width, height = 64, 48

        class format:
            name = "vaapi"

        def reformat(self, **_):
            raise ValueError("Conversion from hardware frame not implemented")

    with pytest.raises(SourceError, match=r"^a\.mkv has pictures in the format vaapi of 64x48") as caught:
        to_bgr(Odd(), None, "a.mkv")
    check_sentence(caught.value)


# --- time


@pytest.mark.parametrize(
    "ticks",
    [
        [0, 4, 8, 10**11, 10**11 + 4, 10**11 + 8],
        [10**12, 10**12 + 4, 10**12 + 8],
        [-400, -396, -392, 0, 4],
        [0, 1, 2, 3, 400_000_000, 400_000_001],
    ],
)
@pytest.mark.parametrize("name", ["a.mkv", "a.nut"])
def test_absurd_timestamps_make_no_absurd_times(tmp_path, name, ticks):
    path = tmp_path / name
    write_video(path, scenes(count=len(ticks)), ticks=ticks)
    times = [frame.time_s for frame in everything(path)]
    assert len(times) == len(ticks)
    assert times[0] == 0
    assert all(0 < later - earlier < 10 for earlier, later in pairwise(times))
    watch_one(path)


@pytest.mark.parametrize(("rate", "scale"), [(0, 1), (25, 0), (0, 0), (0xFFFFFFFF, 1), (1, 0xFFFFFFFF)])
def test_absurd_frame_rates(tmp_path, rate, scale):
    data = small("avi")
    at = data.index(b"vids") + 20  # strh: ..., dwScale, dwRate
    path = tmp_path / "rate.avi"
    path.write_bytes(data[:at] + struct.pack("<II", scale, rate) + data[at + 8 :])
    frames = everything(path)
    assert len(frames) == 12
    assert all(0 < later.time_s - earlier.time_s < 3600 for earlier, later in pairwise(frames))
    watch_one(path)


def test_a_leap_of_more_than_an_hour_is_another_timeline():
    line = Timeline(25.0)
    assert [line.place(t) for t in (0.0, 1e10, 1e10 + 1, -1e10)] == pytest.approx([0, 0.04, 1.04, 1.08], abs=1e-5)
    assert [Timeline(None).place(t) for t in (3.0,)] == [0]
    slow = Timeline(1.0)
    assert [slow.place(t) for t in (0.0, 3599.0)] == [0, 3599.0]
