"""Qt's screen capture as a source: as far as it goes without a Wayland desktop."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest

from unmask.engines.errors import SourceError
from unmask.gui.overlay import portal
from unmask.gui.overlay.portal import PortalScreenSource, bgr_of, with_portal
from unmask.gui.qt import QImage, multimedia
from unmask.realtime.plans import SourcePlan


def plan():
    return SourcePlan("screen", lambda: pytest.fail("the X11 source was made"), finder=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("spec", ["screen", "screen:2"])
def test_a_screen_of_a_wayland_session_goes_through_the_portal(spec):
    made = with_portal(plan(), spec, wayland=lambda: True).make()
    assert isinstance(made, PortalScreenSource)
    assert made.source_id == "screen"


@pytest.mark.parametrize(("spec", "wayland"), [("screen", False), ("window:Call", True), ("clip.mp4", True)])
def test_everything_else_stays_as_it_is(spec, wayland):
    given = plan()
    assert with_portal(given, spec, wayland=lambda: wayland) is given


@pytest.mark.parametrize("layout", [QImage.Format.Format_RGB32, QImage.Format.Format_RGBA8888])
def test_a_video_frame_becomes_bgr(qapp, layout):
    image = QImage(50, 20, QImage.Format.Format_RGB32)
    image.fill(0xFF112233)
    image.setPixel(49, 19, 0xFFABCDEF)
    array = bgr_of(multimedia().QVideoFrame(image.convertToFormat(layout)))
    assert array is not None
    assert (array.shape, array.dtype) == ((20, 50, 3), np.uint8)
    assert array[0, 0].tolist() == [0x33, 0x22, 0x11]
    assert array[19, 49].tolist() == [0xEF, 0xCD, 0xAB]


def test_an_empty_frame_is_none(qapp):
    assert bgr_of(multimedia().QVideoFrame()) is None


def test_without_qts_multimedia_part_the_source_says_so(qtbot, monkeypatch):
    """A bare system has no libpulse, which that part is linked to: the window must live on."""
    monkeypatch.setitem(sys.modules, "PyQt6.QtMultimedia", None)
    monkeypatch.delattr("PyQt6.QtMultimedia", raising=False)
    source, said = PortalScreenSource("screen"), []

    def look():
        try:
            source.open()
        except SourceError as error:
            said.append(str(error))

    thread = threading.Thread(target=look)
    thread.start()
    qtbot.waitUntil(lambda: bool(said), timeout=5000)
    thread.join(5)
    source.close()
    assert "multimedia part cannot be loaded" in said[0]
    assert "libpulse0" in said[0]


def test_without_an_application_it_says_so(monkeypatch):
    monkeypatch.setattr(portal.QCoreApplication, "instance", lambda: None)
    with pytest.raises(SourceError, match="captured by the window only"):
        PortalScreenSource("screen").open()
