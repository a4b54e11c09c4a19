"""What this machine has to watch: the rows of ``unmask sources``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from unmask.engines.errors import UnmaskError


@dataclass(frozen=True, slots=True)
class SourceListing:
    """One row: ``spec`` is what to type. Where ``available`` is false, ``reason`` is one sentence."""

    spec: str
    kind: str
    description: str
    available: bool = True
    reason: str = ""


def list_sources() -> list[SourceListing]:
    """Cameras, screens and windows that are there now, and the kinds of source that need naming.

    Nothing is opened but the display (outside Linux, cameras too: they have no other list there).
    """
    return [
        *_rows("camera:N", "camera", _cameras),
        *_rows("screen", "screen", _screens),
        *_rows("window:TITLE", "window", _windows),
        SourceListing("PATH", "file", "a video, a picture, a folder of pictures, or a zip of them"),
        SourceListing("rtsp://HOST/PATH", "stream", "a network stream: rtsp, http, https, udp, tcp, srt, rtmp"),
        _page(),
        SourceListing("synthetic", "synthetic", "a moving test pattern, to try things out"),
    ]


def _rows(spec: str, kind: str, find: Callable[[], list[SourceListing]]) -> list[SourceListing]:
    try:
        return find()
    except UnmaskError as error:
        return [SourceListing(spec, kind, f"any {kind}", False, str(error))]


def _cameras() -> list[SourceListing]:
    from unmask.realtime.sources.camera_names import SystemCameras

    rows = [
        SourceListing(f"camera:{camera.index}", "camera", camera.name or "a camera", not camera.problem, camera.problem)
        for camera in SystemCameras().list()
    ]
    return rows or [SourceListing("camera:N", "camera", "any camera", False, "No camera was found; plug one in.")]


def _screens() -> list[SourceListing]:
    from unmask.realtime.sources.screen import ScreenGrabber

    grabber = ScreenGrabber()
    try:
        monitors, primary = grabber.monitors, grabber.primary
    finally:
        grabber.close()
    rows = []
    for number, place in enumerate(monitors):
        size = f"{place.width}x{place.height} at {place.left},{place.top}"
        what = f"monitor {number}, {size}" if number else f"all monitors together, {size}"
        rows.append(
            SourceListing(f"screen:{number}", "screen", what + (" (primary)" if number and place == primary else ""))
        )
    return [*rows[1:], rows[0]]


def _windows() -> list[SourceListing]:
    from unmask.realtime.sources.window import check_windows, list_windows
    from unmask.realtime.sources.xcb import XConnection

    check_windows()
    connection = XConnection()
    try:
        rows = [SourceListing(name.spec, "window", name.title) for name in list_windows(connection)]
    finally:
        connection.close()
    return rows or [SourceListing("window:TITLE", "window", "any window", False, "No window with a title is open.")]


def _page() -> SourceListing:
    from unmask.realtime.sources.page import page_problem

    problem = page_problem()
    reason = f"{problem}." if problem else ""
    return SourceListing("page:ADDRESS", "page", "the video of a page: YouTube and others", not problem, reason)
