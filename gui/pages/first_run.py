"""What a person must have been told before the first verdict; acknowledged once."""

from __future__ import annotations

from collections.abc import Sequence

from unmask.gui.background import Worker
from unmask.gui.pages.limits import TextPage, limits_html
from unmask.gui.qt import QCheckBox, QDialog, QDialogButtonBox, QFont, QLabel, QPushButton, QVBoxLayout, QWidget
from unmask.gui.services import DetectorEntry, Services
from unmask.gui.theme import outline_indicator


class FirstRunDialog(QDialog):
    """``accepted`` once a person ticked that they read it; ``rejected`` when they leave instead.

    ``detector`` is the one at work: its figures are told. By keyboard: the text has the focus and scrolls, Tab goes
    to the tick, Space ticks it, Enter begins.
    """

    def __init__(self, services: Services | None, detector: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._detector = detector
        self.setWindowTitle(self.tr("Before you begin"))
        title = QLabel(self.tr("What Unmask can tell you, and what it cannot"))
        large = QFont(self.font())
        large.setPointSizeF(self.font().pointSizeF() * 1.5)
        large.setBold(True)
        title.setFont(large)
        title.setWordWrap(True)
        self.text = TextPage(self.tr("Limits and consent"), limits_html([]))
        self.read = QCheckBox(
            self.tr("I have &read this: a verdict is a hint, and recording may need people's consent")
        )
        outline_indicator(self.read)
        self.begin = QPushButton(self.tr("&Begin"))
        self.begin.setEnabled(False)
        self.begin.setDefault(True)
        self.leave = QPushButton(self.tr("&Quit"))
        self.leave.setAutoDefault(False)
        buttons = QDialogButtonBox()
        buttons.addButton(self.begin, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.leave, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.read.toggled.connect(self.begin.setEnabled)
        column = QVBoxLayout(self)
        for widget in (title, self.text, self.read, buttons):
            column.addWidget(widget)
        self.text.setFocus()
        self.resize(640, 620)
        self.background = Worker("first-run", self)
        if services is not None:
            self.background.do(services.detectors, self._show_figures, self._show_problem)

    def _show_figures(self, entries: Sequence[DetectorEntry]) -> None:
        self._show(limits_html([entry for entry in entries if entry.name == self._detector]))

    def _show_problem(self, why: str) -> None:
        self._show(limits_html([], why))

    def _show(self, html: str) -> None:
        bar = self.text.verticalScrollBar()
        place = bar.value() if bar is not None else 0
        self.text.setHtml(html)
        if bar is not None:
            bar.setValue(place)
