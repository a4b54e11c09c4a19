"""Addresses of hostile servers: no way to this machine's files, no endless wait, one sentence for everything."""

from __future__ import annotations

import contextlib
import os
import threading
import time

import pytest
from hostile_videos import check_sentence
from raw_server import TIMEOUT_S, RawServer, http, refusal_of, sends, serving, transport_stream

from unmask.engines.errors import SourceError, UnmaskError, UsageError
from unmask.realtime.sources.addresses import PROTOCOLS, check_address
from unmask.realtime.sources.page import PageSource
from unmask.realtime.sources.registry import make_source
from unmask.realtime.sources.stream import StreamSource

pytestmark = pytest.mark.usefixtures("no_leaks")

# --- what may be typed


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "concat:http://a/x|/etc/passwd",
        "concat://a|b",
        "subfile,,start,0,end,0,,:/etc/passwd",
        "subfile://x",
        "data:video/mp4;base64,AAAA",
        "data://text/plain,hello",
        "crypto:/etc/passwd",
        "crypto+http://host/x",
        "cache:http://host/x",
        "async:http://host/x",
        "pipe:0",
        "unix:///tmp/socket",
        "ftp://host/x",
        "sftp://host/x",
        "smb://host/x",
        "gopher://host/x",
        "rtp://host:5000",
        "mmsh://host/x",
        "lavfi://testsrc",
        "avdevice://x",
        "http+file://host/x",
        "http://",
        "http:///x",
        "http://[::1",
        "http://[zz]/x",
        "http://host:port/x",
        "http://host:99999/x",
        "http://host/\r\nX-Evil: 1",
        "http://host/\x1b[31mred",
        "http://host/\x00",
        "http://\u2100.example/x",
        "http://host/" + "x" * 5000,
        " http://host/x",
    ],
)
def test_what_is_no_address_is_refused_in_one_short_sentence(address):
    with pytest.raises(UsageError) as caught:
        StreamSource(address)
    assert len(check_sentence(caught.value)) < 400


def test_no_protocol_of_any_address_reads_a_file():
    local = {"file", "concat", "concatf", "subfile", "data", "pipe", "fd", "cache", "async", "unix", "md5", "tee"}
    for scheme, allowed in PROTOCOLS.items():
        assert not local & set(allowed.split(",")), scheme
        assert check_address(f"{scheme.upper()}://host:1/x") == scheme


@pytest.mark.parametrize("spec", ["http://[::1", "https://host:x/", "page:http://[::1", "page:https://h\x00st/"])
def test_the_registry_says_so_too(spec):
    with pytest.raises(UnmaskError) as caught:
        make_source(spec).open()
    check_sentence(caught.value)


# --- ways to this machine's files


class Trap:
    """A named pipe; ``opened`` tells whether anybody opened it for reading."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path, self.opened = path, False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="trap")

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(5)

    def _look(self):
        while not self._over.wait(0.005):
            with contextlib.suppress(OSError):  # nobody reads
                os.close(os.open(self.path, os.O_WRONLY | os.O_NONBLOCK))
                self.opened = True


SEGMENT = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n"
VARIANT = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n{target}\n"
KEY = (
    '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF:2,\npart.ts\n#EXT-X-ENDLIST\n'
)
MAP = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI="{target}"\n#EXTINF:2,\npart.ts\n#EXT-X-ENDLIST\n'
SOUND = (
    '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",DEFAULT=YES,URI="{target}"\n'
    '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\n{target}\n'
)
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" '
    'bandwidth="1000"><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>'
)
CONCAT = "ffconcat version 1.0\nfile '{target}'\n"
TARGETS = (
    "{path}",
    "file://{path}",
    "file:{path}",
    "concat:{path}",
    "crypto:{path}",
    "subfile,,start,0,end,0,,:{path}",
)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe to see who opens it")
@pytest.mark.parametrize("playlist", [SEGMENT, VARIANT, KEY, MAP, SOUND, DASH, CONCAT])
def test_a_playlist_from_the_network_opens_no_file(tmp_path, playlist):
    part = transport_stream()

    def answer(connection, request, over):
        number = int(request.split(b" ")[1].rpartition(b"=")[2] or 0) if b"?n=" in request else 0
        if b"part.ts" in request:
            connection.sendall(http(part, kind="video/mp2t"))
        else:
            body = playlist.format(target=TARGETS[number].format(path=tmp_path / "secret.ts"))
            connection.sendall(http(body.encode(), kind="application/vnd.apple.mpegurl"))

    with Trap(tmp_path / "secret.ts") as trap, serving(answer) as server:
        for number in range(len(TARGETS)):
            name = "list.mpd" if playlist is DASH else "list.m3u8"
            source = StreamSource(f"{server}/{name}?n={number}", timeout_s=TIMEOUT_S)
            with contextlib.closing(source), contextlib.suppress(SourceError):
                source.open()
                source.read()
        time.sleep(0.05)
    assert not trap.opened


def test_the_trap_notices_who_opens_it(tmp_path):
    with Trap(tmp_path / "secret.ts") as trap, (tmp_path / "secret.ts").open("rb") as file:
        file.read()
    assert trap.opened


@pytest.mark.parametrize(
    "place",
    [
        "file:///etc/passwd",
        "/etc/passwd\x00",
        "rtsp://127.0.0.1:1/x",
        "data:,x",
        "ftp://h/x",
        "concat:/a|/b",
        "\x1b[31m",
    ],
)
def test_a_redirect_to_something_else_is_not_followed(place):
    with serving(sends(http(status="302 Found", Location=place))) as server:
        assert refusal_of(f"{server}/a.mp4")


def test_redirects_in_a_circle_end():
    def answer(connection, request, over):
        connection.sendall(http(status="301 Moved", Location=request.split(b" ")[1].decode() + "x"))

    with RawServer(answer) as server:
        refusal_of(f"http://127.0.0.1:{server.port}/", timeout_s=5)
    assert 2 < len(server.requests) <= 20


def test_an_honest_redirect_is_followed():
    body = transport_stream()

    def answer(connection, request, over):
        moved = b"GET /new" not in request
        connection.sendall(http(status="302 Found", Location="/new.ts") if moved else http(body, kind="video/mp2t"))

    with serving(answer) as server, contextlib.closing(StreamSource(f"{server}/old.ts", timeout_s=5)) as source:
        assert source.open().width == 64


# --- pages


def page(found):
    return PageSource("page", "https://example.org/watch", timeout_s=10 * TIMEOUT_S, extractor=lambda address, s: found)


@pytest.mark.parametrize(
    "found",
    [
        [],
        "text",
        {"url": "file:///etc/passwd"},
        {"url": "http+unix:///x"},
        {"url": ["http://host/x"]},
        {"url": "http://host/\r\nEvil: 1"},
        {"url": "http://[::1"},
        {"url": "http://127.0.0.1:9/x", "http_headers": ["a"]},
        {"url": "http://127.0.0.1:9/x", "http_headers": {"X": "1\r\nEvil: 2"}},
        {"url": "http://127.0.0.1:9/x", "http_headers": {"X": 5}},
        {"entries": [{}]},
        {},
    ],
)
def test_what_a_page_gives_is_not_believed(found):
    source = page(found)
    with pytest.raises(UnmaskError) as caught:
        source.open()
    check_sentence(caught.value)


def test_a_title_cannot_steer_the_terminal():
    with serving(sends(http(transport_stream(), kind="video/mp2t"))) as server:
        source = page({"url": f"{server}/a.ts", "title": "\x1b]0;gone\x07" + "long " * 500})
        with contextlib.closing(source):
            info = source.open()
    assert info.description.isprintable()
    assert len(info.description) < 200


def test_a_page_that_breaks_its_reader_is_one_sentence(monkeypatch):
    yt_dlp = pytest.importorskip("yt_dlp")

    def stumble(self, *args, **kwargs):
        raise KeyError("formats")

    monkeypatch.setattr(yt_dlp.YoutubeDL, "extract_info", stumble)
    with pytest.raises(SourceError, match="cannot be opened") as caught:
        PageSource("page", "https://example.org/watch").open()
    check_sentence(caught.value)
