"""Sensitivity as a number of false alarms that a person accepts, and what backs it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from unmask.gui.qt import (
    QButtonGroup,
    QGroupBox,
    QLabel,
    QRadioButton,
    QSignalBlocker,
    Qt,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from unmask.gui.theme import outline_indicator

#: One false alarm in 1, 10 and 100 hours.
BUDGETS = (1.0, 0.1, 0.01)


class Sensitivity(QGroupBox):
    """A button per budget; those that the detector has no threshold for cannot be pressed, and say so.

    ``chosen`` tells false alarms per hour, when a person chose.
    """

    chosen = pyqtSignal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Sensitivity"))
        self._backings: dict[float, str] = {}
        self.buttons: dict[float, QRadioButton] = {}
        self._group = QButtonGroup(self)
        self.backing = QLabel()
        self.backing.setTextFormat(Qt.TextFormat.PlainText)
        self.backing.setWordWrap(True)
        self.backing.setAccessibleName(self.tr("What backs this"))
        self._column = QVBoxLayout(self)
        note = QLabel(self.tr("Fewer false alarms mean that more manipulation goes unnoticed."))
        note.setWordWrap(True)
        self._column.addWidget(note)
        for budget in BUDGETS:
            self._add(budget)
        self._column.addWidget(self.backing)

    def show_budgets(self, budgets: Sequence[float], backings: Sequence[str]) -> None:
        """What the detector has thresholds for, and a sentence for each (or none at all) on what is behind it."""
        self._backings = dict(zip(budgets, backings, strict=False))
        for budget, button in self.buttons.items():
            there = not budgets or any(math.isclose(budget, other) for other in budgets)
            button.setEnabled(there)
            words = "" if there else self.tr("unavailable, because this detector has no threshold for it")
            button.setText(_words(self, budget) + (f": {words}" if words else ""))
            button.setAccessibleDescription(self._backing(budget) or words)

    def show_chosen(self, alarms_per_hour: float) -> None:
        """What applies now. A budget of a person's own gets a button too."""
        known = [budget for budget in self.buttons if math.isclose(budget, alarms_per_hour)]
        budget = known[0] if known else alarms_per_hour
        if not known:
            self._add(budget)
        with QSignalBlocker(self._group):
            self.buttons[budget].setChecked(True)
        self.backing.setText(self._backing(budget))

    def _add(self, budget: float) -> None:
        button = QRadioButton(_words(self, budget))
        outline_indicator(button)
        button.clicked.connect(lambda: self._choose(budget))
        self.buttons[budget] = button
        self._group.addButton(button)
        self._column.insertWidget(len(self.buttons), button)

    def _choose(self, budget: float) -> None:
        self.backing.setText(self._backing(budget))
        self.chosen.emit(budget)

    def _backing(self, budget: float) -> str:
        """The sentence of the threshold that is used for ``budget``: the loosest that keeps to it."""
        strict = [other for other in self._backings if other <= budget or math.isclose(other, budget)]
        return self._backings[max(strict)] if strict else ""


def _words(widget: QWidget, budget: float) -> str:
    hours = 1 / budget
    if math.isclose(hours, 1):
        return widget.tr("At most one false alarm an hour")
    if hours > 1:
        return widget.tr("At most one false alarm in {hours} hours").format(hours=f"{hours:g}")
    return widget.tr("At most {number} false alarms an hour").format(number=f"{budget:g}")
