"""Video files of every kind of awkwardness, made with PyAV."""

from __future__ import annotations

import bisect
import random
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import av
import numpy as np
import pytest

from unmask.engines.errors import SourceError
from unmask.realtime.sources.decoding import Timeline, frames_of, orientation_of
from unmask.realtime.sources.synthetic import read_number
from unmask.realtime.sources.video_file import VideoFileSource


def everything(path):
    source = VideoFileSource(path)
    source.open()
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def corners(rotate):
    """A picture with four differently coloured quarters, turned."""
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :48] = (255, 0, 0)
    picture[:32, 48:] = (0, 255, 0)
    picture[32:, :48] = (0, 0, 255)
    picture[32:, 48:] = (255, 255, 255)
    return np.rot90(picture, rotate)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts", "a.mov"])
def test_every_frame_in_order(video, tmp_path, name):
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    path = video(tmp_path / name, codec=codec, b_frames=0 if codec == "mpeg4" else 2)
    source = VideoFileSource(path)
    info = source.open()
    assert (info.kind, info.live, info.width, info.height) == ("video", False, 256, 96)
    frames = everything(path)
    assert [read_number(frame.image) for frame in frames] == list(range(30))
    assert [frame.time_s for frame in frames] == pytest.approx([0.04 * n for n in range(30)], abs=2e-3)
    image = frames[0].image
    assert image.flags.c_contiguous
    assert not image.flags.writeable
    assert image.dtype == np.uint8


def test_info_of_a_file(video, tmp_path):
    info = VideoFileSource(video(tmp_path / "a.mp4")).open()
    assert info.frame_count == 30
    assert info.duration_s == pytest.approx(1.2, abs=0.05)
    assert info.fps == pytest.approx(25)


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (-90, 3)])
def test_rotation_is_honoured(video, tmp_path, degrees, turns):
    """The track says "turn by so much"; the frame that comes out is the upright picture."""
    path = video(tmp_path / "r.mp4", images=[corners(0)] * 3, rotation=degrees)
    info = VideoFileSource(path).open()
    image = everything(path)[0].image
    want = corners(turns)
    assert image.shape == want.shape
    assert (info.height, info.width) == want.shape[:2]
    assert np.abs(image[8:-8:8, 8:-8:8].astype(int) - want[8:-8:8, 8:-8:8]).max() < 40


def matrix(a, b, c, d):
    return np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], np.int32).tobytes()


@pytest.mark.parametrize(
    ("numbers", "turned"),
    [
        ((1, 0, 0, 1), lambda image: image),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
        ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
        ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
    ],
)
def test_display_matrices_mirrors_included(numbers, turned):
    image = corners(0)
    assert np.array_equal(orientation_of(matrix(*numbers)).apply(image), turned(image))


def test_pixels_that_are_not_square(video, tmp_path):
    path = video(tmp_path / "sar.mp4", options={"aspect": "2:1"})
    with av.open(str(path)) as container:
        aspect = container.streams.video[0].sample_aspect_ratio
    info = VideoFileSource(path).open()
    assert aspect == 2, "the encoder did not write the shape of the pixels"
    assert (info.width, info.height) == (512, 96)


def test_variable_frame_rate_keeps_its_times(video, tmp_path):
    ticks = [0, 4, 8, 108, 110, 300, 301, 302]
    for name in ("v.mkv", "v.mp4"):
        frames = everything(video(tmp_path / name, ticks=ticks))
        assert [frame.time_s for frame in frames] == pytest.approx([t / 100 for t in ticks], abs=1e-3)


def test_a_late_first_timestamp_counts_as_zero(video, tmp_path):
    frames = everything(video(tmp_path / "late.mkv", ticks=[500, 504, 510]))
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.04, 0.10], abs=1e-3)


def test_frames_without_timestamps_follow_at_the_rate(video, tmp_path):
    frames = everything(video(tmp_path / "raw.h264", b_frames=0))
    assert [read_number(frame.image) for frame in frames] == list(range(30))
    times = [frame.time_s for frame in frames]
    assert times[0] == 0
    assert all(later > earlier for earlier, later in pairwise(times))


def test_timeline_never_goes_back():
    line = Timeline(25.0)
    assert [line.place(t) for t in (10.0, 10.5, None, 3.0, 3.5)] == pytest.approx([0, 0.5, 0.54, 0.58, 1.08])


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "raw.h264"])
@pytest.mark.parametrize("gap", [3, 60])
def test_frames_at_shows_what_a_player_would(video, tmp_path, name, gap):
    """Compared with decoding everything, at random moments, densely and across many key frames."""
    rng = random.Random(gap)
    ticks, tick = [], 0
    for _ in range(150):
        ticks.append(tick)
        tick += 4 if name.endswith(("ts", "h264")) else rng.choice([2, 4, 4, 30])
    path = video(tmp_path / name, ticks=ticks, gop=12, b_frames=0 if name.endswith("h264") else 2)
    frames = everything(path)
    times = [frame.time_s for frame in frames]
    moments = sorted(rng.uniform(-0.1, times[-1] + 0.5) for _ in range(len(frames) // gap))
    source = VideoFileSource(path)
    source.open()
    got = list(source.frames_at(moments))
    assert len(got) == len(moments)
    for moment, frame in zip(moments, got, strict=True):
        want = frames[max(0, bisect.bisect_right(times, moment) - 1)]
        assert frame.time_s == pytest.approx(want.time_s, abs=1e-9)
        assert read_number(frame.image) == read_number(want.image)


def test_frames_at_exact_times_and_repeats(video, tmp_path):
    source = VideoFileSource(video(tmp_path / "a.mp4"))
    source.open()
    first, again, last, beyond = source.frames_at([0.4, 0.41, 1.16, 1.3])
    assert read_number(first.image) == 10
    assert again is first
    assert read_number(last.image) == 29
    assert beyond is last


def test_frames_at_skips_what_is_not_asked_for(video, tmp_path, monkeypatch):
    """A file with ten key frames and one moment near its end: most of it is never decoded."""
    source = VideoFileSource(video(tmp_path / "a.mp4", frames=300, gop=30))
    source.open()
    decoded = []
    count = source._video.next
    monkeypatch.setattr(source._video, "next", lambda: decoded.append(1) or count())
    (frame,) = source.frames_at([11.5])
    assert read_number(frame.image) == 287
    assert len(decoded) < 70


def test_frames_at_wants_moments_in_order(video, tmp_path):
    source = VideoFileSource(video(tmp_path / "a.mp4"))
    source.open()
    with pytest.raises(ValueError, match="must not decrease"):
        list(source.frames_at([0.5, 0.4]))


def test_frames_at_ends_after_close(video, tmp_path):
    source = VideoFileSource(video(tmp_path / "a.mp4"))
    source.open()
    frames = source.frames_at([0.1, 0.2, 0.3])
    next(frames)
    source.close()
    assert list(frames) == []


def test_an_open_file_can_be_read_again(video, tmp_path):
    source = VideoFileSource(video(tmp_path / "a.mp4"))
    for _ in range(2):
        source.open()
        assert read_number(source.read().image) == 0
        source.close()


def refusal(path):
    source = VideoFileSource(path)
    with pytest.raises(SourceError) as caught:
        source.open()
    assert not caught.value.retryable
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_what_is_not_a_video_is_refused(video, tmp_path):
    empty = tmp_path / "empty.mp4"
    empty.touch()
    assert "empty" in refusal(empty)
    text = tmp_path / "text.mp4"
    text.write_text("not a video, not at all\n" * 200)
    assert "not a video" in refusal(text)
    assert "does not exist" in refusal(tmp_path / "absent.mp4")
    assert "not a file" in refusal(tmp_path)
    picture = tmp_path / "picture.mp4"
    with av.open(str(tmp_path / "p.png"), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "rgb24"
        container.mux(stream.encode(av.VideoFrame(32, 32, "rgb24")))
    (tmp_path / "p.png").rename(picture)
    assert "single picture" in refusal(picture)


def test_sound_alone_is_refused(tmp_path):
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "only sound" in refusal(path)


def test_a_playlist_in_disguise_is_refused(video, tmp_path):
    video(tmp_path / "part.ts")
    path = tmp_path / "list.mp4"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.2,\npart.ts\n#EXT-X-ENDLIST\n")
    assert refusal(path)


def test_an_mp4_without_its_index_is_refused(video, tmp_path):
    path = video(tmp_path / "cut.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "cut off" in refusal(path)


def test_a_file_that_breaks_off_gives_its_frames_and_then_says_so(video, tmp_path):
    # No B frames: with them the last one there may be shown after one that is cut off.
    path = video(tmp_path / "cut.mp4", frames=200, b_frames=0, container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = VideoFileSource(path)
    source.open()
    numbers = []

    def read_on():
        while (frame := source.read()) is not None:
            numbers.append(read_number(frame.image))

    with pytest.raises(SourceError, match=r"breaks off|damaged"):
        read_on()
    assert 20 < len(numbers) < 190
    assert numbers == list(range(len(numbers)))
    source.open()
    with pytest.raises(SourceError, match=r"breaks off|damaged"):
        list(source.frames_at([0.1, 7.5]))


def test_a_name_that_looks_like_an_address_is_a_file(video, tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    path = video(tmp_path / "x" / "a.mp4")
    odd = tmp_path / "concat:a.mp4"
    path.rename(odd)
    monkeypatch.chdir(tmp_path)
    source = VideoFileSource("concat:a.mp4")
    assert source.open().width == 256


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_title_in_another_encoding_than_utf8_matters_to_nobody(video, tmp_path, ending):
    path = video(tmp_path / f"old.{ending}", title="Grüße")
    path.write_bytes(path.read_bytes().replace("ü".encode(), b"\xfc\xfc"))
    source = VideoFileSource(path)
    assert source.open().width == 256
    source.close()


def test_a_frame_that_the_decoder_patched_up_is_left_out_and_counted():
    frames = [SimpleNamespace(is_corrupt=number == 1, number=number) for number in range(3)]
    container = SimpleNamespace(demux=lambda: [SimpleNamespace(stream=None, decode=lambda: frames)])
    damage = [0]
    assert [frame.number for frame in frames_of(container, None, damage)] == [0, 2]
    assert damage == [1]
