"""The video behind a page address (YouTube and others), through yt-dlp, which is an optional extra."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from unmask.engines.errors import SourceError, UsageError
from unmask.engines.plain_text import plain
from unmask.realtime.sources.addresses import check_address, redacted, scheme_of, without_passwords
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.sources.lifecycle import SourceBase, closed_while_opening
from unmask.realtime.sources.stream import StreamSource
from unmask.realtime.types import Frame

#: Hosts (and all below them) whose addresses are pages, never streams.
HOSTS = (
    "youtube.com",
    "youtu.be",
    "youtube-nocookie.com",
    "vimeo.com",
    "dailymotion.com",
    "twitch.tv",
    "tiktok.com",
    "x.com",
    "twitter.com",
    "facebook.com",
    "instagram.com",
    "reddit.com",
)

#: Pictures only, up to 1080p, straight over HTTP or as a playlist; sound is of no use here.
FORMAT = "bv*[height<=1080][protocol^=http]/bv*[height<=1080][protocol^=m3u8]/b[height<=1080]"

_LONGEST_TITLE = 120

#: Page address, seconds -> what yt-dlp knows of the video.
Extractor = Callable[[str, float], Mapping[str, Any]]


def is_page(address: str) -> bool:
    """Whether the address belongs to a site that is known to serve pages."""
    try:
        host = (urlsplit(address).hostname or "").lower()
    except ValueError:
        return False
    return any(host == site or host.endswith("." + site) for site in HOSTS)


class PageSource(SourceBase):
    """Asks for the video's own address at every ``open`` (they expire) and then is that stream."""

    def __init__(
        self, source_id: str, address: str, *, timeout_s: float = 10.0, extractor: Extractor | None = None
    ) -> None:
        super().__init__(source_id)
        if scheme_of(address) not in ("http", "https"):
            raise UsageError(f"A page address starts with http:// or https://, not {redacted(address)}.")
        check_address(address)
        self._address = address
        self._timeout_s = timeout_s
        self._extract = extractor or _yt_dlp
        self._stream: StreamSource | None = None
        self._live = False

    def _open(self) -> SourceInfo:
        found = self._extract(self._address, self._timeout_s)
        if not isinstance(found, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - from outside
            raise SourceError(f"{self.source_id} gave nothing that can be understood; update yt-dlp.")
        if "entries" in found:
            raise SourceError(f"{self.source_id} is a list of videos; give the page of one of them.")
        direct = found.get("url")
        if not isinstance(direct, str) or scheme_of(direct) not in ("http", "https"):
            raise SourceError(f"{self.source_id} offers no video that can be fetched over http(s).")
        headers = self._checked(found.get("http_headers") or {})
        self._stream = StreamSource(direct, self.source_id, timeout_s=self._timeout_s, headers=headers)
        if self._stop.is_set():
            raise closed_while_opening(self.source_id)
        info = self._stream.open()
        self._live = info.live
        title = plain(str(found.get("title") or self.source_id), _LONGEST_TITLE)
        return SourceInfo(
            self.source_id,
            "page",
            f"{title}, {info.width}x{info.height}",
            info.live,
            info.width,
            info.height,
            info.fps,
            info.duration_s,
            info.frame_count,
        )

    def _checked(self, headers: Any) -> dict[str, str]:
        """What is sent with the request: names and values of one line, or it would be another request."""
        if not isinstance(headers, Mapping) or not all(
            isinstance(part, str) and part.isprintable() for pair in headers.items() for part in pair
        ):
            raise SourceError(f"{self.source_id} wants its video asked for in a way that cannot be; update yt-dlp.")
        return dict(headers)

    def _grab(self) -> Frame | None:
        assert self._stream is not None
        frame = self._stream.read()
        if frame is None:
            return None
        return self._frame(frame.image, frame.captured_at, None if self._live else frame.time_s)

    def _wake(self) -> None:
        stream = self._stream
        if stream is not None:
            stream.close()

    def _free(self) -> None:
        if self._stream is not None:
            self._stream.close()


def page_problem() -> str:
    """Why pages cannot be opened here; empty when they can."""
    try:
        import yt_dlp  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError:
        return "yt-dlp is not installed; run: pip install 'unmask[page]'"
    return ""


def _yt_dlp(address: str, timeout_s: float) -> Mapping[str, Any]:
    problem = page_problem()
    if problem:
        raise SourceError(f"Page addresses cannot be opened: {problem}.")
    import yt_dlp

    options: Any = {
        "format": FORMAT,
        "noplaylist": True,
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "socket_timeout": timeout_s,
        "cachedir": False,
        "color": "never",
        "logger": _Silence(),
    }
    try:
        with yt_dlp.YoutubeDL(options) as downloader:
            return downloader.extract_info(address, download=False) or {}
    except Exception as error:  # what reads a page that has changed stumbles in any way
        said = str(error) or type(error).__name__
        reason = plain(without_passwords(said.removeprefix("ERROR: ").partition("\n")[0]), 200)
        raise SourceError(
            f"{redacted(address)} cannot be opened ({reason}); check the address, or update yt-dlp."
        ) from error


class _Silence:
    """yt-dlp prints errors that it also raises; one report is enough."""

    def debug(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...

    def error(self, message: str) -> None: ...
