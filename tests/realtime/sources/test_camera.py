"""Cameras with a fake driver and a fake /sys: names, wishes, refusals."""

from __future__ import annotations

import os
import threading

import cv2
import numpy as np
import pytest

from unmask.engines.errors import SourceError, UsageError
from unmask.realtime.sources.camera import CameraSource
from unmask.realtime.sources.camera_names import SystemCameras, find_camera


class Driver:
    """Behaves like cv2.VideoCapture; ``limit`` is the largest width it can deliver."""

    def __init__(self, *, opens=True, pictures=10**9, limit=1280, gate=None):
        self.opens, self.pictures, self.limit, self.gate = opens, pictures, limit, gate
        self.calls = []
        self.width, self.height, self.fps = 640, 480, 30.0
        self.released = threading.Event()

    def __call__(self, index, backend):
        self.calls.append(("open", index, backend))
        return self

    def isOpened(self):
        return self.opens

    def getBackendName(self):
        return "FAKE"

    def set(self, prop, value):
        self.calls.append((prop, value))
        if prop == cv2.CAP_PROP_FRAME_WIDTH:
            self.width = min(value, self.limit)
        if prop == cv2.CAP_PROP_FRAME_HEIGHT:
            self.height = min(value, self.limit * 9 // 16)
        return True

    def get(self, prop):
        return self.fps

    def grab(self):
        if self.gate is not None and self.pictures <= 0:
            self.gate.wait(20)
        self.pictures -= 1
        return self.pictures >= 0

    def retrieve(self):
        return True, np.zeros((int(self.height), int(self.width), 3), np.uint8)

    def release(self):
        self.released.set()


def drain(source):
    while source.read() is not None:
        pass


@pytest.fixture
def cameras(tmp_path):
    """Two webcams as Linux shows them, device nodes included (plain files here)."""
    names, devices = tmp_path / "sys", tmp_path / "dev"
    devices.mkdir()
    for number, name in ((0, "Laptop Camera"), (2, "Logitech BRIO"), (10, "Logitech C920")):
        (names / f"video{number}").mkdir(parents=True)
        (names / f"video{number}" / "name").write_text(name + "\n")
        (devices / f"video{number}").touch()
    return SystemCameras("linux", names, devices)


def test_names_and_numbers(cameras):
    assert [(camera.index, camera.name) for camera in cameras.list()] == [
        (0, "Laptop Camera"),
        (2, "Logitech BRIO"),
        (10, "Logitech C920"),
    ]
    assert find_camera(10, cameras).name == "Logitech C920"
    assert find_camera("laptop", cameras).index == 0
    with pytest.raises(SourceError, match="several") as caught:
        find_camera("logitech", cameras)
    assert not caught.value.retryable
    for absent in (5, "Sony"):
        with pytest.raises(SourceError, match="this machine has camera:0") as caught:
            find_camera(absent, cameras)
        assert caught.value.retryable


def test_names_need_linux():
    elsewhere = SystemCameras("win32")
    assert find_camera(1, elsewhere).index == 1
    with pytest.raises(SourceError, match="Linux only"):
        find_camera("Logitech", elsewhere)


def test_what_was_got_is_said_beside_what_was_asked(cameras):
    driver = Driver()
    source = CameraSource("0", 0, width=1920, height=1080, fps=60, capture=driver, cameras=cameras)
    info = source.open()
    assert (info.live, info.width, info.height, info.fps) == (True, 1280, 720, 30)
    assert "asked for 1920x1080 at 60 fps" in info.description
    properties = [call[0] for call in driver.calls]
    assert properties.index(cv2.CAP_PROP_FOURCC) < properties.index(cv2.CAP_PROP_FRAME_WIDTH)
    frame = source.read()
    assert frame.image.shape == (720, 1280, 3)
    source.close()
    assert driver.released.wait(5)


def test_small_pictures_stay_uncompressed(cameras):
    driver = Driver()
    source = CameraSource("0", 0, width=640, height=480, backend="v4l2", capture=driver, cameras=cameras)
    assert "asked" not in source.open().description
    source.close()
    assert driver.calls[0] == ("open", 0, cv2.CAP_V4L2)
    assert cv2.CAP_PROP_FOURCC not in [call[0] for call in driver.calls]


@pytest.mark.parametrize("driver", [Driver(opens=False), Driver(pictures=0)])
def test_a_busy_camera_may_be_tried_again(cameras, driver):
    source = CameraSource("0", 0, capture=driver, cameras=cameras)
    with pytest.raises(SourceError, match="another program") as caught:
        source.open()
    assert caught.value.retryable
    assert driver.released.wait(5)


def test_a_camera_that_is_unplugged(cameras):
    source = CameraSource("0", 0, capture=Driver(pictures=20), cameras=cameras)
    source.open()
    with pytest.raises(SourceError, match="gives no picture") as caught:
        drain(source)
    assert caught.value.retryable


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every device")
def test_no_permission_names_the_group(cameras, tmp_path):
    (tmp_path / "dev" / "video0").chmod(0)
    with pytest.raises(SourceError, match="usermod"):
        CameraSource("0", 0, capture=Driver(), cameras=cameras).open()


def test_no_permission_names_the_group_also_for_root(cameras, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "usermod" in cameras.list()[0].problem
    with pytest.raises(SourceError, match="usermod") as caught:
        CameraSource("0", 0, capture=Driver(), cameras=cameras).open()
    assert not caught.value.retryable


def test_close_ends_a_read_that_a_driver_blocks(cameras):
    gate, ended = threading.Event(), threading.Event()
    driver = Driver(pictures=3, gate=gate)
    source = CameraSource("0", 0, timeout_s=20, capture=driver, cameras=cameras)
    source.open()

    threading.Thread(target=lambda: (drain(source), ended.set()), daemon=True).start()
    assert not ended.wait(0.2)
    source.close()
    assert ended.wait(1.0)
    gate.set()
    assert driver.released.wait(5)


def test_a_camera_that_falls_silent(cameras):
    gate = threading.Event()
    source = CameraSource("0", 0, timeout_s=0.2, capture=Driver(pictures=2, gate=gate), cameras=cameras)
    source.open()
    with pytest.raises(SourceError, match="no picture") as caught:
        drain(source)
    assert caught.value.retryable
    gate.set()


def test_unknown_backend():
    with pytest.raises(UsageError, match="choose one of"):
        CameraSource("0", 0, backend="vfw")
