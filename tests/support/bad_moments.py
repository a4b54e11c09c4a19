"""What goes wrong while a window is open, one thing after another, and what it says: ``python bad_moments.py all ...``.

Each sentence is printed after a word for what went wrong, with the buttons that stand beside it; a sentence that does
not come is an error. Cameras are folders made here, the GPU is ``lost_gpu``: the rest is what it is on a desktop.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import lost_gpu
import numpy as np
from clips import write_video
from journeys import PLAYS, Steps, main
from live_senders import jpegs, web_camera
from window_driver import Condition, Driver, shown, xdotool

from unmask.gui.controller import Controller
from unmask.gui.pages.first_run import FirstRunDialog
from unmask.gui.pages.page_dialog import PageDialog
from unmask.gui.qt import QAbstractButton
from unmask.gui.services import DetectorChoice
from unmask.gui.troubles import ENGINE
from unmask.realtime.sources import camera, camera_names
from unmask.realtime.types import SourceState, Verdict


def everything(driver: Driver) -> Steps:
    yield driver.dialog(FirstRunDialog)
    shown(FirstRunDialog)[0].accept()  # pyright: ignore[reportAttributeAccessIssue]
    yield 0.5
    # Beside what is played on the screen, and watched there.
    driver.window.move(PLAYS[0] + PLAYS[2] + 20, 20)
    driver.window.resize(640, 600)
    for moment in (
        _settings_corrupt,
        _detector_gone,
        _no_camera,
        _camera_forbidden,
        _camera_busy,
        _source_ends,
        _camera_gone,
        _window_gone,
        _other_detector_gone,
        _gpu_lost,
    ):
        yield from moment(driver)
        _dismiss(driver)


def _settings_corrupt(driver: Driver) -> Steps:
    yield _notice(driver, "settings were broken")
    _say(driver, "settings")


def _detector_gone(driver: Driver) -> Steps:
    """Between the start and the first source."""
    folder = Path(os.environ["JOURNEY_DETECTOR"])
    aside = folder.rename(folder.with_name("aside"))
    _controller(driver).add_source("synthetic")
    yield _notice(driver, "detector")
    _say(driver, "detector")
    aside.rename(folder)


def _no_camera(driver: Driver) -> Steps:
    _controller(driver).open_only("camera:9")
    yield _told(driver, "There is no camera 9")
    _say(driver, "no camera")


def _camera_forbidden(driver: Driver) -> Steps:
    with _one_camera() as device, _replaced(camera_names.os, "access", lambda path, *_: Path(path) != device):
        _controller(driver).open_only("camera:9")
        yield _told(driver, "you may not use")
    _say(driver, "camera forbidden")


def _camera_busy(driver: Driver) -> Steps:
    """A device that OpenCV itself cannot open."""
    with _one_camera():
        _controller(driver).open_only("camera:9")
        yield _told(driver, "another program may be using it")
    _say(driver, "camera busy")


def _source_ends(driver: Driver) -> Steps:
    _controller(driver).open_only(str(_short_clip()))
    yield _banner(driver, "The source is over.")
    _say(driver, "ends")


def _camera_gone(driver: Driver) -> Steps:
    """A camera on the network, which dies while it is watched."""
    pictures = [cv2.resize(np.full((30, 40, 3), 60 + 40 * step, np.uint8), (320, 240)) for step in range(4)]
    with web_camera(jpegs([np.asarray(picture, np.uint8) for picture in pictures])) as port:
        _controller(driver).open_only(f"http://127.0.0.1:{port}")
        yield "the camera", lambda: _states(driver) == [SourceState.RUNNING]
        yield 0.5
    yield _banner(driver, "by itself.")
    _say(driver, "camera gone")


def _window_gone(driver: Driver) -> Steps:
    with _played(_short_clip(), "Short call"):
        yield "the call", lambda: _is_there("^Short call$")
        _controller(driver).open_only("window:Short call")
        yield "the window is watched", lambda: _states(driver) == [SourceState.RUNNING]
    yield "the sentence about the window", lambda: "indow" in _banners(driver)
    _say(driver, "window gone")


def _other_detector_gone(driver: Driver) -> Steps:
    """The one at work goes on."""
    before = _controller(driver).session
    _dismiss(driver)
    _controller(driver).choose_detector(DetectorChoice(str(Path("gone").absolute()), "ort-cpu"))
    yield _notice(driver, "gone")
    _say(driver, "other detector")
    assert _controller(driver).session is before
    assert _controller(driver).choice.detector == os.environ["JOURNEY_DETECTOR"]


def _gpu_lost(driver: Driver) -> Steps:
    """In the midst of a call; the processor takes over when the person says so, and not before."""
    controller, detector = _controller(driver), os.environ["JOURNEY_DETECTOR"]
    with _played(Path(os.environ["JOURNEY_CLIP"]), "Long call"):
        yield "the call", lambda: _is_there("^Long call$")
        controller.choose_detector(DetectorChoice(detector, "ort-cuda"))
        controller.open_only("window:Long call")
        yield driver.verdict(Verdict.NO_SIGNS, "window:Long call")
        assert "CUDA" in driver.updates["window:Long call"].engine
        lost_gpu.LOST.set()
        yield _banner(driver, "may be gone")
        _say(driver, "GPU lost")
        update = driver.updates["window:Long call"]
        assert (update.verdict, update.score) == (Verdict.CANNOT_JUDGE, None)
        banner = driver.window.panels["window:Long call"].banner
        yield 0.5  # until it has its place
        driver.click(banner.buttons[ENGINE])
        yield driver.dialog(PageDialog)
        shown(PageDialog)[0].close()
        controller.choose_detector(DetectorChoice(detector, "ort-cuda"))
        yield _notice(driver, "the GPU is gone")
        _say(driver, "GPU still lost")
        controller.choose_detector(DetectorChoice(detector, "ort-cpu"))
        yield driver.verdict(Verdict.NO_SIGNS, "window:Long call")
        yield "no banner", lambda: "gone" not in _banners(driver)


def _short_clip() -> Path:
    path = Path("short.mp4").absolute()
    if not path.exists():
        write_video(path, [np.full((120, 160, 3), 90 + step, np.uint8) for step in range(12)])
    return path


@contextlib.contextmanager
def _played(clip: Path, title: str) -> Iterator[None]:
    player = Path(__file__).with_name("player.py")
    words = [sys.executable, str(player), str(clip), title, str(PLAYS[0]), str(PLAYS[1])]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as call:
        try:
            yield
        finally:
            call.terminate()
            call.wait(5)


@contextlib.contextmanager
def _one_camera() -> Iterator[Path]:
    """The system has camera 9; its device is no device. Outside Linux, too."""
    names, device = Path("cameras").absolute(), Path("devices").absolute() / "video9"
    (names / "video9").mkdir(parents=True, exist_ok=True)
    (names / "video9" / "name").write_text("Test camera\n")
    device.parent.mkdir(exist_ok=True)
    device.touch()

    def system_cameras() -> camera_names.SystemCameras:
        return camera_names.SystemCameras("linux", names, device.parent)

    with _replaced(camera, "SystemCameras", system_cameras):
        yield device


@contextlib.contextmanager
def _replaced(owner: object, name: str, value: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _controller(driver: Driver) -> Controller:
    controller = driver.window.controller
    assert controller is not None
    return controller


def _states(driver: Driver) -> list[SourceState]:
    return [update.state for update in driver.updates.values()]


def _banners(driver: Driver) -> str:
    panels = driver.window.panels.values()
    return " ".join(panel.banner.label.text() for panel in panels if panel.banner.isVisible())


def _words(driver: Driver) -> str:
    notices = driver.window.notices
    return " ".join([notices.label.text() if notices.isVisible() else "", _banners(driver)])


def _buttons(driver: Driver) -> list[str]:
    """What can be pressed beside the sentences."""
    bars = [driver.window.notices, *(panel.banner for panel in driver.window.panels.values())]
    found = [button for bar in bars for button in bar.findChildren(QAbstractButton)]
    return [button.text() for button in found if button.isVisible() and button.isEnabled()]


def _notice(driver: Driver, words: str) -> Condition:
    notices = driver.window.notices
    return f"a notice with {words!r}", lambda: notices.isVisible() and words in notices.label.text()


def _banner(driver: Driver, words: str) -> Condition:
    return f"a banner with {words!r}", lambda: words in _banners(driver)


def _told(driver: Driver, words: str) -> Condition:
    return f"a sentence with {words!r}", lambda: words in _words(driver)


def _say(driver: Driver, name: str) -> None:
    print(f"{name}: {' '.join(_words(driver).split())} [{', '.join(_buttons(driver))}]", flush=True)


def _dismiss(driver: Driver) -> None:
    driver.window.notices.dismiss.click()


def _is_there(title: str) -> bool:
    try:
        xdotool("search", "--onlyvisible", "--name", title)
    except subprocess.CalledProcessError:
        return False
    return True


SCRIPTS: dict[str, Callable[[Driver], Steps]] = {"all": everything}

if __name__ == "__main__":
    lost_gpu.install()
    sys.exit(main(sys.argv[1], sys.argv[2:], SCRIPTS))
