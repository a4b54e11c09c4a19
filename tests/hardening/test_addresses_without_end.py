"""Servers that send without end, slowly, or no video at all: one sentence, in bounded time, and no thread is left."""

from __future__ import annotations

import gzip
import io
import threading
import time

import av
import cv2
import numpy as np
import pytest
from hostile_videos import scene, write_video
from raw_server import TIMEOUT_S, http, refusal_of, repeats, sends, serving, transport_stream, trickles

pytestmark = pytest.mark.usefixtures("no_leaks")

HLS = "application/vnd.apple.mpegurl"


def grabbing():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("grab ")]


def check_nobody_listens_any_more():
    """While the server goes on sending: the thread that read it is gone, and the connection with it."""
    deadline = time.monotonic() + 3
    while grabbing() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert grabbing() == []


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (sends(b""), "check that the stream is running"),
        (sends(b"\x00" * 5000), "."),
        (sends(b"HTTP/1.1 200 OK\r\n\r\n"), "."),
        (sends(http(b"")), "."),
        (sends(http(status="204 No Content")), "."),
        (sends(http(b"{}", status="500 Oops", kind="application/json")), "try again later"),
        (sends(http(status="401 No", WWW_Authenticate="Basic realm=x")), "check the address and the password"),
        (sends(http(status="999 What")), "."),
        (sends(http(b"<!DOCTYPE html><p>Sign in</p>" * 50, kind="text/html")), "nothing that can be read as video"),
        (sends(http(b"frames\n" * 2000, kind="text/plain")), "nothing that can be read as video"),
        (sends(http(b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5000 RTP/AVP 96\n")), "read as video"),
        (sends(http(gzip.compress(bytes(64 << 20), 9), Content_Encoding="gzip")), "."),
        (sends(http(b"\x00" * 100, Content_Length=str(10 << 30))), "."),
        (sends(http(b"\x00" * 100, Content_Length="-5")), "."),
        (sends(http(transport_stream()[:3000], Content_Length="99999999999999999999")), "."),
    ],
)
def test_an_answer_that_is_no_video(answer, sentence):
    # What answers at once is given time, for a machine that is busy.
    timeout_s = TIMEOUT_S if sentence == "." else 10 * TIMEOUT_S
    with serving(answer) as server:
        assert sentence in refusal_of(f"{server}/a.mp4", timeout_s)


@pytest.mark.parametrize(
    "answer",
    [
        repeats(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n"),
        repeats(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 4096),
        repeats(b"", b"x" * 4096),
        repeats(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        repeats(http(Content_Length=str(1 << 40)), bytes(65536)),
        repeats(http(Content_Length=str(1 << 40), kind="text/html"), b"<p>more</p>" * 1000),
        repeats(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n\x00\r\n" * 1000),
        repeats(http(Content_Length=str(1 << 40), kind="video/mp2t"), (b"\x47\x1f\xff\x10" + b"\xff" * 184) * 300),
        repeats(http(kind=HLS, Content_Length=str(1 << 40)) + b"#EXTM3U\n", b"#EXTINF:2,\na.ts\n"),
        trickles(http(transport_stream(), kind="video/mp2t"), 0.05),
        repeats(b"", b"", 0.05),
    ],
    ids=["headers", "header", "status", "continue", "zeros", "page", "chunks", "null", "playlist", "slow", "mute"],
)
def test_an_answer_without_end_is_left(answer):
    with serving(answer) as server:
        began = time.monotonic()
        refusal_of(f"{server}/live.ts")
        check_nobody_listens_any_more()
        assert time.monotonic() - began < 20 * TIMEOUT_S


def jpeg_part(picture):
    body = cv2.imencode(".jpg", picture)[1].tobytes() if isinstance(picture, np.ndarray) else picture
    return f"--cut\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n"


def with_sound():
    """A second of pictures and sound as a transport stream, and the packets of its sound alone."""
    data = io.BytesIO()
    with av.open(data, "w", format="mpegts") as out:
        video, sound = out.add_stream("mpeg2video", rate=25), out.add_stream("mp2", rate=48000, layout="mono")
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for number in range(25):
            out.mux(video.encode(av.VideoFrame.from_ndarray(scene(number=number), format="bgr24")))
            noise = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.int16), format="s16", layout="mono")
            noise.sample_rate, noise.pts = 48000, 1920 * number
            out.mux(sound.encode(noise))
        out.mux(video.encode(None))
    packets = [data.getvalue()[at : at + 188] for at in range(0, len(data.getvalue()), 188)]
    return data.getvalue(), b"".join(packet for packet in packets if packet[1] & 0x1F == 1 and packet[2] == 1)


def turns_into(kind):
    """The head, the good beginning, and what then comes for ever."""
    good = transport_stream()
    head = http(Content_Length="", kind="video/mp2t")
    if kind == "null packets":
        return head + good * 4, (b"\x47\x1f\xff\x10" + b"\xff" * 184) * 50
    if kind == "sound alone":
        both, sound = with_sound()
        return head + both, sound
    camera = http(Content_Length="", kind="multipart/x-mixed-replace; boundary=cut")
    return camera + jpeg_part(scene(256, 96)) * 40, jpeg_part(b"\xff\xd8\xff\xc0" + bytes(2000)) * 5


@pytest.mark.parametrize("kind", ["null packets", "damaged pictures", "sound alone"])
def test_a_stream_that_turns_into_something_else_is_left(kind):
    """It sends all the time, and nothing of it becomes a picture: neither the person nor a thread waits for ever."""
    with serving(repeats(*turns_into(kind), 0.002)) as server:
        text = refusal_of(f"{server}/live.ts")
        check_nobody_listens_any_more()
    assert "sent no picture" in text


def test_a_redirected_body_that_breaks_off_is_an_error_not_an_end():
    body = io.BytesIO()
    write_video(body, [scene(number=n) for n in range(100)], container="matroska", codec="libx264", pix_fmt="yuv420p")
    whole = body.getvalue()
    with serving(sends(http(whole[: len(whole) // 2], Content_Length=str(len(whole))))) as server:
        assert refusal_of(f"{server}/a.mkv")
