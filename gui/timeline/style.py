"""How the timeline looks, in light and in dark: colours that everybody can tell apart, and a dash per face."""

from __future__ import annotations

from dataclasses import dataclass

from unmask.gui.qt import QColor, QPalette, QPen, Qt
from unmask.gui.shapes import COLOURS
from unmask.realtime.types import Verdict

# After Okabe and Ito (2008), without the vermilion of signs; darker on white, so that thin lines keep a contrast of 3.
_ON_LIGHT = ("#0072B2", "#00785A", "#A03A7A", "#6B5200")
_ON_DARK = ("#56B4E9", "#2FC898", "#E59CC6", "#F0E442")
_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2), (1.5, 2), (7, 2, 1.5, 2))
_LINE = 1.75
# The vermilion of signs, dark enough for white words on it.
_FLAG = QColor("#A84600")


@dataclass(frozen=True, slots=True)
class Style:
    """The inks of one palette."""

    ground: QColor
    ink: QColor
    faint: QColor
    hatch: QColor
    focus: QColor
    signs: QColor
    wash: QColor
    flag: QColor
    faces: tuple[QColor, ...]

    def line(self, number: int) -> QPen:
        """The line of the face with that number: another colour and another dash for each."""
        pen = QPen(self.faces[number % len(self.faces)], _LINE)
        # With four colours and four dashes in step, faces are told apart by the dash alone, too.
        if dash := _DASHES[number % len(_DASHES)]:
            pen.setDashPattern(dash)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setJoinStyle(Qt.PenJoinStyle.BevelJoin)
        return pen

    def threshold(self) -> QPen:
        pen = QPen(self.ink, 1.0)
        pen.setDashPattern((6, 4))
        return pen


def style_for(palette: QPalette) -> Style:
    ground, ink = palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Text)
    dark = ground.lightness() < 128
    signs = QColor(COLOURS[Verdict.SIGNS])
    return Style(
        ground=ground,
        ink=ink,
        faint=_mixed(ink, ground, 0.22),
        hatch=_mixed(ink, ground, 0.32),
        focus=palette.color(QPalette.ColorRole.Highlight),
        signs=signs,
        wash=_mixed(signs, ground, 0.34 if dark else 0.22),
        flag=_FLAG,
        faces=tuple(QColor(name) for name in (_ON_DARK if dark else _ON_LIGHT)),
    )


def _mixed(ink: QColor, ground: QColor, share: float) -> QColor:
    """``share`` of ``ink`` on ``ground``, opaque: blending each time it is drawn costs more."""
    parts = zip(ink.getRgb()[:3], ground.getRgb()[:3], strict=True)
    return QColor(*(round((a or 0) * share + (b or 0) * (1 - share)) for a, b in parts))
