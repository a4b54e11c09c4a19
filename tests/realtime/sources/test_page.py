"""Page addresses with a fake extractor, and a real server behind it."""

from __future__ import annotations

import builtins
import io
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from unmask.engines.errors import SourceError, UsageError
from unmask.realtime.sources.page import PageSource
from unmask.realtime.sources.synthetic import read_number

PAGE = "https://example.org/watch?v=1"


def page(**found):
    return PageSource("page", PAGE, extractor=lambda address, timeout_s: found)


def test_the_video_behind_a_page(video, tmp_path):
    video(tmp_path / "a.mp4", frames=20)
    agents = []

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, *_):
            agents.append(self.headers["X-Test"])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    direct = f"http://127.0.0.1:{server.server_address[1]}/a.mp4"
    source = page(url=direct, title="A talk", http_headers={"X-Test": "yes"})
    info = source.open()
    assert (info.kind, info.live, info.source_id) == ("page", False, "page")
    assert "A talk" in info.description
    numbers = []
    while (frame := source.read()) is not None:
        numbers.append(read_number(frame.image))
        assert frame.source_id == "page"
    assert numbers == list(range(20))
    server.shutdown()
    server.server_close()
    assert agents[0] == "yes"


def test_only_http_comes_out_of_a_page():
    for url in ("file:///etc/passwd", "rtsp://x/y", "", None, 3):
        with pytest.raises(SourceError, match="no video"):
            page(url=url).open()
    with pytest.raises(SourceError, match="list of videos"):
        page(entries=[]).open()
    with pytest.raises(UsageError):
        PageSource("page", "file:///etc/passwd")


def test_without_the_extra_the_remedy_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] == "yt_dlp":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SourceError, match=r"pip install 'unmask\[page\]'"):
        PageSource("page", PAGE).open()


def test_yt_dlp_errors_are_one_sentence():
    pytest.importorskip("yt_dlp")
    with pytest.raises(SourceError) as caught:
        PageSource("page", "http://127.0.0.1:9/none", timeout_s=1).open()
    assert "\n" not in str(caught.value)
    assert "cannot be opened" in str(caught.value)


def test_yt_dlp_errors_carry_no_colours_of_a_terminal(monkeypatch):
    pytest.importorskip("yt_dlp")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with pytest.raises(SourceError) as caught:
        PageSource("page", "http://127.0.0.1:9/none", timeout_s=1).open()
    assert "\x1b" not in str(caught.value)
    assert "ERROR" not in str(caught.value)
    assert "check the address" in str(caught.value)
