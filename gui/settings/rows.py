"""One row of the settings dialog: the control that fits the kind of a setting, its label and its help."""

from __future__ import annotations

import math
from typing import cast

from unmask.gui.i18n import tr
from unmask.gui.qt import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QEvent,
    QHBoxLayout,
    QLabel,
    QObject,
    QSignalBlocker,
    QSpinBox,
    Qt,
    QVBoxLayout,
    QWidget,
)
from unmask.gui.settings.preferences import Preferences
from unmask.gui.settings.table import BY_KEY, Setting, Value
from unmask.gui.theme import outline_indicator

Control = QCheckBox | QSpinBox | QDoubleSpinBox | QComboBox
_MOST = 1_000_000


class SettingRow(QWidget):
    """Shows and changes one setting at once; follows it when something else changes it."""

    def __init__(self, setting: Setting, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setting = setting
        self._preferences = preferences
        self.label, self.help = tr(setting.label), tr(setting.help) if setting.help else ""
        self.control = self._make_control()
        keep_wheel_away(self.control)
        self.control.setAccessibleName(self.label)
        self.control.setAccessibleDescription(self.help)
        self._lay_out()
        self.refresh()

    def matches(self, words: str) -> bool:
        """Whether every one of ``words`` stands in the label, the help, the group or a choice."""
        choices = " ".join(tr(name) for _, name in self.setting.choices)
        text = f"{self.label} {self.help} {tr(self.setting.group)} {choices}".casefold()
        return all(word in text for word in words.casefold().split())

    def refresh(self) -> None:
        """Show what is set now."""
        value = self._preferences.value(self.setting.key)
        with QSignalBlocker(self.control):
            if isinstance(self.control, QCheckBox):
                self.control.setChecked(bool(value))
            elif isinstance(self.control, QComboBox):
                self.control.setCurrentIndex(self.control.findData(value))
            else:
                self.control.setValue(value)  # pyright: ignore[reportArgumentType]  # the table's kind fits the box

    def _make_control(self) -> Control:
        setting = self.setting
        if setting.choices:
            box = QComboBox()
            for value, words in setting.choices:
                box.addItem(tr(words), value)
            box.currentIndexChanged.connect(lambda _: self._set(cast("str", box.currentData())))
            return box
        if isinstance(setting.default, bool):
            tick = QCheckBox(self.label)
            tick.toggled.connect(self._set)
            outline_indicator(tick)
            return tick
        number = QSpinBox() if isinstance(setting.default, int) else QDoubleSpinBox()
        number.setRange(*(int(max(-_MOST, min(end, _MOST))) for end in (setting.low, setting.high)))
        if not math.isinf(setting.high):
            number.setToolTip(f"{setting.low:g} … {setting.high:g}")
        number.setSuffix(tr(setting.unit) if setting.unit else "")
        number.setKeyboardTracking(False)  # a number that is half typed is not meant yet
        number.valueChanged.connect(self._set)
        return number

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 4)
        column.setSpacing(2)
        line = QHBoxLayout()
        line.setSpacing(10)
        if not isinstance(self.control, QCheckBox):
            label = QLabel(self.label)
            label.setBuddy(self.control)
            line.addWidget(label)
        line.addWidget(self.control)
        line.addStretch(1)
        column.addLayout(line)
        if self.help:
            column.addWidget(help_label(self.help))

    def _set(self, value: Value) -> None:
        self._preferences.set(self.setting.key, value)


class _WheelGuard(QObject):
    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        if a1 is None or a1.type() != QEvent.Type.Wheel or not isinstance(a0, QWidget) or a0.hasFocus():
            return False
        a1.ignore()  # the page scrolls instead
        return True


def keep_wheel_away(control: QWidget) -> None:
    """Let the wheel change ``control`` only while it has the focus: whoever scrolls a page past "Keep it for" must
    not have a month of history deleted."""
    control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    control.installEventFilter(_WheelGuard(control))


def help_label(words: str) -> QLabel:
    """A sentence below a control, a little smaller and set in."""
    label = QLabel(words)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setIndent(22)
    font = label.font()
    font.setPointSizeF(font.pointSizeF() * 0.92)
    label.setFont(font)
    return label


def row_for(key: str, preferences: Preferences) -> SettingRow:
    """The row of one setting, for a page of another subject. ``KeyError`` where the table has no such key."""
    return SettingRow(BY_KEY[key], preferences)
