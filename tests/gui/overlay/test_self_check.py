"""The monitor looks for its own pattern in what it analyses."""

from __future__ import annotations

import numpy as np
import pytest

from unmask.gui.overlay.layer import PATTERN_COLOURS, draw_pattern
from unmask.gui.overlay.self_check import COLOURS_BGR, SelfCheck, Sight, colour_counts
from unmask.gui.qt import QImage, QPainter, QRectF
from unmask.realtime.types import Frame

MS = 1_000_000


def picture(seed=0):
    return np.random.default_rng(seed).integers(0, 200, (360, 640, 3), np.uint8)


def with_pattern(image, height=16):
    """The pattern, or the uppermost rows of it, as the layer draws it, in a copy."""
    drawn = QImage(48, 16, QImage.Format.Format_BGR888)
    painter = QPainter(drawn)
    draw_pattern(painter, QRectF(0, 0, 48, 16))
    painter.end()
    bits = drawn.constBits()
    assert bits is not None
    bits.setsize(drawn.sizeInBytes())
    pixels = np.frombuffer(bits, np.uint8).reshape(16, drawn.bytesPerLine())[:, : 48 * 3].reshape(16, 48, 3)
    changed = image.copy()
    changed[:height, 100:148] = pixels[:height]
    return changed


def frame(image, at_ms):
    return Frame(image, at_ms * MS, at_ms / 1000, 0, "screen")


def checked(images, *, shown_ms=100):
    check = SelfCheck()
    check.take(frame(picture(), 50))
    check.shown(shown_ms * MS)
    return [check.take(frame(image, at)) for at, image in images]


def test_colours_are_those_of_the_layer():
    assert [(c.blue(), c.green(), c.red()) for c in PATTERN_COLOURS] == list(COLOURS_BGR)


def test_unseen_after_three_frames_without_it():
    assert checked([(300, picture(1)), (333, picture(2)), (366, picture(3))]) == [None, None, Sight.UNSEEN]


@pytest.mark.parametrize("height", [16, 1])
def test_seen_at_once_even_a_sliver_of_it(height):
    assert checked([(300, with_pattern(picture(1), height))]) == [Sight.SEEN]


def test_frames_captured_before_it_was_on_the_screen_say_nothing():
    early = [(at, picture(at)) for at in (90, 120, 200, 249)]
    assert checked(early) == [None] * 4


def test_what_was_in_the_picture_before_is_not_the_pattern():
    check = SelfCheck()
    check.take(frame(with_pattern(picture()), 50))
    assert check.ready
    check.shown(100 * MS)
    assert check.take(frame(with_pattern(picture()), 300)) is None


def test_a_shifted_colour_is_still_the_pattern():
    dull = np.clip(with_pattern(picture()).astype(int) + 25, 0, 255).astype(np.uint8)
    assert min(colour_counts(dull)) > 100
    assert colour_counts(picture()) == (0, 0)
