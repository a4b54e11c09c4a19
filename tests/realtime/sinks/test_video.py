from __future__ import annotations

import contextlib
from io import FileIO
from pathlib import Path

import av
import numpy as np
import pytest
from updates import face_state, update

from unmask.engines.errors import UsageError
from unmask.realtime.sinks.video import VideoSink
from unmask.realtime.types import SourceState, Verdict


def frames_of(path):
    """Times and pictures up to the end or, as every player does, to the first packet that is cut short."""
    frames = []
    with av.open(str(path)) as container, contextlib.suppress(av.InvalidDataError):
        for frame in container.decode(video=0):
            frames.append((float(frame.time), frame.to_ndarray(format="bgr24")))
    return frames


def test_the_recording_keeps_the_timing_and_shows_the_verdict(tmp_path):
    path = tmp_path / "out.mp4"
    sink = VideoSink(path, "fake")
    times = [10.0, 10.04, 10.2, 10.24]  # a variable rate, not beginning at zero
    for number, time_s in enumerate(times, 1):
        sink.take(update(time_s, face_state(Verdict.SIGNS, score=0.9), sequence=number))
    assert not path.exists(), "the target appears only when it is complete"
    sink.close()
    frames = frames_of(path)
    assert [round(time_s, 2) for time_s, _ in frames] == [0.0, 0.04, 0.2, 0.24]
    first = frames[0][1]
    assert first.shape == (240, 320, 3)
    # The box of an alarm is vermillion: much more red than blue along the left edge of the face.
    edge = first[100:140, 79:82].astype(int).mean(axis=(0, 1))
    assert edge[2] > edge[0] + 80
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_written_so_far_is_playable_without_closing(tmp_path):
    sink = VideoSink(tmp_path / "out.mp4", "fake")
    for number in range(1, 151):
        sink.take(update(number / 25, face_state(), sequence=number))
    (part,) = tmp_path.iterdir()
    assert len(frames_of(part)) >= 75, "all but the last second, and what waits in the encoder"
    sink.close()


def test_other_sources_repeated_frames_and_reconnects_are_left_out(tmp_path):
    sink = VideoSink(tmp_path / "out.mp4", "fake")
    sink.take(update(0.0, sequence=1))
    sink.take(update(0.0, sequence=1, state=SourceState.ENDED))
    sink.take(update(0.1, sequence=2, source_id="other"))
    sink.take(update(0.1, sequence=2, state=SourceState.RECONNECTING))
    sink.take(update(0.2, sequence=3))
    sink.close()
    assert len(frames_of(tmp_path / "out.mp4")) == 2


def test_a_frame_of_another_size_is_fitted_in(tmp_path):
    sink = VideoSink(tmp_path / "out.mp4", "fake")
    sink.take(update(0.0, sequence=1))
    sink.take(update(0.1, sequence=2, image=np.full((201, 101, 3), 200, np.uint8)))
    sink.close()
    frames = frames_of(tmp_path / "out.mp4")
    assert [picture.shape for _, picture in frames] == [(240, 320, 3)] * 2
    assert frames[1][1][120, 5].max() < 30, "black beside the narrow picture"
    assert frames[1][1][120, 160].min() > 150


def test_nothing_is_left_when_no_frame_came(tmp_path):
    VideoSink(tmp_path / "out.mp4", "fake").close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "sentence"), [("out.txt", "must end with"), ("no/out.mp4", "does not exist")])
def test_a_target_that_cannot_be_is_one_sentence(tmp_path, name, sentence):
    with pytest.raises(UsageError, match=sentence):
        VideoSink(tmp_path / name, "fake")


def test_matroska_is_written_too(tmp_path):
    sink = VideoSink(tmp_path / "out.mkv", "fake")
    for number in range(1, 4):
        sink.take(update(number / 25, sequence=number))
    sink.close()
    assert len(frames_of(tmp_path / "out.mkv")) == 3


def test_an_end_that_does_not_reach_the_disk_is_no_success(tmp_path, monkeypatch):
    """All that waits in the encoder is written at the end, where FFmpeg itself says nothing of a full disk."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, the disk that is always full")
    monkeypatch.setattr("unmask.realtime.sinks.video.opened_anew", lambda _: FileIO("/dev/full", "w"))
    sink = VideoSink(tmp_path / "out.mp4", "fake")
    sink.take(update(0.0, sequence=1))  # all of it lies in FFmpeg's buffers yet
    with pytest.raises(OSError, match="No space left"):
        sink.close()
