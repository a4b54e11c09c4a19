"""Video files of every hostile kind: each plays upright and in time, or is refused in one sentence."""

from __future__ import annotations

import os
import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.error import InvalidDataError
from av.stream import Disposition
from hostile_videos import everything, refusal, scene, small

from unmask.realtime.sources.decoding import frames_of

pytestmark = pytest.mark.usefixtures("no_leaks", "nothing_open")


# --- what is no video at all


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("noise.mp4", bytes(range(256)) * 40, "is not a video that can be read"),
        ("zip.mkv", b"PK\x03\x04" + bytes(2000), "is not a video that can be read"),
        ("program.avi", b"\x7fELF\x02\x01\x01" + bytes(4000), "is not a video that can be read"),
        ("page.mp4", b"<!DOCTYPE html><html><body>Not found</body></html>\n", "is plain text, not a video"),
        ("note.txt", b"frames\n" * 400, "is plain text, not a video"),
        ("call.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHello\n\n", "holds no video"),
        ("one.mp4", b"\x00", "is not a video that can be read"),
        ("empty.webm", b"", r"is empty \(0 bytes\)"),
        ("a.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\npart.ts\n#EXT-X-ENDLIST\n", "is a playlist"),
        ("b.mp4", b"ffconcat version 1.0\nfile part.ts\n", "is a playlist"),
        ("c.mp4", b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>', "is a playlist"),
        ("d.sdp", b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5000 RTP/AVP 96\n", "is a session description"),
        ("\x1b[31mred\n.mp4", b"\x01\x02", r"^\\x1b\[31mred\\n\.mp4 is not a video"),
    ],
)
def test_what_is_no_video_is_refused_by_name(tmp_path, name, data, sentence):
    path = tmp_path / name
    path.write_bytes(data)
    assert re.search(sentence, refusal(path))


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{part}\n#EXT-X-ENDLIST\n",
    "hls key": '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI="{part}"\n#EXTINF:2,\n{part}\n',
    "concat": "ffconcat version 1.0\nfile {part}\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" '
    'bandwidth="1000"><BaseURL>{part}</BaseURL></Representation></AdaptationSet></Period></MPD>',
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe to see who opens it")
@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("where", ["part.ts", "{folder}/part.ts", "file://{folder}/part.ts"])
def test_a_playlist_is_refused_before_anything_in_it_is_opened(tmp_path, kind, where):
    """What it names is a pipe: whoever opened it would wait for ever."""
    os.mkfifo(tmp_path / "part.ts")
    path = tmp_path / "list.mp4"
    path.write_text(PLAYLISTS[kind].format(part=where.format(folder=tmp_path)))
    assert "is a playlist" in refusal(path)


def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path / "pipe.mp4", Path("/dev/zero"), tmp_path):
        assert "is not a file" in refusal(path)


# --- containers without pictures


def test_a_header_without_a_frame(tmp_path):
    for name in ("a.mp4", "a.mkv", "a.avi", "a.mov"):
        path = tmp_path / name
        with av.open(str(path), "w") as out:
            stream = out.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            out.start_encoding()
        assert refusal(path)


def with_sound(out):
    """A quarter of a second of silence."""
    stream = out.add_stream("aac", rate=16000, layout="mono")
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 4000), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 16000, 0, Fraction(1, 16000)
    return stream, [frame, None]


def test_sound_with_a_cover_picture_is_no_video(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as out:
        sound, frames = with_sound(out)
        cover = out.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        for frame in frames:
            out.mux(sound.encode(frame))
        picture = av.VideoFrame.from_ndarray(scene(), format="bgr24").reformat(format="yuvj420p")
        picture.pts, picture.time_base = 0, Fraction(1, 25)
        out.mux(cover.encode(picture))
        out.mux(cover.encode(None))
    assert "holds no video (only sound)" in refusal(path)


def test_a_coding_that_nobody_here_can_read(tmp_path):
    path = tmp_path / "odd.mp4"
    path.write_bytes(small("mp4").replace(b"avc1", b"zzzz"))
    assert "coding that cannot be read" in refusal(path)


def two_streams(path, default):
    """A blue video and a red one in one file; ``default`` is the place of the one that players show."""
    colours = ((220, 20, 20), (20, 20, 220))
    with av.open(str(path), "w") as out:
        streams = [out.add_stream("ffv1", rate=25) for _ in colours]
        for place, stream in enumerate(streams):
            stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
            stream.disposition = Disposition.default if place == default else Disposition(0)
        for number in range(5):
            for stream, colour in zip(streams, colours, strict=True):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), colour, np.uint8), format="bgr24")
                frame = frame.reformat(format="bgr0")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                out.mux(stream.encode(frame))
        for stream in streams:
            out.mux(stream.encode(None))


@pytest.mark.parametrize("default", [0, 1])
def test_of_two_videos_in_one_file_the_one_that_players_show_is_judged(tmp_path, default):
    two_streams(tmp_path / "two.mkv", default)
    frames = everything(tmp_path / "two.mkv")
    assert len(frames) == 5
    assert frames[0].image[10, 10, 2 * default] > 200


# --- closing


def test_a_search_for_a_sound_frame_ends_when_nobody_waits_any_more():
    class Packet:
        def __init__(self, stream):
            self.stream = stream

        def decode(self):
            raise InvalidDataError(0, "damaged")

    class Endless:
        given = 0

        def demux(self):
            while True:
                self.given += 1
                assert self.given <= 100, "nobody looked whether it was closed"
                yield Packet("video" if self.given % 2 else "sound")

    endless, damage = Endless(), [0]
    assert list(frames_of(endless, "video", damage, lambda: endless.given >= 50)) == []
    assert damage == [25]
