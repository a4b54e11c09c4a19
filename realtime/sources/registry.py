"""From what a person types to a source, and what this machine has to offer.

The modules of the sources are imported when one is made: a headless machine needs no screen library,
and a scan of files needs no camera.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unmask.engines.errors import UsageError
from unmask.engines.plain_text import plain
from unmask.realtime.sources.addresses import PROTOCOLS, redacted, scheme_of, without_passwords
from unmask.realtime.sources.base import FrameSource
from unmask.realtime.sources.listing import SourceListing, list_sources

__all__ = ["SourceListing", "SourceOptions", "list_sources", "make_source", "refuse_unused"]

#: What ``make_source`` understands, for the sentence of an error.
ACCEPTED = (
    "a camera (0, camera:NAME), screen or screen:N, region:LEFT,TOP,WIDTH,HEIGHT, window:TITLE, "
    "an address (rtsp, http, https, udp, tcp, srt, rtmp), page:ADDRESS, "
    "the path of a video, picture, folder of pictures or zip, or synthetic"
)

#: The wishes in ``SourceOptions``, and what can grant them.
_WISHES = {
    "width": "cameras",
    "height": "cameras",
    "fps": "cameras, screens, windows and pictures in a folder or zip",
    "backend": "cameras",
}


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Wishes for a source; ``None`` leaves the choice to it. What one source of several has no use for
    it ignores; what none of them can grant, ``refuse_unused`` refuses.

    ``width``, ``height`` in pixels and ``backend`` are for cameras (and the size of the synthetic
    pattern), ``fps`` for cameras, screens, windows, folders, archives and the pattern. ``timeout_s``
    bounds opening and every wait for a picture. ``archive_bytes`` is what a zip may unpack to.
    """

    width: int | None = None
    height: int | None = None
    fps: float | None = None
    backend: str = "auto"
    timeout_s: float = 10.0
    archive_bytes: int = 8 << 30

    def __post_init__(self) -> None:
        for name in ("width", "height", "fps", "timeout_s", "archive_bytes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"{name} must be more than 0, not {value}.")


def make_source(spec: str, options: SourceOptions | None = None) -> FrameSource:
    """The source that ``spec`` means, not yet open. ``UsageError`` when it means none."""
    options = options or SourceOptions()
    spec = spec.strip()
    kind, _, rest = spec.partition(":")
    if spec.isdecimal() or spec == "camera" or (kind == "camera" and rest):
        return _camera(spec, rest if kind == "camera" else spec, options)
    if spec == "screen" or kind in ("screen", "region"):
        return _screen(spec, kind, rest, options)
    if kind == "window":
        return _window(spec, rest, options)
    if spec == "synthetic" or kind == "synthetic":
        return _synthetic(spec, rest, options)
    if device := re.fullmatch(r"/dev/video([0-9]+)", spec):
        return _camera(spec, device[1], options)
    if kind == "page":
        return _page(redacted(rest), rest, options)
    if scheme_of(spec):
        return _address(spec, options)
    return _path(spec, options)


def refuse_unused(sources: Sequence[FrameSource], options: SourceOptions) -> None:
    """Raise ``UsageError`` for a wish in ``options`` that no one of ``sources`` can grant."""
    taken = {name for source in sources for name in getattr(source, "takes", ())}
    no_wish = SourceOptions()
    for name, wanted in _WISHES.items():
        if getattr(options, name) != getattr(no_wish, name) and name not in taken:
            raise UsageError(f"--{name} is for {wanted}, and no source here is one: leave it out.")


def _camera(spec: str, which: str, options: SourceOptions) -> FrameSource:
    from unmask.realtime.sources.camera import CameraSource

    return CameraSource(
        spec,
        int(which or "0") if (which or "0").isdecimal() else which,
        width=options.width,
        height=options.height,
        fps=options.fps,
        backend=options.backend,
        timeout_s=options.timeout_s,
    )


def _screen(spec: str, kind: str, rest: str, options: SourceOptions) -> FrameSource:
    from unmask.realtime.sources.screen import ScreenSource, parse_region

    if kind == "region":
        return ScreenSource(spec, parse_region(rest), fps=options.fps)
    if spec == "screen":
        return ScreenSource(spec, None, fps=options.fps)
    if not rest.isdecimal():
        raise UsageError(f"A monitor is given by its number, as in screen:1, not {spec!r}.")
    return ScreenSource(spec, int(rest), fps=options.fps)


def _window(spec: str, title: str, options: SourceOptions) -> FrameSource:
    from unmask.realtime.sources.window import WindowSource

    if not title.strip():
        raise UsageError("A window is given by a part of its title, as in window:Zoom, or by its id.")
    return WindowSource(spec, title.strip(), fps=options.fps)


def _synthetic(spec: str, frames: str, options: SourceOptions) -> FrameSource:
    from unmask.realtime.sources.synthetic import SyntheticSource

    if frames and not (frames.isdecimal() and int(frames) > 0):
        raise UsageError(f"synthetic:FRAMES needs a whole number of frames, not {frames!r}.")
    return SyntheticSource(
        spec,
        width=options.width or 640,
        height=options.height or 360,
        fps=options.fps or 30.0,
        frames=int(frames) if frames else None,
    )


def _page(source_id: str, address: str, options: SourceOptions) -> FrameSource:
    from unmask.realtime.sources.page import PageSource

    return PageSource(source_id, address, timeout_s=options.timeout_s)


def _address(spec: str, options: SourceOptions) -> FrameSource:
    scheme = scheme_of(spec)
    if scheme == "file":
        raise UsageError(f"{redacted(spec)} is a file; give its path without file://.")
    if scheme not in PROTOCOLS:
        raise UsageError(f"{redacted(spec)} is no source; give {ACCEPTED}.")
    from unmask.realtime.sources.page import is_page
    from unmask.realtime.sources.stream import StreamSource

    if scheme in ("http", "https") and is_page(spec):
        return _page(redacted(spec), spec, options)
    return StreamSource(spec, timeout_s=options.timeout_s)


def _path(spec: str, options: SourceOptions) -> FrameSource:
    from unmask.realtime.sources.archive_file import ArchiveLimits
    from unmask.realtime.sources.archive_members import SUFFIXES
    from unmask.realtime.sources.images import FolderSource, ImageSource, is_image

    path = _place(spec)
    if not spec or not os.path.exists(path):
        raise UsageError(f"There is no file and no source {plain(without_passwords(spec))!r}; give {ACCEPTED}.")
    if path.is_dir():
        return FolderSource(spec, path, fps=options.fps)
    if path.suffix.lower() in SUFFIXES:
        from unmask.realtime.sources.archive import ArchiveSource

        limits = ArchiveLimits(total_bytes=options.archive_bytes)
        return ArchiveSource(spec, path, fps=options.fps, limits=limits)
    if is_image(path.name):
        return ImageSource(spec, path)
    from unmask.realtime.sources.video_file import VideoFileSource

    return VideoFileSource(path, spec)


def _place(spec: str) -> Path:
    try:
        return Path(spec).expanduser()
    except RuntimeError:  # "~somebody/...", and there is no such user
        return Path(spec)
