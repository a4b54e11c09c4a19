"""Where in the widget a crop of the picture lies."""

from __future__ import annotations

import numpy as np

from unmask.gui.picture import PictureView
from unmask.gui.qt import QRectF, QTransform
from unmask.realtime.types import FaceBox, FaceLook


def in_picture(look: FaceLook, face: FaceBox) -> QTransform:
    """From the crop's square, 0..size from edge to edge, to the picture's pixels, from their edges.

    A look is older than the picture on show: it goes along with the box, which is at ``face`` now.
    """
    turn, shift = look.to_crop[:, :2], look.to_crop[:, 2]
    back = np.linalg.inv(turn)
    # Between edges and the centres, at which the map counts, lies half a pixel on either side.
    start = back @ (-0.5 - shift) + 0.5
    scale = face.size / look.face.size
    (then_x, then_y), (now_x, now_y) = look.face.centre, face.centre
    return QTransform(
        scale * back[0, 0],
        scale * back[1, 0],
        scale * back[0, 1],
        scale * back[1, 1],
        scale * (start[0] - then_x) + now_x,
        scale * (start[1] - then_y) + now_y,
    )


def picture_in_widget(view: PictureView) -> QTransform:
    """From the picture's pixels to the widget's."""
    unit = view.in_widget(QRectF(0, 0, 1, 1))
    return QTransform(unit.width(), 0, 0, unit.height(), unit.x(), unit.y())
