"""The window of the layer: it asks for no clicks, and repaints what changed and all of that."""

from __future__ import annotations

import numpy as np
import pytest

from unmask.gui.overlay.layer import LayerWindow
from unmask.gui.overlay.marks import Kind, Mark
from unmask.gui.qt import QImage, QPainter, QRect, QRectF, Qt, sip
from unmask.realtime.types import Verdict

CANVAS = QRect(100, 50, 400, 300)
LABEL = Mark(Kind.LABEL, QRectF(200, 100, 120, 22), Verdict.SIGNS, ("1: signs",))


@pytest.fixture
def layer(qtbot, no_windows_left):
    window = LayerWindow(CANVAS, composited=True)
    yield window
    window.close()
    sip.delete(window)


def marks():
    for verdict in Verdict:
        yield Mark(Kind.RING, QRectF(180, 100, 90, 110), verdict)
        yield Mark(Kind.FRAME, QRectF(150, 90, 300, 200), verdict)
        yield Mark(Kind.BAR, QRectF(180, 100, 90, 0), verdict)
        yield Mark(Kind.BAR, QRectF(180, 100, 0, 90), verdict)
        yield Mark(Kind.LABEL, QRectF(200, 100, 150, 24), verdict, ("1: words",))
    yield Mark(Kind.PATTERN, QRectF(200, 100, 48, 16))


def alpha(image):
    """Where a picture of the size of the window has colour, as a mask (H, W)."""
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return np.frombuffer(bits, np.uint8).reshape(CANVAS.height(), CANVAS.width(), 4)[..., 3] > 0


def blank():
    image = QImage(CANVAS.size(), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    return image


def drawn(layer, mark):
    image = blank()
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(-CANVAS.x(), -CANVAS.y())
    layer._draw(painter, mark)
    painter.end()
    return alpha(image)


def covered(region):
    image = blank()
    painter = QPainter(image)
    painter.setClipRegion(region)
    painter.fillRect(image.rect(), Qt.GlobalColor.white)
    painter.end()
    return alpha(image)


@pytest.mark.parametrize("mark", list(marks()), ids=lambda mark: f"{mark.kind.value}-{mark.verdict}")
def test_a_mark_leaves_no_colour_outside_what_is_repainted_for_it(layer, mark):
    colour = drawn(layer, mark)
    assert colour.any()
    assert not (colour & ~covered(layer._touched(mark))).any()


def test_it_is_see_through_for_eyes_and_hands(layer):
    flags = layer.windowFlags()
    for flag in (
        Qt.WindowType.WindowTransparentForInput,
        Qt.WindowType.WindowDoesNotAcceptFocus,
        Qt.WindowType.WindowStaysOnTopHint,
        Qt.WindowType.FramelessWindowHint,
        Qt.WindowType.Tool,
    ):
        assert flags & flag
    assert layer.testAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)


def test_only_what_changed_is_painted(layer, qtbot):
    ring = Mark(Kind.RING, QRectF(350, 200, 60, 60), Verdict.NO_SIGNS)
    layer.set_marks([LABEL, ring])
    qtbot.waitUntil(lambda: layer.painted_at > 0)
    asked = []
    layer.update = asked.append
    layer.set_marks([LABEL, ring])
    assert asked == []
    layer.set_marks([LABEL])
    (region,) = asked
    assert region == layer._touched(ring)
    del layer.update


def test_without_marks_it_is_hidden(layer):
    layer.set_marks([LABEL])
    assert layer.isVisible()
    layer.set_marks([])
    assert not layer.isVisible()


def test_what_must_be_spared_is_cut_out_of_the_window(layer):
    layer.set_marks([LABEL], [QRectF(200, 130, 100, 100)])
    assert not layer.mask().intersects(QRect(100, 80, 100, 100))
    assert layer.mask().contains(QRect(100, 50, 10, 10))


def test_without_a_compositor_the_window_has_the_shape_of_its_marks(qtbot, no_windows_left):
    layer = LayerWindow(CANVAS, composited=False)
    layer.set_marks([LABEL])
    assert covered(layer.mask()).sum() == 120 * 22
    sip.delete(layer)
