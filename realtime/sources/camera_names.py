"""Which cameras there are. Linux tells their names; elsewhere OpenCV knows only numbers."""

from __future__ import annotations

import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from unmask.engines.errors import SourceError

#: How far numbers are tried on systems that do not list their cameras.
_PROBED = 4
#: linux/videodev2.h: VIDIOC_QUERYCAP = _IOR('V', 0, 104 bytes), and two capability bits.
_QUERYCAP = 0x80685600
_VIDEO_CAPTURE = 0x1 | 0x1000
_DEVICE_CAPS = 0x80000000


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera of this machine; ``problem`` is one sentence when it cannot be used."""

    index: int
    name: str
    device: Path | None = None
    problem: str = ""

    @property
    def label(self) -> str:
        return f"camera {self.index} ({self.name})" if self.name else f"camera {self.index}"


class SystemCameras:
    """The cameras of the system. The folders are arguments for the tests' sake."""

    def __init__(
        self,
        platform: str = sys.platform,
        names: Path = Path("/sys/class/video4linux"),
        devices: Path = Path("/dev"),
    ) -> None:
        self._linux = platform.startswith("linux")
        self._names = names
        self._devices = devices

    @property
    def tells_names(self) -> bool:
        return self._linux

    def list(self) -> tuple[Camera, ...]:
        """Every camera, by index. Outside Linux each number is opened for a moment to find out."""
        return self._list_linux() if self._linux else _probe()

    def check_access(self, camera: Camera) -> None:
        """Raise ``SourceError`` where the device is there but closed to this user."""
        if camera.device is not None and not os.access(camera.device, os.R_OK | os.W_OK):
            raise SourceError(f"{camera.label} exists, but {_no_access(camera.device)}")

    def _list_linux(self) -> tuple[Camera, ...]:
        found = []
        for folder in self._names.glob("video*"):
            number = folder.name.removeprefix("video")
            device = self._devices / folder.name
            if not number.isdigit() or not device.exists() or not _captures_pictures(device):
                continue
            name = _read(folder / "name")
            problem = "" if os.access(device, os.R_OK | os.W_OK) else _no_access(device)
            found.append(Camera(int(number), name, device, problem))
        return tuple(sorted(found, key=lambda camera: camera.index))


def find_camera(which: int | str, cameras: SystemCameras) -> Camera:
    """The camera with that index, or the only one whose name contains the text.

    Raises ``SourceError`` that lists what is there; retryable, as a camera can be plugged in.
    """
    if not cameras.tells_names:
        if isinstance(which, int):
            return Camera(which, "")
        raise SourceError(
            f"Cameras are found by name on Linux only; give the number in place of {which!r}, as in camera:0."
        )
    there = cameras.list()
    if isinstance(which, int):
        matching = [camera for camera in there if camera.index == which]
    else:
        named = [camera for camera in there if which.casefold() in camera.name.casefold()]
        exact = [camera for camera in named if camera.name.casefold() == which.casefold()]
        matching = exact or named
    if matching:
        if len({camera.name for camera in matching}) > 1:
            raise SourceError(f"{which!r} fits several cameras: {_listing(matching)}; give the number.")
        return matching[0]
    here = f"this machine has {_listing(there)}" if there else "this machine has none; plug one in"
    raise SourceError(f"There is no camera {which!r}: {here}.", retryable=True)


def _listing(cameras: list[Camera] | tuple[Camera, ...]) -> str:
    return ", ".join(f"camera:{camera.index} ({camera.name})" for camera in cameras)


def _no_access(device: Path) -> str:
    return (
        f"you may not use {device}; add yourself to the group that owns it "
        "(usually: sudo usermod -aG video $USER) and log in again."
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _captures_pictures(device: Path) -> bool:
    """False for the second node of a webcam, which carries metadata. In doubt it counts as a camera."""
    import fcntl

    try:
        handle = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        answer = fcntl.ioctl(handle, _QUERYCAP, bytes(104))
    except OSError:
        return True
    finally:
        os.close(handle)
    capabilities, device_caps = struct.unpack_from("<II", answer, 84)
    own = device_caps if capabilities & _DEVICE_CAPS else capabilities
    return bool(own & _VIDEO_CAPTURE)


def _probe() -> tuple[Camera, ...]:
    import cv2

    found = []
    for index in range(_PROBED):
        device = cv2.VideoCapture(index)
        if device.isOpened():
            found.append(Camera(index, ""))
        device.release()
    return tuple(found)
