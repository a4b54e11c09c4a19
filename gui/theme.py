"""Dark and light: by the system or by choice, and colours that can be told from what they lie on."""

from __future__ import annotations

from typing import Literal

from unmask.gui.qt import (
    QAbstractButton,
    QApplication,
    QColor,
    QDialogButtonBox,
    QIcon,
    QObject,
    QPalette,
    Qt,
    pyqtSignal,
)
from unmask.gui.shapes import COLOURS
from unmask.realtime.types import Verdict

Scheme = Literal["dark", "light"]
#: What WCAG 2 asks for: of the parts of a picture that mean something, and of text.
LEAST_GRAPHIC, LEAST_TEXT = 3.0, 4.5

_Role = QPalette.ColorRole
_COLOURS: dict[Scheme, dict[QPalette.ColorRole, str]] = {
    "dark": {
        _Role.Window: "#1f2023",
        _Role.WindowText: "#ececec",
        _Role.Base: "#313439",
        _Role.AlternateBase: "#2a2c31",
        _Role.Text: "#ececec",
        _Role.PlaceholderText: "#a9adb3",
        _Role.Button: "#3d4046",
        _Role.ButtonText: "#ececec",
        _Role.BrightText: "#ffffff",
        _Role.ToolTipBase: "#313439",
        _Role.ToolTipText: "#ececec",
        _Role.Highlight: "#2f6fb5",
        _Role.HighlightedText: "#ffffff",
        _Role.Link: "#7db5f0",
        _Role.LinkVisited: "#b9a3e3",
    },
    "light": {
        _Role.Window: "#f3f3f3",
        _Role.WindowText: "#1b1b1b",
        _Role.Base: "#ffffff",
        _Role.AlternateBase: "#f0f0f0",
        _Role.Text: "#1b1b1b",
        _Role.PlaceholderText: "#6b6b6b",
        _Role.Button: "#e9e9e9",
        _Role.ButtonText: "#1b1b1b",
        _Role.BrightText: "#ffffff",
        _Role.ToolTipBase: "#ffffff",
        _Role.ToolTipText: "#1b1b1b",
        _Role.Highlight: "#1f63ad",
        _Role.HighlightedText: "#ffffff",
        _Role.Link: "#0b5cad",
        _Role.LinkVisited: "#6a3fa0",
    },
}
_DISABLED: dict[Scheme, str] = {"dark": "#9a9ea4", "light": "#767676"}
_QT_SCHEMES = {"dark": Qt.ColorScheme.Dark, "light": Qt.ColorScheme.Light, "system": Qt.ColorScheme.Unknown}


class Theme(QObject):
    """The appearance of the whole application. ``changed`` is emitted when it is another one now.

    Where Qt cannot make the desktop follow (on Linux without a desktop's own theme, and before Qt 6.8) a palette of
    our own is used.
    """

    changed = pyqtSignal()

    def __init__(self, app: QApplication, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._app = app
        self._mode = "system"
        hints = app.styleHints()
        if hints is not None:
            hints.colorSchemeChanged.connect(self._system_changed)

    @property
    def scheme(self) -> Scheme:
        """What is on the screen now."""
        return scheme_of(self._app.palette())

    def set(self, mode: str) -> None:
        """``dark``, ``light``, or ``system`` for what the desktop is."""
        self._mode = mode
        self._apply()

    def _apply(self) -> None:
        before = self.scheme
        self._app.setPalette(QPalette())
        hints = self._app.styleHints()
        if hints is not None and hasattr(hints, "setColorScheme"):
            hints.setColorScheme(_QT_SCHEMES[self._mode])
        wanted = self._system_scheme() if self._mode == "system" else self._mode
        if wanted in ("dark", "light") and self.scheme != wanted:
            self._app.setPalette(palette_for(wanted))
        if self.scheme != before:
            self.changed.emit()

    def _system_scheme(self) -> str:
        """Empty where the desktop does not say."""
        hints = self._app.styleHints()
        if hints is None:
            return ""
        return {Qt.ColorScheme.Dark: "dark", Qt.ColorScheme.Light: "light"}.get(hints.colorScheme(), "")

    def _system_changed(self) -> None:
        if self._mode == "system":
            self._apply()


def outline_indicator(button: QAbstractButton) -> None:
    """Give the empty box or circle of ``button`` an edge that can be seen: on dark, styles draw next to none."""
    edge = "border: 1px solid palette(placeholder-text); background: palette(base); width: 12px; height: 12px;"
    button.setStyleSheet(
        f"QCheckBox::indicator:unchecked {{ {edge} border-radius: 2px; }}"
        f"QRadioButton::indicator:unchecked {{ {edge} border-radius: 7px; }}"
    )


def without_pictures(buttons: QDialogButtonBox) -> QDialogButtonBox:
    """``buttons`` as words alone: some styles draw their pictures black on dark."""
    for button in buttons.buttons():
        button.setIcon(QIcon())
    return buttons


def disabled_words(palette: QPalette) -> QColor:
    """The grey of what cannot be chosen in a list, dark or light enough for the reason that stands there."""
    grey = palette.color(QPalette.ColorGroup.Disabled, _Role.Text)
    return readable(grey, palette.color(_Role.Base), LEAST_TEXT)


def palette_for(scheme: Scheme) -> QPalette:
    """Our own colours for every role; disabled words are dim but still legible."""
    palette = QPalette(QColor(_COLOURS[scheme][_Role.Button]), QColor(_COLOURS[scheme][_Role.Window]))
    for role, colour in _COLOURS[scheme].items():
        palette.setColor(role, QColor(colour))
    for role in (_Role.WindowText, _Role.Text, _Role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(_DISABLED[scheme]))
    return palette


def scheme_of(palette: QPalette) -> Scheme:
    """Whether the window's ground is darker than the words on it."""
    ground, words = palette.color(_Role.Window), palette.color(_Role.WindowText)
    return "dark" if luminance(ground) < luminance(words) else "light"


def verdict_colour(verdict: Verdict, palette: QPalette) -> QColor:
    """The verdict's colour as it can be told from the window of ``palette``: for marks beside words. On pictures
    the recordings' own colour stays, which has a rim there."""
    return readable(COLOURS[verdict], palette.color(_Role.Window))


def readable(colour: QColor, ground: QColor, least: float = LEAST_GRAPHIC) -> QColor:
    """``colour``, made lighter or darker by as little as gives a contrast of ``least`` with ``ground``."""
    hue, saturation, lightness, alpha = colour.getHslF()
    goal = 1.0 if luminance(ground) < 0.18 else 0.0
    for step in range(51):
        here = (lightness or 0.0) + (goal - (lightness or 0.0)) * step / 50
        tried = QColor.fromHslF(max(hue or 0.0, 0.0), saturation or 0.0, here, alpha or 1.0)
        if contrast(tried, ground) >= least:
            return tried if step else QColor(colour)
    return QColor(Qt.GlobalColor.white if goal else Qt.GlobalColor.black)


def contrast(one: QColor, other: QColor) -> float:
    """The contrast ratio of WCAG 2: from 1 (the same) to 21 (black on white). Alpha is left out."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: QColor) -> float:
    """Relative luminance of an sRGB colour, 0..1."""
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
