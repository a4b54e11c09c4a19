"""The screen through Qt, for Wayland: there the desktop's portal asks the person which screen may be seen.

The only source that needs Qt, which is why it lives here: ``realtime`` knows none. ``with_portal`` puts it in the
place of a source that X11 would have to capture.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from threading import Condition
from typing import Any

import cv2
import numpy as np

from unmask.engines.errors import SourceError, UnmaskError
from unmask.gui.post import connect_queued
from unmask.gui.qt import QCoreApplication, QImage, QObject, Qt, QThread, multimedia, pyqtSignal, sip
from unmask.realtime.plans import SourcePlan
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.sources.lifecycle import Pacer, SourceBase
from unmask.realtime.sources.screen import DEFAULT_FPS, under_wayland
from unmask.realtime.types import Frame, Image

#: A person has to answer the portal's question meanwhile.
_OPEN_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.1


class PortalScreenSource(SourceBase):
    """A whole screen: the primary one, or the one that the person chooses when the portal asks.

    There must be an application whose event loop runs on the main thread. A still screen sends no pictures
    through the portal: then the newest is given again, as a capture of a still screen would.
    """

    takes = frozenset({"fps"})

    def __init__(self, source_id: str, *, fps: float | None = None) -> None:
        super().__init__(source_id)
        self._fps = fps or DEFAULT_FPS
        self._screen: _Screen | None = None
        self._pacer: Pacer | None = None

    def _open(self) -> SourceInfo:
        application = QCoreApplication.instance()
        if application is None:
            raise SourceError("The screen of a Wayland session is captured by the window only: leave out --headless.")
        self._screen = screen = _Screen(application.thread())
        screen.begin.emit()
        image, _ = screen.newest(_OPEN_WITHIN_S, self._stop.is_set)
        self._pacer = Pacer(self._fps, self._stop)
        height, width = image.shape[:2]
        text = f"screen through the desktop's portal, {width}x{height} at {self._fps:g} fps"
        return SourceInfo(self.source_id, "screen", text, True, width, height, self._fps)

    def _grab(self) -> Frame | None:
        assert self._pacer is not None
        assert self._screen is not None
        if not self._pacer.wait():
            return None
        image, arrived = self._screen.newest(0.0, self._stop.is_set)
        # The same picture again was looked at now; a new one was grabbed when it came.
        captured_at = arrived if self._screen.fresh() else time.monotonic_ns()
        return self._frame(image.view(), captured_at)

    def _free(self) -> None:
        screen, self._screen = self._screen, None
        if screen is not None and not sip.isdeleted(screen):
            screen.end.emit()


def with_portal(plan: SourcePlan, spec: str, wayland: Callable[[], bool] = under_wayland) -> SourcePlan:
    """The plan, through the portal where ``spec`` means a whole screen and only the portal may see it."""
    if spec.strip().partition(":")[0] != "screen" or not wayland():
        return plan
    return dataclasses.replace(plan, make=lambda: PortalScreenSource(plan.source_id))


class _Screen(QObject):
    """Qt's capture: lives on the main thread, is told from any, and keeps the newest picture."""

    begin = pyqtSignal()
    end = pyqtSignal()

    def __init__(self, thread: QThread | None) -> None:
        super().__init__()
        self.moveToThread(thread)  # before connecting: PyQt keeps what it calls in the thread of that moment
        self._news = Condition()
        self._image: Image | None = None
        self._arrived = 0
        self._given = 0
        self._problem = self._missing = ""
        self._ended = False
        self._parts: tuple[Any, ...] = ()
        connect_queued(self.begin, self._begin)
        connect_queued(self.end, self._end)

    def newest(self, wait_s: float, closed: Callable[[], bool]) -> tuple[Image, int]:
        """BGR (H, W, 3) that nobody writes to, and when it arrived (monotonic ns). ``SourceError`` when there is
        none within ``wait_s``, or the capture failed."""
        until = time.monotonic() + wait_s
        with self._news:
            while self._image is None and not (self._problem or self._missing or closed()) and time.monotonic() < until:
                self._news.wait(_LOOK_EVERY_S)
            if self._missing:
                raise SourceError(self._missing)
            if self._problem:
                raise SourceError(
                    f"The screen cannot be captured ({self._problem}); allow it when the desktop asks, and see that "
                    "PipeWire and a desktop portal are installed.",
                    retryable=self._image is not None,
                )
            if self._image is None:
                raise SourceError("The desktop gave no picture of the screen; answer its question, or try again.")
            return self._image, self._arrived

    def fresh(self) -> bool:
        """Whether the newest picture is asked for the first time since it came."""
        with self._news:
            fresh, self._given = self._given != self._arrived, self._arrived
            return fresh

    def _begin(self) -> None:
        if self._ended:
            return
        try:
            qt = multimedia()
        except UnmaskError as error:
            with self._news:
                self._missing = str(error)
                self._news.notify_all()
            return
        capture, session, sink = qt.QScreenCapture(self), qt.QMediaCaptureSession(self), qt.QVideoSink(self)
        # Direct: on Qt's capturing thread, so that no picture passes through the event loop.
        sink.videoFrameChanged.connect(self._take, Qt.ConnectionType.DirectConnection)
        capture.errorOccurred.connect(self._fail)
        self._parts = (capture, session, sink)
        session.setScreenCapture(capture)
        session.setVideoSink(sink)
        capture.setActive(True)

    def _end(self) -> None:
        self._ended = True
        if self._parts:
            capture, session, sink = self._parts
            sink.videoFrameChanged.disconnect(self._take)
            capture.setActive(False)
            session.setVideoSink(None)
            session.setScreenCapture(None)
            self._parts = ()
        self.deleteLater()

    def _take(self, frame: Any) -> None:
        arrived = time.monotonic_ns()
        image = bgr_of(frame)
        if image is None:
            return
        with self._news:
            self._image, self._arrived = image, arrived
            self._news.notify_all()

    def _fail(self, _code: object, reason: str) -> None:
        with self._news:
            self._problem = reason.rstrip(".") or "the desktop gave no reason"
            self._news.notify_all()


def bgr_of(frame: Any) -> Image | None:
    """A ``QVideoFrame`` as a new BGR array (H, W, 3); ``None`` for an empty one. 1080p in BGRX takes half a
    millisecond, any other format some."""
    qt = multimedia()
    formats = qt.QVideoFrameFormat.PixelFormat
    if frame.pixelFormat() in (formats.Format_BGRX8888, formats.Format_BGRA8888):
        if not frame.map(qt.QVideoFrame.MapMode.ReadOnly):
            return None
        try:
            stride, height, width = frame.bytesPerLine(0), frame.height(), frame.width()
            bits = frame.bits(0)
            bits.setsize(frame.mappedBytes(0))
            rows = np.frombuffer(bits, np.uint8)[: stride * height].reshape(height, stride)
            pixels = rows[:, : 4 * width].reshape(height, width, 4)
            return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR), np.uint8)
        finally:
            frame.unmap()
    image = frame.toImage()
    if image.isNull():
        return None
    image = image.convertToFormat(QImage.Format.Format_BGR888)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()
