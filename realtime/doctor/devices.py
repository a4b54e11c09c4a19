"""Cameras and the screen: what can be watched, and by which way."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping

from unmask.engines.errors import SourceError
from unmask.realtime.doctor.finding import Finding, parted
from unmask.realtime.sources.camera_names import SystemCameras

_MIT_SHM = "MIT-SHM"


def cameras(there: SystemCameras | None = None) -> Iterator[Finding]:
    """The cameras that the system lists, and whether this user may use them. None is opened for recording."""
    system = SystemCameras() if there is None else there
    if not system.tells_names:
        text = "This system lists its cameras only by opening them, which is not done here."
        yield Finding("cameras", "list", "ok", text)
        return
    found = system.list()
    if not found:
        text = "No camera was found; files, streams and the screen need none."
        yield Finding("cameras", "list", "note", text, "Plug one in, or give a container its /dev/video device.")
    for camera in found:
        if camera.problem:
            text, remedy = parted(camera.problem, "Give this user access to the device.")
            yield Finding("cameras", camera.label, "problem", text, remedy)
        else:
            yield Finding("cameras", camera.label, "ok", f"{camera.device} may be used.")


def screen(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """The display server, and how its picture would be captured."""
    if not platform.startswith("linux"):
        yield Finding("screen", "capture", "ok", _elsewhere(platform))
        return
    display, wayland = environment.get("DISPLAY", ""), environment.get("WAYLAND_DISPLAY", "")
    kind = "Wayland" if wayland or environment.get("XDG_SESSION_TYPE") == "wayland" else "X11"
    servers = [f"X display {display}"] if display else []
    servers += [f"Wayland display {wayland}"] if wayland else []
    if not servers:
        text = "There is no display: screens and windows cannot be watched, and no window can be shown."
        remedy = "Run this in a desktop session, or work with files, cameras and streams and --headless."
        yield Finding("screen", "display server", "note", text, remedy)
        return
    yield Finding("screen", "display server", "ok", f"{kind}: {', '.join(servers)}.")
    yield _capture(platform, environment)


def _elsewhere(platform: str) -> str:
    if platform == "darwin":
        return "mss through CoreGraphics; macOS asks once for the permission to record the screen."
    return "mss through GDI." if platform == "win32" else "mss."


def _capture(platform: str, environment: Mapping[str, str]) -> Finding:
    from unmask.realtime.sources.screen import check_screen
    from unmask.realtime.sources.xcb import XConnection

    try:
        check_screen(platform, environment)
        connection = XConnection()
    except SourceError as error:
        text, remedy = parted(str(error), "Run this in an X11 session.")
        return Finding("screen", "capture", "problem", text, remedy)
    try:
        shared = connection.has_extension(_MIT_SHM)
    finally:
        connection.close()
    if shared:
        return Finding("screen", "capture", "ok", f"mss through shared memory ({_MIT_SHM}).")
    text = f"mss without shared memory: this display lacks {_MIT_SHM}, so each picture takes ten times as long."
    return Finding("screen", "capture", "note", text, "Watch on the machine that has the screen, not over a network.")
