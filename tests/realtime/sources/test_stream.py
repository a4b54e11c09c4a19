"""Streams over the loopback: servers that answer, hang, die and come back."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import av
import cv2
import numpy as np
import pytest

from unmask.engines.errors import SourceError, UsageError
from unmask.realtime.sources.addresses import redacted
from unmask.realtime.sources.stream import StreamSource
from unmask.realtime.sources.stream import _explain as explain
from unmask.realtime.sources.synthetic import draw_pattern, read_number


def serve(handler, port=0):
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


@contextmanager
def serving(handler, port=0):
    server = serve(handler, port)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def motion_jpeg(frames, hold=None):
    """A camera that sends ``frames`` numbered pictures and then hangs up, or holds the line."""

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=cut")
            self.end_headers()
            for number in range(frames):
                jpeg = cv2.imencode(".jpg", draw_pattern(256, 96, number))[1].tobytes()
                head = f"--cut\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                try:
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
                except OSError:
                    return
            if hold is not None:
                hold.wait(20)

        def log_message(self, *_):
            pass

    return Camera


def address(server, path="/"):
    return f"http://127.0.0.1:{server.server_address[1]}{path}"


def read_to_the_end(source):
    numbers = []

    def read_on():
        while (frame := source.read()) is not None:
            numbers.append(read_number(frame.image))

    with pytest.raises(SourceError) as caught:
        read_on()
    return numbers, caught.value


def test_a_live_stream_dies_and_comes_back():
    with serving(motion_jpeg(40)) as server:
        port = server.server_address[1]
        source = StreamSource(address(server), timeout_s=10)
        info = source.open()
        assert (info.kind, info.live, info.width, info.height) == ("stream", True, 256, 96)
        numbers, error = read_to_the_end(source)
    assert error.retryable
    assert numbers == sorted(set(numbers)), "frames came twice or out of order"
    assert numbers[-1] == 39, "the newest frame was not the last one given"
    assert len(numbers) + source.dropped == 40
    with pytest.raises(SourceError) as caught:
        source.open()
    assert caught.value.retryable
    with serving(motion_jpeg(40), port):
        source.open()
        again, _ = read_to_the_end(source)
    assert again[-1] == 39


def test_a_slow_reader_sees_the_newest_frame(until):
    hold = threading.Event()
    with serving(motion_jpeg(60, hold)) as server:
        source = StreamSource(address(server), timeout_s=10)
        source.open()
        # mpjpeg gives a picture out when the next one begins; the last may still be held back.
        until(lambda: source.dropped >= 57)
        frame = source.read()
        assert read_number(frame.image) >= 57
        assert frame.skipped >= 57
        assert frame.time_s >= 0
        hold.set()
        source.close()


def test_close_ends_a_read_that_waits():
    hold = threading.Event()
    with serving(motion_jpeg(5, hold)) as server:
        source = StreamSource(address(server), timeout_s=20)
        source.open()
        ended = threading.Event()

        def drain():
            while source.read() is not None:
                pass
            ended.set()

        threading.Thread(target=drain, daemon=True).start()
        assert not ended.wait(0.3)
        start = time.monotonic()
        source.close()
        assert ended.wait(1.0)
        assert time.monotonic() - start < 1.0
        hold.set()


def test_close_ends_an_open_that_hangs():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = StreamSource(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/x", timeout_s=20)
        failed = []
        done = threading.Event()

        def opening():
            try:
                source.open()
            except SourceError as error:
                failed.append(error)
            done.set()

        threading.Thread(target=opening, daemon=True).start()
        assert not done.wait(0.3)
        source.close()
        assert done.wait(1.0)
        assert failed[0].retryable
        assert "closed" in str(failed[0])


def test_a_server_that_never_answers_is_a_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = StreamSource(f"http://127.0.0.1:{silent.getsockname()[1]}/x", timeout_s=0.3)
        with pytest.raises(SourceError) as caught:
            source.open()
    assert caught.value.retryable


def test_a_stream_that_falls_silent_is_an_error():
    hold = threading.Event()
    with serving(motion_jpeg(5, hold)) as server:
        source = StreamSource(address(server), timeout_s=0.5)
        source.open()
        _, error = read_to_the_end(source)
        hold.set()
    assert error.retryable
    assert "no picture" in str(error)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def folder_server(folder):
    return lambda *args: Quiet(*args, directory=str(folder))


def test_a_file_on_a_server_is_finite_and_complete(video, tmp_path):
    video(tmp_path / "a.mp4", frames=60, container_options={"movflags": "faststart"})
    with serving(folder_server(tmp_path)) as server:
        source = StreamSource(address(server, "/a.mp4"))
        info = source.open()
        assert not info.live
        assert info.duration_s == pytest.approx(2.4, abs=0.1)
        frames = []
        while (frame := source.read()) is not None:
            frames.append(frame)
    assert [read_number(frame.image) for frame in frames] == list(range(60))
    assert [frame.time_s for frame in frames] == pytest.approx([0.04 * n for n in range(60)], abs=2e-3)


def test_a_title_in_another_encoding_than_utf8_matters_to_nobody(video, tmp_path):
    path = video(tmp_path / "old.mp4", title="Grüße")
    path.write_bytes(path.read_bytes().replace("ü".encode(), b"\xfc\xfc"))
    with serving(folder_server(tmp_path)) as server:
        source = StreamSource(address(server, "/old.mp4"))
        assert source.open().width == 256
        source.close()


def test_a_page_that_is_not_there_is_named(tmp_path):
    """A session gives up at once where a source never opened; later the sender may only not be back yet."""
    with serving(folder_server(tmp_path)) as server, pytest.raises(SourceError, match=r"refuses.*404") as caught:
        StreamSource(address(server, "/none.mp4")).open()
    assert caught.value.retryable


def test_a_playlist_cannot_read_local_files(video, tmp_path):
    secret = video(tmp_path / "secret.ts")
    web = tmp_path / "web"
    web.mkdir()
    for name, target in (("plain.m3u8", secret), ("url.m3u8", f"file://{secret}")):
        (web / name).write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.2,\n{target}\n#EXT-X-ENDLIST\n")
    with serving(folder_server(web)) as server:
        for name in ("plain.m3u8", "url.m3u8"):
            with pytest.raises(SourceError):
                StreamSource(address(server, f"/{name}"), timeout_s=3).open()


def test_an_honest_playlist_plays(video, tmp_path):
    video(tmp_path / "part.ts")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.2,\npart.ts\n#EXT-X-ENDLIST\n")
    with serving(folder_server(tmp_path)) as server:
        source = StreamSource(address(server, "/list.m3u8"))
        assert not source.open().live
        assert read_number(source.read().image) == 0
        source.close()


def test_a_redirect_to_a_file_is_refused(video, tmp_path):
    secret = video(tmp_path / "secret.mp4")

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302)
            self.send_header("Location", f"file://{secret}")
            self.end_headers()

        def log_message(self, *_):
            pass

    with serving(Redirect) as server, pytest.raises(SourceError):
        StreamSource(address(server, "/a.mp4"), timeout_s=3).open()


def test_udp(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stop = threading.Event()

    def send():
        target = f"udp://127.0.0.1:{port}?pkt_size=1316"
        with av.open(target, "w", format="mpegts") as container:
            stream = container.add_stream("mpeg2video", rate=25, options={"g": "5"})
            stream.width, stream.height, stream.pix_fmt = 256, 96, "yuv420p"
            number = 0
            while not stop.wait(0.02):
                frame = av.VideoFrame.from_ndarray(draw_pattern(256, 96, number), format="bgr24")
                container.mux(stream.encode(frame))
                number += 1

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    source = StreamSource(f"udp://127.0.0.1:{port}", timeout_s=10)
    try:
        info = source.open()
        assert info.live
        first, second = source.read(), source.read()
        assert read_number(second.image) > read_number(first.image)
        assert second.time_s > first.time_s
    finally:
        source.close()
        stop.set()
        sender.join(5)


def test_sound_alone_is_no_stream(tmp_path):
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with serving(folder_server(tmp_path)) as server, pytest.raises(SourceError, match="no video"):
        StreamSource(address(server, "/a.wav")).open()


@pytest.mark.parametrize(
    "bad",
    ["file:///etc/passwd", "/etc/passwd", "concat:a|b", "pipe://0", "http://", "rtsp:///x", "ftp://h/x"],
)
def test_other_addresses_are_refused(bad):
    with pytest.raises(UsageError):
        StreamSource(bad)


def test_passwords_are_not_shown():
    source = StreamSource("rtsp://me:secret@127.0.0.1:1/x", timeout_s=1)
    assert source.source_id == "rtsp://me:***@127.0.0.1:1/x"
    with pytest.raises(SourceError) as caught:
        source.open()
    assert "secret" not in str(caught.value)
    assert redacted("http://host/x?y=1") == "http://host/x?y=1"
    assert redacted("rtsp://host/user=me&password=secret&channel=1") == "rtsp://host/user=me&password=***&channel=1"
    assert redacted("http://host/live?Token=secret#a") == "http://host/live?Token=***#a"
    assert redacted("http://host/bypass=way") == "http://host/bypass=way"


@pytest.mark.parametrize(("kind", "again"), [("HTTPNotFoundError", True), ("HTTPUnauthorizedError", False)])
def test_a_server_that_has_no_such_stream_yet_is_asked_again_one_that_refuses_the_password_is_not(kind, again):
    error = explain("rtsp://there/live", 10.0, getattr(av.error, kind)(0, "no"))
    assert (error.retryable, "refuses" in str(error)) == (again, True)
