"""A webcam through OpenCV. A thread of its own empties the driver's queue, so ``read`` gives the newest."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cv2

from unmask.engines.errors import SourceError, UsageError
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.sources.camera_names import Camera, SystemCameras, find_camera
from unmask.realtime.sources.latest import LatestReader, silent
from unmask.realtime.sources.lifecycle import SourceBase, closed_while_opening
from unmask.realtime.types import Frame, Image

#: Name of a backend -> OpenCV's number for it.
BACKENDS = {
    "auto": cv2.CAP_ANY,
    "any": cv2.CAP_ANY,
    "v4l2": cv2.CAP_V4L2,
    "dshow": cv2.CAP_DSHOW,
    "msmf": cv2.CAP_MSMF,
    "avfoundation": cv2.CAP_AVFOUNDATION,
    "gstreamer": cv2.CAP_GSTREAMER,
}

#: From this size on, uncompressed pictures do not fit through USB 2 at a usable rate.
_MJPG_FROM_PIXELS = 1280 * 720
#: A driver may miss a picture or two while it sets its exposure.
_FAILED_GRABS = 5


class CameraSource(SourceBase):
    """``which`` is an index or a part of the camera's name. What was asked of the camera and what it
    gave may differ; ``SourceInfo`` says what it gave, and its description says both."""

    takes = frozenset({"width", "height", "fps", "backend"})

    def __init__(
        self,
        source_id: str,
        which: int | str,
        *,
        width: int | None = None,
        height: int | None = None,
        fps: float | None = None,
        backend: str = "auto",
        timeout_s: float = 10.0,
        capture: Callable[[int, int], Any] = cv2.VideoCapture,
        cameras: SystemCameras | None = None,
    ) -> None:
        super().__init__(source_id)
        if backend not in BACKENDS:
            raise UsageError(f"There is no camera backend {backend!r}; choose one of {', '.join(BACKENDS)}.")
        self._which = which
        self._wanted = (width, height, fps)
        self._backend = backend
        self._timeout_s = timeout_s
        self._capture = capture
        self._cameras = cameras or SystemCameras()
        self._reader: LatestReader[Image] | None = None

    @property
    def dropped(self) -> int:
        """Pictures that a newer one replaced before they were read."""
        return 0 if self._reader is None else self._reader.dropped

    def _open(self) -> SourceInfo:
        camera = find_camera(self._which, self._cameras)
        self._cameras.check_access(camera)

        def opener() -> _Capture:
            return _Capture(self.source_id, camera, self._capture, BACKENDS[self._backend], self._wanted)

        self._reader = LatestReader(self.source_id, opener)
        if self._stop.is_set():
            self._reader.signal()
        try:
            device = self._reader.start(self._timeout_s)
        except TimeoutError:
            raise SourceError(
                f"{camera.label} did not open within {self._timeout_s:g} s; unplug it and plug it in again.",
                retryable=True,
            ) from None
        if device is None:
            raise closed_while_opening(self.source_id)
        assert isinstance(device, _Capture)
        return device.info

    def _grab(self) -> Frame | None:
        assert self._reader is not None
        try:
            taken = self._reader.take(self._timeout_s)
        except TimeoutError:
            raise silent(self.source_id, self._timeout_s) from None
        if taken is None:
            return None
        return self._frame(*taken, skipped=self._reader.newly_dropped())

    def _wake(self) -> None:
        reader = self._reader
        if reader is not None:
            reader.signal()

    def _free(self) -> None:
        if self._reader is not None:
            self._reader.stop()


class _Capture:
    """The opened device, used by the reader's thread alone."""

    live = True

    def __init__(
        self,
        source_id: str,
        camera: Camera,
        capture: Callable[[int, int], Any],
        backend: int,
        wanted: tuple[int | None, int | None, float | None],
    ) -> None:
        self._camera = camera
        self._device = capture(camera.index, backend)
        try:
            if not self._device.isOpened():
                raise self._refused("cannot be opened")
            self._request(*wanted)
            first = self.grab()
        except BaseException:
            self._device.release()
            raise
        self.info = self._describe(source_id, first[0], wanted)

    def grab(self) -> tuple[Image, int]:
        for _ in range(_FAILED_GRABS):
            if not self._device.grab():
                continue
            captured_at = time.monotonic_ns()
            good, image = self._device.retrieve()
            if good and image is not None and image.ndim == 3:
                return image, captured_at
        raise self._refused("gives no picture")

    def free(self) -> None:
        self._device.release()

    def _request(self, width: int | None, height: int | None, fps: float | None) -> None:
        """Ask for the compressed format first: a driver settles size and rate for the format it has."""
        if (width or 0) * (height or 0) >= _MJPG_FROM_PIXELS:
            self._device.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        if width:
            self._device.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        if height:
            self._device.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        if fps:
            self._device.set(cv2.CAP_PROP_FPS, fps)

    def _describe(
        self, source_id: str, first: Image, wanted: tuple[int | None, int | None, float | None]
    ) -> SourceInfo:
        height, width = first.shape[:2]
        fps = float(self._device.get(cv2.CAP_PROP_FPS)) or None
        got = f"{width}x{height}" + (f" at {fps:g} fps" if fps else "")
        missed = []
        if (wanted[0] or width, wanted[1] or height) != (width, height):
            missed.append(f"{wanted[0] or width}x{wanted[1] or height}")
        if wanted[2] and (not fps or abs(fps - wanted[2]) > 0.5):
            missed.append(f"{wanted[2]:g} fps")
        asked = f", asked for {' at '.join(missed)}" if missed else ""
        backend = self._device.getBackendName()
        text = f"{self._camera.label}, {got}{asked} ({backend})"
        return SourceInfo(source_id, "camera", text, live=True, width=width, height=height, fps=fps)

    def _refused(self, what: str) -> SourceError:
        return SourceError(
            f"{self._camera.label} {what}: another program may be using it, or this program may not use the "
            "camera; close the other program and check the system's camera permission.",
            retryable=True,
        )
